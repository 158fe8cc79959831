"""How far a judge and people agree: bias, error, rank correlations and weighted kappa, each with an interval.

The correlations and kappa are smooth functions of weighted sums. What each would be without one row has a closed form,
so that a delete-one jackknife costs no more than the figure itself: O(n log n).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import atanh, isfinite, sqrt, tanh
from typing import Any

import numpy as np
import numpy.typing as npt

from warehouse.stats.design import IntArray, Labels, Rows, prepared, spread, t_quantile, weighted_mean
from warehouse.stats.estimate import Estimate
from warehouse.stats.interval import MIN_CLUSTERS, checked_confidence
from warehouse.stats.values import FloatArray, Numbers, finite, is_constant, same_length

NOTHING = "Nothing has both a verdict and a rating."

FLAT = 1e-12
"""A spread below this, of weights that add up to 1, is rounding."""

FIVE_LEVELS = 5
"""Levels of a rubric that says nothing else."""


@dataclass(frozen=True)
class Concordance:
    """A judge beside people."""

    bias: Estimate
    """Mean of judge - human."""
    mae: Estimate
    """Mean of |judge - human|, 0 and up."""
    spearman: Estimate
    """Rank correlation, -1..1."""
    kendall: Estimate
    """tau-b, -1..1."""
    weighted_kappa: Estimate
    """Quadratic weights, at most 1."""


def concordance(
    judge: Numbers,
    human: Numbers,
    weights: Numbers | None = None,
    *,
    strata: Labels | None = None,
    sizes: Mapping[Any, int] | None = None,
    clusters: Labels | None = None,
    levels: int | None = FIVE_LEVELS,
    confidence: float = 0.95,
) -> Concordance:
    """Return all figures of a judge and people over the same rows.

    Args:
        judge: what the judge said, in 0..1 where `levels` is given.
        human: what people said of the same rows.
        weights: as `design.weighted_mean`.
        strata: as `design.weighted_mean`.
        sizes: as `design.weighted_mean`.
        clusters: as `design.weighted_mean`: instances.
        levels: for kappa, as `weighted_kappa`.
        confidence: 0..1, exclusive.

    Raises:
        ValueError: columns of different length, or a value or weight that is no number.
    """
    said, told = finite(judge, "judge", at_least=0), finite(human, "human", at_least=0)
    same_length(judge=said, human=told)
    design: dict[str, Any] = {"strata": strata, "sizes": sizes, "clusters": clusters, "confidence": confidence}
    return Concordance(
        bias=bias(said, told, weights, **design),
        mae=mae(said, told, weights, **design),
        spearman=spearman(said, told, weights, **design),
        kendall=kendall(said, told, weights, **design),
        weighted_kappa=weighted_kappa(said, told, weights, levels=levels, **design),
    )


def bias(judge: Numbers, human: Numbers, weights: Numbers | None = None, **design: Any) -> Estimate:
    """Return the weighted mean of judge - human; `design` is strata, sizes, clusters, confidence of `concordance`."""
    return weighted_mean(finite(judge, "judge", at_least=0) - finite(human, "human", at_least=0), weights, **design)


def mae(judge: Numbers, human: Numbers, weights: Numbers | None = None, **design: Any) -> Estimate:
    """Return the weighted mean of |judge - human|; `design` as in `bias`."""
    distance = np.abs(finite(judge, "judge", at_least=0) - finite(human, "human", at_least=0))
    return weighted_mean(distance, weights, limits=(0.0, np.inf), **design)


def spearman(
    judge: Numbers,
    human: Numbers,
    weights: Numbers | None = None,
    *,
    strata: Labels | None = None,
    sizes: Mapping[Any, int] | None = None,
    clusters: Labels | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Return the rank correlation, ties at their middle rank, with a jackknife interval.

    The correlation of weighted ranks: the weight below a value plus half the weight at it. Equal weights give the plain
    coefficient. Arguments, interval and errors as `concordance`; None where either side does not vary.
    """
    x, y, rows = _ready(judge, human, weights, strata, sizes, clusters)
    if not len(x):
        return Estimate(None, reason=NOTHING)
    if is_constant(x) or is_constant(y):
        # Asked of the values: the ranks of equal ones differ in the last digit of the weights.
        return Estimate(None, n=len(x), reason="Either side does not vary.")
    w, total = rows.share, 1.0
    rank_x, rank_y = _ranks(x, w), _ranks(y, w)
    signs = {"xy": _signs(x, y, w), "xx": _signs(x, x, w), "yy": _signs(y, y, w)}
    of = {"x": (x, rank_x), "y": (y, rank_y)}

    def moment(pair: str) -> tuple[float, FloatArray]:
        """Return sum w R Q - W (W / 2)^2, and the same without each row."""
        (a, rank_a), (b, rank_b) = of[pair[0]], of[pair[1]]
        whole = float((w * rank_a * rank_b).sum())
        # Without row i the ranks above it fall by its weight, those of its equals by half of it.
        left = whole - w * rank_a * rank_b
        left -= w * (_above(a, w * rank_b) + _above(b, w * rank_a) - w * (rank_a + rank_b) / 2)
        joint = (total + 2 * (rank_complement(rank_a) + rank_complement(rank_b)) + signs[pair]) / 4
        left += w**2 * (joint - w / 4)
        return whole - total**3 / 4, left - (total - w) ** 3 / 4

    def rank_complement(rank: FloatArray) -> FloatArray:
        """Return half of the weight above less the weight below."""
        return np.asarray((total - 2 * rank) / 2)

    (product, products), (spread_x, spreads_x), (spread_y, spreads_y) = moment("xy"), moment("xx"), moment("yy")
    return _correlation(product, (spread_x, spread_y), products, (spreads_x, spreads_y), rows, confidence)


