"""Deployments on a work pool: a worker that was started elsewhere executes what was asked for."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import TINY, Assay, clean_environment
from tests.support_prefect import PrefectApi
from warehouse import Warehouse

pytestmark = [pytest.mark.services, pytest.mark.flow, pytest.mark.xdist_group("flow")]
POOL, NIGHTLY = "elsewhere", "nightly-evaluation/nightly-evaluation"


def test_a_worker_executes_what_was_deployed_to_its_pool(
    assay: Assay, api: PrefectApi, prefect_api: dict[str, str], tmp_path: Path
) -> None:
    """Pool, deployment and worker by the commands of docs/flows.md; the worker has a folder of its own."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    _prefect(prefect_api, elsewhere, "work-pool", "create", POOL, "--type", "process")
    db = tmp_path / "shared.duckdb"
    deployed = assay(
        "deploy", "nightly-evaluation", "--work-pool", POOL, "--db", str(db), "--plugin", TINY, env=prefect_api
    )
    assert deployed.returncode == 0, deployed.stderr
    assert f"prefect worker start --pool {POOL}" in deployed.stdout

    work = {"tasks": {"families": ["tiny_upper"], "n": 3}, "attempts": {"policies": ["sim/weak"], "group": 4}}
    asked = api.start(NIGHTLY, work)
    _prefect(prefect_api, elsewhere, "worker", "start", "--pool", POOL, "--run-once")
    run = api.ended(asked)
    api.ask(f"deployments/{api.deployment(NIGHTLY)['id']}", method="DELETE")

    assert run["state"]["name"] == "Completed", run["state"]["message"]
    assert run["work_pool_name"] == POOL
    answer = json.loads(Path(run["state"]["data"]["storage_key"]).read_text())
    with Warehouse.open(db, read_only=True) as warehouse:
        rows = warehouse.sql(
            "select run_id, status, deployment, (select count(*) from rollout) as n from run"
        ).to_dicts()
    assert rows == [
        {
            "run_id": answer["run_id"], "status": "completed", "deployment": "nightly-evaluation",
            "n": answer["counts"]["rollouts"],
        }
    ]  # fmt: skip


def _prefect(variables: dict[str, str], folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
        cwd=folder, env=clean_environment(variables), capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
