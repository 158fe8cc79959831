"""The whole pipeline as a user runs it: real processes, a real Prefect server, a real warehouse."""

import json
import re
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import TINY, Assay, begin_assay, held_by_another
from tests.support_attempts import Attempts
from tests.support_forked import Forked
from tests.support_prefect import PrefectApi
from tests.support_waiting import PATIENCE_S, wait_for

pytestmark = [pytest.mark.flow, pytest.mark.xdist_group("flow")]
WORK = ("--plugin", TINY, "--family", "tiny_upper", "--n", "10")


def _ask(assay: Assay, query: str) -> list[dict[str, Any]]:
    done = assay("sql", query, "--json")
    assert done.returncode == 0, done.stderr
    answer: list[dict[str, Any]] = json.loads(done.stdout)
    return answer


@pytest.fixture
def attempts(tmp_path_factory: pytest.TempPathFactory) -> Attempts:
    """What is done by a run that a test stops, or looks at, in the middle."""
    return Attempts(tmp_path_factory.mktemp("attempts") / "log")


def test_run_loads_every_planned_rollout_once(assay: Assay, prefect_api: dict[str, str], tmp_path: Path) -> None:
    """All rollouts, scores and composites are there; counts agree; only the warehouse is left over."""
    done = assay("run", *WORK, "--run-id", "r", "--chunk-size", "100", env=prefect_api)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "Groups by verdict" in done.stdout
    assert done.stdout.rstrip().splitlines()[-4].startswith("Next: assay report ")
    counts = _ask(
        assay,
        "select (select count(*) from rollout) as rollouts, (select count(*) from composite) as composites, "
        "(select count(*) from score) as scores, (select sum(n_samples - n_not_applicable) from planned) as expected, "
        "(select n_planned from run) as planned, (select status from run) as status",
    )[0]
    # 10 instances: 3 x 16 simulated, oracle, 3 operators x 5 severities, 2 probes.
    assert counts["planned"] == 10 * (48 + 1 + 15 + 2)
    assert counts["rollouts"] == counts["composites"] == counts["expected"]
    assert counts["scores"] == 2 * counts["rollouts"]
    assert counts["status"] == "completed"
    assert [path.name for path in tmp_path.iterdir()] == ["assay.duckdb"]


def test_run_leaves_artifacts_and_task_runs_with_names(assay: Assay, prefect_api: dict[str, str]) -> None:
    """The Prefect UI shows progress, verdicts, probes and a summary; task runs say what they are about."""
    done = assay("run", *WORK, "--run-id", "named", "--chunk-size", "200", "--workers", "1", env=prefect_api)
    assert done.returncode == 0, done.stderr

    name = {"flow_runs": {"name": {"any_": ["evaluate tiny_upper: sim/weak, sim/mid, sim/strong, n=10 (named)"]}}}
    api = PrefectApi(prefect_api)
    (run,) = api.ask("flow_runs/filter", name)
    artifacts = api.ask("artifacts/filter", name)
    assert run["state"]["type"] == "COMPLETED"
    assert {"taskassay", "family:tiny_upper", "policy:sim/mid"} <= set(run["tags"])
    progress = {one["key"]: float(one["data"]) for one in artifacts if one["key"].startswith("progress-")}
    assert {"verdicts", "probes", "run-summary"} <= {artifact["key"] for artifact in artifacts}
    assert progress == {f"progress-{stage}": 100.0 for stage in ("plan", "collect-and-grade", "load", "analyse")}
    told = "tiny_upper sim/weak, sim/mid, sim/strong, oracle, ladders, probes {} rollouts"
    n_rollouts = (132, 132, 198, 198)

    def labels() -> list[str]:
        return sorted(task["name"] for task in api.task_runs([run["id"]]) if task["name"].startswith("tiny_upper"))

    wait_for(lambda: len(labels()) >= len(n_rollouts))  # the server records task runs a little later
    assert labels() == [told.format(n) for n in n_rollouts]


def test_run_lost_rollouts_are_rows_with_a_cause(assay: Assay, prefect_api: dict[str, str]) -> None:
    """A policy that fails half of the time loses those rollouts and nothing else; none becomes a zero."""
    done = assay("run", *WORK, "--policy", "clumsy/line", "--group", "4", "--no-audit", env=prefect_api)

    assert done.returncode == 0, done.stderr
    assert "20 lost to errors (ConnectionError: the line went dead" in done.stdout
    rows = _ask(
        assay,
        "select status, count(*) as n, count(reward) as graded, min(reward) as least "
        "from rollout left join composite using (rollout_id) group by status order by status",
    )
    assert rows == [
        {"status": "completed", "n": 20, "graded": 20, "least": 1.0},
        {"status": "error", "n": 20, "graded": 0, "least": None},
    ]


def test_run_same_work_twice_gives_the_same_rewards(assay: Assay, prefect_api: dict[str, str]) -> None:
    """Two runs of one configuration differ in nothing but time, however the work was cut and spread."""
    for run_id, cut in (
        ("a", ("--workers", "1", "--chunk-size", "1000")),
        ("b", ("--workers", "2", "--chunk-size", "30")),
    ):
        assert assay("run", *WORK, "--run-id", run_id, *cut, env=prefect_api).returncode == 0

    differing = _ask(
        assay,
        "select count(*) as n from (select instance_id, policy_id, sample, output, reward from rollout "
        "join composite using (rollout_id) where run_id = 'a' except select instance_id, policy_id, sample, output, "
        "reward from rollout join composite using (rollout_id) where run_id = 'b')",
    )
    assert differing == [{"n": 0}]


