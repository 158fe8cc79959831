"""Calibration sets: what is in the frame, what is drawn, that weights undo the draw, and nothing drawn twice."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
import pytest

from flows.calibration.draw import draw
from flows.calibration.frame import FrameRequest
from flows.calibration.sample import DrawnSet, NothingToDrawError, SampleRequest, draw_into
from flows.calibration.sheet import read_sheet
from flows.calibration.strata import Shares, stratify
from flows.errors import InputError
from tests import support_sampling as sampling
from tests.support_sampling import DIMENSION, FAMILY, JUDGE, VERSION, judged, populate, rate, rollout_id
from tests.warehouse.rows import recycled, taken
from warehouse import Warehouse


@pytest.fixture
def empty() -> Iterator[Warehouse]:
    """An empty warehouse in memory, handed on from test to test."""
    with recycled():
        yield taken()


def drawn_from(warehouse: Warehouse, n: int = 40, **more: Any) -> DrawnSet:
    """Draw a set; what the frame request knows goes there."""
    frame = {name: more.pop(name) for name in FrameRequest.__dataclass_fields__.keys() & more.keys()}
    return draw_into(warehouse, SampleRequest(FrameRequest(**{"dimension": DIMENSION, **frame}), n=n, **more))


def items(warehouse: Warehouse, drawn: DrawnSet) -> pl.DataFrame:
    """Return the items of a set."""
    return warehouse.sql("from calibration_item where set_id = ? order by rollout_id", [drawn.set_id])


def framed(warehouse: Warehouse, drawn: DrawnSet) -> set[str]:
    """Return the rollouts that could be drawn."""
    found = warehouse.sql("select rollout_id from calibration_frame where set_id = ?", [drawn.set_id])
    return set(found["rollout_id"])


def test_a_set_adds_up(empty: Warehouse) -> None:
    """180 rollouts, 40 drawn: strata, frame and items agree; weights add up to the frame."""
    populate(empty)

    drawn = drawn_from(empty, raters=("anna", "ben", "cem"))
    sampled = items(empty, drawn)

    assert drawn.is_new
    assert (drawn.n_items, sampled.height, drawn.head["n_frame"], len(framed(empty, drawn))) == (40, 40, 180, 180)
    assert sampled["weight"].sum() == pytest.approx(180)
    in_frame = empty.sql("select stratum, count(*) as n from calibration_frame group by stratum")
    assert dict(in_frame.iter_rows()) == dict(drawn.strata.select("stratum", "n_frame").iter_rows())
    in_set = sampled.group_by("stratum").agg(pl.len(), pl.col("weight").sum())
    for stratum, n, weight in in_set.iter_rows():
        row = drawn.strata.row(by_predicate=pl.col("stratum") == stratum, named=True)
        assert (n, weight) == (row["n_sampled"], pytest.approx(row["n_frame"]))
        assert row["inclusion_probability"] == row["n_sampled"] / row["n_frame"]
    assert (drawn.head["allocation"], drawn.head["judge"], drawn.head["family"]) == ("power", None, FAMILY)


def test_raters_get_what_the_set_says(empty: Warehouse) -> None:
    """The sheet has the rubric, texts as they were hashed, and an order for each; wanted is what is dealt."""
    populate(empty)
    drawn = drawn_from(empty, raters=("anna", "ben", "cem"))

    sheet = read_sheet(empty, drawn.set_id)
    assert sheet.raters == ("anna", "ben", "cem")
    hashes = dict(items(empty, drawn).select("item_id", "text_hash").iter_rows())
    assert {item.item_id: item.text_hash for item in sheet.items} == hashes
    # 40 items, 4 of them for all three, 36 for two: 84 ratings, 28 each.
    assert {rater: len(order) for rater, order in sheet.assigned.items()} == dict.fromkeys(sheet.raters, 28)
    assert items(empty, drawn)["raters_wanted"].sum() == 84
    assert sorted(items(empty, drawn)["raters_wanted"].to_list()) == [2] * 36 + [3] * 4


def test_more_raters_for_what_is_said_to_be_good(empty: Warehouse) -> None:
    """--raters-top counts for the bands good and top alone, also where nobody is named."""
    populate(empty)

    sampled = items(empty, drawn_from(empty, raters_per_item=1, raters_top=3))

    wanted = sampled.group_by(pl.col("stratum").str.split("|").list.first()).agg(pl.col("raters_wanted").unique())
    assert {band: list(n) for band, n in wanted.iter_rows()} == {
        "low": [1], "mid": [1], "good": [3], "top": [3], "unknown": [1],
    }  # fmt: skip


def test_the_same_command_is_the_same_set(empty: Warehouse) -> None:
    """Repeated, also after ratings, it changes nothing; on a copy it draws the same items."""
    populate(empty)
    first = drawn_from(empty)
    before = {name: empty.view(name) for name in ("calibration_set", "calibration_item", "calibration_frame")}
    rate(empty, items(empty, first)["rollout_id"].to_list()[:5], lambda _: 0.5)

    again = drawn_from(empty)

    assert (again.set_id, again.is_new) == (first.set_id, False)
    for name, frame in before.items():
        assert empty.view(name).equals(frame)
    with Warehouse.in_memory() as copy:
        populate(copy)
        elsewhere = drawn_from(copy)
        assert elsewhere.set_id == first.set_id
        assert elsewhere.head["frame_hash"] == first.head["frame_hash"]
        assert items(copy, elsewhere).equals(before["calibration_item"].sort("rollout_id"))


def test_another_seed_is_another_set_of_others(empty: Warehouse) -> None:
    """What stands in a set already is left out, whether it was rated or not."""
    populate(empty)
    first, second = drawn_from(empty), drawn_from(empty, seed=1)

    assert first.set_id != second.set_id
    assert set(items(empty, first)["rollout_id"]).isdisjoint(items(empty, second)["rollout_id"])
    assert (second.head["n_frame"], second.head["n_already_rated"]) == (140, 0)
    assert second.head["config"]["n_already_drawn"] == 40


def test_what_was_rated_is_never_drawn(empty: Warehouse) -> None:
    """Also where the rater could not assess it; ratings of another dimension do not count. --again takes all."""
    populate(empty)
    known = [rollout_id(at, "sim/mid", 0) for at in range(20)]
    rate(empty, known[:10], lambda _: 0.5)
    rate(empty, known[10:], lambda _: None)
    empty.merge("rating", [{"rollout_id": rollout_id(0, "sim/mid", 1), "dimension": "tone", "rater": "a", "score": 1}])

    drawn, again = drawn_from(empty, 500), drawn_from(empty, 500, again=True)

    assert framed(empty, drawn).isdisjoint(known)
    assert (drawn.n_items, drawn.head["n_already_rated"], again.n_items) == (160, 20, 180)


def test_a_copy_that_was_graded_again_is_the_same_attempt(empty: Warehouse) -> None:
    """It stands once, as the latest run grades it, and was rated where its source was."""
    populate(empty)
    populate(empty, run="run-2", said=lambda *_: (0.5, 0.5))
    empty.sql("""update run set config = '{"regraded_from": "run-1"}' where run_id = 'run-2'""")
    rate(empty, [rollout_id(0, "sim/weak", 0)], lambda _: 0.5)

    drawn = drawn_from(empty)

    assert (drawn.head["n_frame"], drawn.head["n_already_rated"]) == (179, 1)
    assert all(name.startswith("run-2/") for name in framed(empty, drawn))
    assert drawn.strata["quality_band"].to_list() == ["mid"] * 3
    # Of the source alone: as it was graded then.
    assert set(drawn_from(empty, runs=("run-1",), again=True).strata["quality_band"]) > {"mid"}


def test_only_what_can_be_rated_is_in_the_frame(empty: Warehouse) -> None:
    """Seed examples, lost, refused and empty ones, probes, and runs under way are not."""
    populate(empty, 10, 1)
    populate(empty, 1, 1, first=90, run="run-2", status="running")
    populate(empty, 1, 1, first=91, policies=("probe/echo",))
    populate(empty, 1, 1, first=92)
    empty.sql("update instance set split = 'seed' where instance_id = 'i92'")
    empty.sql("update policy set kind = 'probe' where policy_id = 'probe/echo'")
    out = [rollout_id(0, policy, 0) for policy in sampling.POLICIES]
    empty.sql("update rollout set status = 'error' where rollout_id = ?", out[:1])
    empty.sql("update rollout set status = 'refused' where rollout_id = ?", out[1:2])
    empty.sql("update rollout set output = ? where rollout_id = ?", [" \n", out[2]])

    expected = {rollout_id(at, policy, 0) for at in range(1, 10) for policy in sampling.POLICIES}
    assert framed(empty, drawn_from(empty)) == expected
    assert framed(empty, drawn_from(empty, policies=("probe/echo",))) == {rollout_id(91, "probe/echo", 0)}


def test_only_what_is_new(empty: Warehouse) -> None:
    """Frames of successive sets are parts of all there is: their weights add up to it."""
    populate(empty)
    first = drawn_from(empty, only_new=True)
    with pytest.raises(NothingToDrawError, match="nothing is left to draw"):
        drawn_from(empty, seed=1, only_new=True)
    populate(empty, 10, run="run-2", first=50)

    second = drawn_from(empty, only_new=True)

    assert (first.head["n_frame"], second.head["n_frame"]) == (180, 90)
    assert second.is_new
    assert empty.view("calibration_item")["weight"].sum() == pytest.approx(270)


def test_more_than_there_are_takes_all(empty: Warehouse) -> None:
    """Every one with certainty."""
    populate(empty, 5, 1)

    drawn = drawn_from(empty, 100)

    assert (drawn.n_items, set(items(empty, drawn)["weight"])) == (15, {1.0})


def test_bands_are_those_of_the_judge_where_one_judged(empty: Warehouse) -> None:
    """A verdict counts within what code proves; where there is none, code's interval does; the latest version only."""
    populate(empty, 20, 1, said=lambda *_: (0.0, 1.0))
    populate(empty, 20, 1, run="run-2", first=30, said=lambda at, *_: (0.0, 0.5 if at < 40 else 1.0))
    judged(empty, lambda _: 0.1, version="old")
    empty.sql("delete from score where grader_version = 'old' and rollout_id like 'run-2/%'")
    with Warehouse.in_memory() as other:
        populate(other, 20, 1, run="run-2", first=30)
        judged(other, lambda name: None if "/sim/mid/" in name else 0.95)
        empty.merge("score", other.sql("from score where source = 'judge'"))

    drawn = drawn_from(empty, 1000, runs=("run-2",))
    bands = empty.sql("select split_part(stratum, '|', 1) as band, count(*) as n from calibration_frame group by all")

    assert (drawn.head["judge"], drawn.head["grader_version"]) == (JUDGE, VERSION)
    # No verdict on 20 of 60; else .95, but .5 where code proves that it is not more.
    assert dict(bands.iter_rows()) == {"unknown": 20, "mid": 20, "top": 20}
    everything = drawn_from(empty, 1000, again=True)
    # The verdicts of run-1 are of the old version alone.
    assert set(everything.strata["quality_band"]) == {"unknown", "mid", "top"}


