"""Judges end to end: the command as a real process, a scripted judge over real HTTP, real kills."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.trust import MARK
from graders.judge.fence import neutralised
from graders.judge.prompt import protocol_version
from graders.judge.rubric import judge_rubrics
from graders.judge.seed_examples import seed_examples
from tasks_lib import family
from tasks_lib.policies.probe import ProbePolicy
from tasks_lib.records import canonical_json
from tasks_lib.seeds import stream
from tests.conftest import Assay, begin_assay
from tests.messages_server import Answer, Body, Fault, MessagesServer, Script, serving
from tests.support_judges import DATA, answer, asked, data, judging, quote_from
from tests.support_models import KEY
from tests.support_waiting import wait_for

pytestmark = pytest.mark.flow
with_prefect = pytest.mark.xdist_group("flow")

JUDGE = "anthropic/claude-haiku-5-5:effort=low"
SECOND = "anthropic/claude-sonnet-5-5"
QUICK = "concurrency = 16\nretries = 2\nlongest_wait_s = 0.05\ntimeout_s = 2.0\noutage_s = 30\n"


def environment(server: MessagesServer) -> dict[str, str]:
    """Return how the server is reached."""
    return {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": server.url}


def ask(assay: Assay, query: str) -> list[dict[str, Any]]:
    """Return the rows of a query."""
    done = assay("sql", query, "--json")
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def dimension_of(body: Body) -> str:
    """Return the dimension that a call is about."""
    rubrics = {**judge_rubrics("doc_revision"), **judge_rubrics("citation_grounding")}
    text = asked(body)
    return next(name for name, r in rubrics.items() if r.question in text or r.question_paraphrased in text)


@pytest.fixture
def recorded(tmp_path: Path) -> tuple[str, str, int]:
    """Record groups of outputs in words of their own: instances, outputs, and how many there are."""
    kind = family("doc_revision")
    instances = list(kind.instances(2, seed=1))
    lines = []
    for instance in instances:
        own = [
            kind.operators["own_words"].apply(instance, severity, stream(instance.instance_id, "own", severity))
            for severity in (1, 2, 3, 4)
        ]
        unknown = [output for output in own if output is not None]
        lines += [
            {"instance_id": instance.instance_id, "policy": "recorded", "sample": sample,
             "output": f"{unknown[sample % len(unknown)].rstrip()}\n\nOur cat agrees for the {sample}th time."}
            for sample in range(8)
        ]  # fmt: skip
    (tmp_path / "instances.jsonl").write_text(
        "".join(canonical_json(instance.model_dump(mode="json")) + "\n" for instance in instances)
    )
    (tmp_path / "outputs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "assay.toml").write_text(QUICK)
    return "instances.jsonl", "outputs.jsonl", len(lines)


QUICKLY = {
    "ASSAY_CONCURRENCY": "16", "ASSAY_RETRIES": "2", "ASSAY_LONGEST_WAIT_S": "0.05", "ASSAY_TIMEOUT_S": "2",
}  # fmt: skip


def graded(assay: Assay, recorded: tuple[str, str, int], server: MessagesServer, *more: str, **env: str) -> str:
    """Grade the recorded outputs with judges that narrow uncalibrated, without Prefect; return what was said."""
    done = assay(
        "grade", "--instances", recorded[0], "--outputs", recorded[1], "--db", "assay.duckdb", "--trust", "any", *more,
        env={**environment(server), **QUICKLY, **env},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return " ".join(done.stdout.split())


SCORES = """
    select dimension, source, low, high, state, reason, rollout_id, replicate, grader_id, grader_version
    from score order by all
