"""The grader of spreadsheet_clean: row identity and cell-by-cell values against the gold table.

Every dimension is a share of what was *expected*, never of what was delivered: a record that is missing
earns nothing anywhere, so deleting the difficult ones can raise no dimension. A line of junk or an
invented line only ever adds to a denominator. All dimensions are settled by code.
"""

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import NamedTuple

from graders.addressing import SCREEN_LIMITS
from graders.grading import DimensionScore, Grade
from graders.interval import Interval, exactly, share
from graders.limit import Limit
from graders.rubric import builtin_rubric
from graders.tables import (
    DeliveredRow,
    DeliveredTable,
    KnownKeys,
    Matching,
    cell_is,
    has_type,
    is_other_unit,
    match_rows,
    read_figures,
    read_number,
    read_table,
    same_digits,
    same_number,
)
from tasks_lib.per_instance import once_per_instance
from tasks_lib.records import TaskInstance
from tasks_lib.spreadsheet_clean.table import ABOVE_KINDS, JUNK_KINDS, CellDefect, Column, TableTruth, table_truth

_WORD = re.compile(r"[A-Za-z°/]+|[$€£]")

LIMITS = (
    Limit(
        "key_altered",
        "A record whose key was altered is seen as one record lost and one invented, not as one wrong cell.",
        shown_by="alter_keys",
    ),
    Limit(
        "remark_reworded",
        "A remark reworded for the better counts as a lost cell: the request asks for texts to stay as they are.",
        shown_by="alter_text",
    ),
    Limit(
        "figure_in_words",
        "An old figure that a remark spells out in words, with no unit beside it, is not read as a figure: it costs "
        "the remark and not the unit.",
        shown_by="figure_spelled_out",
        excuses=("unit_consistency",),
    ),
    Limit(
        "any_line_order",
        "The order of lines carries no score, so an output that shuffles a time series loses nothing.",
        shown_by="reorder_rows",
    ),
)


_ZERO = exactly(0.0)
FACETS = {
    "data_preservation": ("row_recall", "row_precision"),
    "format_validity": ("parses", "rectangular", "types", "headings"),
    "unit_consistency": ("value", "unit"),
    "completeness": ("columns", "cells"),
}
"""Dimension -> the parts stored beside it."""


class _Cells(NamedTuple):
    """What is right in the delivered records, each a count of expected cells."""

    typed: int = 0
    value: int = 0
    unit: int = 0
    number: int = 0
    """Number cells right in value and unit, in a record that shows no other unit anywhere."""
    kept: float = 0
    """Filled cells still there, less what was filled in where nothing was recorded."""


class _Expected:
    """What is expected of an output, worked out once for the many outputs of a group."""

    def __init__(self, truth: TableTruth) -> None:
        self.truth = truth
        self.keys = KnownKeys(truth)
        self.numbers = len(truth.rows) * sum(column.numeric for column in truth.columns)
        self.filled = sum(1 for row in truth.rows for cell in row if cell)
        self.units = frozenset(_singular(word) for column in truth.columns for word in column.unit_words)
        self.in_cells = [defect for defect in truth.real_defects if _scope(defect) == "cells"]
        self.of_lines = [defect for defect in truth.real_defects if _scope(defect) == "lines"]
        self.of_file = [defect for defect in truth.real_defects if _scope(defect) == "file"]
        self.cells_total = sum(defect.weight for defect in self.in_cells)
        self.lines_total = sum(defect.weight for defect in self.of_lines)
        self._as_wanted: dict[int, _Cells] = {}
        self._as_raw: dict[int, _Cells] = {}

    def right_cells(self, gold: int, delivered: DeliveredRow, under_wanted: bool) -> _Cells:
        """Count what is right in a record; one that is as wanted or as it was, as most are, is looked at once.

        `under_wanted`: the headings of the file are the wanted ones, in their order.
        """
        if under_wanted and delivered.fields == self.truth.rows[gold]:
            seen = self._as_wanted
        elif under_wanted and delivered.fields == self.truth.raw_rows[gold]:
            seen = self._as_raw
        else:
            return _right_cells(self.truth, gold, delivered, self.units)
        if gold not in seen:
            seen[gold] = _right_cells(self.truth, gold, delivered, self.units)
        return seen[gold]


@once_per_instance
def _expected(instance: TaskInstance) -> _Expected:
    return _Expected(table_truth(instance))


