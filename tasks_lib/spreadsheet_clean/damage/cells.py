"""Damage to cells: values, units, texts, blanks."""

from collections.abc import Sequence
from itertools import islice
from random import Random

from tasks_lib.spreadsheet_clean.damage.common import (
    edit_cells,
    is_recognisable,
    oracle,
    places_where,
    rows_of,
    shuffled,
    with_rows,
)
from tasks_lib.spreadsheet_clean.damage.records import nudge
from tasks_lib.spreadsheet_clean.table import Column, Sheet, TableTruth

_DIGIT_WORDS = {
    "0": "zero", "1": "one", "2": "two", "3": "three", "4": "four", "5": "five", "6": "six", "7": "seven",
    "8": "eight", "9": "nine", ".": "point", "-": "minus",
}  # fmt: skip


def alter_values(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    def edit(row: int, place: int, cell_rng: Random) -> str | None:
        text, column = truth.rows[row][place], truth.columns[place]
        if not text:
            return None
        value = float(text)
        for factor in cell_rng.sample((0.71, 1.13, 1.37, 1.9), 4):
            new = f"{value * factor + 3 * 10.0**-column.decimals:.{column.decimals}f}"
            if not _near_reading(float(new), value, column) and new != text:
                return new
        return None

    return edit_cells(truth, rng, dose, places_where(truth, lambda column: column.numeric and not column.key), edit)


def _near_reading(number: float, value: float, column: Column) -> bool:
    return _is_near(number, _readings(value, column))


def _readings(value: float, column: Column) -> list[float]:
    return [scale * value + offset for scale, offset in column.readings]


def _is_near(number: float, readings: Sequence[float]) -> bool:
    for reading in readings:  # noqa: SIM110  asked of every pair of records, where any() costs more
        if abs(number - reading) <= 0.02 * abs(reading):
            return True
    return False


def scale_values(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    def edit(row: int, place: int, cell_rng: Random) -> str | None:
        text = truth.rows[row][place]
        return f"{float(text) * 1000:.{truth.columns[place].decimals}f}" if text and float(text) else None

    return edit_cells(truth, rng, dose, _unit_places(truth), edit)


def _unit_places(truth: TableTruth) -> list[int]:
    return places_where(truth, lambda column: bool(column.readings) and not column.key)


def leave_unit(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    def edit(row: int, place: int, cell_rng: Random) -> str | None:
        return _in_other_unit(truth, row, place, cell_rng)

    return edit_cells(truth, rng, dose, _unit_places(truth), edit)


def _in_other_unit(truth: TableTruth, row: int, place: int, rng: Random) -> str | None:
    """Return a cell's value as a plain number in another unit, or None where that is no other number."""
    column, text = truth.columns[place], truth.rows[row][place]
    if not text:
        return None
    value = float(text)
    for scale, offset in rng.sample(column.readings, len(column.readings)):
        reading = scale * value + offset
        written = f"{reading:.0f}" if column.type == "integer" else f"{reading:.6g}"
        off = abs(float(written) - reading) > 0.004 * abs(reading)
        if not off and "e" not in written and abs(reading - value) > 2 * 10.0**-column.decimals:
            return written
    return None


def leave_unit_text(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    def edit(row: int, place: int, cell_rng: Random) -> str | None:
        column, text = truth.columns[place], truth.rows[row][place]
        word = cell_rng.choice(column.unit_words) if column.unit_words else None
        number = _in_other_unit(truth, row, place, cell_rng)
        return f"{number} {word}" if text and word and number else None

    return edit_cells(truth, rng, dose, _unit_places(truth), edit)


def unit_in_note(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    """Convert the cell, and keep the old figure with its unit in a remark."""
    note = places_where(truth, lambda column: column.type == "text" and not column.key)[-1:]
    if not note:
        return None
    marked = places_where(truth, lambda column: bool(column.readings and column.unit_words) and not column.key)

    def edit(row: int, place: int, cell_rng: Random) -> str | None:
        for source in shuffled(cell_rng, marked):
            number = _in_other_unit(truth, row, source, cell_rng)
            if number:
                word = cell_rng.choice(truth.columns[source].unit_words)
                return f"{truth.rows[row][place]} orig {number} {word}".strip()
        return None

    return edit_cells(truth, rng, dose, note, edit)


def figure_spelled_out(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    """Convert the cell, and keep the old figure in a remark as words, with no unit beside it."""
    note = places_where(truth, lambda column: column.type == "text" and not column.key)[-1:]
    if not note:
        return None

    def edit(row: int, place: int, cell_rng: Random) -> str | None:
        for source in shuffled(cell_rng, _unit_places(truth)):
            number = _in_other_unit(truth, row, source, cell_rng)
            if number:
                words = " ".join(_DIGIT_WORDS[letter] for letter in number)
                return f"{truth.rows[row][place]} was {words}".strip()
        return None

    return edit_cells(truth, rng, dose, note, edit)


def swap_columns(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    places = places_where(truth, lambda column: column.type == "decimal" and not column.key)
    if len(places) < 2:
        return None
    one, other = rng.sample(places, 2)
    sheet = oracle(truth)
    rows = rows_of(sheet)
    fitting = (
        row
        for row in shuffled(rng, range(len(rows)))
        if rows[row][one] and rows[row][other] and is_recognisable(truth, row) and _differ(truth, row, one, other)
    )
    targets = list(islice(fitting, dose))
    for row in targets:
        rows[row][one], rows[row][other] = rows[row][other], rows[row][one]
    return with_rows(sheet, rows) if targets else None


def _differ(truth: TableTruth, row: int, one: int, other: int) -> bool:
    """Tell whether two cells are far enough apart to be neither each other nor each other in another unit."""
    first, second = float(truth.rows[row][one]), float(truth.rows[row][other])
    apart = abs(first - second) > 2 * 10.0 ** -min(truth.columns[one].decimals, truth.columns[other].decimals)
    return (
        apart
        and not _near_reading(second, first, truth.columns[one])
        and not _near_reading(first, second, truth.columns[other])
    )


def shift_column(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    """Move one column's values down by a row, one record further with every step."""
    places = places_where(truth, lambda column: column.numeric and not column.key)
    place = max(places, key=lambda place: (len({row[place] for row in truth.rows if row[place]}), -place), default=None)
    if place is None:
        return None
    sheet = oracle(truth)
    rows = rows_of(sheet)
    # Values far apart in every unit, so that a record once wrong stays wrong in the same way.
    column = truth.columns[place]
    limit = 2 * 10.0**-column.decimals
    filled: dict[int, tuple[float, list[float]]] = {}
    for row in range(len(rows)):
        if not rows[row][place] or not is_recognisable(truth, row):
            continue
        number = float(rows[row][place])
        here = number, _readings(number, column)
        if not any(_is_close(here, other, limit) for other in filled.values()):
            filled[row] = here
    if len(filled) < 3:
        return None
    start = rng.randrange(max(1, len(filled) - 8))
    window = list(filled)[start : start + dose + 1]
    values = [rows[row][place] for row in window]
    for row, value in zip(window, [*values[1:], values[0]], strict=True):
        rows[row][place] = value
    return with_rows(sheet, rows)


def _is_close(one: tuple[float, list[float]], other: tuple[float, list[float]], limit: float) -> bool:
    """Tell whether two values, each with its readings in other units, can be taken for each other."""
    (first, readings), (second, other_readings) = one, other
    return abs(first - second) <= limit or _is_near(second, readings) or _is_near(first, other_readings)


def alter_text(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    def edit(row: int, place: int, cell_rng: Random) -> str | None:
        text, column = truth.rows[row][place], truth.columns[place]
        if not text:
            return None
        if column.type == "text":
            others = sorted({r[place] for r in truth.rows if r[place]} - {text, truth.raw_rows[row][place].strip()})
            return cell_rng.choice(others) if others else f"{text} indeed"
        new = nudge(text, column, cell_rng)
        return new if new != truth.raw_rows[row][place].strip() else None

    return edit_cells(truth, rng, dose, places_where(truth, lambda column: not column.numeric and not column.key), edit)


def blank_cells(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    def edit(row: int, place: int, cell_rng: Random) -> str | None:
        return "" if truth.rows[row][place] else None

    return edit_cells(truth, rng, dose, places_where(truth, lambda column: not column.key), edit)


def invent_values(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    """Fill number cells where nothing was recorded with what the column usually holds."""

    def edit(row: int, place: int, cell_rng: Random) -> str | None:
        if truth.rows[row][place]:
            return None
        usual = sorted({r[place] for r in truth.rows if r[place]})
        return cell_rng.choice(usual) if usual else None

    return edit_cells(truth, rng, dose, places_where(truth, lambda column: column.numeric and not column.key), edit)
