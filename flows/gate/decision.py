"""The promotion gate: may a candidate take the place of a base, by conditions that stand in a file?

What cannot be measured is `unknown`, and unknown holds the candidate: no shared instances, fewer than ten, graders that
differ, a dimension nobody scored, too many rollouts lost or unassessed. Never is a gap in the data a pass.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, log

import polars as pl

from flows.errors import InputError
from flows.gate.conditions import BestGainCondition, Condition, CountCondition, MeanCondition, needed
from flows.settings import nearest
from warehouse import Warehouse

MOST_MISSING = 0.05
"""Larger shares of rollouts that are lost or unassessed leave a condition unknown (judgement)."""
_EQUAL = 1e-9
"""Two numbers closer than this are equal; the reward quantum."""
_MOST_PLANNED = 1_000_000
_LOST = "{} lost {:,} of {:,} rollouts; run them again"
_UNGRADED = "{} has no grade for {:,} of {:,} rollouts: a grader failed on them, or no score was recorded"

POLICIES = "select policy_id, name, kind, cast(regime as varchar) as regime from policy"
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


@dataclass(frozen=True)
class Outcome:
    """What came of one condition."""

    name: str
    kind: str
    split: str | None
    holds: bool | None
    """None: unknown."""
    needed: str
    base: float | None = None
    """Mean or count; None where there is none."""
    candidate: float | None = None
    change: float | None = None
    low: float | None = None
    """One-sided 95 % lower bound of what is decided on: the change, or the candidate's mean."""
    high: float | None = None
    """One-sided 95 % upper bound."""
    n_instances: int = 0
    n_to_decide: int | None = None
    """Instances that would settle which side of the limit it is on; None where that is settled or cannot be planned."""
    detail: str = ""
    """Why it is unknown, or which dimension was the best."""


@dataclass(frozen=True)
class Verdict:
    """What came of a gate."""

    base: str
    candidate: str
    family: str | None
    split: str | None
    outcomes: tuple[Outcome, ...]

    @property
    def promote(self) -> bool:
        return all(outcome.holds is True for outcome in self.outcomes)

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        failed = [outcome.name for outcome in self.outcomes if outcome.holds is False]
        unknown = [outcome.name for outcome in self.outcomes if outcome.holds is None]
        if self.promote:
            return f"promote: {self.candidate} meets all {len(self.outcomes)} conditions against {self.base}"
        said = [f"fails {_quoted(failed)}"] if failed else []
        said += [f"leaves unknown {_quoted(unknown)}"] if unknown else []
        return f"hold: {self.candidate} {' and '.join(said)}"


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def decide(
    warehouse: Warehouse,
    base: str,
    candidate: str,
    conditions: Sequence[Condition],
    *,
    family: str | None = None,
    split: str | None = None,
    runs: Sequence[str] = (),
) -> Verdict:
    """Hold a candidate against a base.

    Args:
        warehouse: what was measured.
        base: name or policy_id.
        candidate: name or policy_id.
        conditions: all of which must hold.
        family: kind of task; None: the only one that both attempted.
        split: where conditions are measured that name none; None: the only one that no condition names.
        runs: only these; empty: all completed runs.

    Raises:
        InputError: an unknown or ambiguous policy, run, family or split.
    """
    listed = warehouse.sql(POLICIES)
    before, after = _policy(listed, base, "--base"), _policy(listed, candidate, "--candidate")
    if before == after:
        raise InputError(f"--base and --candidate are both {before!r}; name two policies")
    _require_runs(warehouse, runs)
    attempts = warehouse.sql(ATTEMPTS, [before, after, list(runs), list(runs)])
    kind = _family(attempts, before, after, family)
    default = split or _default_split(attempts.filter(family=kind) if kind else attempts, conditions)
    evidence = _Evidence(
        before, after, attempts.filter(family=kind or ""),
        warehouse.sql(SCORED, [before, after, kind or "", list(runs), list(runs)]),
    )  # fmt: skip
    outcomes = tuple(_outcome(condition, evidence, condition.split or default) for condition in conditions)
    return Verdict(before, after, kind, default, outcomes)


