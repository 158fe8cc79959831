"""previous_run, instance_change, verdict_change, grader_change: what changed since last night, and what is noise."""

from datetime import UTC, datetime, timedelta
from math import comb
from random import Random

import pytest

from tests.warehouse.rows import FAMILY, Lab
from warehouse.stats.shares import wilson

SPREAD = [0.2, 0.8] * 8
"""A group that teaches."""
FULL = [1.0] * 16
"""A group that does not, as far as one can see."""
PROVEN = [1.0] * 220
"""One that is proven stuck: at a chance of 1 - .8^(1/16) each, 215 in a row without another happen in 5 % of cases."""


def _nights(before: dict[str, list[float]], after: dict[str, list[float]], **run: object) -> Lab:
    lab = Lab()
    lab.night("one", 1, before)
    lab.night("two", 2, after, **run)  # type: ignore[arg-type]
    return lab


def test_previous_run_is_of_the_same_deployment() -> None:
    """Not the run in between by somebody else, not one that broke off; by hand the same configuration counts."""
    lab = Lab()
    lab.night("one", 1, {})
    lab.night("broken", 2, {}, status="failed")
    lab.night("audit", 3, {}, deployment="weekly")
    lab.night("two", 4, {}, taskset_hash="others")
    lab.night("hand-1", 5, {}, deployment=None, config_hash="mine")
    lab.night("hand-2", 6, {}, deployment=None, config_hash="other")
    lab.night("hand-3", 7, {}, deployment=None, config_hash="mine")

    found = {row["run_id"]: row["previous_run_id"] for row in lab.view("previous_run")}
    assert found["two"] == found["broken"] == "one"
    assert found["hand-3"] == "hand-1"
    assert [found[name] for name in ("one", "audit", "hand-1", "hand-2")] == [None] * 4
    assert lab.one("previous_run", run_id="two")["is_same_taskset"] is False
    assert lab.one("previous_run", run_id="two")["is_same_thresholds"] is None


def test_previous_run_knows_whether_the_same_numbers_decide() -> None:
    """Thresholds that were recorded are compared by name and value."""
    lab = _nights({}, {})
    lab.night("three", 3, {})
    for run_id, value in (("one", 8.0), ("two", 8.0), ("three", 4.0)):
        lab.add("threshold", run_id=run_id, name="min_graded", value=value)

    found = {row["run_id"]: row["is_same_thresholds"] for row in lab.view("previous_run")}
    assert (found["two"], found["three"]) == (True, False)


def test_instance_change_is_proven_where_both_verdicts_are_resolved() -> None:
    """A group of 16 ones is no proof of saturation; 220 are. A group without enough data says nothing."""
    lab = _nights(
        {"a": SPREAD, "b": SPREAD, "c": SPREAD, "d": SPREAD}, {"a": FULL, "b": PROVEN, "c": SPREAD, "d": [1.0]}
    )

    found = {
        row["instance_id"]: (row["verdict"], row["is_changed"], row["is_proven"]) for row in lab.view("instance_change")
    }
    assert found == {
        "a": ("saturated", True, False),
        "b": ("saturated", True, True),
        "c": ("trainable", False, False),
        "d": ("insufficient_data", None, None),
    }


def test_verdict_change_of_the_same_instances_is_paired() -> None:
    """Ten of twenty instances turn, all one way: 2 x .5^10, and twice that for two verdicts (Holm)."""
    names = [f"i{at}" for at in range(20)]
    lab = _nights(dict.fromkeys(names, SPREAD), {name: FULL if at < 10 else SPREAD for at, name in enumerate(names)})

    row = lab.one("verdict_change", verdict="saturated")
    assert (row["method"], row["status"], row["n_into"], row["n_out_of"]) == ("paired", "rose", 10, 0)
    assert (row["share_before"], row["share_after"]) == (0.0, 0.5)
    assert row["p"] == pytest.approx(2 * 0.5**10, abs=1e-12)
    assert row["p_holm"] == pytest.approx(4 * 0.5**10, abs=1e-12)
    # Bonett and Price: (10 + 1) / 22 - 1 / 22, and its half width from 12 / 22.
    half = 1.959964 * ((12 / 22 - (10 / 22) ** 2) / 22) ** 0.5
    assert (row["ci_low"], row["ci_high"]) == (pytest.approx(10 / 22 - half), pytest.approx(10 / 22 + half))
    assert lab.one("verdict_change", verdict="trainable")["status"] == "fell"
    assert row["may_be"] == "policy, thresholds"


