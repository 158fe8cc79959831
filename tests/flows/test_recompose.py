"""`recompose`: past rewards under other weights and caps, the same in SQL as in Python."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from flows import evaluate
from flows.errors import InputError
from flows.what_if.recompose import Change, Recomposed, recompose
from graders.addressing import ADDRESSES_JUDGE
from graders.composite import compose
from graders.interval import Interval
from graders.judge.narrowing import narrowed
from graders.rubric import Rubric
from tasks_lib.records import Composite
from tests.conftest import TINY, Assay
from tests.flows.tiny_family import TinyUpper
from warehouse import Warehouse
from warehouse.what_if import NewRubric, what_if

NAMES = ("a", "b", "c", "d")
FLAGS = ("x", "y", "z", ADDRESSES_JUDGE)
SHARES = st.one_of(st.sampled_from((0.0, 0.25, 0.3, 0.5, 1.0)), st.floats(0, 1))


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    """Settled, open and half-open ones."""
    low, high = sorted((draw(SHARES), draw(SHARES)))
    return draw(st.sampled_from((Interval(low, low), Interval(low, high), Interval(0.0, 1.0))))


@dataclass(frozen=True)
class Attempted:
    """One rollout: what code found, and what judges said."""

    code: Mapping[str, Interval]
    panels: Mapping[str, Sequence[Sequence[Interval]]]
    work: Interval
    flags: tuple[str, ...]


ATTEMPTED = st.builds(
    Attempted,
    code=st.dictionaries(st.sampled_from(NAMES), intervals(), min_size=1),
    panels=st.dictionaries(
        st.sampled_from(NAMES), st.lists(st.lists(intervals(), min_size=1, max_size=3), min_size=1, max_size=2)
    ),
    work=intervals(),
    flags=st.lists(st.sampled_from(FLAGS), unique=True).map(tuple),
)


@st.composite
def rubrics(draw: st.DrawFn) -> Rubric:
    """Any weights, any ceilings, both modes; with and without a ceiling for what is only recorded."""
    caps = {flag: draw(SHARES) for flag in FLAGS[:3]} | draw(st.dictionaries(st.just(ADDRESSES_JUDGE), SHARES))
    return Rubric(
        family="fam",
        weights=draw(st.dictionaries(st.sampled_from(NAMES), st.floats(1e-3, 1e3), min_size=1)),
        caps=caps,
        cap_mode=draw(st.sampled_from(("scaled", "hard"))),
        work_base=draw(SHARES),
        ready_at=draw(SHARES),
    )


RUNS = st.lists(st.tuples(rubrics(), st.lists(ATTEMPTED, min_size=1, max_size=6)), min_size=2, max_size=5)
"""One rubric for each run; several runs in one warehouse, since opening one takes the most time."""


@settings(max_examples=6, deadline=None)
@given(runs=RUNS)
def test_sql_composes_as_python_does(runs: list[tuple[Rubric, list[Attempted]]]) -> None:
    """Every column of every composite to 1e-12, over random rubrics, intervals, panels of judges and flags."""
    expected = {
        f"{run}/{number}": _composed(f"{run}/{number}", attempt, rubric).model_dump()
        for run, (rubric, attempts) in enumerate(runs)
        for number, attempt in enumerate(attempts)
    }
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.duckdb"
        _write(path, [attempts for _, attempts in runs])
        with what_if(path, [_new(f"{run}", rubric) for run, (rubric, _) in enumerate(runs)]) as changed:
            found = {row["rollout_id"]: row for row in changed.recomposed.iter_rows(named=True)}
            assert changed.view("composite").height == len(expected)

    assert found.keys() == expected.keys()
    for rollout_id, composite in expected.items():
        row = found[rollout_id]
        assert json.loads(row.pop("flags")) == list(composite.pop("flags"))
        assert row.keys() == composite.keys()
        for name, value in composite.items():
            assert row[name] == (pytest.approx(value, abs=1e-12) if isinstance(value, float) else value), name


def _new(run_id: str, rubric: Rubric) -> NewRubric:
    return NewRubric(
        run_id=run_id, family="fam", rubric_id=rubric.rubric_id, weights=rubric.weights, caps=rubric.caps,
        cap_mode=rubric.cap_mode, work_base=rubric.work_base, ready_at=rubric.ready_at,
        content=rubric.model_dump(mode="json"), free=frozenset({ADDRESSES_JUDGE}),
    )  # fmt: skip


def _composed(rollout_id: str, attempt: Attempted, rubric: Rubric) -> Composite:
    known = {name: attempt.code.get(name, Interval(0, 1)) for name in rubric.weights}
    dimensions = {name: narrowed(code, attempt.panels.get(name, ())) for name, code in known.items()}
    return compose(rollout_id, rubric, dimensions, attempt.work, attempt.flags)


def _write(path: Path, runs: Sequence[Sequence[Attempted]]) -> None:
    """Write runs whose composites are of another rubric."""
    own = Rubric(family="fam", weights={"a": 1.0}, caps=dict.fromkeys(FLAGS, 0.5))
    tables: dict[str, list[Any]] = {
        "run": [_run(f"{run}") for run in range(len(runs))],
        "instance": [_instance("i")],
        "policy": [{"policy_id": "p", "name": "p", "kind": "simulated", "regime": {}}],
        "rollout": [], "score": [], "composite": [],
    }  # fmt: skip
    for run, attempts in enumerate(runs):
        for number, attempt in enumerate(attempts):
            place = f"{run}/{number}"
            tables["rollout"].append(_rollout(place))
            tables["score"] += [_score(place, name, "code", 0, code) for name, code in attempt.code.items()]
            tables["score"] += [
                _score(place, name, f"judge/{member}", replicate, said)
                for name, panel in attempt.panels.items()
                for member, repeats in enumerate(panel)
                for replicate, said in enumerate(repeats)
            ]
            tables["composite"].append(_composed(place, attempt, own))
    with Warehouse.open(path) as warehouse:
        warehouse.merge_all(tables)


def _run(run_id: str) -> dict[str, Any]:
    return {
        "run_id": run_id, "config": {}, "config_hash": "c", "taskset_hash": "t", "code_version": "1",
        "started_at": datetime(2026, 1, 1, tzinfo=UTC), "status": "completed", "n_planned": 0,
    }  # fmt: skip


def _instance(instance_id: str) -> dict[str, Any]:
    return {
        "instance_id": instance_id, "family": "fam", "template_version": "1", "archetype": "plain", "seed": 0,
        "difficulty": None, "knobs": {}, "mode": "multi", "split": "train", "prompt": "p", "materials": {}, "truth": {},
    }  # fmt: skip


def _rollout(place: str) -> dict[str, Any]:
    run, number = place.split("/")
    return {
        "rollout_id": place, "run_id": run, "instance_id": "i", "policy_id": "p", "sample": int(number),
        "status": "completed", "output": "", "transcript": [], "steps": 0, "input_tokens": 0, "output_tokens": 0,
        "cached_tokens": 0, "cost_usd": 0.0, "latency_s": 0.0,
    }  # fmt: skip


def _score(place: str, dimension: str, grader_id: str, replicate: int, interval: Interval) -> dict[str, Any]:
    return {
        "rollout_id": place, "dimension": dimension, "grader_id": grader_id, "replicate": replicate,
        "family": "fam", "low": interval.low, "high": interval.high, "state": interval.state,
        "source": "deterministic" if grader_id == "code" else "judge", "reason": "", "evidence": {},
        "grader_version": "1",
    }  # fmt: skip


@pytest.fixture(scope="module")
def assayed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A warehouse with one run of the tiny family."""
    db = tmp_path_factory.mktemp("recompose") / "a.duckdb"
    run = evaluate(
        TinyUpper().instances(4), ["sim/weak", "sim/strong"], 4, db=db, prefect=False, plugins=[TINY], workers=1
    )
    return db, run.run_id


