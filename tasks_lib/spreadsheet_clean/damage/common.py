"""What the damages share: the oracle's sheet, its rows, and editing one cell in each of some records."""

from collections.abc import Callable, Sequence
from random import Random

from tasks_lib.spreadsheet_clean.table import Column, Line, Sheet, TableTruth


def dose_of(severity: int) -> int:
    """Return how many corruptions a severity of 1..4 applies: 1, 2, 4, 8."""
    return 1 << (severity - 1)


def oracle(truth: TableTruth) -> Sheet:
    """Return the finished table."""
    return truth.sound


def with_rows(sheet: Sheet, rows: Sequence[Sequence[str]]) -> Sheet:
    """Return the sheet with other lines below its headings."""
    return Sheet(sheet.header, tuple(Line(tuple(row), None) for row in rows))


def rows_of(sheet: Sheet) -> list[list[str]]:
    """Return the cells of every line, to be changed."""
    return [list(line.cells) for line in sheet.lines]


def shuffled(rng: Random, items: Sequence[int]) -> list[int]:
    """Return the items in an order of their own; the list of targets that nested severities begin."""
    return rng.sample(items, len(items))


def edit_cells(
    truth: TableTruth, rng: Random, dose: int, columns: Sequence[int], edit: Callable[[int, int, Random], str | None]
) -> Sheet | None:
    """Edit one cell in each of `dose` records; `edit` returns None where a cell is no target.

    A record is a target where at least two more cells beside its key are filled, so that it stays
    recognisable as the record it is.
    """
    sheet = oracle(truth)
    rows = rows_of(sheet)
    edited = 0
    for row in shuffled(rng, range(len(rows))):
        cell_rng = Random(rng.getrandbits(64))
        if not is_recognisable(truth, row):
            continue
        for place in shuffled(cell_rng, columns):
            new = edit(row, place, cell_rng)
            if new is not None and new != rows[row][place]:
                rows[row][place] = new
                edited += 1
                break
        if edited == dose:
            break
    return with_rows(sheet, rows) if edited else None


def is_recognisable(truth: TableTruth, row: int) -> bool:
    """Tell whether a record stays the record it is when one of its cells is edited."""
    filled = sum(bool(truth.rows[row][place]) for place, column in enumerate(truth.columns) if not column.key)
    return filled >= 3


def places_where(truth: TableTruth, wanted: Callable[[Column], bool]) -> list[int]:
    """Return the places of the columns that are wanted."""
    return [place for place, column in enumerate(truth.columns) if wanted(column)]
