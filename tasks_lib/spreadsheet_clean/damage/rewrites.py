"""Neutral rewrites: another way of writing the same table, which must move nothing."""

from collections.abc import Callable
from random import Random

from tasks_lib.spreadsheet_clean.damage.common import oracle, rows_of, shuffled, with_rows
from tasks_lib.spreadsheet_clean.table import Column, Sheet, TableTruth, group_thousands


def reorder_rows(truth: TableTruth, rng: Random) -> str:
    sheet = oracle(truth)
    rows = rows_of(sheet)
    return with_rows(sheet, rng.sample(rows, len(rows))).text()


def reorder_columns(truth: TableTruth, rng: Random) -> str:
    sheet = oracle(truth)
    order = shuffled(rng, range(len(sheet.header)))
    rows = [[row[place] for place in order] for row in rows_of(sheet)]
    return Sheet(tuple(sheet.header[place] for place in order), with_rows(sheet, rows).lines).text()


def _each_number(truth: TableTruth, write: Callable[[str, Column], str]) -> str:
    sheet = oracle(truth)
    rows = [
        [
            write(cell, column) if cell and column.numeric else cell
            for cell, column in zip(row, truth.columns, strict=True)
        ]
        for row in rows_of(sheet)
    ]
    return with_rows(sheet, rows).text()


def thousands(truth: TableTruth, rng: Random) -> str:
    return _each_number(truth, lambda cell, column: group_thousands(cell))


def trailing_zeros(truth: TableTruth, rng: Random) -> str:
    return _each_number(truth, lambda cell, column: cell + ("0" if "." in cell else ".00"))


def crlf(truth: TableTruth, rng: Random) -> str:
    return oracle(truth).text(newline="\r\n")


def quote_all(truth: TableTruth, rng: Random) -> str:
    sheet = oracle(truth)
    lines = [sheet.header, *(line.cells for line in sheet.lines)]
    return "\n".join(",".join('"' + cell.replace('"', '""') + '"' for cell in cells) for cells in lines) + "\n"


def byte_order_mark(truth: TableTruth, rng: Random) -> str:
    return "\ufeff" + oracle(truth).text()