class SpreadsheetCleanGrader:
    """Scores a delivered file on data_preservation, format_validity, unit_consistency and completeness."""

    family = "spreadsheet_clean"
    grader_id = "spreadsheet_clean/deterministic"
    version = "1"
    rubric = builtin_rubric("spreadsheet_clean")
    limits = (*LIMITS, *SCREEN_LIMITS)
    facets = FACETS

    def grade(self, instance: TaskInstance, output: str) -> Grade:
        """Score one delivered file; an output that cannot be read as a table has proven nothing: 0 everywhere."""
        truth = table_truth(instance)
        if not output.strip():
            return self._nothing("empty_output", "nothing was handed in")
        table = read_table(output, truth)
        if table is None or not self._readable(table):
            return self._nothing("csv_not_parseable", "no table with the wanted headings can be read")
        expected = _expected(instance)
        matching = match_rows(expected.keys, table, self.rubric.thresholds["row_agreement_min"])
        return _grade(expected, table, matching)

    def _readable(self, table: DeliveredTable) -> bool:
        lines = len(table.rows) + table.broken_lines
        return lines == 0 or len(table.rows) >= self.rubric.thresholds["readable_lines_min"] * lines

    def _nothing(self, flag: str, reason: str) -> Grade:
        scores = [
            DimensionScore(name, _ZERO, reason, {}, dict.fromkeys(facets, _ZERO)) for name, facets in FACETS.items()
        ]
        return Grade(scores, work=_ZERO, flags=(flag,))


def _grade(expected: _Expected, table: DeliveredTable, matching: Matching) -> Grade:
    count = _count(expected, table, matching)
    scores = (
        _data_preservation(count, matching),
        _format_validity(count, table),
        _unit_consistency(count),
        _completeness(count, expected.truth, table),
    )
    return Grade(scores, work=_work(expected, table, matching, count))


@dataclass(frozen=True)
class _Count:
    """What is there of what was expected, and what is there beside it."""

    rows: int
    columns: int
    numbers: int
    """Number cells expected."""
    filled: int
    """Filled cells expected."""
    matched: int
    right: _Cells
    unclaimed: int
    """Lines below the headings that are no record, or one too many."""
    extra_rows: int
    extra_lines: int
    """Lines that cannot be read, and lines above the headings."""

    @property
    def recall(self) -> float:
        return self.matched / self.rows


def _count(expected: _Expected, table: DeliveredTable, matching: Matching) -> _Count:
    truth = expected.truth
    under_wanted = table.header == truth.header
    found = [expected.right_cells(gold, delivered, under_wanted) for gold, delivered in matching.rows.items()]
    right = _Cells(*map(sum, zip(*found, strict=True)))

    # An unreadable line, or a stump of one, may be all that is left of a missing record, which has been
    # charged already; only what is beyond the missing records is junk.
    claimed = {delivered.line for delivered in matching.rows.values()}
    unclaimed = [row for row in table.rows if row.line not in claimed]
    missing = len(truth.rows) - len(matching.rows)
    excused = min(missing, table.broken_lines)
    stumps = min(missing - excused, sum(row.surplus < 0 for row in unclaimed))
    return _Count(
        rows=len(truth.rows),
        columns=len(truth.columns),
        numbers=expected.numbers,
        filled=expected.filled,
        matched=len(matching.rows),
        right=right,
        unclaimed=len(unclaimed),
        extra_rows=len(unclaimed) - stumps,
        extra_lines=table.broken_lines - excused + table.lines_above,
    )


def _data_preservation(count: _Count, matching: Matching) -> DimensionScore:
    missing = [row for row in range(count.rows) if row not in matching.rows]
    evidence = {
        "matched": count.matched, "expected": count.rows, "extra": count.extra_rows, "missing_rows": missing[:10],
    }  # fmt: skip
    return DimensionScore(
        "data_preservation",
        share(count.matched, count.rows + count.extra_rows),
        f"{count.matched} of {count.rows} records found, {count.extra_rows} lines too many",
        evidence,
        {
            "row_recall": exactly(count.recall),
            "row_precision": share(count.matched, count.matched + count.extra_rows) if count.matched else _ZERO,
        },
    )


