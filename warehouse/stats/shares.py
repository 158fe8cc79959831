"""Intervals of shares."""

from math import sqrt
from statistics import NormalDist
from typing import Literal

Side = Literal["two", "upper", "lower"]


def wilson(k: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of a share.

    Assumes independent trials. Source: E. B. Wilson (1927), Probable inference, the law of succession, and statistical
    inference, JASA 22; with p = k / n and z the normal quantile,
    (p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n).
    Libraries have it (statsmodels), at a second of import; commands that only print a share should not pay that.

    Args:
        k: successes, 0..n.
        n: trials, 1 and up.
        confidence: 0..1, exclusive; 0.90 makes each end a one-sided 95 % bound.

    Returns:
        Lower and upper end, 0..1.

    Raises:
        ValueError: no trials, or more successes than trials.
    """
    _check(k, n, confidence)
    share, z = k / n, NormalDist().inv_cdf((1 + confidence) / 2)
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def clopper_pearson(k: int, n: int, confidence: float = 0.95, side: Side = "two") -> tuple[float, float]:
    """Return the exact interval of a share.

    The ends are quantiles of beta distributions: lower a of Beta(k, n - k + 1), upper 1 - a of Beta(k + 1, n - k), with
    a the error allowed on that side. Assumes independent trials. Source: Clopper and Pearson (1934), Biometrika 26.

    With side "two" the error is halved, but for no success or nothing else: then only one end is open, it gets the
    whole error, and the bound is 1 - (1 - confidence)^(1/n), the rule of three. Which side it is is seen in the data,
    so there two-sided coverage may fall short by at most half the error: at 0.95 it is never below 0.925.

    Args:
        k: successes, 0..n.
        n: trials, 1 and up; independent ones: instances, not rollouts of one instance.
        confidence: 0..1, exclusive.
        side: "two", or a bound: "upper" has the low end at 0, "lower" the high end at 1.

    Returns:
        Lower and upper end, 0..1.

    Raises:
        ValueError: no trials, more successes than trials, a confidence that is none, or an unknown side.
    """
    _check(k, n, confidence)
    if side not in ("two", "upper", "lower"):
        raise ValueError(f"unknown side {side!r}; give 'two', 'upper' or 'lower'")
    from scipy.special import betaincinv

    error = (1 - confidence) / (2 if side == "two" and 0 < k < n else 1)
    low = 0.0 if side == "upper" or k == 0 else float(betaincinv(k, n - k + 1, error))
    high = 1.0 if side == "lower" or k == n else float(betaincinv(k + 1, n - k, 1 - error))
    return low, high


def _check(k: int, n: int, confidence: float) -> None:
    if not 0 <= k <= n or n < 1:
        raise ValueError(f"a share of {k} in {n} has no interval; k must be in 0..n and n at least 1")
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence of {confidence!r} is none; give a share such as 0.95")
