"""How long a report of 1,000 instances takes to write, how large it is, and how soon a browser shows its charts.

Run with `python -m pytest tests/benchmarks/bench_report.py -m bench -s`.
"""

import sys
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page

from flows.report.write import report
from tests.benchmarks.bench_warehouse import BUILD
from tests.support_browser import chromium
from warehouse import Warehouse

GOAL_S = 1.0
"""Seconds from opening the file to the first chart."""
INSTANCES = 1000
# Outputs of the length that families have, different from rollout to rollout.
LENGTHEN = """
    update rollout set output = array_to_string(
        list_transform(range(60), lambda i: 'line ' || i || ' of ' || hash(rollout_id, i % 7) % 100000), chr(10)
    )
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse of 1,000 instances, two policies, sixteen rollouts each, and an audit of 200 of them."""
    path = Path(tmp_path_factory.mktemp("bench")) / "bench.duckdb"
    with Warehouse.open(path) as built:
        for statement in BUILD:
            built.sql(statement.replace("range(4000)", f"range({INSTANCES})"))
        built.sql(LENGTHEN)
    return path


@pytest.mark.bench
def test_report_of_a_thousand_instances(database: Path) -> None:
    """The file is written in one go, stays under 15 MB, and shows its first chart within a second."""
    started = time.perf_counter()
    written = report(database, "r", database.with_name("report.html"))
    _say(f"\n{time.perf_counter() - started:6.2f} s  writing {written.n_bytes / 1e6:.1f} MB")

    with chromium() as browser:
        first = min(_seconds_to_chart(browser.new_page(), written.path) for _ in range(3))
    _say(f"{first:6.2f} s  to the first chart")

    assert written.n_bytes < 15_000_000
    assert first < GOAL_S


def _seconds_to_chart(page: Page, path: Path) -> float:
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-charts]")
    milliseconds = page.evaluate("performance.getEntriesByName('first-chart')[0].startTime")
    page.close()
    return float(milliseconds) / 1000


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