def _ask(db: Path, query: str) -> list[dict[str, Any]]:
    with Warehouse.open(db, read_only=True) as warehouse:
        return warehouse.sql(query).to_dicts()


def test_other_weights_move_the_means_and_leave_the_file_alone(assayed: tuple[Path, str]) -> None:
    """With `words` alone and no work factor, the mean is that of the dimension; not a byte is written."""
    db, run_id = assayed
    before = db.read_bytes()

    found = recompose(db, run_id, Change(weights={"case": 0.0}, work_base=1.0))

    assert db.read_bytes() == before
    words = {
        row["policy_id"]: row["mean"]
        for row in _ask(
            db,
            "select policy_id, avg(low) as mean from score join rollout using (rollout_id) "
            "where dimension = 'words' group by all",
        )
    }
    # The same number of rollouts on every instance: the mean of means is the mean. Nothing was empty.
    after = {row["policy_id"]: row["after"] for row in found.means.iter_rows(named=True)}
    assert after == {policy: pytest.approx(words[policy]) for policy in after}
    assert found.means.filter(policy="oracle").select("before", "after").row(0) == (1.0, 1.0)
    assert found.n_rollouts == _ask(db, "select count(*) as n from composite")[0]["n"]
    assert 0 < found.n_changed < found.n_rollouts


