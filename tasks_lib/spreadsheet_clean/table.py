"""The table model: gold rows, recorded defects, and one function that renders any mixture of them.

The raw file is the gold table rendered with every defect; the oracle is the same table rendered with
none; a half-cleaned output is anything between. Because one function makes all of them, what is
recorded as a defect is exactly what is wrong in the file.
"""

import csv
import io
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from tasks_lib.per_instance import once_per_instance
from tasks_lib.records import TaskInstance

ColumnType = Literal["text", "enum", "code", "integer", "decimal", "date", "datetime"]
NUMERIC: frozenset[str] = frozenset({"integer", "decimal"})
DICTIONARY = "data_dictionary.md"
"""The file beside the table that explains it."""
JUNK_KINDS: frozenset[str] = frozenset({"blank_row", "subtotal_row", "annotation_row", "repeated_header", "duplicate"})
"""Kinds of defect that are a line too many."""
ABOVE_KINDS: frozenset[str] = frozenset({"merged_header", "preamble"})
"""Kinds of defect that are lines above the headings."""
_PLAIN_NUMBER = re.compile(r"(-?)(\d+)(\.\d+)?")
COSMETIC = "thousands"
"""Rendered in the raw file, but allowed to stay: not a defect."""


@dataclass(frozen=True)
class Column:
    """One wanted column."""

    name: str
    type: ColumnType
    key: bool = False
    """Part of what identifies a record."""
    unit: str | None = None
    decimals: int = 0
    allowed: tuple[str, ...] = ()
    """The categories of an enum."""
    pattern: str | None = None
    """Regular expression of a code."""
    readings: tuple[tuple[float, float], ...] = ()
    """(scale, offset) of every other unit in use: the number written there is scale * value + offset."""
    unit_words: tuple[str, ...] = ()
    """Spellings of those units."""

    @cached_property
    def numeric(self) -> bool:
        return self.type in NUMERIC

    @cached_property
    def shape(self) -> re.Pattern[str] | None:
        """The expression, compiled."""
        return re.compile(self.pattern) if self.pattern is not None else None


@dataclass(frozen=True)
class CellDefect:
    """A recorded defect: where it is, what it shows, how hard it is."""

    defect_id: str
    kind: str
    row: int | None
    """Gold row; for a line too many, the gold row it stands before."""
    column: int | None
    shown: Any
    """What the raw file has there: text of a cell, fields of a line, a template."""
    hardness: float

    @cached_property
    def weight(self) -> float:
        """What repairing it counts for, 0..1: the chance that a policy of skill 0 fails to."""
        return 1 / (1 + math.exp(-self.hardness))


@dataclass(frozen=True)
class Line:
    """One body line of a rendered table and where it came from."""

    cells: tuple[str, ...]
    row: int | None
    """Gold row it renders; None for a line that had to go."""


@dataclass(frozen=True)
class Sheet:
    """A rendered table before it becomes text."""

    header: tuple[str, ...]
    lines: tuple[Line, ...]
    above: tuple[tuple[str, ...], ...] = ()
    """Lines above the header."""
    separator: str = ","

    def text(self, newline: str = "\n") -> str:
        buffer = io.StringIO()
        writer = csv.writer(buffer, delimiter=self.separator, lineterminator=newline)
        writer.writerows(self.above)
        writer.writerow(self.header)
        writer.writerows(line.cells for line in self.lines)
        return buffer.getvalue()


