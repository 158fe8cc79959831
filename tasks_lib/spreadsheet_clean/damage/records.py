"""Damage to records: left out, twice, made up, under another key, cut off."""

from collections.abc import Set
from datetime import date, datetime, timedelta
from random import Random

from tasks_lib.spreadsheet_clean.damage.common import oracle, places_where, rows_of, shuffled, with_rows
from tasks_lib.spreadsheet_clean.table import JUNK_KINDS, Column, Sheet, TableTruth


def drop_rows(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    sheet = oracle(truth)
    gone = set(shuffled(rng, range(len(sheet.lines)))[: min(dose, len(sheet.lines) - 1)])
    return with_rows(sheet, [row for place, row in enumerate(rows_of(sheet)) if place not in gone])


def duplicate_rows(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    sheet = oracle(truth)
    rows = rows_of(sheet)
    return with_rows(sheet, rows + [rows[place] for place in shuffled(rng, range(len(rows)))[:dose]])


def drop_and_pad(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    sheet = oracle(truth)
    rows = rows_of(sheet)
    order = shuffled(rng, range(len(rows)))
    half = len(order) // 2
    # Half of the records may be dropped, the other half is what the copies are made of. A record that is
    # really there twice must not be dropped and padded with its own copy: that would be no damage.
    sources = [rows[place] for place in order[half:]]
    gone = [place for place in order[:half] if rows[place] not in sources][:dose]
    copies = [sources[place % len(sources)] for place in range(len(gone))]
    kept = [row for place, row in enumerate(rows) if place not in gone]
    return with_rows(sheet, kept + copies) if gone else None


def fabricate_rows(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    sheet = oracle(truth)
    rows = rows_of(sheet)
    taken = _taken_keys(truth)
    made = [_with_new_key(truth, rows[place], taken, rng) for place in shuffled(rng, range(len(rows)))[:dose]]
    return with_rows(sheet, rows + made)


def alter_keys(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    sheet = oracle(truth)
    rows = rows_of(sheet)
    taken = _taken_keys(truth)
    for place in shuffled(rng, range(len(rows)))[:dose]:
        rows[place] = _with_new_key(truth, rows[place], taken, rng)
    return with_rows(sheet, rows)


def _taken_keys(truth: TableTruth) -> Set[tuple[str, ...]]:
    """Return the keys of all records, in the wanted form and in the raw file's."""
    keys = places_where(truth, lambda column: column.key)
    return {tuple(form[place] for place in keys) for form in (*truth.rows, *truth.raw_rows)}


def _with_new_key(truth: TableTruth, row: list[str], taken: Set[tuple[str, ...]], rng: Random) -> list[str]:
    """Give a record a plausible key that is not taken."""
    keys = places_where(truth, lambda column: column.key)
    place = rng.choice(keys)
    new = list(row)
    while tuple(new[key] for key in keys) in taken:
        new[place] = nudge(new[place], truth.columns[place], rng)
    return new


def nudge(text: str, column: Column, rng: Random) -> str:
    """Return another plausible value of a column's type."""
    if column.type == "date":
        return (date.fromisoformat(text) + timedelta(days=rng.choice((-5, -3, 4, 9)))).isoformat()
    if column.type == "datetime":
        moved = datetime.fromisoformat(text[:-1]) + timedelta(minutes=rng.choice((-37, 11, 43, 128)))
        return moved.strftime("%Y-%m-%dT%H:%MZ")
    if column.allowed:
        return rng.choice([label for label in column.allowed if label != text] or [text])
    digits = [place for place, letter in enumerate(text) if letter.isdigit()]
    if column.type == "code" and digits:
        place = digits[-1] if column.pattern and "Q" in column.pattern else rng.choice(digits[-4:])
        top = 4 if column.pattern and "Q" in column.pattern else 9
        return f"{text[:place]}{rng.randint(1, top)}{text[place + 1 :]}"
    if column.numeric:
        return f"{float(text or 0) + rng.choice((3, 7, 19)):.{column.decimals}f}"
    return f"{text} {rng.choice(('North', 'B', 'extra', 'two', 'new'))}"


def keep_junk(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    junk = [defect.shown for defect in truth.real_defects if defect.kind in JUNK_KINDS and defect.shown]
    width = len(truth.columns)
    while len(junk) < 8:
        label = ("Subtotal", "as discussed", "see above", "Total")[len(junk) % 4]
        junk.append([label, *[""] * (width - 1)])
    sheet = oracle(truth)
    return with_rows(sheet, [*rows_of(sheet), *junk[:dose]])


def truncate_tail(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    sheet = oracle(truth)
    rows = rows_of(sheet)
    keep = max(1, len(rows) - dose)
    cut = rows[keep][: max(1, len(rows[keep]) // 2)]
    return with_rows(sheet, [*rows[:keep], cut])
