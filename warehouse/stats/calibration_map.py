"""From what a judge says to what people would say: a monotone map, chosen and measured on rows it has not seen."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from warehouse.stats.calibration_error import expected_calibration_error
from warehouse.stats.design import Labels
from warehouse.stats.values import FloatArray, Numbers, finite, is_constant, same_length, shares

MapMethod: TypeAlias = Literal["identity", "affine", "platt", "isotonic"]

SIMPLEST_FIRST: tuple[MapMethod, ...] = ("identity", "affine", "platt", "isotonic")

MIN_ROWS = 30
MIN_GROUPS = 5
MIN_ISOTONIC = 200
"""Below this many rows steps follow single ratings: STATISTICS, section on maps; a judgement."""

N_FOLDS = 5
TIE = 1e-9
"""Squared errors no further apart than this are equal, and the simpler map is taken."""


@dataclass(frozen=True)
class CalibrationMap:
    """A map and what it is worth."""

    method: MapMethod | None
    """identity: no map is better than none. None: no map can be fitted; `reason` says why."""
    coefficients: tuple[float, float] | None = None
    """Intercept and slope of "affine", or of the log odds of "platt"."""
    knots: tuple[tuple[float, float], ...] = ()
    """Of "isotonic": (judge, mapped) in order of both; straight in between, level beyond the ends."""
    n: int = 0
    """Rows."""
    n_groups: int = 0
    errors: Mapping[str, float] = field(default_factory=dict)
    """Cross-validated mean squared error of each candidate."""
    cross_fitted: FloatArray | None = None
    """For each row what the chosen kind of map says of it when fitted on other groups, 0..1."""
    mae_raw: float | None = None
    """Weighted mean |judge - human|."""
    mae_mapped: float | None = None
    """The same of `cross_fitted`."""
    ece_raw: float | None = None
    """Expected calibration error of the judge, equal counts."""
    ece_mapped: float | None = None
    """The same of `cross_fitted`."""
    reason: str | None = None
    """Why there is no map; None where there is one."""

    def apply(self, judge: Numbers) -> FloatArray:
        """Return what people would say, 0..1, where the judge says this.

        Raises:
            ValueError: there is no map, or a value is no number.
        """
        values = finite(judge, "judge", at_least=0)
        if self.method is None:
            raise ValueError(f"there is no map: {self.reason}")
        return _applied(self.method, self.coefficients, self.knots, values)

    def as_data(self) -> dict[str, Any]:
        """Return the map as plain data: method, coefficients and knots."""
        return {
            "method": self.method,
            "coefficients": list(self.coefficients) if self.coefficients else None,
            "knots": [list(knot) for knot in self.knots],
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "CalibrationMap":
        """Return the map that `as_data` wrote; what it was worth is not in it."""
        coefficients = data["coefficients"]
        return cls(
            method=data["method"],
            coefficients=(float(coefficients[0]), float(coefficients[1])) if coefficients else None,
            knots=tuple((float(x), float(y)) for x, y in data["knots"]),
        )


def fit_map(
    judge: Numbers,
    human: Numbers,
    groups: Labels,
    weights: Numbers | None = None,
    *,
    bins: int = 10,
    min_isotonic: int = MIN_ISOTONIC,
) -> CalibrationMap:
    """Return the monotone map from judge to human that predicts unseen groups best.

    Candidates: identity; affine (weighted least squares, slope not below 0, cut to 0..1); Platt's logistic curve (J.
    Platt 1999; for shares Papke and Wooldridge 1996); isotonic regression (pool adjacent violators: Ayer et al. 1955)
    from `min_isotonic` rows on. Each is fitted on four fifths of the groups and measured on the last, five times; the
    smallest weighted squared error wins, of equal ones the simplest. A group (instance) is never on both sides.

    Figures of the map are of these unseen predictions: on the rows it was fitted to, the calibration error of isotonic
    regression is 0 by construction. That the best of four was taken flatters them by little, which is not taken off.

    For reports, not for rewards: isotonic regression has plateaus (200 values become about 20), and each is a new tie,
    a pair of outputs whose order the judge knew and the map has lost.

    Args:
        judge: what the judge said, 0..1.
        human: what people said of the same rows, 0..1.
        groups: the instance of each row.
        weights: 1 / probability of each row; None: all alike.
        bins: of the calibration errors, equal counts.
        min_isotonic: rows from which on isotonic regression is a candidate.

    Returns:
        Without a method, and with the reason, below 30 rows or 5 groups or where the judge says one thing only.

    Raises:
        ValueError: columns of different length, a value outside 0..1, or a weight that is not above 0.
    """
    said, told = shares(judge, "judge", at_least=0), shares(human, "human", at_least=0)
    same_length(judge=said, human=told, groups=groups)
    weight = np.ones(len(said)) if weights is None else finite(weights, "weights", at_least=0)
    same_length(judge=said, weights=weight)
    if not (weight > 0).all():
        raise ValueError("a weight is not above 0; leave out rows that count for nothing, such as supplements")
    fold, n_groups = _folds(groups.tolist() if isinstance(groups, np.ndarray) else groups)
    n, reason = len(said), None
    if n < MIN_ROWS:
        reason = f"{n} rows have a verdict and a rating; a map needs {MIN_ROWS}."
    elif n_groups < MIN_GROUPS:
        reason = f"{n_groups} instances; cross-validation needs {MIN_GROUPS}."
    elif is_constant(said):
        reason = "The judge says the same of all."
    if reason:
        return CalibrationMap(None, n=n, n_groups=n_groups, reason=reason)
    candidates = [method for method in SIMPLEST_FIRST if method != "isotonic" or n >= min_isotonic]
    predicted = {method: _cross_fitted(method, said, told, weight, fold) for method in candidates}
    errors: dict[str, float] = {
        method: float(np.average((of - told) ** 2, weights=weight)) for method, of in predicted.items()
    }
    best = min(errors.values())
    chosen = next(method for method in candidates if errors[method] <= best + TIE)
    coefficients, knots = _fitted(chosen, said, told, weight)
    mapped = predicted[chosen]
    return CalibrationMap(
        chosen,
        coefficients,
        knots,
        n,
        n_groups,
        errors,
        mapped,
        float(np.average(np.abs(said - told), weights=weight)),
        float(np.average(np.abs(mapped - told), weights=weight)),
        expected_calibration_error(said, told, weight, bins, n_draws=1).ece,
        expected_calibration_error(mapped, told, weight, bins, n_draws=1).ece,
    )


def _folds(groups: Sequence[Hashable]) -> tuple[npt.NDArray[np.int64], int]:
    """Return the fold of each row: groups from large to small, each to the fold that has the fewest rows so far."""
    sizes: dict[Hashable, int] = {}
    for group in groups:
        sizes[group] = sizes.get(group, 0) + 1
    held, place = [0] * N_FOLDS, {}
    for group in sorted(sizes, key=lambda of: (-sizes[of], str(of))):
        place[group] = held.index(min(held))
        held[place[group]] += sizes[group]
    return np.array([place[group] for group in groups], dtype=np.int64), len(sizes)


def _cross_fitted(
    method: MapMethod, judge: FloatArray, human: FloatArray, weight: FloatArray, fold: npt.NDArray[np.int64]
) -> FloatArray:
    predicted = np.empty_like(judge)
    for at in np.unique(fold):
        unseen = fold == at
        coefficients, knots = _fitted(method, judge[~unseen], human[~unseen], weight[~unseen])
        predicted[unseen] = _applied(method, coefficients, knots, judge[unseen])
    return predicted


def _fitted(
    method: MapMethod, judge: FloatArray, human: FloatArray, weight: FloatArray
) -> tuple[tuple[float, float] | None, tuple[tuple[float, float], ...]]:
    """Return coefficients and knots of one kind of map."""
    if method == "affine":
        return _affine(judge, human, weight), ()
    if method == "platt":
        return _platt(judge, human, weight), ()
    if method == "isotonic":
        return None, _isotonic(judge, human, weight)
    return None, ()


def _applied(
    method: MapMethod,
    coefficients: tuple[float, float] | None,
    knots: tuple[tuple[float, float], ...],
    judge: FloatArray,
) -> FloatArray:
    if method == "isotonic":
        x, y = np.array(knots).T
        return np.asarray(np.interp(judge, x, y))
    if coefficients is None:
        return np.clip(judge, 0.0, 1.0)
    line = coefficients[0] + coefficients[1] * judge
    return np.clip(line, 0.0, 1.0) if method == "affine" else 1 / (1 + np.exp(-line))


def _affine(judge: FloatArray, human: FloatArray, weight: FloatArray) -> tuple[float, float]:
    middle, mean = np.average(judge, weights=weight), np.average(human, weights=weight)
    below = float((weight * (judge - middle) ** 2).sum())
    slope = max(0.0, float((weight * (judge - middle) * (human - mean)).sum()) / below) if below > 0 else 0.0
    return float(mean) - slope * float(middle), slope


def _platt(judge: FloatArray, human: FloatArray, weight: FloatArray) -> tuple[float, float]:
    """Return the logistic curve of largest quasi-likelihood, by Newton's steps; flat where it would fall.

    Platt's own targets: ratings are drawn in by half a row at either end, so that no curve is infinitely steep.
    """
    inset = 1 / (len(judge) + 2)
    target = inset + (1 - 2 * inset) * human
    columns = np.column_stack([np.ones_like(judge), judge])
    mean = float(np.average(target, weights=weight))
    found = np.array([np.log(mean / (1 - mean)), 0.0])
    for _ in range(50):
        curve = 1 / (1 + np.exp(-columns @ found))
        gradient = columns.T @ (weight * (target - curve))
        # A trace on the diagonal keeps a step finite where the judge hardly varies.
        hessian = (columns.T * (weight * curve * (1 - curve))) @ columns + 1e-9 * weight.sum() * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        found = found + np.clip(step, -5.0, 5.0)
        if np.abs(step).max() < 1e-10:
            break
    if found[1] < 0:
        return float(np.log(mean / (1 - mean))), 0.0
    return float(found[0]), float(found[1])


def _isotonic(judge: FloatArray, human: FloatArray, weight: FloatArray) -> tuple[tuple[float, float], ...]:
    """Return the ends of the plateaus of isotonic regression."""
    from scipy.optimize import isotonic_regression

    values, code = np.unique(judge, return_inverse=True)
    mass = np.bincount(code, weight)
    mean = np.bincount(code, weight * human) / mass
    level = np.maximum.accumulate(np.clip(isotonic_regression(mean, weights=mass).x, 0.0, 1.0))
    inner = np.zeros(len(values), dtype=bool)
    inner[1:-1] = (level[1:-1] == level[:-2]) & (level[1:-1] == level[2:])
    return tuple((float(x), float(y)) for x, y in zip(values[~inner], level[~inner], strict=True))
