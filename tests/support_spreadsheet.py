"""What the spreadsheet tests share: the bench of the family, and small instances written by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

from graders.spreadsheet_clean import SpreadsheetCleanGrader
from tasks_lib.records import TaskInstance, content_hash
from tasks_lib.spreadsheet_clean import SpreadsheetClean
from tasks_lib.spreadsheet_clean.table import CellDefect, Column, TableTruth, to_truth
from tests.support_families import Bench, Graded

FAMILY = SpreadsheetClean()
GRADER = SpreadsheetCleanGrader()
DIMENSIONS = tuple(GRADER.rubric.weights)
BENCH = Bench(FAMILY, GRADER)
grade_text, probe_text, ladder_text = BENCH.grade, BENCH.probe, BENCH.ladder
mixed_instances, one_instance = BENCH.instances, BENCH.one


COLUMNS = (
    Column("code", "code", key=True, pattern=r"P\d{3}"),
    Column("price_usd", "decimal", unit="USD", decimals=2, readings=((0.001, 0.0),), unit_words=("K", "thousand")),
    Column("mass_kg", "decimal", unit="kg", decimals=1, readings=((2.20462, 0.0),), unit_words=("lb", "pounds")),
    Column("count", "integer"),
    Column("notes", "text"),
)
"""A code that names the record, two measures with another unit each, a count and remarks."""

ROWS = (
    ("P001", "1500.00", "10.0", "4", "late entry"),
    ("P002", "2750.50", "22.5", "7", ""),
    ("P003", "310.25", "3.2", "", "see folder"),
    ("P004", "9800.00", "48.0", "12", "confirmed"),
)
"""18 filled cells of 20, 12 number cells of which 11 are filled, 4 records."""

DEFECTS = (
    CellDefect("d0", "unit", 0, 1, ["1.5", "${}K"], 0.0),
    CellDefect("d1", "unit", 1, 2, ["49.6", "{} lb"], 0.0),
    CellDefect("d2", "missing_token", 2, 3, "n/a", 0.0),
    CellDefect("d3", "blank_row", 2, None, [""] * 5, 0.0),
)
"""Four defects, so that each is worth a quarter of the work."""


def hand_instance(
    rows: Sequence[Sequence[str]] = ROWS,
    defects: Sequence[CellDefect] = DEFECTS,
    columns: Sequence[Column] = COLUMNS,
) -> TaskInstance:
    """Build an instance whose truth is written down here, so that scores can be derived by hand."""
    truth = TableTruth(tuple(columns), tuple(tuple(row) for row in rows), tuple(defects))
    raw = truth.render(defect.defect_id for defect in defects).text()
    stored = to_truth(truth)
    return TaskInstance(
        # The truth is cached by identifier, so instances that differ must have different ones.
        instance_id=f"hand-{hash_of(stored)}",
        family="spreadsheet_clean",
        template_version="1",
        archetype="hand",
        seed=0,
        knobs={},
        prompt="Please tidy this table.",
        materials={"raw.csv": raw, "data_dictionary.md": "K is thousands; 1 kg is 2.20462 lb"},
        truth=stored,
    )


def hash_of(value: Any) -> str:
    """Return a short name of a JSON value."""
    return content_hash(value)


def csv_of(rows: Sequence[Sequence[str]], header: Sequence[str] | None = None, separator: str = ",") -> str:
    """Join cells that need no quoting into the text of a file."""
    header = [column.name for column in COLUMNS] if header is None else header
    return "\n".join(separator.join(row) for row in [list(header), *rows]) + "\n"


def edited(changes: Mapping[tuple[int, int], str], rows: Sequence[Sequence[str]] = ROWS) -> list[list[str]]:
    """Return the rows with some cells replaced: (row, column) -> text."""
    return [[changes.get((r, c), cell) for c, cell in enumerate(row)] for r, row in enumerate(rows)]


__all__ = [
    "BENCH", "COLUMNS", "DEFECTS", "DIMENSIONS", "FAMILY", "GRADER", "ROWS", "Graded", "csv_of", "edited",
    "grade_text", "hand_instance", "hash_of", "ladder_text", "mixed_instances", "one_instance", "probe_text",
]  # fmt: skip
