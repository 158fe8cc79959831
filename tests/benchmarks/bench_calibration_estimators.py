"""How often intervals of a calibration set hold the truth, over judges and numbers of ratings; how fast figures are.

Run with `python -m pytest tests/benchmarks/bench_calibration_estimators.py -m bench -s`. Each line: coverage of 95 %
intervals in 1,000 draws, mean error, mean width. One standard error of a coverage is .7 %.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from warehouse.stats.allocation import allocate
from warehouse.stats.calibration_error import expected_calibration_error
from warehouse.stats.calibration_map import fit_map
from warehouse.stats.concordance import bias, kendall, mae, spearman, weighted_kappa
from warehouse.stats.design import StratumSample, domain_mean, stratified_mean, weighted_mean, weighted_share
from warehouse.stats.estimate import Estimate
from warehouse.stats.prediction_powered import PredictedStratum, prediction_powered_mean
from warehouse.stats.values import FloatArray

N_DRAWS = 1000
LINE = "{:>4} {:<8} {:<22} coverage {:.3f}  error {:+.4f}  width {:.4f}"
BANDS = np.array(["0", "1", "2", "3"])


class Tally:
    """Counts how often intervals hold the truth."""

    def __init__(self) -> None:
        self.seen: dict[str, list[tuple[bool, float, float]]] = {}

    def add(self, name: str, found: Estimate, truth: float) -> None:
        """Count one interval; a draw without one counts as not held."""
        if found.low is None or found.high is None or found.value is None:
            self.seen.setdefault(name, []).append((False, np.nan, np.nan))
            return
        holds = found.low - 1e-12 <= truth <= found.high + 1e-12
        self.seen.setdefault(name, []).append((holds, found.value - truth, found.high - found.low))

    def show(self, n: int, kind: str) -> None:
        """Print a line of each estimator."""
        for name, rows in self.seen.items():
            held, error, width = np.array(rows, dtype=float).T
            print(LINE.format(n, kind, name, held.mean(), np.nanmean(error), np.nanmean(width)))


def judge_of(kind: str, quality: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return what such a judge says."""
    n = len(quality)
    said = {
        "kind": quality + 0.08 + rng.normal(0, 0.15, n),
        "levels": np.round(np.clip(quality + 0.08 + rng.normal(0, 0.15, n), 0, 1) * 4) / 4,
        "noise": rng.uniform(0, 1, n),
        "against": 1 - quality + rng.normal(0, 0.15, n),
        "sharp": quality + rng.normal(0, 0.04, n),
    }
    return np.clip(said[kind], 0, 1)


@pytest.mark.bench
@pytest.mark.parametrize("kind", ["kind", "levels", "noise", "against", "sharp"])
@pytest.mark.parametrize("n", [20, 40, 150])
def test_coverage_of_a_stratified_sample(kind: str, n: int) -> None:
    """Estimators over a frame of 1,000, top band three times as densely."""
    rng = np.random.default_rng(n)
    quality = rng.beta(2, 2, 1000)
    human = np.round(np.clip(quality + rng.normal(0, 0.12, 1000), 0, 1) * 12) / 12
    judge = judge_of(kind, quality, rng)
    band = BANDS[np.digitize(human if kind == "noise" else judge, [0.4, 0.7, 0.9])]
    part = rng.random(1000) < 0.4
    agreed = np.abs(judge - human) <= 0.125 + 1e-9
    sizes = {name: int((band == name).sum()) for name in BANDS if (band == name).any()}
    numbers = allocate(sizes, {}, n, "proportional", tail=["3"], tail_factor=3, floor=5)
    ranked: dict[str, tuple[Callable[..., Estimate], dict[str, Any]]] = {
        "bias": (bias, {}), "mae": (mae, {}), "spearman": (spearman, {}), "kendall": (kendall, {}),
        "weighted kappa": (weighted_kappa, {"levels": None}),
    }  # fmt: skip
    truths = {name: figure(judge, human, **extra).value or 0.0 for name, (figure, extra) in ranked.items()}
    tally, ratios = Tally(), []
    for _ in range(N_DRAWS):
        rows = {name: rng.choice(np.flatnonzero(band == name), m, replace=False) for name, m in numbers.items()}
        every = np.concatenate(list(rows.values()))
        weights = np.concatenate([np.full(m, sizes[name] / m) for name, m in numbers.items()])
        design = {"strata": np.repeat(list(numbers), list(numbers.values())), "sizes": sizes}
        plain = stratified_mean([StratumSample(sizes[name], human[of]) for name, of in rows.items()])
        powered = prediction_powered_mean(
            [PredictedStratum(sizes[name], judge[band == name], judge[of], human[of]) for name, of in rows.items()]
        )
        tally.add("stratified mean", plain, human.mean())
        tally.add("prediction-powered", powered, human.mean())
        tally.add("unweighted (biased)", weighted_mean(human[every]), human.mean())
        tally.add("weighted share", weighted_share(agreed[every], weights, **design), agreed.mean())
        if n > 40:
            tally.add(
                "domain mean", domain_mean(human[every], weights, **design, domain=part[every]), human[part].mean()
            )
        for name, (figure, extra) in ranked.items():
            tally.add(name, figure(judge[every], human[every], weights, **design, **extra), truths[name])
        ratios.append((powered.high - powered.low) / (plain.high - plain.low))  # type: ignore[operator]
    print()
    tally.show(n, kind)
    print(
        f"{n:>4} {kind:<8} prediction-powered width to that of the ratings alone: {np.mean(ratios):.3f}, at most {max(ratios):.3f}"
    )
    assert max(ratios) <= 1.05 + 1e-9


