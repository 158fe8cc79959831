"""group_spread: counts, spread, and the chance that a training group is dead."""

import math

import pytest

from tests.warehouse.rows import RUN, Lab


def test_group_spread_of_no_rows_is_empty() -> None:
    """No rollouts, no groups."""
    assert Lab().view("group_spread") == []


def test_group_spread_of_a_mixed_group() -> None:
    """Rewards 0.2, 0.4, 0.4, 0.6: everything by hand."""
    lab = Lab()
    lab.group([0.2, 0.4, 0.4, 0.6], planned=6, lost=1)

    row = lab.one("group_spread")
    assert (row["n"], row["n_planned"], row["n_failed"], row["n_ungraded"]) == (4, 6, 1, 0)
    assert row["mean_reward"] == pytest.approx(0.4)
    # Squares around 0.4: 0.04 + 0 + 0 + 0.04 = 0.08; / 3.
    assert row["std_reward"] == pytest.approx(math.sqrt(0.08 / 3))
    assert (row["min_reward"], row["max_reward"], row["distinct_rewards"]) == (0.2, 0.6, 3)
    assert row["zero_variance"] is False
    # g = min(16, 4 // 2) = 2: one of the 6 pairs, (0.4, 0.4), differs by no more than 0.02.
    assert row["g"] == 2
    assert row["dead_at_g"] == pytest.approx(1 / 6)
    # Deviations 0.2, 0, 0, 0.2: mean 0.1; population standard deviation sqrt(0.08 / 4) = 0.141421.
    assert row["mean_abs_advantage"] == pytest.approx(0.1 / math.sqrt(0.02))


@pytest.mark.parametrize(
    ("rewards", "g", "dead"),
    [
        # STATISTICS 2.2: 12 zeros and 4 ones, g = 8: C(12, 8) / C(16, 8) = 495 / 12870.
        ([0.0] * 12 + [1.0] * 4, 8, 495 / 12870),
        # STATISTICS 2.2: g = 4, threshold 0.02: 15 / 70.
        ([0.3, 0.3, 0.3, 0.31, 0.32, 0.3, 0.55, 0.8], 4, 15 / 70),
        ([0.5] * 16, 8, 1.0),
        # 0.1 + 0.02 is 0.12000000000000001 in binary; a difference of exactly the threshold is not a signal.
        ([0.1, 0.12, 0.1, 0.12], 2, 1.0),
        ([0.0, 0.1, 0.2, 0.3], 2, 0.0),
    ],
)
def test_group_spread_dead_at_g(rewards: list[float], g: int, dead: float) -> None:
    """The unbiased share of dead groups, against published and counted numbers."""
    lab = Lab()
    lab.group(rewards)

    row = lab.one("group_spread")
    assert row["g"] == g
    assert row["dead_at_g"] == pytest.approx(dead, abs=1e-12)


def test_group_spread_of_ties_has_no_advantage() -> None:
    """Equal rewards give zero variance, one distinct reward and no advantage at all, not 0."""
    lab = Lab()
    lab.group([0.1 + 0.2, 0.3, 0.3, 0.3])

    row = lab.one("group_spread")
    assert row["zero_variance"] is True
    assert row["distinct_rewards"] == 1
    assert row["mean_abs_advantage"] is None


def test_group_spread_of_one_rollout_knows_no_spread() -> None:
    """One rollout has a mean; everything about differences is null."""
    lab = Lab()
    lab.group([0.7])

    row = lab.one("group_spread")
    assert (row["n"], row["n_planned"], row["mean_reward"]) == (1, 1, 0.7)
    assert [row[name] for name in ("std_reward", "zero_variance", "g", "dead_at_g", "std_uncapped")] == [None] * 5


def test_group_spread_never_turns_a_loss_into_a_zero() -> None:
    """A group lost to infrastructure has no mean; one whose grader failed is counted apart."""
    lab = Lab()
    lab.group([], lost=3, instance="i1")
    lab.place("i2", "sim/mid")
    lab.rollout("i2", "sim/mid", 0)
    lab.rollout("i2", "sim/mid", 1, "truncated")

    lost, ungraded = lab.one("group_spread", instance_id="i1"), lab.one("group_spread", instance_id="i2")
    assert (lost["n"], lost["n_failed"], lost["n_planned"], lost["mean_reward"]) == (0, 3, 3, None)
    assert (ungraded["n"], ungraded["n_ungraded"], ungraded["n_model_failed"]) == (0, 2, 1)


def test_group_spread_does_not_pool_rubrics() -> None:
    """Composites under a second rubric do not mix with those of the run's own."""
    lab = Lab()
    lab.group([0.2, 0.4])
    lab.composite("i1/sim/mid/0", 1.0, rubric="fam-2")

    assert lab.one("group_spread")["mean_reward"] == pytest.approx(0.3)


def test_group_spread_reads_the_thresholds_of_the_run() -> None:
    """A run that trains in groups of 4 asks for groups of 4, and its own meaningful difference counts."""
    lab = Lab()
    lab.group([0.0] * 12 + [0.5] * 4)
    lab.add("threshold", run_id=RUN, name="training_group", value=4.0)

    # C(12, 4) + C(4, 4) of C(16, 4): (495 + 1) / 1820.
    assert lab.one("group_spread")["dead_at_g"] == pytest.approx(496 / 1820)

    lab.add("threshold", run_id=RUN, name="meaningful_difference", value=0.5)
    assert lab.one("group_spread")["dead_at_g"] == pytest.approx(1.0)
