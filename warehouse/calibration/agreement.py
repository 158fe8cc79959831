"""Judges beside people: the rows of `judge_agreement`, by band of what the judge said, with weights and intervals.

Figures are of the outputs that a judge will meet, of which the rated ones are a sample: weighted by what each stands
for, but without the correction for a finite frame, by which a frame that is rated whole would leave nothing open. Tasks
are the independent units: sixteen rollouts of one task say little more than one.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from warehouse.bands import BAND_EDGES, BANDS
from warehouse.calibration.gate import TOLERANCE, ratings_to_decide
from warehouse.calibration.pairs import BoolArray, Pairs, read_pairs
from warehouse.stats.calibration_error import expected_calibration_error
from warehouse.stats.concordance import NOTHING, bias, kendall, mae, spearman, weighted_kappa
from warehouse.stats.design import IntArray, effective_n, weighted_share
from warehouse.stats.estimate import Estimate
from warehouse.stats.values import FloatArray

if TYPE_CHECKING:
    from warehouse.store import Warehouse

ROUNDING = 1e-9
"""Keeps a verdict of 0.7 out of the band below it."""
IN_A_BAND = "Within a band all of them are near each other: correlation falls with the range, whatever the judge does."
ORDERED = ("spearman", "kendall", "weighted_kappa")
INTERVALS = ("bias", "mae", "agreement", *ORDERED)
N_BINS = 10
"""Bins of a tenth for the calibration error, as in the view reliability_curve."""


def agreement_rows(warehouse: "Warehouse") -> list[dict[str, Any]]:
    """Return the rows of `judge_agreement`."""
    found = warehouse.sql("select dimension, judge, grader_version, inputs from stg_judge_input")
    inputs = {tuple(key): said for *key, said in found.iter_rows()}
    return [row for pairs in read_pairs(warehouse) for row in _of_judge(pairs, inputs[tuple(pairs.key.values())])]


def band_of(judged: FloatArray) -> IntArray:
    """Return the place of each verdict in `BANDS`."""
    return np.searchsorted(np.array([*BAND_EDGES.values()][1:]) - ROUNDING, judged, side="right")


def _of_judge(pairs: Pairs, inputs: str) -> Iterator[dict[str, Any]]:
    whole = np.ones(pairs.n, dtype=bool)
    yield {
        **_row(pairs, "all", whole, len(pairs.unrated_verdicts)),
        "n_judge_unassessed": pairs.n_judge_unassessed,
        "n_human_unassessed": pairs.n_human_unassessed,
        "inputs": inputs,
    }
    bands, unrated = band_of(pairs.judged), band_of(pairs.unrated_verdicts)
    for at, band in enumerate(BANDS):
        inside, n_unrated = bands == at, int((unrated == at).sum())
        if inside.any() or n_unrated:
            yield _row(pairs, band, inside, n_unrated)


def _row(pairs: Pairs, band: str, inside: BoolArray, n_unrated: int) -> dict[str, Any]:
    n = int(inside.sum())
    judged, human, weights = pairs.judged[inside], pairs.human[inside], pairs.weights[inside]
    tasks = pairs.tasks[inside]
    # A part of the sample is no sample of strata: how many of each fall in a band is chance.
    strata = pairs.strata if band == "all" else None
    placed: dict[str, Any] = {"weights": weights, "strata": strata, "clusters": tasks}
    found = _figures(judged, human, placed) if n else _undefined(NOTHING)
    if n:
        found |= _ordered(judged, human, placed) if band == "all" else _undefined(IN_A_BAND, *ORDERED)
    error = expected_calibration_error(judged, human, weights if n else None, N_BINS, "width")
    among = pairs.mae_human[inside]
    several = ~np.isnan(among)
    reasons = {name: estimate.reason for name, estimate in found.items() if estimate.value is None}
    reasons |= {f"{name}_low": e.reason for name, e in found.items() if e.value is not None and e.low is None}
    if n and error.null_ece is None:
        reasons["null_ece"] = "No bin has two rollouts: how they scatter is not known."
    if not several.any():
        reasons["mae_human"] = "No rollout has two ratings."
    row: dict[str, Any] = {
        **pairs.key,
        "quality_band": band,
        "weighting": pairs.weighting,
        "set_id": pairs.set_ids[0] if len(pairs.set_ids) == 1 else None,
        "share_covered": pairs.share_covered,
        "n": n,
        "n_effective": effective_n(weights) if n else None,
        "n_instances": len(np.unique(tasks)),
        "n_judge_unassessed": None,
        "n_human_unassessed": n_unrated,
        "mean_judge": float(np.average(judged, weights=weights)) if n else None,
        "mean_human": float(np.average(human, weights=weights)) if n else None,
        "mae_human": float(np.average(among[several], weights=weights[several])) if several.any() else None,
        "ece": error.ece,
        "null_ece": error.null_ece,
        "n_to_decide": _to_decide(found["agreement"]) if band == "all" else None,
        "reason": reasons,
        "inputs": None,
    }
    for name in INTERVALS:
        row[name] = found[name].value
        row[f"{name}_low"], row[f"{name}_high"] = found[name].low, found[name].high
    return row


def _to_decide(agreement: Estimate) -> int | None:
    """Return how many further rollouts would decide; None also where it is decided."""
    return ratings_to_decide(agreement) or None


def _ordered(judged: FloatArray, human: FloatArray, placed: dict[str, Any]) -> dict[str, Estimate]:
    return {
        "spearman": spearman(judged, human, **placed),
        "kendall": kendall(judged, human, **placed),
        "weighted_kappa": weighted_kappa(judged, human, **placed),
    }


def _figures(judged: FloatArray, human: FloatArray, placed: dict[str, Any]) -> dict[str, Estimate]:
    return {
        "bias": bias(judged, human, **placed),
        "mae": mae(judged, human, **placed),
        "agreement": weighted_share(np.abs(judged - human) <= TOLERANCE + ROUNDING, **placed),
    }


def _undefined(reason: str, *names: str) -> dict[str, Estimate]:
    return dict.fromkeys(names or INTERVALS, Estimate(None, reason=reason))
