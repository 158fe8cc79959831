"""What two policies were scored on, and whether that is enough to compare them.

A gap in the data is never a pass: what is missing is said and raised, and whoever asked has no answer.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from warehouse import Warehouse

MOST_MISSING = 0.05
"""Larger shares of rollouts that are lost or unassessed leave a condition unknown (judgement)."""
_LOST = "{} lost {:,} of {:,} rollouts; run them again"
_UNGRADED = "{} has no grade for {:,} of {:,} rollouts: a grader failed on them, or no score was recorded"

# A regrade copies what its source collected: each attempt counts once.
ATTEMPTS = """
    with attempt as (
        select
            stg_attempt.policy_id, stg_attempt.family, instance.split, stg_attempt.instance_id,
            bool_and(stg_attempt.is_lost) as is_lost, bool_or(stg_attempt.is_graded) as is_graded
        from stg_attempt
        join run using (run_id)
        join stg_origin using (run_id)
        join instance using (instance_id)
        where stg_attempt.policy_id in (?, ?)
            and run.status = 'completed' and (len(?::varchar[]) = 0 or list_contains(?::varchar[], run.run_id))
        group by
            stg_attempt.policy_id, stg_attempt.family, instance.split, stg_attempt.instance_id, stg_attempt.sample,
            stg_origin.origin
    )
    select
        policy_id, family, split, instance_id, count(*) as n, count(*) filter (is_lost) as n_lost,
        count(*) filter (not is_lost and not is_graded) as n_ungraded
    from attempt
    group by all
"""
SCORED = """
    with attempt as materialized (
        select
            stg_attempt.rollout_id, stg_attempt.run_id, stg_attempt.instance_id, stg_attempt.policy_id,
            stg_attempt.family, instance.split, stg_attempt.rubric_id, stg_attempt.reward, stg_attempt.reward_high,
            stg_attempt.sample, stg_origin.origin,
            -- What graders read of the rubric: under other thresholds the same version scores otherwise.
            coalesce(
                ', thresholds ' || left(md5(nullif(json_extract_string(rubric.content, '$.thresholds'), '{}')), 6), ''
            ) as thresholds,
            stg_attempt.assessed_weight >= stg_threshold.ready_weight - 1e-9 as is_ready
        from stg_attempt
        join run using (run_id)
        join stg_origin using (run_id)
        join stg_threshold using (run_id)
        join instance using (instance_id)
        left join rubric on rubric.rubric_id = stg_attempt.rubric_id
        where stg_attempt.policy_id in (?, ?) and stg_attempt.family = ? and stg_attempt.is_graded
            and run.status = 'completed' and (len(?::varchar[]) = 0 or list_contains(?::varchar[], run.run_id))
    ),
    -- A rollout without a score on a dimension that its run grades: not known, [0, 1].
    scored as (
        select
            attempt.*, stg_grader.dimension, coalesce(stg_score.low, 0.0) as low, coalesce(stg_score.high, 1.0) as high,
            coalesce(stg_score.state not in ('unassessed', 'error'), false) as is_assessed,
            stg_grader.graders || attempt.thresholds as graders, stg_grader.is_mixed
        from attempt
        join stg_grader using (run_id, policy_id, family)
        left join stg_score
            on stg_score.rollout_id = attempt.rollout_id and stg_score.dimension = stg_grader.dimension
        where stg_grader.dimension <> 'composite'
        union all
        select
            attempt.*, 'composite', attempt.reward, attempt.reward_high, attempt.is_ready,
            attempt.rubric_id || ' of ' || coalesce(stg_grader.graders, ''), coalesce(stg_grader.is_mixed, false)
        from attempt
        left join stg_grader
            on stg_grader.run_id = attempt.run_id
            and stg_grader.policy_id = attempt.policy_id
            and stg_grader.family = attempt.family
            and stg_grader.dimension = 'composite'
    )
    select policy_id, split, dimension, instance_id, rollout_id, low, high, is_assessed, graders, is_mixed
    from scored
    -- A run and its regrade under equal graders hold the same attempts.
    qualify
        row_number() over (
            partition by origin, policy_id, instance_id, sample, dimension, graders order by run_id
        ) = 1
"""


COMPARED = """
    select distinct stg_attempt.run_id
    from stg_attempt
    join run using (run_id)
    where
        stg_attempt.policy_id in ($1, $2) and stg_attempt.is_graded and run.status = 'completed'
        and ($3 is null or stg_attempt.family = $3)
        and (len($4::varchar[]) = 0 or list_contains($4::varchar[], run.run_id))
    order by all
