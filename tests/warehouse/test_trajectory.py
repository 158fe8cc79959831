"""trajectory, checkpoint_change: what a step of training moved, and what may not be compared."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from scipy import stats

from tests.warehouse.rows import FAMILY, RUN, Lab
from warehouse.estimates import refresh

Cells = Sequence[float | None]
"""One per instance; None: nothing is known."""


def checkpoint(
    lab: Lab,
    name: str,
    parent: str | None = None,
    *,
    run: str = RUN,
    version: str = "1",
    rubric: str = "fam-1",
    reward: Cells | None = None,
    first: int = 0,
    **dimensions: Cells,
) -> None:
    """Add a checkpoint with one rollout an instance; the reward is that of the first dimension, or 0."""
    n = len(reward or next(iter(dimensions.values())))
    lab.add("policy", policy_id=name, name=name, kind="replay", regime={}, parent=parent)
    with lab.together():
        for place in range(n):
            instance = f"i{first + place}"
            lab.place(instance, name, "replay")
            key = f"{run}/{instance}/{name}"
            lab.rollout(instance, name, 0, run_id=run, rollout_id=key)
            lab.composite(key, (reward[place] if reward else 0.0) or 0.0, rubric=rubric)
            for dimension, cells in dimensions.items():
                cell = cells[place]
                lab.score(key, dimension, *((0.0, 1.0) if cell is None else (cell,)), grader_version=version)


def second_run(lab: Lab, run: str = "run-2", status: str = "completed", **config: str) -> None:
    """Add another run."""
    lab.add(
        "run", run_id=run, config=config, config_hash="c", taskset_hash="t", code_version="1",
        started_at=datetime(2026, 2, 1, tzinfo=UTC), ended_at=None, status=status, n_planned=0,
    )  # fmt: skip


def binary(n: int, ones: int) -> list[float]:
    """Return n values of which the first few are 1."""
    return [1.0] * ones + [0.0] * (n - ones)


def row(lab: Lab, policy: str, dimension: str = "d") -> dict[str, Any]:
    """Refresh and return one row of the view."""
    refresh(lab.warehouse)
    return lab.one("trajectory", policy_id=policy, dimension=dimension)


def test_trajectory_of_three_checkpoints() -> None:
    """69, 80 and 67 of 80: .8625, 1, .8375; up against the base, down against the parent."""
    lab = Lab()
    checkpoint(lab, "base", d=binary(80, 69))
    checkpoint(lab, "v1", "base", d=binary(80, 80))
    checkpoint(lab, "dpo", "v1", d=binary(80, 67))
    base, moved, fell = row(lab, "base"), row(lab, "v1"), row(lab, "dpo")

    assert (base["mean"], moved["mean"], fell["mean"]) == (0.8625, 1.0, 0.8375)
    assert (base["parent"], base["base"], base["status"], base["status_from_base"], base["reason"]) == (None,) * 5
    assert (moved["parent"], moved["base"], moved["status"], moved["status_from_base"]) == (
        "base", "base", "moved", "moved",
    )  # fmt: skip
    assert (fell["parent"], fell["base"], fell["status"], fell["status_from_base"]) == (
        "v1", "base", "regressed", "unclear",
    )  # fmt: skip
    assert (moved["delta_from_parent"], fell["delta_from_parent"], fell["delta_from_base"]) == pytest.approx(
        (0.1375, -0.1625, -0.025)
    )
    assert moved["delta_parent_low"] > 0 > fell["delta_parent_high"]
    assert (moved["share_at_ceiling"], fell["share_at_ceiling"], moved["margin"]) == (1.0, 0.8375, 0.05)
    assert (moved["n_instances"], moved["n_rollouts"], moved["n_to_decide"]) == (80, 80, None)
    # Three comparisons: Holm is among all three, and the first is the parent's and the base's at once.
    assert len([one for one in lab.view("checkpoint_change") if one["dimension"] == "d"]) == 3


def test_trajectory_interval_is_student_by_instance() -> None:
    """80 instances, 69 of them 1: t with 79 degrees of freedom; all alike: 1 - .025^(1/80) = .0451 may be otherwise."""
    lab = Lab()
    checkpoint(lab, "base", d=binary(80, 69))
    checkpoint(lab, "v1", "base", d=binary(80, 80))
    base, top = row(lab, "base"), row(lab, "v1")

    half = stats.t.ppf(0.975, 79) * (0.8625 * 0.1375 * 80 / 79) ** 0.5 / 80**0.5
    assert (base["ci_low"], base["ci_high"]) == pytest.approx((0.8625 - half, 0.8625 + half), abs=1e-4)
    assert (top["ci_low"], top["ci_high"]) == (pytest.approx(0.025 ** (1 / 80)), 1.0)


def test_trajectory_below_ten_instances_claims_nothing() -> None:
    """Values are shown, intervals are not; nine ones after nine zeros are unclear."""
    lab = Lab()
    checkpoint(lab, "base", d=binary(9, 0))
    checkpoint(lab, "v1", "base", d=binary(9, 9))
    seen = row(lab, "v1")

    assert (seen["mean"], seen["delta_from_parent"], seen["status"]) == (1.0, 1.0, "unclear")
    assert (seen["ci_low"], seen["ci_high"], seen["delta_parent_low"], seen["delta_parent_high"]) == (None,) * 4


def test_what_never_changed_is_flat_or_unclear_by_its_number() -> None:
    """No change on 59 instances is flat within .05, on 40 it is not shown."""
    for n, status, needed in ((59, "flat", None), (40, "unclear", 59)):
        lab = Lab()
        checkpoint(lab, "base", d=binary(n, 8))
        checkpoint(lab, "v1", "base", d=binary(n, 8))
        seen = row(lab, "v1")
        assert (seen["status"], seen["status_from_base"], seen["n_to_decide"]) == (status, status, needed)


def test_margin_is_that_of_the_latest_run() -> None:
    """A run that sets it tighter needs more instances: 1 - .05^(1/n) <= .025 from 119 on."""
    lab = Lab()
    checkpoint(lab, "base", d=binary(60, 8))
    checkpoint(lab, "v1", "base", d=binary(60, 8))
    lab.add("threshold", run_id=RUN, name="change_margin", value=0.025)
    seen = row(lab, "v1")

    assert (seen["margin"], seen["status"], seen["n_to_decide"]) == (0.025, "unclear", 119)


def test_unassessed_is_left_out_and_counted() -> None:
    """Nothing known on 5 of 20 instances after: 15 are compared, and it is said on how many rollouts."""
    lab = Lab()
    checkpoint(lab, "base", d=binary(20, 20))
    checkpoint(lab, "v1", "base", d=[None] * 5 + [0.0] * 15)
    seen = row(lab, "v1")
    (change,) = [one for one in lab.view("checkpoint_change") if one["dimension"] == "d"]

    assert (seen["n_instances"], seen["n_unassessed"], seen["mean"]) == (15, 5, 0.0)
    assert (change["n_instances"], change["n_left_out"], change["delta"]) == (15, 5, -1.0)
    assert "5 shared instances are left out" in seen["reason"]
    assert "0% were unassessed before and 25% after" in seen["reason"]


def test_all_unassessed_is_no_number() -> None:
    """No mean, no interval, no difference, unclear."""
    lab = Lab()
    checkpoint(lab, "base", d=binary(20, 20))
    checkpoint(lab, "v1", "base", d=[None] * 20)
    seen = row(lab, "v1")

    assert (seen["mean"], seen["ci_low"], seen["delta_from_parent"], seen["share_at_ceiling"]) == (None,) * 4
    assert (seen["n_instances"], seen["status"]) == (0, "unclear")


def test_lost_rollouts_never_count_and_are_said() -> None:
    """Two of twenty attempts were lost: no zero, and a word about it."""
    lab = Lab()
    checkpoint(lab, "base", d=binary(20, 20))
    checkpoint(lab, "v1", "base", d=binary(18, 18))
    for place in (18, 19):
        lab.rollout(f"i{place}", "v1", 0, "error", error="timeout")
    seen = row(lab, "v1")

    assert (seen["mean"], seen["n_rollouts"], seen["delta_from_parent"]) == (1.0, 18, 0.0)
    assert "Lost to infrastructure: 0% of the rollouts before, 10% after" in seen["reason"]


def test_other_grader_versions_are_not_compared() -> None:
    """Between versions nothing is said but what to do; the composite is no exception."""
    lab = Lab()
    checkpoint(lab, "base", d=binary(60, 0), reward=binary(60, 0))
    checkpoint(lab, "v1", "base", version="2", d=binary(60, 60), reward=binary(60, 60))

    for dimension in ("d", "composite"):
        seen = row(lab, "v1", dimension)
        assert (seen["mean"], seen["delta_from_parent"], seen["status"]) == (1.0, None, "unclear")
        assert "code 1 before" in seen["reason"]
        assert "assay regrade" in seen["reason"]


def test_one_grader_in_two_versions_is_not_compared() -> None:
    """Half of the rollouts by an older version on both sides: the same mixture is no common ground."""
    lab = Lab()
    for name, parent in (("base", None), ("v1", "base")):
        checkpoint(lab, name, parent, d=binary(30, 30))
        checkpoint(lab, name, parent, version="2", first=30, d=binary(30, 30))
    seen = row(lab, "v1")

    assert (seen["status"], seen["delta_from_parent"]) == ("unclear", None)
    assert "Several versions" in seen["reason"]


def test_other_rubrics_concern_the_composite_only() -> None:
    """A dimension has no weight of its own: it is compared; what was weighed differently is not."""
    lab = Lab()
    second_run(lab)
    checkpoint(lab, "base", d=binary(60, 30), reward=binary(60, 30))
    checkpoint(lab, "v1", "base", run="run-2", rubric="fam-2", d=binary(60, 30), reward=binary(60, 60))

    assert row(lab, "v1")["status"] == "flat"
    assert row(lab, "v1", "composite")["delta_from_parent"] is None


def test_the_common_graders_are_found_among_several_runs() -> None:
    """The base was graded by the old version and again by the new: the checkpoint is compared under the new."""
    lab = Lab()
    second_run(lab)
    checkpoint(lab, "base", d=binary(60, 60))
    checkpoint(lab, "base", run="run-2", version="2", d=binary(60, 0))
    checkpoint(lab, "v1", "base", run="run-2", version="2", d=binary(60, 60))
    seen, base = row(lab, "v1"), row(lab, "base")

    assert (seen["status"], seen["delta_from_parent"]) == ("moved", 1.0)
    # Of two equally large halves the later version counts for the mean, and the other half is told.
    assert (base["mean"], base["n_other_graders"], base["graders"]) == (0.0, 60, "code 2")


def test_runs_are_pooled_by_rollout_and_unfinished_ones_left_out() -> None:
    """Two of an instance's three rollouts earn 1, in two runs; a running run is not there yet."""
    lab = Lab()
    second_run(lab)
    second_run(lab, "run-3", "running")
    checkpoint(lab, "base", d=binary(10, 10))
    checkpoint(lab, "v1", "base", d=binary(10, 10))
    checkpoint(lab, "v1", "base", run="run-2", d=binary(10, 0))
    checkpoint(lab, "v1", "base", run="run-3", d=binary(10, 0))
    lab.rollout("i0", "v1", 1, run_id="run-2", rollout_id="extra")
    lab.composite("extra", 1.0)
    lab.score("extra", "d", 1.0)
    seen = row(lab, "v1")

    assert seen["n_rollouts"] == 21
    assert seen["mean"] == pytest.approx((2 / 3 + 9 * 0.5) / 10)