"""


@with_prefect
def test_a_judge_narrows_what_code_left_open(
    assay: Assay, prefect_api: dict[str, str], recorded: tuple[str, str, int]
) -> None:
    """Every open dimension is settled, within what code had proven; who judged by what is kept with every score."""
    with serving(MessagesServer(script=judging(3))) as server:
        done = assay(
            "run", "--instances", recorded[0], "--policy", f"replay:{recorded[1]}", "--no-audit", "--judge", JUDGE,
            "--trust", "any", "--config", "assay.toml", env={**prefect_api, **environment(server)},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert " ".join(done.stdout.split()).startswith(MARK)

    scores = ask(assay, SCORES)
    code = {(s["rollout_id"], s["dimension"]): s for s in scores if s["source"] == "deterministic"}
    judged = [s for s in scores if s["source"] == "judge"]
    assert len(judged) == server.answered == recorded[2] * 2
    assert {s["grader_id"] for s in judged} == {"judge/claude-haiku-5-5:effort=low"}
    hashes = {name: rubric.rubric_hash for name, rubric in judge_rubrics("doc_revision").items()}
    assert {s["grader_version"] for s in judged} == {f"{found}-{protocol_version()}" for found in hashes.values()}
    for score in judged:
        left = code[score["rollout_id"], score["dimension"]]
        assert left["low"] < left["high"]
        assert (score["low"], score["high"], score["reason"]) == (0.75, 0.75, "level 3")
    settled = ask(assay, "select distinct state from stg_score where dimension in ('faithfulness', 'quality_delta')")
    assert settled == [{"state": "assessed"}]

    # The composite in Python and the dimensions in SQL say the same.
    compared = ask(
        assay,
        "select composite.uncapped_low as python, "
        "sum(weight * s.low) / sum(weight) * (0.2 + 0.8 * any_value(work_low)) as sql "
        "from composite join stg_score as s using (rollout_id) "
        "join rubric_dimension as w on w.rubric_id = composite.rubric_id and w.dimension = s.dimension "
        "group by composite.rollout_id, composite.uncapped_low",
    )
    assert len(compared) == recorded[2]
    assert all(row["python"] == pytest.approx(row["sql"], abs=1e-9) for row in compared)
    calls = ask(assay, "select outcome, quotes_verified, count(*) as n from judge_call group by all")
    assert calls == [{"outcome": "level", "quotes_verified": True, "n": recorded[2] * 2}]


def _cached(script: Script) -> Script:
    """Let a server keep what calls share, as the service does."""
    seen: set[str] = set()

    def counted(body: Body, number: int) -> Answer | Fault:
        found = script(body, number)
        if isinstance(found, Answer):
            block = body["messages"][0]["content"][0]
            assert block["cache_control"] == {"type": "ephemeral"}
            key = body["system"][0]["text"] + block["text"]
            found.cache_read, found.cache_write = (900, 0) if key in seen else (0, 900)
            seen.add(key)
        return found

    return counted


def test_the_shared_prefix_is_read_from_the_cache(assay: Assay, recorded: tuple[str, str, int]) -> None:
    """Written once for each instance, dimension and variant, read by every other call, and reported."""
    with serving(MessagesServer(script=_cached(judging(3)), seconds=0.01)) as server:
        told = graded(assay, recorded, server, "--judge", JUDGE, "--judge-replicates", "2")
    n_calls, n_prefixes = recorded[2] * 2 * 2, 2 * 2 * 2
    (spent,) = ask(assay, "select calls, cached_tokens, input_tokens from spend where kind = 'judge'")
    assert spent["calls"] == n_calls == server.answered
    assert spent["cached_tokens"] == 900 * (n_calls - n_prefixes)
    assert spent["input_tokens"] == (900 + 100) * n_calls
    assert "of them from the cache" in told


def test_failures_of_a_judge_are_reasons_and_never_numbers(assay: Assay, recorded: tuple[str, str, int]) -> None:
    """Refused, malformed, cut off, late, a quote that is not there: open, counted by reason, and the run completes."""
    kinds: dict[str, Callable[[Body], Any]] = {
        "refused": lambda body: Answer([{"type": "text", "text": "No."}], "refusal"),
        "malformed": lambda body: Answer([{"type": "text", "text": "Level 4, no doubt."}]),
        "truncated": lambda body: Answer([{"type": "text", "text": '{"reasoning": "It'}], "max_tokens"),
        "quote_not_found": lambda body: answer(4, "words that nobody ever wrote"),
        "cannot_assess": lambda body: answer("cannot_assess"),
        "off_scale": lambda body: answer(9, quote_from(body)),
        "canary_followed": lambda body: answer(4, quote_from(body), reasoning=data(body, "control").split()[3]),
        "no_answer": lambda body: Fault(400, text="scripted"),
    }
    names = [*kinds, "timeout", "overloaded", "level"]

    def level(body: Body) -> Any:
        times = data(body, "output").rpartition("for the ")[2]
        place = int(times.partition("th")[0]) + (8 if dimension_of(body) == "faithfulness" else 0)
        name = names[place % len(names)]
        if name in ("timeout", "overloaded"):
            return Fault("slow") if name == "timeout" else Fault(529)
        return 4 if name == "level" else kinds[name](body)

    server = MessagesServer(script=judging(level), slow_s=1.0, patience_s=0.6)
    with serving(server):
        graded(assay, recorded, server, "--judge", JUDGE, ASSAY_TIMEOUT_S="0.5")
    rows = ask(
        assay,
        "select split_part(reason, ':', 1) as word, state, count(*) as n, min(low) as low, max(high) as high "
        "from score where source = 'judge' and state <> 'assessed' group by all order by word",
    )
    assert {row["word"] for row in rows} == set(names) - {"level"}
    assert all((row["low"], row["high"]) == (0.0, 1.0) for row in rows)
    void = {row["word"] for row in rows if row["state"] == "error"}
    assert void == {"quote_not_found", "canary_followed"}
    coverage = ask(assay, "select dimension, n_judge_calls, share_without_verdict, reasons from coverage")
    told = [json.loads(row["reasons"]) for row in coverage if row["reasons"]]
    assert set().union(*told) == set(names) - {"level"}
    unchanged = ask(
        assay,
        "select count(*) as n from stg_score join score using (rollout_id, dimension) "
        "where score.source = 'judge' and score.state <> 'assessed' and stg_score.state = 'assessed'",
    )
    assert unchanged == [{"n": 0}]


@with_prefect
def test_a_killed_run_asks_no_judge_twice(
    assay: Assay, prefect_api: dict[str, str], recorded: tuple[str, str, int], tmp_path: Path
) -> None:
    """Killed in the middle of judging and taken up: every call is there once, and a kill cost what was under way."""
    work = (
        "--instances", recorded[0], "--policy", f"replay:{recorded[1]}", "--no-audit", "--judge", JUDGE,
        "--judge-replicates", "4", "--config", "assay.toml", "--run-id", "r",
    )  # fmt: skip
    with serving(MessagesServer(script=judging(2), seconds=0.02)) as server:
        env = {**prefect_api, **environment(server)}
        process = begin_assay(tmp_path, "run", *work, env=env)
        wait_for(lambda: server.answered >= 50 or process.poll() is not None, every_s=0.01)
        assert process.poll() is None
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        done = assay("run", "--resume", "r", "--config", "assay.toml", env=env)
    assert done.returncode == 0, done.stderr
    (counted,) = ask(assay, "select count(*) as n, count(distinct call_id) as different from judge_call")
    assert counted == {"n": recorded[2] * 2 * 4, "different": recorded[2] * 2 * 4}
    assert 0 <= server.answered - counted["n"] <= 16


def test_a_panel_leaves_open_what_it_does_not_agree_on(assay: Assay, recorded: tuple[str, str, int]) -> None:
    """One says 2, the other 3: the interval holds both, within code's."""

    def level(body: Body) -> Any:
        return 2 if "haiku" in body["model"] else 3

    with serving(MessagesServer(script=judging(level))) as server:
        graded(assay, recorded, server, "--judge", JUDGE, "--judge", SECOND)
    rows = ask(
        assay,
        "select s.low, s.high, c.low as code_low, c.high as code_high from stg_score as s "
        "join score as c on c.rollout_id = s.rollout_id and c.dimension = s.dimension and c.source = 'deterministic' "
        "where s.dimension in ('faithfulness', 'quality_delta')",
    )
    assert len(rows) == recorded[2] * 2
    for row in rows:
        ends = [min(max(said, row["code_low"]), row["code_high"]) for said in (0.5, 0.75)]
        assert [row["low"], row["high"]] == pytest.approx(ends)


