"""Ratings of units by raters: what the coefficients of agreement take, and what they have in common.

All of them are 1 - observed / expected disagreement. So one place works out, for each unit left out, what is left of
both, and one place makes an interval of it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from warehouse.stats.estimate import Estimate
from warehouse.stats.interval import MIN_CLUSTERS, checked_confidence
from warehouse.stats.values import FloatArray, Numbers

IntArray: TypeAlias = npt.NDArray[np.intp]
Matrix: TypeAlias = Sequence[Sequence[float | None]] | FloatArray
"""Units by raters; None or NaN: this rater did not rate this unit."""
Scale: TypeAlias = Literal["identity", "linear", "quadratic", "ordinal"]
"""How far apart two categories are: identity: the same or not; linear and quadratic: by the difference of the values;
ordinal: by the number of pairs of categories from one to the other."""

DECIMALS = 9
"""Values no further apart than the reward quantum are one."""

NEAR_END = -1 + 1e-9
"""Least coefficient of which Fisher's z is taken."""

NO_PAIR = "no unit has two ratings"
NO_VARIATION = "all ratings are equal: agreement cannot be told from indifference"
NO_DISAGREEMENT = "no two ratings of a unit differ: the interval would have no width"
ONE_DECIDES = "without one of the units there is no disagreement left: the jackknife has nothing to go by"


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each unit got each value: one entry for every value that a unit got."""

    unit: IntArray
    """Unit of each entry, 0 and up, ascending."""
    code: IntArray
    """Place of the entry's value in `values`, ascending within a unit."""
    count: FloatArray
    """Ratings of that unit with that value, 1 and up."""
    values: FloatArray
    """Distinct values, ascending."""
    weights: FloatArray
    """Of each unit, above 0."""

    @property
    def n_units(self) -> int:
        """Units, with however many ratings."""
        return len(self.weights)

    @property
    def n_ratings(self) -> FloatArray:
        """Ratings of each unit."""
        return self.by_unit(self.count)

    def by_unit(self, entries: FloatArray) -> FloatArray:
        """Return the sum over each unit's entries."""
        return np.asarray(np.bincount(self.unit, entries, minlength=self.n_units), dtype=np.float64)

    def by_code(self, entries: FloatArray) -> FloatArray:
        """Return the sum over the entries of each value."""
        return np.asarray(np.bincount(self.code, entries, minlength=len(self.values)), dtype=np.float64)

    def pairs(self) -> Iterator[tuple[IntArray, IntArray]]:
        """Yield, in batches, places of two entries of one unit with different values; each pair once."""
        reach = 1
        first = np.arange(len(self.unit))
        while True:
            # What is no pair at this distance is none at a greater one.
            first = first[first < len(self.unit) - reach]
            first = first[self.unit[first] == self.unit[first + reach]]
            if not len(first):
                return
            yield first, first + reach
            reach += 1

    def apart(self, distance: Callable[[IntArray, IntArray], FloatArray]) -> FloatArray:
        """Return, for each unit, the sum of the distances of all ordered pairs of its ratings.

        Args:
            distance: of values known by their codes; symmetric.
        """
        total = np.zeros(self.n_units)
        for one, other in self.pairs():
            each = 2 * self.count[one] * self.count[other] * distance(self.code[one], self.code[other])
            total += np.bincount(self.unit[one], each, minlength=self.n_units)
        return total

    def several(self) -> "Counts":
        """Return the units that have two ratings or more."""
        enough = self.n_ratings >= 2
        kept = enough[self.unit]
        known, code = np.unique(self.code[kept], return_inverse=True)
        number = np.cumsum(enough) - 1
        return Counts(
            number[self.unit[kept]], code.astype(np.intp), self.count[kept], self.values[known], self.weights[enough]
        )


def matrix(ratings: Matrix) -> FloatArray:
    """Return ratings as an array of units by raters, NaN where there is none.

    Raises:
        ValueError: rows of different length, or something infinite or no number.
    """
    try:
        array = np.asarray(ratings, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"ratings must be a table of numbers, a row for each unit: {error}") from error
    if array.size == 0:
        return np.empty((0, 0))
    if array.ndim != 2:
        raise ValueError(
            f"ratings must be a table, a row for each unit and a column for each rater; got {array.ndim} axes"
        )
    if np.isinf(array).any():
        raise ValueError(f"ratings: an infinite value in row {np.flatnonzero(np.isinf(array).any(axis=1))[0]}")
    return array


def counts_of(ratings: Matrix, weights: Numbers | None = None) -> Counts:
    """Return how often each unit got each value; units nobody rated are left out."""
    array = matrix(ratings)
    unit, rater = np.nonzero(~np.isnan(array))
    return counted(unit, array[unit, rater], weights if weights is None else unit_weights(weights, len(array)))


def counted(unit: IntArray, value: FloatArray, weights: FloatArray | None = None) -> Counts:
    """Return the same of single ratings.

    Args:
        unit: of each rating, 0 and up.
        value: of each rating.
        weights: of each unit, by its number; None: all the same.
    """
    known, number = np.unique(unit, return_inverse=True)
    values, code = np.unique(np.round(value, DECIMALS) + 0.0, return_inverse=True)
    cells, count = np.unique(number * max(len(values), 1) + code, return_counts=True)
    at, code = np.divmod(cells, max(len(values), 1))
    own = np.ones(len(known)) if weights is None else weights[known]
    return Counts(at.astype(np.intp), code.astype(np.intp), count.astype(np.float64), values, own)


