"""How often the intervals of agreement hold the truth, and how fast 100,000 ratings are measured.

Run with `python -m pytest tests/benchmarks/bench_reliability.py -m bench -s`.
"""

import sys
import time

import numpy as np
import polars as pl
import pytest

from tests.warehouse.stats.rating_simulations import SIMULATED, coverage
from warehouse import Warehouse
from warehouse.calibration.reliability import reliability_rows
from warehouse.stats.values import FloatArray

REPETITIONS = 1000
WITHIN_S = 5.0
"""Seconds for both tables of 100,000 ratings."""


@pytest.mark.bench
@pytest.mark.parametrize("name", SIMULATED)
def test_interval_holds_the_truth(name: str) -> None:
    """In 93 to 97 % of 1,000 repetitions."""
    held = coverage(name, REPETITIONS)
    _say(f"{held:6.3f}  {name}: {(SIMULATED[name][0].__doc__ or '').strip()}")

    assert 0.93 <= held <= 0.97


@pytest.mark.bench
def test_tables_hold_the_truth() -> None:
    """The columns of the table itself, 1,000 dimensions of 60 rollouts with three raters each, alike but for chance.

    Quality is normal around .5 and far from the ends of the scale; noise is the same everywhere: the asymmetry is 1.
    """
    rng = np.random.default_rng(30)
    quality, noise = 0.12, 0.06
    scores = 0.5 + rng.normal(0, quality, (REPETITIONS, 60, 1)) + rng.normal(0, noise, (REPETITIONS, 60, 3))
    whole = quality**2 / (quality**2 + noise**2)
    truth = {"alpha_interval": whole, "icc": whole, "within_item_sd": noise, "asymmetry": 1.0}
    with Warehouse.in_memory() as warehouse:
        warehouse.merge("rating", _ratings(np.clip(scores, 0, 1)))
        rows = [row for row in reliability_rows(warehouse)["rater_reliability"] if row["quality_band"] == "all"]

    for name, value in truth.items():
        ends = [(row[f"{name}_low"], row[f"{name}_high"]) for row in rows if row[f"{name}_low"] is not None]
        held = sum(low <= value <= high for low, high in ends) / len(ends)
        _say(f"{held:6.3f}  {name} of the table, {len(ends)} of {len(rows)} with an interval")
        assert 0.93 <= held <= 0.97, name


@pytest.mark.bench
def test_100_000_ratings_are_measured_in_time() -> None:
    """Two dimensions, 16,700 rollouts, three raters of each."""
    rng = np.random.default_rng(31)
    scores = np.round(np.clip(rng.random((2, 16_700, 1)) + rng.normal(0, 0.15, (2, 16_700, 3)), 0, 1) * 4) / 4
    with Warehouse.in_memory() as warehouse:
        warehouse.merge("rating", _ratings(scores))
        started = time.perf_counter()
        rows = reliability_rows(warehouse)
        seconds = time.perf_counter() - started
    _say(f"{seconds:6.2f} s  {scores.size:,} ratings, {sum(map(len, rows.values()))} rows")

    assert seconds < WITHIN_S


def _ratings(scores: FloatArray) -> pl.DataFrame:
    """Return scores of dimensions by rollouts by raters as rows."""
    dimension, rollout, rater = (x.ravel() for x in np.indices(scores.shape))
    columns = {"d": dimension, "o": rollout, "r": rater}
    names = pl.DataFrame(columns).select(
        pl.format("{}-{}", "d", "o").alias("rollout_id"),
        pl.format("d{}", "d").alias("dimension"),
        pl.format("r{}", "r").alias("rater"),
    )
    return names.with_columns(pl.Series("score", scores.ravel()))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
