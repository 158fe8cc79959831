"""Damage to columns and to the file as a whole, and work that was left undone."""

from collections.abc import Sequence
from random import Random

from tasks_lib.records import TaskInstance
from tasks_lib.spreadsheet_clean.damage.common import dose_of, oracle, places_where, rows_of, shuffled, with_rows
from tasks_lib.spreadsheet_clean.table import COSMETIC, Sheet, TableTruth, table_truth


def _column_order(truth: TableTruth, rng: Random) -> list[int]:
    """Draw columns that may be lost without losing the record: no keys, texts before numbers."""
    texts = places_where(truth, lambda column: not column.key and not column.numeric)
    numbers = places_where(truth, lambda column: not column.key and column.numeric)
    order = shuffled(rng, texts) + shuffled(rng, numbers)
    # Half of the headings must stay, or the file is no longer recognisable as a table at all.
    return order[: len(truth.columns) // 2]


def rename_header(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    sheet = oracle(truth)
    header = list(sheet.header)
    for place in _column_order(truth, rng)[:dose]:
        header[place] = header[place].replace("_", " ").title() + " " + "(new)"
    return Sheet(tuple(header), sheet.lines)


def add_column(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    sheet = oracle(truth)
    names = [name for name in ("row_ok", "checked", "reviewed", "status_2", "done") if name not in sheet.header]
    rows = [[*row, *["ok"] * dose] for row in rows_of(sheet)]
    return Sheet((*sheet.header, *names[:dose]), with_rows(sheet, rows).lines)


def drop_column(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    sheet = oracle(truth)
    gone = set(_column_order(truth, rng)[:dose])
    keep = [place for place in range(len(truth.columns)) if place not in gone]
    rows = [[row[place] for place in keep] for row in rows_of(sheet)]
    return Sheet(tuple(sheet.header[place] for place in keep), with_rows(sheet, rows).lines)


def break_csv(instance: TaskInstance, severity: int, rng: Random) -> str | None:
    """Open a quote that never closes, at the start of `dose` lines."""
    lines = oracle(table_truth(instance)).text().removesuffix("\n").split("\n")
    places = shuffled(rng, range(1, len(lines)))
    # Half of the lines stay whole: a file that is mostly broken is another damage, with a cap of its own.
    places = places[: max(1, (len(lines) - 1) // 2)]
    dose = dose_of(severity)
    if severity > 1 and dose_of(severity - 1) >= len(places):
        return None
    for place in places[:dose]:
        lines[place] = f'"{lines[place]}' if lines[place].count('"') % 2 == 0 else lines[place]
    return "\n".join(lines) + "\n"


def leave_defects(instance: TaskInstance, severity: int, rng: Random) -> str | None:
    """Leave a quarter, half, three quarters, all of the defects: the ladder from the oracle down to the raw file."""
    truth = table_truth(instance)
    cosmetic = [defect.defect_id for defect in truth.defects if defect.kind == COSMETIC]
    order = rng.sample([defect.defect_id for defect in truth.real_defects], len(truth.real_defects))
    left = order[: -(-len(order) * severity // 4)]
    return truth.render([*left, *(cosmetic if severity == 4 else ())]).text()


def delete_defect_rows(instance: TaskInstance, severity: int, rng: Random) -> str | None:
    """Delete exactly the records that were left unrepaired, instead of repairing them."""
    truth = table_truth(instance)
    undone = _undone_rows(truth, rng)
    gone = set(undone[: dose_of(severity)])
    if severity > 1 and len(undone) <= dose_of(severity - 1):
        return None
    sheet = _half_repaired(truth, undone)
    return with_rows(sheet, [line.cells for line in sheet.lines if line.row not in gone]).text()


def undone_baseline(instance: TaskInstance, rng: Random) -> str:
    truth = table_truth(instance)
    return _half_repaired(truth, _undone_rows(truth, rng)).text()


def _undone_rows(truth: TableTruth, rng: Random) -> list[int]:
    rows = sorted({defect.row for defect in truth.real_defects if defect.column is not None and defect.row is not None})
    return shuffled(rng, rows)[: min(8, len(truth.rows) - 1)]


def _half_repaired(truth: TableTruth, undone: Sequence[int]) -> Sheet:
    left = set(undone)
    return truth.render(
        defect.defect_id for defect in truth.defects if defect.column is not None and defect.row in left
    )
