"""What a run says, asked of the warehouse once and shown in the terminal, in artifacts and as JSON."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from flows.trust import NO_JUDGES, Told, told
from warehouse import Warehouse
from warehouse.location import Location

COUNTS = """
    select
        count(*) as rollouts,
        count(distinct rollout.instance_id) as instances,
        count(*) filter (not stg_attempt.is_graded) as errors,
        min(rollout.error) as first_error
    from rollout join stg_attempt using (rollout_id)
    where rollout.run_id = ?
"""

# Ladders, probes and the oracle attempt an instance once and form no group.
VERDICTS = """
    select instance.family, policy.name as policy, task_verdict.verdict, task_verdict.resolved, count(*) as groups
    from task_verdict
    join policy using (policy_id)
    join instance using (instance_id)
    where task_verdict.run_id = ? and policy.kind in ('model', 'simulated', 'replay')
    group by all
    order by all
"""

PROBES = """
    select family, probe, kind, max_reward, mean_reward, floor, max_lift, weak_mean, share_beating_weak_median, holds
    from probe_floor
    where run_id = ?
    order by family, kind <> 'zero', max_reward desc, probe
"""

# The composite last: it is what the dimensions add up to.
CONFUSION = """
    select family, operator, dimension, expected, n_pairs, moved_share, mean_drop, agrees
    from grader_confusion
    where run_id = ?
    order by family, operator, dimension = 'composite', dimension
"""

MONOTONICITY = """
    select family, operator, dimension, n_pairs, n_violations, violation_rate, somers_d
    from monotonicity
    where run_id = ? and dimension = 'composite'
    order by all
"""

DIFFICULTY = """
    select
        instance.family,
        any_value(difficulty.weak_policy) as weak_policy,
        any_value(difficulty.strong_policy) as strong_policy,
        count(*) as n_instances,
        avg(difficulty.weak_mean) as weak_mean,
        avg(difficulty.strong_mean) as strong_mean,
        quantile_cont(difficulty.difficulty, 0.1) as p10,
        quantile_cont(difficulty.difficulty, 0.5) as median,
        quantile_cont(difficulty.difficulty, 0.9) as p90,
        avg(difficulty.discrimination) as discrimination
    from difficulty join instance using (instance_id)
    where difficulty.run_id = ?
    group by instance.family
    order by instance.family
"""

SEPARATION = """
    select
        span_separation.family, lower.name as lower, higher.name as higher, is_whole_span, n_instances, lower_mean,
        higher_mean, gap, ci_low, ci_high, separation
    from span_separation
    join policy as lower on lower.policy_id = lower_policy
    join policy as higher on higher.policy_id = higher_policy
    where run_id = ?
    order by span_separation.family, is_whole_span desc, lower_mean, lower.name
"""

ORACLE = """
    select family, count(*) as n, min(reward) as min_reward
    from stg_attempt
    where run_id = ? and policy_id = 'oracle' and is_graded
    group by family
    order by family
"""

LIMITS = """
    select distinct
        known_limit.family, known_limit.name, known_limit.text, known_limit.shown_by,
        known_limit.excuses::varchar[] as excuses
    from known_limit
    join instance using (family)
    join rollout using (instance_id)
    where rollout.run_id = ?
    order by all
"""

# Where nobody was asked, what is said of judges has no rows, and to find that out takes half as long as all the rest.
IS_JUDGED = """
    select exists(
        select 1 from score join rollout using (rollout_id) where rollout.run_id = ? and score.source = 'judge'
    ) as is_judged
"""

# The same goes for what is said of probes and ladders where none took part.
KINDS = """
    select distinct policy.kind
    from rollout join policy using (policy_id)
    where rollout.run_id = ?
