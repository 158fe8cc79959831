"""Trust: a judge narrows rewards when people's ratings have calibrated it, and what others moved is marked."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from flows import evaluate
from flows.api import Run
from flows.chunks import Work, regrade_chunk
from flows.cli import main
from flows.plan import read_plan, run_shards
from flows.runs import completed_run
from flows.settings import Settings, read_settings
from flows.supplies import InSpool
from flows.trust import MARK, NO_JUDGES, UNKNOWN, Trust, TrustedJudge, planned_trust, told_of_file
from flows.what_if.regrade import Regraded, begin_regrade, finish_regrade
from graders.grading import grader
from tasks_lib import family
from tasks_lib.records import Score, TaskInstance
from tasks_lib.seeds import stream
from tests.messages_server import Body, MessagesServer, serving
from tests.support_judges import data, judging, verdict_score
from tests.support_models import KEY
from warehouse import Warehouse
from warehouse.estimates import refresh_calibration

JUDGE = "judge/claude-haiku-5-5"
DIMENSIONS = ("faithfulness", "quality_delta")
N_SAMPLES = 1
"""Of either policy on each of 20 instances: 40 rollouts in all."""
REWARDS = """
    select instance_id, policy, sample, reward, reward_high from stg_attempt where run_id = ? order by all
"""


@dataclass(frozen=True)
class Judged:
    """A warehouse with two runs on the same outputs: one without a judge, one with a judge nobody has calibrated."""

    db: Path
    plain: Run
    judged: Run
    instances: list[TaskInstance]
    policies: list[str]

    def ask(self, query: str, *params: Any) -> pl.DataFrame:
        with Warehouse.open(self.db, read_only=True) as warehouse:
            return warehouse.sql(query, list(params))

    def settings(self, **more: Any) -> Settings:
        return read_settings(None, {"db": self.db, "workers": 1, **more})

    def regraded(self, run_id: str, **more: Any) -> Regraded:
        """Grade a run again."""
        settings = self.settings(**more)
        place, _ = begin_regrade(settings, run_id)
        return finish_regrade(place, settings)

    def trusted(self, run_id: str) -> dict[str, bool | None]:
        """Return dimension -> whether the judge counts."""
        query = "select distinct dimension, is_trusted from score join rollout using (rollout_id) where run_id = ? "
        found = self.ask(query + "and source = 'judge'", run_id)
        assert found["dimension"].is_unique().all()
        return dict(found.iter_rows())


def level(body: Body) -> int:
    """Say something that differs between outputs."""
    return 2 + len(data(body, "output")) % 3


def same_run(judged_: Judged, policies: list[str], **more: Any) -> Run:
    """Judge the outputs in a run of their own."""
    return evaluate(
        judged_.instances, policies, db=judged_.db, audit=False, prefect=False, workers=1, concurrency=16,
        judges=("anthropic/claude-haiku-5-5",), **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    """A judge on loopback, and the environment that leads to it."""
    with serving(MessagesServer(script=judging(level))) as found, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANTHROPIC_API_KEY", KEY)
        patch.setenv("ANTHROPIC_BASE_URL", found.url)
        yield


@pytest.fixture(scope="module")
def runs(server: None, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """Outputs in words of their own, of which code leaves open how good they are."""
    folder = tmp_path_factory.mktemp("judged")
    kind = family("doc_revision")
    instances = list(kind.instances(20, seed=1))
    lines = []
    for instance in instances:
        own = [
            kind.operators["own_words"].apply(instance, severity, stream(instance.instance_id, "own", severity))
            for severity in (1, 2, 3, 4)
        ]
        known = [output for output in own if output is not None]
        lines += [
            {"instance_id": instance.instance_id, "policy": policy, "sample": sample,
             "output": f"{known[sample % len(known)].rstrip()}\n\nOur {policy} agrees{'!' * (sample % 3)}"}
            for policy in ("cat", "dogs") for sample in range(N_SAMPLES)
        ]  # fmt: skip
    outputs = folder / "outputs.jsonl"
    outputs.write_text("".join(json.dumps(line) + "\n" for line in lines))
    policies = [f"replay:{outputs}:cat", f"replay:{outputs}:dogs"]
    db = folder / "a.duckdb"
    plain = evaluate(instances, policies, db=db, audit=False, prefect=False, workers=1)
    begun = Judged(db, plain, plain, instances, policies)
    return Judged(db, plain, same_run(begun, policies), instances, policies)


@pytest.fixture(scope="module")
def rated(runs: Judged) -> Judged:
    """The same after people rated one dimension of every rollout, and agreed with the judge."""
    with Warehouse.open(runs.db) as warehouse:
        said = warehouse.sql(
            "select rollout_id, low from score join rollout using (rollout_id) "
            "where run_id = ? and source = 'judge' and dimension = 'faithfulness'",
            [runs.judged.run_id],
        )
        assert said.height == 40 * N_SAMPLES >= 30
        warehouse.merge(
            "rating",
            [
                {"rollout_id": rollout_id, "dimension": "faithfulness", "rater": "anna", "score": low,
                 "rated_at": datetime(2026, 1, 2, tzinfo=UTC)}
                for rollout_id, low in said.iter_rows()
            ],
        )  # fmt: skip
        refresh_calibration(warehouse)
    return runs


@pytest.fixture(scope="module")
def any_run(rated: Judged) -> Regraded:
    """What was judged, with every verdict counting."""
    return rated.regraded(rated.judged.run_id, trust="any")


def test_a_judge_that_nobody_calibrated_moves_nothing(runs: Judged) -> None:
    """It is asked and all it said is kept, but rewards and intervals are those that code proved."""
    counts = runs.ask(
        "select count(*) as n, count(*) filter (is_trusted = false) as untrusted from score "
        "join rollout using (rollout_id) where run_id = ? and source = 'judge' and state = 'assessed'",
        runs.judged.run_id,
    )
    assert counts.row(0) == (80 * N_SAMPLES, 80 * N_SAMPLES)
    assert runs.ask("select count(*) as n from judge_call")["n"][0] == 80 * N_SAMPLES

    same = [runs.ask(REWARDS, run.run_id) for run in (runs.plain, runs.judged)]
    assert same[0].equals(same[1])
    assert (same[0]["reward_high"] > same[0]["reward"]).all()  # there was something to narrow
    spread = "select * exclude (run_id) from dimension_spread where run_id = ? order by all"
    ours, theirs = (runs.ask(spread, run.run_id) for run in (runs.plain, runs.judged))
    assert ours.height
    assert_frame_equal(ours, theirs)
    # Nor do two runs under graders that make no difference count as graded differently.
    graders = "select distinct dimension, graders from stg_grader where run_id = ? order by all"
    assert runs.ask(graders, runs.plain.run_id).equals(runs.ask(graders, runs.judged.run_id))


def test_who_does_not_count_is_said_and_who_was_not_asked_is_not(runs: Judged) -> None:
    """A note on the judged run, and no mark; nothing at all where no judge took part."""
    told = told_of_file(runs.db, [runs.judged.run_id])
    assert told.marks == runs.judged.marks == ()
    (note,) = told.notes
    assert note.startswith(
        f"{JUDGE} is not calibrated on faithfulness, quality_delta: its verdicts are kept but do not"
    )
    assert "assay calibrate sample" in note
    assert told_of_file(runs.db, [runs.plain.run_id]) == NO_JUDGES
    config = json.loads(runs.ask("select config from run where run_id = ?", runs.judged.run_id)["config"][0])
    assert (config["trust"], config["trusted"]) == ("calibrated", [])


def test_a_judge_calibrated_since_then_narrows_on_regrade(rated: Judged) -> None:
    """On the dimension that people rated and on no other; the regrade says how many rewards moved."""
    found = rated.regraded(rated.judged.run_id)

    before, after = (rated.ask(REWARDS, run_id)["reward"].to_list() for run_id in (rated.judged.run_id, found.run_id))
    moved = sum(abs(one - other) > 1e-9 for one, other in zip(before, after, strict=True))
    assert found.n_rollouts == 40 * N_SAMPLES
    # The judge's lowest level leaves a reward where code had it.
    assert found.n_changed == moved >= 35
    assert rated.trusted(found.run_id) == {"faithfulness": True, "quality_delta": False}
    assert found.trust.marks == ()
    assert [note.split(":")[0] for note in found.trust.notes] == [f"{JUDGE} is not calibrated on quality_delta"]
    settled = rated.ask(
        "select dimension, bool_and(state = 'assessed') as is_settled from stg_score join rollout using (rollout_id) "
        "where run_id = ? and dimension in ('faithfulness', 'quality_delta') group by all order by all",
        found.run_id,
    )
    assert settled.rows() == [("faithfulness", True), ("quality_delta", False)]
    said = {row["grader_id"]: (row["before"], row["after"]) for row in found.versions}[JUDGE]
    assert said[0].count("(does not count)") == 2
    assert said[1].count("(does not count)") == 1
    # The run of then stays as it was.
    assert rated.ask(REWARDS, rated.judged.run_id).equals(rated.ask(REWARDS, rated.plain.run_id))


def test_another_rubric_is_another_judge(rated: Judged, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same model under a rubric that was changed since has been calibrated by nobody; under the old one it has."""
    known = rated.ask("from stg_trusted_judge")
    assert known.select("dimension", "judge").rows() == [("faithfulness", JUDGE)]
    doc = grader("doc_revision")
    judged = dict(doc.judged)  # type: ignore[attr-defined]
    changed = judged["faithfulness"].model_copy(update={"question": "Is it true to the papers, word by word?"})
    assert changed.rubric_hash != judged["faithfulness"].rubric_hash

    same = same_run(rated, rated.policies[:1])
    assert rated.trusted(same.run_id) == {"faithfulness": True, "quality_delta": False}
    monkeypatch.setattr(type(doc), "judged", {**judged, "faithfulness": changed})
    other = same_run(rated, rated.policies[:1])
    assert rated.trusted(other.run_id) == {"faithfulness": False, "quality_delta": False}


