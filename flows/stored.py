"""What a warehouse holds of a run, as the records that graders take."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl

from flows.errors import InputError
from tasks_lib.records import Rollout, Score, TaskInstance
from warehouse import Warehouse
from warehouse.location import Location

_AT_ONCE = 500
"""Instances, with all their materials, that are read together."""


def require_run(warehouse: Warehouse, db: Location, run_id: str) -> dict[str, Any]:
    """Return the row of a run.

    Raises:
        InputError: there is none.
    """
    found = warehouse.sql("from run where run_id = ?", [run_id])
    if not found.height:
        raise InputError(f"{db}: there is no run {run_id!r}; list them: assay sql --db {db} 'from run'")
    return found.row(0, named=True)


def stored_instances(warehouse: Warehouse, instance_ids: Iterable[str]) -> Iterator[TaskInstance]:
    """Yield instances in the order of their identifiers."""
    wanted = sorted(instance_ids)
    for start in range(0, len(wanted), _AT_ONCE):
        portion = wanted[start : start + _AT_ONCE]
        rows = warehouse.sql("from instance where list_contains($1, instance_id) order by instance_id", [portion])
        for row in rows.iter_rows(named=True):
            yield TaskInstance.model_validate({**row, **_parsed(row, "knobs", "materials", "truth")})


def as_rollouts(rows: pl.DataFrame) -> Iterator[Rollout]:
    """Yield rows of table rollout as records."""
    for row in rows.iter_rows(named=True):
        yield Rollout.model_validate({**row, **_parsed(row, "transcript")})


def as_scores(rows: pl.DataFrame) -> Iterator[Score]:
    """Yield rows of table score as records."""
    for row in rows.iter_rows(named=True):
        yield Score.model_validate({**row, **_parsed(row, "evidence")})


def _parsed(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: json.loads(row[name]) for name in names}
