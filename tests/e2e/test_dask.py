"""Runs on a Dask cluster: real schedulers and workers, a worker killed in the middle, the rows those of a local run.

The tests share one cluster, and the one that kills a worker of it comes after the others that use it.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from flows.pool import import_plugins
from flows.runs import begin_run, finish_without_prefect
from flows.settings import read_settings
from tasks_lib import family
from tasks_lib.records import TaskInstance, canonical_json
from tests.conftest import TINY, Assay, begin_assay, clean_environment
from tests.e2e.test_resume import ROWS
from tests.messages_server import Answer, Body, MessagesServer, first_words, serving, text
from tests.support_dask import Cluster, cluster_of, line_to
from tests.support_judges import judging
from tests.support_models import KEY
from tests.support_prefect import PrefectApi
from tests.support_s3 import make_bucket, reachable, s3_server
from tests.support_waiting import PATIENCE_S, wait_for
from warehouse import Warehouse
from warehouse.shards import Shards

pytestmark = [pytest.mark.services, pytest.mark.flow, pytest.mark.xdist_group("flow")]

pytest.importorskip("distributed")
OURS: dict[str, Any] = {
    "plugins": [TINY], "families": ["tiny_upper"], "n": 8, "group": 4, "chunk_size": 8, "seed": 7,
}  # fmt: skip
"""A little work; how slowly it is done does not show in the rows."""
JUDGE_CALLS = "select * exclude (rollout_id, call_id, cost_usd, latency_s) from judge_call"


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    with s3_server() as variables, reachable(variables):
        make_bucket(variables, "runs")
        yield variables


@pytest.fixture(scope="module")
def scheduler(s3: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster_of(tmp_path_factory.mktemp("cluster"), s3) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def cluster(scheduler: Cluster) -> Cluster:
    """Two workers."""
    scheduler.add_workers(2)
    return scheduler


def test_a_cluster_without_workers_is_told_before_any_work(
    assay: Assay, prefect_api: dict[str, str], scheduler: Cluster, tmp_path: Path
) -> None:
    """One line, exit status 2, nothing written; `doctor` says the same."""
    there = {"ASSAY_DASK_ADDRESS": scheduler.address}
    done = assay("run", *_options(OURS), "--runner", "dask", "--db", "w.duckdb", env={**prefect_api, **there})
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert f"the cluster has no workers; start some with: dask worker {scheduler.address}" in done.stderr
    assert not list(tmp_path.iterdir())


def test_doctor_looks_at_the_cluster_and_the_place_of_shards(
    assay: Assay, cluster: Cluster, s3: dict[str, str]
) -> None:
    """Workers that are there, their versions, a bucket that can be written to, and one that cannot."""
    there = {**s3, "ASSAY_DASK_ADDRESS": cluster.address, "ASSAY_SHARDS": "s3://runs/nightly"}
    done = assay("doctor", "--json", env=there)
    found = [tuple(row.values()) for row in json.loads(done.stdout)]
    assert ("dask cluster", cluster.address, True, "2 workers, 2 chunks at once") in found
    assert [row[2] for row in found if row[0] == "dask worker"] == [True, True]
    assert ("shards", "s3://runs/nightly", True, "can be written to") in found
    assert {"prefect-dask", "s3fs"} <= {row[1].split()[0] for row in found if row[0] == "package"}
    assert done.returncode == 0, done.stdout
    assert Shards("s3://runs/nightly").keys() == set(), "nothing is left there"


def test_models_and_judges_are_called_by_the_run_alone(
    assay: Assay, prefect_api: dict[str, str], cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One by one and in batches: the rows of a local run, every call made once, and no worker is told the key."""
    work = {
        "families": ["doc_revision"], "n": 2, "group": 2, "mode": "single", "audit": False, "chunk_size": 2,
        "policies": ["anthropic/claude-haiku-5-5", "sim/mid"], "judges": ["anthropic/claude-sonnet-5-5"],
        "trust": "any",
    }  # fmt: skip
    with serving(MessagesServer(script=judging(3, _first_half))) as server, line_to(cluster.address) as line:
        of_models = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": server.url, "ASSAY_BATCH_POLL_S": "0.05"}
        how = ("--runner", "dask", "--dask-address", line.address, "--run-id", "r")
        env = {**prefect_api, **of_models}
        far = assay("run", *_options(work), *how, "--db", "far.duckdb", env=env)
        assert far.returncode == 0, far.stderr
        n_calls = server.answered
        batched = assay("run", *_options(work), *how, "--batch", "--db", "batched.duckdb", env=env)
        assert batched.returncode == 0, batched.stderr
        assert server.answered == n_calls, "a batch run makes no single calls"
        for name, value in of_models.items():
            monkeypatch.setenv(name, value)
        near = _near(tmp_path, {**work, "workers": 1})

    queries = {**ROWS, "judge_call": JUDGE_CALLS}
    assert server.answered == 2 * n_calls > 8
    for db in ("far.duckdb", "batched.duckdb"):
        assert _tables(tmp_path / db, queries) == _tables(near, queries), db
    assert len(_rows(near, JUDGE_CALLS)) >= 2
    [instance] = json.loads(_rows(near, "select instance_id from instance limit 1")[0]).values()
    assert instance.encode() in line.heard, "what travels is readable"
    assert KEY.encode() not in line.heard


