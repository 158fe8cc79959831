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

from flows.plan import PLAN_FILE, read_plan
from tests.conftest import TINY, Assay, begin_assay, clean_environment
from tests.support_attempts import Attempts
from tests.support_prefect import PrefectApi
from tests.support_waiting import PATIENCE_S, wait_for
from warehouse import Warehouse
from warehouse.shards import Shards

pytestmark = [pytest.mark.flow, pytest.mark.xdist_group("flow")]

WORK = (
    "--plugin", TINY, "--family", "tiny_upper", "--n", "24", "--group", "8", "--policy", "slow/25",
    "--policy", "sim/mid", "--chunk-size", "16", "--workers", "2",
)  # fmt: skip
KILLS = ("planning", "first chunk", "taking up", "middle", "middle", "loading", "loading")
"""When; every other time the parent alone, else all processes."""
SEED = 20261120
LOADED_BYTES = 100_000
"""What the file of a warehouse and its journal grow by when a run is loaded, at least."""

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
    """Kills in every phase, of the parent alone and of all processes, and a run that is taken up each time."""
    log = Attempts(tmp_path / "attempts.log")
    rng = random.Random(SEED)
    for number, phase in enumerate(KILLS):
        finished, attempts = _finished(tmp_path), log.made()
        process = _start(tmp_path, prefect_api, log)
        _wait_for_a_moment(process, tmp_path, rng, phase)
        _kill(process, alone=bool(number % 2))
        assert process.returncode == -signal.SIGKILL
        _assert_not_repeated(tmp_path, log, finished, attempts)

    attempts = log.made()
    last = assay("run", "--resume", "r", "--db", "killed.duckdb", env={**prefect_api, **log.environment})
    assert last.returncode == 0, last.stderr
    assert log.made() == attempts, "all chunks were finished, and some was done again"
    calm = assay("run", *WORK, "--db", "calm.duckdb", env=prefect_api)
    assert calm.returncode == 0, calm.stderr
    assert_same_rows(tmp_path / "killed.duckdb", tmp_path / "calm.duckdb")
    assert not (tmp_path / "killed.duckdb.runs").exists()


def test_told_to_end_again_and_again_a_run_says_that_it_was_stopped(
    prefect_api: dict[str, str], tmp_path: Path
) -> None:
    """A supervisor that says it twice, while the first is being seen to, does not keep a run from noting it."""
    api, named = PrefectApi(prefect_api), {"flow_runs": {"name": {"like_": "(told twice)"}}}
    # The server records task runs later than they are: the run is not to end by then.
    attempts = Attempts(tmp_path / "attempts.log")
    attempts.allow(20)
    env = {**prefect_api, **attempts.environment}
    process = begin_assay(tmp_path, "run", *WORK, "--run-id", "told twice", "--db", "told.duckdb", env=env)
    (run,) = wait_for(lambda: api.ask("flow_runs/filter", named))
    wait_for(lambda: api.task_runs([run["id"]]))
    wait_for(lambda: process.send_signal(signal.SIGTERM) or process.poll() is not None, every_s=0.02)

    with Warehouse.open(tmp_path / "told.duckdb", read_only=True) as warehouse:
        assert warehouse.sql("select status from run").to_dicts() == [{"status": "cancelled"}]
    assert read_plan(tmp_path / "told.duckdb.runs" / "told twice").run_id == "told twice"


def assert_same_rows(one: Path, other: Path) -> None:
    """Compare all that two runs of the same work must agree on."""
    with Warehouse.open(one, read_only=True) as here, Warehouse.open(other, read_only=True) as there:
        for table, query in ROWS.items():
            rows = _rows(here, query)
            assert rows, table
            assert rows == _rows(there, query), table


def _start(folder: Path, api: dict[str, str], log: Attempts) -> "subprocess.Popen[bytes]":
    begun = (folder / "killed.duckdb.runs" / "r").exists()
    work = ("--resume", "r") if begun else (*WORK, "--run-id", "r")
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "run", *work, "--db", "killed.duckdb"],
        cwd=folder,
        env=clean_environment({**api, **log.environment}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _wait_for_a_moment(process: "subprocess.Popen[bytes]", folder: Path, rng: random.Random, phase: str) -> None:
    """Let the process run until it is in a phase."""
    spool = folder / "killed.duckdb.runs" / "r"
    if phase == "planning":
        _wait_until(process, spool.exists)
        return
    if phase == "taking up":
        time.sleep(rng.uniform(0.3, 3.0))
        return
    _wait_until(process, (spool / PLAN_FILE).exists)
    n_chunks, n_before = len(read_plan(spool).chunks), len(_finished(folder))
    if phase == "loading":
        _wait_until(process, lambda: len(_finished(folder)) == n_chunks)
        n_bytes = _size(folder)
        _wait_until(process, lambda: _size(folder) >= n_bytes + LOADED_BYTES)
        return
    wanted = n_before + 1 if phase == "first chunk" else n_before + (n_chunks - n_before) // 2
    _wait_until(process, lambda: len(_finished(folder)) >= wanted)


def _size(folder: Path) -> int:
    """Return how many bytes the warehouse and its journal have."""
    return sum(path.stat().st_size for path in folder.glob("killed.duckdb*") if path.is_file())


def _wait_until(process: "subprocess.Popen[bytes]", happened: Callable[[], bool]) -> None:
    def look() -> bool:
        return happened() or process.poll() is not None

    wait_for(look, every_s=0.005)
    assert process.poll() is None


def _kill(process: "subprocess.Popen[bytes]", *, alone: bool) -> None:
    """Kill a process, alone or with all that belong to it; wait until none of them is left."""
    children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    if alone:
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=PATIENCE_S)
    assert alive == [], "workers outlived their parent"


def _finished(folder: Path) -> set[str]:
    return Shards.of_run(folder / "killed.duckdb.runs" / "r").keys()


def _assert_not_repeated(folder: Path, log: Attempts, finished: set[str], attempts: int) -> None:
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
    assert not settled & log.instances(attempts)


def _rows(warehouse: Warehouse, query: str) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True, default=str) for row in warehouse.sql(query).to_dicts())
