"""Deployments at work: schedules that fire, runs triggered over the API, cancelled and gone on with."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest

from flows.runs import begin_run, finish_without_prefect
from flows.settings import read_settings
from tests.conftest import ROOT, TINY, assay_in_a_process, clean_environment
from tests.e2e.test_resume import assert_same_rows
from tests.messages_server import Body, MessagesServer, observations, serving, turns, use
from tests.support_attempts import Attempts
from tests.support_models import KEY, files_with
from tests.support_prefect import ENDED, Json, PrefectApi
from tests.support_waiting import PATIENCE_S, wait_for
from warehouse import Warehouse
from warehouse.errors import LockedError

pytestmark = [pytest.mark.services, pytest.mark.flow, pytest.mark.xdist_group("flow")]

NIGHTLY, GATE = "nightly-evaluation/nightly-evaluation", "promotion-gate/promotion-gate"
ON_CHANGE = "grader-audit/grader-audit-on-change"
CANCELLED = "cancelled.duckdb"
MODEL = "anthropic/claude-haiku-5-5:max_tokens=900"
PASSWORD = "planted-password-of-the-test"  # noqa: S105 - planted
TAG = "model:claude-haiku-5-5"
DOCS = (ROOT / "docs" / "flows.md").read_text(encoding="utf-8")
DEPLOYED = """
[nightly-evaluation.parameters.tasks]
families = ["tiny_upper"]
n = 3

[nightly-evaluation.parameters.attempts]
policies = ["sim/weak", "sim/strong", "anthropic/claude-haiku-5-5:max_tokens=900"]
group = 2
audit = false

[nightly-evaluation.parameters.limits]
api_key_block = "anthropic-api-key"

[nightly-evaluation.parameters.place]
chunk_size = 2

[grader-audit-on-change]
cron = "* * * * * */10"  # six fields: the last are the seconds

[grader-audit-on-change.parameters.audited]
families = ["tiny_upper"]
n = 2

