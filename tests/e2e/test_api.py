"""From Python: a script without a `__main__` guard, a running event loop, a task defined on the spot."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from flows import evaluate
from tests.conftest import clean_environment
from tests.flows.tiny_family import TinyUpper

SCRIPT = """
from tests.flows.tiny_family import TinyUpper
from flows import evaluate
run = evaluate(TinyUpper().instances(n=6, seed=0), policies=["sim/weak", "sim/strong"], group=16, prefect=False)
print(run.rewards.height, run.view("group_spread").height > 0)
"""

OWN_TASK = """
from tasks_lib import register_family
from graders import register_grader
from tests.flows.tiny_family import TinyGrader, TinyUpper
from flows import evaluate

@register_family
class Mine(TinyUpper):
    name = "mine"

@register_grader
class MyGrader(TinyGrader):
    family = "mine"

run = evaluate(Mine().instances(n=8), policies=["sim/mid"], group=16, prefect=False)
print(run.rewards.height)
"""


def test_evaluate_returns_a_row_per_rollout() -> None:
    """The frame of rewards has what a trainer needs, for the policies asked and the oracle."""
    run = evaluate(TinyUpper().instances(n=2), policies=["sim/weak", "sim/strong"], group=4, prefect=False)

    rewards = run.rewards
    assert rewards.columns == ["instance_id", "policy", "sample", "status", "reward", "low", "high", "ready"]
    assert rewards.height == 2 * (4 + 4 + 1)
    assert rewards.filter(policy="oracle")["reward"].to_list() == [1.0, 1.0]
    attempts = run.sql(
        "select count(*) as n, (select sum(n_samples - n_not_applicable) from planned) as p from rollout"
    )
    assert attempts["n"][0] == attempts["p"][0] > 40


def test_run_writes_its_report(tmp_path: Path) -> None:
    """One page, about this run."""
    run = evaluate(TinyUpper().instances(n=2), policies=["sim/weak", "sim/strong"], group=4, prefect=False)

    page = run.report(tmp_path / "page.html")

    assert page == tmp_path / "page.html"
    assert run.run_id in page.read_text(encoding="utf-8")


def test_evaluate_works_inside_a_running_event_loop() -> None:
    """A notebook has a running loop; evaluate works there all the same."""

    async def cell() -> int:
        return evaluate(TinyUpper().instances(n=1), policies=["sim/mid"], group=2, prefect=False).rewards.height

    assert asyncio.run(cell()) == 3


def test_evaluate_keeps_the_warehouse_where_asked(tmp_path: Path) -> None:
    """With db= the rows stay; a second run is added to them."""
    db = tmp_path / "kept.duckdb"
    for _ in range(2):
        run = evaluate(TinyUpper().instances(n=1), policies=["sim/mid"], group=2, db=db, audit=False, prefect=False)

    assert run.rewards.height == 2
    assert run.sql("select count(*) as n from rollout")["n"][0] == 4


@pytest.mark.parametrize(("text", "expected"), [(SCRIPT, "198 True"), (OWN_TASK, "136")])
def test_evaluate_in_a_script_needs_no_guard(text: str, expected: str, tmp_path: Path) -> None:
    """A plain script works, and so does a task defined in it; 198 = 6 x (2 x 16 + oracle), 136 = 8 x (16 + oracle)."""
    (tmp_path / "script.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == expected
    assert done.stderr == ""


@pytest.mark.flow
@pytest.mark.xdist_group("flow")
def test_evaluate_as_a_flow_inside_a_running_event_loop(prefect_api: dict[str, str], tmp_path: Path) -> None:
    """With Prefect, inside a loop, in a process of its own."""
    (tmp_path / "cell.py").write_text(
        "import asyncio\nfrom flows import evaluate\nfrom tests.flows.tiny_family import TinyUpper\n"
        "async def cell():\n"
        "    return evaluate(TinyUpper().instances(n=10), policies=['sim/weak', 'sim/strong'], group=16)\n"
        "print(asyncio.run(cell()).rewards.height)\n"
    )
    done = subprocess.run(
        [sys.executable, "cell.py"],
        cwd=tmp_path,
        env=clean_environment(prefect_api),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "330"
    assert done.stderr == ""