def test_judge_that_was_not_needed_is_still_a_grader() -> None:
    """Code settled all of one checkpoint and left a part of the other to the judge of the same run."""
    lab = Lab()
    checkpoint(lab, "base", d=binary(60, 30))
    checkpoint(lab, "v1", "base", d=binary(60, 30))
    lab.score(f"{RUN}/i0/base", "d", 0.0, 1.0, grader_id="judge/m", source="judge")

    assert row(lab, "v1")["delta_from_parent"] == 0.0


def test_parents_that_are_names_strangers_or_circles() -> None:
    """A name that one policy has is that policy; nobody's name is told; a circle has no base and ends."""
    lab = Lab()
    lab.add("policy", policy_id="p#1", name="p", kind="model", regime={"t": 1}, parent=None)
    for name, parent in (("named", "p"), ("lost", "stranger"), ("child", "lost"), ("a", "b"), ("b", "a")):
        checkpoint(lab, name, parent, d=binary(20, 10))
    refresh(lab.warehouse)
    lines = {one["policy_id"]: (one["parent"], one["base"]) for one in lab.view("stg_lineage")}

    assert lines == {
        "p#1": (None, None), "named": ("p#1", "p#1"), "lost": ("stranger", None), "child": ("lost", "lost"),
        "a": ("b", None), "b": ("a", None),
    }  # fmt: skip
    stranger = row(lab, "lost")
    assert (stranger["status"], stranger["delta_from_parent"], stranger["status_from_base"]) == ("unclear", None, None)
    assert "stranger has no graded rollouts on fam, split train" in stranger["reason"]
    assert row(lab, "child")["delta_from_parent"] == 0.0


