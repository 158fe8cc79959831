"""The promotion gate: may a candidate take the place of a base, by conditions that stand in a file?

What cannot be measured is `unknown`, and unknown holds the candidate: no shared instances, fewer than ten, graders that
differ, a dimension nobody scored, too many rollouts lost or unassessed. Never is a gap in the data a pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log

import polars as pl

from flows.errors import InputError
from flows.gate.conditions import BestGainCondition, Condition, CountCondition, MeanCondition, needed
from flows.gate.evidence import ATTEMPTS, MOST_MISSING, SCORED, Evidence, UnknownError
from flows.settings import nearest
from warehouse import Warehouse

_EQUAL = 1e-9
"""Two numbers closer than this are equal; the reward quantum."""
_MOST_PLANNED = 1_000_000
POLICIES = "select policy_id, name, kind, cast(regime as varchar) as regime from policy"


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
    evidence = Evidence(
        before, after, attempts.filter(family=kind or ""),
        warehouse.sql(SCORED, [before, after, kind or "", list(runs), list(runs)]),
    )  # fmt: skip
    outcomes = tuple(_outcome(condition, evidence, condition.split or default) for condition in conditions)
    return Verdict(before, after, kind, default, outcomes)


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


def _outcome(condition: Condition, evidence: Evidence, split: str | None) -> Outcome:
    try:
        if isinstance(condition, CountCondition):
            return _count(condition, evidence, split)
        if isinstance(condition, BestGainCondition):
            return _best_gain(condition, evidence, split)
        return _mean(condition, evidence, split)
    except UnknownError as unknown:
        return Outcome(condition.name, condition.kind, split, None, needed(condition), detail=str(unknown))


def _mean(condition: MeanCondition, evidence: Evidence, split: str | None) -> Outcome:
    if condition.change_at_least is not None:
        measured, limit = _change(evidence, condition.dimension, split), condition.change_at_least
    else:
        assert condition.at_least is not None
        measured, limit = _level(evidence, condition.dimension, split), condition.at_least
    return _decided(condition, split, measured, limit, error=0.05)


def _best_gain(condition: BestGainCondition, evidence: Evidence, split: str | None) -> Outcome:
    # With one of them unknown the best is unknown: a misspelt name must not go unnoticed.
    found = {name: _change(evidence, name, split) for name in condition.dimensions}
    best = max(found, key=lambda name: found[name].estimate)
    # The best of several is picked for its luck, too: the bound is that of all of them together (Bonferroni).
    error = 0.05 / len(found)
    outcome = _decided(condition, split, found[best], condition.change_at_least, error)
    return Outcome(**{**vars(outcome), "detail": best})


def _level(evidence: Evidence, dimension: str, split: str | None) -> _Measured:
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


def _change(evidence: Evidence, dimension: str, split: str | None) -> _Measured:
    rollouts = evidence.rollouts(dimension, split)
    before, after = (evidence.side(policy, rollouts, dimension) for policy in (evidence.base, evidence.candidate))
    evidence.require_complete(split, dimension, before, after)
    shared = sorted(before.means.keys() & after.means.keys())
    n_left_out = len(before.attempted & after.attempted) - len(shared)
    if n_left_out > MOST_MISSING * (len(shared) + n_left_out):
        raise UnknownError(f"{n_left_out} of {len(shared) + n_left_out} shared instances are not assessed on one side")
    _require_instances(len(shared), "shared ")
    evidence.require_covered(split, after.attempted)
    of_base = sum(before.means[name] for name in shared) / len(shared)
    of_candidate = sum(after.means[name] for name in shared) / len(shared)
    changes = [after.means[name] - before.means[name] for name in shared]
    return _Measured(of_base, of_candidate, changes, (-1.0, 1.0))


def _require_instances(n: int, what: str = "") -> None:
    from warehouse.stats.paired import FEWEST_INSTANCES

    if n < FEWEST_INSTANCES:
        raise UnknownError(f"{n or 'no'} {what}instances; at least {FEWEST_INSTANCES} are needed")


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


def _count(condition: CountCondition, evidence: Evidence, split: str | None) -> Outcome:
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
    found = listed.filter(name=name).sort("policy_id")
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