class _UnknownError(Exception):
    """A condition that cannot be measured; the text says why."""


@dataclass(frozen=True)
class _Side:
    """One policy on one dimension and split, under graders that both sides have."""

    means: Mapping[str, float]
    """Instance -> mean over its assessed rollouts."""
    attempted: frozenset[str]
    """Instances with a graded rollout."""
    share_unassessed: float
    width: float
    """Mean over instances of high - low of what counts, 0..1: how much is left open."""


@dataclass(frozen=True)
class _Evidence:
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
            _UnknownError: there is nothing to compare.
        """
        if dimension not in self.dimensions:
            there = f"there are {', '.join(self.dimensions)}" if self.dimensions else "nothing was scored"
            raise _UnknownError(f"no score of {dimension!r}; {there}")
        here = self.scored.filter((pl.col("dimension") == dimension) & (pl.col("split") == (split or "")))
        for policy in (self.base, self.candidate) if both else (self.candidate,):
            if here.filter(policy_id=policy).is_empty():
                raise _UnknownError(
                    f"{policy} has no graded rollouts on split {split or '(none)'!r}{self._elsewhere(policy)}"
                )
        pure = here.filter(~pl.col("is_mixed"))
        graders = {policy: set(pure.filter(policy_id=policy)["graders"]) for policy in (self.base, self.candidate)}
        allowed = graders[self.base] & graders[self.candidate] or (set() if both else graders[self.candidate])
        if not allowed:
            raise _UnknownError("graded differently, or in several versions; grade both alike with `assay regrade`")
        sizes = pure.filter(pl.col("graders").is_in(sorted(allowed))).group_by("graders").len().sort("len", "graders")
        return pure.filter(graders=sizes["graders"][-1])

    def _elsewhere(self, policy: str) -> str:
        """Say on which splits a policy has any."""
        splits = self.scored.filter(policy_id=policy)["split"].unique().sort().to_list()
        return f"; it has some on {', '.join(splits)}" if splits else ""

    def side(self, policy: str, rollouts: pl.DataFrame, dimension: str) -> _Side:
        """Return what one policy earned on each instance."""
        own = rollouts.filter(policy_id=policy)
        # Of a composite every rollout counts with what is proven; of a dimension those about which something is known.
        counted = own if dimension == "composite" else own.filter("is_assessed")
        by_instance = counted.group_by("instance_id").agg(pl.col("low").mean(), pl.col("high").mean())
        means = dict(by_instance.select("instance_id", "low").iter_rows())
        width = float((by_instance["high"] - by_instance["low"]).mean() or 0.0)  # type: ignore[arg-type]
        unassessed = float((~own["is_assessed"]).mean() or 0.0) if own.height else 0.0  # type: ignore[arg-type]
        return _Side(means, frozenset(own["instance_id"]), unassessed, width)

    def require_arrived(self, split: str | None) -> None:
        """Refuse to decide where too many attempts came to nothing.

        Raises:
            _UnknownError: too many rollouts were lost, or no grader could grade them.
        """
        here = self.attempts.filter(split=split or "").group_by("policy_id", maintain_order=True)
        for row in here.agg(pl.col("n", "n_lost", "n_ungraded").sum()).iter_rows(named=True):
            for n, what in ((row["n_lost"], _LOST), (row["n_ungraded"], _UNGRADED)):
                if n > MOST_MISSING * row["n"]:
                    raise _UnknownError(what.format(row["policy_id"], n, row["n"]))

    def of_base(self, split: str | None) -> frozenset[str]:
        """Return the instances that the base attempted, whatever came of it."""
        return frozenset(self.attempts.filter(split=split or "", policy_id=self.base)["instance_id"])

    def require_covered(self, split: str | None, attempted: Collection[str]) -> None:
        """Refuse to decide on a part of the tasks: whoever leaves out the hard ones looks better.

        Raises:
            _UnknownError: the base attempted too many instances that are missing here.
        """
        of_base = self.of_base(split)
        n_missing = len(of_base.difference(attempted))
        if n_missing > MOST_MISSING * len(of_base):
            raise _UnknownError(
                f"of the {len(of_base):,} instances that {self.base} attempted, {n_missing:,} are missing for "
                f"{self.candidate}; let it attempt them, or name the runs that count with --run"
            )

    def require_complete(self, split: str | None, dimension: str, *sides: _Side) -> None:
        """Refuse to decide where too much is missing.

        Raises:
            _UnknownError: too many rollouts were lost or not graded, or too many are unassessed.
        """
        self.require_arrived(split)
        shares = [side.share_unassessed for side in sides]
        if dimension == "composite":
            if max(shares) - min(shares) > MOST_MISSING:
                raise _UnknownError(
                    f"not ready: {' against '.join(f'{share:.0%}' for share in shares)} of the rollouts"
                )
        elif max(shares) > MOST_MISSING:
            raise _UnknownError(f"{max(shares):.0%} of the rollouts of one side are unassessed on {dimension}")
        widths = [side.width for side in sides]
        if max(widths) - min(widths) > MOST_MISSING:
            raise _UnknownError(
                f"what is proven cannot be compared: on average {' against '.join(f'{one:.2f}' for one in widths)} of "
                "the score is left open"
            )


@dataclass(frozen=True)
class _Measured:
    """A number to decide on, over instances."""

    base: float | None
    candidate: float
    values: Sequence[float]
    """One per instance: the changes, or the candidate's means."""
    ends: tuple[float, float]

    @property
    def estimate(self) -> float:
        return sum(self.values) / len(self.values)