@pytest.mark.bench
@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("n_each", [8, 15, 35])
def test_coverage_of_weighted_shares(share: float, n_each: int) -> None:
    """Shares over four strata of 500, 350, 100 and 50, alike or falling by .1 a stratum, as many drawn of each."""
    rng = np.random.default_rng(n_each)
    sizes = np.array([500, 350, 100, 50])
    strata, weights = np.repeat(np.arange(4), n_each), np.repeat(sizes / n_each, n_each)
    print()
    for kind, shares in (("alike", np.full(4, share)), ("falling", share - 0.1 * np.arange(4))):
        tally = Tally()
        for hits in rng.random((N_DRAWS, 4 * n_each)) < np.repeat(shares, n_each):
            tally.add(f"share {share}", weighted_share(hits, weights, strata=strata), float(sizes @ shares / 1000))
        tally.show(4 * n_each, kind)


@pytest.mark.bench
@pytest.mark.parametrize("n_clusters", [15, 30, 60])
def test_coverage_with_clusters(n_clusters: int) -> None:
    """Figures of three rollouts of each instance, drawn from no finite frame: the cluster is the instance."""
    rng = np.random.default_rng(n_clusters)

    def world(n: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        which = np.repeat(np.arange(n), 3)
        quality = np.clip(rng.normal(0.5, 0.2, n)[which] + rng.normal(0, 0.1, 3 * n), 0, 1)
        off = rng.normal(0.05, 0.1, n)[which]
        judge, human = quality + off + rng.normal(0, 0.08, 3 * n), quality + rng.normal(0, 0.08, 3 * n)
        return np.round(np.clip(judge, 0, 1), 2), np.round(np.clip(human, 0, 1), 2), which.astype(float)

    judge, human, _ = world(60_000)
    figures: dict[str, tuple[Callable[..., Estimate], dict[str, Any]]] = {
        "bias": (bias, {}), "mae": (mae, {}), "spearman": (spearman, {}), "kendall": (kendall, {}),
        "weighted kappa": (weighted_kappa, {"levels": None}),
    }  # fmt: skip
    truths = {name: figure(judge, human, **extra).value or 0.0 for name, (figure, extra) in figures.items()}
    share = float((np.abs(judge - human) <= 0.125 + 1e-9).mean())
    tally = Tally()
    for _ in range(N_DRAWS):
        judge, human, which = world(n_clusters)
        for name, (figure, extra) in figures.items():
            tally.add(name, figure(judge, human, clusters=which, **extra), truths[name])
        tally.add("share", weighted_share(np.abs(judge - human) <= 0.125 + 1e-9, clusters=which), share)
    print()
    tally.show(3 * n_clusters, "clusters")


@pytest.mark.bench
@pytest.mark.parametrize("bins", [5, 10])
@pytest.mark.parametrize("n", [60, 150, 400])
def test_coverage_of_the_calibration_error(n: int, bins: int) -> None:
    """Calibration error of a judge that is too low below and too high above the middle, by 0 to .2."""
    rng = np.random.default_rng(n + bins)
    print()
    for off in (0.0, 0.05, 0.1, 0.2):
        tally = Tally()
        judge = rng.uniform(0, 1, 3000)
        human = judge - off * np.sign(judge - 0.5) + rng.normal(0, 0.2, 3000)
        for _ in range(N_DRAWS // 2):
            rows = rng.choice(3000, n, replace=False)
            found = expected_calibration_error(judge[rows], human[rows], bins=bins, n_draws=500)
            inside = np.searchsorted([bin_.low for bin_ in found.bins][1:], judge, side="right")
            truth = float(np.abs(np.bincount(inside, human - judge)).sum() / 3000)
            tally.add(f"ece {bins} bins, off {off}", Estimate(found.ece, found.low, found.high, n), truth)
        tally.show(n, "ece")


@pytest.mark.bench
@pytest.mark.parametrize("distinct", [5, 100_000])
def test_figures_of_100_000_rows(distinct: int) -> None:
    """Below a second each, on five levels and on values that are all different."""
    rng = np.random.default_rng(1)
    human = rng.uniform(0, 1, 100_000)
    judge = np.round(np.clip(human + rng.normal(0, 0.2, 100_000), 0, 1) * (distinct - 1)) / (distinct - 1)
    clusters = rng.integers(0, 20_000, 100_000)
    timed: dict[str, Callable[[], object]] = {
        "bias": lambda: bias(judge, human, clusters=clusters),
        "spearman": lambda: spearman(judge, human, clusters=clusters),
        "kendall": lambda: kendall(judge, human, clusters=clusters),
        "weighted kappa": lambda: weighted_kappa(judge, human, clusters=clusters),
        "calibration error": lambda: expected_calibration_error(judge, human, clusters=clusters),
        "calibration map": lambda: fit_map(judge, human, clusters),
        "share": lambda: weighted_share(np.abs(judge - human) < 0.1, clusters=clusters),
    }
    print()
    for name, run in timed.items():
        started = time.perf_counter()
        run()
        print(f"{name:<20} {time.perf_counter() - started:.2f} s, {distinct} values")
