"""Where a change of a mean came from: other tasks, another grader, another policy, or more of it settled.

Knows nothing of runs and graders: it takes, for each instance, what was measured in either run and, where that is
known, what the other run's grader makes of the very same outputs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

MIN_INSTANCES = 10
"""Below so many instances no interval is claimed: with few clusters it is too short."""


@dataclass(frozen=True)
class Measured:
    """One policy on one instance in one run: means over its rollouts, all in 0..1."""

    low: float
    """What is proven."""
    high: float
    """What is not ruled out."""
    crossed: float | None = None
    """Midpoint of the same outputs under the grader of the other run; None: not known."""

    @property
    def mid(self) -> float:
        return (self.low + self.high) / 2

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class Parts:
    """A change and its parts, which add up to it; -1..1 each."""

    task_mix: float
    """From instances that only one of the runs has."""
    grader: float
    """From grading the same outputs otherwise."""
    policy: float
    """From other outputs, graded alike."""
    inseparable: float
    """From policy or grader: the outputs differ, the graders differ, and nothing tells the two apart."""
    unassessed: float
    """From half the width of the intervals: what is proven rises where less is left open."""

    @property
    def total(self) -> float:
        """The change that the parts add up to."""
        return self.task_mix + self.grader + self.policy + self.inseparable + self.unassessed


@dataclass(frozen=True)
class Decomposition:
    """How a mean changed from one run to another."""

    before: float
    """Mean over instances of the mean low end, 0..1."""
    after: float
    parts: Parts
    policy_low: float | None
    """95 % interval of the policy's part; None below 10 instances on which it is known."""
    policy_high: float | None
    n_before: int
    """Instances."""
    n_after: int
    n_shared: int
    n_separable: int
    """Shared instances on which policy and grader can be told apart."""

    @property
    def change(self) -> float:
        return self.after - self.before


def decompose(before: Mapping[str, Measured], after: Mapping[str, Measured]) -> Decomposition:
    """Split the change of a mean low end into parts that add up to it.

    With L the mean of the low ends over instances, S the shared instances, m the midpoint and h half the width, low =
    m - h, so that

        L_after - L_before = [(L_after - L_after(S)) - (L_before - L_before(S))]     task mix
                             + mean over S of (m_after - m_before)                   policy and grader
                             - mean over S of (h_after - h_before)                   unassessed

    On an instance whose earlier outputs are known under the later grader, at x, the grader's part is x - m_before and
    the policy's m_after - x; where the later outputs are known under the earlier grader instead, at y, they are
    m_after - y and y - m_before; else the two cannot be told apart. An exact telescoping sum (an Oaxaca-Blinder
    decomposition with one reference; R. Oaxaca 1973, A. Blinder 1973), not an estimate. The interval of the policy's
    part is Student's t over instances, k - 1 degrees of freedom: it assumes that instances are independent.

    Args:
        before, after: instance -> what was measured on it, one instance at least.

    Raises:
        ValueError: nothing was measured in one of the runs.
    """
    if not before or not after:
        raise ValueError("a change of a mean takes instances in both runs")
    shared = sorted(before.keys() & after.keys())
    mean_before, mean_after = _mean_low(before.values()), _mean_low(after.values())
    pairs = [(before[name], after[name]) for name in shared]
    splits = [_split(first, second) for first, second in pairs]
    known = [split for split in splits if split is not None]
    inseparable = [
        second.mid - first.mid for (first, second), split in zip(pairs, splits, strict=True) if split is None
    ]
    k = len(shared)
    shared_before = _mean_low(first for first, _ in pairs) if pairs else 0.0
    shared_after = _mean_low(second for _, second in pairs) if pairs else 0.0
    parts = Parts(
        task_mix=(mean_after - shared_after) - (mean_before - shared_before),
        grader=sum(grader for grader, _ in known) / max(1, k),
        policy=sum(policy for _, policy in known) / max(1, k),
        inseparable=sum(inseparable) / max(1, k),
        unassessed=sum(first.half_width - second.half_width for first, second in pairs) / max(1, k),
    )
    low, high = _interval([policy for _, policy in known], k)
    return Decomposition(mean_before, mean_after, parts, low, high, len(before), len(after), k, len(known))


def _mean_low(measured: Iterable[Measured]) -> float:
    return fmean(one.low for one in measured)


def _split(first: Measured, second: Measured) -> tuple[float, float] | None:
    """Return the grader's and the policy's part on one instance, None where they cannot be told apart."""
    if first.crossed is not None:
        return first.crossed - first.mid, second.mid - first.crossed
    if second.crossed is not None:
        return second.mid - second.crossed, second.crossed - first.mid
    return None


def _interval(parts: Sequence[float], k: int) -> tuple[float | None, float | None]:
    """Return the 95 % interval of the policy's part of the whole change: instances where it is not known count 0."""
    n = len(parts)
    if n < MIN_INSTANCES:
        return None, None
    from scipy import stats  # takes longer to load than most commands to run

    share, mean = n / k, fmean(parts)
    half = float(stats.t.ppf(0.975, n - 1)) * stdev(parts) / sqrt(n)
    return share * (mean - half), share * (mean + half)