def _outcome(condition: Condition, evidence: _Evidence, split: str | None) -> Outcome:
    try:
        if isinstance(condition, CountCondition):
            return _count(condition, evidence, split)
        if isinstance(condition, BestGainCondition):
            return _best_gain(condition, evidence, split)
        return _mean(condition, evidence, split)
    except _UnknownError as unknown:
        return Outcome(condition.name, condition.kind, split, None, needed(condition), detail=str(unknown))


def _mean(condition: MeanCondition, evidence: _Evidence, split: str | None) -> Outcome:
    if condition.change_at_least is not None:
        measured, limit = _change(evidence, condition.dimension, split), condition.change_at_least
    else:
        assert condition.at_least is not None
        measured, limit = _level(evidence, condition.dimension, split), condition.at_least
    return _decided(condition, split, measured, limit, error=0.05)


def _best_gain(condition: BestGainCondition, evidence: _Evidence, split: str | None) -> Outcome:
    # With one of them unknown the best is unknown: a misspelt name must not go unnoticed.
    found = {name: _change(evidence, name, split) for name in condition.dimensions}
    best = max(found, key=lambda name: found[name].estimate)
    # The best of several is picked for its luck, too: the bound is that of all of them together (Bonferroni).
    error = 0.05 / len(found)
    outcome = _decided(condition, split, found[best], condition.change_at_least, error)
    return Outcome(**{**vars(outcome), "detail": best})


def _level(evidence: _Evidence, dimension: str, split: str | None) -> _Measured:
    rollouts = evidence.rollouts(dimension, split, both=False)
    before, after = (evidence.side(policy, rollouts, dimension) for policy in (evidence.base, evidence.candidate))
    evidence.require_complete(split, dimension, after)
    # Tasks that the base was never given, easy ones most of all, raise no mean.
    of_both = evidence.of_base(split) or after.attempted
    values = [after.means[name] for name in sorted(after.means) if name in of_both]
    _require_instances(len(values))
    evidence.require_covered(split, after.attempted)
    of_base = sum(before.means.values()) / len(before.means) if before.means else None
    return _Measured(of_base, sum(values) / len(values), values, (0.0, 1.0))