def test_a_run_taken_up_again_decides_as_it_was_planned(rated: Judged) -> None:
    """What is calibrated in between changes nothing: the plan says who counts."""
    settings = rated.settings()
    place, _ = begin_regrade(settings, rated.judged.run_id)
    plan = read_plan(place.spool)
    assert [one.dimension for one in plan.trust.trusted] == ["faithfulness"]
    with Warehouse.open(rated.db) as warehouse:
        ratings = warehouse.view("rating")
        warehouse.sql("delete from rating")
        refresh_calibration(warehouse)
    try:
        assert rated.ask("from stg_trusted_judge").is_empty()
        chunk, shards = plan.chunks[0], run_shards(place.spool, plan)
        regrade_chunk(Work(place.run_id, chunk, InSpool(place.spool, chunk), shards), plan.trust)
        finish_regrade(place, settings)
    finally:
        with Warehouse.open(rated.db) as warehouse:
            warehouse.merge("rating", ratings)
            refresh_calibration(warehouse)
    assert completed_run(place) is not None
    assert rated.trusted(place.run_id) == {"faithfulness": True, "quality_delta": False}


MARKED = f"{MARK} ({JUDGE} on quality_delta)"
"""Faithfulness is calibrated."""


def test_any_lets_all_narrow(rated: Judged, any_run: Regraded) -> None:
    """And names those that nobody calibrated."""
    assert any_run.trust.marks == (MARKED,)
    assert rated.trusted(any_run.run_id) == dict.fromkeys(DIMENSIONS, True)
    states = rated.ask(
        "select distinct state from stg_score join rollout using (rollout_id) where run_id = ? "
        "and dimension in ('faithfulness', 'quality_delta')",
        any_run.run_id,
    )
    assert states["state"].to_list() == ["assessed"]


