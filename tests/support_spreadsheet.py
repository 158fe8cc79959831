"""What the spreadsheet tests share: grading one text, and small instances written by hand."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from graders.composite import compose
from graders.spreadsheet_clean import SpreadsheetCleanGrader
from tasks_lib.policies.base import NotApplicableError
from tasks_lib.policies.ladder import LadderPolicy
from tasks_lib.policies.probe import ProbePolicy
from tasks_lib.records import TaskInstance, content_hash
from tasks_lib.spreadsheet_clean import SpreadsheetClean
from tasks_lib.spreadsheet_clean.knobs import SpreadsheetKnobs
from tasks_lib.spreadsheet_clean.table import CellDefect, Column, TableTruth, to_truth

FAMILY = SpreadsheetClean()
GRADER = SpreadsheetCleanGrader()
DIMENSIONS = tuple(GRADER.rubric.weights)


@dataclass(frozen=True)
class Graded:
    """One graded text, every number the low end of its interval."""

    aspects: Mapping[str, float]
    """Dimension, or `dimension.facet`, -> score."""
    work: float
    reward: float
    flags: tuple[str, ...]
    states: Mapping[str, str]

    def __getitem__(self, aspect: str) -> float:
        return self.reward if aspect == "composite" else self.aspects[aspect]


def grade_text(instance: TaskInstance, output: str) -> Graded:
    """Grade one output of one instance as the pipeline does."""
    grade = GRADER.grade(instance, output)
    aspects: dict[str, float] = {}
    for score in grade.scores:
        aspects[score.dimension] = score.interval.low
        for name, interval in score.facets.items():
            aspects[f"{score.dimension}.{name}"] = interval.low
    intervals = {score.dimension: score.interval for score in grade.scores}
    composite = compose("r", GRADER.rubric, intervals, grade.work, grade.flags)
    states = {name: interval.state for name, interval in intervals.items()}
    return Graded(aspects, grade.work.low, composite.reward, composite.flags, states)


def probe_text(instance: TaskInstance, probe: str, sample: int = 0) -> str:
    """Return what a probe hands in; an output over the world's limit never arrives and is empty."""
    return ProbePolicy(probe).attempt(FAMILY, instance, sample).output


def ladder_text(instance: TaskInstance, operator: str, severity: int, sample: int = 0) -> str | None:
    """Return what an operator makes of its baseline; None where it does not apply."""
    try:
        return LadderPolicy(operator, severity).attempt(FAMILY, instance, sample).output
    except NotApplicableError:
        return None


@cache
def mixed_instances(n: int, seed: int, split: str = "train") -> tuple[TaskInstance, ...]:
    """Return `n` instances over all archetypes and difficulties."""
    return tuple(FAMILY.instances(n, seed, split=split))


def one_instance(seed: int = 1, archetype: str | None = None, **knobs: Any) -> TaskInstance:
    """Return one instance with knobs set by hand."""
    return FAMILY.generate(seed, knobs=SpreadsheetKnobs(**knobs), archetype=archetype)


def chunked(n: int, chunks: int) -> Iterator[range]:
    """Split 0..n into ranges of equal length, so that test processes can share the work."""
    for chunk in range(chunks):
        yield range(chunk * n // chunks, (chunk + 1) * n // chunks)


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
