"""How long judges beside 100,000 ratings take: working all figures out, and the report.

Run with `python -m pytest tests/benchmarks/bench_judges.py -m bench -s`.
"""

import sys
import time
from pathlib import Path

import pytest

from flows.calibration.report import calibration_report
from warehouse import Warehouse
from warehouse.estimates import refresh_calibration

WITHIN_S = 20.0
"""Seconds for 100,000 ratings, from nothing worked out to the printed report, on two cores."""

# 50,000 rollouts of 5,000 tasks by four policies, two ratings each by two of five people; two judges, one of them in a
# newer version on half of these; one calibration set of everything, in 16 strata.
BUILD = (
    """
    insert into run
    select name, '{}', 'h', 'h', '1', day::timestamptz, day::timestamptz, 'completed', 0
    from (values ('r', '2026-01-01 00:00:00+00'), ('r2', '2026-01-08 00:00:00+00')) as t(name, day)
    """,
    """
    insert into instance
    select 'f-' || i, 'f', '1', 'a', i, 0.5, '{}', 'multi', 'train', 'p', '{}', '{}' from range(5000) as t(i)
    """,
    "insert into policy select 'p' || i, 'p' || i, 'model', '{}', null, null, null from range(4) as t(i)",
    """
    insert into rollout
    select
        'x' || i, if(i % 2 = 0, 'r', 'r2'), 'f-' || (i // 2 % 5000), 'p' || (i // 2 % 4), i, 'completed',
        'output ' || i // 2, '[]', 3, 100, 100, 0, 0.001, 1.0, null
    from range(50000) as t(i)
    """,
    """
    insert into score
    select
        rollout_id, 'd', judge, 0, 'f', value, value, 'assessed', 'judge', 'level', '{}',
        if(judge = 'judge/one', '1', run_id), null
    from (
        select rollout_id, run_id, judge, hash(rollout_id, judge) % 9 / 8 as value
        from rollout, unnest(['judge/one', 'judge/two']) as t(judge)
    )
    """,
    """
    insert into rating (rollout_id, dimension, rater, score)
    select
        rollout_id, 'd', 'rater' || (sample + k) % 5,
        greatest(0, least(1, round(4 * (low + (hash(rollout_id, k) % 100 / 100 - 0.5) / 4)) / 4))
    from rollout join score using (rollout_id), range(2) as t(k)
    where grader_id = 'judge/one'
    """,
    """
    insert into calibration_set
    select
        's', 'd', 'f', null, null, '{}', 'h', 4, 0, 50000, 50000, 0, 'f', 'power', 0.9, 2, '[]', 2, 0, '{}',
        '2026-02-01 00:00:00+00'
    """,
    """
    insert into calibration_frame
    select 's', rollout_id, policy_id || ' ' || hash(rollout_id) % 4 from rollout
    """,
    """
    insert into calibration_stratum
    select
        's', stratum, left(stratum, 2), ['low', 'mid', 'good', 'top'][1 + right(stratum, 1)::integer], null,
        count(*) + 10, count(*), 0.2, 'assumed', count(*) / (count(*) + 10)
    from calibration_frame group by stratum
    """,
    """
    insert into calibration_item
    select 's', rollout_id, 'd', stratum, inclusion_probability, 1 / inclusion_probability, 2, rollout_id, 'h'
    from calibration_frame join calibration_stratum using (set_id, stratum)
    """,
)


@pytest.mark.bench
def test_judges_beside_a_hundred_thousand_ratings(tmp_path: Path) -> None:
    """All figures from nothing, then the report that only reads them."""
    db = tmp_path / "assay.duckdb"
    with Warehouse.open(db) as warehouse:
        warehouse.sql("set threads = 2")
        for statement in BUILD:
            warehouse.sql(statement)
        n = warehouse.view("rating").height
        started = time.perf_counter()
        done = refresh_calibration(warehouse)
        figured = time.perf_counter() - started
        started = time.perf_counter()
        refresh_calibration(warehouse)
        again = time.perf_counter() - started
    started = time.perf_counter()
    report = calibration_report(db)
    told = time.perf_counter() - started

    sys.stdout.write(f"\n{figured:6.2f} s  {n:,} ratings worked out: {done}\n{again:6.2f} s  again, nothing changed\n")
    sys.stdout.write(f"{told:6.2f} s  report\n")
    assert report.dimensions[0].n_ratings == n >= 100_000
    assert len(report.dimensions[0].judges) == 3
    assert figured + told < WITHIN_S
