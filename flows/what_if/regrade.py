"""Regrading: what a run collected, graded again by the graders and rubrics as they are now.

Scores are never overwritten: the result is a run of its own, with the same instances, policies, outputs and
transcripts. Nothing is collected and no judge is asked: what judges said in the first run is carried over, and whether
it counts is decided by who is calibrated now. So nothing is spent, and the new run says so.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import polars as pl

import tasks_lib
from flows.clock import new_run_id, now
from flows.errors import InputError
from flows.load import register_run
from flows.places import is_there, require_usable
from flows.plan import (
    PlannedInstance,
    PlannedPolicy,
    Portion,
    RunPlan,
    all_chunks,
    instance_lines,
    read_plan,
    write_plan,
)
from flows.pool import import_plugins
from flows.runs import Place, completed_run, finish_without_prefect, plugins_needed
from flows.settings import Settings
from flows.source import copy_source
from flows.stored import require_run, stored_instances
from flows.trust import NO_JUDGES, Told, Trust, current_trust, told
from flows.what_if.compare import VERSIONS, Comparison, compare_runs
from graders.grading import graders
from tasks_lib.records import PolicySpec, content_hash
from warehouse import Warehouse
from warehouse.location import Location

QUANTUM = 1e-9
"""Rewards closer than this are the same."""
LARGEST = 5
"""Changes of single rollouts that are shown."""

FAMILIES = """
    select instance.family, instance.archetype = 'imported' as is_imported, count(*) as n_rollouts
    from rollout
    join instance using (instance_id)
    where run_id = ?
    group by all
    order by all
"""

GROUPS = """
    with arrived as (
        select instance_id, policy_id, max(sample) + 1 as n_samples
        from rollout
        where run_id = $1
        group by instance_id, policy_id
    ),
    wanted as (
        select instance_id, policy_id, greatest(arrived.n_samples, planned.n_samples) as n_samples
        from arrived
        full join (from planned where run_id = $1) as planned using (instance_id, policy_id)
    )
    select family, instance_id, policy_id, policy.name, cast(n_samples as bigint) as n_samples
    from wanted
    join instance using (instance_id)
    join policy using (policy_id)
    where list_contains($2, family) and archetype <> 'imported'
    order by family, instance_id, policy_id
"""

CHANGED = """
    select
        later.family, later.instance_id, later.policy, later.sample, earlier.reward as before, later.reward as after
    from stg_attempt as later
    join stg_attempt as earlier using (instance_id, policy_id, sample)
    where earlier.run_id = $1 and later.run_id = $2 and (earlier.is_graded or later.is_graded)
    order by abs(later.reward - earlier.reward) desc nulls first, later.instance_id, later.policy, later.sample
"""

CARRIED = """
    select count(*) as n from score join rollout using (rollout_id) where run_id = ? and score.source = 'judge'
