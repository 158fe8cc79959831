"""Deployments: what is deployed, schedules that fire, runs triggered over the API, cancelled and gone on with."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from flows.errors import SettingsError
from flows.scheduled.deployments import DEPLOYMENTS, chosen
from tests.conftest import ROOT, TINY, Assay, assay_in_a_process, clean_environment
from tests.e2e.test_resume import ROWS
from tests.messages_server import Body, MessagesServer, observations, serving, turns, use
from tests.support_models import KEY
from tests.support_prefect import Json, PrefectApi, wait_for

pytestmark = [pytest.mark.flow, pytest.mark.xdist_group("flow")]

NIGHTLY, GATE = "nightly-evaluation/nightly-evaluation", "promotion-gate/promotion-gate"
ON_CHANGE = "grader-audit/grader-audit-on-change"
CANCELLED = "cancelled.duckdb"
MODEL = "anthropic/claude-haiku-5-5"
TAG = "model:claude-haiku-5-5"
DOCS = (ROOT / "docs" / "flows.md").read_text(encoding="utf-8")
DEPLOYED = """
[nightly-evaluation.parameters.tasks]
families = ["tiny_upper"]
n = 4

[nightly-evaluation.parameters.attempts]
policies = ["sim/weak", "sim/strong"]
group = 4

[grader-audit-on-change]
cron = "* * * * * */10"  # six fields: the last are the seconds

[grader-audit-on-change.parameters.audited]
families = ["tiny_upper"]
n = 2

