"""Intraclass correlations: which part of the spread of ratings is a spread of what was rated."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from warehouse.stats.estimate import Estimate
from warehouse.stats.interval import checked_confidence
from warehouse.stats.ratings import NO_PAIR, NO_VARIATION, IntArray, Matrix, matrix
from warehouse.stats.values import FloatArray, is_constant

Model = Literal["one_way", "two_way_random", "two_way_fixed"]

DRAWS = 10_000
"""For the interval of ICC(2)."""


@dataclass(frozen=True, slots=True)
class _Squares:
    """Mean squares of units, raters and rest, each with its degrees of freedom."""

    units: float
    raters: float
    rest: float
    df_units: float
    df_raters: float
    df_rest: float
    per_unit: float
    """How often the variance of units is in the first: raters a unit, where there is no gap."""
    per_rater: float
    """How often the variance of raters is in the second: units a rater, where there is no gap."""
    n: int


def icc(
    ratings: Matrix, model: Model = "two_way_random", *, average: bool = False, confidence: float = 0.95
) -> Estimate:
    """Return an intraclass correlation with its interval.

    ICC(1), "one_way": raters differ from unit to unit. ICC(2), "two_way_random": the same raters, who stand for others;
    how severe one is counts as disagreement. ICC(3), "two_way_fixed": these raters only; severity is no disagreement.
    Sources: P. Shrout and J. Fleiss (1979), Intraclass correlations, Psychological Bulletin 86; K. McGraw and S. Wong
    (1996), Psychological Methods 1, for the F intervals of ICC(1) and ICC(3). The interval of ICC(2) is a generalised
    one (S. Weerahandi 1993, JASA 88): the mean squares over draws of their chi squares. That of McGraw and Wong covered
    79 % of the time, not 95 %, where three raters differ much in severity (simulated). Where cells are missing, each
    mean square is that of what the other factor leaves (fitting constants: Henderson's method 3, Biometrics 1953), and
    the numbers of raters and units in the formulas are the factors that the variances have in the expected mean
    squares; without gaps nothing changes. Assumes normal values, no interaction, and cells missing at random. An ICC
    falls with the range of what is rated: compare no two of parts of a scale. Units weigh the same.

    Args:
        ratings: units by raters; None or NaN: not rated. Units with one rating are left out.
        model: which of the three.
        average: of the mean of all raters of a unit instead of one rating.
        confidence: of the interval, 0..1, exclusive.

    Returns:
        The correlation, at most 1, below 0 where units differ less than chance has it; None where there is no spread or
        nothing is left to estimate it from; without ends where ratings of a unit do not differ. n: units with two
        ratings.

    Raises:
        ValueError: ratings that are no numbers, or an unknown model.
    """
    array = matrix(ratings)
    unit, rater = np.nonzero(~np.isnan(array))
    return icc_of(unit, rater, array[unit, rater], model, average=average, confidence=confidence)


def icc_of(
    unit: IntArray,
    rater: IntArray,
    value: FloatArray,
    model: Model = "two_way_random",
    *,
    average: bool = False,
    confidence: float = 0.95,
) -> Estimate:
    """Return the same of single ratings, no two by one rater of one unit; see `icc`.

    Args:
        unit: number of the unit of each.
        rater: number of the rater of each.
        value: what was said.
        model: as in `icc`.
        average: as in `icc`.
        confidence: as in `icc`.
    """
    checked_confidence(confidence)
    if model not in ("one_way", "two_way_random", "two_way_fixed"):
        raise ValueError(f"unknown model {model!r}; give 'one_way', 'two_way_random' or 'two_way_fixed'")
    _, unit, m = np.unique(unit, return_inverse=True, return_counts=True)
    kept = m[unit] >= 2
    _, unit = np.unique(unit[kept], return_inverse=True)
    _, rater = np.unique(rater[kept], return_inverse=True)
    value = value[kept]
    n = int(unit.max()) + 1 if unit.size else 0
    if not n:
        return Estimate(None, reason=NO_PAIR)
    if is_constant(value):
        return Estimate(None, n=n, reason=NO_VARIATION)
    if n < 2:
        return Estimate(None, n=1, reason="one unit; what units differ by needs two")
    # A common shift changes nothing, and squares keep their digits.
    value = value - value.mean()
    found = _one_way(unit, value) if model == "one_way" else _two_way(unit, rater, value)
    if found is None:
        text = "too few raters share units: what raters differ by cannot be told from what units do"
        return Estimate(None, n=n, reason=text)
    return _estimated(found, model, average, confidence)


def _one_way(unit: IntArray, value: FloatArray) -> _Squares:
    m = np.bincount(unit).astype(np.float64)
    n, total = len(m), float(m.sum())
    means = np.bincount(unit, value) / m
    rest = float(np.sum((value - means[unit]) ** 2))
    per_unit = (total - float(np.sum(m**2)) / total) / (n - 1)
    between = float(np.sum(m * means**2))
    return _Squares(between / (n - 1), 0.0, rest / (total - n), n - 1, 0, total - n, per_unit, 0.0, n)


def _two_way(unit: IntArray, rater: IntArray, value: FloatArray) -> _Squares | None:
    """Return each factor's mean square after the other; None where too little overlaps."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    m, per_rater = np.bincount(unit).astype(np.float64), np.bincount(rater).astype(np.float64)
    n, raters, total = len(m), len(per_rater), len(value)
    within_units = value - (np.bincount(unit, value) / m)[unit]
    within_raters = value - (np.bincount(rater, value) / per_rater)[rater]

    seen = csr_array((np.ones(total), (unit, rater)), shape=(n, raters))
    shared = csr_array((1 / m[unit], (unit, rater)), shape=(n, raters))
    overlap = (seen.T @ shared).toarray()
    severity = np.bincount(rater, within_units)
    islands, _ = connected_components(overlap > 0, directed=False)
    rank = raters - int(islands)  # known, not found by rounding: the matrix is singular by construction
    inverse = np.linalg.pinv(np.diag(per_rater) - overlap, rcond=1e-10, hermitian=True)
    of_raters = float(severity @ inverse @ severity)
    rest = max(0.0, float(np.sum(within_units**2)) - of_raters)
    of_units = max(0.0, float(np.sum(within_raters**2)) - rest)

    df_units, df_raters, df_rest = n - int(islands), rank, total - n - rank
    if df_units < 1 or df_raters < 1 or df_rest < 1:
        return None
    return _Squares(
        of_units / df_units, of_raters / df_raters, rest / df_rest, df_units, df_raters, df_rest,
        (total - raters) / df_units, (total - n) / df_raters, n,
    )  # fmt: skip


def _estimated(found: _Squares, model: Model, average: bool, confidence: float) -> Estimate:
    k, p = found.per_unit, found.per_rater
    raters = k * (found.raters - found.rest) / p if model == "two_way_random" else 0.0
    spread = found.units + (k - 1) * found.rest + raters
    if not spread > 1e-18:
        return Estimate(
            None, n=found.n, reason="neither units nor ratings of one differ once raters' severity is taken off"
        )
    value = (found.units - found.rest) / spread
    if found.rest <= 1e-18:
        return Estimate(_of_mean(value, k, average), n=found.n, reason="ratings of a unit do not differ: no interval")
    ends = _ends_random(found, confidence) if model == "two_way_random" else _ends(found, confidence)
    low, high = (_of_mean(end, k, average) for end in ends)
    return Estimate(_of_mean(value, k, average), low, high, found.n)


def _of_mean(value: float, k: float, average: bool) -> float:
    """Return the correlation of the mean of k ratings (Spearman and Brown, 1910)."""
    return k * value / (1 + (k - 1) * value) if average else value


def _ends(found: _Squares, confidence: float) -> tuple[float, float]:
    """Return the ends where a ratio of two mean squares decides."""
    from scipy.special import fdtri

    ratio, k, level = found.units / found.rest, found.per_unit, (1 + confidence) / 2
    low = ratio / float(fdtri(found.df_units, found.df_rest, level))
    high = ratio * float(fdtri(found.df_rest, found.df_units, level))
    return (low - 1) / (low + k - 1), (high - 1) / (high + k - 1)


def _ends_random(found: _Squares, confidence: float) -> tuple[float, float]:
    """Return the ends of ICC(2) for single ratings: quantiles of what the variances can be, given the mean squares."""
    # The same draws every time: the same ratings give the same interval.
    rng = np.random.default_rng(0)

    def could_be(mean_square: float, df: float) -> FloatArray:
        return mean_square * df / rng.chisquare(df, DRAWS)

    units, raters, rest = (
        could_be(found.units, found.df_units),
        could_be(found.raters, found.df_raters),
        could_be(found.rest, found.df_rest),
    )
    of_units = np.maximum(0.0, units - rest) / found.per_unit
    of_raters = np.maximum(0.0, raters - rest) / found.per_rater
    low, high = np.quantile(of_units / (of_units + of_raters + rest), [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
