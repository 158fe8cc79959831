"""A lake, from its first run to a killed one that is taken up: every verb does on it what it is for."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flows import evaluate
from flows.calibration.seed import calibrate_on_seed
from flows.settings import read_settings
from graders.judge.seed_examples import seed_examples
from tests.conftest import TINY, Assay, clean_environment
from tests.flows.conftest import assay_here
from tests.flows.tiny_family import TinyUpper
from tests.messages_server import Body, MessagesServer, serving
from tests.support_judges import asked, data, judging
from tests.support_lake import lake_of, repeated_keys
from tests.support_models import KEY
from tests.support_postgres import Postgres
from tests.support_waiting import wait_for
from warehouse import Warehouse
from warehouse.location import Lake
from warehouse.shards import Shards

pytestmark = [pytest.mark.services, pytest.mark.flow, pytest.mark.xdist_group("postgres")]

JUDGED = "doc_revision"
VICTIM = """
import sys
from flows import evaluate
from tests.flows.tiny_family import TinyUpper
evaluate(
    TinyUpper().instances(n=6, seed=5), ["slow/50", "sim/mid"], 4, db=sys.argv[1], plugins=["tests.flows.tiny_family"],
    workers=1, chunk_size=4, audit=False, prefect=False,
)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where commands run."""
    return tmp_path_factory.mktemp("walk")


@pytest.fixture(scope="module")
def lake(postgres: Postgres, folder: Path) -> Lake:
    """A lake that a script has made, with one run; everything else is added to it."""
    made = lake_of(postgres.new_database(), None)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run = evaluate(
            TinyUpper().instances(n=4), ["sim/weak", "sim/strong"], 4, db=str(made), data_path="data", plugins=[TINY],
            workers=1, prefect=False,
        )  # fmt: skip
        assert run.rewards.height == 4 * (4 + 4 + 1)
        assert run.view("task_verdict").height == 8
        assert not (folder / "assay.runs" / run.run_id).exists()
    return made


@pytest.fixture(scope="module")
def run_id(lake: Lake) -> str:
    """The run of the script."""
    return str(_ask(lake, "select run_id from run order by started_at limit 1")[0]["run_id"])


@pytest.fixture(scope="module")
def assay(folder: Path, lake: Lake) -> Assay:
    """The command, in this process, on the lake."""
    here = assay_here(folder)

    def run(*arguments: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        return here(*arguments, "--db", str(lake), **more)

    return run


def _ask(lake: Lake, query: str) -> list[dict[str, Any]]:
    with Warehouse.open(lake, read_only=True) as warehouse:
        return warehouse.sql(query).to_dicts()


def test_report_and_tables(assay: Assay, run_id: str, folder: Path) -> None:
    """The page is of the run, and every table and view is counted; other verbs that read are tried in test_lake.py."""
    page = folder / "page.html"
    done = assay("report", "--run", run_id, "--out", str(page))
    assert done.returncode == 0, done.stderr
    assert run_id in page.read_text(encoding="utf-8")
    counted = {row["name"]: row["n_rows"] for row in json.loads(assay("tables", "--json").stdout)}
    assert (counted["task_verdict"], counted["run"]) == (8, 1)


def test_runs_are_graded_again_compared_and_held_at_a_gate(assay: Assay, lake: Lake, run_id: str) -> None:
    """Regrade makes a run of the same rewards, compare finds no change, and the weaker policy is held."""
    done = assay("regrade", run_id, "--plugin", TINY, "--json")
    assert done.returncode == 0, done.stderr
    rewards = _ask(
        lake,
        "select run_id, round(avg(reward), 9) as mean, count(*) as n "
        "from composite join rollout using (rollout_id) group by run_id",
    )
    assert len(rewards) == 2
    assert len({(row["mean"], row["n"]) for row in rewards}) == 1
    (regraded,) = {row["run_id"] for row in rewards} - {run_id}

    done = assay("compare", run_id, regraded, "--json")
    assert done.returncode == 0, done.stderr
    assert "sim/weak" in done.stdout
    done = assay("gate", "--base", "sim/strong", "--candidate", "sim/weak", "--json")
    assert done.returncode == 3, done.stderr
    assert json.loads(done.stdout)["verdict"] == "hold"


def test_scores_of_others_come_in_once(assay: Assay, lake: Lake, folder: Path) -> None:
    """An import becomes a run with verdicts of its own; the second time it adds nothing."""
    rows = [
        {"instance": at, "policy": policy, "sample": sample, "dimension": "facts", "score": (at + sample) % 5 / 4}
        for policy in ("mine", "theirs") for at in range(5) for sample in range(8)
    ]  # fmt: skip
    (folder / "scores.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    added = []
    for _ in range(2):
        done = assay("import", "scores", "scores.jsonl", "--family", "essay", "--json")
        assert done.returncode == 0, done.stderr
        (one,) = json.loads(done.stdout)
        added.append(one["added"].get("rollout", 0))
    assert added == [80, 0]
    assert _ask(lake, "select count(*) as n from task_verdict where family = 'essay'") == [{"n": 10}]


def test_a_judge_is_held_against_seed_examples(lake: Lake, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of seed examples and the ratings of their author."""
    examples = {example.output.strip(): example for example in seed_examples(JUDGED)}

    def level(body: Body) -> int:
        example = examples[data(body, "output").strip()]
        return example.levels[next(name for name in example.levels if _question(name) in asked(body))]

    monkeypatch.chdir(folder)
    with serving(MessagesServer(script=judging(level))) as server:
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        judge = "anthropic/claude-haiku-5-5:effort=low"
        found = calibrate_on_seed(
            read_settings(None, {"db": str(lake), "judges": (judge,), "families": (JUDGED,), "concurrency": 16})
        )
    assert {*found.summary["status"]} == {"calibrated"}
    ratings = _ask(lake, "select count(*) as n from rating where rater like 'author%'")
    assert ratings == [{"n": found.summary["n"].sum()}]