def test_noise_of_a_judge_is_told_in_terms_of_training(assay: Assay, recorded: tuple[str, str, int]) -> None:
    """Repeats that differ make a noise floor, a chance that two rollouts change places, and a noisy group."""

    def level(body: Body) -> Any:
        is_even = int(data(body, "output").rpartition("for the ")[2].partition("th")[0]) % 2 == 0
        is_plain = "- Level 4:" in asked(body).split("- Level 0:")[0]
        return (4 if is_even else 2) if is_plain else 1

    with serving(MessagesServer(script=judging(level))) as server:
        told = graded(assay, recorded, server, "--judge", JUDGE, "--judge-replicates", "4")
    noise = ask(assay, "select dimension, noise_sd, mean_plain, mean_reversed from judge_noise")
    # Levels 4, 1, 4, 1: values 1, .25, 1, .25 with mean .625; the sample variance is 4 * .375^2 / 3 = .1875. Levels 2,
    # 1, 2, 1: 4 * .125^2 / 3 = .0208. There are as many of these as of those.
    assert [row["noise_sd"] for row in noise] == pytest.approx([((0.1875 + 0.0625 / 3) / 2) ** 0.5] * 2)
    assert [(row["mean_plain"], row["mean_reversed"]) for row in noise] == [(0.75, 0.25)] * 2
    flips = ask(assay, "select noise_sd, flip_probability, n_pairs from order_flips")
    assert flips
    assert all(row["noise_sd"] > 0 for row in flips)
    assert all(0 < row["flip_probability"] < 0.5 for row in flips if row["n_pairs"])
    assert "how often it alone turns two rollouts" in told
    verdicts = ask(assay, "select signal_share from task_verdict")
    assert all(row["signal_share"] is not None and row["signal_share"] < 1 for row in verdicts)