"""


@dataclass(frozen=True)
class Regraded:
    """What came of it."""

    source: str
    run_id: str
    n_rollouts: int
    """Rollouts that had or have a grade."""
    n_changed: int
    """Those whose reward is another one, or that have one in one of the runs only."""
    n_verdicts: int
    """Scores of judges that were carried over."""
    versions: tuple[dict[str, Any], ...]
    """family, grader_id, before, after: of every grader; None where it took no part."""
    rubrics: tuple[dict[str, Any], ...]
    """family, before, after: rubric_id."""
    changes: Comparison | None
    """Means before and after; None where neither run has any."""
    largest: pl.DataFrame
    """instance_id, policy, sample, before, after: the rollouts whose reward changed most."""
    trust: Told = NO_JUDGES
    """What has to be said about the judges of the new run."""


@dataclass(frozen=True)
class LeftOut:
    """Rollouts that cannot be graded here."""

    family: str
    n_rollouts: int
    why: str


def begin_regrade(settings: Settings, source_run: str) -> tuple[Place, tuple[LeftOut, ...]]:
    """Plan to grade a run again, and copy what it collected; nothing is written unless everything is in order.

    Raises:
        InputError: there is no such run, or nothing of it can be graded here.
        WarehouseError: the warehouse cannot be used.
    """
    require_usable(settings.db)
    if not is_there(settings.db):
        raise InputError(f"{settings.db}: there is no warehouse; --db names another")
    place = Place(settings.db, new_run_id(), "regrade", settings.runs)
    trust = current_trust(settings.db, settings.trust)
    with Warehouse.open(settings.db, read_only=True) as warehouse:
        row = require_run(warehouse, settings.db, source_run)
        config = json.loads(row["config"])
        import_plugins([*_plugins(config), *settings.plugins])
        families, left_out = _gradable(warehouse, settings.db, source_run)
        groups = warehouse.sql(GROUPS, [source_run, families])
        lines, places = instance_lines(stored_instances(warehouse, groups["instance_id"].unique()))
        chunks = tuple(all_chunks(_portions(groups, places), settings.chunk_size))
        plan = RunPlan(
            run_id=place.run_id,
            config=_config(config, source_run, settings, families, trust),
            code_version=version("taskassay"),
            taskset_hash=content_hash(sorted(places)),
            started_at=now(),
            thresholds=dict(
                warehouse.sql("select name, value from threshold where run_id = ?", [source_run]).iter_rows()
            ),
            plugins=_needed(config, settings, families),
            families=tuple(families),
            policies=_policies(warehouse, groups["policy_id"].unique()),
            chunks=chunks,
        )
        write_plan(
            place.spool, plan, lines, lambda folder: copy_source(warehouse, source_run, place.run_id, chunks, folder)
        )
    register_run(place.db, place.spool, plan)
    return place, left_out


def finish_regrade(place: Place, settings: Settings) -> Regraded:
    """Do what is left of a regrade, and say what it changed.

    Raises:
        InputError: the run is not a regrade.
        PipelineError, InterruptedRunError: it broke off or was stopped; what is done is kept.
    """
    if completed_run(place) is None:
        if read_plan(place.spool).regraded_from is None:
            raise _no_regrade(place)
        finish_without_prefect(place, settings)
    return what_changed(place)


def what_changed(place: Place) -> Regraded:
    """Say what a finished regrade changed.

    Raises:
        InputError: the run is not a regrade.
    """
    with Warehouse.open(place.db, read_only=True) as warehouse:
        source = json.loads(require_run(warehouse, place.db, place.run_id)["config"]).get("regraded_from")
        if source is None:
            raise _no_regrade(place)
        runs = (source, place.run_id)
        rewards = warehouse.sql(CHANGED, runs)
        changed = rewards.filter(
            (pl.col("before").is_null() != pl.col("after").is_null())
            | ((pl.col("after") - pl.col("before")).abs() > QUANTUM).fill_null(False)
        )
        n_verdicts = warehouse.sql(CARRIED, [place.run_id])["n"][0]
        versions = _versions(*(warehouse.sql(VERSIONS, [run]) for run in runs))
        rubrics = _rubrics(*(_rubric_ids(warehouse, run) for run in runs))
        trust = told(warehouse, [place.run_id])
    return Regraded(
        source=source,
        run_id=place.run_id,
        n_rollouts=rewards.height,
        n_changed=changed.height,
        n_verdicts=n_verdicts,
        versions=versions,
        rubrics=rubrics,
        changes=_compared(place.db, *runs) if rewards.height else None,
        largest=changed.head(LARGEST),
        trust=trust,
    )


def _no_regrade(place: Place) -> InputError:
    return InputError(f"run {place.run_id} is not a regrade; take it up with: assay run --resume {place.run_id}")


def _compared(db: Location, source: str, run_id: str) -> Comparison | None:
    try:
        return compare_runs(db, source, run_id)
    except InputError:  # every grade of one of the runs failed, or it holds ladders alone
        return None


def _gradable(warehouse: Warehouse, db: Location, run_id: str) -> tuple[list[str], tuple[LeftOut, ...]]:
    known = graders().keys() & tasks_lib.families().keys()
    families: list[str] = []
    left_out: list[LeftOut] = []
    for family, is_imported, n in warehouse.sql(FAMILIES, [run_id]).iter_rows():
        if is_imported:
            left_out.append(LeftOut(family, n, "imported, without the materials and truth that a grader needs"))
        elif family not in known:
            left_out.append(LeftOut(family, n, "no grader is registered; --plugin names the module that has one"))
        else:
            families.append(family)
    if not families:
        why = "; ".join(f"{one.family}: {one.why}" for one in left_out) or "it holds no rollouts"
        raise InputError(f"{db}: nothing of run {run_id} can be graded again ({why})")
    return families, tuple(left_out)


def _portions(groups: pl.DataFrame, places: Mapping[str, PlannedInstance]) -> list[Portion]:
    """Put instances together that the same policies attempted equally often: a chunk holds every pair of the two."""
    alike: dict[tuple[str, tuple[PlannedPolicy, ...]], list[PlannedInstance]] = {}
    for (family, instance_id), rows in groups.group_by("family", "instance_id", maintain_order=True):
        policies = tuple(
            PlannedPolicy(name=row["name"], policy_id=row["policy_id"], samples=row["n_samples"])
            for row in rows.iter_rows(named=True)
        )
        alike.setdefault((str(family), policies), []).append(places[str(instance_id)])
    return [Portion(family, instances, policies) for (family, policies), instances in alike.items()]


def _config(
    config: dict[str, Any], source_run: str, settings: Settings, families: Sequence[str], trust: Trust
) -> dict[str, Any]:
    return config | {
        **trust.as_config(),
        "regraded_from": source_run,
        "plugins": list(_needed(config, settings, families)),
        # Whoever judged is in the scores; nobody is asked again.
        "judges": [],
        "batch": False,
    }


def _plugins(config: Mapping[str, Any]) -> list[str]:
    return [name for name in config.get("plugins") or () if name != "__main__"]


def _needed(config: Mapping[str, Any], settings: Settings, families: Sequence[str]) -> tuple[str, ...]:
    """Return the plugins of the source, then those named now, whose graders take the place of others."""
    named = settings.model_copy(update={"plugins": (*_plugins(config), *settings.plugins)})
    return plugins_needed(named, [tasks_lib.family(name) for name in families])


def _policies(warehouse: Warehouse, policy_ids: Iterable[str]) -> tuple[PolicySpec, ...]:
    rows = warehouse.sql("from policy where list_contains(?, policy_id) order by policy_id", [sorted(policy_ids)])
    return tuple(
        PolicySpec.model_validate({**row, "regime": json.loads(row["regime"])}) for row in rows.iter_rows(named=True)
    )


def _rubric_ids(warehouse: Warehouse, run_id: str) -> dict[str, str]:
    query = "select distinct family, rubric_id from stg_attempt where run_id = ? and is_graded"
    return dict(warehouse.sql(query, [run_id]).iter_rows())


def _versions(before: pl.DataFrame, after: pl.DataFrame) -> tuple[dict[str, Any], ...]:
    """Return who graded what, in which version; several versions of one grader are named together."""
    sides: list[dict[tuple[str, str], str]] = []
    for frame in (before, after):
        found: dict[tuple[str, str], set[str]] = {}
        for family, _, grader_id, said, _, counts in frame.iter_rows():
            found.setdefault((family, grader_id), set()).add(said if counts else f"{said} (does not count)")
        sides.append({key: ", ".join(sorted(names)) for key, names in found.items()})
    families = {family for family, _ in sides[1]}
    keys = sorted(key for key in sides[0].keys() | sides[1].keys() if key[0] in families)
    return tuple(
        {"family": family, "grader_id": name, "before": sides[0].get((family, name)),
         "after": sides[1].get((family, name))}
        for family, name in keys
    )  # fmt: skip


def _rubrics(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[dict[str, Any], ...]:
    return tuple({"family": family, "before": before.get(family), "after": after[family]} for family in sorted(after))
