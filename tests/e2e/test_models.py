"""Models end to end: the command as a real process, a scripted server over real HTTP, real kills."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TINY, Assay, begin_assay
from tests.messages_server import (
    Answer,
    Body,
    Fault,
    MessagesServer,
    Rate,
    first_words,
    observations,
    serving,
    text,
    turns,
    use,
)  # fmt: skip
from tests.support_forked import Forked
from tests.support_models import KEY, files_with
from tests.support_waiting import PATIENCE_S, wait_for

pytestmark = [pytest.mark.flow, pytest.mark.xdist_group("flow")]

MODEL = "anthropic/claude-haiku-5-5"
FAULTS = (
    Fault(429, retry_after=0.05), Fault(429), Fault(529), Fault(500), Fault(503), Fault("html"), Fault("cut_json"),
    Fault("plain_text"), Fault("no_content"), Fault("drop"), Fault("half_body"), Fault("slow"), Fault("cut_stream"),
    Fault("ended_stream"), Fault("error_in_stream"),
)  # fmt: skip
TASKS = ("--plugin", TINY, "--family", "tiny_upper", "--no-audit")
WORK = (*TASKS, "--policy", MODEL)
STREAMED = ("--policy", f"{MODEL}:max_tokens=20000")
"""The same model in a second regime, whose answers may be so long that they are streamed."""


def play(body: Body, number: int) -> Answer | Fault:
    """Read the list, put a part of it in upper case; some attempts are refused, cut off, talked away or impossible."""
    if turns(body) == 0:
        return use("read_list")
    words = observations(body)[0].split()
    match number % 25:
        case 3:
            return text("I would rather not.", "refusal")
        case 7:
            return use("submit", "max_tokens", text="half of")
        case 11:
            return Fault(400, text="scripted refusal of the request")
    return use("submit", text=" ".join(word.upper() if at < 4 else word for at, word in enumerate(words)))


def _environment(server: MessagesServer, prefect_api: dict[str, str]) -> dict[str, str]:
    assert server.url, "ask for it when it is served"
    return {**prefect_api, "ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_LOG": "debug"}


def _ask(assay: Assay, query: str) -> list[dict[str, Any]]:
    done = assay("sql", query, "--json")
    assert done.returncode == 0, done.stderr
    answer: list[dict[str, Any]] = json.loads(done.stdout)
    return answer


def _status_counts(assay: Assay) -> dict[str, int]:
    rows = _ask(assay, "select status, count(*) as n from rollout group by status")
    return {row["status"]: row["n"] for row in rows}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Waits of a test's length."""
    path = tmp_path / "assay.toml"
    path.write_text("workers = 1\nconcurrency = 16\nretries = 8\nlongest_wait_s = 0.5\ntimeout_s = 4.0\n")
    return path


def test_two_thousand_rollouts_with_faults_are_each_accounted_for_once(
    assay: Assay, prefect_api: dict[str, str], tmp_path: Path, config: Path
) -> None:
    """A tenth of all calls goes wrong in fifteen ways: every rollout is there once, no answer was paid for twice."""
    server = MessagesServer(
        script=play,
        fault_share=0.1,
        faults=FAULTS,
        rate=Rate(800, 2.0),
        seconds=0.005,
        slow_s=3.0,
        patience_s=3.6,
        seed=4,
    )
    with serving(server):
        done = assay(
            "run", *WORK, *STREAMED, "--n", "125", "--group", "8", "--workers", "2", "--config", str(config),
            env=_environment(server, prefect_api),
        )  # fmt: skip
    assert done.returncode == 0, done.stderr

    statuses = _status_counts(assay)
    (planned,) = _ask(assay, "select sum(n_samples) as n, (select n_planned from run) as planned from planned")
    (counted,) = _ask(
        assay, "select count(*) as n, count(distinct rollout_id) as different, sum(steps) as steps from rollout"
    )
    assert planned == {"n": 2000, "planned": 2000}
    assert (counted["n"], counted["different"]) == (2000, 2000)
    assert sum(statuses.values()) == 2000
    assert set(statuses) == {"completed", "refused", "truncated", "error"}
    # Every answer of this script is one step of one transcript: an answer asked for twice would be one too many.
    assert counted["steps"] == server.answered
    assert server.most_under_way <= 16
    assert server.over_limit == 0
    assert all(server.outcomes[str(fault.kind)] > 10 for fault in FAULTS)
    assert sum(server.outcomes[str(fault.kind)] for fault in FAULTS) > 300
    assert {bool(body.get("stream")) for body in server.bodies} == {True, False}
    lost = _ask(assay, "select distinct error from rollout where status = 'error'")
    assert lost
    assert all("scripted refusal of the request" in row["error"] for row in lost)
    graded = _ask(
        assay,
        "select status, count(*) as n, count(reward) as graded from rollout left join composite using (rollout_id) "
        "group by status order by status",
    )
    assert {row["status"]: row["graded"] == (0 if row["status"] == "error" else row["n"]) for row in graded} == (
        dict.fromkeys(sorted(statuses), True)
    )
    # The database, the spool, and what Prefect keeps: flow runs, logs, artifacts.
    assert files_with(tmp_path, KEY) == []
    assert files_with(Path(prefect_api["PREFECT_HOME"]), "tiny_upper anthropic") != []
    assert files_with(Path(prefect_api["PREFECT_HOME"]), KEY) == []
    assert KEY not in done.stdout + done.stderr


