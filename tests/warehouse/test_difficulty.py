"""difficulty and difficulty_distribution: how hard, for whom."""

import pytest

from tests.warehouse.rows import Lab


def test_difficulty_is_quoted_against_both_anchors() -> None:
    """Weak .2 and .4, strong .4 and .8; a policy in between takes no part."""
    lab = Lab()
    lab.group([0.2, 0.4], policy="sim/weak")
    lab.group([0.4, 0.8], policy="sim/strong")
    lab.group([0.0, 0.0], policy="sim/mid")

    row = lab.one("difficulty")
    assert (row["weak_policy"], row["strong_policy"]) == ("sim/weak", "sim/strong")
    assert (row["n_weak"], row["n_strong"]) == (2, 2)
    assert (row["weak_mean"], row["strong_mean"]) == (pytest.approx(0.3), pytest.approx(0.6))
    assert row["difficulty"] == pytest.approx(0.55)
    assert row["discrimination"] == pytest.approx(0.3)
    # Pairs (.4, .2) win, (.4, .4) tie, (.8, .2) win, (.8, .4) win: 3.5 of 4.
    assert row["auc"] == pytest.approx(3.5 / 4)


def test_difficulty_sees_the_weaker_policy_win() -> None:
    """The other way round: discrimination below 0, auc 0."""
    lab = Lab()
    lab.group([0.9, 0.8], policy="sim/weak")
    lab.group([0.1, 0.2], policy="sim/strong")

    row = lab.one("difficulty")
    assert row["discrimination"] == pytest.approx(-0.7)
    assert row["auc"] == 0


def test_difficulty_of_ties_is_no_discrimination() -> None:
    """All equal, but for a rounding error: auc one half."""
    lab = Lab()
    lab.group([0.3, 0.3], policy="sim/weak")
    lab.group([0.1 + 0.2, 0.3], policy="sim/strong")

    assert lab.one("difficulty")["auc"] == 0.5


def test_difficulty_without_an_anchor_is_unknown() -> None:
    """One anchor absent, or lost on an instance: null, not a difficulty of half the information."""
    lab = Lab()
    lab.group([0.2], instance="a", policy="sim/weak")
    lab.group([0.4], instance="a", policy="sim/strong")
    lab.group([0.2], instance="b", policy="sim/weak")
    lab.group([], instance="b", policy="sim/strong", lost=1)

    row = lab.one("difficulty", instance_id="b")
    assert (row["n_strong"], row["strong_mean"], row["difficulty"], row["auc"]) == (0, None, None, None)
    assert Lab(weak=None, strong=None).view("difficulty") == []


def test_difficulty_with_one_policy_as_both_anchors() -> None:
    """A run with one policy: weak and strong are the same and tell nothing apart."""
    lab = Lab(weak="sim/mid", strong="sim/mid")
    lab.group([0.2, 0.4])

    row = lab.one("difficulty")
    assert (row["difficulty"], row["discrimination"], row["auc"]) == (pytest.approx(0.7), 0, 0.5)


def test_difficulty_distribution_counts_every_bin() -> None:
    """Means 0, .3 (as .1 + .2), .95 and 1: bins 0, 3, 9 and 9, the rest empty."""
    lab = Lab()
    for instance, reward in (("a", 0.0), ("b", 0.1 + 0.2), ("c", 0.95), ("d", 1.0)):
        lab.group([reward], instance=instance)
    lab.group([0.5], instance="a", policy="probe/echo", kind="probe")
    lab.group([], instance="e", lost=1)

    rows = sorted(lab.view("difficulty_distribution"), key=lambda row: row["bin_low"])
    assert [row["n_instances"] for row in rows] == [1, 0, 0, 1, 0, 0, 0, 0, 0, 2]
    assert [row["share_instances"] for row in rows][9] == 0.5
    assert (rows[3]["bin_low"], rows[3]["bin_high"]) == (pytest.approx(0.3), pytest.approx(0.4))
    assert {row["policy_id"] for row in rows} == {"sim/mid"}
    assert Lab().view("difficulty_distribution") == []