def test_run_survives_a_killed_worker(
    assay: Assay, prefect_api: dict[str, str], tmp_path: Path, attempts: Attempts
) -> None:
    """A worker that is killed costs its chunk's time, not a row."""
    attempts.allow(130)
    process = _start(tmp_path, prefect_api, attempts, "--chunk-size", "48", "--workers", "2")
    _wait_for_shards(tmp_path, 1, process)
    killed = [child for child in psutil.Process(process.pid).children() if "spawn_main" in " ".join(child.cmdline())]
    killed[0].kill()
    attempts.allow_all()
    stdout, stderr = process.communicate(timeout=240)

    assert process.returncode == 0, stdout + stderr
    assert stderr == ""
    rows = _ask(assay, "select count(*) as n, count(distinct (instance_id, sample)) as different from rollout")
    assert rows == [{"n": 320, "different": 320}]


def test_run_stopped_with_ctrl_c_says_how_to_go_on(
    assay: Assay, prefect_api: dict[str, str], tmp_path: Path, attempts: Attempts
) -> None:
    """Ctrl-C ends the command within seconds, without a traceback, and the line it leaves can be typed."""
    attempts.allow(120)
    process = _start(tmp_path, prefect_api, attempts, "--chunk-size", "48", "--workers", "1")
    _wait_for_shards(tmp_path, 2, process)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=PATIENCE_S)
    attempts.allow_all()

    assert process.returncode == 130
    assert stdout == ""
    assert re.fullmatch(
        r"assay: stopped; \d+ finished chunks are kept, go on with: assay run --resume \S+ --db \S+\n", stderr
    )
    command = stderr.rsplit("go on with: assay ", 1)[1].split()
    done = assay(*command, env=prefect_api)
    assert done.returncode == 0, done.stderr
    assert _ask(assay, "select count(*) as n from rollout") == [{"n": 320}]


def test_run_locked_at_load_time_keeps_the_shards(
    assay: Assay, prefect_api: dict[str, str], tmp_path: Path, attempts: Attempts
) -> None:
    """When somebody holds the warehouse at the end, nothing is lost: resuming loads the shards."""
    attempts.allow(100)
    process = _start(tmp_path, prefect_api, attempts, "--chunk-size", "64", "--workers", "1", "--run-id", "held")
    _wait_for_shards(tmp_path, 1, process)
    with held_by_another(tmp_path / "assay.duckdb"):
        attempts.allow_all()
        _, stderr = process.communicate(timeout=240)

    assert process.returncode == 2
    assert stderr.count("\n") == 1
    assert "assay run --resume held" in stderr
    done = assay("run", "--resume", "held", env=prefect_api)
    assert done.returncode == 0, done.stderr
    assert _ask(assay, "select count(*) as n from rollout") == [{"n": 320}]


def test_resume_of_a_run_under_way_is_refused(
    assay: Assay, prefect_api: dict[str, str], tmp_path: Path, attempts: Attempts
) -> None:
    """Two processes never work on one run: the second is told so in one line, and the first is not disturbed."""
    attempts.allow(100)
    process = _start(tmp_path, prefect_api, attempts, "--chunk-size", "48", "--workers", "1", "--run-id", "one")
    _wait_for_shards(tmp_path, 1, process)
    second = assay("run", "--resume", "one", env=prefect_api)
    attempts.allow_all()
    stdout, stderr = process.communicate(timeout=240)

    assert second.returncode == 2
    assert second.stderr == "assay: run one is under way in another process; wait for it, or stop it\n"
    assert process.returncode == 0, stdout + stderr


def test_resume_of_a_complete_run_changes_nothing(assay: Assay, prefect_api: dict[str, str]) -> None:
    """Resuming what is complete shows the result again."""
    assert assay("run", *WORK, "--group", "4", "--run-id", "r", "--no-audit", env=prefect_api).returncode == 0
    before = _ask(assay, "select * from run")

    done = assay("run", "--resume", "r", env=prefect_api)

    assert done.returncode == 0, done.stderr
    assert "complete already" in done.stderr
    assert _ask(assay, "select * from run") == before


def test_run_refuses_a_prefect_server_that_does_not_answer(assay: Assay, tmp_path: Path) -> None:
    """A wrong PREFECT_API_URL is told at once, in one line, with nothing written."""
    done = assay("run", *WORK, env={"PREFECT_API_URL": "http://127.0.0.1:9/api"})

    assert done.returncode == 2
    assert done.stderr.startswith("assay: no Prefect server answers at http://127.0.0.1:9/api")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_run_with_a_server_of_its_own_is_quiet(assay: Assay, tmp_path: Path) -> None:
    """Without PREFECT_API_URL a server is started, said so in one line, and leaves neither noise nor a process."""
    done = assay("run", *WORK, "--run-id", "r", "--workers", "1", env={"PREFECT_HOME": str(tmp_path / "prefect")})

    assert done.returncode == 0, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "prefect server start" in done.stderr
    assert not _processes_in(tmp_path)


def _processes_in(folder: Path) -> list[psutil.Process]:
    """Return the server processes whose home is in a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if "flows.embedded_server" in process.cmdline() and str(folder) in process.environ().get(
                "PREFECT_HOME", ""
            ):
                found.append(process)
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


def _start(folder: Path, api: dict[str, str], attempts: Attempts, *arguments: str) -> Forked:
    """Begin a run of 320 rollouts that goes as far as it is let."""
    return begin_assay(
        folder, "run", "--plugin", TINY, "--family", "tiny_upper", "--n", "20", "--policy", "slow/1", "--no-audit",
        *arguments, env={**api, **attempts.environment},
    )  # fmt: skip


def _wait_for_shards(folder: Path, count: int, process: Forked) -> None:
    def finished() -> bool:
        assert process.poll() is None, process.communicate()
        return sum(not path.name.startswith(".") for path in folder.glob("*.runs/*/shards/*")) >= count

    wait_for(finished, every_s=0.02)