def test_a_worker_killed_in_the_middle_changes_no_row(
    prefect_api: dict[str, str], cluster: Cluster, s3: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shards in an object store, one of two workers killed while it works: complete, and exactly as a local run.

    Instances and recorded outputs lie in files that no worker has in its folder.
    """
    work = {**OURS, "instances": "eight.jsonl", "policies": ["slow/60", "sim/mid", "replay:theirs.jsonl"]}
    instances = _record(tmp_path / "eight.jsonl", tmp_path / "theirs.jsonl")
    run = begin_assay(
        tmp_path, "run", *_options(work), "--db", "far.duckdb", "--run-id", "killed",
        "--runner", "dask", "--dask-address", cluster.address, "--shards", "s3://runs/nightly",
        env={**prefect_api, **s3},
    )  # fmt: skip
    kept = Shards("s3://runs/nightly/killed")
    wait_for(lambda: run.poll() is not None or len(kept.keys()) >= 3, every_s=0.05)
    assert run.poll() is None, run.communicate()[1]
    cluster.workers[0].send_signal(signal.SIGKILL)
    _, said = run.communicate(timeout=240)
    assert run.returncode == 0, said
    assert kept.keys() == set(), "what is loaded is removed"
    assert s3["AWS_SECRET_ACCESS_KEY"] not in said

    monkeypatch.chdir(tmp_path)
    near = _near(tmp_path, {**OURS, "policies": ["slow/0", *work["policies"][1:]], "workers": 1}, instances)
    assert _tables(tmp_path / "far.duckdb", ROWS) == _tables(near, ROWS)
    assert len(_rows(near, "select rollout_id from rollout")) > 8 * 2 * 4
    _assert_tasks_are_completed(PrefectApi(prefect_api), "(killed)")


def test_ctrl_c_leaves_no_process_and_the_run_goes_on(
    assay: Assay, prefect_api: dict[str, str], tmp_path: Path
) -> None:
    """A cluster of the run's own, ended in the middle: every process is gone, and another cluster goes on."""
    work = {**OURS, "policies": ["slow/60"]}
    run = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "run", *_options(work), "--db", "w.duckdb", "--run-id", "r",
         "--runner", "dask", "--workers", "1"],
        cwd=tmp_path, env=clean_environment(prefect_api), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    kept = Shards.of_run(tmp_path / "w.duckdb.runs" / "r")
    wait_for(lambda: run.poll() is not None or len(kept.keys()) >= 2, every_s=0.05)
    assert run.poll() is None, run.communicate()[1]
    children = psutil.Process(run.pid).children(recursive=True)
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=PATIENCE_S)
    assert run.returncode == 130, said
    _, alive = psutil.wait_procs(children, timeout=PATIENCE_S)
    assert alive == []
    assert len(kept.keys()) >= 2

    how = ("--runner", "dask", "--workers", "1")
    done = assay("run", "--resume", "r", "--db", "w.duckdb", *how, env=prefect_api)
    assert done.returncode == 0, done.stderr
    # Some of them end when they see that the command has, which is a moment later.
    wait_for(lambda: not any(_folder(process) == str(tmp_path) for process in psutil.process_iter()))
    near = _near(tmp_path, {**work, "policies": ["slow/0"]})
    assert _tables(tmp_path / "w.duckdb", ROWS) == _tables(near, ROWS)
    assert _rows(tmp_path / "w.duckdb", "select status from run") == ['{"status": "completed"}']


