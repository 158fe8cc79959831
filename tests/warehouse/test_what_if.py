"""What if: composites under other rubrics, seen through the ordinary views."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from polars.testing import assert_frame_equal

from tests.warehouse.rows import FAMILY, RUBRIC, RUN, Lab
from warehouse import Warehouse, WarehouseError
from warehouse.definitions import tables, views
from warehouse.what_if import NewRubric, rows_to_keep, what_if


def rubric(run_id: str = RUN, **weights: float) -> NewRubric:
    """A rubric without work factor; `too_long` costs half, below a lid."""
    return NewRubric(
        run_id=run_id, family=FAMILY, rubric_id="new", weights=weights, caps={"too_long": 0.5}, cap_mode="hard",
        work_base=1.0, ready_at=0.8, content={"weights": weights}, free=frozenset({"harmless"}),
    )  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file in which one policy attempted two instances, twice each; a second run; a lost rollout."""
    lab = Lab()
    lab.group([0.9, 0.1], instance="i1", policy="p", lost=1)
    lab.group([0.5, 0.5], instance="i2", policy="p")
    for instance, sample, a, b in (("i1", 0, 1.0, 0.0), ("i1", 1, 0.0, 0.6), ("i2", 0, 0.5, 0.5), ("i2", 1, 0.5, 0.5)):
        lab.score(f"{instance}/p/{sample}", "a", a)
        lab.score(f"{instance}/p/{sample}", "b", b)
    lab.rollout("i1", "p", 0, run_id="run-2", rollout_id="other")
    lab.composite("other", 0.7)
    path = tmp_path / "it's a file.duckdb"  # a quote must not end the name
    with Warehouse.open(path) as kept:
        for name in tables():
            if name != "schema_version":
                kept.merge(name, lab.warehouse.view(name))
    return path


def test_views_answer_what_if(path: Path) -> None:
    """With `b` alone: instance i1 earns 0.0 and 0.6, i2 twice 0.5; the file is as it was."""
    before = path.read_bytes()

    with what_if(path, [rubric(b=2.0)]) as changed:
        rows = changed.view("group_spread").filter(run_id=RUN)
        spread = {row["instance_id"]: row for row in rows.iter_rows(named=True)}

        assert spread["i1"]["mean_reward"] == pytest.approx(0.3)
        assert (spread["i1"]["min_reward"], spread["i1"]["max_reward"], spread["i1"]["n_failed"]) == (0.0, 0.6, 1)
        assert spread["i2"]["zero_variance"] is True
        assert changed.recomposed["rubric_id"].to_list() == ["new"] * 4
        kept = changed.sql("select weight from rubric_dimension where rubric_id = 'new'")
        assert kept["weight"].to_list() == [2.0]
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "sql", ["create table notes (rollout_id varchar references rollout (rollout_id))", "create view mine as from score"]
)
def test_what_the_owner_added_is_in_nobodys_way(path: Path, sql: str) -> None:
    """A table that refers to one of ours, a view of one's own: every view is there, and answers as it does without."""
    asked = ("composite", "rubric", "task_verdict", "policy_mean")
    with what_if(path, [rubric(b=1.0)]) as changed:
        before = {name: changed.view(name) for name in asked}
    with duckdb.connect(str(path)) as connection:
        connection.execute(sql)

    with what_if(path, [rubric(b=1.0)]) as changed:
        there = changed.sql("select view_name from duckdb_views() where database_name = 'memory' and not internal")
        assert {*views()} <= {*there["view_name"]}
        for name, rows in before.items():
            assert_frame_equal(changed.view(name), rows, check_row_order=False)


def test_other_runs_keep_their_composites(path: Path) -> None:
    """What was not asked about is there as it was."""
    with what_if(path, [rubric(b=1.0)]) as changed:
        rows = changed.sql("select rubric_id, reward from stg_attempt where run_id = 'run-2'")

    assert rows.rows() == [(RUBRIC, 0.7)]


