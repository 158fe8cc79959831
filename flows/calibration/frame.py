"""The frame of a calibration set: every rollout that could be drawn, and what graders said of it before people do."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from flows.errors import InputError
from flows.settings import nearest
from graders.judge.rubric import JudgeRubric, judge_rubrics
from tasks_lib.records import content_hash
from warehouse import Warehouse

KINDS = ("model", "replay", "simulated")
"""Policies that are in a frame unless others are named: nobody wants the mean of oracle, ladders and probes."""

# An output that was graded again is one attempt: it stands once, as its latest run grades it, and whoever rated any of
# its copies has rated it.
ROWS = r"""
    with attempt as (
        select rollout.rollout_id, rollout.instance_id, rollout.policy_id, rollout.sample, stg_origin.origin
        from rollout
        join stg_origin using (run_id)
    ),
    rated as (
        select attempt.* exclude (rollout_id), avg(stg_rating.score) as human, true as is_rated
        from stg_rating
        join attempt using (rollout_id)
        where stg_rating.dimension = $1
        group by all
    ),
    drawn as (
        select distinct attempt.* exclude (rollout_id), true as is_drawn
        from calibration_item
        join attempt using (rollout_id)
        where calibration_item.dimension = $1
    ),
    framed as (
        select distinct attempt.* exclude (rollout_id), true as was_framed
        from calibration_frame
        join calibration_set using (set_id)
        join attempt using (rollout_id)
        where calibration_set.dimension = $1
    ),
    said as (
        select rollout_id, avg(low) filter (state = 'assessed') as verdict
        from score
        where dimension = $1 and source = 'judge' and grader_id = $4 and grader_version = $5
        group by rollout_id
    )
    select
        rollout.rollout_id,
        rollout.instance_id,
        rollout.policy_id,
        instance.difficulty,
        stg_score.frame_low as low,
        stg_score.frame_high as high,
        said.verdict,
        rated.human,
        coalesce(rated.is_rated, false) as is_rated,
        coalesce(drawn.is_drawn, false) as is_drawn,
        coalesce(framed.was_framed, false) as was_framed
    from stg_score
    join attempt using (rollout_id)
    join rollout using (rollout_id, instance_id, policy_id, sample)
    join instance on instance.instance_id = rollout.instance_id
    join policy on policy.policy_id = rollout.policy_id
    left join said using (rollout_id)
    left join rated using (origin, instance_id, policy_id, sample)
    left join drawn using (origin, instance_id, policy_id, sample)
    left join framed using (origin, instance_id, policy_id, sample)
    where
        stg_score.dimension = $1
        and stg_score.family = $2
        and list_contains($3::varchar[], rollout.run_id)
        and rollout.status = 'completed'
        and regexp_matches(rollout.output, '\S')
        and instance.split <> 'seed'
        and if(
            len($6::varchar[]) = 0,
            list_contains($7::varchar[], policy.kind),
            list_contains($6::varchar[], policy.name) or list_contains($6::varchar[], policy.policy_id)
        )
    qualify row_number() over (
        partition by attempt.origin, rollout.instance_id, rollout.policy_id, rollout.sample
        order by rollout.run_id desc
    ) = 1
    order by rollout.rollout_id
"""
SCORED = """
    select distinct score.family, score.dimension
    from score
    join rollout using (rollout_id)
    join instance using (instance_id)
    where list_contains($1, rollout.run_id) and instance.split <> 'seed'
    order by all
"""
JUDGES = """
    select score.grader_id, last(score.grader_version order by run.started_at, run.run_id) as grader_version
    from score
    join rollout using (rollout_id)
    join run using (run_id)
    where score.dimension = $1 and score.family = $2 and score.source = 'judge' and list_contains($3, run.run_id)
    group by score.grader_id
    order by score.grader_id