[grader-audit-on-change.parameters.place]
plugins = ["tests.flows.changing_family"]
"""


class Served:
    """A folder in which `assay serve` is at work."""

    def __init__(self, folder: Path, server: MessagesServer, heard: list[str]) -> None:
        self.folder, self.server, self.heard = folder, server, heard
        self.db = folder / "assay.duckdb"
        self.attempts = Attempts(folder / "attempts.log")
        self.assay = assay_in_a_process(folder)
        self.process: subprocess.Popen[bytes]

    def rows(self, query: str, db: str = "assay.duckdb") -> list[Json]:
        """Ask the warehouse; somebody may have it open for writing just now."""

        def ask() -> list[list[Json]] | None:
            try:
                with Warehouse.open(self.folder / db, read_only=True) as warehouse:
                    return [warehouse.sql(query).to_dicts()]
            except LockedError:
                return None

        found: list[list[Json]] = wait_for(ask)
        return found[0]

    def allow_attempts(self, more: int) -> int:
        """Let so many more attempts of `slow` through, and return how many there will be then."""
        n_allowed = self.attempts.made() + more
        self.attempts.allow(n_allowed)
        return n_allowed

    def shards(self, run_id: str) -> int:
        """Return how many chunks of a run are finished."""
        folder = self.folder / f"{CANCELLED}.runs" / run_id / "shards"
        return len([path for path in folder.glob("*") if not path.name.startswith(".")])

    def workers(self) -> list[psutil.Process]:
        """Return the worker processes of all flow runs."""
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if "spawn_main" in " ".join(process.cmdline()):
                    found.append(process)
            except psutil.Error:
                continue
        return found


@pytest.fixture(scope="module")
def served(api: PrefectApi, prefect_api: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """All deployments, served from a folder; models answer over real HTTP, the key is in a block, news go to a hook."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "team.toml").write_text(DEPLOYED)
    server = MessagesServer(script=_play, seconds=0.05)
    heard: list[str] = []
    hook = ThreadingHTTPServer(("127.0.0.1", 0), type("Hook", (_Hook,), {"heard": heard}))
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    secret, automation = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    _as_in_the_docs(f"{secret}\nHOOK = 'http://127.0.0.1:{hook.server_port}/'\n{automation}", prefect_api, KEY)
    api.ask("concurrency_limits/", {"tag": TAG, "concurrency_limit": 1})
    with serving(server):
        place = Served(folder, server, heard)
        variables = {
            **prefect_api, "ANTHROPIC_BASE_URL": server.url, "PREFECT_RUNNER_POLL_FREQUENCY": "1",
            "ASSAY_WORKERS": "1", "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL", "PGPASSWORD": PASSWORD,
            **place.attempts.environment,
        }  # fmt: skip
        with (folder / "serve.log").open("wb") as log:
            place.process = subprocess.Popen(
                [sys.executable, "-m", "flows.cli", "serve", "--deployments", "team.toml", "--db", "assay.duckdb",
                 "--plugin", TINY, "--reports-port", "0"],
                cwd=folder, env=clean_environment(variables), stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        try:
            yield place
        finally:
            place.process.send_signal(signal.SIGINT)
            hook.shutdown()
            try:
                place.process.wait(timeout=PATIENCE_S)
            except subprocess.TimeoutExpired:
                os.killpg(place.process.pid, signal.SIGKILL)
                raise


class _Hook(BaseHTTPRequestHandler):
    """Takes down what it is told."""

    heard: list[str]

    def do_POST(self) -> None:
        self.heard.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _play(body: Body, number: int) -> Any:
    return use("read_list") if turns(body) == 0 else use("submit", text=observations(body)[0].upper())


def test_an_audit_fires_on_its_cron_and_finds_what_broke(api: PrefectApi, served: Served) -> None:
    """Nobody asks for the first; the one after a grader was broken says what does not hold, and somebody is told."""
    first = wait_for(lambda: _ticks(api, served))[0]
    api.ask(f"deployments/{api.deployment(ON_CHANGE)['id']}/pause_deployment", {})
    first = api.ended(first["id"])
    assert first["auto_scheduled"]
    assert first["state"]["name"] == "Completed", first["state"]
    assert {"taskassay", "changed:tiny_upper", "family:tiny_upper"} <= set(first["tags"])
    assert served.rows("select deployment from run") == [{"deployment": "grader-audit-on-change"}]
    assert "| tiny\\_upper | probes are not paid | 2 | 2 |" in api.artifacts(first["id"])["grader-audit"]
    wait_for(lambda: all(tick["state"]["type"] in ENDED for tick in _ticks(api, served)))

    (served.folder / "version.txt").write_text("broken")
    breached = api.ended(api.start(ON_CHANGE, {}))
    assert (breached["state"]["name"], breached["state"]["type"]) == ("Breached", "FAILED"), breached["state"]
    assert re.match(r"1 thing does not hold: tiny_upper: probe echo ", breached["state"]["message"])
    (told,) = [text for key, text in api.artifacts(breached["id"]).items() if key == "grader-audit"]
    assert "probe echo earns" in told
    assert "| tiny\\_upper | probes are not paid | 1 | 2 |" in told
    assert "| tiny\\_upper | oracle earns 1 | 1 | 1 |" in told
    wait_for(lambda: any("1 thing does not hold: tiny_upper: probe echo" in news for news in served.heard))


def _ticks(api: PrefectApi, served: Served) -> list[Json]:
    """Return the runs that began by the schedule, the earliest first."""
    assert served.process.poll() is None, (served.folder / "serve.log").read_text()
    if not _is_there(api, ON_CHANGE):
        return []
    return api.flow_runs(ON_CHANGE, type={"any_": ["PENDING", "RUNNING", *ENDED]})


def test_a_run_asked_for_over_the_api_goes_to_completion(
    api: PrefectApi, served: Served, prefect_api: dict[str, str]
) -> None:
    """Names, tags, result, rows and a link that opens; the key reaches the model alone; the model's limit holds."""
    wait_for(lambda: _is_there(api, NIGHTLY))
    run = api.ended(api.start(NIGHTLY, {}))

    assert run["state"]["name"] == "Completed", run["state"]["message"]
    assert run["name"] == f"nightly-evaluation tiny_upper: sim/weak, sim/strong, {MODEL}, n=3 x 2"
    assert {"taskassay", "family:tiny_upper", "policy:sim/weak", f"policy:{MODEL}"} <= set(run["tags"])
    answer = json.loads(Path(run["state"]["data"]["storage_key"]).read_text())
    assert answer["counts"] == {"rollouts": 18, "instances": 3, "errors": 0}
    assert sum(answer["verdicts"].values()) == 9
    kept = served.rows("select run_id, status from run where deployment = 'nightly-evaluation'")
    assert kept == [{"run_id": answer["run_id"], "status": "completed"}]
    (child,) = api.children(run["id"])
    assert child["name"] == f"evaluate tiny_upper: sim/weak, sim/strong, {MODEL}, n=3 ({answer['run_id']})"

    shown, own = api.artifacts(run["id"]), api.artifacts(child["id"])
    assert shown["nightly-evaluation"] == own["run-summary"]
    (link,) = re.findall(r"http://127\.0\.0\.1:\d+/[\w.-]+\.html", shown["nightly-evaluation-report"])
    assert link in own["report"]
    with urllib.request.urlopen(link, timeout=PATIENCE_S) as page:  # noqa: S310 - loopback, as the pattern says
        text = page.read().decode()
        assert (page.status, answer["run_id"] in text) == (200, True)
    assert text == Path(answer["report"]).read_text()

    calls = [headers.get("authorization") for headers in served.server.headers]
    assert len(calls) == 12
    assert set(calls) == {f"Bearer {KEY}"}
    assert served.server.most_under_way <= 2
    wait_for(lambda: len(_tagged(api, child["id"])) >= 3)
    assert _tagged(api, child["id"]) == [[TAG]] * 3
    for secret in (KEY, PASSWORD):
        assert files_with(served.folder, secret) == []
        assert files_with(Path(prefect_api["PREFECT_HOME"]), secret) == []


def _tagged(api: PrefectApi, flow_run: str) -> list[list[str]]:
    return [task["tags"] for task in api.task_runs([flow_run]) if task["tags"]]


def test_what_the_server_refuses_is_not_kept(api: PrefectApi, served: Served, prefect_api: dict[str, str]) -> None:
    """A value out of range and a password are refused when a run is asked for: there is none."""
    wait_for(lambda: _is_there(api, GATE))
    path = f"deployments/{api.deployment(NIGHTLY)['id']}/create_flow_run"
    assert "0 is less than the minimum of 1" in api.refusal(path, {"parameters": {"tasks": {"n": 0}}})
    gate = f"deployments/{api.deployment(GATE)['id']}/create_flow_run"
    two = {"base": "sim/weak", "candidate": "sim/strong"}
    for db in ("ducklake:postgres:dbname=a password=hunter2", "ducklake:postgres://u:hunter2@host/a"):
        assert "does not match" in api.refusal(path, {"parameters": {"place": {"db": db}}})
        assert "does not match" in api.refusal(gate, {"parameters": {"candidate": two, "db": db}})
    assert files_with(Path(prefect_api["PREFECT_HOME"]), "hunter2") == []


BY_HAND = """
import json, sys
from flows.scheduled.audit import grader_audit
from flows.scheduled.gate import promotion_gate
from flows.scheduled.nightly import nightly_evaluation
from flows.scheduled.parameters import Attempts, Audited, Candidate, Limits, Place, Tasks

db, tiny, model = sys.argv[1:]
place = Place(db=db, plugins=[tiny])
states = {
    "unknown": nightly_evaluation(Tasks(families=["tiny_uper"]), place=place, return_state=True),
    "key": nightly_evaluation(
        Tasks(families=["tiny_upper"]), Attempts(policies=[model]), limits=Limits(api_key_block="nobodys"), place=place,
        return_state=True,
    ),
    "password": promotion_gate(
        Candidate(base="a", candidate="b"), db="ducklake:postgres:dbname=a password=hunter2", return_state=True
    ),
    "first": grader_audit(Audited(families=["tiny_upper"], n=1), place=place, return_state=True),
    "unchanged": grader_audit(Audited(families=["tiny_upper"]), place=place, only_if_changed=True, return_state=True),
    "gate": promotion_gate(Candidate(base="sim/strong", candidate="sim/weak"), db=db, return_state=True),
}
print(json.dumps({name: [state.name, state.type.value, state.message, str(state.state_details.flow_run_id)]
                  for name, state in states.items()}))
"""


def test_how_flow_runs_end(api: PrefectApi, served: Served, prefect_api: dict[str, str]) -> None:
    """What cannot be done is refused in words, an audit without a change does nothing, the gate holds."""
    done = subprocess.run(
        [sys.executable, "-c", BY_HAND, str(served.db), TINY, MODEL], cwd=served.folder,
        env=clean_environment({**prefect_api, "ANTHROPIC_BASE_URL": served.server.url}), capture_output=True, text=True,
        timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ended = json.loads(done.stdout.splitlines()[-1])
    told = {name: state[:3] for name, state in ended.items()}

    for name, words in (
        ("unknown", "unknown family 'tiny_uper'; known families: "),
        ("key", "setting 'api_key_block': the Prefect Secret block 'nobodys' is not there"),
        ("password", "parameter 'db': Prefect shows parameters to everybody"),
    ):
        assert told[name][:2] == ["Refused", "FAILED"], told[name]
        assert told[name][2].startswith(words)
    assert told["first"][0] == "Completed", told["first"]
    assert told["unchanged"][:2] == ["Unchanged", "COMPLETED"], told["unchanged"]
    assert told["gate"][:2] == ["Hold", "COMPLETED"], told["gate"]
    assert told["gate"][2].startswith("hold: sim/weak")
    gate = ended["gate"][3]
    assert "gate:hold" in api.flow_run(gate)["tags"]
    shown = api.artifacts(gate)
    conditions = {row["condition"] for row in json.loads(shown["gate-conditions"])}
    assert shown["promotion-gate"].count("\n| unknown |") + shown["promotion-gate"].count("\n| NO |") == len(conditions)


def test_a_cancelled_run_is_gone_on_with_exactly(api: PrefectApi, served: Served, prefect_api: dict[str, str]) -> None:
    """Cancelled in the middle, three times; gone on with by a retry, a new flow run, the command: not a row differs."""
    work: Json = {
        "tasks": {"families": ["tiny_upper"], "n": 10},
        "attempts": {"policies": ["slow/0", "sim/mid"], "group": 8},
        "place": {"db": str(served.folder / CANCELLED), "plugins": [TINY], "chunk_size": 16},
    }
    wait_for(lambda: _is_there(api, NIGHTLY))
    flow_run, n_allowed = _started(api, served, work)
    run_id = _cancelled(api, served, flow_run, n_allowed, 0)
    (kept,) = served.rows("select status, (select count(*) from rollout) as n from run", CANCELLED)
    assert kept == {"status": "cancelled", "n": 0}

    n_done, n_allowed = served.shards(run_id), served.allow_attempts(CHUNK_AND_A_HALF)
    api.set_state(flow_run, "SCHEDULED", "AwaitingRetry")
    assert _cancelled(api, served, flow_run, n_allowed, n_done) == run_id

    n_done = served.shards(run_id)
    again, n_allowed = _started(api, served, {**work, "resume": run_id})
    assert _cancelled(api, served, again, n_allowed, n_done) == run_id
    assert api.flow_run(again)["name"] == f"nightly-evaluation goes on with {run_id}"
    last = served.assay("run", "--resume", run_id, "--db", CANCELLED, env=prefect_api)
    assert last.returncode == 0, last.stderr

    calm: Json = {**work["tasks"], **work["attempts"], "plugins": [TINY], "workers": 1}
    settings = read_settings(None, {**calm, "db": str(served.folder / "calm.duckdb")})
    finish_without_prefect(begin_run(settings), settings)
    assert_same_rows(served.folder / CANCELLED, served.folder / "calm.duckdb")


CHUNK_AND_A_HALF = 24
"""Attempts: after so many, a chunk is done and the next is in the middle."""


def _started(api: PrefectApi, served: Served, work: Json) -> tuple[str, int]:
    n_allowed = served.allow_attempts(CHUNK_AND_A_HALF)
    return api.start(NIGHTLY, work), n_allowed


def _cancelled(api: PrefectApi, served: Served, flow_run: str, n_allowed: int, n_before: int) -> str:
    """Cancel a flow run in the middle of a chunk, when others were added to those before; return its run."""

    def under_way() -> str | None:
        children = [child for child in api.children(flow_run) if child["state"]["type"] == "RUNNING"]
        return children[-1]["name"].rpartition("(")[2].rstrip(")") if children else None

    found: str = wait_for(under_way)
    wait_for(lambda: served.attempts.made() == n_allowed)
    assert served.shards(found) > n_before
    api.set_state(flow_run, "CANCELLING", "Cancelling")
    ended = api.ended(flow_run)
    assert ended["state"]["type"] == "CANCELLED", ended["state"]
    wait_for(lambda: not served.workers())
    assert (served.folder / f"{CANCELLED}.runs" / found / "plan.json").exists()
    return found


def _as_in_the_docs(program: str, prefect_api: dict[str, str], said: str = "") -> None:
    done = subprocess.run(
        [sys.executable, "-c", program], env=clean_environment(prefect_api), input=said, capture_output=True, text=True,
        timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def _is_there(api: PrefectApi, deployment: str) -> bool:
    try:
        return bool(api.deployment(deployment))
    except OSError:
        return False
