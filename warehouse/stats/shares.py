"""Intervals of shares."""

from math import sqrt

Z_95 = 1.959963984540054
"""97.5 % point of the normal distribution."""


def wilson(k: int, n: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a share.

    Assumes independent trials. Source: E. B. Wilson (1927), Probable inference, the law of succession, and statistical
    inference, JASA 22; with p = k / n and z the normal quantile,
    (p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n).

    Args:
        k: successes, 0..n.
        n: trials, 1 and up.

    Returns:
        Lower and upper end, 0..1.

    Raises:
        ValueError: no trials, or more successes than trials.
    """
    if not 0 <= k <= n or n < 1:
        raise ValueError(f"a share of {k} in {n} has no interval; k must be in 0..n and n at least 1")
    share, z = k / n, Z_95
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)
