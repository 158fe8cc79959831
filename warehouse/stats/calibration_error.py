"""How far a judge is from people, bin by bin of what it says: expected calibration error."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import pi, sqrt
from typing import Any, Literal

import numpy as np

from warehouse.stats.design import IntArray, Labels, Rows, prepared
from warehouse.stats.interval import MIN_CLUSTERS, checked_confidence
from warehouse.stats.values import FloatArray, Numbers, finite, same_length

N_DRAWS = 2000
"""Draws of the bootstrap: the ends are then stable to a few hundredths of the interval's width."""

N_STEPS = 14
"""Of bisection: the ends are then found to a thousandth of ece."""

MIN_PER_BIN = 2
"""Bins are made fewer until as many rows would fall into each."""


@dataclass(frozen=True)
class Bin:
    """A bin of the reliability curve."""

    low: float
    """Smallest value of the judge in it (equal counts), or its lower end (equal width)."""
    high: float
    n: int
    """Rows, 1 and up."""
    share: float
    """Of all weight, 0..1."""
    judge: float
    """Weighted mean of what the judge said."""
    human: float
    """Weighted mean of what people said."""


@dataclass(frozen=True)
class CalibrationError:
    """Expected calibration error beside what a perfectly calibrated judge would show."""

    ece: float | None
    """Mean over bins of |human - judge|, 0 and up, in the unit of the values; None without rows."""
    null_ece: float | None
    """What it would be on average were there nothing but the scatter within bins; None where no bin has two rows."""
    low: float | None
    """Lower end of the interval of the error of the frame; None: no interval can be given."""
    high: float | None
    n: int
    """Rows."""
    bins: tuple[Bin, ...] = ()
    """Filled bins, from low to high values of the judge."""
    reason: str | None = None
    """Why something is None; None where nothing is."""


