"""Runs on a Dask cluster: real schedulers and workers, a worker killed in the middle, the rows those of a local run."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from tests.conftest import TINY, Assay, clean_environment
from tests.e2e.test_resume import ROWS
from tests.support_s3 import make_bucket, reachable, s3_server
from warehouse.shards import Shards

pytestmark = [pytest.mark.services, pytest.mark.flow, pytest.mark.xdist_group("flow")]

distributed = pytest.importorskip("distributed")
WORK = (
    "--plugin", TINY, "--family", "tiny_upper", "--n", "16", "--group", "4", "--policy", "slow/60",
    "--policy", "sim/mid", "--chunk-size", "8", "--seed", "7", "--run-id", "r",
)  # fmt: skip


@contextmanager
def cluster(
    folder: Path, n_workers: int, env: Mapping[str, str]
) -> "Iterator[tuple[str, list[subprocess.Popen[bytes]]]]":
    """Start a scheduler and workers, each a process of its own in a folder of its own; yields its address and them."""
    found = folder / "scheduler.json"
    place = ("--scheduler-file", str(found))
    with ExitStack() as ending:

        def start(program: str, *arguments: str) -> "subprocess.Popen[bytes]":
            cwd = folder / f"{program}-{len(started)}"
            cwd.mkdir(parents=True)
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{program}", *place, "--host", "127.0.0.1", *arguments],
                cwd=cwd, env=clean_environment(env), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            started.append(process)
            ending.callback(process.wait, 30)
            ending.callback(process.terminate)
            return process

        started: list[subprocess.Popen[bytes]] = []
        start("scheduler", "--port", "0", "--no-dashboard")
        _wait_until(lambda: found.exists() and found.read_text().endswith("}"))
        workers = [start("worker", "--nthreads", "1", "--no-nanny", "--no-dashboard") for _ in range(n_workers)]
        address = json.loads(found.read_text())["address"]
        with distributed.Client(address, set_as_default=False) as client:
            if n_workers:
                client.wait_for_workers(n_workers, timeout=60)
        yield address, workers


def test_a_worker_killed_in_the_middle_changes_no_row(
    assay: Assay, prefect_api: dict[str, str], tmp_path: Path
) -> None:
    """Shards in an object store, one of two workers killed while it works: complete, and exactly as a local run."""
    with (
        s3_server() as s3,
        reachable(s3),
        cluster(tmp_path / "cluster", 2, s3) as (address, workers),
    ):
        make_bucket(s3, "runs")
        how = ("--runner", "dask", "--dask-address", address, "--shards", "s3://runs/nightly")
        run = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", "run", *WORK, "--db", "far.duckdb", *how],
            cwd=tmp_path, env=clean_environment({**prefect_api, **s3}),
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        _wait_until(lambda: run.poll() is not None or len(Shards("s3://runs/nightly/r").keys()) >= 4)
        assert run.poll() is None, run.communicate()[1]
        workers[0].send_signal(signal.SIGKILL)
        _, said = run.communicate(timeout=120)
        assert run.returncode == 0, said
        assert Shards("s3://runs/nightly/r").keys() == set(), "what is loaded is removed"

    near = assay("run", *WORK, "--db", "near.duckdb", env=prefect_api)
    assert near.returncode == 0, near.stderr
    for table, query in ROWS.items():
        assert _rows(assay, "far.duckdb", query) == _rows(assay, "near.duckdb", query), table
    [counted] = json.loads(assay("sql", "--db", "far.duckdb", "select count(*) as n from rollout", "--json").stdout)
    assert counted["n"] > 16 * 2 * 4
    secret = s3["AWS_SECRET_ACCESS_KEY"]
    assert secret not in said
    _assert_tasks_are_completed(prefect_api["PREFECT_API_URL"])


def test_a_local_cluster_runs_a_replay_and_leaves_no_process(
    assay: Assay, prefect_api: dict[str, str], tmp_path: Path
) -> None:
    """A plugin, recorded outputs, two workers of the run's own: the same rows as without Dask."""
    done = assay("generate", "--plugin", TINY, "--family", "tiny_upper", "--n", "6", "--out", "six.jsonl")
    assert done.returncode == 0, done.stderr
    ids = [json.loads(line)["instance_id"] for line in (tmp_path / "six.jsonl").read_text().splitlines()]
    (tmp_path / "theirs.jsonl").write_text(
        "".join(json.dumps({"instance_id": one, "policy": "theirs", "output": f"AMBER {one}"}) + "\n" for one in ids)
    )
    work = ("run", "--plugin", TINY, "--instances", "six.jsonl", "--policy", "replay:theirs.jsonl", "--run-id", "r")
    for db, runner in (("far.duckdb", "dask"), ("near.duckdb", "local")):
        done = assay(*work, "--db", db, "--runner", runner, "--workers", "2", "--chunk-size", "40", env=prefect_api)
        assert done.returncode == 0, done.stderr

    for table, query in ROWS.items():
        assert _rows(assay, "far.duckdb", query) == _rows(assay, "near.duckdb", query), table
    assert not [one for one in psutil.Process().children(recursive=True) if "multiprocessing" in " ".join(_line(one))]


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_leaves_no_process_and_goes_on(
    assay: Assay, prefect_api: dict[str, str], tmp_path: Path, signal_number: int
) -> None:
    """Ctrl-C or an end from outside: every process is gone, and the run is taken up again, without Dask even."""
    run = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "run", *WORK, "--db", "w.duckdb", "--runner", "dask", "--workers", "2"],
        cwd=tmp_path, env=clean_environment(prefect_api), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    kept = Shards.of_run(tmp_path / "w.duckdb.runs" / "r")
    _wait_until(lambda: run.poll() is not None or len(kept.keys()) >= 2)
    assert run.poll() is None, run.communicate()[1]
    children = psutil.Process(run.pid).children(recursive=True)
    os.kill(run.pid, signal_number)
    _, said = run.communicate(timeout=60)
    assert run.returncode == (130 if signal_number == signal.SIGINT else -signal.SIGTERM), said
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []
    n_kept = len(kept.keys())
    assert n_kept >= 2
    if signal_number == signal.SIGTERM:  # it goes on alike; one of the two is enough to see it
        return

    done = assay("run", "--resume", "r", "--db", "w.duckdb", env=prefect_api)
    assert done.returncode == 0, done.stderr
    [counted] = json.loads(assay("sql", "--db", "w.duckdb", "select status from run", "--json").stdout)
    assert counted["status"] == "completed"


