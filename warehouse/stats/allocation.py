"""How many to draw from each stratum: proportional, Neyman or power allocation, with floors and whole numbers."""

from collections.abc import Collection, Mapping
from math import isfinite
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from warehouse.stats.values import FloatArray

IntArray: TypeAlias = npt.NDArray[np.int64]
Method: TypeAlias = Literal["proportional", "neyman", "power"]

MIN_PER_STRATUM = 2
"""Of fewer units no variance can be estimated."""

POWER = 0.5
"""Exponent of the size in power allocation: between the best for the whole (1) and the same for every stratum (0)."""


def allocate(
    sizes: Mapping[str, int],
    sigmas: Mapping[str, float],
    n: int,
    method: Method,
    *,
    tail: Collection[str] = (),
    tail_factor: float = 1.0,
    floor: int = 0,
) -> dict[str, int]:
    """Return how many units to draw from each stratum.

    The wish of stratum h is N_h (proportional), N_h s_h (Neyman 1934: the smallest variance of the mean of all) or
    sqrt(N_h) s_h (Bankier 1988, Power allocations: a little more for the mean, far less for a small stratum), times
    `tail_factor` for the strata in `tail`. Draws are in proportion to the wishes, but never below the floor nor above
    N_h; what a full stratum cannot take goes to the others in proportion. Whole numbers by largest remainders; of
    equal remainders the larger wish comes first, then the name, so that the order of the mapping does not matter.

    Args:
        sizes: units of the frame in each stratum, 0 and up.
        sigmas: standard deviation in each stratum of what will be estimated (human - judge), 0 and up, in any unit. A
            stratum without one takes the mean of the others, weighted by size; not read for "proportional". Where none
            is known or all are 0, strata count as equally scattered.
        n: units to draw, 0 and up; more than there are takes all.
        method: "proportional", "neyman" or "power".
        tail: strata of which more are wanted; names that are no stratum are ignored.
        tail_factor: above 0; 1 changes nothing.
        floor: fewest per stratum, 0 and up. It is never below 2, the fewest of which a variance can be had, and never
            above N_h; where n does not suffice for it, it is lowered for all strata alike, to 0 if need be.

    Returns:
        Strata in the order of `sizes`; the numbers add up to min(n, sum of sizes).

    Raises:
        ValueError: a negative size, number, floor or sigma, a factor not above 0, or an unknown method.
    """
    _check(sizes, n, tail_factor, floor)
    names = sorted(sizes)
    capacity = np.array([sizes[name] for name in names], dtype=np.int64)
    total = min(n, int(capacity.sum()))
    wish = _wishes(names, sizes, sigmas, method)
    wish[[name in tail for name in names]] *= tail_factor
    least = _affordable_floor(capacity, max(floor, MIN_PER_STRATUM), total)
    drawn = dict(zip(names, _whole(_bounded(wish, least, capacity, total), wish, capacity, total), strict=True))
    return {name: drawn[name] for name in sizes}


def _check(sizes: Mapping[str, int], n: int, tail_factor: float, floor: int) -> None:
    negative = [name for name, size in sizes.items() if size < 0]
    if negative:
        raise ValueError(f"stratum {negative[0]!r} has a negative size")
    if n < 0 or floor < 0:
        raise ValueError(f"cannot draw {n} with a floor of {floor}; both are 0 or more")
    if not (isfinite(tail_factor) and tail_factor > 0):
        raise ValueError(f"a tail factor of {tail_factor!r} is none; give a number above 0")


def _wishes(names: list[str], sizes: Mapping[str, int], sigmas: Mapping[str, float], method: Method) -> FloatArray:
    """Return what each stratum should have, up to a common factor."""
    size = np.array([sizes[name] for name in names], dtype=np.float64)
    if method == "proportional":
        return size
    if method not in ("neyman", "power"):
        raise ValueError(f"unknown method {method!r}; give 'proportional', 'neyman' or 'power'")
    sigma = np.array([sigmas.get(name, np.nan) for name in names], dtype=np.float64)
    if (sigma < 0).any() or np.isinf(sigma).any():
        raise ValueError("a standard deviation is negative or infinite; leave out the strata where it is not known")
    known = np.isfinite(sigma) & (size > 0)
    mean = float(np.average(sigma[known], weights=size[known])) if known.any() else 0.0
    sigma = np.where(np.isfinite(sigma), sigma, mean) if mean > 0 else np.ones_like(size)
    return np.asarray((size if method == "neyman" else size**POWER) * sigma)


def _affordable_floor(capacity: IntArray, floor: int, n: int) -> FloatArray:
    """Return the floor of each stratum, lowered for all alike until n suffices."""
    while np.minimum(capacity, floor).sum() > n:
        floor -= 1
    return np.minimum(capacity, floor).astype(np.float64)


def _bounded(wish: FloatArray, least: FloatArray, capacity: IntArray, n: int) -> FloatArray:
    """Return real numbers that add up to n, in proportion to the wishes where neither bound holds."""
    most = capacity.astype(np.float64)
    # A stratum that wishes nothing is filled only when the others are full: by size, and after them.
    if most[wish > 0].sum() + least[wish <= 0].sum() < n:
        full = np.where(wish > 0, most, least)
        rest = np.where(wish > 0, 0.0, most - least)
        return np.asarray(full + rest * ((n - full.sum()) / max(rest.sum(), 1.0)))
    if not (wish > 0).any():
        return least
    low, high = 0.0, float((most[wish > 0] / wish[wish > 0]).max())
    for _ in range(200):
        factor = (low + high) / 2
        low, high = (factor, high) if np.clip(factor * wish, least, most).sum() < n else (low, factor)
    drawn = np.clip(high * wish, least, most)
    # Bisection leaves rounding errors that could decide a tie of remainders: the free ones once more, in one division.
    free = (high * wish > least) & (high * wish < most)
    if free.any():
        drawn[free] = wish[free] * ((n - drawn[~free].sum()) / wish[free].sum())
    return np.asarray(np.clip(drawn, least, most))


def _whole(drawn: FloatArray, wish: FloatArray, capacity: IntArray, n: int) -> list[int]:
    """Return whole numbers by largest remainders."""
    whole = np.minimum(np.floor(drawn + 1e-9).astype(np.int64), capacity)
    remainder = np.round(drawn - whole, 9)
    order = sorted(range(len(drawn)), key=lambda at: (-remainder[at], -wish[at], at))
    missing = n - int(whole.sum())
    while missing > 0:
        for at in order:
            if missing > 0 and whole[at] < capacity[at]:
                whole[at] += 1
                missing -= 1
    return [int(number) for number in whole]