def test_the_answers_are_those_of_the_views(assayed: tuple[Path, str]) -> None:
    """Without the work factor and with `words` alone, echoing the list is full work: the probe is paid."""
    db, run_id = assayed

    found = recompose(db, run_id, Change(weights={"case": 0.0}, work_base=1.0))

    echo = found.probes.row(0, named=True)
    assert (found.probes.height, echo["probe"], echo["held"], echo["holds"]) == (1, "echo", True, False)
    assert echo["max_after"] == 1.0
    # Dropping words costs as before, putting them in lower case nothing any more: no order turns round.
    assert found.order.select("violations_before", "violations_after").row(0) == (0, 0)
    assert found.verdicts["groups"].sum() == 4 * 2  # the oracle forms no groups


def test_saving_keeps_both_and_flips_nothing(assayed: tuple[Path, str], tmp_path: Path) -> None:
    """What the run shows stays, though as many rollouts have composites under others, of which one sorts first."""
    db = tmp_path / "copy.duckdb"
    db.write_bytes(assayed[0].read_bytes())
    run_id = assayed[1]
    views = ("group_spread", "task_verdict", "probe_floor", "monotonicity", "stg_attempt", "cap_impact")
    before = {view: _sorted(db, view) for view in views}
    own = _ask(db, "select distinct rubric_id from composite")[0]["rubric_id"]
    kept = []
    for weight in (2, 3, 7):  # one of the hashes sorts before the run's own
        found = recompose(db, run_id, Change(weights={"case": float(weight)}), save=True)
        kept += [new.rubric_id for new in found.rubrics]
    again = recompose(db, run_id, Change(weights={"case": 7.0}), save=True)

    assert min(kept) < own
    assert {view: _sorted(db, view) for view in views} == before
    rows = _ask(db, "select rubric_id, count(*) as n from composite group by all")
    counts = {row["rubric_id"]: row["n"] for row in rows}
    assert counts == dict.fromkeys((own, *kept), again.n_rollouts)
    assert {row["rubric_id"] for row in _ask(db, "from recomposition")} == set(kept)
    assert {row["weight"] for row in _ask(db, "from rubric_dimension where dimension = 'case'")} >= {2.0, 7.0, 0.5}


def _sorted(db: Path, view: str) -> list[dict[str, Any]]:
    """Return the rows of a view; the engine adds up in no fixed order, so to 12 decimals."""
    with Warehouse.open(db, read_only=True) as warehouse:
        return warehouse.view(view).with_columns(pl.col(pl.Float64).round(12)).sort(pl.all()).to_dicts()


def test_the_figures_of_a_run_count_each_rollout_once_after_saving(assayed: tuple[Path, str], tmp_path: Path) -> None:
    """The summary of the run and its rewards are those from before."""
    from flows.api import Run

    db = tmp_path / "copy.duckdb"
    db.write_bytes(assayed[0].read_bytes())
    run = Run(assayed[1], db)
    before = (run.rewards.to_dicts(), run.summary.counts, run.summary.oracle.to_dicts())

    recompose(db, run.run_id, Change(cap_mode="hard"), save=True)

    assert (run.rewards.to_dicts(), run.summary.counts, run.summary.oracle.to_dicts()) == before


def test_what_holds_a_recomposition_is_its_own_rubric(assayed: tuple[Path, str], tmp_path: Path) -> None:
    """Asked again after saving, the change starts from the run's own rubric, not from what was saved."""
    db = tmp_path / "copy.duckdb"
    db.write_bytes(assayed[0].read_bytes())
    first = recompose(db, assayed[1], Change(weights={"case": 3.0}), save=True)

    second = recompose(db, assayed[1], Change(weights={"case": 3.0}))

    assert_frame_equal(second.means, first.means)
    assert second.verdicts.equals(first.verdicts)


def test_all_runs_and_one_run(assayed: tuple[Path, str], tmp_path: Path) -> None:
    """`None` asks about every run; one run leaves the others out of every figure."""
    db = tmp_path / "copy.duckdb"
    db.write_bytes(assayed[0].read_bytes())
    evaluate(TinyUpper().instances(2), ["sim/mid"], 2, db=db, prefect=False, plugins=[TINY], audit=False, workers=1)

    def runs(found: Recomposed) -> set[str]:
        return set(found.means["run_id"])

    change = Change(work_base=0.5)
    assert len(runs(recompose(db, None, change))) == 2
    assert runs(recompose(db, assayed[1], change)) == {assayed[1]}