def kendall(
    judge: Numbers,
    human: Numbers,
    weights: Numbers | None = None,
    *,
    strata: Labels | None = None,
    sizes: Mapping[Any, int] | None = None,
    clusters: Labels | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Return Kendall's tau-b with a jackknife interval.

    sum of w_i w_j over pairs in the same order less those in opposite order, by the geometric mean of the pairs that
    differ on either side. Source: M. G. Kendall (1945), The treatment of ties in ranking problems, Biometrika 33.
    Arguments, interval and errors as `concordance`; None where either side does not vary.
    """
    x, y, rows = _ready(judge, human, weights, strata, sizes, clusters)
    if not len(x):
        return Estimate(None, reason=NOTHING)
    w = rows.share
    ordered = w * _signs(x, y, w)
    differ_x, differ_y = (w * _signs(side, side, w) for side in (x, y))
    # Every pair is met from both of its ends; a row takes all pairs with it.
    pairs, pairs_x, pairs_y = (float(of.sum()) / 2 for of in (ordered, differ_x, differ_y))
    without = (pairs_x - differ_x, pairs_y - differ_y)
    return _correlation(pairs, (pairs_x, pairs_y), pairs - ordered, without, rows, confidence)


def weighted_kappa(
    judge: Numbers,
    human: Numbers,
    weights: Numbers | None = None,
    *,
    levels: int | None = FIVE_LEVELS,
    strata: Labels | None = None,
    sizes: Mapping[Any, int] | None = None,
    clusters: Labels | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Return Cohen's kappa with quadratic weights and a jackknife interval.

    1 - mean (j - h)^2 / (var j + var h + (mean j - mean h)^2), population variances. Source: J. Cohen (1968), Weighted
    kappa, Psychological Bulletin 70. On two levels it is the unweighted kappa.

    Args:
        judge: as `concordance`.
        human: as `concordance`.
        weights: as `concordance`.
        levels: 0..1 is rounded to so many levels, 2 and up, halves up; None: values count as they are.
        strata: as `concordance`.
        sizes: as `concordance`.
        clusters: as `concordance`.
        confidence: 0..1, exclusive.

    Returns:
        None where all are on one level.

    Raises:
        ValueError: as `concordance`, or fewer than 2 levels.
    """
    if levels is not None and levels < 2:
        raise ValueError(f"{levels} levels are none to tell apart; give 2 or more")
    said, told = finite(judge, "judge", at_least=0), finite(human, "human", at_least=0)
    if levels is not None:
        # 1e-9: a half that rounding took a bit from is a half.
        said, told = (np.floor(side * (levels - 1) + 0.5 + 1e-9) / (levels - 1) for side in (said, told))
    x, y, rows = _ready(said, told, weights, strata, sizes, clusters)
    if not len(x):
        return Estimate(None, reason=NOTHING)
    w = rows.share
    # About a fixed point, so that the differences of squares do not cancel.
    centre = float(x.mean())
    x, y = x - centre, y - centre

    def chance(left: FloatArray | float, sums: dict[str, FloatArray | float]) -> FloatArray | float:
        mean_x, mean_y = sums["x"] / left, sums["y"] / left
        return sums["xx"] / left - mean_x**2 + sums["yy"] / left - mean_y**2 + (mean_x - mean_y) ** 2

    parts = {"x": w * x, "y": w * y, "xx": w * x * x, "yy": w * y * y, "error": w * (x - y) ** 2}
    sums: dict[str, FloatArray | float] = {name: float(part.sum()) for name, part in parts.items()}
    expected = float(chance(1.0, sums))
    if expected <= FLAT:
        return Estimate(None, n=len(x), reason="All verdicts and ratings are one level.")
    kappa = 1 - float(sums["error"]) / expected
    left = np.maximum(1 - w, 1e-300)
    without: dict[str, FloatArray | float] = {name: sums[name] - part for name, part in parts.items()}
    below = np.asarray(chance(left, without))
    kappas = 1 - np.divide(np.asarray(without["error"]) / left, below, out=np.full_like(w, np.nan), where=below > FLAT)
    return _jackknife(kappa, kappas, rows, confidence)


def _ready(
    judge: Numbers,
    human: Numbers,
    weights: Numbers | None,
    strata: Labels | None,
    sizes: Mapping[Any, int] | None,
    clusters: Labels | None,
) -> tuple[FloatArray, FloatArray, Rows]:
    x, y = finite(judge, "judge", at_least=0), finite(human, "human", at_least=0)
    same_length(judge=x, human=y)
    if not len(x):
        empty = np.empty(0)
        return x, y, Rows(empty, empty.astype(np.int64), empty.astype(np.int64), empty)
    return x, y, prepared(len(x), weights, strata, sizes, clusters)


def _correlation(
    product: float,
    spreads: tuple[float, float],
    products: FloatArray,
    spreads_without: tuple[FloatArray, FloatArray],
    rows: Rows,
    confidence: float,
) -> Estimate:
    """Return product / sqrt(spread * spread), with an interval from the same without each row."""
    if min(spreads) <= FLAT:
        return Estimate(None, n=len(rows.share), reason="Either side does not vary.")
    varies = np.minimum(*spreads_without) > FLAT
    below = np.sqrt(np.where(varies, spreads_without[0] * spreads_without[1], 1.0))
    value = min(1.0, max(-1.0, product / sqrt(spreads[0] * spreads[1])))
    return _jackknife(value, np.where(varies, products / below, np.nan), rows, confidence)


def _jackknife(value: float, without: FloatArray, rows: Rows, confidence: float) -> Estimate:
    """Return a coefficient with a t interval on Fisher's scale, from its values without each row.

    What a row does to the coefficient is (value - value without it) (1 - share) / share; these are residuals of a mean,
    so that `spread` sees strata, finite populations and clusters. With equal weights and no strata it is the delete-one
    jackknife to the last digit. Source: B. Efron and C. Stein (1981), The jackknife estimate of variance. The ends are
    tanh(atanh value +- t * se / (1 - value^2)), which keeps them within -1..1: R. A. Fisher (1921).
    """
    checked_confidence(confidence)
    n, n_clusters = len(without), int(rows.cluster.max()) + 1
    if rows.is_census:
        return Estimate(value, value, value, n)
    reason = rows.reason
    if reason is None and n_clusters < MIN_CLUSTERS:
        reason = f"{n_clusters} independent units; an interval needs {MIN_CLUSTERS}."
    if reason is None and not np.isfinite(without).all():
        reason = "All but one row are alike: without it the figure is not defined."
    if reason is None and not -1 + 1e-9 < value < 1 - 1e-9:
        reason = "Nothing disagrees: an interval would have no width."
    if reason:
        return Estimate(value, n=n, reason=reason)
    found = spread(rows, (value - without) * (1 - rows.share) / rows.share)
    half = t_quantile(found.freedom, confidence) * sqrt(found.variance) / (1 - value**2)
    if found.reason or found.variance <= 1e-24 or not isfinite(half):
        return Estimate(value, n=n, reason=found.reason or "No variation: an interval would have no width.")
    return Estimate(value, tanh(atanh(value) - half), tanh(atanh(value) + half), n)


def _codes(values: FloatArray) -> tuple[IntArray, int]:
    """Return the number of each value among the different ones, in order, and how many there are."""
    different, codes = np.unique(values, return_inverse=True)
    return codes.astype(np.int64), len(different)


def _ranks(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the weight below each value plus half the weight at it."""
    codes, n = _codes(values)
    mass = np.bincount(codes, weights, n)
    return np.asarray((np.cumsum(mass) - mass / 2)[codes])


def _above(values: FloatArray, amounts: FloatArray) -> FloatArray:
    """Return the sum of amounts of rows above each, plus half of those at the same value (itself among them)."""
    codes, n = _codes(values)
    mass = np.bincount(codes, amounts, n)
    return np.asarray((mass.sum() - np.cumsum(mass) + mass / 2)[codes])


def _signs(x: FloatArray, y: FloatArray, weights: FloatArray) -> FloatArray:
    """Return for each row the sum over all rows of weight * sign(x - x_i) * sign(y - y_i).

    Rows alike in both are one cell.
    """
    (code_x, _), (code_y, n_y) = _codes(x), _codes(y)
    if x is y:
        mass = np.bincount(code_x, weights)
        return np.asarray((weights.sum() - mass)[code_x])
    cells, cell = np.unique(code_x * n_y + code_y, return_inverse=True)
    mass = np.bincount(cell, weights).astype(np.float64)
    cell_x, cell_y = cells // n_y, cells % n_y
    return np.asarray(_signs_of_points(cell_x, cell_y, mass)[cell])


def _signs_of_points(x: IntArray, y: IntArray, mass: npt.NDArray[Any]) -> FloatArray:
    """Return `_signs` of points that come in order of x.

    Bit by bit of y, from the highest: of two points that agree in all higher bits and differ in this one, the larger y
    is known, and which x is larger is seen from the order. So each point gains the mass of the points of other bit on
    the one side of its x and loses that on the other. Then points are parted by the bit, order kept.
    """
    n = len(x)
    at, back, found = np.arange(n), np.arange(n), np.zeros(n)
    for bit in range(int(y.max()).bit_length() - 1, -1, -1):
        group, is_set = y >> (bit + 1), (y >> bit & 1).astype(bool)
        new_group = np.concatenate([[True], group[1:] != group[:-1]])
        new_run = new_group | np.concatenate([[True], x[1:] != x[:-1]])
        groups, runs = np.flatnonzero(new_group), np.flatnonzero(new_run)
        of_group, of_run = np.cumsum(new_group) - 1, np.cumsum(new_run) - 1
        group_ends, run_ends = np.append(groups[1:], n), np.append(runs[1:], n)
        for side, sign in ((is_set, 1), (~is_set, -1)):
            # What the other bit has below the x of a point, less what it has above.
            other = np.concatenate([[0.0], np.cumsum(np.where(side, 0.0, mass))])
            ends = other[groups] + other[group_ends]
            inner = other[runs] + other[run_ends]
            found += np.where(side, sign * (inner[of_run] - ends[of_group]), 0.0)
        unset = np.concatenate([[0], np.cumsum(~is_set)])
        before = unset[:-1] - unset[groups][of_group]
        in_group = (unset[group_ends] - unset[groups])[of_group]
        parted = np.empty_like(at)
        parted[np.where(is_set, at - before + in_group, groups[of_group] + before)] = at
        x, y, mass, found, back = x[parted], y[parted], mass[parted], found[parted], back[parted]
    signs = np.empty_like(found)
    signs[back] = found
    return signs
