"""The staging views (stg_*) that the public ones are made of."""

import pytest
from scipy import stats

from tests.warehouse.rows import FAMILY, Lab


def test_stg_attempt_places_every_rollout() -> None:
    """A graded, a lost and an ungraded rollout; a ladder and a probe carry their names."""
    lab = Lab()
    lab.group([0.3], [0.6], lost=1, work=0.5)
    lab.rollout("i1", "sim/mid", 2)
    lab.probe("echo", "zero", {"i1": 0.1})
    lab.ladder("drop", [None, 0.9])

    rows = {row["rollout_id"]: row for row in lab.view("stg_attempt")}
    graded, lost, ungraded = (rows[f"i1/sim/mid/{sample}"] for sample in range(3))
    assert (graded["reward"], graded["uncapped"], graded["is_capped"], graded["work"]) == (0.3, 0.6, True, 0.5)
    assert (lost["is_lost"], lost["is_graded"], lost["reward"]) == (True, False, None)
    assert (ungraded["is_lost"], ungraded["is_graded"], ungraded["reward"]) == (False, False, None)
    assert rows["i1/probe/echo/0"]["probe"] == "echo"
    rung = rows["i1/ladder/drop@1/0"]
    assert (rung["operator"], rung["severity"], rung["is_group"], rung["family"]) == ("drop", 1, False, FAMILY)


def test_stg_attempt_ignores_the_reward_of_a_lost_rollout() -> None:
    """Even where something graded it, a rollout lost to infrastructure has no reward."""
    lab = Lab()
    lab.place("i1", "sim/mid")
    lab.composite(lab.rollout("i1", "sim/mid", 0, "error"), 0.0)

    row = lab.one("stg_attempt")
    assert (row["is_lost"], row["is_graded"], row["reward"]) == (True, False, None)


def test_stg_attempt_keeps_rollouts_whose_instance_is_unknown() -> None:
    """An instance that was never loaded leaves the family unknown, not the rollout uncounted."""
    lab = Lab()
    lab.composite(lab.rollout("nowhere", "nobody", 0), 0.5)

    row = lab.one("stg_attempt")
    assert (row["family"], row["policy"], row["is_group"], row["reward"]) == (None, None, False, 0.5)


def test_stg_anchor_knows_policies_by_name_or_id() -> None:
    """The name leads to the policy_id with its regime; an anchor that takes no part has no row."""
    lab = Lab(weak="sim/weak", strong="absent")
    lab.add("policy", policy_id="sim/weak#1", name="sim/weak", kind="simulated", regime={"skill": 1})
    lab.rollout("i1", "sim/weak#1", 0)

    assert [(row["anchor"], row["policy_id"]) for row in lab.view("stg_anchor")] == [("weak", "sim/weak#1")]


def test_stg_anchor_does_not_pool_regimes() -> None:
    """Two regimes of one name: the first one is the anchor."""
    lab = Lab()
    for policy in ("sim/weak#2", "sim/weak#1"):
        lab.add("policy", policy_id=policy, name="sim/weak", kind="simulated", regime={"n": policy})
        lab.rollout("i1", policy, 0)

    assert lab.one("stg_anchor")["policy_id"] == "sim/weak#1"


def test_stg_yardstick_prefers_what_was_measured() -> None:
    """Best zero-work probe and oracle where they ran, else the declared floor and 1."""
    lab = Lab(floor=0.2)
    lab.probe("echo", "zero", {"a": 0.05})
    lab.probe("blank", "zero", {"a": 0.1})
    lab.group([0.9], instance="a", policy="oracle", kind="oracle")
    lab.group([0.5], instance="b")

    found = {row["instance_id"]: (row["floor"], row["ceiling"]) for row in lab.view("stg_yardstick")}
    assert found == {"a": (0.1, 0.9), "b": (0.2, 1.0)}


def test_stg_rung_has_a_row_per_dimension_and_the_composite() -> None:
    """Two rungs, one dimension: four rows; an unassessed one is open."""
    lab = Lab()
    lab.operator("drop", "degrade")
    lab.ladder("drop", [1, 0.9], {"tone": [(0, 1), 0.5]})

    rows = {(row["severity"], row["dimension"]): row for row in lab.view("stg_rung")}
    assert set(rows) == {(severity, dimension) for severity in (0, 1) for dimension in ("tone", "composite")}
    assert rows[0, "tone"]["is_open"] is True
    assert (rows[1, "composite"]["low"], rows[1, "composite"]["kind"]) == (0.9, "degrade")


def test_stg_group_order_counts_pairs_and_piles() -> None:
    """Before caps .2 .4 .6, the upper two cut to .3: three pairs, one destroyed; the two share a reward."""
    lab = Lab()
    lab.group([0.2, 0.3, 0.3], [0.2, 0.4, 0.6])

    row = lab.one("stg_group_order")
    assert (row["n"], row["n_capped"], row["n_piled"]) == (3, 2, 2)
    assert (row["n_pairs"], row["n_destroyed"], row["n_reversed"]) == (3, 1, 0)
    assert row["frequent_flag"] == '["too_long"]'
    assert row["ss_uncapped"] == pytest.approx(0.08)


def test_stg_student_t_is_within_two_thousandths_of_the_quantile() -> None:
    """Every number of degrees of freedom, against an independent library."""

    rows = list(Lab().view("stg_student_t"))
    assert [row["df"] for row in rows] == list(range(1, 10_001))
    assert max(abs(row["t_97_5"] - stats.t.ppf(0.975, row["df"])) for row in rows) < 0.002
