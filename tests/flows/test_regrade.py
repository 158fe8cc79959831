"""`regrade`: what a run collected, graded again as a run of its own; nothing collected, nothing spent."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows import evaluate
from flows.chunks import Work, regrade_chunk
from flows.errors import InputError
from flows.places import runs_folder
from flows.plan import read_plan, run_shards
from flows.runs import Place, begin_run
from flows.settings import Settings
from flows.supplies import InSpool
from flows.trust import MARK
from flows.what_if.regrade import begin_regrade, finish_regrade, what_changed
from tests.conftest import TINY, Assay, clean_environment
from tests.flows.stricter import STRICTER, stricter_grader
from tests.flows.tiny_family import TinyUpper
from warehouse import Warehouse
from warehouse.shards import Shards

OUTPUTS = """
    select
        instance_id, policy_id, sample, status, output, transcript, steps, error, latency_s,
        input_tokens + cost_usd as spent
    from rollout where run_id = ?
"""
GRADED = """
    select TABLE.* exclude (rollout_id), instance_id, policy_id, sample
    from TABLE join rollout using (rollout_id)
    where run_id = ?
"""
PLANNED = "select instance_id, policy_id, n_samples, n_not_applicable from planned where run_id = ?"


@pytest.fixture(scope="module")
def assayed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A warehouse with one run of the tiny family: groups, audit, and a policy that loses every other attempt."""
    db = tmp_path_factory.mktemp("regrade") / "a.duckdb"
    run = evaluate(
        TinyUpper().instances(3), ["sim/weak", "clumsy/line"], 4, db=db, prefect=False, plugins=[TINY], workers=1
    )
    return db, run.run_id


@pytest.fixture
def db(assayed: tuple[Path, str], tmp_path: Path) -> Path:
    """A copy of its own for every test."""
    path = tmp_path / "a.duckdb"
    path.write_bytes(assayed[0].read_bytes())
    return path


def settings(db: Path, **more: Any) -> Settings:
    """Small chunks, one worker."""
    return Settings(db=db, workers=1, chunk_size=20, **more)


def ask(db: Path, query: str, *params: Any) -> pl.DataFrame:
    """Return the rows of a query in a fixed order."""
    with Warehouse.open(db, read_only=True) as warehouse:
        return warehouse.sql(query, params).sort(pl.all())


def test_a_run_of_its_own_with_the_same_outputs(db: Path, assayed: tuple[Path, str]) -> None:
    """Outputs, transcripts, plans and losses are those of the source, which stays as it was; no cost, no tokens."""
    source = assayed[1]
    with Warehouse.open(db) as warehouse:
        warehouse.sql("update rollout set cost_usd = 0.5, input_tokens = 100")
        before = warehouse.sql("from score order by all"), warehouse.sql("from composite order by all")

    with stricter_grader():
        place, left_out = begin_regrade(settings(db), source)
        found = finish_regrade(place, settings(db))

    assert left_out == ()
    ours, theirs = ask(db, OUTPUTS, place.run_id), ask(db, OUTPUTS, source)
    assert ours.drop("spent").equals(theirs.drop("spent"))
    assert (set(ours["spent"]), set(theirs["spent"])) == ({0.0}, {100.5})
    assert ask(db, PLANNED, place.run_id).equals(ask(db, PLANNED, source))
    assert not runs_folder(db).exists()
    with Warehouse.open(db, read_only=True) as warehouse:
        kept = "where rollout_id in (select rollout_id from rollout where run_id = ?)"
        assert warehouse.sql(f"from score {kept} order by all", [source]).equals(before[0])
        assert warehouse.sql(f"from composite {kept} order by all", [source]).equals(before[1])
        row = warehouse.sql("from run where run_id = ?", [place.run_id]).row(0, named=True)
    assert row["status"] == "completed"
    assert json.loads(row["config"])["regraded_from"] == source
    assert found.source == source


def test_it_says_what_changed(db: Path, assayed: tuple[Path, str]) -> None:
    """Versions and rubrics, means, how many rewards, and the largest changes; by hand for one of them."""
    with stricter_grader():
        place, _ = begin_regrade(settings(db), assayed[1])
        found = finish_regrade(place, settings(db))

    (version,) = found.versions
    assert (version["grader_id"], version["before"], version["after"]) == ("tiny_upper/deterministic", "1", "2")
    (rubric,) = found.rubrics
    assert rubric["before"] != rubric["after"]
    lost = ask(db, "select count(*) as n from rollout where status = 'error' and run_id = ?", place.run_id)["n"][0]
    total = ask(db, "select count(*) as n from rollout where run_id = ?", place.run_id)["n"][0]
    assert (found.n_rollouts, lost) == (total - lost, 6)
    pairs = ask(
        db,
        "select a.reward as one, b.reward as other from stg_attempt as a join stg_attempt as b "
        "using (instance_id, policy_id, sample) where a.run_id = ? and b.run_id = ? and a.is_graded",
        assayed[1], place.run_id,
    )  # fmt: skip
    assert found.n_changed == pairs.filter((pl.col("one") - pl.col("other")).abs() > 1e-9).height > 0
    assert found.changes is not None
    assert all(split.found.parts.policy == pytest.approx(0) for split in found.changes.splits)
    gaps = (found.largest["after"] - found.largest["before"]).abs().to_list()
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] == pytest.approx((pairs["one"] - pairs["other"]).abs().max())