def test_a_rubric_file_takes_the_place_of_the_familys(assayed: tuple[Path, str], tmp_path: Path) -> None:
    """The file's own weights count; its thresholds, which graders read, are said to be left out."""
    db, run_id = assayed
    path = tmp_path / "r.toml"
    path.write_text(
        'family = "tiny_upper"\nwork_base = 1.0\n[weights]\nwords = 1\n[caps]\nempty_output = 0\n[thresholds]\nt = 1\n'
    )

    found = recompose(db, run_id, Change(rubric=path))

    by_options = recompose(db, run_id, Change(weights={"case": 0.0}, work_base=1.0))
    assert_frame_equal(found.means, by_options.means)
    assert found.unused_thresholds == ("t",)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (Change(), "--weight"),
        (Change(weights={"colour": 1.0}), "unknown dimension 'colour'; known: case, words"),
        (Change(weights={"words": 0.0, "case": 0.0}), "nothing is left of tiny_upper"),
        (Change(weights={"words": -1.0}), "0 or more"),
        (Change(weights={"words": float("nan")}), "0 or more"),
        (Change(caps={"to_long": 0.3}), "unknown flag 'to_long'; known: addresses_judge, empty_output"),
        (Change(caps={"empty_output": 1.5}), "within 0..1"),
        (Change(work_base=2.0), "within 0..1"),
        (Change(weights={"words": 0.5}), "have already"),
    ],
)
def test_what_is_not_known_is_refused(change: Change, said: str, assayed: tuple[Path, str]) -> None:
    """Each is told in a line that lists what is known."""
    with pytest.raises(InputError, match=said):
        recompose(*assayed, change)


def test_a_rubric_file_must_know_every_flag_that_occurred(assayed: tuple[Path, str], tmp_path: Path) -> None:
    """The probe that hands in nothing carries a flag; a rubric without a ceiling for it would make one up."""
    path = tmp_path / "r.toml"
    path.write_text('family = "tiny_upper"\n[weights]\nwords = 1\n[caps]\nnever_seen = 0.5\n')

    with pytest.raises(InputError, match="no ceiling for flag 'empty_output'"):
        recompose(*assayed, Change(rubric=path))
    # A flag of the file may be overruled, though it never occurred.
    found = recompose(*assayed, Change(rubric=path, caps={"empty_output": 1.0, "never_seen": 0.1}))
    assert found.rubrics[0].caps == {"empty_output": 1.0, "never_seen": 0.1}


def test_the_command_prints_what_would_be_otherwise(assayed: tuple[Path, str], assay: Assay) -> None:
    """Means, verdicts, probes, order, and what to type next, within 80 columns; JSON for programs."""
    db, run_id = assayed

    done = assay("recompose", run_id, "--weight", "case=0", "--work-base", "1", "--db", str(db))

    assert done.returncode == 0, done.stderr
    for text in ("Mean reward", "sim/weak", "Verdicts: ", "above the floor", "echo", "Ladders", "Next: "):
        assert text in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines() if "assay " not in line)
    as_json = assay("recompose", "--weight", "case=0", "--work-base", "1", "--db", str(db), "--json")
    answer = json.loads(as_json.stdout)
    assert answer["run_id"] == run_id
    assert {row["probe"] for row in answer["probes"]} == {"echo"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing", "--cap-mode", "hard"), "there is no run 'nothing'"),
        (("nothing", "--all", "--cap-mode", "hard"), "--all"),
        (("--weight", "words"), "NAME=NUMBER"),
        (("--weight", "=3"), "NAME=NUMBER"),
        (("--rubric", "none.toml"), "none.toml"),
        (("--rubric", "broken.toml"), "broken.toml, field 'weights'"),
        (("--rubric", "foreign.toml"), "is for family 'crosswords'"),
    ],
)
def test_bad_input_is_one_line(arguments: tuple[str, ...], said: str, assayed: tuple[Path, str], assay: Assay,
                               tmp_path: Path) -> None:  # fmt: skip
    """Exit status 2 and one line that says what is wrong."""
    (tmp_path / "broken.toml").write_text('family = "tiny_upper"\ncaps = {}\nweights = 3\n')
    (tmp_path / "foreign.toml").write_text('family = "crosswords"\ncaps = {}\nweights = {a = 1}\n')

    done = assay("recompose", *arguments, "--db", str(assayed[0]))

    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert said in done.stderr