def test_every_output_is_marked(
    rated: Judged, any_run: Regraded, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Terminal and JSON of every verb that shows rewards, and the page; the mark comes before the numbers."""
    page = tmp_path / "report.html"
    db = ("--db", str(rated.db))
    run = any_run.run_id
    policies = rated.ask("select policy_id from policy order by policy_id")["policy_id"].to_list()
    verbs = {
        "verdicts": ("verdicts", "--run", run),
        "compare": ("compare", rated.plain.run_id, run),
        "recompose": ("recompose", run, "--weight", "faithfulness=0.7"),
        "gate": ("gate", "--base", policies[0], "--candidate", policies[1], "--run", run),
        "resumed": ("run", "--resume", run),
        "report": ("report", "--run", run, "--out", str(page)),
    }
    for name, arguments in verbs.items():
        assert main((*arguments, *db)) in (0, 3), name
        shown = " ".join(capsys.readouterr().out.split())
        assert MARKED in shown, name
        assert shown.index(MARK) < 160, name
        if name != "report":
            assert main((*arguments, *db, "--json")) in (0, 3), name
            found = json.loads(capsys.readouterr().out)
            marks = [found[0]["trust"]] if isinstance(found, list) else found["trust"]["marks"]
            assert [mark for mark in marks if MARKED in mark], name
    html = page.read_text()
    assert f'<p class="untrusted" role="alert">{MARKED}</p>' in html
    assert f'"trust":{{"columns":["mark"],"rows":[["{MARKED}"]]}}' in html  # for programs that read the page


def test_no_mark_without_a_judge(rated: Judged, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing about trust where nobody judged."""
    for more in ((), ("--json",)):
        assert main(("verdicts", "--run", rated.plain.run_id, "--db", str(rated.db), *more)) == 0
        assert "trust" not in capsys.readouterr().out


def test_a_plan_from_before_is_said_to_be_one(rated: Judged, tmp_path: Path) -> None:
    """Nobody asked then: its verdicts count, as they did, and the outputs say that it is not known."""
    trust = planned_trust({"judges": ["anthropic/m"]})
    assert trust == Trust()
    (score,) = trust.marked([verdict_score("r", "faithfulness", 0.5, 0.5, JUDGE)])
    assert score.is_trusted is None
    copy = tmp_path / "old.duckdb"
    copy.write_bytes(rated.db.read_bytes())
    with Warehouse.open(copy) as warehouse:
        warehouse.sql("update score set is_trusted = null where source = 'judge'")
    told = told_of_file(copy, [rated.judged.run_id])
    assert told.marks == (f"{UNKNOWN} ({JUDGE} on faithfulness, quality_delta)",)
    assert told.notes == ()


def test_marking_leaves_code_alone() -> None:
    """Only scores of judges carry whether they are trusted: by dimension, judge and version, all three."""
    known = TrustedJudge(dimension="faithfulness", judge=JUDGE, grader_version="1")
    trust = Trust(mode="calibrated", trusted=(known,))
    code = Score(
        rollout_id="r", dimension="faithfulness", grader_id="code", family="doc_revision", low=0, high=1,
        state="unassessed", source="deterministic", reason="", grader_version="1",
    )  # fmt: skip
    trusted = verdict_score("r", "faithfulness", 0.5, 0.5, JUDGE)
    others = [
        trusted.model_copy(update=change)
        for change in ({"dimension": "quality_delta"}, {"grader_id": "judge/other"}, {"grader_version": "2"})
    ]
    assert [one.is_trusted for one in trust.marked([code, trusted, *others])] == [None, True, False, False, False]
    every = Trust(mode="any").marked([code, *others])
    assert [one.is_trusted for one in every] == [None, True, True, True]
