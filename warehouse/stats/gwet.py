"""Gwet's AC1 and AC2: agreement beyond chance that does not break down where nearly all ratings are the same."""

import numpy as np

from warehouse.stats.chance import Parts, coefficient, parts_of
from warehouse.stats.estimate import Estimate
from warehouse.stats.ratings import Counts, Matrix, Scale, counts_of
from warehouse.stats.values import FloatArray, Numbers


def gwet_ac(
    ratings: Matrix,
    scale: Scale = "identity",
    *,
    categories: Numbers | None = None,
    weights: Numbers | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Return AC1 (scale "identity") or AC2 (any other) with a jackknife interval over units.

    (p_a - p_e) / (1 - p_e): p_a the weighted agreement of two ratings of a unit, averaged over units with two or more;
    p_e = T / (q (q - 1)) * sum pi_k (1 - pi_k), T the sum of the agreement weights of the q categories, pi_k the mean
    share of category k over all rated units. Sources: K. Gwet (2008), Computing inter-rater reliability and its
    variance in the presence of high agreement, BJMSP 61; K. Gwet (2014), Handbook of inter-rater reliability, ch. 3,
    for weights and missing ratings. Where 96 % agree because nearly all is fine, kappa may be .3 and AC1 .96.

    Args:
        ratings: units by raters; None or NaN: not rated.
        scale: how far apart categories are.
        categories: those there are, used or not; None: those used.
        weights: of the units, above 0, such as 1 / inclusion probability.
        confidence: of the interval, 0..1, exclusive.

    Returns:
        The coefficient, -1..1; None where there is no pair or all ratings are equal; without ends below 10 units, and
        where no ratings disagree. n: units with two ratings.

    Raises:
        ValueError: ratings, weights or categories that are none, or a rating outside the categories.
    """
    return ac_of(counts_of(ratings, weights), scale, categories, confidence)


def ac_of(
    counts: Counts, scale: Scale = "identity", categories: Numbers | None = None, confidence: float = 0.95
) -> Estimate:
    """Return AC1 or AC2 of ratings that are counted already; see `gwet_ac`."""
    return coefficient(parts_of(counts, scale, categories), _by_chance, confidence)


def _by_chance(parts: Parts) -> tuple[float, FloatArray]:
    """Return the disagreement expected by chance, from all units and without each."""
    q = len(parts.distance)
    factor = float(np.sum(1 - parts.distance)) / (q * (q - 1))
    left = parts.total - parts.weights
    square = float(np.sum(parts.shares**2))
    square_without = square - 2 * parts.weights * parts.to(parts.shares) + parts.weights**2 * parts.own_square
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1 - factor * (1 - square / parts.total**2), 1 - factor * (1 - square_without / left**2)
