"""How fast a calibration set is drawn: from a frame of 100,000 rollouts, with verdicts of a judge.

Run with `python -m pytest tests/benchmarks/bench_sample.py -m bench -s`.
"""

import sys
import time
from pathlib import Path

import pytest

from flows.calibration.frame import FrameRequest
from flows.calibration.sample import SampleRequest, draw_set
from tests.support_sampling import DIMENSION, judged, populate, rate
from warehouse import Warehouse

DRAWN_WITHIN_S = 6.0
"""Seconds for frame, strata, draw, deal and writing all of it."""


@pytest.mark.bench
def test_a_frame_of_100_000_rollouts_is_drawn_from_in_seconds(tmp_path: Path) -> None:
    """2,000 instances, 3 policies, 17 samples; 1,000 items dealt out to five."""
    db = tmp_path / "a.duckdb"
    with Warehouse.open(db) as warehouse:
        populate(warehouse, 2000, 17)
        judged(warehouse, lambda name: hash(name) % 5 / 4)
        some = warehouse.sql("select rollout_id from rollout order by hash(rollout_id) limit 2000")
        rate(warehouse, some["rollout_id"].to_list(), lambda name: hash(name) % 5 / 4, "ann", "ben")

    started = time.perf_counter()
    drawn = draw_set(db, SampleRequest(FrameRequest(DIMENSION), n=1000, raters=("ann", "ben", "cleo", "dan", "eve")))
    seconds = time.perf_counter() - started

    sys.stdout.write(f"\n{seconds:6.2f} s  {drawn.n_items:,} of {drawn.head['n_frame']:,} rollouts drawn\n")
    assert drawn.head["n_frame"] == 100_000
    assert seconds < DRAWN_WITHIN_S
