"""An estimate with its interval, or the reason why it has none."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from warehouse.stats.values import FloatArray, Numbers, finite, is_constant

MIN_CLUSTERS = 10
"""Below this a t interval claims more than it holds: simulated coverage of zero-inflated scores at 10 is 0.925."""

Method = Literal["t", "bca", "percentile", "taylor"]


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and what its interval is."""

    estimate: float | None
    """In the unit of the values; None where it is undefined."""
    low: float | None
    """Lower end; None where there is no interval."""
    high: float | None
    """Upper end; None where there is no interval."""
    confidence: float
    """Coverage aimed at, 0..1."""
    n_clusters: int
    """Independent units behind it."""
    method: Method | None
    """How the ends were found; None where there are none."""
    reason: str | None
    """Why something is None; None where nothing is."""


def checked_confidence(confidence: float) -> float:
    """Return the confidence; raise ValueError unless it is a share strictly between 0 and 1."""
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence of {confidence!r} is none; give a share such as 0.95")
    return confidence


def no_interval(estimate: float | None, n_clusters: int, confidence: float, reason: str) -> Interval:
    """Return an estimate without an interval."""
    return Interval(estimate, None, None, confidence, n_clusters, None, reason)


def around(
    estimate: float, standard_error: float, n_clusters: int, confidence: float, method: Method = "t"
) -> Interval:
    """Return estimate +- t quantile * standard error, with n_clusters - 1 degrees of freedom."""
    from scipy.special import stdtrit

    half = float(stdtrit(n_clusters - 1, (1 + confidence) / 2)) * standard_error
    return Interval(estimate, estimate - half, estimate + half, confidence, n_clusters, method, None)


def why_none(unit_values: FloatArray) -> str | None:
    """Return why independent values allow no interval, or None where they do."""
    if len(unit_values) < MIN_CLUSTERS:
        return f"{len(unit_values)} clusters; an interval needs {MIN_CLUSTERS}"
    if is_constant(unit_values):
        return "no variation between clusters: the interval would have no width; for a share use clopper_pearson"
    return None


def t_interval(unit_values: Numbers, confidence: float = 0.95) -> Interval:
    """Return the mean of independent values with Student's t interval.

    Formula: mean +- t(k - 1) * s / sqrt(k), s the sample standard deviation of k values. Source: Student (1908).
    Assumes independent units, and means that are near normal.

    Args:
        unit_values: one value per independent unit, such as the mean reward of each instance.
        confidence: 0..1, exclusive.

    Returns:
        The mean, in the unit of the values; without ends below 10 units or where all are equal.

    Raises:
        ValueError: no values, one that is no number, or a confidence that is none.
    """
    values = finite(unit_values, "unit_values")
    estimate = float(values.mean())
    reason = why_none(values)
    if reason:
        return no_interval(estimate, len(values), checked_confidence(confidence), reason)
    standard_error = float(np.std(values, ddof=1)) / len(values) ** 0.5
    return around(estimate, standard_error, len(values), checked_confidence(confidence))