def test_kills_and_resume_end_with_the_same_accounting(
    assay: Assay, prefect_api: dict[str, str], tmp_path: Path, config: Path
) -> None:
    """Killed four times in the middle: in the end every rollout is there once, and a kill cost the calls under way."""
    server = MessagesServer(
        script=play, fault_share=0.1, faults=FAULTS, seconds=0.01, slow_s=3.0, patience_s=3.6, seed=5
    )
    kills = 0
    with serving(server):
        environment = _environment(server, prefect_api)
        for _ in range(4):
            begun = (tmp_path / "assay.duckdb.runs" / "r").exists()
            first = (*WORK, *STREAMED, "--n", "125", "--group", "8", "--run-id", "r")
            work = ("--resume", "r") if begun else first
            process = begin_assay(tmp_path, "run", *work, "--config", str(config), env=environment)
            kills += _kill_after(process, server, 700 * (kills + 1))
        last = assay("run", "--resume", "r", "--config", str(config), env=environment)
    assert last.returncode == 0, last.stderr
    assert kills == 4

    statuses = _status_counts(assay)
    (planned,) = _ask(assay, "select sum(n_samples) as n, (select n_planned from run) as planned from planned")
    (counted,) = _ask(
        assay, "select count(*) as n, count(distinct rollout_id) as different, sum(steps) as steps from rollout"
    )
    assert planned == {"n": 2000, "planned": 2000}
    assert (counted["n"], counted["different"], sum(statuses.values())) == (2000, 2000, 2000)
    # What was under way when it was killed was asked again; nothing else was.
    assert 0 <= server.answered - counted["steps"] <= 16 * kills
    assert not (tmp_path / "assay.duckdb.runs").exists()
    assert files_with(tmp_path, KEY) == []


def _kill_after(process: Forked, server: MessagesServer, answers: int) -> bool:
    """Kill a process with all that belong to it when so many answers were given; True where it was still there."""
    wait_for(lambda: server.answered >= answers or process.poll() is not None, every_s=0.01)
    is_there = process.poll() is None
    if is_there:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return is_there


def test_budget_stops_a_run_that_can_be_taken_up(
    assay: Assay, prefect_api: dict[str, str], tmp_path: Path, config: Path
) -> None:
    """The budget holds, what is finished can be asked about, and a larger one goes on without paying again."""
    server = MessagesServer(script=play)
    cap = 0.0025
    with serving(server):
        environment = _environment(server, prefect_api)
        stopped = assay(
            "run", *TASKS, "--n", "20", "--group", "10", "--chunk-size", "20", "--run-id", "r", "--config", str(config),
            "--max-cost-usd", str(cap), "--policy", f"{MODEL}:max_tokens=100", env=environment,
        )  # fmt: skip
        assert stopped.returncode == 2
        assert stopped.stderr.count("\n") == 1, stopped.stderr
        assert "the budget is used up as far as it goes" in stopped.stderr
        assert "assay run --resume r" in stopped.stderr
        (spent,) = _ask(assay, "select sum(cost_usd) as usd, count(*) as n from rollout")
        assert 0 < spent["usd"] <= cap
        assert 0 < spent["n"] < 200
        paid_for = server.answered

        on = assay("run", "--resume", "r", "--config", str(config), "--max-cost-usd", "5", env=environment)
        assert on.returncode == 0, on.stderr
    (all_spent,) = _ask(assay, "select sum(cost_usd) as usd, count(*) as n, sum(steps) as steps from rollout")
    assert all_spent["n"] == 200
    assert all_spent["steps"] == server.answered > paid_for
    assert _ask(assay, "select status from run") == [{"status": "completed"}]


