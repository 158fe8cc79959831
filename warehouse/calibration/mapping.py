"""From a judge's verdict to the rating to be expected: the rows of `calibration_map` and `calibration_map_point`."""

from typing import TYPE_CHECKING, Any

import numpy as np

from warehouse.calibration.pairs import Pairs, read_pairs
from warehouse.stats.calibration_map import CalibrationMap, fit_map

if TYPE_CHECKING:
    from warehouse.store import Warehouse

N_OF_A_CURVE = 21
"""Points of a logistic curve: between these a straight line is off by less than 0.01 at any slope up to 10."""


def map_rows(warehouse: "Warehouse") -> dict[str, list[dict[str, Any]]]:
    """Return the rows of both tables, for every judge with a verdict on a rated rollout."""
    maps, points = [], []
    for pairs in read_pairs(warehouse):
        if not pairs.n:
            continue
        found = fit_map(pairs.judged, pairs.human, pairs.tasks, pairs.weights)
        maps.append(_row(pairs, found))
        points += [
            {**pairs.key, "place": place, "judge_value": judged, "human_estimate": human}
            for place, (judged, human) in enumerate(_points(found))
        ]
    return {"calibration_map": maps, "calibration_map_point": points}


def _row(pairs: Pairs, found: CalibrationMap) -> dict[str, Any]:
    reason = found.reason
    if found.method == "identity":
        reason = "No map predicts ratings of tasks it has not seen better than the verdicts as they are."
    return {
        **pairs.key, "weighting": pairs.weighting, "method": found.method, "n": pairs.n,
        "mae_raw": found.mae_raw, "mae_mapped": found.mae_mapped, "ece_raw": found.ece_raw,
        "ece_mapped": found.ece_mapped, "reason": reason,
    }  # fmt: skip


def _points(found: CalibrationMap) -> list[tuple[float, float]]:
    """Return the points through which a map goes, from verdict 0 to 1 or between its outermost knots."""
    if found.method is None:
        return []
    if found.knots:
        return list(found.knots)
    at = np.linspace(0.0, 1.0, N_OF_A_CURVE) if found.method == "platt" else np.array([0.0, 1.0])
    if found.method == "affine" and found.coefficients and found.coefficients[1] > 0:
        intercept, slope = found.coefficients
        # Where the line is cut off at 0 or 1 the map bends.
        bends = [(end - intercept) / slope for end in (0.0, 1.0)]
        at = np.unique([0.0, 1.0, *(bend for bend in bends if 0 < bend < 1)])
    return [(float(x), float(y)) for x, y in zip(at, found.apply(at), strict=True)]