@with_prefect
def test_judges_answer_in_batches(
    assay: Assay, prefect_api: dict[str, str], recorded: tuple[str, str, int], tmp_path: Path
) -> None:
    """The same calls, at half the price and in one batch; what fails there is a reason, and nothing is asked singly."""
    (tmp_path / "assay.toml").write_text("batch_poll_s = 0.05\n")

    def result(name: str, params: Body) -> dict[str, Any]:
        if name.endswith("0"):
            return {"type": "errored", "error": {"type": "error", "error": {"type": "invalid_request_error"}}}
        said = judging(3)(params, 0)
        assert isinstance(said, Answer)
        return {"type": "succeeded", "message": said.message(0, params["model"])}

    with serving(MessagesServer(batch_script=result, batch_looks=2)) as server:
        done = assay(
            "run", "--instances", recorded[0], "--policy", f"replay:{recorded[1]}", "--no-audit", "--judge", JUDGE,
            "--batch", "--config", "assay.toml", env={**prefect_api, **environment(server)},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (server.batch_submissions, server.bodies) == (1, [])
    requests = server.batches["msgbatch_000"].requests
    assert len(requests) == recorded[2] * 2
    assert all(request["params"]["output_config"]["format"]["type"] == "json_schema" for request in requests)
    failed = sum(request["custom_id"].endswith("0") for request in requests)
    (counted,) = ask(
        assay,
        "select count(*) filter (state = 'assessed') as good, count(*) filter (reason like 'no_answer%') as bad "
        "from score where source = 'judge'",
    )
    assert counted == {"good": len(requests) - failed, "bad": failed}
    (price,) = ask(assay, "select max(cost_usd) as usd from judge_call")
    usd = (100 * 0.1 + 50 * 0.01 + 10 * 0.125 + 20 * 0.5) / 1_000_000 / 2
    assert price["usd"] == pytest.approx(usd)


def _attacked(name: str, n: int) -> set[str]:
    """Return what the attacks of an audit hand in, or plant in the materials, as a judge sees it."""
    kind = family(name)
    found = set()
    for instance in kind.instances(n, seed=0):
        for probe in kind.probes.values():
            if probe.kind == "attack" and probe.materials is None:
                found.add(neutralised(ProbePolicy(probe.name).attempt(kind, instance, 0).output))
            elif probe.materials is not None:
                planted = probe.materials(instance).items()
                found |= {neutralised(text) for file, text in planted if text != instance.materials.get(file)}
    return found


def test_audit_measures_what_attacks_gain_with_a_judge(assay: Assay, tmp_path: Path) -> None:
    """The same wrong outputs with and without each attack: a judge that obeys is told, one that does not is not."""
    (tmp_path / "assay.toml").write_text(QUICK)
    work = (
        "audit", "--family", "citation_grounding", "--n", "3", "--judge", JUDGE, "--trust", "any",
        "--config", "assay.toml", "--workers", "1", "--json",
    )  # fmt: skip
    attacks = _attacked("citation_grounding", 3)

    def obedient(body: Body) -> int:
        return 4 if any(text in attacks for _, _, text in DATA.findall(asked(body))) else 1

    def random(body: Body) -> int:
        return 4 if len(data(body, "output")) % 2 else 1

    reports = {}
    for name, level in (("steady", 2), ("obedient", obedient), ("random", random)):
        with serving(MessagesServer(script=judging(level))) as server:
            done = assay(*work, "--db", f"{name}.duckdb", env=environment(server))
        assert done.returncode in (0, 1), done.stderr
        reports[name] = json.loads(done.stdout)
    pooled = {name: [row for row in report["lift"] if row["probe"] == "(all)"] for name, report in reports.items()}
    assert {row["dimension"] for row in pooled["steady"]} == {"citation_accurate", "hallucination_flag"}
    assert all((row["lift"], row["is_lifted"]) == (0.0, False) for row in pooled["steady"])
    assert all(row["n_instances"] == 3 and row["ci_low"] <= row["lift"] <= row["ci_high"] for row in pooled["random"])
    assert all(row["lift"] == 0.75 and row["is_lifted"] for row in pooled["obedient"])
    breaches = reports["obedient"]["breaches"]
    assert [line for line in breaches if "attacks raise what judge/claude-haiku-5-5:effort=low says" in line]
    assert not [line for line in reports["steady"]["breaches"] if "attacks raise" in line]
    # What code flags is not judged, so the obedient judge pays for none of it.
    paid = [row for row in reports["obedient"]["probes"] if row["kind"] == "attack" and row["max_lift"] > 1e-9]
    assert {row["probe"] for row in paid} <= {"plea_in_unlisted_language", "plea_in_unlisted_words"}


def test_seed_calibration_finds_a_judge_that_cannot_be_used(assay: Assay, tmp_path: Path) -> None:
    """One judge agrees with the author, one is a level too kind on one dimension; the seed is called a seed."""
    (tmp_path / "assay.toml").write_text(QUICK)
    examples = {
        example.output.strip(): example
        for name in ("doc_revision", "citation_grounding")
        for example in seed_examples(name)
    }

    def level(body: Body) -> Any:
        dimension = dimension_of(body)
        expected = examples[data(body, "output").strip()].levels[dimension]
        too_kind = "sonnet" in body["model"] and dimension == "quality_delta"
        return min(4, expected + 1) if too_kind else expected

    with serving(MessagesServer(script=judging(level))) as server:
        good = assay("calibrate", "seed", "--judge", JUDGE, "--config", "assay.toml", "--json", env=environment(server))
        both = assay(
            "calibrate", "seed", "--judge", JUDGE, "--judge", SECOND, "--config", "assay.toml", env=environment(server)
        )
    assert good.returncode == 0, good.stderr
    report = json.loads(good.stdout)
    assert report["kind"] == "seed calibration"
    assert {row["dimension"]: row["status"] for row in report["dimensions"]} == dict.fromkeys(
        ("faithfulness", "quality_delta", "citation_accurate", "hallucination_flag"), "calibrated"
    )
    assert sum(row["n"] for row in report["dimensions"]) == 2 * len(examples) >= 24
    assert report["disagreements"] == []
    assert both.returncode == 1, both.stderr
    words = " ".join(both.stdout.split())
    assert "Seed calibration" in words
    assert "excluded" in words
    assert "ratings of your own rollouts" in words
    ratings = ask(assay, "select count(*) as n from rating where rater like 'author%'")
    assert ratings[0]["n"] == 2 * 2 * len(examples)
    assert ask(assay, "select distinct split from instance") == [{"split": "seed"}]
    assert not (tmp_path / "assay.duckdb.runs").exists()
    verdicts = assay("verdicts")
    assert "seed" not in verdicts.stdout, "a run of seed examples answers for a judge and for no task"


@with_prefect
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--judge", "claude-haiku-5-5"), "write anthropic/<model>"),
        (("--judge", "anthropic/m:effort=huge"), "effort"),
        (("--judge", f"{SECOND}:effort=low:thinking=disabled,{SECOND}:thinking=disabled:effort=low"), "the same judge"),
        (("--judge", SECOND, "--judge-replicates", "0"), "judge-replicates"),
        (("--judge", "anthropic/my-own", "--max-cost-usd", "1"), "the price of anthropic/my-own is not known"),
        (("--judge", SECOND), "set ANTHROPIC_API_KEY"),
    ],
)
def test_what_is_wrong_with_a_judge_is_told_before_anything_is_written(
    assay: Assay, prefect_api: dict[str, str], tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    """One line, exit status 2, nothing on disk."""
    key = {} if told.startswith("set") else {"ANTHROPIC_API_KEY": KEY}
    done = assay("run", "--family", "doc_revision", "--n", "2", "--no-audit", *arguments, env={**prefect_api, **key})

    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert list(tmp_path.iterdir()) == []