def test_two_policies_of_one_name_are_no_parent() -> None:
    """Two regimes of one model: which one it was trained from is not guessed."""
    lab = Lab()
    for regime in (1, 2):
        lab.add("policy", policy_id=f"p#{regime}", name="p", kind="model", regime={"t": regime}, parent=None)
    checkpoint(lab, "v1", "p", d=binary(20, 10))

    assert row(lab, "v1")["parent"] == "p"
    assert "p has no graded rollouts" in row(lab, "v1")["reason"]


def test_refresh_replaces_what_no_longer_follows() -> None:
    """Rows of a comparison that is gone are gone; twice is once; without checkpoints nothing is done."""
    lab = Lab()
    checkpoint(lab, "base", d=binary(20, 10))
    assert refresh(lab.warehouse)["checkpoint_change"] == 0
    checkpoint(lab, "other", d=binary(20, 10))
    checkpoint(lab, "v1", "base", d=binary(20, 10))
    assert refresh(lab.warehouse)["checkpoint_change"] == 2
    assert refresh(lab.warehouse)["checkpoint_change"] == 2

    lab.add("policy", policy_id="v1", name="v1", kind="replay", regime={}, parent="other")
    refresh(lab.warehouse)
    assert {one["base_policy"] for one in lab.view("checkpoint_change")} == {"other"}
    lab.warehouse.sql("update policy set parent = null")
    assert refresh(lab.warehouse)["checkpoint_change"] == 0
    assert lab.view("trajectory") == []


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({}, ("base", "sft", 10)),
        ({"step": 20}, ("base", "sft", 20)),
        ({"parent": "base", "intervention": "dpo"}, ("base", "dpo", 10)),
        ({"parent": "v0"}, ("v0", None, None)),
    ],
)
def test_descent_is_the_latest_that_was_said(said: Mapping[str, Any], kept: tuple[str, str | None, int | None]) -> None:
    """Silence erases nothing; another parent takes what was done to the first one with it; the rest stays as it was."""
    lab = Lab()
    spec = {"policy_id": "v1", "name": "v1", "kind": "replay", "regime": {}}
    lab.add("policy", **spec)
    lab.add("policy", **spec, parent="base", intervention="sft", step=10)
    lab.add("policy", **{**spec, "kind": "model"}, **said)
    policy = lab.one("policy", policy_id="v1")

    assert (policy["parent"], policy["intervention"], policy["step"]) == kept
    assert policy["kind"] == "replay"


