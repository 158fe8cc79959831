"""The gate for judges: how sure agreement with people must be, and how many more ratings would make it so.

The view `judge_calibration` says the same of its rows; the numbers stand in both, and a test holds them together.
"""

from math import ceil
from statistics import NormalDist

from warehouse.stats.estimate import Estimate

TOLERANCE = 0.125
"""Judge and people agree where they are no further apart: half a level of five, so that no other level is nearer."""
CALIBRATED_FROM = 0.80
"""A judge is calibrated where the lower end of its agreement reaches it (the gate of the reference harness)."""
EXCLUDED_BELOW = 0.70
"""A judge is excluded where the upper end of its agreement stays below it (same source)."""
MIN_RATED = 30
"""Fewer rollouts decide nothing (judgement: at 30, 29 that agree are just enough)."""


def ratings_to_decide(agreement: Estimate, confidence: float = 0.95) -> int | None:
    """Return how many further rollouts to rate would decide about a judge, if they agree as those that were rated.

    An end of Wilson's interval of a share p among n is the bound c where n (p - c)^2 = z^2 c (1 - c) (E. B. Wilson
    1927), so n follows from the bound. What the given interval says about p is as much as that of so many independent
    rollouts; weights, and rollouts of one task that are alike, make each further one count for less than one.

    Args:
        agreement: share, 0..1, its interval, and how many rollouts it is of.
        confidence: of the interval.

    Returns:
        0 where it is decided; None where no number decides it: agreement between the two bounds, and no interval.
    """
    share, n = agreement.value, agreement.n
    if share is None:
        return MIN_RATED
    z_squared = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    alike = _independent(share, agreement, z_squared)
    if alike is None:
        return max(MIN_RATED - n, 0) or None
    if share > CALIBRATED_FROM:
        bound = CALIBRATED_FROM
    elif share < EXCLUDED_BELOW:
        bound = EXCLUDED_BELOW
    else:
        # More ratings only move it nearer to where it is; but up to 30 it may still turn out otherwise.
        return None if n >= MIN_RATED else MIN_RATED - n
    needed = z_squared * bound * (1 - bound) / (share - bound) ** 2
    # 1e-9: the bound itself is enough, whatever the last digit.
    more = ceil((needed - alike) * n / alike - 1e-9)
    return max(more, MIN_RATED - n, 0)


def _independent(share: float, agreement: Estimate, z_squared: float) -> float | None:
    """Return the number of independent rollouts whose Wilson interval this is; None where there is none."""
    for end in (agreement.low, agreement.high):
        if end is not None and abs(end - share) > 1e-9 and 0 < end < 1:
            return z_squared * end * (1 - end) / (share - end) ** 2
    return None