def test_what_is_wrong_with_a_cluster_is_told_before_any_work(
    assay: Assay, prefect_api: dict[str, str], tmp_path: Path
) -> None:
    """Nobody at the address, no workers, a server that workers cannot reach, a protocol nobody knows: one line each."""
    run = ("run", *WORK, "--runner", "dask", "--db", "w.duckdb")
    nobody = assay(*run, "--dask-address", "tcp://127.0.0.1:9", env=prefect_api)
    elsewhere = assay(*run, "--dask-address", "tcp://192.0.2.1:8786", env=prefect_api)
    shards = assay(*run, "--shards", "quux://x/y", env=prefect_api)
    with cluster(tmp_path / "cluster", 0, {}) as (address, _):
        empty = assay(*run, "--dask-address", address, env=prefect_api)

    for done, said in (
        (nobody, "no Dask scheduler answers at tcp://127.0.0.1:9"),
        (elsewhere, "could not reach the Prefect server"),
        (shards, "Protocol not known: quux"),
        (empty, "the cluster has no workers"),
    ):
        assert done.returncode == 2, done.stderr
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "w.duckdb").exists()
    assert not (tmp_path / "w.duckdb.runs").exists()


def test_a_chunk_that_hangs_on_a_cluster_breaks_the_run_off(
    assay: Assay, prefect_api: dict[str, str], tmp_path: Path
) -> None:
    """It hangs in C code, where no thread of the worker gets a turn: the worker ends, and the chunk is named."""
    hang = tmp_path / "hang"
    hang.touch()
    env = {**prefect_api, "HANGS_WHILE": str(hang)}
    plugin = "tests.flows.hanging_family"
    work = ("--plugin", plugin, "--family", "tiny_upper", "--n", "4", "--group", "2", "--policy", "hanging/while")
    how = ("--runner", "dask", "--workers", "2", "--chunk-timeout", "3", "--no-audit", "--run-id", "r")
    done = assay("run", *work, *how, "--db", "w.duckdb", env=env)
    assert done.returncode == 2, done.stderr
    assert "chunk tiny_upper hanging/while 8 rollouts" in done.stderr
    assert "--resume r" in done.stderr

    hang.unlink()
    done = assay("run", "--resume", "r", "--db", "w.duckdb", env=env)
    assert done.returncode == 0, done.stderr


def _assert_tasks_are_completed(api: str) -> None:
    """Whatever a worker began and another one began again has ended well, as far as Prefect knows."""

    def counted(states: list[str]) -> int:
        wanted = {"task_runs": {"name": {"like_": "tiny_upper"}, "state": {"type": {"any_": states}}}}
        request = urllib.request.Request(  # noqa: S310
            f"{api}/task_runs/count", json.dumps(wanted).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return int(answer.read())

    _wait_until(lambda: counted(["COMPLETED"]) > 0 and counted(["PENDING", "RUNNING"]) == 0)
    assert counted(["FAILED", "CRASHED"]) == 0


def _rows(assay: Assay, db: str, query: str) -> list[str]:
    done = assay("sql", "--db", db, query, "--json")
    assert done.returncode == 0, done.stderr
    return sorted(json.dumps(row, sort_keys=True) for row in json.loads(done.stdout))


def _line(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def _wait_until(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)