def test_a_split_and_a_family_stand_alone() -> None:
    """What was seen on one split says nothing about another, and is not adjusted with it."""
    lab = Lab()
    checkpoint(lab, "base", d=binary(20, 0))
    checkpoint(lab, "v1", "base", d=binary(20, 20))
    stress = {
        "instance_id": "s", "family": FAMILY, "template_version": "1", "archetype": "plain", "seed": 0,
        "difficulty": None, "knobs": {}, "mode": "multi", "split": "stress", "prompt": "", "materials": {}, "truth": {},
    }  # fmt: skip
    lab.add("instance", **stress)
    for name in ("base", "v1"):
        key = lab.rollout("s", name, 0)
        lab.composite(key, 0.0)
        lab.score(key, "d", 0.0)
    refresh(lab.warehouse)
    rows = {one["split"]: one for one in lab.view("trajectory") if one["policy_id"] == "v1" and one["dimension"] == "d"}

    assert (rows["train"]["mean"], rows["train"]["status"]) == (1.0, "moved")
    assert (rows["stress"]["mean"], rows["stress"]["n_instances"], rows["stress"]["status"]) == (0.0, 1, "unclear")


def test_a_regrade_beside_its_source_counts_once() -> None:
    """Eleven rollouts of one instance in run 1, regraded twice, and one of run 4: (11 x 0 + 1) / 12, not 1 / 34."""
    lab = Lab()
    checkpoint(lab, "base", d=[0.5])
    checkpoint(lab, "new", "base", d=[0.0])
    for sample in range(1, 11):
        key = lab.rollout("i0", "new", sample)
        lab.composite(key, 0.0)
        lab.score(key, "d", 0.0)
    for run, source in (("run-2", "run-1"), ("run-3", "run-2")):
        second_run(lab, run, regraded_from=source)
        for sample in range(11):
            key = f"{run}/{sample}"
            lab.rollout("i0", "new", sample, run_id=run, rollout_id=key)
            lab.composite(key, 0.0)
            lab.score(key, "d", 0.0)
    second_run(lab, "run-4")
    checkpoint(lab, "new", "base", run="run-4", d=[1.0], reward=[1.0])

    for dimension in ("d", "composite"):
        found = row(lab, "new", dimension)
        assert (found["n_rollouts"], found["mean"], found["n_other_graders"]) == (12, pytest.approx(1 / 12), 0)
    origins = {one["run_id"]: one["origin"] for one in lab.view("stg_origin")}
    assert origins == {"run-1": "run-1", "run-2": "run-1", "run-3": "run-1", "run-4": "run-4"}


