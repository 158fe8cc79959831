"""Damage with a known effect: nested corruptions of the oracle, neutral rewrites, and one compensation.

Each operator draws one list of places per instance and applies the first 1, 2, 4 or 8 of them, so a
higher severity contains the lower one. Next to each stands what it must do to every dimension and
facet; whatever is not named there must stay still.
"""

from collections.abc import Callable, Mapping
from random import Random

from tasks_lib.expectations import Shorthand
from tasks_lib.family import Operator
from tasks_lib.records import TaskInstance
from tasks_lib.spreadsheet_clean.damage import cells, columns, records, rewrites
from tasks_lib.spreadsheet_clean.damage.common import dose_of
from tasks_lib.spreadsheet_clean.table import Sheet, TableTruth, table_truth

_ROWS = Shorthand(
    {
        "dp": ("data_preservation", "row_recall row_precision"),
        "fv": ("format_validity", "parses rectangular types headings"),
        "uc": ("unit_consistency", "value unit"),
        "co": ("completeness", "columns cells"),
    }
)
ASPECTS = _ROWS.aspects
"""Dimensions and their facets, as `dimension` or `dimension.facet`."""

Corruption = Callable[[TableTruth, Random, int], Sheet | None]
"""(truth, stream, dose) -> the oracle's sheet with the first `dose` corruptions; None: not applicable."""


def _one_each(severity: int) -> int:
    """Return the dose of operators on columns, of which there are few: 1, 2, 3, 4."""
    return severity


_ROWS_LOST = "dp dp.row_recall fv fv.types uc uc.value uc.unit co co.cells"
"""A lost record is lost for every dimension: if it were not, deleting it would repair it."""


def _degrade(
    name: str,
    summary: str,
    corrupt: Corruption,
    moves: str,
    may: str = "",
    dose_of: Callable[[int], int] = dose_of,
) -> Operator:
    def apply(instance: TaskInstance, severity: int, rng: Random) -> str | None:
        truth = table_truth(instance)
        state = rng.getstate()
        sheet = corrupt(truth, rng, dose_of(severity))
        if sheet is None:
            return None
        text = sheet.text()
        if severity > 1:
            rng.setstate(state)
            milder = corrupt(truth, rng, dose_of(severity - 1))
            if milder is not None and milder.text() == text:
                return None  # no places left: the rung would repeat the one below
        return text

    return Operator(name, "degrade", summary, apply, _ROWS.row(moves, may))


def _neutral(name: str, summary: str, rewrite: Callable[[TableTruth, Random], str]) -> Operator:
    def apply(instance: TaskInstance, severity: int, rng: Random) -> str | None:
        return rewrite(table_truth(instance), rng)

    return Operator(name, "neutral", summary, apply, _ROWS.row())


_ALL = (
    _degrade("drop_rows", "leaves records out", records.drop_rows, moves=_ROWS_LOST),
    _degrade("truncate_tail", "ends in the middle of a line", records.truncate_tail, moves=_ROWS_LOST,
             may="fv.rectangular fv.parses"),
    _degrade("duplicate_rows", "hands in records twice", records.duplicate_rows, moves="dp dp.row_precision"),
    _degrade("drop_and_pad", "leaves records out and copies others to the same count", records.drop_and_pad,
             moves=f"{_ROWS_LOST} dp.row_precision"),
    _degrade("fabricate_rows", "adds plausible records that never were", records.fabricate_rows,
             moves="dp dp.row_precision"),
    _degrade("keep_junk", "keeps subtotals and remarks as if they were records", records.keep_junk,
             moves="dp dp.row_precision"),
    _degrade("alter_keys", "changes what identifies a record", records.alter_keys,
             moves=f"{_ROWS_LOST} dp.row_precision"),
    _degrade("alter_values", "changes numbers", cells.alter_values, moves="uc uc.value"),
    _degrade("scale_values", "multiplies numbers by 1000", cells.scale_values, moves="uc",
             may="uc.value uc.unit fv fv.types"),
    _degrade("leave_unit", "leaves numbers in another unit", cells.leave_unit, moves="uc uc.unit fv fv.types"),
    _degrade("leave_unit_text", "leaves numbers in another unit with the unit beside them", cells.leave_unit_text,
             moves="uc uc.value uc.unit fv fv.types"),
    _degrade("unit_in_note", "converts the number and keeps the old figure in a remark", cells.unit_in_note,
             moves="uc uc.unit co co.cells"),
    _degrade("figure_spelled_out", "converts the number and spells the old figure out in a remark",
             cells.figure_spelled_out, moves="uc uc.unit co co.cells"),
    _degrade("swap_columns", "swaps the values of two columns", cells.swap_columns, moves="uc uc.value"),
    _degrade("shift_column", "moves a column down by a record", cells.shift_column, moves="uc uc.value"),
    _degrade("alter_text", "changes names, categories, dates or remarks", cells.alter_text, moves="co co.cells"),
    _degrade("blank_cells", "empties cells", cells.blank_cells, moves="co co.cells fv fv.types",
             may="uc uc.value uc.unit"),
    _degrade("invent_values", "fills in numbers where nothing was recorded", cells.invent_values,
             moves="uc uc.value uc.unit"),
    _degrade("rename_header", "changes headings", columns.rename_header,
             moves="co co.columns co.cells fv fv.types fv.headings", may="uc uc.value uc.unit", dose_of=_one_each),
    _degrade("add_column", "adds columns nobody asked for", columns.add_column, moves="fv fv.headings",
             dose_of=_one_each),
    _degrade("drop_column", "leaves columns out", columns.drop_column, moves="co co.columns co.cells fv fv.types",
             may="uc uc.value uc.unit", dose_of=_one_each),
    Operator("break_csv", "degrade", "opens a quote that never closes", columns.break_csv,
             _ROWS.row(moves=f"{_ROWS_LOST} fv.parses")),
    Operator("leave_defects", "degrade", "repairs ever fewer defects, down to the raw file", columns.leave_defects,
             _ROWS.row(may=" ".join(("dp dp.row_recall dp.row_precision fv fv.parses fv.rectangular fv.types",
                                   "fv.headings uc uc.value uc.unit co co.columns co.cells")))),
    Operator("delete_defect_rows", "compensation", "deletes the records it left unrepaired", columns.delete_defect_rows,
             _ROWS.row(moves="dp dp.row_recall co co.cells",
                     may="fv fv.parses fv.rectangular fv.types uc uc.value uc.unit dp.row_precision"),
             columns.undone_baseline),
    _neutral("reorder_rows", "another order of records", rewrites.reorder_rows),
    _neutral("reorder_columns", "another order of columns", rewrites.reorder_columns),
    _neutral("thousands", "1,234 for 1234", rewrites.thousands),
    _neutral("trailing_zeros", "12.50 for 12.5", rewrites.trailing_zeros),
    _neutral("crlf", "another line ending", rewrites.crlf),
    _neutral("quote_all", "quotes around every cell", rewrites.quote_all),
    _neutral("byte_order_mark", "a byte order mark in front", rewrites.byte_order_mark),
)  # fmt: skip

OPERATORS: Mapping[str, Operator] = {operator.name: operator for operator in _ALL}
