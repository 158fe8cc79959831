"""Generating instances: archetype -> gold records -> recorded mess -> files, dictionary, request."""

from random import Random

from tasks_lib.records import Mode, TaskInstance, content_hash
from tasks_lib.seeds import stream
from tasks_lib.spreadsheet_clean.archetype import Archetype, RawColumn, Row
from tasks_lib.spreadsheet_clean.knobs import SpreadsheetKnobs, from_difficulty
from tasks_lib.spreadsheet_clean.mess import Mess, make_messy
from tasks_lib.spreadsheet_clean.table import DICTIONARY, TableTruth, to_truth
from tasks_lib.spreadsheet_clean.wording import dictionary_text, request_text


def generate_instance(
    family: str,
    template_version: str,
    archetype: Archetype,
    seed: int,
    *,
    difficulty: float | None,
    knobs: SpreadsheetKnobs | None,
    mode: Mode,
    split: str,
) -> TaskInstance:
    """Make one instance; everything follows from the arguments."""
    if knobs is None:
        knobs = from_difficulty(0.5 if difficulty is None else difficulty, stream(seed, "knobs"), split)
    else:
        difficulty = None
    mess, truth = draw_table(archetype, knobs, seed)
    raw = truth.render(defect.defect_id for defect in truth.defects).text()
    materials = {archetype.file_name: raw, DICTIONARY: dictionary_text(archetype, mess)}
    prompt = request_text(archetype, mess, materials, mode, stream(seed, "wording"))
    return TaskInstance(
        instance_id=f"{family}-{content_hash(family, template_version, seed, knobs.model_dump(), prompt, raw)}",
        family=family,
        template_version=template_version,
        archetype=archetype.name,
        seed=seed,
        difficulty=difficulty,
        knobs=knobs.model_dump(),
        mode=mode,
        split=split,
        prompt=prompt,
        materials=materials,
        truth=to_truth(truth),
    )


def draw_table(archetype: Archetype, knobs: SpreadsheetKnobs, seed: int) -> tuple[Mess, TableTruth]:
    """Draw the records of one instance and what is wrong with them."""
    rows = _draw_rows(archetype, knobs, stream(seed, "rows"))
    mess = make_messy(archetype, rows, knobs, stream(seed, "mess"))
    return mess, _truth(archetype, mess)


def _draw_rows(archetype: Archetype, knobs: SpreadsheetKnobs, rng: Random) -> list[Row]:
    """Draw the records: some are twins of others, some look like totals; all keys differ."""
    repeats = 0 if knobs.remove_duplicates else round(knobs.exact_duplicates * knobs.rows)
    wanted = max(5, knobs.rows - repeats)
    twins = min(round(knobs.near_duplicates * wanted), wanted - 3)
    rows = archetype.draw(rng, wanted - twins)
    for index in rng.sample(range(len(rows)), min(len(rows), round(knobs.decoys * wanted))):
        rows[index] = archetype.decoy(rows[index], rng)

    keys = [column.name for column in archetype.columns if column.key]
    if archetype.exact_values:
        return rows
    rows = _with_unique_keys(rows, keys, archetype)
    taken = {_key(row, keys) for row in rows}
    for _ in range(twins):
        at = rng.randrange(len(rows))
        twin = next(twin for k in range(1, 600) if _key(twin := archetype.twin(rows[at], k), keys) not in taken)
        taken.add(_key(twin, keys))
        rows.insert(at + 1, twin)
    return rows


def _with_unique_keys(rows: list[Row], keys: list[str], archetype: Archetype) -> list[Row]:
    """Move a record whose key another one has (two decoys on one line of a ledger) to a key of its own."""
    taken: set[tuple[str, ...]] = set()
    unique = []
    for row in rows:
        k = 0
        moved = row
        while _key(moved, keys) in taken:
            k += 1
            moved = archetype.twin(row, k)
        taken.add(_key(moved, keys))
        unique.append(moved)
    return unique


def _key(row: Row, keys: list[str]) -> tuple[str, ...]:
    return tuple(row[name] for name in keys)


def _truth(archetype: Archetype, mess: Mess) -> TableTruth:
    columns = archetype.columns
    return TableTruth(
        columns=tuple(column.column(_allowed(column, mess.rows)) for column in columns),
        rows=tuple(tuple(row[column.name] for column in columns) for row in mess.rows),
        defects=tuple(mess.defects),
    )


def _allowed(column: RawColumn, rows: list[Row]) -> list[str]:
    if column.type != "enum":
        return []
    return sorted({*column.variants, *(row[column.name] for row in rows if row[column.name])})