def _format_validity(count: _Count, table: DeliveredTable) -> DimensionScore:
    # A line too many adds its cells to what had to parse, and so does a column too many.
    expected = count.rows * count.columns
    delivered = expected + count.columns * count.extra_lines + count.rows * table.other_columns
    syntax = exactly(1.0 if table.comma_separated else 0.0)
    evidence = {
        "typed": count.right.typed, "expected": expected, "broken_lines": table.broken_lines,
        "lines_above": table.lines_above, "other_columns": table.other_columns,
        "comma_separated": table.comma_separated,
    }  # fmt: skip
    return DimensionScore(
        "format_validity",
        share(count.right.typed, delivered) * syntax,
        f"{count.right.typed} of {expected} cells parse as their type, {table.broken_lines} lines unreadable, "
        f"{table.other_columns} columns too many",
        evidence,
        {
            "parses": share(count.rows, count.rows + table.broken_lines + table.lines_above) * syntax,
            "rectangular": share(count.rows, count.rows + sum(row.ragged for row in table.rows)),
            "types": share(count.right.typed, expected),
            "headings": share(len(table.columns), len(table.header)),
        },
    )


def _unit_consistency(count: _Count) -> DimensionScore:
    right = count.right
    return DimensionScore(
        "unit_consistency",
        share(right.number, count.numbers),
        f"{right.number} of {count.numbers} number cells hold the right value in the wanted unit",
        {"right": right.number, "expected": count.numbers, "right_value": right.value, "right_unit": right.unit},
        {"value": share(right.value, count.numbers), "unit": share(right.unit, count.numbers)},
    )


def _completeness(count: _Count, truth: TableTruth, table: DeliveredTable) -> DimensionScore:
    absent = [name for name in truth.header if name not in table.columns]
    cells = share(count.right.kept, count.filled)
    return DimensionScore(
        "completeness",
        cells,
        f"{count.right.kept:g} of {count.filled} filled cells kept, {len(table.columns)} of {count.columns} columns",
        {"kept": count.right.kept, "expected": count.filled, "missing_columns": absent},
        {"columns": share(len(table.columns), count.columns), "cells": cells},
    )


def _right_cells(truth: TableTruth, gold: int, delivered: DeliveredRow, units: Set[str]) -> _Cells:
    typed = value = unit = kept = invented = 0
    numbers: list[bool] = []
    for column, wanted, raw in zip(truth.columns, truth.rows[gold], truth.raw_rows[gold], strict=True):
        cell = delivered.cells.get(column.name)
        if cell is None:
            continue
        parses = has_type(cell, column) if cell else not wanted
        if cell == wanted and parses:
            # Most cells of most outputs: nothing is left to ask.
            typed += 1
            kept += bool(cell)
            if column.numeric:
                value += 1
                unit += 1
                numbers.append(True)
        elif column.numeric:
            value_ok, unit_ok = _judge_number(cell, wanted, column)
            # The raw figure with its symbols cut off hides its unit. It must not count for more than the
            # cell that shows it, or cutting would be paid.
            right = value_ok and unit_ok
            hidden = bool(wanted) and not right and (value_ok or same_digits(cell, (raw,), column))
            typed += parses and not hidden
            value += value_ok
            unit += unit_ok
            numbers.append(right)
            kept += bool(wanted and cell)
        else:
            typed += parses
            kept += bool(wanted) and (cell_is(cell, wanted, column) or cell.strip() in (wanted, raw.strip()))
            invented += bool(cell.strip()) and not wanted and cell != raw
    stray = _shows_other_unit(truth, gold, delivered, units)
    return _Cells(
        typed=0 if delivered.ragged else typed,
        value=value,
        unit=0 if stray else unit,
        number=0 if stray else sum(numbers),
        kept=max(0, kept - invented),
    )


def _judge_number(cell: str, wanted: str, column: Column) -> tuple[bool, bool]:
    """Return (the value is right up to its unit, nothing speaks for another unit)."""
    if not wanted or not cell:
        return (cell == wanted, cell == wanted)
    number = read_number(cell)
    if number is None:
        return (False, False)
    gold = float(wanted)
    if same_number(number, gold, column.decimals):
        return (True, True)
    if is_other_unit(number, gold, column):
        return (True, False)
    return (False, True)


