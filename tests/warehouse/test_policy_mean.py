"""policy_mean: what a policy earns, with the instance as the unit."""

import numpy as np
import pytest
from scipy import stats

from tests.warehouse.rows import Lab


def test_policy_mean_is_over_instances_and_not_over_rollouts() -> None:
    """Three rollouts of 0 on one instance and one of .6 on another: .3, standard error .3."""
    lab = Lab()
    lab.group([0.0, 0.0, 0.0], instance="a", lost=1)
    lab.group([0.6], instance="b")

    row = lab.one("policy_mean")
    assert (row["n_instances"], row["n_rollouts"], row["n_failed"]) == (2, 4, 1)
    assert (row["policy"], row["policy_kind"]) == ("sim/mid", "simulated")
    assert row["mean_reward"] == pytest.approx(0.3)
    # Sample standard deviation of (0, .6) is .6 / sqrt(2); over sqrt(2).
    assert row["se"] == pytest.approx(0.3)
    assert (row["ci_low"], row["ci_high"]) == (None, None)


def test_policy_mean_interval_is_students() -> None:
    """Ten instances: t with nine degrees of freedom, as scipy has it."""
    means = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95]
    lab = Lab()
    for index, reward in enumerate(means):
        lab.group([reward - 0.05, reward + 0.05], instance=f"i{index}")

    row = lab.one("policy_mean")
    low, high = stats.t.interval(0.95, 9, np.mean(means), stats.sem(means))
    assert row["ci_low"] == pytest.approx(low, abs=1e-3)
    assert row["ci_high"] == pytest.approx(high, abs=1e-3)


@pytest.mark.parametrize("n", [9, 10])
def test_policy_mean_needs_ten_instances(n: int) -> None:
    """Nine bear a standard error and no interval."""
    lab = Lab()
    for index in range(n):
        lab.group([index / 10], instance=f"i{index}")

    row = lab.one("policy_mean")
    assert row["se"] is not None
    assert (row["ci_low"] is None) is (n == 9)


def test_policy_mean_of_equal_instances_has_no_interval() -> None:
    """An interval of no width would claim a certainty that nobody has, rounding errors included."""
    lab = Lab()
    for index in range(12):
        lab.group([0.1 + 0.2 if index % 2 else 0.3], instance=f"i{index:02}")

    row = lab.one("policy_mean")
    assert (row["ci_low"], row["ci_high"]) == (None, None)
    assert row["se"] == pytest.approx(0)


def test_policy_mean_says_what_is_still_open() -> None:
    """Width by instance, readiness by rollout: .4 and 0 on one instance, .1 on the other."""
    lab = Lab()
    lab.place("a", "sim/mid")
    lab.place("b", "sim/mid")
    for instance, sample, high, weight in (("a", 0, 0.6, 0.5), ("a", 1, 0.2, 0.9), ("b", 0, 0.3, 0.5)):
        lab.composite(lab.rollout(instance, "sim/mid", sample), 0.2, high=high, weight=weight)

    row = lab.one("policy_mean")
    assert row["mean_width"] == pytest.approx((0.2 + 0.1) / 2)
    assert row["share_ready"] == pytest.approx(1 / 3)


def test_policy_mean_of_lost_rollouts_claims_nothing() -> None:
    """All lost: counted, and no figure; one that is not graded is neither a zero nor lost."""
    lab = Lab()
    lab.group([], lost=3)
    lab.rollout("i1", "sim/mid", 9)

    row = lab.one("policy_mean")
    assert (row["n_instances"], row["n_rollouts"], row["n_failed"]) == (0, 0, 3)
    assert [row[name] for name in ("mean_reward", "se", "mean_width", "share_ready")] == [None] * 4
    assert Lab().view("policy_mean") == []


def test_policy_mean_keeps_regimes_and_kinds_apart() -> None:
    """Probes, the oracle and two policies have a row each."""
    lab = Lab()
    lab.group([0.5], policy="sim/mid#one")
    lab.group([0.7], policy="sim/mid#two")
    lab.group([1.0], policy="oracle", kind="oracle")
    lab.probe("echo", "zero", {"i1": 0.1})

    found = {row["policy_id"]: (row["policy_kind"], row["mean_reward"]) for row in lab.view("policy_mean")}
    assert found == {
        "sim/mid#one": ("simulated", 0.5),
        "sim/mid#two": ("simulated", 0.7),
        "oracle": ("oracle", 1.0),
        "probe/echo": ("probe", 0.1),
    }