def test_batch_run_killed_between_submitting_and_recording_submits_once(
    assay: Assay, prefect_api: dict[str, str], tmp_path: Path, config: Path
) -> None:
    """The kill hits when the server has the batch and the client does not know yet; it is found and fetched."""
    config.write_text("batch_poll_s = 0.05\n")
    process: list[Forked] = []

    def kill() -> None:
        server.after_batch_stored = None
        os.killpg(process[0].pid, signal.SIGKILL)

    def answer(name: str, params: Body) -> dict[str, Any]:
        if name.startswith(("0", "1")):
            error = {"type": "invalid_request_error", "message": "no"}
            return {"type": "errored", "error": {"type": "error", "error": error}}
        words = first_words(params)
        return {"type": "succeeded", "message": text(words.upper()[:40]).message(0, "claude-haiku-5-5")}

    server = MessagesServer(batch_script=answer, batch_looks=3, after_batch_stored=kill)
    with serving(server):
        environment = _environment(server, prefect_api)
        process.append(
            begin_assay(
                tmp_path, "run", *WORK, "--n", "10", "--group", "8", "--mode", "single", "--batch",
                "--run-id", "r", "--config", str(config), env=environment,
            )
        )  # fmt: skip
        process[0].wait(timeout=240)
        assert process[0].returncode == -signal.SIGKILL
        done = assay("run", "--resume", "r", "--config", str(config), env=environment)
    assert done.returncode == 0, done.stderr
    assert server.batch_submissions == 1
    assert "found batch msgbatch_000" in done.stderr
    assert server.bodies == [], "a batch run makes no single calls"
    statuses = _status_counts(assay)
    assert sum(statuses.values()) == 80
    assert statuses["error"] == sum(
        request["custom_id"].startswith(("0", "1")) for request in server.batches["msgbatch_000"].requests
    )
    (price,) = _ask(assay, "select max(cost_usd) as usd from rollout where status = 'completed'")
    assert price["usd"] == pytest.approx((100 * 0.1 + 20 * 0.5) / 1_000_000 / 2)


@pytest.mark.parametrize(
    ("arguments", "environment", "told"),
    [
        ((), {}, "set ANTHROPIC_API_KEY"),
        ((), {"ANTHROPIC_BASE_URL": "localhost:80"}, "is no address; write http://host:port"),
        ((), {"ANTHROPIC_BASE_URL": f"http://me:{KEY}@localhost:eighty"}, "'http://localhost:eighty' is no address"),
        (("--batch",), {"ANTHROPIC_API_KEY": KEY}, "add --mode single"),
        (("--policy", "anthropic/my-own", "--max-cost-usd", "1"), {"ANTHROPIC_API_KEY": KEY}, "my-own is not known"),
        (("--policy", "sim/weak", "--batch"), {}, "nothing calls a model"),
    ],
)
def test_what_cannot_be_called_or_paid_for_is_told_before_anything_is_written(
    arguments: tuple[str, ...], environment: dict[str, str], told: str, assay: Assay, prefect_api: dict[str, str],
    tmp_path: Path,
) -> None:  # fmt: skip
    """One line, exit status 2, nothing on disk, and the key not in it."""
    policy = () if "--policy" in arguments else ("--policy", MODEL)
    done = assay(
        "run", "--plugin", TINY, "--family", "tiny_upper", "--n", "2", *policy, *arguments,
        env={**prefect_api, **environment},
    )  # fmt: skip

    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert KEY not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_budget_in_dollars_without_a_price_is_refused_when_a_run_is_taken_up(
    assay: Assay, prefect_api: dict[str, str], tmp_path: Path
) -> None:
    """A cap that would hold nothing back is no cap, at the beginning as later on."""
    own = ("--policy", "anthropic/my-checkpoint")
    with serving(MessagesServer(script=lambda body, number: Fault(401))) as server:
        environment = _environment(server, prefect_api)
        begun = assay("run", *TASKS, *own, "--n", "2", "--group", "2", "--run-id", "r", env=environment)
        assert begun.returncode == 2
        server.script = play
        refused = assay("run", "--resume", "r", "--max-cost-usd", "1", env=environment)
        assert refused.returncode == 2
        assert "the price of anthropic/my-checkpoint is not known" in refused.stderr
        assert server.answered == 0
        prices = tmp_path / "prices.toml"
        row = "{ input = 1, output = 5, cache_write = 1, cache_read = 1 }"
        prices.write_text(f'date = 2026-11-21\n[models]\n"my-checkpoint" = [{row}]\n')
        done = assay("run", "--resume", "r", "--max-cost-usd", "1", env={**environment, "ASSAY_PRICES": str(prices)})
        assert done.returncode == 0, done.stderr
    (spent,) = _ask(assay, "select cost_usd, n_unpriced from spend")
    assert spent["n_unpriced"] == 0
    assert spent["cost_usd"] == pytest.approx(server.answered * (100 * 1 + 20 * 5) / 1_000_000)