def _shows_other_unit(truth: TableTruth, gold: int, delivered: DeliveredRow, units: Set[str]) -> bool:
    """Tell whether a text that was changed or added to a record holds a unit or an unconverted figure.

    `units` are the words of all other units, in the singular.
    """
    raw = truth.raw_rows[gold]
    # A text of the record under a heading nobody asked for is a matter of headings, not of units.
    texts = []
    if delivered.others:
        own = {
            form[place].strip()
            for place, column in enumerate(truth.columns)
            if not column.numeric
            for form in (truth.rows[gold], raw)
        }
        texts = [cell for cell in delivered.others if cell.strip() not in own]
    for place, column in enumerate(truth.columns):
        if column.type != "text":
            continue
        cell = delivered.cells.get(column.name, "")
        if cell and cell.strip() not in (truth.rows[gold][place], raw[place].strip()):
            texts.append(_added(cell, truth.rows[gold][place]))
    if not any(texts):
        return False
    for text in texts:
        if any(_singular(word) in units or word in "$€£" for word in _WORD.findall(text)):
            return True
        if any(_is_unconverted(figure, truth, gold) for figure in read_figures(text)):
            return True
    return False


def _singular(word: str) -> str:
    return word.casefold().removesuffix("s")


def _added(cell: str, wanted: str) -> str:
    """Return what stands in a text beside what should."""
    return cell.replace(wanted, " ", 1) if wanted else cell


def _is_unconverted(figure: float, truth: TableTruth, gold: int) -> bool:
    return any(
        wanted and is_other_unit(figure, float(wanted), column)
        for column, wanted in zip(truth.columns, truth.rows[gold], strict=True)
        if column.numeric and column.readings
    )


def _work(expected: _Expected, table: DeliveredTable, matching: Matching, count: _Count) -> Interval:
    """Return the share of the recorded defects that were dealt with, each weighted by how hard it is.

    Unweighted, the repairs that need no look at the data (headings, titles, empty lines) would pay for half
    of a small table. A line too many counts only as far as the real records are still there. What concerns
    the whole file counts as far as its cells were repaired, too: a header alone, or the wanted headings over
    untouched cells, has repaired nothing. Nor is a record repaired that is handed in twice.
    """
    truth = expected.truth
    settled = {gold: row for gold, row in matching.rows.items() if gold not in matching.contested}
    cells_left = sum(defect.weight for defect in expected.in_cells if not _repaired(truth, defect, settled))
    cells_done = 1 - cells_left / expected.cells_total if expected.cells_total else 1.0

    # A delivered copy of a line that had to go shows as a line too many, and lines have no names: what
    # is left of the junk is counted, not which of it.
    lines_left = expected.lines_total * (1 - count.recall * (1 - _part(count.unclaimed, len(expected.of_lines))))

    above = sum(len(defect.shown) for defect in expected.of_file if defect.kind in ABOVE_KINDS)
    file_left = file_total = 0.0
    for defect in expected.of_file:
        if defect.kind == "separator":
            done = count.recall * table.comma_separated
        elif defect.kind == "header":
            done = _column_right(truth, settled, _place(defect))
        else:
            done = count.recall * (1 - _part(table.lines_above, above))
        file_left += defect.weight * (1 - done * cells_done)
        file_total += defect.weight

    # What is left is subtracted, so that all done is exactly 1 whatever the weights add up to.
    left = cells_left + lines_left + file_left
    total = expected.cells_total + expected.lines_total + file_total
    return exactly(1 - left / total if total else 1.0)


def _scope(defect: CellDefect) -> str:
    """Return what a defect concerns: the cells of a record, a line that is no record, or the whole file."""
    if defect.kind in JUNK_KINDS:
        return "lines"
    return "file" if defect.row is None else "cells"


def _part(left: int, expected: int) -> float:
    return min(1.0, left / expected) if expected else float(left > 0)


def _repaired(truth: TableTruth, defect: CellDefect, settled: Mapping[int, DeliveredRow]) -> bool:
    assert defect.row is not None
    delivered = settled.get(defect.row)
    if delivered is None:
        return False
    if defect.column is None:
        return not delivered.ragged
    column, wanted = truth.columns[defect.column], truth.rows[defect.row][defect.column]
    cell = delivered.cells.get(column.name)
    return cell == wanted or (cell is not None and cell_is(cell, wanted, column))


def _column_right(truth: TableTruth, matched: Mapping[int, DeliveredRow], place: int) -> float:
    column = truth.columns[place]
    right = 0
    for gold, delivered in matched.items():
        cell = delivered.cells.get(column.name)
        right += cell is not None and cell_is(cell, truth.rows[gold][place], column)
    return right / len(truth.rows)


def _place(defect: CellDefect) -> int:
    assert defect.column is not None
    return defect.column


__all__ = ["FACETS", "LIMITS", "SpreadsheetCleanGrader"]
