"""Slips: the damage that work does to what was fine, more of it the longer the table.

Only simulated policies use this. A record is dropped, or a number mistyped, with a probability that
rises along the table from nothing to `slip`, and a long table is more tiring than a short one.
"""

from random import Random

from tasks_lib.spreadsheet_clean.table import Line, Sheet, TableTruth

_TIRING_ROWS = 40
"""Records after which a slip is as likely as it gets."""


def with_slips(truth: TableTruth, sheet: Sheet, slip: float, rng: Random) -> Sheet:
    """Return a sheet with some records dropped and some digits mistyped."""
    lines = []
    for line in sheet.lines:
        tired = slip * min(1.0, (line.row or 0) / _TIRING_ROWS)
        if line.row is not None and rng.random() < tired:
            continue
        lines.append(_mistyped(truth, line, rng) if rng.random() < tired else line)
    return Sheet(sheet.header, tuple(lines), sheet.above, sheet.separator)


def _mistyped(truth: TableTruth, line: Line, rng: Random) -> Line:
    places = [p for p, column in enumerate(truth.columns) if column.numeric and p < len(line.cells)]
    place = rng.choice(places) if places else 0
    digits = [at for at, letter in enumerate(line.cells[place]) if letter.isdigit()]
    if not digits:
        return line
    at = rng.choice(digits)
    cell = line.cells[place]
    cell = f"{cell[:at]}{(int(cell[at]) + rng.randint(1, 8)) % 10}{cell[at + 1 :]}"
    return Line((*line.cells[:place], cell, *line.cells[place + 1 :]), line.row)