def _change(evidence: _Evidence, dimension: str, split: str | None) -> _Measured:
    rollouts = evidence.rollouts(dimension, split)
    before, after = (evidence.side(policy, rollouts, dimension) for policy in (evidence.base, evidence.candidate))
    evidence.require_complete(split, dimension, before, after)
    shared = sorted(before.means.keys() & after.means.keys())
    n_left_out = len(before.attempted & after.attempted) - len(shared)
    if n_left_out > MOST_MISSING * (len(shared) + n_left_out):
        raise _UnknownError(f"{n_left_out} of {len(shared) + n_left_out} shared instances are not assessed on one side")
    _require_instances(len(shared), "shared ")
    evidence.require_covered(split, after.attempted)
    of_base = sum(before.means[name] for name in shared) / len(shared)
    of_candidate = sum(after.means[name] for name in shared) / len(shared)
    changes = [after.means[name] - before.means[name] for name in shared]
    return _Measured(of_base, of_candidate, changes, (-1.0, 1.0))


def _require_instances(n: int, what: str = "") -> None:
    from warehouse.stats.paired import FEWEST_INSTANCES

    if n < FEWEST_INSTANCES:
        raise _UnknownError(f"{n or 'no'} {what}instances; at least {FEWEST_INSTANCES} are needed")


def _decided(
    condition: MeanCondition | BestGainCondition,
    split: str | None,
    measured: _Measured,
    limit: float,
    error: float,
) -> Outcome:
    from warehouse.stats.paired import interval

    low, high = interval(measured.values, 1 - 2 * error, measured.ends)
    decisive = low if condition.on == "lower" else measured.estimate
    is_open = low < limit - _EQUAL and limit <= high
    return Outcome(
        condition.name,
        condition.kind,
        split,
        decisive >= limit - _EQUAL,
        needed(condition),
        base=measured.base,
        candidate=measured.candidate,
        change=None if measured.base is None else measured.candidate - measured.base,
        low=low,
        high=high,
        n_instances=len(measured.values),
        n_to_decide=_instances_to_settle(measured, limit, error) if is_open else None,
    )


def _instances_to_settle(measured: _Measured, limit: float, error: float) -> int | None:
    """Return the instances with which the bound would lie on the side of the limit that the estimate is on."""
    from scipy import stats

    n, gap = len(measured.values), abs(measured.estimate - limit)
    spread = pl.Series(measured.values).std()
    sd = spread if isinstance(spread, float) else 0.0
    if gap <= _EQUAL:
        return None
    if sd <= _EQUAL:
        # All alike: 1 - error^(1/n) of the instances may be as far off as can be.
        reach = abs(measured.estimate - measured.ends[0 if measured.estimate > limit else 1])
        enough = log(error) / log(1 - gap / reach) if gap < reach else 0.0
    else:
        enough = float(((stats.norm.ppf(1 - error) + stats.norm.ppf(0.8)) * sd / gap) ** 2)
    return max(n + 1, ceil(enough)) if enough < _MOST_PLANNED else None


def _count(condition: CountCondition, evidence: _Evidence, split: str | None) -> Outcome:
    """Count rollouts; where a score is not settled, between those that certainly and those that possibly count."""
    met: pl.DataFrame | None = None
    for where in condition.where:
        rollouts = evidence.rollouts(where.dimension, split, both=condition.change_at_most is not None)
        certain, possible = pl.lit(True), pl.lit(True)
        if where.at_least is not None:
            certain &= pl.col("low") >= where.at_least - _EQUAL
            possible &= pl.col("high") >= where.at_least - _EQUAL
        if where.below is not None:
            certain &= pl.col("high") < where.below - _EQUAL
            possible &= pl.col("low") < where.below - _EQUAL
        own = rollouts.select(
            "policy_id", "instance_id", "rollout_id", certain.alias("certain"), possible.alias("possible")
        )
        met = own if met is None else _both(met, own)
    assert met is not None
    evidence.require_arrived(split)
    before, after = met.filter(policy_id=evidence.base), met.filter(policy_id=evidence.candidate)
    if condition.change_at_most is None:
        _require_instances(after["instance_id"].n_unique())
        evidence.require_covered(split, after["instance_id"])
        return _counted(condition, split, None, _Counted.of(after), condition.at_most or 0.0)
    shared = sorted(set(before["instance_id"]) & set(after["instance_id"]))
    before, after = (side.filter(pl.col("instance_id").is_in(shared)) for side in (before, after))
    _require_instances(len(shared), "shared ")
    evidence.require_covered(split, after["instance_id"])
    of_base = _Counted.of(before)
    # As many attempts as the base made: twice the samples must not look like twice the hacking.
    of_candidate = _Counted.of(after, scale=before.height / after.height)
    return _counted(condition, split, of_base, of_candidate, condition.change_at_most)