def test_ctrl_c_while_a_batch_is_waited_for(
    assay: Assay, prefect_api: dict[str, str], tmp_path: Path, config: Path
) -> None:
    """Waiting for hours ends at once when it is told to, and the batch is fetched when the run goes on."""
    with serving(MessagesServer(script=lambda body, number: text("X"), batch_looks=10**6)) as server:
        environment = _environment(server, prefect_api)
        process = begin_assay(
            tmp_path, "run", *WORK, "--n", "4", "--group", "2", "--mode", "single", "--batch", "--run-id", "r",
            "--config", str(config), env=environment,
        )  # fmt: skip
        wait_for(lambda: server.batches, every_s=0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=PATIENCE_S) == 130
        server.batches["msgbatch_000"].looks_until_ended = 1
        done = assay("run", "--resume", "r", "--config", str(config), env=environment)
    assert done.returncode == 0, done.stderr
    assert server.batch_submissions == 1
    assert _status_counts(assay) == {"completed": 8}


def test_models_from_python_without_prefect(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The same work from a notebook: frames come back, limits are settings by name."""
    import tests.flows.tiny_family  # noqa: F401
    from flows import evaluate
    from tasks_lib import family

    monkeypatch.chdir(tmp_path)
    with serving(MessagesServer(script=play)) as server:
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        run = evaluate(
            family("tiny_upper").instances(n=3, seed=1), policies=[MODEL], group=4, audit=False, prefect=False,
            workers=1, plugins=[TINY], max_cost_usd=1.0, concurrency=2,
        )  # fmt: skip
        assert server.most_under_way <= 2
    assert run.rewards.height == 12
    assert run.view("spend")["cost_usd"][0] > 0


def test_budget_without_prefect_keeps_the_answers_that_were_under_way(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, assay: Assay, prefect_api: dict[str, str]
) -> None:
    """Several chunks are in the middle of calls when one finds the budget used up: their answers are kept, too."""
    import tests.flows.tiny_family  # noqa: F401
    from flows import evaluate
    from flows.errors import PipelineError
    from tasks_lib import family

    with serving(MessagesServer(script=play, seconds=0.05)) as server:
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        with pytest.raises(PipelineError, match="budget"):
            evaluate(
                family("tiny_upper").instances(n=20, seed=1), policies=[f"{MODEL}:max_tokens=100"], group=8,
                audit=False, prefect=False, workers=1, plugins=[TINY], max_tokens=12_000, chunk_size=16,
                db=tmp_path / "assay.duckdb",
            )  # fmt: skip
        (run_id,) = (path.name for path in (tmp_path / "assay.duckdb.runs").iterdir())
        done = assay("run", "--resume", run_id, "--max-tokens", "10000000", env=_environment(server, prefect_api))
        assert done.returncode == 0, done.stderr
    (counted,) = _ask(assay, "select count(*) as n, sum(steps) as steps from rollout")
    assert counted == {"n": 160, "steps": server.answered}


def test_a_stopped_host_makes_no_further_calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Chunks that were waiting when the run was stopped are refused; nothing is opened anew for them."""
    import tests.flows.tiny_family  # noqa: F401
    from flows.model_host import ModelHost
    from flows.plan import read_plan
    from flows.pool import PoolClosedError
    from flows.runs import begin_run
    from flows.settings import read_settings

    with serving(MessagesServer(script=play)) as server:
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        named = {"db": tmp_path / "a.duckdb", "families": ("tiny_upper",), "policies": (MODEL,), "audit": False, "n": 2}
        settings = read_settings(None, {**named, "group": 2})
        place = begin_run(settings)
        plan = read_plan(place.spool)
        with ModelHost(place.spool, plan, settings, lambda chunk: None) as host:
            assert len(host.collect(plan.chunks[0])) == 2
            asked = len(server.bodies)
            host.close()
            with pytest.raises(PoolClosedError):
                host.collect(plan.chunks[0])
    assert len(server.bodies) == asked


def test_a_wrong_key_stops_the_run_in_one_line(assay: Assay, prefect_api: dict[str, str], tmp_path: Path) -> None:
    """Nobody loses a rollout to it: with the right key the run goes on."""
    server = MessagesServer(script=lambda body, number: Fault(401, text="invalid bearer token"))
    with serving(server):
        environment = _environment(server, prefect_api)
        stopped = assay("run", *WORK, "--n", "5", "--group", "4", "--run-id", "r", env=environment)
        assert stopped.returncode == 2
        assert "the API refuses the key" in stopped.stderr
        assert _ask(assay, "select count(*) as n from rollout") == [{"n": 0}]
        server.script = play
        assert assay("run", "--resume", "r", env=environment).returncode == 0
    assert sum(_status_counts(assay).values()) == 20
    assert files_with(tmp_path, KEY) == []


def test_ctrl_c_in_the_middle_of_calls_ends_soon_and_can_be_taken_up(
    assay: Assay, prefect_api: dict[str, str], tmp_path: Path, config: Path
) -> None:
    """Calls under way do not hold the command up; the line it leaves can be typed, and nothing is asked twice."""
    server = MessagesServer(script=play, seconds=0.3)
    with serving(server):
        environment = _environment(server, prefect_api)
        process = begin_assay(
            tmp_path, "run", *WORK, "--n", "10", "--group", "8", "--chunk-size", "500", "--run-id", "r", "--config",
            str(config), env=environment,
        )  # fmt: skip
        wait_for(lambda: server.answered >= 40 or process.poll() is not None, every_s=0.01)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 130, stderr
        assert stdout == ""
        assert "go on with: assay run --resume r" in stderr
        assert stderr.count("\n") == 1, stderr
        assert assay("run", "--resume", "r", "--config", str(config), env=environment).returncode == 0
    (counted,) = _ask(assay, "select count(*) as n, sum(steps) as steps from rollout")
    assert counted["n"] == 80
    assert 0 <= server.answered - counted["steps"] <= 16


def test_two_regimes_of_one_model_are_the_anchors_of_a_span(
    assay: Assay, prefect_api: dict[str, str], config: Path
) -> None:
    """A regime is a policy of its own; a difficulty quotes it, and a span whose ends do not differ says so."""

    def script(body: Body, number: int) -> Answer | Fault:
        if turns(body) == 0:
            return use("read_list")
        effort = body.get("output_config", {}).get("effort")
        share = {"low": 2, "high": 8}.get(effort, 2)
        words = observations(body)[0].split()
        return use("submit", text=" ".join(word.upper() if at < share else word for at, word in enumerate(words)))

    low, high = f"{MODEL}:effort=low", f"{MODEL}:effort=high"
    with serving(MessagesServer(script=script)) as server:
        environment = _environment(server, prefect_api)
        for run_id, span in (("apart", (low, high)), ("alike", (low, MODEL))):
            done = assay(
                "run", *TASKS, "--n", "5", "--group", "8", "--span", ",".join(span), "--run-id", run_id, "--config",
                str(config), env=environment,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            assert ("the anchors do not separate" in done.stdout) == (run_id == "alike")
    regimes = _ask(assay, "select distinct run_id, weak_regime, strong_regime from difficulty order by run_id")
    efforts = [
        (row["run_id"], json.loads(row["weak_regime"])["effort"], json.loads(row["strong_regime"]).get("effort"))
        for row in regimes
    ]
    assert efforts == [("alike", "low", None), ("apart", "low", "high")]
    separation = _ask(assay, "select run_id, separation from span_separation order by run_id")
    assert [row["separation"] for row in separation] == ["not_separate", "separate"]
