"""What views say of rows that are hardly there: groups cut off, cells without a comparison, extreme thresholds."""

import pytest

from tests.warehouse.rows import RUN, Lab


def plan(lab: Lab, instance: str, policy: str, n_samples: int, n_not_applicable: int = 0) -> None:
    """Plan a group and let nothing of it arrive."""
    lab.place(instance, policy)
    lab.add(
        "planned",
        run_id=RUN,
        instance_id=instance,
        policy_id=policy,
        n_samples=n_samples,
        n_not_applicable=n_not_applicable,
    )


def test_group_spread_counts_a_group_of_which_nothing_arrived() -> None:
    """A run cut off before its second group: that group is planned, has n = 0 and no figure, and is not skipped."""
    lab = Lab()
    lab.group([0.5] * 8, instance="i1", planned=8)
    plan(lab, "i2", "sim/mid", 8)

    row = lab.one("group_spread", instance_id="i2")
    assert (row["n"], row["n_planned"], row["n_failed"], row["policy_kind"]) == (0, 8, 0, "simulated")
    figures = ("mean_reward", "std_reward", "zero_variance", "dead_at_g", "median_assessed_weight")
    assert [row[name] for name in figures] == [None] * 5

    verdict = lab.one("task_verdict", instance_id="i2")
    assert (verdict["verdict"], verdict["resolved"]) == ("insufficient_data", False)
    assert verdict["reason"].startswith("0 of 8 planned rollouts could be graded")
    # One of two instances never ran.
    assert lab.one("taskset_health")["share_insufficient_data"] == 0.5


def test_group_spread_leaves_out_what_was_never_applicable() -> None:
    """All planned rollouts without a target: nothing is missing, so there is no group."""
    lab = Lab()
    plan(lab, "i1", "sim/mid", 3, n_not_applicable=3)

    assert lab.view("group_spread") == []


def test_group_spread_gives_the_median_weight() -> None:
    """Weights of the graded rollouts only: the lost one has none."""
    lab = Lab()
    lab.group([0.4, 0.5], weight=0.6, lost=1)

    assert lab.one("group_spread")["median_assessed_weight"] == 0.6


@pytest.mark.parametrize("n", [1, 2, 3])
def test_task_verdict_calls_no_handful_trainable(n: int) -> None:
    """A run content with one rollout: below four no share of dead groups exists, and equal rewards are no signal."""
    lab = Lab()
    lab.add("threshold", run_id=RUN, name="min_graded", value=1.0)
    lab.group([0.5] * n)

    row = lab.one("task_verdict")
    assert (row["verdict"], row["resolved"]) == ("insufficient_data", False)
    assert row["reason"] == (
        f"{n} of {n} planned rollouts could be graded (0 lost to infrastructure); plan at least 4 per group."
    )


def test_task_verdict_says_whether_to_repeat_or_to_plan_more() -> None:
    """Six of six are too few by plan; six of sixteen by loss. Default: at least eight."""
    lab = Lab()
    lab.group([0.1, 0.9] * 3, instance="i1", planned=6)
    lab.group([0.1, 0.9] * 3, instance="i2", planned=16, lost=10)

    assert lab.one("task_verdict", instance_id="i1")["reason"].endswith("plan at least 8 per group.")
    assert lab.one("task_verdict", instance_id="i2")["reason"].endswith("run the missing ones again.")


@pytest.mark.parametrize(
    ("value", "verdict", "resolved"),
    [
        # Any dead share above 0 is too much, and a live rollout is sure where a signal is: 16 misses prove it.
        (0.0, "no_signal", True),
        # Nothing is dead enough: the group is merely weak, tested at 8 of 16.
        (1.0, "weak_signal", False),
    ],
)
def test_task_verdict_survives_thresholds_at_their_ends(value: float, verdict: str, resolved: bool) -> None:
    """`dead_at_most` of 0 or 1 asks for the logarithm of 0, which once failed the whole view."""
    lab = Lab(floor=0.1)
    lab.add("threshold", run_id=RUN, name="dead_at_most", value=value)
    lab.group([0.1] * 16)

    row = lab.one("task_verdict")
    assert (row["verdict"], row["resolved"]) == (verdict, resolved)


