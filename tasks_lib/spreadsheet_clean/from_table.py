"""Instances from a person's own clean table: their records are the truth, the mess is ours.

Values are never changed: a number is written in another unit only where the way back is exact.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from random import Random

from tasks_lib.records import Mode, TaskInstance
from tasks_lib.seeds import derive, stream
from tasks_lib.spreadsheet_clean.archetype import AltUnit, Archetype, RawColumn, Row
from tasks_lib.spreadsheet_clean.generate import generate_instance
from tasks_lib.spreadsheet_clean.knobs import from_difficulty
from tasks_lib.spreadsheet_clean.table import ColumnType

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_PREFIX = "table:"
"""Of the names of archetypes that are somebody's table."""
_MIN_ROWS = 6
_MAX_COLUMNS = 40
_MAX_DECIMALS = 9
_KEY_CANDIDATES = 8
"""Columns tried as identifiers, the likeliest first; all triples of a wide table would take minutes."""


class BadTableError(ValueError):
    """A table that cannot be used; the text says file, line, column and what to do."""


def instances_from_table(
    path: Path,
    n: int,
    seed: int,
    difficulty: tuple[float, float] = (0.0, 1.0),
    *,
    mode: Mode = "multi",
    split: str = "train",
) -> Iterator[TaskInstance]:
    """Yield `n` instances that corrupt records drawn from a clean CSV file with a heading line.

    Raises:
        BadTableError: not UTF-8 text, not a rectangular CSV with distinct headings, or under 6 records.
    """
    from tasks_lib.spreadsheet_clean import SpreadsheetClean

    header, rows = _read(path)
    archetype = _archetype(path, header, rows)
    # In the stress split nothing may have to go, so no repeats of ours are put in.
    keeps_repeats = len(set(rows)) < len(rows) or split == "stress"
    low, high = difficulty
    for index in range(n):
        instance_seed = derive(seed, "spreadsheet_clean", path.name, index, "instance")
        d = round(low + (high - low) * ((0.5 + index * 0.6180339887498949) % 1.0), 6)
        knobs = from_difficulty(d, stream(instance_seed, "knobs"), split)
        knobs = knobs.model_copy(
            update={
                "rows": min(knobs.rows, len(rows)),
                "near_duplicates": 0.0,
                "decoys": 0.0,
                "merged_header": False,
                "merged_cells": 0.0,
                # A table that repeats records itself means it; otherwise repeats are ours and have to go.
                "remove_duplicates": not keeps_repeats,
                "exact_duplicates": 0.0 if keeps_repeats else knobs.exact_duplicates,
            }
        )
        yield generate_instance(
            SpreadsheetClean.name,
            SpreadsheetClean.template_version,
            archetype,
            instance_seed,
            difficulty=None,
            knobs=knobs,
            mode=mode,
            split=split,
        )


def _read(path: Path) -> tuple[list[str], list[tuple[str, ...]]]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadTableError(f"{path}: cannot be read ({error.strerror})") from None
    if b"\0" in content:
        raise BadTableError(f"{path}: is a binary file, not a CSV; export the sheet as CSV in UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadTableError(
            f"{path}: is not UTF-8 text (byte {error.start}); export the sheet as CSV in UTF-8"
        ) from None
    try:
        lines = [(number, line) for number, line in enumerate(csv.reader(io.StringIO(text), strict=True), 1) if line]
    except csv.Error as error:
        raise BadTableError(f"{path}: is not a CSV file ({error})") from None
    if not lines:
        raise BadTableError(f"{path}: is empty; expected a heading line and records")

    header = [name.strip() for name in lines[0][1]]
    _check_header(path, header)
    for number, line in lines[1:]:
        if len(line) != len(header):
            raise BadTableError(f"{path}, line {number}: has {len(line)} fields, the heading line has {len(header)}")
        if any("\n" in cell or "\r" in cell for cell in line):
            raise BadTableError(f"{path}, line {number}: a cell holds a line break; take it out first")
    if len(lines) - 1 < _MIN_ROWS:
        raise BadTableError(f"{path}: holds {len(lines) - 1} records; at least {_MIN_ROWS} are needed")
    return header, [tuple(" ".join(cell.split()) for cell in line) for _, line in lines[1:]]


def _check_header(path: Path, header: Sequence[str]) -> None:
    for place, name in enumerate(header, 1):
        if not name:
            raise BadTableError(f"{path}, line 1: column {place} has no heading")
        if header.count(name) > 1:
            raise BadTableError(f"{path}, line 1: heading {name!r} stands there twice")
    if not 2 <= len(header) <= _MAX_COLUMNS:
        raise BadTableError(f"{path}: has {len(header)} columns; from 2 to {_MAX_COLUMNS} can be used")


