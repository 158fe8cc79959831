"""Does a score tell a weak policy from a strong one, or a light damage from a heavy one?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from warehouse.stats.clusters import bootstrap_interval
from warehouse.stats.interval import Interval, t_interval
from warehouse.stats.values import FloatArray, Numbers, finite, same_length

Status = Literal["separate", "reversed", "not_separate", "unknown"]

DECIMALS = 9
"""The reward quantum, as the views round: a rounding error must not win a comparison."""


def auc(weak: Numbers, strong: Numbers) -> float:
    """Return the chance that a strong rollout scores above a weak one, ties counted half.

    U / (n_weak * n_strong), U by scipy.stats.mannwhitneyu. Source: Mann and Whitney (1947). No assumption about the
    distribution. `difficulty.auc` is the same in SQL.

    Args:
        weak: rewards of the weak policy, 1 and up of them.
        strong: rewards of the strong policy.

    Returns:
        0..1; 0.5 where nothing tells them apart, below it the weaker does better.

    Raises:
        ValueError: no rewards on a side, or one that is no number.
    """
    from scipy.stats import mannwhitneyu

    low, high = _rounded(weak, "weak"), _rounded(strong, "strong")
    # The asymptotic method only spares the exact p value, of which nothing is read.
    return float(mannwhitneyu(high, low, method="asymptotic").statistic) / (len(low) * len(high))


def somers_d(doses: Numbers, scores: Numbers) -> float | None:
    """Return how surely a higher dose of damage means a lower score.

    (falls - rises) / pairs of different dose, by scipy.stats.somersd with the sign turned. Source: Somers (1962). Ties
    of scores stay in the denominator, since a tie is blindness and must cost: 1, 1, 1, .75, .5 over doses 0 to 4 gets
    0.7, where Kendall's tau-b forgives the two blind doses and says 0.837. The probability of a fall, ties half, is
    (D + 1) / 2. `monotonicity.somers_d` is the same in SQL, pairs of one ladder only.

    Args:
        doses: severity of each output of one ladder.
        scores: its scores, in the same order.

    Returns:
        -1..1; 0 where all scores are equal (scipy says NaN, but blindness is known, not undefined); None where no two
        doses differ: there is nothing to compare.

    Raises:
        ValueError: columns of different length, or values that are no numbers.
    """
    from scipy.stats import somersd

    given, found = finite(doses, "doses"), _rounded(scores, "scores")
    same_length(doses=given, scores=found)
    if len(np.unique(given)) < 2:
        return None
    if len(np.unique(found)) < 2:
        return 0.0
    # Ranks of distinct values: somersd builds its table from them.
    return -float(somersd(np.unique(given, return_inverse=True)[1], np.unique(found, return_inverse=True)[1]).statistic)


@dataclass(frozen=True, slots=True)
class SpanDiscrimination:
    """How far a weak and a strong policy are apart on the same instances."""

    difference: Interval
    """Strong mean less weak mean, mean over instances; Student's t."""
    auc: Interval
    """Mean over instances of the chance that strong beats weak; bootstrap over instances."""
    n_unpaired: int
    """Instances with rollouts of one policy only; no part of any figure here."""
    status: Status
    """By the interval of the difference: above 0, below 0, around 0; unknown without one. `span_separation` says it in
    SQL, from two instances on."""


def span_discrimination(
    weak: Mapping[str, Numbers], strong: Mapping[str, Numbers], confidence: float = 0.95, seed: int = 0
) -> SpanDiscrimination:
    """Return whether the ends of a span of policies differ, and which way.

    Paired by instance: D_i = mean(strong_i) - mean(weak_i) and AUC_i, averaged over instances; so the difficulty of an
    instance cancels. `reversed` means that the worse policy earns more: suspect the task or its grader.

    Args:
        weak: instance -> rewards of the weak policy there.
        strong: the same for the strong policy, in stated regimes.
        confidence: 0..1, exclusive.
        seed: of the bootstrap.

    Returns:
        Intervals without ends below 10 shared instances, or where all of them say the same.

    Raises:
        ValueError: no instance has rollouts of both, or a reward that is no number.
    """
    shared = sorted(weak.keys() & strong.keys())
    if not shared:
        raise ValueError("no instance has rollouts of both policies; run both on the same instances")
    gaps = [_mean(strong[name], "strong") - _mean(weak[name], "weak") for name in shared]
    difference = t_interval(gaps, confidence)
    chances = bootstrap_interval([auc(weak[name], strong[name]) for name in shared], confidence=confidence, seed=seed)
    n_unpaired = len(weak.keys() ^ strong.keys())
    return SpanDiscrimination(difference, chances, n_unpaired, _status(difference))


def _status(difference: Interval) -> Status:
    if difference.low is None or difference.high is None:
        return "unknown"
    if difference.low > 0:
        return "separate"
    return "reversed" if difference.high < 0 else "not_separate"


def _mean(values: Numbers, name: str) -> float:
    return float(finite(values, name).mean())


def _rounded(values: Numbers, name: str) -> FloatArray:
    return np.round(finite(values, name), DECIMALS)