def test_grader_confusion_shows_declared_cells_that_nothing_met() -> None:
    """An operator without a target anywhere, and an expectation of a dimension that no grader knows: not judged."""
    lab = Lab()
    lab.operator("never", "degrade", recall="moves")
    lab.ladder("never", [1, None, None, None, None], {"recall": [1]})
    lab.operator("drop", "degrade", recal="moves")
    lab.ladder("drop", [1, 0.9, 0.8], {"recall": [1, 0.9, 0.8]})

    cells = {(row["operator"], row["dimension"]): row for row in lab.view("grader_confusion")}
    assert set(cells) == {
        ("never", "recall"), ("never", "composite"), ("drop", "recal"), ("drop", "recall"), ("drop", "composite"),
    }  # fmt: skip
    for key in (("never", "recall"), ("never", "composite"), ("drop", "recal")):
        row = cells[key]
        assert (row["kind"], row["expected"], row["n_pairs"], row["n_undetermined"]) == ("degrade", "moves", 0, 0)
        assert (row["moved_share"], row["mean_drop"], row["agrees"]) == (None, None, None)
    # Severities 2, 3 and 4 had no target; 1 is not asked.
    assert cells["never", "recall"]["n_not_applicable"] == 3
    assert (cells["drop", "recall"]["expected"], cells["drop", "composite"]["agrees"]) == (None, True)


def test_grader_confusion_is_empty_where_nothing_was_measured() -> None:
    """Every damaged rung lost or without a target: no rows, for an audit takes that as measuring nothing."""
    lab = Lab()
    lab.operator("drop", "degrade", recall="moves")
    lab.ladder("drop", [1, None, None, None, None], {"recall": [1]})
    lab.operator("swap", "degrade", recall="moves")
    lab.ladder("swap", [1], {"recall": [1]})
    lab.place("i1", "ladder/swap@2", "ladder", {"operator": "swap", "severity": 2})
    lab.add("planned", run_id=RUN, instance_id="i1", policy_id="ladder/swap@2", n_samples=1, n_not_applicable=0)
    lab.rollout("i1", "ladder/swap@2", 0, "error", error="timeout")

    assert lab.view("grader_confusion") == []


def test_difficulty_flags_a_weaker_policy_that_earns_more() -> None:
    """Below zero is negative, a tie up to rounding is not, and one anchor alone says nothing."""
    lab = Lab()
    for instance, weak, strong in (("a", 0.5, 0.4), ("b", 0.1 + 0.2, 0.3), ("c", 0.4, None)):
        lab.group([weak], instance=instance, policy="sim/weak")
        lab.group([] if strong is None else [strong], instance=instance, policy="sim/strong")

    rows = {row["instance_id"]: row for row in lab.view("difficulty")}
    assert [rows[name]["is_negative"] for name in "abc"] == [True, False, None]
    assert rows["a"]["archetype"] == "plain"


def test_difficulty_distribution_numbers_its_bins() -> None:
    """Bin 3 is [.3, .4); a mean of 1 falls into bin 9."""
    lab = Lab()
    lab.group([1.0])

    rows = lab.view("difficulty_distribution")
    assert sorted(row["bin"] for row in rows) == list(range(10))
    assert all(row["bin_low"] == pytest.approx(row["bin"] / 10) for row in rows)
    assert [row["bin"] for row in rows if row["n_instances"]] == [9]


def test_probe_floor_gives_the_hack_ratio() -> None:
    """STATISTICS 5.2: the probe .31, the floor .10, weak work .42, the oracle .97: .21 / .32 = .656."""
    lab = Lab(floor=0.1)
    lab.group([0.42, 0.42], instance="a", policy="sim/weak")
    lab.group([0.97], instance="a", policy="sim/strong")
    lab.probe("echo", "zero", {"a": 0.31})

    row = lab.one("probe_floor")
    assert row["hack_ratio"] == pytest.approx(0.656, abs=5e-4)
    assert row["strong_mean"] == pytest.approx(0.97)


@pytest.mark.parametrize("weak", [[0.1, 0.1], [0.05], []])
def test_probe_floor_has_no_hack_ratio_without_weak_work(weak: list[float]) -> None:
    """Weak work at the floor, below it, or absent: there is nothing to compare with."""
    lab = Lab(floor=0.1)
    lab.group(weak, instance="a", policy="sim/weak")
    lab.probe("echo", "zero", {"a": 0.31})

    assert lab.one("probe_floor")["hack_ratio"] is None
