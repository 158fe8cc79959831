"""How far ratings of one thing lie apart, in units of the score: what may be compared between good work and bad.

Coefficients of agreement may not: they fall with the range of what is rated, whatever raters do.
"""

from dataclasses import dataclass

import numpy as np

from warehouse.stats.estimate import Estimate
from warehouse.stats.interval import MIN_CLUSTERS, checked_confidence
from warehouse.stats.ratings import NO_DISAGREEMENT, NO_PAIR, ONE_DECIDES, jackknife
from warehouse.stats.values import FloatArray


@dataclass(frozen=True, slots=True)
class SdRatio:
    """A standard deviation over another one, both of ratings of one thing."""

    value: float | None
    """Above 1: the first is larger; None with a reason."""
    low: float | None = None
    high: float | None = None
    p: float | None = None
    """Two-sided, of a ratio of 1."""
    n_one: int = 0
    """Units behind the first."""
    n_other: int = 0
    """Units behind the second; one can be behind both."""
    reason: str | None = None


def within_sd(squares: FloatArray, freedom: FloatArray, confidence: float = 0.95) -> Estimate:
    """Return the standard deviation of one rating around its unit's mean, pooled, with a jackknife interval over units.

    sqrt(sum of squares / sum of degrees of freedom); the interval is made for its logarithm.

    Args:
        squares: of each unit, sum of squared deviations of its ratings from their mean (for a pair, half the squared
            difference), times what the unit weighs.
        freedom: of each unit, its ratings - 1, times what the unit weighs; 0: the unit has no part in it.
        confidence: 0..1, exclusive.

    Returns:
        The standard deviation, 0 and up; None without a pair; without ends below 10 units, and where no ratings differ.
    """
    checked_confidence(confidence)
    squares, freedom = squares[freedom > 0], freedom[freedom > 0]
    n = len(squares)
    if not n:
        return Estimate(None, reason=NO_PAIR)
    value = float(np.sqrt(squares.sum() / freedom.sum()))
    if n < MIN_CLUSTERS:
        return Estimate(value, n=n, reason=f"{n} units; an interval needs {MIN_CLUSTERS}")
    reason = _why_no_spread(squares)
    if reason:
        return Estimate(value, n=n, reason=reason)
    low, high = jackknife(_log_sd(squares, freedom), _log_sd_without(squares, freedom)).ends(confidence)
    return Estimate(value, float(np.exp(low)), float(np.exp(high)), n)


def sd_ratio(
    squares: FloatArray,
    freedom: FloatArray,
    other_squares: FloatArray,
    other_freedom: FloatArray,
    confidence: float = 0.95,
) -> SdRatio:
    """Return how many times as far apart ratings lie in one part of the units, or pairs, as in another.

    The logarithm of the ratio of the two pooled standard deviations, with a jackknife over units; one unit can have
    pairs in both parts, and is left out of both at once.

    Args:
        squares: as `within_sd`, of each unit in the first part.
        freedom: as `within_sd`, in the first part.
        other_squares: of the same units in the second part.
        other_freedom: in the second part.
        confidence: 0..1, exclusive.

    Returns:
        The ratio; None where a part has fewer than 10 units, or no disagreement.
    """
    checked_confidence(confidence)
    n_one, n_other = int(np.count_nonzero(freedom > 0)), int(np.count_nonzero(other_freedom > 0))
    if min(n_one, n_other) < MIN_CLUSTERS:
        text = f"{n_one} and {n_other} units in the two parts; a ratio needs {MIN_CLUSTERS} in each"
        return SdRatio(None, n_one=n_one, n_other=n_other, reason=text)
    reason = _why_no_spread(squares) or _why_no_spread(other_squares)
    if reason:
        return SdRatio(None, n_one=n_one, n_other=n_other, reason=reason)
    kept = (freedom > 0) | (other_freedom > 0)
    one, other = (squares[kept], freedom[kept]), (other_squares[kept], other_freedom[kept])
    whole = _log_sd(*one) - _log_sd(*other)
    found = jackknife(whole, _log_sd_without(*one) - _log_sd_without(*other))
    low, high = (float(np.exp(end)) for end in found.ends(confidence))
    return SdRatio(float(np.exp(whole)), low, high, found.p_of(0.0), n_one, n_other)


def _why_no_spread(squares: FloatArray) -> str | None:
    total = float(squares.sum())
    if total <= 1e-18:
        return NO_DISAGREEMENT
    return ONE_DECIDES if total - float(squares.max()) <= 1e-9 * total else None


def _log_sd(squares: FloatArray, freedom: FloatArray) -> float:
    return 0.5 * float(np.log(squares.sum() / freedom.sum()))


def _log_sd_without(squares: FloatArray, freedom: FloatArray) -> FloatArray:
    left: FloatArray = 0.5 * np.log((squares.sum() - squares) / (freedom.sum() - freedom))
    return left
