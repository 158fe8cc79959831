"""Loading: from the shards of a run into the warehouse, in one transaction, as often as one likes."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import tasks_lib
from flows.catalogue import catalogue
from flows.clock import now
from flows.places import is_there
from flows.plan import RunPlan, all_instances
from warehouse import Warehouse
from warehouse.estimates import refresh
from warehouse.location import Location

INSTANCES_AT_ONCE = 500
RunStatus = Literal["running", "completed", "cancelled", "failed"]


def register_run(db: Location, plan: RunPlan) -> None:
    """Open or create the warehouse and note that a run has begun.

    Raises:
        WarehouseError: the file is locked or is no warehouse.
    """
    with Warehouse.open(db) as warehouse:
        warehouse.merge("run", [_run_row(plan, "running", None)])


def load_run(db: Location, spool: Path, plan: RunPlan, status: RunStatus = "completed") -> dict[str, int]:
    """Load everything a run has left in its spool; a row that is there already stays once.

    Returns:
        Table -> rows that were added.

    Raises:
        WarehouseError: the file is locked.
    """
    with Warehouse.open(db) as warehouse:
        for table, rows in catalogue(tasks_lib.family(name) for name in plan.families).items():
            warehouse.merge(table, rows)
        warehouse.merge("policy", plan.policies)
        warehouse.merge("threshold", _thresholds(warehouse, plan))
        _merge_instances(warehouse, spool)
        added = warehouse.load(spool)
        warehouse.merge("run", [_run_row(plan, status, now())])
        # Last, since only completed runs count; were it cut off here, the next run that is loaded makes up for it.
        refresh(warehouse, [plan.run_id])
    return dict(added)


def is_completed(db: Location, run_id: str) -> bool:
    """Tell whether a warehouse holds all of a run."""
    if not is_there(db):
        return False
    with Warehouse.open(db, read_only=True) as warehouse:
        found = warehouse.sql("select status from run where run_id = ?", [run_id])
    return found.height == 1 and str(found["status"][0]) == "completed"


def discard_spool(spool: Path) -> None:
    """Remove what a completed run left in its spool, and the folder of all spools when it is the last."""
    shutil.rmtree(spool, ignore_errors=True)
    if spool.parent.is_dir() and not any(spool.parent.iterdir()):
        spool.parent.rmdir()


def _thresholds(warehouse: Warehouse, plan: RunPlan) -> list[dict[str, Any]]:
    """Record every number that decides, so that a run reads alike when the defaults have moved on."""
    values = dict(warehouse.sql("select name, value from default_threshold").iter_rows()) | plan.thresholds
    return [{"run_id": plan.run_id, "name": name, "value": value} for name, value in values.items()]


def _merge_instances(warehouse: Warehouse, spool: Path) -> None:
    batch = []
    for instance in all_instances(spool):
        batch.append(instance)
        if len(batch) == INSTANCES_AT_ONCE:
            warehouse.merge("instance", batch)
            batch = []
    if batch:
        warehouse.merge("instance", batch)


def _run_row(plan: RunPlan, status: RunStatus, ended_at: datetime | None) -> dict[str, Any]:
    return {
        "run_id": plan.run_id,
        "config": plan.config,
        "config_hash": plan.config_hash,
        "taskset_hash": plan.taskset_hash,
        "code_version": plan.code_version,
        "started_at": plan.started_at,
        "ended_at": ended_at,
        "status": status,
        "n_planned": plan.n_rollouts,
        "deployment": plan.deployment,
    }