def test_graded_by_the_same_grader_nothing_changes(db: Path, assayed: tuple[Path, str]) -> None:
    """Scores, facets and composites are the same, under other keys; twice makes two runs."""
    runs = [assayed[1]]
    for _ in range(2):
        place, _ = begin_regrade(settings(db), assayed[1])
        assert finish_regrade(place, settings(db)).n_changed == 0
        runs.append(place.run_id)

    assert len(set(runs)) == 3
    for table in ("score", "facet", "composite"):
        query = GRADED.replace("TABLE", table)
        first, *others = (ask(db, query, run) for run in runs)
        assert first.height
        assert all(other.equals(first) for other in others), table


def test_verdicts_of_judges_are_carried_over(
    db: Path, assayed: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They narrow what the new grader leaves open; no judge is asked, no call is there, nothing is spent."""
    source = assayed[1]
    with Warehouse.open(db) as warehouse:
        warehouse.sql(
            "insert into score select rollout_id, 'case', 'judge/m', r, 'tiny_upper', 0.4 + r / 10, 0.4 + r / 10, "
            "'assessed', 'judge', 'said', '{}', 'j1', null from rollout, range(2) as t(r) where status <> 'error'"
        )
        warehouse.merge("judge_call", [_call(warehouse.sql("select min(rollout_id) as r from rollout")["r"][0])])
        config = json.loads(warehouse.sql("select config from run")["config"][0]) | {"judges": ["anthropic/m"]}
        warehouse.sql("update run set config = ?", [json.dumps(config)])
    monkeypatch.setenv("CASE_IS_OPEN", "1")

    trusting = settings(db).model_copy(update={"trust": "any"})
    with stricter_grader():
        place, _ = begin_regrade(trusting, source)
        found = finish_regrade(place, trusting)

    assert found.trust.marks == (f"{MARK} (judge/m on case)",)
    assert found.n_verdicts == 2 * found.n_rollouts
    narrowed = ask(db, "select distinct low, high from stg_score join rollout using (rollout_id) "
                       "where run_id = ? and dimension = 'case'", place.run_id)  # fmt: skip
    assert narrowed.rows() == [(pytest.approx(0.45), pytest.approx(0.45))]
    # Weights .75 and .25: the oracle has all words and gets 0.45 for what the judge said.
    oracle = ask(db, "select distinct reward from stg_attempt where policy = 'oracle' and run_id = ?", place.run_id)
    assert oracle.rows() == [(pytest.approx(0.75 + 0.25 * 0.45),)]
    assert ask(db, "select count(*) as n from judge_call join rollout using (rollout_id) where run_id = ?",
               place.run_id)["n"][0] == 0  # fmt: skip
    spent = ask(db, "select kind, calls, input_tokens, cost_usd from spend where run_id = ?", place.run_id)
    assert spent.filter(kind="judge").is_empty()
    assert spent["cost_usd"].sum() == 0


def _call(rollout_id: str) -> dict[str, Any]:
    return {
        "call_id": "c", "rollout_id": rollout_id, "dimension": "case", "model": "m", "rubric_hash": "h",
        "input_tokens": 1, "output_tokens": 1, "cached_tokens": 0, "cost_usd": 0.1,
    }  # fmt: skip


def test_what_has_no_grader_is_counted_and_left_out(db: Path, assayed: tuple[Path, str]) -> None:
    """A family nobody grades here, and an imported instance without its truth; where nothing is left, an error."""
    ids = ask(db, "select instance_id from instance")["instance_id"].to_list()
    with Warehouse.open(db) as warehouse:
        warehouse.sql("update instance set family = 'crosswords' where instance_id = ?", [ids[0]])
        warehouse.sql("update instance set archetype = 'imported' where instance_id = ?", [ids[1]])

    place, left_out = begin_regrade(settings(db), assayed[1])
    found = finish_regrade(place, settings(db))

    assert {one.family for one in left_out} == {"crosswords", "tiny_upper"}
    assert all(one.n_rollouts > 0 for one in left_out)
    assert set(ask(db, "select instance_id from rollout where run_id = ?", place.run_id)["instance_id"]) == {ids[2]}
    assert found.n_changed == 0
    with Warehouse.open(db) as warehouse:
        warehouse.sql("update instance set family = 'crosswords'")
    with pytest.raises(InputError, match="crosswords: no grader is registered"):
        begin_regrade(settings(db), assayed[1])
    assert not runs_folder(db).exists()


def test_a_regrade_goes_on_where_it_was_cut_off(db: Path, assayed: tuple[Path, str]) -> None:
    """The first chunk is there, the rest is not: the source may even be gone by then."""
    place, _ = begin_regrade(settings(db), assayed[1])
    plan = read_plan(place.spool)
    chunk, shards = plan.chunks[0], run_shards(place.spool, plan)
    regrade_chunk(Work(place.run_id, chunk, InSpool(place.spool, chunk), shards), plan.trust)
    assert len(plan.chunks) > 2

    finish_regrade(Place(db, place.run_id, "regrade"), settings(db))

    assert ask(db, PLANNED, place.run_id).equals(ask(db, PLANNED, assayed[1]))
    assert what_changed(place).n_changed == 0


def test_killed_and_taken_up_again(db: Path, assayed: tuple[Path, str], assay: Assay, tmp_path: Path) -> None:
    """kill -9 among the chunks, then --resume: all rows once, and no finished chunk is graded again."""
    log = tmp_path / "grades.log"
    slow = {"SECONDS_PER_GRADE": "0.02", "GRADES_LOG": str(log)}
    arguments = ["regrade", assayed[1], "--plugin", STRICTER, "--db", "a.duckdb", "--workers", "1", "--chunk-size", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", *arguments],
        cwd=tmp_path,
        env=clean_environment(slow),
        start_new_session=True,
        stderr=subprocess.PIPE,
    )
    while not _n_shards(db):
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    (begun,) = [path.name for path in runs_folder(db).iterdir()]
    chunks = read_plan(runs_folder(db) / begun).chunks
    assert 0 < _n_shards(db) < len(chunks)

    done = assay("regrade", "--resume", begun, "--db", "a.duckdb", "--json", env={"GRADES_LOG": str(log)})

    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["run_id"], answer["source"]) == (begun, assayed[1])
    assert answer["n_changed"] > 0
    assert ask(db, PLANNED, begun).equals(ask(db, PLANNED, assayed[1]))
    # At most what was under way when it was killed.
    n_again = len(log.read_text().splitlines()) - answer["n_rollouts"]
    assert 0 <= n_again <= max(chunk.n_rollouts for chunk in chunks)
    # Asked once more, it says the same.
    assert json.loads(assay("regrade", "--resume", begun, "--db", "a.duckdb", "--json").stdout) == answer


def test_an_unfinished_run_is_not_taken_for_a_regrade(db: Path) -> None:
    """It is left to the command that began it."""
    place = begin_run(settings(db, policies=("sim/weak",), audit=False), TinyUpper().instances(1))

    with pytest.raises(InputError, match="assay run --resume"):
        finish_regrade(Place(db, place.run_id, "regrade"), settings(db))
    assert _n_shards(db) == 0


def _n_shards(db: Path) -> int:
    folder = runs_folder(db)
    return max((len(Shards.of_run(path).keys()) for path in folder.iterdir()), default=0) if folder.exists() else 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name a run to grade again"),
        (("RUN", "--resume", "RUN"), "one of the two"),
        (("nothing",), "there is no run 'nothing'"),
        (("--resume", "RUN"), "is not a regrade"),
        (("--resume", "nothing"), "there is no plan to take up"),
        (("--resume", "RUN", "--plugin", TINY), "leave out --plugin"),
        (("RUN", "--plugin", "no_such_module"), "there is no such module"),
        (("RUN", "--db", "none.duckdb"), "none.duckdb"),
    ],
)
def test_bad_input_is_one_line(
    arguments: tuple[str, ...], said: str, db: Path, assayed: tuple[Path, str], assay: Assay, tmp_path: Path
) -> None:
    """Exit status 2, a line that says what is wrong, and nothing written."""
    before = db.read_bytes()
    named = [assayed[1] if text == "RUN" else text for text in arguments]

    done = assay("regrade", *named, *(() if "--db" in named else ("--db", "a.duckdb")))

    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert said in done.stderr
    assert db.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.duckdb"]


def test_the_command_says_what_changed(db: Path, assayed: tuple[Path, str], assay: Assay) -> None:
    """Versions, means, the largest changes, that nothing was spent, and what to type next."""
    done = assay("regrade", assayed[1], "--plugin", STRICTER, "--db", "a.duckdb")

    assert (done.returncode, done.stderr) == (0, "")
    for text in ("1 -> 2", "Means over instances", "Largest changes", "Nothing was collected or spent", "Next: assay"):
        assert text in " ".join(done.stdout.split())
    assert all(len(line) <= 80 for line in done.stdout.splitlines() if "assay " not in line)