"""

# What is given as a reason may say more behind a colon.
JUDGES = """
    with asked as (
        select
            score.family,
            score.dimension,
            score.grader_id as judge,
            count(*) as n_asked,
            count(*) filter (score.state <> 'assessed') as n_without_verdict,
            mode(split_part(score.reason, ':', 1)) filter (score.state <> 'assessed') as most_frequent_reason,
            bool_and(coalesce(score.is_trusted, true)) as counts
        from score
        join rollout using (rollout_id)
        where rollout.run_id = $1 and score.source = 'judge'
        group by all
    )
    select
        asked.family, asked.judge, asked.dimension, asked.n_asked, asked.n_without_verdict, asked.most_frequent_reason,
        judge_noise.noise_sd, judge_noise.level_agreement, asked.counts
    from asked
    left join judge_noise
        on judge_noise.run_id = $1 and judge_noise.family = asked.family
        and judge_noise.dimension = asked.dimension and judge_noise.judge = asked.judge
    order by asked.family, asked.judge, asked.dimension
"""

FLIPS = """
    select
        order_flips.family,
        policy.name as policy,
        count(*) as n_groups,
        avg(noise_sd) as noise_sd,
        avg(flip_probability) as flip_probability,
        avg(min_gap_for_5_percent) as min_gap_for_5_percent
    from order_flips
    join policy using (policy_id)
    where run_id = ?
    group by all
    order by all
"""

# The attacks together, then each.
LIFT = """
    select
        family, judge, dimension, probe, n_instances, mean_without, mean_with, lift, ci_low, ci_high,
        share_without_verdict, share_flagged, is_lifted
    from judge_lift
    where run_id = ?
    order by family, judge, dimension, probe <> '(all)', lift desc nulls last, probe
"""

SPENT = """
    select spender, calls, input_tokens, output_tokens, cached_tokens, cost_usd
    from spend
    where run_id = ? and kind = 'judge'
    order by spender
"""


SPEND = """
    select coalesce(sum(known_usd), 0) as known_usd, coalesce(cast(sum(n_unpriced) as bigint), 0) as n_unpriced
    from spend
    where run_id = ?
"""

LATEST = """
    select run_id
    from run
    where
        status = 'completed'
        and run_id not in (select rollout.run_id from rollout join instance using (instance_id) where split = 'seed')
    order by started_at desc
    limit 1
