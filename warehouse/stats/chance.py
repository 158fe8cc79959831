"""What AC and the kappas share: the disagreement within units, against one expected by chance that each defines."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from warehouse.stats.estimate import Estimate
from warehouse.stats.interval import checked_confidence
from warehouse.stats.ratings import NO_PAIR, NO_VARIATION, Counts, Scale, agreement, distances
from warehouse.stats.values import FloatArray, Numbers, finite


@dataclass(frozen=True, slots=True)
class Parts:
    """Sums over units from which a coefficient follows, also without each of them."""

    counts: Counts
    distance: FloatArray
    """Of the categories, 0..1, one row and column for each; the codes of `counts` are their places."""
    apart: FloatArray
    """Mean distance of two ratings of each unit, 0..1; NaN where it has one only."""
    shares: FloatArray
    """Sum over units of weight * share of each category."""

    @property
    def weights(self) -> FloatArray:
        """Of the units."""
        return self.counts.weights

    @property
    def total(self) -> float:
        """Sum of the weights."""
        return float(self.weights.sum())

    @property
    def share(self) -> FloatArray:
        """Share of each entry of the counts in its unit."""
        found: FloatArray = self.counts.count / self.counts.n_ratings[self.counts.unit]
        return found

    @property
    def own_square(self) -> FloatArray:
        """Sum over categories of each unit's squared shares."""
        return self.counts.by_unit(self.share**2)

    def to(self, categories: FloatArray) -> FloatArray:
        """Return, for each unit, the mean of a quantity of the categories."""
        return self.counts.by_unit(self.share * categories[self.counts.code])


def parts_of(counts: Counts, scale: Scale, categories: Numbers | None) -> Parts:
    """Return the sums of ratings.

    Raises:
        ValueError: categories that are no distinct numbers, or a rating that is none of them.
    """
    counts = _placed(counts, categories)
    known = counts.values
    distance = distances(known, scale) if len(known) > 1 else np.zeros((len(known), len(known)))
    m = counts.n_ratings
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = np.where(m > 1, counts.apart(lambda one, other: distance[one, other]) / (m * (m - 1)), np.nan)
    shares = counts.by_code(counts.count * (counts.weights / m)[counts.unit])
    return Parts(counts, distance, apart, shares)


def coefficient(
    parts: Parts, by_chance: Callable[[Parts], tuple[float, FloatArray]], confidence: float = 0.95
) -> Estimate:
    """Return 1 - disagreement / disagreement by chance, with a jackknife interval over units.

    Args:
        parts: of the ratings.
        by_chance: the disagreement expected by chance, 0 and up, from all units and without each.
        confidence: 0..1, exclusive.
    """
    checked_confidence(confidence)
    paired = ~np.isnan(parts.apart)
    n = int(paired.sum())
    if not n:
        return Estimate(None, reason=NO_PAIR)
    if np.count_nonzero(parts.shares) < 2:
        return Estimate(None, n=n, reason=NO_VARIATION)
    expected, expected_without = by_chance(parts)
    w = np.where(paired, parts.weights, 0.0)
    d = np.where(paired, parts.apart, 0.0)
    sum_d, sum_w = float(w @ d), float(w.sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        without = np.nan_to_num((sum_d - w * d) / (sum_w - w))
    return agreement(sum_d / sum_w, expected, without, np.nan_to_num(expected_without), n, confidence)


def _placed(counts: Counts, categories: Numbers | None) -> Counts:
    """Return counts whose values are the categories."""
    if categories is None:
        return counts
    known = np.unique(np.round(finite(categories, "categories"), 9))
    if len(known) != len(categories):
        raise ValueError("categories: one stands there twice; give each once")
    at = np.searchsorted(known, counts.values)
    wrong = np.flatnonzero((at == len(known)) | (known[np.minimum(at, len(known) - 1)] != counts.values))
    if wrong.size:
        raise ValueError(f"a rating of {counts.values[wrong[0]]:g} is none of the categories; name all there are")
    return Counts(counts.unit, at[counts.code].astype(np.intp), counts.count, known, counts.weights)