def test_a_cluster_of_its_own_ends_with_its_process() -> None:
    """Whoever is ended from outside, without a chance to tidy up, leaves no worker."""
    program = (
        "from flows.dask_cluster import own_cluster\nwith own_cluster(1) as a:\n    print(a, flush=True)\n    input()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program], env=clean_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    assert parent.stdout.readline().startswith(b"tcp://127.0.0.1:")
    children = psutil.Process(parent.pid).children(recursive=True)
    assert children
    parent.send_signal(signal.SIGTERM)
    parent.communicate(timeout=PATIENCE_S)
    _, alive = psutil.wait_procs(children, timeout=PATIENCE_S)
    assert alive == []


def test_a_chunk_that_hangs_on_a_cluster_breaks_the_run_off(
    assay: Assay, prefect_api: dict[str, str], tmp_path: Path
) -> None:
    """It hangs in C code, where no thread of the worker gets a turn: the worker ends, and the chunk is named."""
    hang = tmp_path / "hang"
    hang.touch()
    work = {**OURS, "plugins": ["tests.flows.hanging_family"], "n": 4, "group": 2, "policies": ["hanging/while"]}
    how = ("--runner", "dask", "--workers", "1", "--chunk-timeout", "1", "--no-audit", "--run-id", "r")
    env = {**prefect_api, "HANGS_WHILE": str(hang)}
    done = assay("run", *_options(work), *how, "--db", "w.duckdb", env=env)
    assert done.returncode == 2, done.stderr
    assert "chunk tiny_upper hanging/while 8 rollouts" in done.stderr
    assert "--resume r" in done.stderr


def _options(work: Mapping[str, Any]) -> list[str]:
    """Return settings as options of `assay run`."""
    names = {"plugins": "plugin", "families": "family", "policies": "policy", "judges": "judge"}
    said: list[str] = []
    for name, value in work.items():
        option = f"--{names.get(name, name).replace('_', '-')}"
        for one in value if isinstance(value, list) else [value]:
            said += [option, str(one)] if name != "audit" else ["--no-audit"]
    return said


def _record(instances: Path, outputs: Path) -> list[TaskInstance]:
    """Write instances and an output for each of them."""
    import_plugins([TINY])
    made = list(family("tiny_upper").instances(8, seed=7))
    instances.write_text("".join(canonical_json(one.model_dump(mode="json")) + "\n" for one in made))
    ids = [one.instance_id for one in made]
    lines = [json.dumps({"instance_id": one, "policy": "theirs", "output": f"AMBER {one}"}) for one in ids]
    outputs.write_text("".join(f"{line}\n" for line in lines))
    return made


def _near(folder: Path, work: Mapping[str, Any], instances: list[TaskInstance] | None = None) -> Path:
    """Do some work in this process, and return the warehouse."""
    db = folder / "near.duckdb"
    settings = read_settings(None, {**work, "db": str(db)})
    finish_without_prefect(begin_run(settings, instances, run_id="r"), settings)
    return db


def _tables(db: Path, queries: Mapping[str, str]) -> dict[str, list[str]]:
    return {name: _rows(db, query) for name, query in queries.items()}


def _rows(db: Path, query: str) -> list[str]:
    with Warehouse.open(db, read_only=True) as warehouse:
        return sorted(json.dumps(row, sort_keys=True, default=str) for row in warehouse.sql(query).to_dicts())


def _first_half(body: Body, number: int) -> Answer:
    """Answer with a part of the task: the same about the same task, whoever asks first."""
    words = first_words(body)
    return text(words[: len(words) // 2])


def _assert_tasks_are_completed(api: PrefectApi, named: str) -> None:
    """Whatever a worker began and another one began again has ended well, as far as Prefect knows."""
    [run] = api.ask("flow_runs/filter", {"flow_runs": {"name": {"like_": named}}})

    def states() -> list[str]:
        return [task["state_type"] for task in api.task_runs([run["id"]]) if task["name"].startswith("tiny_upper")]

    wait_for(lambda: bool(states()) and not {"PENDING", "RUNNING"} & set(states()))
    assert set(states()) == {"COMPLETED"}


def _folder(process: psutil.Process) -> str | None:
    """Return where a process is at work; None where that is not told."""
    try:
        return process.cwd()
    except psutil.Error:
        return None