def test_with_several_judges_code_bands(empty: Warehouse) -> None:
    """Unless one is named; all are told."""
    populate(empty)
    judged(empty, lambda _: 0.95)
    judged(empty, lambda _: 0.1, judge="anthropic/other")

    drawn = drawn_from(empty)
    named = drawn_from(empty, judge="anthropic/other", again=True)

    assert (drawn.head["judge"], list(drawn.judges)) == (None, [JUDGE, "anthropic/other"])
    assert named.head["judge"] == "anthropic/other"


def test_neyman_once_disagreement_is_known(empty: Warehouse) -> None:
    """Raters scatter on good work alone: of it more is drawn than of as many that are bad."""
    populate(empty, 60, 2, said=lambda at, *_: (0.1, 0.1) if at % 2 else (0.8, 0.8), policies=("sim/mid",))
    rated = [rollout_id(at, "sim/mid", 0) for at in range(40)]
    rate(
        empty, rated, lambda name: 0.1 if int(name.split("/")[1]) % 2 else 0.6 + 0.4 * (int(name.split("/")[1]) % 4 > 1)
    )

    drawn = drawn_from(empty, 20)

    assert (drawn.head["allocation"], set(drawn.strata["sigma_source"])) == ("neyman", {"ratings"})
    sigma = dict(drawn.strata.select("quality_band", "sigma").iter_rows())
    given = dict(drawn.strata.select("quality_band", "n_sampled").iter_rows())
    assert sigma["good"] > 1.4 * sigma["low"]
    # Equal sizes: in proportion to sigma.
    assert given["good"] / given["low"] == pytest.approx(sigma["good"] / sigma["low"], rel=0.15)


