"""Result tables that SQL cannot say, worked out from what is loaded.

They follow from the other tables alone, so each is put in its place as a whole, in one transaction. Without a
checkpoint, and with fewer than ten instances a knob, there is nothing to estimate and no library of statistics to load.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from warehouse.checkpoints import checkpoint_changes
from warehouse.knobs import knob_rows

if TYPE_CHECKING:
    from warehouse.store import Warehouse

FIGURES = 2
"""Raise it where the figures of calibration come out otherwise: they are then worked out again from old ratings."""


def refresh(warehouse: "Warehouse", runs: Sequence[str] | None = None) -> dict[str, int]:
    """Work out the result tables; call it wherever rollouts, scores or composites have changed.

    Args:
        warehouse: open for writing.
        runs: those that changed, for what is said of single runs; None: all. Checkpoints are compared over all runs.

    Returns:
        Table -> its rows.

    Raises:
        WarehouseError: the warehouse was opened for reading.
    """
    # One at a time: whoever comes last has read what all before have loaded.
    with warehouse.alone_with("results"):
        return {
            "checkpoint_change": _replace(warehouse, "checkpoint_change", list(checkpoint_changes(warehouse))),
            "knob_effect": _replace(warehouse, "knob_effect", _knob_effects(warehouse, runs)),
            **refresh_calibration(warehouse),
        }


def prepare_refresh() -> None:
    """Load the libraries that `refresh` takes for many instances, for whoever has time to spare before it."""
    import_module("pyarrow")  # frames out of the engine
    import_module("warehouse.stats.knobs")


def refresh_calibration(warehouse: "Warehouse") -> dict[str, int]:
    """Work out what calibration says; call it wherever ratings, verdicts of judges or calibration sets have changed.

    All its tables follow from one state of these, and are put in their places together. Where that state is the one
    they were worked out from, and where nobody has rated anything, nothing is done.

    Args:
        warehouse: open for writing.

    Returns:
        Table -> its rows; empty where nothing was done.

    Raises:
        WarehouseError: the warehouse was opened for reading; the tables stay as they were.
    """
    if is_calibration_current(warehouse):
        return {}
    # Imported here: what was never rated needs no estimator.
    from warehouse.calibration.results import calibration_rows

    # Read before the figures: what comes in between makes them out of date, never wrongly current.
    inputs = warehouse.sql("select inputs from stg_calibration_input")["inputs"][0]
    rows = calibration_rows(warehouse)
    return warehouse.replace_all({**rows, "calibration_state": [{"inputs": _state(inputs)}]})


def is_calibration_current(warehouse: "Warehouse") -> bool:
    """Tell whether the result tables of calibration follow from the ratings, verdicts and sets there are now."""
    known = warehouse.view("calibration_state")["inputs"].to_list()
    if not known and not warehouse.sql("select 1 from rating limit 1").height:
        return True
    return known == [_state(warehouse.sql("select inputs from stg_calibration_input")["inputs"][0])]


def _state(inputs: str) -> str:
    return f"{FIGURES} {inputs}"


def _knob_effects(warehouse: "Warehouse", runs: Sequence[str] | None) -> list[dict[str, object]]:
    completed = warehouse.sql("select run_id from run where status = 'completed' order by run_id")["run_id"].to_list()
    changed = [run for run in completed if runs is None or run in runs]
    others = [row for row in warehouse.view("knob_effect").to_dicts() if row["run_id"] in set(completed) - set(changed)]
    return [*others, *knob_rows(warehouse, changed)]


def _replace(warehouse: "Warehouse", table: str, rows: list[dict[str, object]]) -> int:
    if not rows and not warehouse.view(table).height:
        return 0
    return warehouse.replace(table, rows)
