"""The mean of a frame from few ratings and the predictions of a judge for all of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from warehouse.stats.design import ZERO, IntArray, Rows, prepared, spread, t_estimate, t_quantile
from warehouse.stats.estimate import Estimate
from warehouse.stats.values import FloatArray, finite

AT_MOST_WIDER = 1.05
"""Never wider than the interval of the ratings alone by more than this factor; beyond it predictions are not used."""


@dataclass(frozen=True)
class PredictedStratum:
    """One stratum of a frame with predictions, of which a simple random sample has ratings."""

    n_frame: int
    """Units of the frame, 1 and up."""
    predictions: FloatArray
    """Of the whole frame, rated units among them, in any order, in the unit of the ratings; NaN or left out where the
    judge gave none."""
    rated_predictions: FloatArray
    """Of the rated units; NaN where the judge gave none."""
    ratings: FloatArray
    """Of the rated units, in the order of `rated_predictions`."""


def prediction_powered_mean(
    strata: Sequence[PredictedStratum], confidence: float = 0.95, *, limits: tuple[float, float] | None = None
) -> Estimate:
    """Return the mean rating of a frame, made sharper by predictions and never biased by them.

    sum W_h [mean rating + lambda (mean prediction of the frame - mean prediction of the rated)], with variance
    sum W_h^2 (1 - n_h / N_h) s_h^2 / n_h of the residuals rating - lambda * prediction. With lambda 1 it is the doubly
    robust mean of judge and residuals, with 0 the mean of the ratings alone. Source: the difference estimator of
    Cochran (1977), Sampling techniques, chapter 7; Angelopoulos, Duchi and Zrnic (2023), PPI++, arXiv:2311.01453, for
    lambda; Fisch et al. (2024), Stratified prediction-powered inference, arXiv:2406.04291.

    lambda is one for all strata, the one of the smallest variance, drawn to 0 where it is not clearly different from 0
    (a judge of noise counts for nothing). For each rated unit it is found without that unit, so that neither the mean
    nor the scatter of the residuals flatters itself. Where the interval would still be wider than that of the ratings
    alone by more than 5 %, or where residuals do not vary at all, the ratings alone are used; a judge that is constant,
    or silent, changes nothing.

    A unit without a prediction takes the mean prediction of its stratum: any number fixed before the draw leaves the
    estimate unbiased. What `stratified_mean` says of strata with one value or none holds here as well, but a stratum
    without a rating brings its predictions with it.

    Args:
        strata: neighbours beside each other.
        confidence: 0..1, exclusive.
        limits: what ratings can be; the ends are cut there.

    Returns:
        The mean in the unit of the ratings, n the ratings. Both ends are the mean where the whole frame was rated. No
        interval below 10 ratings, or where nothing varies; no mean without any rating.

    Raises:
        ValueError: a rating that is no number, more ratings than predictions allow, or columns of different length.
    """
    for at, stratum in enumerate(strata):
        _check(stratum, at)
    counted = np.array([len(stratum.ratings) for stratum in strata], dtype=np.int64)
    human = np.concatenate([np.empty(0), *(finite(of.ratings, "ratings", at_least=0) for of in strata)])
    if not len(human):
        return Estimate(None, reason="Nothing is rated.")
    label = np.repeat(np.arange(len(strata)), counted)
    rows = prepared(len(human), None, label, {at: of.n_frame for at, of in enumerate(strata)}, None)
    alone = float(rows.share @ human)
    around_alone = spread(rows, human - alone)
    ratings_only = t_estimate(alone, rows, around_alone, confidence, n=len(human), limits=limits)
    if rows.is_census:
        return ratings_only
    gap = _gaps(strata, rows, counted)
    slope = _slopes(rows, human, gap)
    residual = human + slope * gap
    powered = float(rows.share @ residual)
    around_powered = spread(rows, residual - powered)
    # Residuals without any scatter would claim a certainty that so few ratings cannot give.
    if around_powered.variance <= ZERO**2 or _width(
        around_powered.variance, around_powered.freedom, confidence
    ) > AT_MOST_WIDER * _width(around_alone.variance, around_alone.freedom, confidence):
        return ratings_only
    return t_estimate(powered, rows, around_powered, confidence, n=len(human), limits=limits)


def _width(variance: float, freedom: float, confidence: float) -> float:
    return t_quantile(freedom, confidence) * sqrt(variance)


def _gaps(strata: Sequence[PredictedStratum], rows: Rows, counted: IntArray) -> FloatArray:
    """Return for each rated unit how far the mean prediction of its stratum is above its own.

    Units without a prediction are at the mean of their stratum, so their gap is 0. A stratum without ratings is part of
    the neighbour that `prepared` gave its weight to, with its predictions.
    """
    totals, sizes = np.zeros(len(strata)), np.zeros(len(strata))
    rated = np.flatnonzero(counted)
    for at, stratum in enumerate(strata):
        known = np.asarray(stratum.predictions, dtype=np.float64)
        known = known[np.isfinite(known)]
        beside = at if counted[at] else int(max(rated[rated < at], default=rated[0]))
        totals[beside] += stratum.n_frame * (known.mean() if len(known) else 0.0) if len(known) else 0.0
        sizes[beside] += stratum.n_frame if len(known) else 0.0
    mean = totals / np.where(sizes > 0, sizes, 1.0)
    own = np.concatenate([np.empty(0), *(np.asarray(of.rated_predictions, dtype=np.float64) for of in strata)])
    gap = np.where(np.isfinite(own), mean[rows.stratum] - own, 0.0)
    # Of a stratum rated as a whole nothing is left to predict.
    return np.asarray(np.where(rows.open[rows.stratum] > ZERO, gap, 0.0))


def _slopes(rows: Rows, human: FloatArray, gap: FloatArray) -> FloatArray:
    """Return lambda for each rated unit, found without it.

    The variance of the mean is quadratic in lambda: its minimum is A / B with A and B sums over strata of
    c_h * (products of deviations), c_h = W_h^2 (1 - n_h / N_h) / (n_h (n_h - 1)). Leaving out one unit takes
    n / (n - 1) times the product of its own deviations off.
    """
    n_strata = len(rows.open)
    counted = np.bincount(rows.stratum, minlength=n_strata).astype(np.float64)
    mass = np.bincount(rows.stratum, rows.share, n_strata)
    factor = mass**2 * rows.open / np.maximum(counted * (counted - 1), 1.0)
    factor[counted < 2] = 0.0

    def deviations(values: FloatArray) -> FloatArray:
        means = np.bincount(rows.stratum, values, n_strata) / np.maximum(counted, 1.0)
        return np.asarray(values - means[rows.stratum])

    of_human, of_gap = deviations(human), -deviations(gap)
    off = (factor * counted / np.maximum(counted - 1, 1.0))[rows.stratum]
    each = factor[rows.stratum]
    top = float((each * of_human * of_gap).sum()) - off * of_human * of_gap
    bottom = float((each * of_gap**2).sum()) - off * of_gap**2
    slope = np.divide(top, bottom, out=np.zeros_like(top), where=bottom > ZERO**2)
    # James and Stein's positive part: nothing of a slope that is not further from 0 than its own error.
    squared = float((each * of_human**2).sum()) - off * of_human**2
    freedom = max(1.0, float((counted - 1)[counted > 1].sum()) - 2)
    left = np.maximum(squared - slope * top, 0.0)
    certain = np.divide(slope * top * freedom, left, out=np.full_like(top, np.inf), where=left > 0)
    kept = np.clip(1 - np.divide(1.0, certain, out=np.ones_like(top), where=certain > 0), 0.0, 1.0)
    return np.asarray(slope * kept)


def _check(stratum: PredictedStratum, at: int) -> None:
    n_predicted = int(np.isfinite(np.asarray(stratum.predictions, dtype=np.float64)).sum())
    if len(stratum.rated_predictions) != len(stratum.ratings):
        raise ValueError(
            f"stratum {at}: {len(stratum.rated_predictions)} predictions of {len(stratum.ratings)} ratings"
        )
    if len(stratum.predictions) > stratum.n_frame:
        raise ValueError(f"stratum {at}: {len(stratum.predictions)} predictions of {stratum.n_frame} units")
    if int(np.isfinite(np.asarray(stratum.rated_predictions, dtype=np.float64)).sum()) > n_predicted:
        raise ValueError(f"stratum {at}: predictions of rated units are missing among those of the frame")
