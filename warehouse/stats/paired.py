"""Did a mean move between two arms that attempted the same instances? The instance is the unit.

Pairing takes the difficulty of the instances out. Knows nothing of policies, dimensions or tables.

Rare changes are what a t test is worst at: with 59 instances of which every twentieth changes by 1, it calls the change
flat within .05 in one sample of five. So `flat` is claimed only where three agree: t test, bootstrap, and, where
fewer than ten instances changed, an exact bound that takes every change to be as large as can be. In simulations of
changes of exactly the margin (binary, zero-inflated, normal; 20 to 500 instances) that errs in 0 to 7 % of samples, the
t test alone in up to 37 %. What no instance showed stays unknown: with fewer than 59 of them, a rare jump beside many
small changes can be missed.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import ceil, sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from warehouse.stats.equivalence import instances_to_decide, tost
from warehouse.stats.multiple import holm
from warehouse.stats.shares import clopper_pearson

Status = Literal["moved", "flat", "regressed", "unclear"]
Interval = tuple[float, float]
Array = NDArray[np.float64]

FEWEST_INSTANCES = 10
"""With fewer there is no interval, only the values (judgement)."""
FEW_CHANGED = 10
"""Where fewer instances changed, their number is too small for means to be normal (judgement, simulated)."""
ERROR = 0.05
"""Of a claim."""
_EQUAL = 1e-9
"""Between two means that differ by rounding; the reward quantum."""
_BOOTSTRAPPED = range(20, 2001)
"""Numbers of instances for which the bootstrap is asked: below it is too short, above it says what t says."""
_DRAWS = 2000
_MOST_PLANNED = 1_000_000


@dataclass(frozen=True)
class PairedChange:
    """A change of a mean, and what may be said of it."""

    n: int
    """Instances that both arms attempted."""
    delta: float | None
    """Mean over instances of after - before; null without instances."""
    se: float | None
    """Standard error of it, by instance; null below two instances."""
    ci_low: float | None
    """95 % interval; null below ten instances."""
    ci_high: float | None
    p: float | None
    """Of no change at all, two-sided; null below ten instances."""
    p_holm: float | None
    """The same among all comparisons that are made together; p itself until `adjusted`."""
    tost_p: float | None
    """Of a change of the margin or more; null below ten instances and where the differences do not vary."""
    margin: float
    """Smallest change that matters."""
    status: Status
    n_to_decide: int | None
    """Instances that would probably decide it; null where it is decided, or where nothing can be planned."""
    reason: str
    """One sentence."""


def paired_change(
    before: Mapping[str, float], after: Mapping[str, float], margin: float, *, bound: float = 1.0, seed: int = 0
) -> PairedChange:
    """Compare two arms on the instances that both attempted.

    moved: p < .05, the 95 % interval above 0, and up by the margin or more. regressed: the same downwards. flat: shown
    to lie within the margin (module docstring). unclear: everything else.
    The p value is that of the paired t test; where fewer than ten instances changed, the larger of it and the exact
    sign-flip test's (R. A. Fisher (1935), The design of experiments, section 21).

    Args:
        before: instance -> mean over its rollouts, in reward units.
        after: the same of the other arm.
        margin: smallest change that matters, above 0, in the same unit.
        bound: the largest change that is possible, in the same unit.
        seed: of the bootstrap.

    Raises:
        ValueError: no margin.
    """
    if margin <= 0:
        raise ValueError(f"a margin of {margin} leaves no room; it must be above 0")
    shared = sorted(before.keys() & after.keys())
    differences = np.array([after[name] - before[name] for name in shared])
    # Rounding is no change.
    differences[np.abs(differences) < _EQUAL] = 0.0
    n = len(shared)
    delta = float(differences.mean()) if n else None
    se = float(differences.std(ddof=1)) / sqrt(n) if n > 1 else None
    undecided = PairedChange(n, delta, se, None, None, None, None, None, margin, "unclear", None, "")
    if n < FEWEST_INSTANCES:
        needed = _instances_needed(differences, margin, bound) if n > 1 else None
        what = "no shared instances" if not n else "1 shared instance" if n == 1 else f"{n} shared instances"
        return replace(undecided, n_to_decide=needed, reason=f"{what}; at least {FEWEST_INSTANCES} are needed.")
    low, high = interval(differences.tolist(), 0.95, (-bound, bound), seed)
    p = _p_of_no_change(differences)
    varies = np.ptp(differences) > _EQUAL
    change = replace(
        undecided, ci_low=low, ci_high=high, p=p, p_holm=p,
        tost_p=tost(differences.tolist(), margin).p if varies else None,
    )  # fmt: skip
    within = _within_margin(differences, change, bound, seed)
    if within is not None:
        shown = f"the 90 % interval {within[0]:+.3f} to {within[1]:+.3f} lies within {margin:g} of no change"
        return replace(change, status="flat", reason=f"{n} instances show {delta:+.3f}, and {shown}.")
    change = replace(change, n_to_decide=_instances_needed(differences, margin, bound))
    return _judged(change)


def adjusted(changes: Sequence[PairedChange]) -> list[PairedChange]:
    """Return comparisons that are made together, with p values after Holm and claims withdrawn that do not survive."""
    tested = [change for change in changes if change.p is not None]
    corrected = iter(holm([change.p for change in tested if change.p is not None]))
    return [
        change if change.p is None else _judged(replace(change, p_holm=next(corrected)))
        for change in changes
    ]  # fmt: skip


def interval(values: Sequence[float], confidence: float, ends: Interval, seed: int = 0) -> Interval:
    """Return an interval of a mean over instances.

    BCa bootstrap over instances for 20 to 2000 of them (B. Efron (1987), JASA 82; scipy), Student's t for fewer and
    for more. Values that do not vary have no such interval: up to 1 - ((1 - confidence) / 2)^(1/n) of the instances
    (Clopper and Pearson) may be other than all that were seen, as far off as can be.

    Args:
        values: one per instance, two at least.
        confidence: between 0 and 1, two-sided.
        ends: lowest and highest value there can be; the interval stays within.
        seed: of the bootstrap.
    """
    given, n = np.asarray(values, dtype=float), len(values)
    lowest, highest = ends
    middle = float(given.mean())
    if np.ptp(given) <= _EQUAL:
        share = _share_at_most(0, n, (1 - confidence) / 2)
        return middle - share * (middle - lowest), middle + share * (highest - middle)
    half = float(stats.t.ppf(0.5 + confidence / 2, n - 1) * given.std(ddof=1) / sqrt(n))
    low, high = middle - half, middle + half
    if n in _BOOTSTRAPPED:
        with warnings.catch_warnings():
            # Where it has no answer it says nan, which is looked at below.
            warnings.simplefilter("ignore")
            found = stats.bootstrap(
                (given,), np.mean, n_resamples=_DRAWS, confidence_level=confidence, method="BCa",
                rng=np.random.default_rng(seed), batch=max(1, 10**6 // n),
            ).confidence_interval  # fmt: skip
        if np.isfinite(found.low) and np.isfinite(found.high):
            low, high = float(found.low), float(found.high)
    return max(lowest, low), min(highest, high)


def _within_margin(differences: Array, change: PairedChange, bound: float, seed: int) -> Interval | None:
    """Return the 90 % interval where everything agrees that the mean lies within the margin, else None."""
    margin = change.margin
    if change.tost_p is not None and change.tost_p >= ERROR:
        return None
    low, high = interval(differences.tolist(), 1 - 2 * ERROR, (-bound, bound), seed)
    if not -margin <= low <= high <= margin:
        return None
    middle, off, n_changed = _changed(differences, margin)
    if n_changed < FEW_CHANGED:
        share = _share_at_most(n_changed, len(differences), ERROR)
        if abs(middle) + off + share * bound > margin:
            return None
    return low, high


def _changed(differences: Array, margin: float) -> tuple[float, float, int]:
    """Return the median, how far others that count as alike are off it, and the number that are further off."""
    middle = float(np.median(differences))
    off = np.abs(differences - middle)
    # A tenth of the margin: noise must not make a rare jump look like one of many values (judgement).
    alike = off <= margin / 10
    return middle, float(off[alike].max(initial=0.0)), int((~alike).sum())


def _p_of_no_change(differences: Array) -> float:
    nonzero = differences[differences != 0]
    if not len(nonzero):
        return 1.0
    by_t = float(stats.ttest_1samp(differences, 0.0).pvalue) if np.ptp(differences) > _EQUAL else 0.0
    if np.ptp(differences) <= _EQUAL:
        # All alike: of the 2^n ways to turn signs, two are as extreme.
        return float(2.0 ** (1 - len(differences)))
    return max(by_t, _sign_flips(nonzero)) if len(nonzero) < FEW_CHANGED else by_t


def _sign_flips(nonzero: Array) -> float:
    signs = np.array(list(product((1.0, -1.0), repeat=len(nonzero))))
    return float((np.abs(signs @ nonzero) >= abs(nonzero.sum()) - _EQUAL).mean())


def _instances_needed(differences: Array, margin: float, bound: float) -> int:
    """Return how many instances prove that nothing changed, if nothing did, by all that `flat` asks for."""
    by_spread = instances_to_decide(float(differences.std(ddof=1)), margin)
    _, off, n_changed = _changed(differences, margin)
    room = (margin - off) / bound
    if n_changed >= FEW_CHANGED or not 0 < room < 1:
        return max(FEWEST_INSTANCES, by_spread)
    # Clopper and Pearson's bound falls with n: search between what is certainly too few and enough.
    few, enough = n_changed, max(100, ceil(20 * (n_changed + 1) / room))
    while enough - few > 1:
        half = (few + enough) // 2
        few, enough = (few, half) if _share_at_most(n_changed, half, ERROR) <= room + 1e-12 else (half, enough)
    return max(FEWEST_INSTANCES, by_spread, enough)


def _judged(change: PairedChange) -> PairedChange:
    """Say what may be said, where it is not flat."""
    if change.status == "flat" or change.delta is None or change.p is None or change.p_holm is None:
        return change
    assert change.ci_low is not None
    assert change.ci_high is not None
    far = abs(change.delta) >= change.margin - _EQUAL
    if far and change.ci_low > 0 and change.p_holm < ERROR:
        reason = f"Up by {change.delta:.3f} ({_ends(change)}), p = {_p(change.p_holm)} among all comparisons."
        return replace(change, status="moved", n_to_decide=None, reason=reason)
    if far and change.ci_high < 0 and change.p < ERROR:
        reason = f"Down by {-change.delta:.3f} ({_ends(change)}), p = {_p(change.p)}."
        return replace(change, status="regressed", n_to_decide=None, reason=reason)
    return _unclear(change)


def _unclear(change: PairedChange) -> PairedChange:
    needed = change.n_to_decide if change.n_to_decide is not None and change.n_to_decide > change.n else _by_gap(change)
    seen = f"{change.n} instances show {change.delta:+.3f} ({_ends(change)})"
    said = f"neither a change of {change.margin:g} nor its absence is shown"
    more = f"; {needed:,} instances would decide it" if needed else "; it lies too near the margin to plan for"
    return replace(change, status="unclear", n_to_decide=needed, reason=f"{seen}: {said}{more}.")


def _by_gap(change: PairedChange) -> int | None:
    """Return the instances needed if the change is what it seems: to prove it, or that it stays within the margin."""
    assert change.delta is not None
    assert change.se is not None
    assert change.p is not None
    sd, gap = change.se * sqrt(change.n), change.margin - abs(change.delta)
    level = 1 - ERROR
    if gap <= _EQUAL:
        # What Holm makes of the level, among the comparisons that were made with it.
        level = 1 - ERROR / 2 * (min(1.0, change.p / change.p_holm) if change.p_holm else 1.0)
        gap = abs(change.delta)
    needed = ((stats.norm.ppf(level) + stats.norm.ppf(0.8)) * sd / gap) ** 2
    # An estimate of what it takes cannot be fewer than were not enough.
    return max(change.n + 1, ceil(needed)) if needed < _MOST_PLANNED else None


def _ends(change: PairedChange) -> str:
    return f"95 % interval {change.ci_low:+.3f} to {change.ci_high:+.3f}"


def _p(value: float) -> str:
    return "0.0001 or less" if value < 0.0001 else f"{value:.4f}"


def _share_at_most(k: int, n: int, error: float) -> float:
    return clopper_pearson(k, n, 1 - error, "upper")[1]