def unit_weights(weights: Numbers | None, n_units: int) -> FloatArray:
    """Return the weights of units; all 1 where there are none.

    Raises:
        ValueError: not one for each unit, or one that is not above 0.
    """
    if weights is None:
        return np.ones(n_units)
    array = np.asarray(weights, dtype=np.float64)
    if array.shape != (n_units,):
        raise ValueError(f"weights: {array.size} for {n_units} units; give one for each")
    if not (np.isfinite(array) & (array > 0)).all():
        raise ValueError("weights must be numbers above 0; a unit that does not count is left out")
    return array


def distances(values: FloatArray, scale: Scale) -> FloatArray:
    """Return how far apart categories are, 0 (the same) to 1 (the ends), one row and column for each.

    One less the agreement weights of K. Gwet (2014), Handbook of inter-rater reliability, ch. 3.
    """
    q = len(values)
    steps = np.abs(np.subtract.outer(np.arange(q), np.arange(q))).astype(np.float64)
    apart: FloatArray = np.abs(np.subtract.outer(values, values)) / (values.max() - values.min())
    if scale == "identity":
        apart = np.sign(steps)
    elif scale == "ordinal":
        apart = steps * (steps + 1) / (q * (q - 1))
    elif scale == "quadratic":
        apart = apart**2
    elif scale != "linear":
        raise ValueError(f"unknown scale {scale!r}; give 'identity', 'linear', 'quadratic' or 'ordinal'")
    return apart


@dataclass(frozen=True, slots=True)
class Jackknifed:
    """An estimate by leaving out one unit at a time."""

    middle: float
    """Corrected for bias: n * whole - (n - 1) * mean of those without a unit (Quenouille 1956)."""
    error: float
    """Standard error: sqrt((n - 1) / n * sum (without a unit - their mean)^2) (Tukey 1958)."""
    df: float
    """Degrees of freedom, 1 to n - 1."""

    def ends(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return middle +- t quantile * standard error."""
        from scipy.special import stdtrit

        half = float(stdtrit(self.df, (1 + confidence) / 2)) * self.error
        return self.middle - half, self.middle + half

    def p_of(self, value: float) -> float | None:
        """Return the two-sided p value of a true value; None where the estimate has no error."""
        from scipy.special import stdtr

        return float(2 * stdtr(self.df, -abs(self.middle - value) / self.error)) if self.error > 0 else None


def jackknife(whole: float, without: FloatArray) -> Jackknifed:
    """Return a jackknife estimate.

    A few units that count for much make the error itself uncertain, so t has 2 n / (kurtosis - 1) degrees of freedom,
    from the variance of a variance, at most n - 1 and at least 1.

    Args:
        whole: estimate from all n units, 2 and up.
        without: estimate without each unit.
    """
    n, off = len(without), without - without.mean()
    squares, df = float(np.sum(off**2)), float(n - 1)
    error = (squares * (n - 1) / n) ** 0.5
    if error > 0:
        kurtosis = n * float(np.sum(off**4)) / squares**2
        df = max(1.0, min(df, 2 * n / max(kurtosis - 1, 1e-9)))
    return Jackknifed(n * whole - (n - 1) * float(without.mean()), error, df)


def agreement(
    observed: float,
    expected: float,
    observed_without: FloatArray,
    expected_without: FloatArray,
    n: int,
    confidence: float,
) -> Estimate:
    """Return 1 - observed / expected disagreement with its jackknife interval.

    The interval is made for the inverse hyperbolic tangent (Fisher's z) and carried back, so that it ends below 1 and
    is the wider on the side where there is room: coefficients near 1 are skewed.

    Args:
        observed: mean disagreement of ratings of one unit, 0 and up.
        expected: mean disagreement by chance, 0 and up.
        observed_without: the first without each unit.
        expected_without: the second without each unit.
        n: units with two ratings.
        confidence: 0..1, exclusive.
    """
    checked_confidence(confidence)
    tiny = 10.0**-DECIMALS
    if not expected > tiny**2:
        return Estimate(None, n=n, reason=NO_VARIATION)
    value = 1 - observed / expected
    if n < MIN_CLUSTERS:
        return Estimate(value, n=n, reason=f"{n} units; an interval needs {MIN_CLUSTERS}")
    if observed <= expected * tiny:
        return Estimate(1.0, n=n, reason=NO_DISAGREEMENT)
    if (expected_without <= tiny**2).any() or (observed_without <= tiny * expected_without).any():
        return Estimate(value, n=n, reason=ONE_DECIDES)
    without = 1 - observed_without / expected_without
    # Below -1 only coefficients with unusual weights get, and z ends there.
    z, z_without = np.arctanh(max(value, NEAR_END)), np.arctanh(np.maximum(without, NEAR_END))
    low, high = np.tanh(jackknife(float(z), z_without).ends(confidence))
    return Estimate(value, min(value, float(low)), max(value, float(high)), n)