def test_a_regrade_without_its_source_and_runs_in_a_circle_stand_alone() -> None:
    """Neither is pooled with anything, and neither is lost."""
    lab = Lab()
    for run, source in (("run-2", "gone"), ("run-3", "run-4"), ("run-4", "run-3")):
        second_run(lab, run, regraded_from=source)

    assert [one["origin"] for one in lab.view("stg_origin")] == ["run-1", "run-2", "run-3", "run-4"]


def test_other_thresholds_of_a_rubric_are_not_compared() -> None:
    """One version of the grader, which reads them: what it lets pass is no progress."""
    lab = Lab()
    second_run(lab)
    checkpoint(lab, "base", d=binary(20, 5))
    checkpoint(lab, "new", "base", run="run-2", rubric="fam-2", d=binary(20, 20))
    assert row(lab, "new")["status"] == "moved"

    for rubric, least in (("fam-1", 0.9), ("fam-2", 0.1)):
        lab.add("rubric", rubric_id=rubric, family=FAMILY, content={"thresholds": {"least": least}})
    found = row(lab, "new")
    assert (found["status"], found["delta_from_parent"]) == ("unclear", None)
    assert "Graded differently" in found["reason"]


def test_what_a_checkpoint_left_out_and_what_was_settled_since_is_said() -> None:
    """Eight of twenty instances less, and .6 of the score open before: both make a rise that is no progress."""
    lab = Lab()
    checkpoint(lab, "base", d=binary(20, 12))
    checkpoint(lab, "new", "base", d=binary(12, 12))
    assert "Of the 20 instances before, 8 were not attempted after. " in row(lab, "new")["reason"]

    lab = Lab()
    for name, parent, low, high in (("base", None, 0.4, 1.0), ("new", "base", 0.7, 0.7)):
        lab.add("policy", policy_id=name, name=name, kind="replay", regime={}, parent=parent)
        for place in range(12):
            lab.place(f"i{place}", name, "replay")
            key = lab.rollout(f"i{place}", name, 0)
            lab.composite(key, low, high=high)
            lab.score(key, "d", low, high)
    for dimension in ("d", "composite"):
        assert "Left open was 0.60 of the score before and 0.00 after" in row(lab, "new", dimension)["reason"]
