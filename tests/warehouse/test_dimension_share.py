"""dimension_share: what each dimension adds to the spread, against its weight."""

import pytest

from tests.warehouse.rows import RUN, Lab


def lab_of(n_groups: int, policy: str = "sim/mid") -> Lab:
    """Return groups of two in which `a` alone moves the reward, `b` and `c` never do; weights .5, .3, .2."""
    lab = Lab()
    lab.rubric(a=5.0, b=3.0, c=2.0)
    with lab.together():
        for index in range(n_groups):
            instance = f"i{index:02}"
            lab.place(instance, policy)
            for sample, low in enumerate((0.0, 1.0)):
                rollout_id = lab.rollout(instance, policy, sample)
                lab.composite(rollout_id, 0.5 * low + 0.25)
                for dimension, value in (("a", low), ("b", 0.5), ("c", 0.5)):
                    lab.score(rollout_id, dimension, value)
    return lab


def test_dimension_share_names_what_is_dead_and_what_dominates() -> None:
    """All of the variance from half of the weight is not yet more than 2.5 times as much; from nothing is dead."""
    rows = {row["dimension"]: row for row in lab_of(20).view("dimension_share")}

    assert rows["a"]["declared_weight"] == pytest.approx(0.5)
    assert rows["a"]["variance_share"] == pytest.approx(1)
    assert (rows["a"]["is_dead"], rows["a"]["is_dominant"]) == (False, False)
    assert rows["b"]["variance_share"] == pytest.approx(0)
    assert (rows["b"]["is_dead"], rows["b"]["is_dominant"], rows["b"]["n_groups"]) == (True, False, 20)
    rest = rows["(cap and work)"]
    assert (rest["declared_weight"], rest["is_dead"], rest["is_dominant"]) == (None, None, None)
    assert sum(row["variance_share"] for row in rows.values()) == pytest.approx(1)


def test_dimension_share_judges_by_the_thresholds_of_the_run() -> None:
    """A run that calls 1.5 times the weight too much sees `a` dominate."""
    lab = lab_of(20)
    lab.add("threshold", run_id=RUN, name="dominant_weight_ratio", value=1.5)

    assert lab.one("dimension_share", dimension="a")["is_dominant"] is True


def test_dimension_share_says_nothing_below_twenty_groups() -> None:
    """Nineteen groups with spread and one without: shares yes, judgements no."""
    lab = lab_of(19)
    lab.group([0.4, 0.4], instance="flat")
    for sample in range(2):
        for dimension in "abc":
            lab.score(f"flat/sim/mid/{sample}", dimension, 0.4)

    for row in lab.view("dimension_share"):
        assert (row["n_groups"], row["is_dead"], row["is_dominant"]) == (19, None, None)
    assert lab.one("dimension_share", dimension="a")["variance_share"] == pytest.approx(1)


def test_dimension_share_pools_sums_and_not_shares() -> None:
    """A group with ten times the spread counts a hundredfold."""
    lab = Lab()
    lab.rubric(a=1.0, b=1.0)
    # Wide: only a moves, by 1; narrow: only b does, by .1. Rewards are the means.
    for instance, (a, b) in (("wide", ((0.0, 1.0), (0.5, 0.5))), ("narrow", ((0.5, 0.5), (0.5, 0.6)))):
        lab.group([(x + y) / 2 for x, y in zip(a, b, strict=True)], instance=instance)
        for sample in range(2):
            lab.score(f"{instance}/sim/mid/{sample}", "a", a[sample])
            lab.score(f"{instance}/sim/mid/{sample}", "b", b[sample])

    # Sums of squares: wide .125, narrow .00125.
    assert lab.one("dimension_share", dimension="a")["variance_share"] == pytest.approx(100 / 101)
    assert lab.one("dimension_share", dimension="b")["variance_share"] == pytest.approx(1 / 101)


def test_dimension_share_without_spread_and_without_groups() -> None:
    """Ties, one rollout, a lost one: no share; probes and ladders are no group."""
    lab = Lab()
    lab.rubric(a=1.0)
    lab.group([0.4], lost=1)
    lab.score("i1/sim/mid/0", "a", 0.4)
    lab.ladder("drop", [1, 0.5], {"a": [1, 0.5]})

    row = lab.one("dimension_share", dimension="a")
    assert (row["policy_id"], row["variance_share"], row["n_groups"]) == ("sim/mid", None, 0)
    assert Lab().view("dimension_share") == []