"""


NO_PROBES = pl.DataFrame(
    schema={
        "family": pl.String, "probe": pl.String, "kind": pl.String, "max_reward": pl.Float64,
        "mean_reward": pl.Float64, "floor": pl.Float64, "max_lift": pl.Float64, "weak_mean": pl.Float64,
        "share_beating_weak_median": pl.Float64, "holds": pl.Boolean,
    }
)  # fmt: skip
NO_CONFUSION = pl.DataFrame(
    schema={
        "family": pl.String, "operator": pl.String, "dimension": pl.String, "expected": pl.String,
        "n_pairs": pl.Int64, "moved_share": pl.Float64, "mean_drop": pl.Float64, "agrees": pl.Boolean,
    }
)  # fmt: skip
NO_ORDER = pl.DataFrame(
    schema={
        "family": pl.String, "operator": pl.String, "dimension": pl.String, "n_pairs": pl.Int64,
        "n_violations": pl.Int64, "violation_rate": pl.Float64, "somers_d": pl.Float64,
    }
)  # fmt: skip
ASKED_AT_ONCE = 2
"""Questions that are put to the warehouse at the same time."""
POOLED = "(all)"
"""What judge_lift calls all attacks together."""
REWARD = "reward"
"""What a limit excuses that a probe shows."""
EXPECTED = {"moves": "lower", "still": "leave alone", "no_gain": "not raise"}
"""What an operator should do to a dimension, as a sentence goes on."""


@dataclass(frozen=True)
class RunSummary:
    """The answers of one run."""

    run_id: str
    counts: dict[str, Any]
    verdicts: pl.DataFrame
    """family, policy, verdict, resolved, groups."""
    probes: pl.DataFrame
    """family, probe, kind, max_reward, mean_reward, floor, max_lift, weak_mean, share_beating_weak_median, holds."""
    confusion: pl.DataFrame
    """family, operator, dimension, expected, n_pairs, moved_share, mean_drop, agrees."""
    monotonicity: pl.DataFrame
    """family, operator, dimension, n_pairs, n_violations, violation_rate, somers_d; the composite only."""
    difficulty: pl.DataFrame
    """family, anchors, means, deciles of the difficulty."""
    separation: pl.DataFrame
    """family, lower, higher, is_whole_span, n_instances, lower_mean, higher_mean, gap, ci_low, ci_high, separation."""
    oracle: pl.DataFrame
    """family, n, min_reward."""
    limits: pl.DataFrame
    """family, name, text, shown_by, excuses."""
    judges: pl.DataFrame = field(default_factory=pl.DataFrame)
    """No rows and columns, like the next three, where no judge was asked. family, judge, dimension,
    n_asked, n_without_verdict, most_frequent_reason, noise_sd, level_agreement, counts."""
    flips: pl.DataFrame = field(default_factory=pl.DataFrame)
    """family, policy, n_groups, noise_sd, flip_probability, min_gap_for_5_percent."""
    lift: pl.DataFrame = field(default_factory=pl.DataFrame)
    """family, judge, dimension, probe, n_instances, means, lift, ci_low, ci_high, shares, is_lifted."""
    spent: pl.DataFrame = field(default_factory=pl.DataFrame)
    """spender, calls, input_tokens, output_tokens, cached_tokens, cost_usd; of the judges."""
    spend: dict[str, Any] = field(default_factory=dict)
    """known_usd, n_unpriced: of models and judges together."""
    trust: Told = NO_JUDGES
    """What has to be said about the judges."""

    def verdict_totals(self) -> dict[str, int]:
        """Return verdict -> number of groups, the most frequent first."""
        totals = (
            self.verdicts.group_by("verdict").agg(pl.col("groups").sum()).sort("groups", "verdict", descending=True)
        )
        return dict(totals.iter_rows())

    def breaches(self) -> list[str]:
        """Return, one line each, what does not hold: the oracle, the floor, expectations, order.

        What a grader declares as a known limit is no breach in the dimension that the limit names: it is listed as
        that. A limit that no longer shows is one.
        """
        return [
            *self.unmeasured(),
            *self._oracle_breaches(),
            *self._floor_breaches(),
            *self._unknown_expectations(),
            *self._expectation_breaches(),
            *self._order_breaches(),
            *self._limits_gone(),
            *self._lifted(),
        ]

    def unmeasured(self) -> list[str]:
        """Return, a few words each, what an audit measures and this run did not."""
        measured = {"oracle": self.oracle, "probes": self.probes, "ladders": self.confusion}
        return [f"{what}: nothing was measured" for what, frame in measured.items() if not frame.height]

    def _oracle_breaches(self) -> list[str]:
        return [
            f"{family}: the oracle earns {reward:.3f} on some instance, not 1"
            for family, _, reward in self.oracle.iter_rows()
            if reward < 1 - 1e-9
        ]

    def _floor_breaches(self) -> list[str]:
        return [
            f"{row['family']}: probe {row['probe']} {_gain(row)}"
            for row in self.probes.iter_rows(named=True)
            if row["holds"] is not True and not self._is_excused(row["family"], row["probe"], REWARD)
        ]

    def _unknown_expectations(self) -> list[str]:
        """An operator that applied, and a dimension of its expectations that nobody scores: a slip of the pen."""
        applied = self.confusion.filter(pl.col("n_pairs").max().over("family", "operator") > 0)
        return [
            f"{row['family']}: {row['operator']} should {EXPECTED[row['expected']]} {row['dimension']}, "
            "which the grader never scored"
            for row in applied.filter(n_pairs=0).iter_rows(named=True)
            if row["expected"] in EXPECTED
        ]

    def _expectation_breaches(self) -> list[str]:
        return [
            f"{row['family']}: {row['operator']} should {EXPECTED[row['expected']]} {row['dimension']}, "
            f"which {'rose' if row['expected'] == 'no_gain' else 'moved'} in {row['moved_share']:.0%} of the instances"
            for row in self.confusion.iter_rows(named=True)
            if row["agrees"] is False and not self._is_excused(row["family"], row["operator"], row["dimension"])
        ]

    def _order_breaches(self) -> list[str]:
        return [
            f"{row['family']}: {row['operator']}: worse scored higher in "
            f"{row['n_violations']} of {row['n_pairs']} pairs"
            for row in self.monotonicity.iter_rows(named=True)
            if row["n_violations"]
        ]

    def _lifted(self) -> list[str]:
        """A judge that an attack sways, for sure: it is kept from seeing those that code knows, and no others."""
        if not self.lift.height:
            return []
        return [
            f"{row['family']}: attacks raise what {row['judge']} says of {row['dimension']} by {row['lift']:.3f} "
            f"(95 % interval {row['ci_low']:.3f} to {row['ci_high']:.3f})"
            for row in self.lift.filter(probe=POOLED, is_lifted=True).iter_rows(named=True)
        ]

    def _limits_gone(self) -> list[str]:
        if self.judges.height and self.judges["counts"].any():
            return []  # limits are those of code, and here judges have a say, too
        held = {
            (row["family"], row["probe"], REWARD) for row in self.probes.filter(holds=True).iter_rows(named=True)
        } | {
            (row["family"], row["operator"], row["dimension"])
            for row in self.confusion.filter(agrees=True).iter_rows(named=True)
        }
        return sorted(
            f"{limit['family']}: limit {limit['name']} excuses {limit['shown_by']} ({aspect}), which holds; take it out"
            for limit in self.limits.iter_rows(named=True)
            for aspect in limit["excuses"]
            if (limit["family"], limit["shown_by"], aspect) in held
        )

    def _is_excused(self, family: str, shown_by: str, aspect: str) -> bool:
        shown = self.limits.filter(family=family, shown_by=shown_by)
        return any(aspect in excuses for excuses in shown["excuses"])


def summarise(db: Location, run_id: str) -> RunSummary:
    """Ask a warehouse what a run says."""
    frames = {
        "verdicts": VERDICTS,
        "difficulty": DIFFICULTY,
        "separation": SEPARATION,
        "oracle": ORACLE,
        "limits": LIMITS,
    }
    unasked = {"probes": NO_PROBES, "confusion": NO_CONFUSION, "monotonicity": NO_ORDER}
    with Warehouse.open(db, read_only=True) as warehouse, ThreadPoolExecutor(ASKED_AT_ONCE) as threads:
        kinds = set(warehouse.sql(KINDS, [run_id])["kind"])
        if "probe" in kinds:
            frames |= {"probes": PROBES}
        if "ladder" in kinds:
            frames |= {"confusion": CONFUSION, "monotonicity": MONOTONICITY}
        if warehouse.sql(IS_JUDGED, [run_id])["is_judged"][0]:
            frames |= {"judges": JUDGES, "flips": FLIPS, "lift": LIFT, "spent": SPENT}
        # The engine plans a question on one core, and works on few rows on one.
        asked = {name: threads.submit(warehouse.sql, query, [run_id]) for name, query in frames.items()}
        counts, spend = (threads.submit(warehouse.sql, query, [run_id]) for query in (COUNTS, SPEND))
        trust = told(warehouse, [run_id])
        return RunSummary(
            run_id=run_id,
            counts=counts.result().row(0, named=True),
            spend=spend.result().row(0, named=True),
            trust=trust,
            **{**unasked, **{name: frame.result() for name, frame in asked.items()}},
        )


def latest_run(db: Location) -> str | None:
    """Return the completed run that began last; one of seed examples answers for a judge and for no task."""
    with Warehouse.open(db, read_only=True) as warehouse:
        found = warehouse.sql(LATEST)
    return str(found["run_id"][0]) if found.height else None


def _gain(probe: dict[str, Any]) -> str:
    if probe["holds"] is None:
        return "has no output without the trick to be compared with"
    if probe["kind"] == "zero":
        return f"earns {probe['max_reward']:.3f}, the floor is {probe['floor']:.2f}"
    return f"gains {probe['max_lift']:.3f} over the same output without the trick"