"""


@dataclass(frozen=True)
class FrameRequest:
    """Which rollouts are of interest."""

    dimension: str
    family: str | None = None
    """None: the one that has the dimension."""
    runs: tuple[str, ...] = ()
    """Empty: all completed runs."""
    policies: tuple[str, ...] = ()
    """Names or policy_ids; empty: models, replays and simulated policies."""
    judge: str | None = None
    """Who banded before people rate; None: the only one that judged, else code alone."""
    again: bool = False
    """Also what was rated or drawn before."""
    only_new: bool = False
    """Only what stood in no earlier frame of this dimension."""


@dataclass(frozen=True)
class Frame:
    """What can be drawn."""

    dimension: str
    family: str
    rubric: JudgeRubric
    judge: str | None
    grader_version: str | None
    judges: Sequence[str]
    """All that judged the dimension."""
    runs: Sequence[str]
    population: pl.DataFrame
    """All rollouts of interest, drawn and rated ones among them; columns as `rows`, is_rated, is_drawn, was_framed."""
    rows: pl.DataFrame
    """rollout_id, instance_id, policy_id, difficulty, low, high, verdict, before_low, before_high: what can be drawn.

    `low` and `high` are what code proves, `before_low` and `before_high` with the verdict in it; all 0..1.
    """
    rated: pl.DataFrame
    """Columns as `rows`, and human: the rated rollouts of all completed runs."""

    @property
    def n_already_rated(self) -> int:
        """Rollouts of interest that were rated before and are left out."""
        return self._n_left_out(pl.col("is_rated"))

    @property
    def n_already_drawn(self) -> int:
        """Rollouts of interest that an earlier set holds, not rated yet, and that are left out."""
        return self._n_left_out(pl.col("is_drawn") & ~pl.col("is_rated"))

    @cached_property
    def population_hash(self) -> str:
        """Return the hash of all rollouts of interest and what was said of them; ratings do not change it."""
        columns = ("rollout_id", "policy_id", "before_low", "before_high", "low", "high", "difficulty")
        return content_hash(self.population.select(columns).rows())

    def _n_left_out(self, why: pl.Expr) -> int:
        return self.population.filter(why).join(self.rows, on="rollout_id", how="anti").height


def read_frame(warehouse: Warehouse, asked: FrameRequest) -> Frame:
    """Read what can be drawn.

    Raises:
        InputError: no such run, policy, judge or dimension, no rubric to rate by, several families, or nothing left.
    """
    completed = warehouse.sql("select run_id from run where status = 'completed' order by run_id")["run_id"].to_list()
    runs = _chosen_runs(warehouse, asked, completed)
    family = _family(warehouse, asked, runs)
    rubric = judge_rubrics(family)[asked.dimension]
    judges = dict(warehouse.sql(JUDGES, [asked.dimension, family, runs]).iter_rows())
    judge = _judge(asked, judges)
    version = judges[judge] if judge else None

    def rows(runs: Sequence[str], policies: Sequence[str]) -> pl.DataFrame:
        found = warehouse.sql(
            ROWS,
            [asked.dimension, family, list(runs), judge, version, list(policies), list(KINDS)],
        )
        return _said_before(found)

    population = rows(runs, asked.policies)
    n_ratings = warehouse.sql("select count(*) as n from rating where dimension = ?", [asked.dimension])["n"][0]
    if asked.policies:
        _require_policies(warehouse, asked.policies, population)
    if population.is_empty():
        raise InputError(
            f"no completed rollout of {family} in the runs and of the policies asked for has a score on "
            f"{asked.dimension!r} and an output; collect some with `assay run --family {family}`"
        )
    free = population.drop("human")
    if not asked.again:
        free = free.filter(~pl.col("is_rated") & ~pl.col("is_drawn"))
    if asked.only_new:
        free = free.filter(~pl.col("was_framed"))
    return Frame(
        dimension=asked.dimension,
        family=family,
        rubric=rubric,
        judge=judge,
        grader_version=version,
        judges=tuple(judges),
        runs=tuple(runs),
        population=population,
        rows=free,
        rated=(rows(completed, ()) if n_ratings else population).filter(pl.col("human").is_not_null()),
    )


def _chosen_runs(warehouse: Warehouse, asked: FrameRequest, completed: list[str]) -> list[str]:
    if not asked.runs:
        if not completed:
            raise InputError("there is no completed run to sample from; `assay run` makes one")
        return completed
    known = set(warehouse.sql("select run_id from run")["run_id"])
    for run_id in asked.runs:
        if run_id not in known:
            raise InputError(f"there is no run {run_id!r}; list them: assay sql 'from run'")
        if run_id not in completed:
            raise InputError(f"run {run_id} is not completed; finish it with `assay run --resume {run_id}`")
    return sorted(set(asked.runs))


def _family(warehouse: Warehouse, asked: FrameRequest, runs: list[str]) -> str:
    scored = list(warehouse.sql(SCORED, [runs]).iter_rows())
    families: list[str] = [family for family, dimension in scored if dimension == asked.dimension]
    can = sorted(f"{dimension} ({family})" for family, dimension in scored if dimension in judge_rubrics(family))
    told = f"dimensions with scores and a rubric: {', '.join(can) or 'none'}"
    if asked.family is not None:
        if asked.family not in families:
            raise InputError(f"{asked.family} has no score on a dimension {asked.dimension!r}; {told}")
        families = [asked.family]
    if not families:
        raise InputError(f"no rollout has a score on a dimension {asked.dimension!r}; {told}")
    rateable = [family for family in families if asked.dimension in judge_rubrics(family)]
    if not rateable:
        raise InputError(f"there is no rubric by which people could rate {asked.dimension!r}; {told}")
    if len(rateable) > 1:
        raise InputError(f"{', '.join(rateable)} have a dimension {asked.dimension!r}; choose one with --family")
    (family,) = rateable
    return family


def _judge(asked: FrameRequest, judges: dict[str, str]) -> str | None:
    if asked.judge is None:
        return next(iter(judges)) if len(judges) == 1 else None
    if asked.judge not in judges:
        known = ", ".join(judges) or "none"
        raise InputError(f"{asked.judge!r} judged no rollout on {asked.dimension!r}; judges that did: {known}")
    return asked.judge


def _require_policies(warehouse: Warehouse, asked: Sequence[str], population: pl.DataFrame) -> None:
    there = set(population["policy_id"])
    policies = warehouse.sql("select policy_id, name, kind from policy")
    usual = sorted(set(policies.filter(pl.col("kind").is_in(KINDS))["name"]))
    for name in asked:
        meant = policies.filter((pl.col("policy_id") == name) | (pl.col("name") == name))["policy_id"]
        if there.isdisjoint(meant):
            raise InputError(f"policy {name!r} has no rollout to rate in these runs; {nearest(name, usual)}")


def _said_before(rows: pl.DataFrame) -> pl.DataFrame:
    """Put the verdict, where there is one, into the frame that code leaves, as the reward does."""
    verdict = pl.col("verdict").clip(pl.col("low"), pl.col("high"))
    # 9 decimals: the reward quantum; a mean of 0.7 must not fall below it by a rounding error.
    return rows.with_columns(
        pl.coalesce(verdict, "low").round(9).alias("before_low"),
        pl.coalesce(verdict, "high").round(9).alias("before_high"),
    )
