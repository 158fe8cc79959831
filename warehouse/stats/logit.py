"""Fractional logit with errors clustered: what columns do to a share.

Libraries have it (statsmodels, against which tests hold this), at more than a second of import, two with what it needs.
It is worked out at the end of every run, while everybody waits.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from warehouse.stats.values import FloatArray

MOST_STEPS = 100
SETTLED = 1e-10
"""Relative change of the deviance below which the fit has settled."""
SMALLEST_SHARE = 1e-12
"""A fitted share stays this far from 0 and 1."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Coefficients and how sure they are."""

    coefficients: FloatArray
    """One per column: change of the log odds for one unit of it."""
    errors: FloatArray
    """Their standard errors, clustered."""


def fractional_logit(shares: FloatArray, columns: FloatArray, clusters: npt.NDArray[np.intp]) -> Fit | None:
    """Fit logit E[share] = columns @ coefficients, and say how sure that is where rows come in clusters.

    Iteratively reweighted least squares for the binomial quasi-likelihood, which needs only the mean to be right.
    Errors are those of Liang and Zeger (1986), bread @ sum of g g' @ bread with g the score of a cluster, times
    G / (G - 1) * (n - 1) / (n - k), the usual correction for few clusters. Source of the model: Papke and Wooldridge
    (1996), Econometric methods for fractional response variables.

    Args:
        shares: n of them, 0..1.
        columns: n x k, an intercept among them.
        clusters: n numbers, 0 and up; two different ones at least.

    Returns:
        The fit; None where it does not settle, since some column decides the share by itself, or columns follow from
        each other.
    """
    try:
        return _settled(shares, columns, clusters)
    except np.linalg.LinAlgError:
        return None


def _settled(shares: FloatArray, columns: FloatArray, clusters: npt.NDArray[np.intp]) -> Fit | None:
    fitted = (shares + 0.5) / 2
    odds, deviance = _log_odds(fitted), np.inf
    for _ in range(MOST_STEPS):
        weights = fitted * (1 - fitted)
        bread = np.linalg.inv(columns.T @ (columns * weights[:, None]))
        coefficients = bread @ (columns.T @ (weights * odds + shares - fitted))
        odds = columns @ coefficients
        fitted = _shares(odds)
        before, deviance = deviance, _deviance(shares, fitted)
        if abs(before - deviance) <= SETTLED * (abs(deviance) + SETTLED):
            return _with_errors(coefficients, columns, shares, fitted, clusters)
    return None


def _with_errors(
    coefficients: FloatArray,
    columns: FloatArray,
    shares: FloatArray,
    fitted: FloatArray,
    clusters: npt.NDArray[np.intp],
) -> Fit | None:
    n, k = columns.shape
    bread = np.linalg.inv(columns.T @ (columns * (fitted * (1 - fitted))[:, None]))
    scores = np.zeros((int(clusters.max()) + 1, k))
    np.add.at(scores, clusters, columns * (shares - fitted)[:, None])
    n_clusters = len(np.unique(clusters))
    correction = n_clusters / (n_clusters - 1) * (n - 1) / (n - k)
    with np.errstate(invalid="ignore"):
        errors = np.sqrt(np.diag(bread @ (scores.T @ scores) @ bread) * correction)
    is_finite = np.isfinite(errors).all() and np.isfinite(coefficients).all()
    return Fit(coefficients, errors) if is_finite else None


def _log_odds(shares: FloatArray) -> FloatArray:
    odds: FloatArray = np.log(shares) - np.log1p(-shares)
    return odds


def _shares(odds: FloatArray) -> FloatArray:
    # Written with tanh, which does not overflow.
    shares: FloatArray = np.clip((1 + np.tanh(odds / 2)) / 2, SMALLEST_SHARE, 1 - SMALLEST_SHARE)
    return shares


def _deviance(shares: FloatArray, fitted: FloatArray) -> float:
    """Return minus twice the quasi-likelihood, but for what does not depend on the fit."""
    return float(-2 * (shares @ np.log(fitted) + (1 - shares) @ np.log1p(-fitted)))
