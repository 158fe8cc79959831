"""Krippendorff's alpha: whether people who rate the same thing agree better than chance."""

from typing import Literal

import numpy as np

from warehouse.stats.estimate import Estimate
from warehouse.stats.interval import checked_confidence
from warehouse.stats.ratings import (
    NO_PAIR,
    Counts,
    IntArray,
    Matrix,
    agreement,
    counts_of,
)
from warehouse.stats.values import FloatArray, Numbers

Metric = Literal["nominal", "ordinal", "interval", "ratio"]
METRICS: tuple[Metric, ...] = ("nominal", "ordinal", "interval", "ratio")

MANY_VALUES = 1024
"""With more distinct values than this, what one unit does to the ranks of others is taken to first order only; the part
left out is below (ratings of a unit)^2 / ratings of all of the rest."""

_BATCH = 4_000_000
"""Cells of a table of distances held at once."""


def krippendorff_alpha(
    ratings: Matrix, metric: Metric = "interval", *, weights: Numbers | None = None, confidence: float = 0.95
) -> Estimate:
    """Return alpha with a jackknife interval over units.

    alpha = 1 - D_o / D_e, D_o the mean squared distance of two ratings of a unit, each rating counting once, D_e that
    of any two ratings. Source: K. Krippendorff (2011), Computing Krippendorff's alpha-reliability. With unit weights a
    rating counts as often as its unit weighs, and a pair by the product of both. What alpha is without each unit
    follows in closed form from what that unit adds, for the ordinal metric from ranks: its distance is the squared
    difference of the mean ranks of two values. Alpha falls with the range of what is rated: compare no two alphas of
    parts of a scale.

    Args:
        ratings: units by raters; None or NaN: not rated. Units with one rating say nothing.
        metric: distance of two ratings: nominal, ordinal, interval, or ratio (values 0 and up).
        weights: of the units, above 0, such as 1 / inclusion probability.
        confidence: of the interval, 0..1, exclusive.

    Returns:
        Alpha, at most 1; None where there is no pair or no variation; without ends below 10 units, and where no ratings
        disagree. n: units with two ratings.

    Raises:
        ValueError: ratings or weights that are no numbers, or a ratio metric on values below 0.
    """
    return alpha_of(counts_of(ratings, weights), metric, confidence)


def alpha_of(counts: Counts, metric: Metric, confidence: float = 0.95) -> Estimate:
    """Return alpha of ratings that are counted already; see `krippendorff_alpha`."""
    checked_confidence(confidence)
    if metric not in METRICS:
        raise ValueError(f"unknown metric {metric!r}; give one of {', '.join(METRICS)}")
    if metric == "ratio" and len(counts.values) and counts.values[0] < 0:
        raise ValueError("a ratio metric needs values of 0 and up; take another metric")
    counts = counts.several()
    if not counts.n_units:
        return Estimate(None, reason=NO_PAIR)
    w, m = counts.weights, counts.n_ratings
    within, within_without, between, between_without = _sums(counts, metric)
    n, square = float(np.sum(w * m)), float(np.sum(w**2 * m))
    n_without, square_without = n - w * m, square - w**2 * m
    with np.errstate(divide="ignore", invalid="ignore"):
        return agreement(
            within / n,
            max(0.0, between / (n**2 - square)),
            np.nan_to_num(within_without / n_without),
            np.nan_to_num(between_without / (n_without**2 - square_without)),
            counts.n_units,
            confidence,
        )


def _sums(counts: Counts, metric: Metric) -> tuple[float, FloatArray, float, FloatArray]:
    """Return the summed distances within units and over all pairs; each from all units, and without each unit."""
    if metric == "ordinal":
        return _ordinal(counts)
    w, m = counts.weights, counts.n_ratings
    own, total, cross = {"nominal": _nominal, "interval": _interval, "ratio": _ratio}[metric](counts)
    each = w * own / (m - 1)
    within = float(each.sum())
    return within, within - each, total, total - 2 * w * cross + w**2 * own


def _nominal(counts: Counts) -> tuple[FloatArray, float, FloatArray]:
    """Return summed distances: within each unit, over all ratings, and from each unit to all."""
    of_value = counts.by_code(counts.count * counts.weights[counts.unit])
    n = of_value.sum()
    own = counts.n_ratings**2 - counts.by_unit(counts.count**2)
    return own, float(n**2 - np.sum(of_value**2)), counts.by_unit(counts.count * (n - of_value[counts.code]))


