"""Several tests at once: what a p value among others is worth."""

from collections.abc import Sequence
from itertools import accumulate


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p values so that the chance of any false claim among them stays below the level.

    Holds for any dependence. Source: S. Holm (1979), A simple sequentially rejective multiple test procedure, Scand.
    J. Stat. 6; in rising order p_i * (m - i), never falling, at most 1. Libraries have it (statsmodels), at more than a
    second of import that every run would spend.

    Args:
        p_values: 0..1 each; may be empty.

    Returns:
        The adjusted values, in the given order.
    """
    m = len(p_values)
    rising = sorted(range(m), key=p_values.__getitem__)
    adjusted = accumulate((min(1.0, p_values[place] * (m - i)) for i, place in enumerate(rising)), max)
    by_place = dict(zip(rising, adjusted, strict=True))
    return [by_place[place] for place in range(m)]