def test_a_killed_run_is_taken_up(assay: Assay, lake: Lake, folder: Path, prefect_api: dict[str, str]) -> None:
    """kill -9 after the first chunks, then `--resume` with what the lake and the folder of runs know of it."""
    victim = subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(lake)], cwd=folder, env=clean_environment(), start_new_session=True
    )
    try:
        killed = _run_with_chunks(victim, folder / "assay.runs", 2)
    finally:
        os.killpg(victim.pid, signal.SIGKILL)
        victim.wait()
    finished = Shards.of_run(folder / "assay.runs" / killed).keys()
    assert finished
    status = f"""
        select run.status, count(rollout_id) as n
        from run left join rollout using (run_id) where run_id = '{killed}' group by all
    """  # noqa: S608 - a name of ours
    assert _ask(lake, status) == [{"status": "running", "n": 0}]

    done = assay("run", "--resume", killed, env=prefect_api)
    assert done.returncode == 0, done.stderr
    assert _ask(lake, status) == [{"status": "completed", "n": 6 * 2 * 4}]
    with Warehouse.open(lake, read_only=True) as warehouse:
        assert repeated_keys(warehouse) == {}
    assert not (folder / "assay.runs" / killed).exists()


def _run_with_chunks(process: "subprocess.Popen[bytes]", runs: Path, n: int) -> str:
    """Wait until a run has left some chunks, and return its name."""

    def name() -> str | None:
        assert process.poll() is None
        spools = runs.iterdir() if runs.exists() else ()
        return next((spool.name for spool in spools if len(Shards.of_run(spool).keys()) >= n), None)

    return str(wait_for(name, every_s=0.01))


def _question(dimension: str) -> str:
    from graders.judge.rubric import judge_rubrics

    return judge_rubrics(JUDGED)[dimension].question
