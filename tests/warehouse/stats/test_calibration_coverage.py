"""How often 95 % intervals of a calibration set hold the truth: 1,000 draws of a frame with known ratings.

The frame: 1,000 outputs, rated on twelfths (three raters, five levels) by people whose scatter is .12; a judge .08 too
kind with scatter .15. Drawn: 120 by bands of the judge, the best band three times as densely. The truth is that of the
whole frame. One standard error of a coverage of 95 % in 1,000 draws is .7 %; more cases in bench_calibration_estimators.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import pytest

from warehouse.stats.allocation import allocate
from warehouse.stats.concordance import concordance
from warehouse.stats.design import StratumSample, domain_mean, stratified_mean, weighted_mean, weighted_share
from warehouse.stats.estimate import Estimate
from warehouse.stats.prediction_powered import PredictedStratum, prediction_powered_mean

N_DRAWS = 1000


@dataclass(frozen=True)
class Drawn:
    """What came of all draws, by estimator."""

    truth: dict[str, float]
    found: dict[str, list[Estimate]]

    def coverage(self, name: str) -> float:
        """Return the share of intervals that hold the truth; every draw must have one."""
        ends = [(of.low, of.high) for of in self.found[name]]
        return float(np.mean([low <= self.truth[name] <= high for low, high in ends]))  # type: ignore[operator]

    def errors(self, name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Return estimate - truth of all draws."""
        return np.array([of.value for of in self.found[name]], dtype=np.float64) - self.truth[name]


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    """Return all estimates of all draws."""
    rng = np.random.default_rng(7)
    quality = rng.beta(2, 2, 1000)
    human = np.round(np.clip(quality + rng.normal(0, 0.12, 1000), 0, 1) * 12) / 12
    judge = np.clip(quality + 0.08 + rng.normal(0, 0.15, 1000), 0, 1)
    band = np.array(["low", "mid", "good", "top"])[np.digitize(judge, [0.4, 0.7, 0.9])]
    part = rng.random(1000) < 0.4
    sizes = {name: int((band == name).sum()) for name in ("low", "mid", "good", "top")}
    numbers = allocate(sizes, {}, 120, "proportional", tail=["top"], tail_factor=3)
    whole = concordance(judge, human, levels=13)
    truth = {
        "mean": human.mean(),
        "unweighted": human.mean(),
        "powered": human.mean(),
        "part": human[part].mean(),
        "bias": (judge - human).mean(),
        "mae": np.abs(judge - human).mean(),
        **{name: getattr(whole, name).value for name in ("spearman", "kendall", "weighted_kappa")},
    }
    found: dict[str, list[Estimate]] = {name: [] for name in truth}
    for _ in range(N_DRAWS):
        rows = {name: rng.choice(np.flatnonzero(band == name), n, replace=False) for name, n in numbers.items()}
        every = np.concatenate(list(rows.values()))
        weights = np.concatenate([np.full(n, sizes[name] / n) for name, n in numbers.items()])
        strata = np.repeat(list(numbers), list(numbers.values()))
        found["mean"].append(stratified_mean([StratumSample(sizes[name], human[of]) for name, of in rows.items()]))
        found["unweighted"].append(weighted_mean(human[every]))
        found["part"].append(domain_mean(human[every], weights, strata, sizes, part[every]))
        found["powered"].append(
            prediction_powered_mean(
                [PredictedStratum(sizes[name], judge[band == name], judge[of], human[of]) for name, of in rows.items()]
            )
        )
        figures = concordance(judge[every], human[every], weights, strata=strata, sizes=sizes, levels=13)
        for name in ("bias", "mae", "spearman", "kendall", "weighted_kappa"):
            found[name].append(getattr(figures, name))
    return Drawn(truth, found)


@pytest.mark.parametrize("name", ["mean", "powered", "part", "bias", "mae", "spearman", "kendall", "weighted_kappa"])
def test_intervals_hold_the_truth(drawn: Drawn, name: str) -> None:
    """In 93 to 97 % of 1,000 draws."""
    assert 0.93 <= drawn.coverage(name) <= 0.97


@pytest.mark.parametrize("name", ["mean", "powered", "part", "bias", "mae"])
def test_weighted_means_are_unbiased(drawn: Drawn, name: str) -> None:
    """The mean error of 1,000 draws is within 3.5 standard errors of 0."""
    errors = drawn.errors(name)
    assert abs(errors.mean()) <= 3.5 * errors.std() / sqrt(N_DRAWS)


def test_an_unweighted_mean_is_visibly_biased(drawn: Drawn) -> None:
    """The tail is drawn three times as densely: the plain mean is too high, and its interval seldom holds the truth."""
    assert drawn.errors("unweighted").mean() > 0.04
    assert drawn.coverage("unweighted") < 0.5


def test_predictions_never_widen(drawn: Drawn) -> None:
    """By 5 % at most in any draw, and narrower on average."""
    pairs = zip(drawn.found["powered"], drawn.found["mean"], strict=True)
    ratios = [(ours.high - ours.low) / (plain.high - plain.low) for ours, plain in pairs]  # type: ignore[operator]
    assert max(ratios) <= 1.05
    assert np.mean(ratios) < 1


@pytest.mark.parametrize(("share", "n_each"), [(0.8, 15), (0.8, 35), (0.95, 15), (0.95, 35)])
def test_weighted_shares_hold_the_truth(share: float, n_each: int) -> None:
    """Four strata of 500, 350, 100 and 50, as many drawn of each: 93 to 97 % of 1,000 draws at .8 and .95."""
    rng = np.random.default_rng(11)
    sizes = np.array([500, 350, 100, 50])
    strata, weights = np.repeat(np.arange(4), n_each), np.repeat(sizes / n_each, n_each)
    ends = [
        (found.low, found.high)
        for found in (weighted_share(hits, weights, strata=strata) for hits in rng.random((1000, 4 * n_each)) < share)
    ]
    covered = np.mean([low <= share <= high for low, high in ends])  # type: ignore[operator]
    assert 0.93 <= covered <= 0.97