def test_verdict_change_of_few_instances_is_unclear() -> None:
    """Five that turn the same way happen by chance once in sixteen nights; none that turns is none."""
    names = [f"i{at}" for at in range(20)]
    few = _nights(dict.fromkeys(names, SPREAD), {name: FULL if at < 5 else SPREAD for at, name in enumerate(names)})
    none = _nights(dict.fromkeys(names, SPREAD), dict.fromkeys(names, SPREAD))

    assert few.one("verdict_change", verdict="saturated")["p"] == pytest.approx(2 / 32)
    assert {row["status"] for row in few.view("verdict_change")} == {"unclear"}
    assert {row["status"] for row in none.view("verdict_change")} == {"unchanged"}


def test_verdict_change_of_other_instances_is_tested_by_instances() -> None:
    """0 of 12 against 9 of 15: Fisher's exact tail, doubled; the interval is Newcombe's."""
    before = {f"old{at}": SPREAD for at in range(12)}
    after = {f"new{at}": FULL if at < 9 else SPREAD for at in range(15)}
    lab = _nights(before, after)

    row = lab.one("verdict_change", verdict="saturated")
    assert (row["method"], row["status"], row["n_into"]) == ("apart", "rose", None)
    # All nine fall on the fifteen: C(15, 9) / C(27, 9).
    assert row["p"] == pytest.approx(2 * comb(15, 9) / comb(27, 9), rel=1e-9)
    (low_1, high_1), (low_2, high_2) = wilson(0, 12), wilson(9, 15)
    assert row["ci_low"] == pytest.approx(0.6 - ((0.6 - low_2) ** 2 + high_1**2) ** 0.5, abs=1e-6)
    assert row["ci_high"] == pytest.approx(0.6 + ((high_2 - 0.6) ** 2 + (0 - low_1) ** 2) ** 0.5, abs=1e-6)
    assert row["may_be"] == "policy, instances, thresholds"


def test_verdict_change_says_when_the_grader_is_another() -> None:
    """Another version of the grader may be what changed; the same numbers decided."""
    lab = _nights({"a": SPREAD}, {"a": SPREAD}, version="2")
    for run_id in ("one", "two"):
        lab.add("threshold", run_id=run_id, name="min_graded", value=8.0)

    assert lab.one("verdict_change", verdict="trainable")["may_be"] == "policy, grader"


def test_verdict_change_of_noise_is_never_a_change() -> None:
    """Verdicts that fall by chance, night after night: in no more than one run of twenty a change is seen."""
    rng, lab, n_nights = Random(7), Lab(), 40
    for night in range(n_nights):
        rewards = {f"{night}-{at}": SPREAD if rng.random() < 0.5 else FULL for at in range(20)}
        lab.night(f"night-{night:02}", 1, rewards, started_at=_hours(night))

    changed = {row["run_id"] for row in lab.view("verdict_change") if row["status"] != "unclear"}
    assert len(changed) <= 2


def _hours(night: int) -> datetime:
    return datetime(2026, 2, 1, tzinfo=UTC) + timedelta(hours=night)


def _probed(before: dict[str, float], after: dict[str, float], version: str = "1") -> Lab:
    lab = Lab(floor=0.2)
    lab.add("probe", family=FAMILY, probe="echo", kind="zero", summary="s")
    for run_id, day, earned, graded in (("one", 1, before, "1"), ("two", 2, after, version)):
        rewards = {instance: [reward] for instance, reward in earned.items()}
        lab.night(run_id, day, rewards, policy="probe/echo", kind="probe", version=graded)
        lab.add("threshold", run_id=run_id, name="min_graded", value=8.0)
    return lab


def test_grader_change_on_the_same_instances_is_a_fact() -> None:
    """One instance of three that pays the probe now and did not then: the grader regressed, no test asked."""
    lab = _probed({"a": 0.1, "b": 0.1, "c": 0.1}, {"a": 0.1, "b": 0.1, "c": 0.3}, version="2")

    row = lab.one("grader_change", kind="probe")
    assert (row["held_before"], row["holds"], row["status"]) == (True, False, "regressed")
    assert (row["n_newly_broken"], row["broken_before"], row["broken_after"], row["n_after"]) == (1, 0, 1, 3)
    assert (row["may_be"], row["graders_before"], row["graders"]) == ("grader", "code 1", "code 2")
    assert row["p"] is None