def test_weights_undo_what_the_tail_factor_does(empty: Warehouse) -> None:
    """The mean of what code said, known for all: weighted it is met over 300 seeds, unweighted it is far too high."""
    rng = np.random.default_rng(0)
    values = rng.beta(2, 2, 600)
    frame = pl.DataFrame(
        {
            "rollout_id": [f"r{at:03}" for at in range(600)],
            "instance_id": [f"i{at // 4}" for at in range(600)],
            "policy_id": [f"p{at % 3}" for at in range(600)],
            "difficulty": rng.random(600),
            **dict.fromkeys(("low", "high", "before_low", "before_high"), values),
        }
    )
    asked = Shares(60, "power", frozenset({"top"}), 2.0, dict.fromkeys(("low", "mid", "good", "top", "unknown"), 0.2))
    placed, strata = stratify(frame, asked)
    given = asked.of({one.name: (one.quality_band, one.n_frame) for one in strata})
    weighted, plain = [], []
    for seed in range(300):
        drawn = draw(placed, strata, given, seed)
        assert drawn["weight"].sum() == pytest.approx(600)
        weighted.append((drawn["low"] * drawn["weight"]).sum() / 600)
        plain.append(drawn["low"].mean())

    error = float(np.std(weighted, ddof=1)) / np.sqrt(300)
    assert abs(np.mean(weighted) - values.mean()) < 4 * error
    assert np.mean(plain) - values.mean() > 0.05


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (
            {"dimension": "nope"},
            "no rollout has a score on a dimension 'nope'; dimensions with scores and a rubric: fa",
        ),
        ({"dimension": "style"}, "no rubric by which people could rate 'style'"),
        ({"family": "citation_grounding"}, "citation_grounding has no score on a dimension 'faithfulness'"),
        ({"judge": "me"}, "'me' judged no rollout on 'faithfulness'; judges that did: none"),
        ({"policies": ("sim/wek",)}, "did you mean 'sim/weak'"),
        ({"runs": ("run-9",)}, "there is no run 'run-9'"),
        ({"runs": ("run-2",)}, "run run-2 is not completed"),
        ({"n": 0}, "--n 0"),
        ({"tail_from": 0.8}, "--tail-from 0.8: the tail begins where a band does, at one of 0, 0.4, 0.7, 0.9"),
        ({"tail_factor": 0.5}, "--tail-factor 0.5"),
        ({"allocation": "neyman"}, "0 of 20 rollouts are rated"),
        ({"raters": ("a",), "raters_per_item": 2}, "there are 1 raters"),
    ],
)
def test_what_cannot_be_drawn_is_told(empty: Warehouse, more: dict[str, Any], told: str) -> None:
    """One line, and nothing is written."""
    populate(empty, 2, 1)
    populate(empty, 1, 1, run="run-2", first=9, status="running")
    ids = [rollout_id(0, "sim/weak", 0)]
    empty.merge("score", sampling.score_rows(ids, [(0.5, 0.5)], dimension="style"))

    with pytest.raises(InputError, match=told):
        drawn_from(empty, **more)

    assert empty.view("calibration_set").is_empty()