def expected_calibration_error(
    judge: Numbers,
    human: Numbers,
    weights: Numbers | None = None,
    bins: int = 10,
    equal: Literal["count", "width"] = "count",
    *,
    strata: Labels | None = None,
    sizes: Mapping[Any, int] | None = None,
    clusters: Labels | None = None,
    confidence: float = 0.95,
    n_draws: int = N_DRAWS,
    seed: int = 0,
) -> CalibrationError:
    """Return the expected calibration error of a judge, with its value under perfect calibration and an interval.

    ece = sum over bins of W_b / W * |human_b - judge_b|. Source: Naeini, Cooper and Hauskrecht (2015); Guo et al.
    (2017), On calibration of modern neural networks. It is biased up: scatter s alone makes it
    sum W_b / W * s sqrt(2 / (pi n_b)), n_b the effective number (sum w)^2 / sum w^2 of the bin; that is `null_ece`,
    with s pooled within bins. Read the one beside the other.

    The interval is of the error that the whole frame has in these bins, not of the biased figure beside it. Bin sums
    are drawn from their normal limit (covariance by linearisation, as in `design`) around k times what was seen; the
    ends are k * ece for the k at which an error as large, or as small, as the one seen is at the edge of likely. So the
    lower end is 0 wherever scatter alone would explain ece; the upper one is never below ece. Simulated with 60 to 400
    rows in 5 or 10 bins, 95 % intervals cover 91 to 99 %: least where a small error is the same in all bins, most of a
    calibrated judge. What it does not cover: the choice of the bins, and errors that cancel within a bin.

    Args:
        judge: what the judge said, 0..1 for "width", else any numbers.
        human: what people said of the same rows.
        weights: as `design.weighted_mean`.
        bins: 1 and up; with "count" fewer where there are not 2 rows for each.
        equal: "count": bins of equal weight, equal values never parted; "width": [0, 1] in equal parts, an edge belongs
            to the bin above it, 1 to the last.
        strata: as `design.weighted_mean`.
        sizes: as `design.weighted_mean`.
        clusters: as `design.weighted_mean`.
        confidence: 0..1, exclusive.
        n_draws: of the bootstrap.
        seed: the same seed, the same ends.

    Raises:
        ValueError: columns of different length, a value that is no number (or outside 0..1 with "width"), no bins, or
            an unknown kind of bins.
    """
    checked_confidence(confidence)
    said, told = finite(judge, "judge", at_least=0), finite(human, "human", at_least=0)
    same_length(judge=said, human=told)
    if bins < 1:
        raise ValueError(f"{bins} bins are none; give 1 or more")
    n = len(said)
    if not n:
        return CalibrationError(None, None, None, None, 0, reason="Nothing has both a verdict and a rating.")
    rows = prepared(n, weights, strata, sizes, clusters)
    number, edges = _binned(said, rows.share, bins, equal)
    n_bins = int(number.max()) + 1
    share: FloatArray = np.bincount(number, rows.share).astype(np.float64)
    difference = told - said
    sums: FloatArray = np.bincount(number, rows.share * difference).astype(np.float64)
    ece = float(np.abs(sums).sum())
    null = _null(rows, difference, number, share, sums)
    curve = _curve(said, told, rows, number, edges)
    n_clusters = int(rows.cluster.max()) + 1
    reason = rows.reason
    if reason is None and n_clusters < MIN_CLUSTERS:
        reason = f"{n_clusters} independent units; an interval needs {MIN_CLUSTERS}."
    if rows.is_census:
        return CalibrationError(ece, null, ece, ece, n, curve)
    covariance = _covariance(rows, difference, number, sums)
    if reason is None and not covariance.any():
        reason = "No variation: an interval would have no width."
    if reason:
        return CalibrationError(ece, null, None, None, n, curve, reason)
    values, vectors = np.linalg.eigh(covariance)
    normal = np.random.default_rng(seed).standard_normal((n_draws, n_bins))
    noise = (normal * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    low, high = (_inverted(sums, noise, ece, (1 + side * confidence) / 2) for side in (1, -1))
    return CalibrationError(ece, null, low, max(high, ece), n, curve)


def _inverted(sums: FloatArray, noise: FloatArray, ece: float, quantile: float) -> float:
    """Return the error k * ece of bin sums k * sums that, with this noise, show more than ece with 1 - quantile."""

    def shown(k: float) -> float:
        return float(np.quantile(np.abs(k * sums + noise).sum(axis=1), quantile))

    if ece <= 0 or shown(0.0) >= ece:
        return 0.0
    low, high = 0.0, 2.0
    while shown(high) < ece:
        low, high = high, 2 * high
    for _ in range(N_STEPS):
        k = (low + high) / 2
        low, high = (k, high) if shown(k) < ece else (low, k)
    return (low + high) / 2 * ece


def _binned(
    judge: FloatArray, share: FloatArray, bins: int, equal: str
) -> tuple[IntArray, list[tuple[float, float]] | None]:
    """Return the number of the bin of each row, without gaps, and the edges of the bins where they are fixed."""
    if equal == "width":
        if judge.min() < 0 or judge.max() > 1:
            raise ValueError("bins of equal width are for verdicts in 0..1; rescale them or take equal counts")
        # An edge such as 0.3 is the bin above it also where 0.3 * 10 is rounded down.
        wide = np.minimum(np.floor(judge * bins + 1e-9), bins - 1).astype(np.int64)
        filled, number = np.unique(wide, return_inverse=True)
        return number.astype(np.int64), [(float(at) / bins, (float(at) + 1) / bins) for at in filled]
    if equal != "count":
        raise ValueError(f"unknown kind of bins {equal!r}; give 'count' or 'width'")
    fewer = max(1, min(bins, len(judge) // MIN_PER_BIN))
    _, value = np.unique(judge, return_inverse=True)
    mass = np.bincount(value, share)
    # A value goes where the middle of its weight is.
    middle = np.cumsum(mass) - mass / 2
    place = np.minimum(np.floor(fewer * middle / mass.sum() + 1e-9), fewer - 1).astype(np.int64)
    _, number = np.unique(place[value], return_inverse=True)
    return number.astype(np.int64), None


def _null(rows: Rows, difference: FloatArray, number: IntArray, share: FloatArray, sums: FloatArray) -> float | None:
    """Return what scatter alone would make of the error, or None where no bin has two rows."""
    alike = share**2 / np.bincount(number, rows.share**2)
    within = rows.share * (difference - (sums / share)[number]) ** 2
    freedom = float((share * (1 - 1 / alike)).sum())
    if freedom <= 1e-12:
        return None
    scatter = sqrt(float(within.sum()) / freedom)
    return float((share * scatter * np.sqrt(2 / (pi * alike))).sum())


def _covariance(rows: Rows, difference: FloatArray, number: IntArray, sums: FloatArray) -> FloatArray:
    """Return the covariance of the bin sums: within strata, between clusters, as `design.spread` for each pair."""
    n_bins, n_strata = len(sums), len(rows.open)
    n_clusters = int(rows.cluster.max()) + 1
    of_cluster = rows.stratum[np.unique(rows.cluster, return_index=True)[1]]
    per_cluster = np.bincount(of_cluster, minlength=n_strata)
    by_bin = np.zeros((n_clusters, n_bins))
    np.add.at(by_bin, (rows.cluster, number), rows.share * difference)
    # Residuals of a mean: each row is also less by its share of what the bin sums are.
    by_bin -= np.bincount(rows.cluster, rows.share, n_clusters)[:, None] * sums
    mass = np.bincount(rows.stratum, rows.share, n_strata)
    held = np.bincount(rows.cluster, rows.share, n_clusters)
    mean = np.zeros((n_strata, n_bins))
    np.add.at(mean, of_cluster, by_bin)
    mean /= np.where(mass > 0, mass, 1.0)[:, None]
    # A stratum with one cluster keeps its distance from the mean of all instead of one from itself.
    mean[per_cluster < 2] = 0.0
    centred = by_bin - held[:, None] * mean[of_cluster]
    scale = rows.open * per_cluster / np.maximum(per_cluster - 1, 1)
    return np.asarray((centred * scale[of_cluster][:, None]).T @ centred)


def _curve(
    judge: FloatArray, human: FloatArray, rows: Rows, number: IntArray, edges: list[tuple[float, float]] | None
) -> tuple[Bin, ...]:
    share = np.bincount(number, rows.share)
    judged, rated = (np.bincount(number, rows.share * values) / share for values in (judge, human))
    counted = np.bincount(number)
    found = []
    for at in range(len(share)):
        low, high = edges[at] if edges else (float(judge[number == at].min()), float(judge[number == at].max()))
        mass = float(share[at])
        found.append(Bin(low, high, int(counted[at]), mass, float(judged[at]), float(rated[at])))
    return tuple(found)
