"""Recomposing: what the rewards of the past would be under other weights and caps.

Nothing is graded again: the scores are as they are, and so are the flags. What a rubric's thresholds decide is in the
scores already; another threshold takes `assay regrade`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import polars as pl
from pydantic import ValidationError

from flows.clock import now
from flows.errors import InputError
from flows.trust import NO_JUDGES, Told, told
from graders.composite import RECORDED
from graders.grading import UnknownGraderError, grader
from graders.rubric import Rubric, read_rubric
from warehouse import Warehouse
from warehouse.location import Location
from warehouse.what_if import NewRubric, WhatIf, rows_to_keep, what_if

QUANTUM = 1e-9
"""Rewards closer than this are the same."""

RUBRICS = """
    select distinct stg_attempt.run_id, stg_attempt.family, stg_attempt.rubric_id, rubric.content
    from stg_attempt
    left join rubric on rubric.rubric_id = stg_attempt.rubric_id
    where stg_attempt.is_graded and ($1 is null or stg_attempt.run_id = $1)
    order by all
"""

DIMENSIONS = """
    select distinct stg_attempt.run_id, stg_attempt.family, score.dimension
    from score
    join stg_attempt using (rollout_id)
    where stg_attempt.is_graded and ($1 is null or stg_attempt.run_id = $1)
    order by all
"""

FLAGS = """
    with found as (
        select run_id, family, unnest(cast(flags as varchar[])) as flag
        from stg_attempt
        where is_graded and flags <> '[]' and ($1 is null or run_id = $1)
    )
    select run_id, family, flag, count(*) as n from found group by all order by all
"""

MEANS = """
    with per_instance as (
        select run_id, family, policy_id, any_value(policy) as policy, instance_id, avg(reward) as mean, count(*) as n
        from stg_attempt
        where is_graded and (is_group or policy_kind = 'oracle') and ($1 is null or run_id = $1)
        group by run_id, family, policy_id, instance_id
    )
    select
        run_id, family, policy_id, any_value(policy) as policy, count(*) as n_instances,
        cast(sum(n) as bigint) as n_rollouts, avg(mean) as mean
    from per_instance
    group by run_id, family, policy_id
    order by run_id, family, policy_id
"""

REWARDS = """
    select rollout_id, reward from stg_attempt where is_graded and ($1 is null or run_id = $1)
"""

VERDICTS = """
    select run_id, instance_id, policy_id, family, verdict
    from task_verdict
    where $1 is null or run_id = $1
"""

PROBES = """
    select run_id, family, probe, kind, max_reward, floor, max_lift, holds
    from probe_floor
    where $1 is null or run_id = $1
"""

ORDER = """
    select
        run_id, family, cast(sum(n_pairs) as bigint) as n_pairs, cast(sum(n_violations) as bigint) as n_violations
    from monotonicity
    where dimension = 'composite' and ($1 is null or run_id = $1)
    group by run_id, family
