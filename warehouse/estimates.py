"""Result tables that SQL cannot say, worked out from what is loaded.

They follow from the other tables alone, so each is put in its place as a whole, in one transaction. Without a
checkpoint, and with fewer than ten instances a knob, there is nothing to estimate and no library of statistics to load.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from warehouse.checkpoints import checkpoint_changes
from warehouse.knobs import knob_rows

if TYPE_CHECKING:
    from warehouse.store import Warehouse


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
    return {
        "checkpoint_change": _replace(warehouse, "checkpoint_change", list(checkpoint_changes(warehouse))),
        "knob_effect": _replace(warehouse, "knob_effect", _knob_effects(warehouse, runs)),
    }


def _knob_effects(warehouse: "Warehouse", runs: Sequence[str] | None) -> list[dict[str, object]]:
    completed = warehouse.sql("select run_id from run where status = 'completed' order by run_id")["run_id"].to_list()
    changed = [run for run in completed if runs is None or run in runs]
    others = [row for row in warehouse.view("knob_effect").to_dicts() if row["run_id"] in set(completed) - set(changed)]
    return [*others, *knob_rows(warehouse, changed)]


def _replace(warehouse: "Warehouse", table: str, rows: list[dict[str, object]]) -> int:
    if not rows and not warehouse.view(table).height:
        return 0
    return warehouse.replace(table, rows)
