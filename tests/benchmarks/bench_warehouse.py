"""How fast the views answer: 8,000 groups of 16 rollouts, a million scores, 100,000 ratings, beside a plain GROUP BY.

Run with `python -m pytest tests/benchmarks/bench_warehouse.py -m bench -s`. The second column is how many times as long
as one plain GROUP BY of all scores by rollout a view takes.
"""

import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.what_if.recompose import Change, new_rubrics, recompose
from warehouse import Warehouse
from warehouse.definitions import views
from warehouse.estimates import refresh
from warehouse.what_if import what_if

GOAL_S = 2.0
"""Seconds a view may take on two cores."""

PLAIN = "select rollout_id, avg(low) from score group by rollout_id"
"""The measure: what it costs to read the same table once, by rollout."""

RECOMPOSED_WITHIN_S = 10.0
"""Seconds for the composites of all 140,200 rollouts; "in seconds" is what users are told."""

# Instances 0..3999 are attempted by two policies, one trained from the other, sixteen times each; the first 200 also by
# the oracle, ten ladders of five rungs and ten probes, two of them with an honest twin. Eight dimensions each; the last
# one is settled by a judge on the first 200 instances, asked twice. Two flags with ceilings, on three rollouts of ten.
BUILD = (
    """
    insert into run values (
        'r', '{"weak": "sim/weak", "strong": "sim/strong"}', 'h', 'h', '1', '2026-01-01 00:00:00+00',
        '2026-01-01 00:00:00+00', 'completed', 140000, null
    )
    """,
    "insert into family values ('f', '1', 0.25)",
    "insert into operator select 'f', 'op' || i, if(i = 9, 'compensation', 'degrade'), '' from range(10) as t(i)",
    "insert into probe select 'f', 'p' || i, if(i < 8, 'zero', 'attack'), '' from range(10) as t(i)",
    "insert into expectation select 'f', 'op' || i, 'd' || d, '', 'may' from range(10) as t(i), range(8) as u(d)",
    """
    insert into rubric
    select
        'f-1', 'f',
        '{"weights": {' || string_agg('"d' || d || '": 0.125') || '}, "caps": {"long": 0.5, "passive": 0.8}}'
    from range(8) as t(d)
    """,
    "insert into rubric_cap values ('f-1', 'long', 0.5), ('f-1', 'passive', 0.8)",
    "insert into rubric_dimension select 'f-1', 'd' || d, 0.125 from range(8) as t(d)",
    """
    insert into instance
    select 'f-' || i, 'f', '1', 'a', i, 0.5, '{}', 'multi', 'train', 'p', '{}', '{}' from range(4000) as t(i)
    """,
    """
    insert into policy
    select 'sim/weak', 'sim/weak', 'simulated', '{}', null, null, null
    union all select 'sim/strong', 'sim/strong', 'simulated', '{}', 'sim/weak', 'training', 100
    union all select 'oracle', 'oracle', 'oracle', '{}', null, null, null
    union all select 'probe/p' || i, 'probe/p' || i, 'probe', '{}', null, null, null from range(10) as t(i)
    union all
    select 'probe/p' || i || '@honest', 'probe/p' || i || '@honest', 'probe', '{}', null, null, null
    from range(8, 10) as t(i)
    union all
    select
        'ladder/op' || i || '@' || s, 'ladder/op' || i || '@' || s, 'ladder',
        '{"operator": "op' || i || '", "severity": ' || s || '}', null, null, null
    from range(10) as t(i), range(5) as u(s)
    """,
    """
    insert into planned
    select 'r', instance_id, policy_id, if(kind = 'simulated', 16, 1), 0
    from instance, policy where kind = 'simulated' or seed < 200
    """,
    """
    insert into rollout
    select
        md5(instance_id || policy_id || sample)[:20], 'r', instance_id, policy_id, sample, 'completed',
        repeat('output ', 40), '[]', 3, 100, 100, 0, 0.001, 1.0, null
    from planned, unnest(range(n_samples)) as t(sample)
    """,
    """
    insert into score
    select
        rollout_id, 'd' || d, 'code', 0, 'f', if(is_open, 0, value), if(is_open, 1, value),
        if(is_open, 'unassessed', 'assessed'), 'deterministic', 'because', '{"n": 1}', '1', null
    from (
        select rollout_id, d, hash(rollout_id, d) % 1000 / 1000 as value, d = 7 and seed < 200 as is_open
        from rollout join instance using (instance_id), range(8) as t(d)
    )
    """,
    """
    insert into composite
    select
        rollout_id, 'f-1', low, low, cap * low, cap * low, cap * low, low, low, low, cap,
        case when cap = 1 then '[]' when cap = 0.5 then '["long"]' else '["long", "passive"]' end, 1, true, cap * low
    from (
        select
            rollout_id, avg(low) as low,
            case when avg(low) < 0.4 then 0.4 when avg(low) < 0.45 then 0.5 else 1 end as cap
        from score
        group by rollout_id
    )
    """,
    """
    insert into score
    select
        rollout_id, dimension, 'judge', repeat, family, hash(rollout_id, repeat) % 5 / 4,
        hash(rollout_id, repeat) % 5 / 4, 'assessed', 'judge', 'because', '{}', '1', null
    from score, range(2) as t(repeat)
    where state = 'unassessed'
    """,
    """
    insert into judge_call (
        call_id, rollout_id, dimension, model, rubric_hash, input_tokens, output_tokens, cached_tokens, cost_usd,
        grader_id, replicate, variant, outcome, value, latency_s
    )
    select
        rollout_id || replicate, rollout_id, dimension, 'judge', 'h', 100, 20, 0, 0.001, grader_id, replicate,
        if(replicate = 0, 'plain', 'reversed'), 'level', low, 1
    from score
    where source = 'judge'
    """,
    # 104,000 ratings of 40,000 rollouts by two or three people each, and one judge's verdict on each of these.
    """
    insert into rating
    select rollout_id, 'd0', 'rater' || rater, hash(rollout_id, rater) % 5 / 4, null, null, null, null, null, null, null
    from rollout, unnest(range(2 + sample % 2)) as t(rater)
    where policy_id like 'sim/%' and sample between 1 and 5
    """,
    # All that were rated stand in 200 calibration sets of 200 items, dealt out to those who rated them.
    """
    insert into calibration_set
    select
        'set-' || i, 'd0', 'f', null, null, '{}', 'h', 4, 0, 200, 200, 0, 'f', 'power', 0.9, 2, '["rater0", "rater1"]',
        2, 0.1, '{}', '2026-01-01 00:00:00+00'
    from range(200) as t(i)
    """,
    """
    insert into calibration_item
    select
        'set-' || row_number() over (order by rollout_id) // 201, rollout_id, 'd0', 's' || hash(rollout_id) % 5, 1, 1,
        count(*), md5(rollout_id), 't'
    from rating
    group by rollout_id
    """,
    """
    insert into calibration_frame
    select set_id, rollout_id, stratum from calibration_item
    """,
    """
    insert into calibration_assignment
    select
        item.set_id, item_id, rater, row_number() over (partition by item.set_id, rater order by item_id)
    from calibration_item as item join rating using (rollout_id, dimension)
    """,
    """
    insert into score
    select
        rollout_id, 'd0', 'judge/one', 0, 'f', hash(rollout_id) % 5 / 4, hash(rollout_id) % 5 / 4,
        'assessed', 'judge', 'level', '{}', '1', null
    from (select distinct rollout_id from rating)
    """,
)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A warehouse file of a million scores, on two threads."""
    path = Path(tmp_path_factory.mktemp("bench")) / "bench.duckdb"
    with Warehouse.open(path) as built:
        built.sql("set threads = 2")
        for statement in BUILD:
            built.sql(statement)
        n_scores = built.view("score").height
        started = time.perf_counter()
        refresh(built)
        _say(f"\n{time.perf_counter() - started:6.2f} s  refresh of the result tables")
        _say(f"\n{n_scores:,} scores\n{_seconds(built, PLAIN):6.3f} s          {PLAIN}")
        yield built


@pytest.mark.bench
@pytest.mark.parametrize("view", views())
def test_view_answers_in_time(warehouse: Warehouse, view: str) -> None:
    """Every view gives all its rows within the goal."""
    seconds = _seconds(warehouse, f"from {view}")
    n_rows = warehouse.view(view).height
    _say(f"{seconds:6.3f} s  {seconds / _seconds(warehouse, PLAIN):6.1f}x  {n_rows:9,} rows  {view}")

    assert seconds < GOAL_S


@pytest.mark.bench
def test_all_of_history_is_recomposed_in_seconds(warehouse: Warehouse, tmp_path: Path) -> None:
    """Other weights and a hard cap for every rollout there is: the composites, and the answers before and after."""
    path = tmp_path / "copy.duckdb"
    warehouse.sql("checkpoint")
    shutil.copy(warehouse.sql("select path from duckdb_databases() where not internal")["path"][0], path)
    change = Change(weights={"d0": 0.5}, cap_mode="hard")

    started = time.perf_counter()
    with Warehouse.open(path, read_only=True) as kept:
        rubrics = new_rubrics(kept, path, None, change)
    with what_if(path, rubrics) as changed:
        n_rollouts = changed.sql("select count(*) as n from composite")["n"][0]
    composed = time.perf_counter() - started
    started = time.perf_counter()
    found = recompose(path, None, change)
    answered = time.perf_counter() - started

    _say(f"{composed:6.2f} s  {n_rollouts:,} composites recomposed")
    _say(f"{answered:6.2f} s  with all answers before and after")
    assert found.n_rollouts == n_rollouts
    assert composed < RECOMPOSED_WITHIN_S


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _seconds(warehouse: Warehouse, query: str) -> float:
    """Return the time of the better of two runs; the machine is shared."""
    best = float("inf")
    for _ in range(2):
        started = time.perf_counter()
        warehouse.sql(query)
        best = min(best, time.perf_counter() - started)
    return best