def test_a_dimension_of_two_families_needs_one(empty: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are named; with --family it is drawn from that one."""
    from flows.calibration import frame
    from graders.judge.rubric import judge_rubrics

    populate(empty)
    empty.merge_all(
        {
            "instance": [sampling.instance_row(70, 1, family="other")],
            "score": sampling.score_rows(["x"], [(0.5, 0.5)], family="other"),
        }
    )
    empty.sql("insert into rollout select * replace ('x' as rollout_id, 'i70' as instance_id) from rollout limit 1")
    monkeypatch.setattr(frame, "judge_rubrics", lambda _: judge_rubrics(FAMILY))

    with pytest.raises(
        InputError, match="doc_revision, other have a dimension 'faithfulness'; choose one with --family"
    ):
        drawn_from(empty)
    assert drawn_from(empty, family="other").n_items == 1


def test_a_name_is_taken_once(empty: Warehouse) -> None:
    """The same draw under it is the same set; another one is refused."""
    populate(empty)
    assert drawn_from(empty, name="pilot").set_id == "pilot"
    assert not drawn_from(empty, name="pilot").is_new

    with pytest.raises(InputError, match="there is a calibration set 'pilot' already"):
        drawn_from(empty, 30, name="pilot")


def test_everything_the_draw_follows_from_is_kept(empty: Warehouse) -> None:
    """Request, runs, merge rule: enough to draw the set again."""
    populate(empty)
    drawn = drawn_from(empty, seed=3, raters=("anna", "ben"))

    kept = json.loads(empty.sql("select config from calibration_set")["config"][0])
    assert kept == drawn.head["config"]
    assert kept["request"]["seed"] == 3
    assert kept["runs"] == ["run-1"]
    assert {"population_hash", "n_population", "wide_from", "merge_below", "merge_rule"} <= kept.keys()