def test_grader_change_without_a_new_version_has_no_excuse() -> None:
    """Same instances, same version, same numbers, and yet it holds again: nothing explains it but code."""
    row = _probed({"a": 0.3}, {"a": 0.1}).one("grader_change", kind="probe")

    assert (row["status"], row["may_be"], row["holds"]) == ("mended", "", True)


def test_grader_change_on_other_instances_may_be_chance() -> None:
    """Paid on 1 of 6 new instances is a hole, seen for the first time, and no proof of a change; 6 of 6 is."""
    before = {f"old{at}": 0.1 for at in range(6)}
    one = _probed(before, {f"new{at}": 0.3 if at < 1 else 0.1 for at in range(6)}).one("grader_change", kind="probe")
    all_of_them = _probed(before, {f"new{at}": 0.3 for at in range(6)}).one("grader_change", kind="probe")

    assert (one["status"], one["holds"], one["may_be"]) == ("unclear", False, "instances")
    assert all_of_them["status"] == "regressed"
    assert all_of_them["p_holm"] == pytest.approx(2 / comb(12, 6), rel=1e-9)


def test_grader_change_of_judged_instances_may_be_noise() -> None:
    """Where a judge's verdicts count, one instance that turns proves nothing."""
    lab = _probed({"a": 0.1, "b": 0.1}, {"a": 0.1, "b": 0.3})
    lab.judge("two/b/probe/echo/0", "b", [0.5], is_trusted=True)

    row = lab.one("grader_change", kind="probe")
    assert (row["status"], row["p"], row["may_be"]) == ("unclear", 1.0, "grader, judge noise")


def test_grader_change_knows_what_was_measured_once() -> None:
    """A new probe is new, one that is gone is not measured: neither is a change, and neither holds or breaks."""
    lab = _probed({"a": 0.1}, {})
    lab.night("two", 2, {"a": [0.1]}, policy="probe/empty", kind="probe")

    found = {row["name"]: (row["status"], row["method"]) for row in lab.view("grader_change")}
    assert found == {"echo": ("not_measured", None), "empty": ("new", None)}


def test_grader_change_declared_limit_is_said() -> None:
    """What the grader declares as a known limit is marked as that."""
    lab = _probed({"a": 0.1}, {"a": 0.3})
    lab.add("known_limit", family=FAMILY, name="n", text="t", shown_by="echo", excuses=("reward",))

    assert lab.one("grader_change", kind="probe")["is_declared"] is True


def _laddered(before: list[float], after: list[float]) -> Lab:
    lab = Lab()
    lab.operator("drop", "degrade", a="moves")
    lab.add("rubric_dimension", rubric_id="fam-1", dimension="a", weight=1.0)
    for run_id, day, rungs in (("one", 1, before), ("two", 2, after)):
        for severity, reward in enumerate(rungs):
            lab.night(
                run_id, day, {"i": [reward]}, policy=f"ladder/drop@{severity}", kind="ladder",
                regime={"operator": "drop", "severity": severity},
            )  # fmt: skip
        lab.night(run_id, day, {"i": [1.0 if run_id == "one" else 0.9]}, policy="oracle", kind="oracle")
    return lab


def test_grader_change_covers_operators_order_and_oracle() -> None:
    """Damage that is seen no more, worse that scores higher, an oracle below 1: each is a row that regressed."""
    lab = _laddered([1.0, 0.8, 0.6, 0.4], [1.0, 0.8, 0.6, 1.0])

    found = {
        (row["kind"], row["dimension"]): (row["held_before"], row["holds"], row["status"])
        for row in lab.view("grader_change")
    }
    regressed = (True, False, "regressed")
    assert found == {
        ("operator", "a"): regressed,
        ("operator", "composite"): regressed,
        ("order", "composite"): regressed,
        ("oracle", "composite"): regressed,
    }
    # What holds now and then is what grader_confusion and monotonicity say of each run.
    for run_id, column in (("one", "held_before"), ("two", "holds")):
        for dimension in ("a", "composite"):
            agrees = lab.one("grader_confusion", run_id=run_id, dimension=dimension)["agrees"]
            assert lab.one("grader_change", kind="operator", dimension=dimension)[column] == agrees
        violations = lab.one("monotonicity", run_id=run_id, dimension="composite")["n_violations"]
        assert lab.one("grader_change", kind="order")[column] == (violations == 0)