[grader-audit-on-change.parameters.place]
plugins = ["tests.flows.changing_family"]
"""


@pytest.fixture(scope="module")
def api(prefect_api: dict[str, str]) -> PrefectApi:
    return PrefectApi(prefect_api)


def test_prefect_yaml_says_what_is_deployed() -> None:
    """The file for `prefect deploy --all` and what the commands deploy are the same."""
    content = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    told = {deployment["name"]: deployment for deployment in content["deployments"]}

    assert list(told) == [standing.name for standing in DEPLOYMENTS]
    for standing in DEPLOYMENTS:
        limit = None if standing.limit is None else {"limit": standing.limit, "collision_strategy": standing.collision}
        assert told[standing.name] == {
            "name": standing.name,
            "entrypoint": f"{standing.file}:{standing.function}",
            "description": standing.description,
            "tags": standing.tags,
            **({"schedules": [{"cron": standing.cron, "timezone": standing.timezone}]} if standing.cron else {}),
            **({"parameters": dict(standing.parameters)} if standing.parameters else {}),
            **({"concurrency_limit": limit} if limit else {}),
            "work_pool": {"name": "assay"},
        }
        assert f"| `{standing.name}` |" in DOCS


def test_deployed_by_prefect_and_by_assay_they_are_the_same(
    api: PrefectApi, prefect_api: dict[str, str], assay: Assay
) -> None:
    """`prefect deploy --all` takes the file as it is; `assay deploy` says so when there is no pool, and agrees."""
    missing = assay("deploy", "--work-pool", "nobodys", env=prefect_api)
    assert missing.returncode == 2
    assert "there is no work pool 'nobodys' on the server" in missing.stderr
    assert "prefect work-pool create nobodys --type process" in missing.stderr

    api.ask("work_pools/", {"name": "assay", "type": "process", "base_job_template": {}})
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"],
        cwd=ROOT, env=clean_environment(prefect_api), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    by_prefect = [_compared(api.deployment(_full_name(standing))) for standing in DEPLOYMENTS]
    same = assay("deploy", env=prefect_api)
    assert same.returncode == 0, same.stderr
    assert "prefect worker start --pool assay" in same.stdout
    assert [_compared(api.deployment(_full_name(standing))) for standing in DEPLOYMENTS] == by_prefect
    assert by_prefect[0]["work_pool_name"] == "assay"

    for standing in DEPLOYMENTS:  # the same names are served below
        api.ask(f"deployments/{api.deployment(_full_name(standing))['id']}", method="DELETE")


def test_what_cannot_be_deployed_is_told_in_one_line(assay: Assay, tmp_path: Path) -> None:
    """An unknown name, moment, parameter or value, and no server: what is wrong, and what to do."""
    files = {
        "value": "[nightly-evaluation.parameters.tasks]\nn = 0\n",
        "name": "[nightly-evaluation.parameters]\ntask = {}\n",
        "both": "[grader-audit]\ncron = '0 1 * * *'\nevery_s = 60\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    wrong: tuple[tuple[Json, str], ...] = (
        ({"names": ["nightly-evaluations"]}, "did you mean 'nightly-evaluation'?"),
        ({"crons": ["grader-audit=at four"]}, "grader-audit: 'at four UTC' is no schedule"),
        ({"timezone": "Berlin"}, "a place such as Europe/Berlin"),
        ({"file": tmp_path / "value"}, "'tasks.n': input should be greater than or equal to 1, got 0"),
        ({"file": tmp_path / "name"}, "unknown parameter 'task'; did you mean 'tasks'?"),
        ({"file": tmp_path / "both"}, "say cron or every_s, not both"),
        ({"file": tmp_path / "none"}, "there is no such file"),
    )
    for given, told in wrong:
        with pytest.raises(SettingsError, match=re.escape(told)):
            chosen(**{"names": (), **given})

    none = assay("serve", env={"PREFECT_HOME": str(tmp_path)})
    assert (none.returncode, none.stderr.count("\n")) == (2, 1)
    assert "schedules need a Prefect server that stays" in none.stderr


def test_file_of_deployments_changes_what_it_names(tmp_path: Path) -> None:
    """A group of parameters, a cron, a limit: the rest stays; the command line comes last."""
    (tmp_path / "team.toml").write_text(
        "[grader-audit]\nevery_s = 900\nlimit = 2\n[grader-audit.parameters.audited]\nn = 5\n"
    )
    asked = chosen(
        ["grader-audit", "promotion-gate"], file=tmp_path / "team.toml", timezone="Europe/Berlin",
        place={"db": "/data/a.duckdb", "plugins": [TINY]},
    )  # fmt: skip
    audit, gate = asked
    assert (audit.when, audit.limit, gate.when) == ("every 900 s", 2, "when asked for")
    assert audit.parameters == {"audited": {"n": 5}, "place": {"db": "/data/a.duckdb", "plugins": [TINY]}}
    assert gate.parameters == {"db": "/data/a.duckdb"}
    (audit,) = chosen(["grader-audit"], file=tmp_path / "team.toml", crons=["grader-audit=0 1 * * *"], paused=True)
    assert (audit.when, audit.paused) == ("0 1 * * * UTC", True)


def test_parameters_are_a_form() -> None:
    """Every field of every flow has a title, a description and a type that a form can show; nothing is free JSON."""
    for standing in DEPLOYMENTS:
        schema = standing.flow.parameters.model_dump()
        groups = [group["properties"] for group in (schema["definitions"] or {}).values()]
        assert groups
        for name, field in (item for group in groups for item in group.items()):
            assert field.get("title"), name
            assert field.get("description"), name
            assert {"type", "enum", "anyOf", "$ref"} & set(field), name
            kinds = [part.get("type") for part in field.get("anyOf", [field])]
            assert "object" not in kinds, name
        plain = [field for field in schema["properties"].values() if "$ref" not in field]
        assert all(field["description"] for field in plain)


class Served:
    """A folder in which `assay serve` is at work."""

    def __init__(self, folder: Path, server: MessagesServer) -> None:
        self.folder, self.server = folder, server
        self.db = folder / "assay.duckdb"
        self.assay = assay_in_a_process(folder)
        self.process: subprocess.Popen[bytes]

    def rows(self, query: str, db: str = "assay.duckdb") -> list[Json]:
        """Ask the warehouse; somebody may have it open for writing just now."""

        def ask() -> list[list[Json]] | None:
            done = self.assay("sql", "--db", db, query, "--json")
            return [json.loads(done.stdout)] if done.returncode == 0 else None

        found: list[list[Json]] = wait_for(ask, 30)
        return found[0]

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
def served(prefect_api: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """All deployments, served from a folder; models answer over real HTTP, and nobody has a key."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "team.toml").write_text(DEPLOYED)
    server = MessagesServer(script=_play, seconds=0.05)
    with serving(server):
        place = Served(folder, server)
        variables = {
            **prefect_api, "ANTHROPIC_BASE_URL": server.url, "PREFECT_RUNNER_POLL_FREQUENCY": "1",
            "ASSAY_WORKERS": "2", "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        }  # fmt: skip
        with (folder / "serve.log").open("wb") as log:
            place.process = subprocess.Popen(
                [sys.executable, "-m", "flows.cli", "serve", "--deployments", "team.toml", "--db", "assay.duckdb",
                 "--plugin", TINY],
                cwd=folder, env=clean_environment(variables), stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        try:
            yield place
        finally:
            place.process.send_signal(signal.SIGINT)
            try:
                place.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(place.process.pid, signal.SIGKILL)
                raise


def _play(body: Body, number: int) -> Any:
    return use("read_list") if turns(body) == 0 else use("submit", text=observations(body)[0].upper())


def test_an_audit_fires_on_its_cron_and_after_a_grader_changed(api: PrefectApi, served: Served) -> None:
    """Nobody asks for it: the first tick audits, the next finds nothing new, a change is audited by the one after."""
    first = _next_tick(api, served, 0)
    assert first["auto_scheduled"]
    assert first["state"]["name"] == "Completed", first["state"]
    assert {"taskassay", "changed:tiny_upper", "family:tiny_upper"} <= set(first["tags"])
    unchanged = _next_tick(api, served, 1)
    assert unchanged["state"]["name"] == "Unchanged"
    assert [row["deployment"] for row in served.rows("select deployment from run")] == ["grader-audit-on-change"]

    (served.folder / "version.txt").write_text("broken")
    n_ended = len(_ticks(api))
    breached = wait_for(lambda: [tick for tick in _ticks(api)[n_ended:] if tick["state"]["name"] == "Breached"])[0]
    assert breached["state"]["type"] == "FAILED"
    assert re.match(r"1 thing does not hold: tiny_upper: probe echo ", breached["state"]["message"])
    assert "tiny_upper: probe echo earns" in api.artifacts(breached["id"])["grader-audit"]
    api.ask(f"deployments/{api.deployment(ON_CHANGE)['id']}/pause_deployment", {})


def _ticks(api: PrefectApi) -> list[Json]:
    return api.flow_runs(ON_CHANGE, type={"any_": ["COMPLETED", "FAILED", "CRASHED"]})


def _next_tick(api: PrefectApi, served: Served, place: int) -> Json:
    def look() -> list[Json] | None:
        assert served.process.poll() is None, (served.folder / "serve.log").read_text()
        try:
            ticks = _ticks(api)
        except OSError:  # it is not deployed yet
            return None
        return ticks if len(ticks) > place else None

    found: Json = wait_for(look)[place]
    return found


def test_a_run_asked_for_over_the_api_goes_to_completion(api: PrefectApi, served: Served) -> None:
    """Names, tags, result, report and rows are there; the gate answers from them; bad parameters write nothing."""
    wait_for(lambda: _is_there(api, NIGHTLY))
    run = api.ended(api.start(NIGHTLY, {}))

    assert run["state"]["name"] == "Completed", run["state"]["message"]
    assert run["name"] == "nightly-evaluation tiny_upper: sim/weak, sim/strong, n=4 x 4"
    assert {"taskassay", "family:tiny_upper", "policy:sim/weak", "policy:sim/strong"} <= set(run["tags"])
    answer = json.loads(Path(run["state"]["data"]["storage_key"]).read_text())
    assert answer["counts"] == {"rollouts": 101, "instances": 4, "errors": 0}
    assert sum(answer["verdicts"].values()) == 8
    assert Path(answer["report"]).read_text().startswith("<!doctype html>")
    kept = served.rows("select run_id, status from run where deployment = 'nightly-evaluation'")
    assert kept == [{"run_id": answer["run_id"], "status": "completed"}]
    (child,) = api.children(run["id"])
    assert child["name"] == f"evaluate tiny_upper: sim/weak, sim/strong, n=4 ({answer['run_id']})"

    before = served.rows("select count(*) as n from run")
    path = f"deployments/{api.deployment(NIGHTLY)['id']}/create_flow_run"
    assert "0 is less than the minimum of 1" in api.refusal(path, {"parameters": {"tasks": {"n": 0}}})
    unknown = api.ended(api.start(NIGHTLY, {"tasks": {"families": ["tiny_uper"]}}))
    assert (unknown["state"]["name"], unknown["state"]["type"]) == ("Refused", "FAILED")
    assert unknown["state"]["message"].startswith("unknown family 'tiny_uper'; known families: ")
    held = api.ended(api.start(GATE, {"candidate": {"base": "sim/strong", "candidate": "sim/weak"}}))
    assert (held["state"]["name"], held["state"]["type"]) == ("Hold", "COMPLETED"), held["state"]
    assert held["state"]["message"].startswith("hold: sim/weak")
    assert "gate:hold" in held["tags"]
    assert "gate-conditions" in api.artifacts(held["id"])
    assert served.rows("select count(*) as n from run") == before


def test_a_cancelled_run_is_gone_on_with_exactly(api: PrefectApi, served: Served) -> None:
    """Cancelled in the middle, three times; gone on with by a retry, a new flow run, the command: not a row differs."""
    work: Json = {
        "tasks": {"families": ["tiny_upper"], "n": 24},
        "attempts": {"policies": ["slow/40", "sim/mid"], "group": 8},
        "place": {"db": str(served.folder / CANCELLED), "plugins": [TINY], "chunk_size": 16},
    }
    flow_run = api.start(NIGHTLY, work)
    run_id = _cancelled(api, served, flow_run, 0)
    (kept,) = served.rows("select status, (select count(*) from rollout) as n from run", CANCELLED)
    assert kept == {"status": "cancelled", "n": 0}

    done = served.shards(run_id)
    api.set_state(flow_run, "SCHEDULED", "AwaitingRetry")
    assert _cancelled(api, served, flow_run, done) == run_id

    done = served.shards(run_id)
    again = api.start(NIGHTLY, {**work, "resume": run_id})
    assert _cancelled(api, served, again, done) == run_id
    assert api.flow_run(again)["name"] == f"nightly-evaluation goes on with {run_id}"
    server = {"PREFECT_API_URL": api.url}
    last = served.assay("run", "--resume", run_id, "--db", CANCELLED, env=server)
    assert last.returncode == 0, last.stderr

    calm = served.assay(
        "run", "--plugin", TINY, "--family", "tiny_upper", "--n", "24", "--policy", "slow/40,sim/mid", "--group", "8",
        "--db", "calm.duckdb", env=server,
    )  # fmt: skip
    assert calm.returncode == 0, calm.stderr
    for table, query in ROWS.items():
        assert _sorted(served.rows(query, CANCELLED)) == _sorted(served.rows(query, "calm.duckdb")), table


def _sorted(rows: list[Json]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def _cancelled(api: PrefectApi, served: Served, flow_run: str, n_before: int) -> str:
    """Cancel a flow run when chunks were added to those that were finished; return its run."""

    def under_way() -> str | None:
        children = [child for child in api.children(flow_run) if child["state"]["type"] == "RUNNING"]
        return children[-1]["name"].rpartition("(")[2].rstrip(")") if children else None

    found: str = wait_for(under_way)
    wait_for(lambda: served.shards(found) >= n_before + 2)
    api.set_state(flow_run, "CANCELLING", "Cancelling")
    ended = api.ended(flow_run)
    assert ended["state"]["type"] == "CANCELLED", ended["state"]
    wait_for(lambda: not served.workers())
    assert (served.folder / f"{CANCELLED}.runs" / found / "plan.json").exists()
    return found


class _Hook(BaseHTTPRequestHandler):
    """Takes down what it is told."""

    heard: list[str]

    def do_POST(self) -> None:
        self.heard.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def test_key_of_a_block_limit_of_a_model_and_news_of_a_state(
    api: PrefectApi, served: Served, prefect_api: dict[str, str]
) -> None:
    """The key reaches the model and nothing else; a limit on the model's tag holds; an automation tells of a state."""
    heard: list[str] = []
    hook = ThreadingHTTPServer(("127.0.0.1", 0), type("Hook", (_Hook,), {"heard": heard}))
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    secret, automation = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    _as_in_the_docs(secret, prefect_api, KEY)
    _as_in_the_docs(f"HOOK = 'http://127.0.0.1:{hook.server_port}/'\n{automation}", prefect_api)
    api.ask("concurrency_limits/", {"tag": TAG, "concurrency_limit": 1})
    work = {
        "tasks": {"families": ["tiny_upper"], "n": 3},
        "attempts": {"policies": [f"{MODEL}:max_tokens=900"], "group": 2, "audit": False},
        "place": {"db": str(served.db), "plugins": [TINY], "chunk_size": 2},
    }
    run = api.ended(api.start(NIGHTLY, {**work, "limits": {"api_key_block": "anthropic-api-key"}}))
    assert run["state"]["name"] == "Completed", run["state"]["message"]

    calls = [headers.get("authorization") for headers in served.server.headers]
    assert len(calls) == 12
    assert set(calls) == {f"Bearer {KEY}"}
    assert served.server.most_under_way <= 2
    tagged = [task for task in api.task_runs([child["id"] for child in api.children(run["id"])]) if task["tags"]]
    assert [task["tags"] for task in tagged] == [[TAG]] * 3
    assert _files_with(served.folder, KEY) == []
    assert _files_with(Path(prefect_api["PREFECT_HOME"]), KEY) == []

    refused = api.ended(api.start(NIGHTLY, {**work, "limits": {"api_key_block": "nobodys"}}))
    assert refused["state"]["name"] == "Refused"
    assert "the Prefect Secret block 'nobodys' is not there" in refused["state"]["message"]
    wait_for(lambda: any("the Prefect Secret block 'nobodys' is not there" in told for told in heard))
    hook.shutdown()


def _as_in_the_docs(program: str, prefect_api: dict[str, str], said: str = "") -> None:
    done = subprocess.run(
        [sys.executable, "-c", program], env=clean_environment(prefect_api), input=said, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def _files_with(folder: Path, needle: str) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file() and needle.encode() in path.read_bytes()]


def _is_there(api: PrefectApi, deployment: str) -> bool:
    try:
        return bool(api.deployment(deployment))
    except OSError:
        return False


def _full_name(standing: Any) -> str:
    return f"{standing.flow.name}/{standing.name}"


def _compared(deployment: Json) -> Json:
    """Return what two ways of deploying must agree on."""
    fields = (
        "name", "description", "tags", "parameters", "parameter_openapi_schema", "work_pool_name", "paused",
        "enforce_parameter_schema", "concurrency_options",
    )  # fmt: skip
    limit = (deployment["global_concurrency_limit"] or {}).get("limit")
    schedules = [(one["schedule"]["cron"], one["schedule"]["timezone"]) for one in deployment["schedules"]]
    return {**{name: deployment[name] for name in fields}, "limit": limit, "schedules": schedules}