"""


@dataclass(frozen=True)
class Change:
    """What somebody wants to know about."""

    rubric: Path | None = None
    """A rubric file; it takes the place of the rubric of its family."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """Dimension -> weight; 0 leaves it out."""
    caps: Mapping[str, float] = field(default_factory=dict)
    """Flag -> ceiling."""
    cap_mode: Literal["scaled", "hard"] | None = None
    work_base: float | None = None

    @property
    def is_empty(self) -> bool:
        return self == Change()


@dataclass(frozen=True)
class Recomposed:
    """What would be otherwise."""

    run_id: str | None
    """None: all runs."""
    rubrics: tuple[NewRubric, ...]
    n_rollouts: int
    n_changed: int
    """Rollouts whose reward would be another one."""
    means: pl.DataFrame
    """run_id, family, policy_id, policy, n_instances, n_rollouts, before, after, rank_before, rank_after."""
    verdicts: pl.DataFrame
    """family, before, after, groups: also those that stay."""
    probes: pl.DataFrame
    """run_id, family, probe, kind, max_before, max_after, floor, lift_before, lift_after, held, holds: that change."""
    order: pl.DataFrame
    """run_id, family, n_pairs, violations_before, violations_after; of the reward on ladders."""
    saved: bool = False
    trust: Told = NO_JUDGES
    """What has to be said about the judges of the runs."""

    @property
    def unused_thresholds(self) -> tuple[str, ...]:
        """Thresholds of the rubric file that the scores were not made with: these are not answered here."""
        return tuple(dict.fromkeys(name for new in self.rubrics for name in new.unused))


@dataclass(frozen=True)
class _Target:
    """The rollouts of one family in one run."""

    run_id: str
    family: str
    own: Rubric
    scored: frozenset[str]
    """Dimensions that have scores."""
    flags: Mapping[str, int]
    """Flag -> rollouts that carry it."""

    @property
    def dimensions(self) -> frozenset[str]:
        return self.scored | self.own.weights.keys()

    @property
    def known_flags(self) -> frozenset[str]:
        return RECORDED | self.own.caps.keys() | self.flags.keys()


def recompose(db: Location, run_id: str | None, change: Change, *, save: bool = False) -> Recomposed:
    """Work out what rewards and answers would be under other weights and caps.

    Args:
        db: the warehouse; it stays as it is unless `save`.
        run_id: the run; None: all of them.
        change: what is to be otherwise.
        save: also keep the new composites, beside the run's own and under their own rubric.

    Raises:
        InputError: there is nothing to recompose, or the change names what is not known.
        BadRubricError: the rubric file cannot be used.
        WarehouseError: the warehouse cannot be used.
    """
    with Warehouse.open(db, read_only=True) as warehouse:
        rubrics = new_rubrics(warehouse, db, run_id, change)
        before = _asked(warehouse, run_id)
        trust = told(warehouse, sorted({new.run_id for new in rubrics}))
    with what_if(db, rubrics) as changed:
        after = _asked(changed, run_id)
        n_rollouts = changed.sql("select count(*) as n from recomposed")["n"][0]
        to_keep = _rows_to_save(changed, rubrics) if save else {}
    if save:
        _save(db, to_keep)
    return Recomposed(
        run_id=run_id,
        rubrics=tuple(rubrics),
        n_rollouts=n_rollouts,
        n_changed=_n_changed(before["rewards"], after["rewards"]),
        means=_means(before["means"], after["means"]),
        verdicts=_verdicts(before["verdicts"], after["verdicts"]),
        probes=_probes(before["probes"], after["probes"]),
        order=_order(before["order"], after["order"]),
        saved=save,
        trust=trust,
    )


def new_rubrics(warehouse: Warehouse, db: Location, run_id: str | None, change: Change) -> list[NewRubric]:
    """Return the rubrics that a change comes to: one for every run and family that it makes a difference to.

    Raises:
        InputError, BadRubricError: as `recompose`.
    """
    if change.is_empty:
        raise InputError("say what is to be otherwise: --weight, --cap, --cap-mode, --work-base or --rubric")
    file = None if change.rubric is None else read_rubric(change.rubric)
    targets = _targets(warehouse, db, run_id)
    _require_known(targets, change, file)
    new: list[NewRubric] = []
    for target in targets:
        rubric = _changed(target, change, file)
        if rubric != target.own:
            _require_ceilings(target, rubric)
            new.append(_as_new(target, rubric))
    if not new:
        raise InputError("these are the weights and caps that the rewards have already; there is nothing to recompose")
    return new


def _targets(warehouse: Warehouse, db: Location, run_id: str | None) -> list[_Target]:
    found = warehouse.sql(RUBRICS, [run_id])
    if not found.height:
        if run_id is not None and warehouse.sql("select 1 from run where run_id = ?", [run_id]).height == 0:
            raise InputError(f"{db}: there is no run {run_id!r}; list them: assay sql --db {db} 'from run'")
        raise InputError(f"{db}: there is no graded rollout to recompose{f' in run {run_id}' if run_id else ''}")
    scored: dict[tuple[str, str], set[str]] = {}
    for run, family, dimension in warehouse.sql(DIMENSIONS, [run_id]).iter_rows():
        scored.setdefault((run, family), set()).add(dimension)
    flags: dict[tuple[str, str], dict[str, int]] = {}
    for run, family, flag, n in warehouse.sql(FLAGS, [run_id]).iter_rows():
        flags.setdefault((run, family), {})[flag] = n
    return [
        _Target(
            run, family, _own_rubric(family, rubric_id, content), frozenset(scored.get((run, family), ())),
            flags.get((run, family), {}),
        )
        for run, family, rubric_id, content in found.iter_rows()
    ]  # fmt: skip


def _own_rubric(family: str, rubric_id: str, content: str | None) -> Rubric:
    """Return the rubric a run was put together under.

    Raises:
        InputError: nobody wrote it down.
    """
    if content is None:
        return _installed_rubric(family, rubric_id)
    said = json.loads(content)
    fields = {name: value for name, value in said.items() if name in Rubric.model_fields}
    # An imported rubric has weights alone: its composite is the weighted mean itself.
    imported = {"caps": {}, "work_base": 1.0} if said.get("made_by") == "import" else {}
    try:
        return Rubric.model_validate({"family": family, **imported, **fields})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"rubric {rubric_id} of the warehouse, field {place!r}: {first['msg'].lower()}") from None


def _installed_rubric(family: str, rubric_id: str) -> Rubric:
    try:
        rubric = grader(family).rubric
    except UnknownGraderError:
        rubric = None
    if rubric is None or rubric.rubric_id != rubric_id:
        raise InputError(f"rubric {rubric_id} of {family} is not in the warehouse; give the whole one with --rubric")
    return rubric


def _require_known(targets: Sequence[_Target], change: Change, file: Rubric | None) -> None:
    """Refuse names that mean nothing here."""
    families = sorted({target.family for target in targets})
    if file is not None and file.family not in families:
        raise InputError(f"{change.rubric}: is for family {file.family!r}; there are rollouts of {', '.join(families)}")
    of_file_weights, of_file_caps = (file.weights.keys(), file.caps.keys()) if file else (frozenset(), frozenset())
    dimensions = {name for target in targets for name in target.dimensions} | of_file_weights
    flags = {name for target in targets for name in target.known_flags} | of_file_caps
    for option, named, known, kind in (
        ("--weight", change.weights, dimensions, "dimension"),
        ("--cap", change.caps, flags, "flag"),
    ):
        for name in named:
            if name not in known:
                raise InputError(f"{option}: unknown {kind} {name!r}; known: {', '.join(sorted(known))}")
    for name, weight in change.weights.items():
        if not 0 <= weight < float("inf"):
            raise InputError(f"--weight {name}={weight:g}: a weight must be 0 or more; 0 leaves the dimension out")
    for name, ceiling in change.caps.items():
        if not 0 <= ceiling <= 1:
            raise InputError(f"--cap {name}={ceiling:g}: a ceiling must be within 0..1; 1 costs nothing")
    if change.work_base is not None and not 0 <= change.work_base <= 1:
        raise InputError(f"--work-base {change.work_base:g}: must be within 0..1; 1 takes nothing back")


def _changed(target: _Target, change: Change, file: Rubric | None) -> Rubric:
    """Return the rubric of a run and family with what is to be otherwise."""
    is_of_file = file is not None and file.family == target.family
    base = file if file is not None and is_of_file else target.own
    named = base.weights.keys() | target.dimensions
    weights = {**base.weights, **{name: weight for name, weight in change.weights.items() if name in named}}
    weights = {name: weight for name, weight in weights.items() if weight > 0}
    if not weights:
        raise InputError(f"--weight: nothing is left of {target.family}; its dimensions: {', '.join(sorted(named))}")
    caps = {flag: at for flag, at in change.caps.items() if flag in base.caps.keys() | target.known_flags}
    update: dict[str, Any] = {"weights": weights, "caps": {**base.caps, **caps}}
    if change.cap_mode is not None:
        update["cap_mode"] = change.cap_mode
    if change.work_base is not None:
        update["work_base"] = change.work_base
    return base.model_copy(update=update)


def _require_ceilings(target: _Target, rubric: Rubric) -> None:
    for flag, n in target.flags.items():
        if flag not in rubric.caps and flag not in RECORDED:
            raise InputError(
                f"the rubric for {target.family} has no ceiling for flag {flag!r}, which {n:,} rollouts of run "
                f"{target.run_id} carry; add --cap {flag}=1 to let it cost nothing"
            )


def _as_new(target: _Target, rubric: Rubric) -> NewRubric:
    return NewRubric(
        run_id=target.run_id,
        family=target.family,
        rubric_id=rubric.rubric_id,
        weights=rubric.weights,
        caps=rubric.caps,
        cap_mode=rubric.cap_mode,
        work_base=rubric.work_base,
        ready_at=rubric.ready_at,
        content=rubric.model_dump(mode="json"),
        free=RECORDED,
        unused=tuple(name for name, value in rubric.thresholds.items() if target.own.thresholds.get(name) != value),
    )


def _asked(warehouse: Warehouse, run_id: str | None) -> dict[str, pl.DataFrame]:
    queries = {"means": MEANS, "rewards": REWARDS, "verdicts": VERDICTS, "probes": PROBES, "order": ORDER}
    return {name: warehouse.sql(query, [run_id]) for name, query in queries.items()}


def _n_changed(before: pl.DataFrame, after: pl.DataFrame) -> int:
    both = before.join(after, on="rollout_id", how="left", suffix="_after")
    return both.filter(
        pl.col("reward_after").is_null() | ((pl.col("reward_after") - pl.col("reward")).abs() > QUANTUM)
    ).height


def _means(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    key = ["run_id", "family", "policy_id"]
    both = before.rename({"mean": "before"}).join(
        after.select(*key, pl.col("mean").alias("after")), on=key, how="left", maintain_order="left"
    )
    # Means that differ by a rounding error share a rank.
    return both.with_columns(
        pl.col(end).round(9).rank("min", descending=True).over("run_id", "family").cast(pl.Int64).alias(f"rank_{end}")
        for end in ("before", "after")
    )


def _verdicts(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    key = ["run_id", "instance_id", "policy_id"]
    both = before.rename({"verdict": "before"}).join(
        after.select(*key, pl.col("verdict").alias("after")), on=key, how="left"
    )
    return both.group_by("family", "before", "after").agg(pl.len().alias("groups")).sort("family", "before", "after")


def _probes(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Return the probes that held and would not, or the other way round."""
    key = ["run_id", "family", "probe"]
    both = before.rename({"holds": "held", "max_reward": "max_before", "max_lift": "lift_before"}).join(
        after.select(*key, "holds", pl.col("max_reward").alias("max_after"), pl.col("max_lift").alias("lift_after")),
        on=key,
        how="left",
    )
    wanted = [
        *key, "kind", "max_before", "max_after", "floor", "lift_before", "lift_after", "held", "holds",
    ]  # fmt: skip
    return both.filter(pl.col("held").ne_missing(pl.col("holds"))).select(wanted).sort(key)


def _order(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    key = ["run_id", "family"]
    return (
        before.rename({"n_violations": "violations_before"})
        .join(after.select(*key, pl.col("n_violations").alias("violations_after")), on=key, how="left")
        .sort(key)
    )


def _rows_to_save(changed: WhatIf, rubrics: Sequence[NewRubric]) -> dict[str, Any]:
    counts = changed.sql(
        "select run_id, rubric_id, count(*) as n from recomposed join rollout using (rollout_id) group by all"
    )
    found = {(run, rubric): n for run, rubric, n in counts.iter_rows()}
    made_at = now()
    return {
        **rows_to_keep(rubrics),
        "recomposition": [
            {
                "run_id": new.run_id, "rubric_id": new.rubric_id, "family": new.family, "made_at": made_at,
                "n_rollouts": found.get((new.run_id, new.rubric_id), 0),
            }
            for new in rubrics
        ],
        "composite": changed.recomposed,
    }  # fmt: skip


def _save(db: Location, tables: Mapping[str, Any]) -> None:
    with Warehouse.open(db) as warehouse:
        warehouse.merge_all(tables)