def _both(one: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    joined = one.join(other, on=["policy_id", "instance_id", "rollout_id"], suffix="_other")
    return joined.select(
        "policy_id", "instance_id", "rollout_id", pl.col("certain") & pl.col("certain_other"),
        pl.col("possible") & pl.col("possible_other"),
    )  # fmt: skip


@dataclass(frozen=True)
class _Counted:
    """How many rollouts meet something, at least and at most."""

    certain: float
    possible: float
    n_instances: int

    @classmethod
    def of(cls, rollouts: pl.DataFrame, scale: float = 1.0) -> "_Counted":
        certain, possible = (int(rollouts[name].sum()) * scale for name in ("certain", "possible"))
        return cls(certain, possible, rollouts["instance_id"].n_unique())


def _counted(
    condition: CountCondition, split: str | None, base: _Counted | None, candidate: _Counted, limit: float
) -> Outcome:
    from_below, from_above = (0.0, 0.0) if base is None else (base.certain, base.possible)
    worst, best = candidate.possible - from_below, candidate.certain - from_above
    holds = True if worst <= limit + _EQUAL else False if best > limit + _EQUAL else None
    is_settled = worst - best <= _EQUAL
    return Outcome(
        condition.name, condition.kind, split, holds, needed(condition),
        base=None if base is None else base.certain,
        candidate=candidate.certain,
        change=None if base is None else candidate.certain - base.certain,
        n_instances=candidate.n_instances,
        detail="" if is_settled else f"{candidate.certain:g} to {candidate.possible:g}: scores are not settled",
    )  # fmt: skip


def _policy(listed: pl.DataFrame, name: str, option: str) -> str:
    if name in listed["policy_id"]:
        return name
    found = listed.filter(name=name)
    if found.height == 1:
        return str(found["policy_id"][0])
    if found.height:
        each = "; ".join(
            f"{policy_id} {regime}" for policy_id, regime in found.select("policy_id", "regime").iter_rows()
        )
        raise InputError(f"{option}: {name!r} took part in several regimes; name one by its identifier: {each}")
    known = listed.filter(~pl.col("kind").is_in(["ladder", "probe", "oracle"]))["name"].unique().sort().to_list()
    raise InputError(f"{option}: there is no policy {name!r} here; {nearest(name, known)}")


def _require_runs(warehouse: Warehouse, runs: Sequence[str]) -> None:
    known = dict(warehouse.sql("select run_id, status from run").iter_rows())
    for run in runs:
        if known.get(run) != "completed":
            what = f"run {run!r} is {known[run]}" if run in known else f"there is no run {run!r}"
            raise InputError(
                f"--run: {what}; completed runs: {', '.join(r for r, s in known.items() if s == 'completed')}"
            )


def _family(attempts: pl.DataFrame, base: str, candidate: str, said: str | None) -> str | None:
    of_base, of_candidate = (set(attempts.filter(policy_id=policy)["family"]) for policy in (base, candidate))
    known = sorted(of_base | of_candidate)
    if said is not None:
        if said not in known:
            raise InputError(f"--family: neither attempted {said!r}; they attempted {', '.join(known) or 'nothing'}")
        return said
    shared = sorted(of_base & of_candidate) or known
    if len(shared) > 1:
        raise InputError(f"the policies attempted several families; name one with --family: {', '.join(shared)}")
    return shared[0] if shared else None


def _default_split(attempts: pl.DataFrame, conditions: Sequence[Condition]) -> str | None:
    if all(condition.split for condition in conditions):
        return None
    named = {condition.split for condition in conditions}
    left = sorted(set(attempts["split"]) - named)
    if len(left) > 1:
        raise InputError(f"the policies attempted several splits; name one with --split: {', '.join(left)}")
    return left[0] if left else None
