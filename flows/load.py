"""Loading: from the shards of a run into the warehouse, in one transaction, as often as one likes."""

import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import tasks_lib
from flows.catalogue import catalogue
from flows.clock import now
from flows.places import is_there
from flows.plan import INSTANCES_FILE, PLAN_FILE, RunPlan, read_plan, run_shards
from warehouse import Warehouse
from warehouse.errors import LockedError, NoWarehouseError, ShardError
from warehouse.estimates import refresh
from warehouse.location import Location
from warehouse.shards import Shards
from warehouse.tables import write_portions

INSTANCES_AT_ONCE = 500
RunStatus = Literal["running", "completed", "cancelled", "failed"]


def register_run(db: Location, spool: Path, plan: RunPlan) -> None:
    """Open or create the warehouse and note that a run has begun.

    Raises:
        WarehouseError: the file is locked or is no warehouse; of the plan nothing is left, so that the run can be
            begun again under its name.
    """
    try:
        with Warehouse.open(db, beside_others=True) as warehouse:
            warehouse.merge("run", [_run_row(plan, "running", None)])
    except BaseException:
        discard_spool(spool)
        raise


def load_run(db: Location, spool: Path, plan: RunPlan, status: RunStatus = "completed") -> dict[str, int]:
    """Load everything a run has left in its shards; a row that is there already stays once.

    Returns:
        Table -> rows that were added.

    Raises:
        WarehouseError: the file is locked, or a completed run lacks shards.
    """
    shards = run_shards(spool, plan)
    if status == "completed":
        _require_all(plan, shards)
    with Warehouse.open(db, beside_others=True) as warehouse:
        known = catalogue(tasks_lib.family(name) for name in plan.families)
        warehouse.merge_all({**known, "policy": plan.policies, "threshold": _thresholds(warehouse, plan)})
        warehouse.merge_files("instance", prepare_load(spool))
        added = warehouse.load(shards)
        warehouse.merge("run", [_run_row(plan, status, now())])
        # Last, since only completed runs count; were it cut off here, the next run that is loaded makes up for it.
        refresh(warehouse, [plan.run_id])
    return dict(added)


def prepare_load(spool: Path) -> list[str]:
    """Write the rows of the instances of a run, which are known before its work is done; return the files.

    Whoever waits for workers has the time; loading finds them then, and makes them where nobody did.
    """
    folder = spool / "instance-rows"
    if not folder.exists():
        with TemporaryDirectory(dir=spool) as unfinished:
            rows = Path(unfinished) / "rows"
            rows.mkdir()
            write_portions("instance", _portions(spool), rows)
            rows.rename(folder)
    return sorted(map(str, folder.iterdir()))


def note_stopped(db: Location, plan: RunPlan) -> None:
    """Note that a run was stopped and can be taken up again, unless somebody else has the warehouse open just now."""
    with suppress(LockedError), Warehouse.open(db) as warehouse:
        warehouse.merge("run", [_run_row(plan, "cancelled", now())])


def is_completed(db: Location, run_id: str) -> bool:
    """Tell whether a warehouse holds all of a run."""
    if not is_there(db):
        return False
    try:
        with Warehouse.open(db, read_only=True) as warehouse:
            found = warehouse.sql("select status from run where run_id = ?", [run_id])
    except NoWarehouseError:  # killed when the file was there and nothing in it
        return False
    return found.height == 1 and str(found["status"][0]) == "completed"


def _require_all(plan: RunPlan, shards: Shards) -> None:
    """Refuse to call a run complete whose workers left shards where this process does not see them."""
    finished = shards.keys()
    missing = [chunk.label for chunk in plan.chunks if chunk.key not in finished]
    if missing:
        raise ShardError(
            f"{shards.place}: {len(missing)} of {len(plan.chunks)} chunks are not there ({missing[0]}); do all workers "
            "reach that very place?"
        )


def discard_spool(spool: Path) -> None:
    """Remove spool and shards of a run, and the folder of all spools when it is the last."""
    if (spool / PLAN_FILE).exists():
        run_shards(spool, read_plan(spool)).discard()
    shutil.rmtree(spool, ignore_errors=True)
    if spool.parent.is_dir() and not any(spool.parent.iterdir()):
        spool.parent.rmdir()


def _thresholds(warehouse: Warehouse, plan: RunPlan) -> list[dict[str, Any]]:
    """Record every number that decides, so that a run reads alike when the defaults have moved on."""
    values = dict(warehouse.sql("select name, value from default_threshold").iter_rows()) | plan.thresholds
    return [{"run_id": plan.run_id, "name": name, "value": value} for name, value in values.items()]


def _portions(spool: Path) -> Iterator[list[dict[str, Any]]]:
    """Read the instances of a run as rows, some at a time: they were checked when the plan was written."""
    with (spool / INSTANCES_FILE).open("rb") as lines:
        instances = map(json.loads, lines)
        while portion := list(islice(instances, INSTANCES_AT_ONCE)):
            yield portion


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