@dataclass(frozen=True)
class TableTruth:
    """What only graders see: the gold table and everything that was done to it."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    defects: tuple[CellDefect, ...]
    """Cosmetic dressing included; `real_defects` leaves it out."""

    @cached_property
    def real_defects(self) -> tuple[CellDefect, ...]:
        return tuple(defect for defect in self.defects if defect.kind != COSMETIC)

    @cached_property
    def header(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @cached_property
    def raw_header(self) -> tuple[str, ...]:
        """The headings as the raw file has them."""
        shown = {defect.column: defect.shown for defect in self.defects if defect.kind == "header"}
        return tuple(shown.get(place, name) for place, name in enumerate(self.header))

    @cached_property
    def raw_rows(self) -> tuple[tuple[str, ...], ...]:
        """The cells of every gold row as the raw file has them."""
        everything = {defect.defect_id for defect in self.defects}
        return tuple(self._cells(row, everything) for row in range(len(self.rows)))

    @cached_property
    def _row_defects(self) -> Mapping[int, tuple[tuple[int, Sequence[CellDefect]], ...]]:
        """Row -> its columns with defects, and these."""
        by_row: dict[int, dict[int, list[CellDefect]]] = defaultdict(lambda: defaultdict(list))
        for defect in self.defects:
            if defect.row is not None and defect.column is not None:
                by_row[defect.row][defect.column].append(defect)
        return {row: tuple(by_column.items()) for row, by_column in by_row.items()}

    @cached_property
    def sound(self) -> Sheet:
        """The table with every defect repaired."""
        return self.render(())

    def render(self, active: Iterable[str]) -> Sheet:
        """Render the table with the defects named in `active` and all others repaired."""
        on = set(active)
        lines: list[Line] = []
        before: dict[int, list[CellDefect]] = defaultdict(list)
        ragged: dict[int, CellDefect] = {}
        header, separator = list(self.header), ","
        above: list[tuple[str, ...]] = []
        for defect in self.defects:
            if defect.defect_id not in on:
                continue
            if defect.kind in JUNK_KINDS:
                before[_row(defect)].append(defect)
            elif defect.kind == "ragged":
                ragged[_row(defect)] = defect
            elif defect.kind == "header" and defect.column is not None:
                header[defect.column] = defect.shown
            elif defect.kind == "separator":
                separator = defect.shown
            elif defect.kind in ABOVE_KINDS:
                above.extend(tuple(line) for line in defect.shown)

        for row in range(len(self.rows) + 1):
            for defect in before[row]:
                cells = self._cells(_row(defect) - 1, on) if defect.kind == "duplicate" else tuple(defect.shown)
                lines.append(Line(cells, None))
            if row < len(self.rows):
                cells = self._cells(row, on)
                lines.append(Line(_make_ragged(cells, ragged[row].shown) if row in ragged else cells, row))
        return Sheet(tuple(header), tuple(lines), tuple(above), separator)

    def _cells(self, row: int, on: set[str]) -> tuple[str, ...]:
        # Most cells have no defect: only the others are written.
        if not on:
            return self.rows[row]
        cells = list(self.rows[row])
        for column, defects in self._row_defects.get(row, ()):
            cells[column] = _show(cells[column], [defect for defect in defects if defect.defect_id in on])
        return tuple(cells)


def _row(defect: CellDefect) -> int:
    assert defect.row is not None
    return defect.row


def _show(gold: str, defects: Sequence[CellDefect]) -> str:
    """Write one cell with its defects, from the value outwards: number, style, unit, spaces."""
    if not defects:
        return gold
    by_kind = {defect.kind: defect.shown for defect in defects}
    text = gold
    for kind in ("missing_token", "merged_cell", "label", "date_style"):
        text = by_kind.get(kind, text)
    template = "{}"
    if "unit" in by_kind:
        text, template = by_kind["unit"]
    if COSMETIC in by_kind and "number_style" not in by_kind:
        text = group_thousands(text)
    if "number_style" in by_kind:
        text = restyle(text, by_kind["number_style"])
    text = template.format(text)
    if "whitespace" in by_kind:
        left, right = by_kind["whitespace"]
        text = f"{left}{text}{right}"
    return text


def group_thousands(number: str) -> str:
    """Return a plain number with a comma between groups of three digits."""
    match = _PLAIN_NUMBER.fullmatch(number)
    if match is None:
        return number
    sign, whole, fraction = match.groups()
    return f"{sign}{int(whole):,}{fraction or ''}"


def restyle(number: str, style: str) -> str:
    """Write a plain number the way some offices do: `comma`, `accounting`, or a currency sign."""
    if style == "comma":
        return group_thousands(number).replace(",", " ").replace(".", ",")
    if style == "accounting":
        return f"({number[1:]})" if number.startswith("-") else f"{number} "
    return f"-{style}{number[1:]}" if number.startswith("-") else f"{style}{number}"


def _make_ragged(cells: tuple[str, ...], extra: int) -> tuple[str, ...]:
    """Add `extra` empty fields, or cut trailing empty ones where `extra` is negative."""
    if extra > 0:
        return cells + ("",) * extra
    kept = len(cells)
    while kept > 1 and cells[kept - 1] == "" and len(cells) - kept < -extra:
        kept -= 1
    return cells[:kept]


def to_truth(table: TableTruth) -> dict[str, Any]:
    """Return the JSON form of a table's truth."""
    return {
        "columns": [
            {
                "name": column.name,
                "type": column.type,
                "key": column.key,
                "unit": column.unit,
                "decimals": column.decimals,
                "allowed": list(column.allowed),
                "pattern": column.pattern,
                "readings": [list(reading) for reading in column.readings],
                "unit_words": list(column.unit_words),
            }
            for column in table.columns
        ],
        "rows": [list(row) for row in table.rows],
        "defects": [
            [defect.defect_id, defect.kind, defect.row, defect.column, defect.shown, defect.hardness]
            for defect in table.defects
        ],
    }


def from_truth(truth: Mapping[str, Any]) -> TableTruth:
    """Read the JSON form back."""
    return TableTruth(
        columns=tuple(
            Column(
                **{
                    **column,
                    "allowed": tuple(column["allowed"]),
                    "readings": tuple((scale, offset) for scale, offset in column["readings"]),
                    "unit_words": tuple(column["unit_words"]),
                }
            )
            for column in truth["columns"]
        ),
        rows=tuple(tuple(row) for row in truth["rows"]),
        defects=tuple(CellDefect(*fields) for fields in truth["defects"]),
    )


def raw_file(instance: TaskInstance) -> str:
    """Return the text of the file to clean; found by name, since JSON keeps no order of the materials."""
    return next(text for name, text in instance.materials.items() if name != DICTIONARY)


@once_per_instance
def table_truth(instance: TaskInstance) -> TableTruth:
    """Return the table truth of an instance; parsed once for the many rollouts of a group."""
    return from_truth(instance.truth)