"""


class UnknownError(Exception):
    """A condition that cannot be measured; the text says why."""


def runs_compared(
    warehouse: Warehouse, base: str, candidate: str, family: str | None, runs: Sequence[str]
) -> list[str]:
    """Return the runs whose rewards two policies are compared by."""
    found = warehouse.sql(COMPARED, [base, candidate, family, list(runs)])
    return [str(run_id) for run_id in found["run_id"]]


@dataclass(frozen=True)
class Side:
    """One policy on one dimension and split, under graders that both sides have."""

    means: Mapping[str, float]
    """Instance -> mean over its assessed rollouts."""
    attempted: frozenset[str]
    """Instances with a graded rollout."""
    share_unassessed: float
    width: float
    """Mean over instances of high - low of what counts, 0..1: how much is left open."""


@dataclass(frozen=True)
class Evidence:
    """All that two policies were scored on."""

    base: str
    candidate: str
    attempts: pl.DataFrame
    scored: pl.DataFrame

    @cached_property
    def dimensions(self) -> list[str]:
        return sorted(self.scored["dimension"].unique())

    def rollouts(self, dimension: str, split: str | None, *, both: bool = True) -> pl.DataFrame:
        """Return the graded rollouts of both policies on a dimension, under graders that they have in common.

        Raises:
            UnknownError: there is nothing to compare.
        """
        if dimension not in self.dimensions:
            there = f"there are {', '.join(self.dimensions)}" if self.dimensions else "nothing was scored"
            raise UnknownError(f"no score of {dimension!r}; {there}")
        here = self.scored.filter((pl.col("dimension") == dimension) & (pl.col("split") == (split or "")))
        for policy in (self.base, self.candidate) if both else (self.candidate,):
            if here.filter(policy_id=policy).is_empty():
                raise UnknownError(
                    f"{policy} has no graded rollouts on split {split or '(none)'!r}{self._elsewhere(policy)}"
                )
        pure = here.filter(~pl.col("is_mixed"))
        graders = {policy: set(pure.filter(policy_id=policy)["graders"]) for policy in (self.base, self.candidate)}
        allowed = graders[self.base] & graders[self.candidate] or (set() if both else graders[self.candidate])
        if not allowed:
            raise UnknownError("graded differently, or in several versions; grade both alike with `assay regrade`")
        sizes = pure.filter(pl.col("graders").is_in(sorted(allowed))).group_by("graders").len().sort("len", "graders")
        return pure.filter(graders=sizes["graders"][-1])

    def _elsewhere(self, policy: str) -> str:
        """Say on which splits a policy has any."""
        splits = self.scored.filter(policy_id=policy)["split"].unique().sort().to_list()
        return f"; it has some on {', '.join(splits)}" if splits else ""

    def side(self, policy: str, rollouts: pl.DataFrame, dimension: str) -> Side:
        """Return what one policy earned on each instance."""
        own = rollouts.filter(policy_id=policy)
        # Of a composite every rollout counts with what is proven; of a dimension those about which something is known.
        counted = own if dimension == "composite" else own.filter("is_assessed")
        by_instance = counted.group_by("instance_id").agg(pl.col("low").mean(), pl.col("high").mean())
        means = dict(by_instance.select("instance_id", "low").iter_rows())
        width = float((by_instance["high"] - by_instance["low"]).mean() or 0.0)  # type: ignore[arg-type]
        unassessed = float((~own["is_assessed"]).mean() or 0.0) if own.height else 0.0  # type: ignore[arg-type]
        return Side(means, frozenset(own["instance_id"]), unassessed, width)

    def require_arrived(self, split: str | None) -> None:
        """Refuse to decide where too many attempts came to nothing.

        Raises:
            UnknownError: too many rollouts were lost, or no grader could grade them.
        """
        here = self.attempts.filter(split=split or "").group_by("policy_id", maintain_order=True)
        for row in here.agg(pl.col("n", "n_lost", "n_ungraded").sum()).iter_rows(named=True):
            for n, what in ((row["n_lost"], _LOST), (row["n_ungraded"], _UNGRADED)):
                if n > MOST_MISSING * row["n"]:
                    raise UnknownError(what.format(row["policy_id"], n, row["n"]))

    def of_base(self, split: str | None) -> frozenset[str]:
        """Return the instances that the base attempted, whatever came of it."""
        return frozenset(self.attempts.filter(split=split or "", policy_id=self.base)["instance_id"])

    def require_covered(self, split: str | None, attempted: Collection[str]) -> None:
        """Refuse to decide on a part of the tasks: whoever leaves out the hard ones looks better.

        Raises:
            UnknownError: the base attempted too many instances that are missing here.
        """
        of_base = self.of_base(split)
        n_missing = len(of_base.difference(attempted))
        if n_missing > MOST_MISSING * len(of_base):
            raise UnknownError(
                f"of the {len(of_base):,} instances that {self.base} attempted, {n_missing:,} are missing for "
                f"{self.candidate}; let it attempt them, or name the runs that count with --run"
            )

    def require_complete(self, split: str | None, dimension: str, *sides: Side) -> None:
        """Refuse to decide where too much is missing.

        Raises:
            UnknownError: too many rollouts were lost or not graded, or too many are unassessed.
        """
        self.require_arrived(split)
        shares = [side.share_unassessed for side in sides]
        if dimension == "composite":
            if max(shares) - min(shares) > MOST_MISSING:
                raise UnknownError(f"not ready: {' against '.join(f'{share:.0%}' for share in shares)} of the rollouts")
        elif max(shares) > MOST_MISSING:
            raise UnknownError(f"{max(shares):.0%} of the rollouts of one side are unassessed on {dimension}")
        widths = [side.width for side in sides]
        if max(widths) - min(widths) > MOST_MISSING:
            raise UnknownError(
                f"what is proven cannot be compared: on average {' against '.join(f'{one:.2f}' for one in widths)} of "
                "the score is left open"
            )
