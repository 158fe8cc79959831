"""cap_impact and dimension_spread: where the variance of a group comes from and where it goes."""

import math

import pytest

from tests.warehouse.rows import Lab
from tests.warehouse.test_task_verdict import CAPPED, MATRIX, UNCAPPED

WEIGHTS = {"preservation": 0.35, "unit": 0.25, "format": 0.2, "completeness": 0.2}


def test_cap_impact_of_the_worked_example() -> None:
    """STATISTICS 3.1: 27 pairs, 14 destroyed, none reversed, though the variance went up by 2.89."""
    lab = Lab()
    lab.group(CAPPED, UNCAPPED)

    row = lab.one("cap_impact")
    assert (row["n_groups"], row["n_rollouts"], row["n_pairs"]) == (1, 8, 27)
    assert row["share_capped"] == 0.75
    assert row["mass_at_cap"] == 0.75
    assert row["destroyed_pair_rate"] == pytest.approx(14 / 27)
    assert row["reversed_pair_rate"] == 0
    assert (row["std_capped"] / row["std_uncapped"]) ** 2 == pytest.approx(2.886, abs=1e-3)


def test_cap_impact_scaled_cap_destroys_nothing() -> None:
    """A cap that multiplies keeps the order of what it lowers."""
    lab = Lab()
    lab.group([0.3 * u for u in (0.4, 0.6, 0.8)], [0.4, 0.6, 0.8])

    row = lab.one("cap_impact")
    assert (row["share_capped"], row["mass_at_cap"], row["destroyed_pair_rate"]) == (1, 0, 0)


def test_cap_impact_counts_pairs_with_an_uncapped_end() -> None:
    """A capped rollout tied with, or pushed below, an uncapped one."""
    lab = Lab()
    # Pairs before caps: (.9, .3), (.9, .5), (.3, .5), all apart. After: .3 = .3 destroyed, .3 < .5 reversed.
    lab.group([0.3, 0.3, 0.5], [0.9, 0.3, 0.5])

    row = lab.one("cap_impact")
    assert row["n_pairs"] == 3
    assert row["destroyed_pair_rate"] == pytest.approx(1 / 3)
    assert row["reversed_pair_rate"] == pytest.approx(1 / 3)
    assert row["mass_at_cap"] == 0  # alone among the capped ones


def test_cap_impact_pools_within_groups_only() -> None:
    """Two groups far apart: the difference between instances is difficulty, not spread."""
    lab = Lab()
    lab.group([0.1, 0.2], instance="a")
    lab.group([0.8, 0.9], instance="b")

    row = lab.one("cap_impact")
    # Sums of squares .005 + .005 over 1 + 1 degrees of freedom.
    assert row["std_uncapped"] == pytest.approx(math.sqrt(0.005))
    assert row["n_pairs"] == 2


def test_cap_impact_without_pairs_claims_nothing() -> None:
    """A single rollout, ties, or a lost group: no pairs, no rate."""
    lab = Lab()
    lab.group([0.5], instance="a", policy="sim/a")
    lab.group([0.5] * 3, instance="a", policy="sim/b")
    lab.group([], lost=2, instance="a", policy="sim/c")

    assert [(row["policy_id"], row["n_pairs"], row["destroyed_pair_rate"]) for row in lab.view("cap_impact")] == [
        ("sim/a", 0, None),
        ("sim/b", 0, None),
    ]
    assert lab.one("cap_impact", policy_id="sim/a")["std_uncapped"] is None
    assert Lab().view("cap_impact") == []


def worked_example() -> Lab:
    """Return STATISTICS 3.3 as rows."""
    lab = Lab()
    lab.rubric(**WEIGHTS)
    lab.group(CAPPED, UNCAPPED)
    for sample, row in enumerate(MATRIX):
        for dimension, value in zip(WEIGHTS, row, strict=True):
            lab.score(f"i1/sim/mid/{sample}", dimension, value)
    return lab


def test_dimension_spread_of_the_worked_example() -> None:
    """STATISTICS 3.3: preservation .356, unit -.004, format .079, completeness .063, cap .506."""
    shares = {row["dimension"]: row["variance_share"] for row in worked_example().view("dimension_spread")}

    assert shares == {
        "preservation": pytest.approx(0.356, abs=5e-4),
        "unit": pytest.approx(-0.0036, abs=5e-5),
        "format": pytest.approx(0.079, abs=5e-4),
        "completeness": pytest.approx(0.063, abs=5e-4),
        "(cap and work)": pytest.approx(0.5063, abs=5e-5),
    }
    assert sum(shares.values()) == pytest.approx(1)


def test_dimension_spread_sums_can_be_pooled() -> None:
    """The cross-products of a group divide to its shares."""
    for row in worked_example().view("dimension_spread"):
        assert row["covariance_sum"] / row["variance_sum"] == pytest.approx(row["variance_share"])


def test_dimension_spread_normalises_weights() -> None:
    """Weights 2 and 2 are halves; the reward is their mean, so nothing is left for caps."""
    lab = Lab()
    lab.rubric(a=2.0, b=2.0)
    lab.group([0.25, 0.75])
    for sample, (a, b) in enumerate(((0.0, 0.5), (1.0, 0.5))):
        lab.score(f"i1/sim/mid/{sample}", "a", a)
        lab.score(f"i1/sim/mid/{sample}", "b", b)

    rows = {row["dimension"]: row for row in lab.view("dimension_spread")}
    assert (rows["a"]["weight"], rows["a"]["variance_share"]) == (0.5, pytest.approx(1))
    assert rows["b"]["variance_share"] == pytest.approx(0)
    assert rows["(cap and work)"]["variance_share"] == pytest.approx(0)
    assert rows["a"]["std_low"] == pytest.approx(math.sqrt(0.5))


def test_dimension_spread_of_an_unassessed_dimension_and_of_ties() -> None:
    """[0, 1] everywhere: low 0, high 1, all unassessed; equal rewards have no shares to give."""
    lab = Lab()
    lab.rubric(a=1.0)
    lab.group([0.1 + 0.2, 0.3])
    for sample in range(2):
        lab.score(f"i1/sim/mid/{sample}", "a", 0.0, 1.0)

    row = lab.one("dimension_spread", dimension="a")
    assert (row["mean_low"], row["mean_high"], row["share_unassessed"]) == (0, 1, 1)
    assert row["variance_share"] is None
    assert lab.one("dimension_spread", dimension="(cap and work)")["variance_share"] is None


def test_dimension_spread_of_one_rollout_and_of_none() -> None:
    """One rollout has means and no spread; a lost one has no row."""
    lab = Lab()
    lab.rubric(a=1.0)
    lab.group([0.4], lost=1)
    lab.score("i1/sim/mid/0", "a", 0.4)

    row = lab.one("dimension_spread", dimension="a")
    assert (row["n"], row["mean_low"], row["std_low"], row["variance_share"]) == (1, 0.4, None, None)
    assert Lab().view("dimension_spread") == []


def test_dimension_spread_takes_graders_together() -> None:
    """A judge narrows what code left open: the interval is what both allow."""
    lab = Lab()
    lab.rubric(a=1.0)
    lab.group([0.6])
    lab.score("i1/sim/mid/0", "a", 0.2, 0.8)
    lab.score("i1/sim/mid/0", "a", 0.6, 1.0, grader_id="judge", source="judge")

    row = lab.one("dimension_spread", dimension="a")
    assert (row["mean_low"], row["mean_high"], row["share_unassessed"]) == (0.6, 0.8, 0)
