"""The kappas: agreement beyond chance by how often each category is used."""

import numpy as np

from warehouse.stats.chance import Parts, coefficient, parts_of
from warehouse.stats.estimate import Estimate
from warehouse.stats.ratings import NO_PAIR, Matrix, Scale, counts_of, matrix
from warehouse.stats.values import FloatArray, Numbers

_BATCH = 4_000_000
"""Cells of a table of units, raters and categories held at once."""


def cohen_kappa(
    one: Numbers,
    other: Numbers,
    scale: Scale = "identity",
    *,
    categories: Numbers | None = None,
    weights: Numbers | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Return Cohen's kappa of two raters, weighted by the scale, with a jackknife interval over units.

    1 - mean distance of the two ratings / mean distance of any rating of one and any of the other. Sources: J. Cohen
    (1960), A coefficient of agreement for nominal scales, EPM 20; J. Cohen (1968), Psychological Bulletin 70, for
    weights. Kappa falls with the range of what is rated: compare no two kappas of parts of a scale.

    Args:
        one: what one rater said of each unit; NaN: did not rate it.
        other: the other rater, of the same units.
        scale: how far apart categories are; "quadratic" is the usual one for levels.
        categories: those there are; matters to "ordinal" only.
        weights: of the units, above 0.
        confidence: of the interval, 0..1, exclusive.

    Returns:
        Kappa, -1..1; None where no unit has both ratings or all ratings are equal; without ends below 10 units, and
        where none disagree. n: units with both.

    Raises:
        ValueError: columns of different length, something that is no number, or a rating outside the categories.
    """
    if len(one) != len(other):
        raise ValueError(f"two raters need the same units: {len(one)} ratings against {len(other)}")
    both = matrix(np.column_stack([np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)]))
    kept = ~np.isnan(both).any(axis=1) if both.size else np.zeros(0, dtype=bool)
    if not kept.any():
        return Estimate(None, reason=NO_PAIR)
    own = None if weights is None else np.asarray(weights, dtype=np.float64)[kept]
    return conger_kappa(both[kept], scale, categories=categories, weights=own, confidence=confidence)


def fleiss_kappa(
    ratings: Matrix,
    scale: Scale = "identity",
    *,
    categories: Numbers | None = None,
    weights: Numbers | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Return Fleiss' kappa with a jackknife interval over units.

    By chance, two ratings differ as two ratings of any units do: sum over k, l of distance_kl pi_k pi_l, pi_k the mean
    share of category k. Sources: J. Fleiss (1971), Measuring nominal scale agreement among many raters, Psychological
    Bulletin 76; K. Gwet (2014), ch. 2 and 3, for missing ratings and weights.

    Args:
        ratings: units by raters, whoever they are; None or NaN: not rated.
        scale: how far apart categories are.
        categories: those there are; matters to "ordinal" only.
        weights: of the units, above 0.
        confidence: of the interval, 0..1, exclusive.

    Returns:
        Kappa, -1..1; None and missing ends as with `cohen_kappa`.

    Raises:
        ValueError: as `gwet_ac`.
    """

    def by_chance(parts: Parts) -> tuple[float, FloatArray]:
        to_all = parts.distance @ parts.shares
        total = float(parts.shares @ to_all)
        m = parts.counts.n_ratings
        own = parts.counts.apart(lambda a, b: parts.distance[a, b]) / m**2
        left = total - 2 * parts.weights * parts.to(to_all) + parts.weights**2 * own
        with np.errstate(divide="ignore", invalid="ignore"):
            return total / parts.total**2, left / (parts.total - parts.weights) ** 2

    return coefficient(parts_of(counts_of(ratings, weights), scale, categories), by_chance, confidence)


def brennan_prediger(
    ratings: Matrix,
    scale: Scale = "identity",
    *,
    categories: Numbers | None = None,
    weights: Numbers | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Return Brennan and Prediger's coefficient with a jackknife interval over units.

    By chance, every category is as likely: the mean of all distances. Source: R. Brennan and D. Prediger (1981),
    Coefficient kappa: some uses, misuses, and alternatives, EPM 41. Arguments and result as `fleiss_kappa`, but
    categories that nobody used do count.
    """

    def by_chance(parts: Parts) -> tuple[float, FloatArray]:
        expected = float(parts.distance.mean())
        return expected, np.full(parts.counts.n_units, expected)

    return coefficient(parts_of(counts_of(ratings, weights), scale, categories), by_chance, confidence)


def conger_kappa(
    ratings: Matrix,
    scale: Scale = "identity",
    *,
    categories: Numbers | None = None,
    weights: Numbers | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Return Conger's kappa, Cohen's for any number of raters, with a jackknife interval over units.

    By chance, two raters differ as any rating of one does from any of the other: the mean, over pairs of raters, of
    sum over k, l of distance_kl p_gk p_hl, p_gk the share of category k in what rater g said. Source: A. Conger (1980),
    Integration and generalization of kappas for multiple raters, Psychological Bulletin 88. Arguments and result as
    `fleiss_kappa`; a column is a rater.
    """
    array = matrix(ratings)
    array = array[~np.isnan(array).all(axis=1)] if weights is None else array
    counts = counts_of(array, weights)
    parts = parts_of(counts, scale, categories)

    def by_chance(parts: Parts) -> tuple[float, FloatArray]:
        return _between_raters(array[~np.isnan(array).all(axis=1)], parts)

    return coefficient(parts, by_chance, confidence)


def _between_raters(array: FloatArray, parts: Parts) -> tuple[float, FloatArray]:
    """Return the mean distance of what two raters say anywhere, from all units and without each."""
    said = np.round(array, 9)[:, :, None] == parts.counts.values
    weighted = said * parts.weights[:, None, None]
    cells, marks = weighted.sum(axis=0), weighted.sum(axis=(0, 2))
    cells, used = cells[marks > 0], marks > 0
    if used.sum() < 2:
        return 0.0, np.zeros(len(array))
    without = np.empty(len(array))
    step = max(1, _BATCH // max(1, weighted[0].size))
    for start in range(0, len(array), step):
        without[start : start + step] = _mean_apart(cells - weighted[start : start + step, used], parts.distance)
    return float(_mean_apart(cells[None], parts.distance)[0]), without


def _mean_apart(cells: FloatArray, distance: FloatArray) -> FloatArray:
    """Return, of tables of raters by categories, the mean distance over pairs of raters that said something."""
    n = cells.sum(axis=2, keepdims=True)
    shares = np.divide(cells, n, out=np.zeros_like(cells), where=n > 0)
    raters = np.count_nonzero(n[:, :, 0] > 0, axis=1)
    all_of_them = shares.sum(axis=1)
    over_all = np.einsum("uk,kl,ul->u", all_of_them, distance, all_of_them)
    same_rater = np.einsum("ugk,kl,ugl->u", shares, distance, shares)
    pairs = raters * (raters - 1)
    found: FloatArray = np.divide(over_all - same_rater, pairs, out=np.zeros(len(cells)), where=pairs > 0)
    return found