def _archetype(path: Path, header: Sequence[str], rows: Sequence[tuple[str, ...]]) -> Archetype:
    values = {name: [row[place] for row in rows] for place, name in enumerate(header)}
    types = {name: _type_of(cells) for name, cells in values.items()}
    if not any(kind in {"integer", "decimal"} and any(values[name]) for name, kind in types.items()):
        raise BadTableError(f"{path}: has no column of plain numbers; units are half of this task")
    keys = _identifying(header, rows, types)
    columns = tuple(_column(name, types[name], values[name], name in keys, header) for name in header)
    if not any(column.alts for column in columns):
        raise BadTableError(f"{path}: every number column identifies records, so none can be given another unit")
    number = next(column.name for column in columns if column.alts)

    def draw(rng: Random, n: int) -> list[Row]:
        chosen = sorted(rng.sample(range(len(rows)), n))
        return [dict(zip(header, rows[place], strict=True)) for place in chosen]

    return Archetype(
        name=f"{_PREFIX}{path.stem}",
        file_name=f"{path.stem}_raw.csv",
        columns=columns,
        draw=draw,
        twin=lambda row, k: row,
        decoy=lambda row, rng: row,
        openings=openings(f"{_PREFIX}{path.stem}"),
        titles=(f"{path.stem}, working copy",),
        remarks=("see mail", "continued below", "checked", "next part"),
        subtotal_of=number,
        exact_values=True,
    )


def openings(archetype: str) -> tuple[str, ...]:
    """Return the ways in which the request for a person's own table opens."""
    name = archetype.removeprefix(_PREFIX)
    return (
        f"The export of {name} arrived in its usual state and has to be tidied before anyone can use it.",
        f"Could you bring {name} back into shape? Several people have typed into it.",
    )


def _type_of(cells: Sequence[str]) -> ColumnType:
    filled = [cell for cell in cells if cell]
    if filled and all(_NUMBER.fullmatch(cell) for cell in filled):
        decimals = max(len(cell.partition(".")[2]) for cell in filled)
        if decimals <= _MAX_DECIMALS:
            return "decimal" if decimals else "integer"
    if filled and all(_DATE.fullmatch(cell) for cell in filled):
        return "date"
    return "text"


def _identifying(
    header: Sequence[str], rows: Sequence[tuple[str, ...]], types: dict[str, ColumnType]
) -> frozenset[str]:
    """Return the fewest columns that tell all records apart, texts and dates before numbers; else all but numbers."""
    order = sorted(header, key=lambda name: (types[name] == "decimal", types[name] == "integer", header.index(name)))
    distinct = len(set(rows))
    for size in (1, 2, 3):
        for names in combinations(order[:_KEY_CANDIDATES], min(size, len(order))):
            places = [header.index(name) for name in names]
            measures = [name for name in order if name not in names and types[name] in {"integer", "decimal"}]
            if measures and len({tuple(row[place] for place in places) for row in rows}) == distinct:
                return frozenset(names)
    texts = frozenset(name for name in header if types[name] not in {"integer", "decimal"})
    return texts or frozenset(header[:1])


def _column(name: str, kind: ColumnType, cells: Sequence[str], key: bool, header: Sequence[str]) -> RawColumn:
    headings = [form for form in (name.upper(), f"{name[:4]}.", f"{name} ") if form.strip() not in header]
    decimals = max((len(cell.partition(".")[2]) for cell in cells), default=0) if kind == "decimal" else 0
    return RawColumn(
        name=name,
        type=kind,
        meaning=f"as in {name}",
        headings=tuple(headings) or (f"{name} (old)",),
        key=key,
        unit="as recorded" if kind in {"integer", "decimal"} else None,
        decimals=decimals,
        alts=() if key or kind not in {"integer", "decimal"} else _alts(cells, decimals),
        missing=("n/a", "-", "?"),
    )


def _alts(cells: Sequence[str], decimals: int) -> tuple[AltUnit, ...]:
    """Return a scale whose way back is exact: thousands for large numbers, thousandths for small ones."""
    if max(abs(float(cell)) for cell in cells if cell) >= 1000:
        return (
            AltUnit(1e-3, decimals=decimals + 3, templates=("{}K", "{} thousand"), words=("K", "thousand"),
                    explain="K is thousands"),
        )  # fmt: skip
    return (
        AltUnit(1e3, decimals=max(0, decimals - 3), templates=("{} m", "{} thousandths"), words=("m", "thousandths"),
                explain="a number followed by m is in thousandths"),
    )  # fmt: skip