def test_a_dimension_without_a_score_is_open(path: Path) -> None:
    """Half of the weight on what nobody scored: proven is the other half, ruled out is nothing."""
    with what_if(path, [rubric(b=1.0, unheard_of=1.0)]) as changed:
        row = changed.sql("from composite where rollout_id = 'i1/p/1'").row(0, named=True)

    assert (row["low"], row["high"], row["assessed_weight"], row["ready"]) == (0.3, 0.8, 0.5, False)


def test_a_rollout_whose_graders_failed_has_no_composite(path: Path) -> None:
    """An error is no number, though it is [0, 1] like what is not known; nor has one without a composite."""
    with Warehouse.open(path) as kept:
        kept.sql(
            "insert into score select rollout_id, 'c', grader_id, replicate, family, 0, 1, 'error', source, reason, "
            "evidence, grader_version, null from score where rollout_id = 'i1/p/0' and dimension = 'a'"
        )
        kept.sql("delete from composite where rollout_id = 'i2/p/1'")

    with what_if(path, [rubric(b=1.0)]) as changed:
        left = changed.sql("select rollout_id from composite where rubric_id = 'new' order by all")
        graded = changed.sql("select count(*) as n from stg_attempt where is_graded and run_id = ?", [RUN])

    assert left["rollout_id"].to_list() == ["i1/p/1", "i2/p/0"]
    assert graded["n"][0] == 2


def test_flags_cost_what_the_new_rubric_says(path: Path) -> None:
    """A lid of 0.5, a flag that costs nothing, and both together."""
    with Warehouse.open(path) as kept:
        for rollout, flags in (
            ("i1/p/0", '["too_long"]'),
            ("i1/p/1", '["harmless"]'),
            ("i2/p/0", '["harmless","too_long"]'),
        ):
            kept.sql("update composite set flags = $2 where rollout_id = $1", [rollout, flags])

    with what_if(path, [rubric(a=1.0)]) as changed:
        rows = changed.sql(
            "select rollout_id, uncapped_low, low, cap from composite where rubric_id = 'new' order by 1"
        )

    assert rows.rows() == [
        ("i1/p/0", 1.0, 0.5, 0.5), ("i1/p/1", 0.0, 0.0, 1.0), ("i2/p/0", 0.5, 0.5, 0.5), ("i2/p/1", 0.5, 0.5, 1.0)
    ]  # fmt: skip


def test_what_was_saved_is_seen_by_nobody_but_who_asks(path: Path) -> None:
    """Saved rows of another rubric, more of them than of the run's own, do not become the run's."""
    with what_if(path, [rubric(b=1.0)]) as changed:
        rows = changed.recomposed
    made_at = datetime(2026, 1, 1, tzinfo=UTC)
    saved = {"run_id": RUN, "rubric_id": "new", "family": FAMILY, "n_rollouts": 4, "made_at": made_at}
    with Warehouse.open(path) as kept:
        before = kept.sql("select rollout_id, rubric_id, reward from stg_attempt order by all").rows()
        kept.merge_all({**rows_to_keep([rubric(b=1.0)]), "recomposition": [saved], "composite": rows})
        kept.sql("delete from composite where rollout_id = 'i1/p/0' and rubric_id = ?", [RUBRIC])

        after = kept.sql("select rollout_id, rubric_id, reward from stg_attempt order by all").rows()

    assert [row for row in after if row[0] != "i1/p/0"] == [row for row in before if row[0] != "i1/p/0"]
    assert [row for row in after if row[0] == "i1/p/0"] == [("i1/p/0", RUBRIC, None)]
    # Nor does a second question start from it, or show it.
    with what_if(path, [rubric(run_id="run-2", b=1.0)]) as changed:
        assert set(changed.view("composite")["rubric_id"]) == {RUBRIC, "new"}
        assert changed.sql("select count(*) as n from composite where rubric_id = 'new'")["n"][0] == 1


def test_there_must_be_a_file(tmp_path: Path) -> None:
    """Nothing is made where nothing is."""
    with pytest.raises(WarehouseError, match="there is no database"), what_if(tmp_path / "none.duckdb", []):
        pass
    assert list(tmp_path.iterdir()) == []
