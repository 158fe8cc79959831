"""kill -9 at any moment, then --resume: no finished chunk is done again, no row is lost or twice."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from flows.plan import read_plan
from tests.conftest import TINY, Assay, clean_environment
from warehouse.shards import Shards

pytestmark = [pytest.mark.flow, pytest.mark.xdist_group("flow")]

WORK = (
    "--plugin", TINY, "--family", "tiny_upper", "--n", "60", "--group", "8", "--policy", "slow/25",
    "--policy", "sim/mid", "--chunk-size", "16", "--workers", "2",
)  # fmt: skip
KILLS = 12
SEED = 20261120

ROWS = {
    "rollout": "select instance_id, policy_id, sample, status, output, transcript, steps, error from rollout",
    "score": "select instance_id, policy_id, sample, s.dimension, s.low, s.high, s.state, s.reason, s.evidence "
    "from score s join rollout using (rollout_id)",
    "facet": "select instance_id, policy_id, sample, f.dimension, f.facet, f.low, f.high "
    "from facet f join rollout using (rollout_id)",
    "composite": "select instance_id, policy_id, sample, c.* exclude (rollout_id) "
    "from composite c join rollout using (rollout_id)",
    "planned": "select instance_id, policy_id, n_samples, n_not_applicable from planned",
    "instance": "select * from instance",
    "policy": "select * from policy",
}


def test_resume_after_kills_ends_with_the_rows_of_an_undisturbed_run(
    assay: Assay, prefect_api: dict[str, str], tmp_path: Path
) -> None:
    """Twelve kills: of the parent alone and of all processes, at random moments and while loading."""
    log = tmp_path / "attempts.log"
    log.touch()
    rng = random.Random(SEED)
    done = assay("run", *WORK, "--db", "calm.duckdb", env=prefect_api)
    assert done.returncode == 0, done.stderr

    n_killed = 0
    for number in range(KILLS):
        finished, attempts = _finished(tmp_path), len(log.read_text().splitlines())
        process = _start(tmp_path, prefect_api, log)
        _wait_for_a_moment(process, tmp_path, rng, number)
        _kill(process, alone=bool(number % 2))
        n_killed += process.returncode == -signal.SIGKILL
        _assert_not_repeated(tmp_path, log, finished, attempts)

    assert n_killed == KILLS
    attempts = len(log.read_text().splitlines())
    last = assay("run", "--resume", "r", "--db", "killed.duckdb", env={**prefect_api, "ATTEMPTS_LOG": str(log)})
    assert last.returncode == 0, last.stderr
    assert len(log.read_text().splitlines()) == attempts, "all chunks were finished, and some was done again"
    for table, query in ROWS.items():
        assert _rows(assay, "killed.duckdb", query) == _rows(assay, "calm.duckdb", query), table
    assert not (tmp_path / "killed.duckdb.runs").exists()


def _start(folder: Path, api: dict[str, str], log: Path) -> "subprocess.Popen[bytes]":
    begun = (folder / "killed.duckdb.runs" / "r").exists()
    work = ("--resume", "r") if begun else (*WORK, "--run-id", "r")
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "run", *work, "--db", "killed.duckdb"],
        cwd=folder,
        env=clean_environment({**api, "ATTEMPTS_LOG": str(log)}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _wait_for_a_moment(process: "subprocess.Popen[bytes]", folder: Path, rng: random.Random, number: int) -> None:
    """Let the process run for a while: half of them while it starts, half among the chunks.

    The last one until all shards are there, which is when loading begins.
    """
    if number < KILLS - 1 and number // 2 % 2 == 0:
        time.sleep(rng.uniform(0.3, 3.0))
        return
    finished = len(_finished(folder))
    _wait_until(process, lambda: (folder / "killed.duckdb.runs" / "r").exists())
    n_chunks = len(read_plan(folder / "killed.duckdb.runs" / "r").chunks)
    wanted = n_chunks if number == KILLS - 1 else min(n_chunks - 1, finished + rng.randrange(3))
    _wait_until(process, lambda: len(_finished(folder)) >= wanted)
    time.sleep(rng.uniform(0.0, 0.05 if number == KILLS - 1 else 0.5))


def _wait_until(process: "subprocess.Popen[bytes]", happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not happened():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)


def _kill(process: "subprocess.Popen[bytes]", *, alone: bool) -> None:
    """Kill a process, alone or with all that belong to it; wait until none of them is left."""
    children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    if alone:
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == [], "workers outlived their parent"


def _finished(folder: Path) -> set[str]:
    return Shards.of_run(folder / "killed.duckdb.runs" / "r").keys()


def _assert_not_repeated(folder: Path, log: Path, finished: set[str], attempts: int) -> None:
    """No attempt after the first `attempts` belongs to a chunk that was finished by then."""
    spool = folder / "killed.duckdb.runs" / "r"
    if not spool.exists():
        return
    settled = {
        place.instance_id
        for chunk in read_plan(spool).chunks
        if chunk.key in finished and chunk.policies[0].name.startswith("slow/")
        for place in chunk.instances
    }
    later = {line.split()[0] for line in log.read_text().splitlines()[attempts:]}
    assert not settled & later


def _rows(assay: Assay, db: str, query: str) -> list[str]:
    done = assay("sql", "--db", db, query, "--json")
    assert done.returncode == 0, done.stderr
    return sorted(json.dumps(row, sort_keys=True) for row in json.loads(done.stdout))