def _interval(counts: Counts) -> tuple[FloatArray, float, FloatArray]:
    of_value = counts.by_code(counts.count * counts.weights[counts.unit])
    n = of_value.sum()
    # Centred: squares of values far from 0 would eat the digits.
    value = counts.values - np.sum(of_value * counts.values) / n
    square = float(np.sum(of_value * value**2))
    m, first = counts.n_ratings, counts.by_unit(counts.count * value[counts.code])
    second = counts.by_unit(counts.count * value[counts.code] ** 2)
    return _spread(m, first, second), 2 * float(n) * square, n * second + m * square


def _spread(m: FloatArray, first: FloatArray, second: FloatArray) -> FloatArray:
    """Return the sum of squared differences of all ordered pairs, from number, sum and sum of squares."""
    spread: FloatArray = np.maximum(0.0, 2 * (m * second - first**2))
    return spread


def _ratio(counts: Counts) -> tuple[FloatArray, float, FloatArray]:
    of_value = counts.by_code(counts.count * counts.weights[counts.unit])
    values = counts.values

    to_all = np.empty(len(values))
    step = max(1, _BATCH // len(values))
    for start in range(0, len(values), step):
        to_all[start : start + step] = _relative(values[start : start + step, None], values) @ of_value
    own = counts.apart(lambda one, other: _relative(values[one], values[other]))
    return own, float(of_value @ to_all), counts.by_unit(counts.count * to_all[counts.code])


def _relative(one: FloatArray, other: FloatArray) -> FloatArray:
    """Return the ratio distance; that of 0 and 0 is 0."""
    total = one + other
    total[total == 0] = 1.0
    distance: FloatArray = (one - other) / total
    distance *= distance
    return distance


def _ordinal(counts: Counts) -> tuple[float, FloatArray, float, FloatArray]:
    """Return what `_sums` does, with distances that change with every unit left out.

    The ordinal distance of two values is the squared difference of their mean ranks R. With the coincidences as a
    graph and L its Laplacian, the distances within units sum to 2 R' L R, and without a unit to
    2 (R - r)' (L - L_u) (R - r), r the mean ranks in that unit alone. The distances over all pairs sum to
    n (n^3 - sum N_c^3) / 6.
    """
    w, m, unit, code, count = counts.weights, counts.n_ratings, counts.unit, counts.code, counts.count
    of_value = counts.by_code(count * w[unit])
    n = float(of_value.sum())
    rank = np.cumsum(of_value) - of_value / 2
    rank -= n / 2

    below = np.cumsum(count) - count  # over all entries; less what stood before the unit
    start = np.flatnonzero(np.diff(unit, prepend=-1))
    in_unit = w[unit] * (below - below[start][unit] + count / 2)

    first = counts.by_unit(count * rank[code])
    each = w / (m - 1) * _spread(m, first, counts.by_unit(count * rank[code] ** 2))
    within = float(each.sum())

    pull = counts.by_code((w / (m - 1))[unit] * count * (m[unit] * rank[code] - first[unit]))
    after = np.cumsum(pull[::-1])[::-1] - pull / 2
    crossed = w * counts.by_unit(count * after[code])
    left = rank[code] - in_unit
    each_left = w / (m - 1) * _spread(m, counts.by_unit(count * left), counts.by_unit(count * left**2))
    within_without = within - 4 * crossed + 2 * _among_ranks(counts) - each_left

    cubes = float(np.sum(of_value**3))
    moved = of_value[code]
    cubes_without = cubes + counts.by_unit((moved - w[unit] * count) ** 3 - moved**3)
    n_without = n - w * m
    between_without = n_without * (n_without**3 - cubes_without) / 6
    return within, np.maximum(0.0, within_without), n * (n**3 - cubes) / 6, np.maximum(0.0, between_without)


def _among_ranks(counts: Counts) -> FloatArray:
    """Return r' L r of each unit, r its own mean ranks extended to all values."""
    q = len(counts.values)
    if q > MANY_VALUES:
        return np.zeros(counts.n_units)
    share = (counts.weights / (counts.n_ratings - 1))[counts.unit]
    graph = np.zeros((q, q))
    for one, other in counts.pairs():
        tied = share[one] * counts.count[one] * counts.count[other]
        graph += np.bincount(counts.code[one] * q + counts.code[other], tied, minlength=q * q).reshape(q, q)
    graph += graph.T
    laplacian = np.diag(graph.sum(axis=1)) - graph
    # Entry (v, c): what a rating of v adds to the rank of c.
    above = np.triu(np.ones((q, q)), 1) + np.eye(q) / 2
    kernel = above @ laplacian @ above.T

    def distance(one: IntArray, other: IntArray) -> FloatArray:
        found: FloatArray = kernel[one, other]
        return found

    same = counts.by_unit(counts.count**2 * np.diag(kernel)[counts.code])
    return counts.weights**2 * (same + counts.apart(distance))
