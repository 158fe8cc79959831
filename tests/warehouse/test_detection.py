"""detection, and the columns of monotonicity that follow from it: at which dose damage shows."""

import pytest
from scipy import stats

from tests.warehouse.rows import RUN, Lab
from warehouse.stats.shares import wilson


def ladders(rewards: list[list[float | None]]) -> Lab:
    """Return one ladder per instance, all of the operator `drop`."""
    lab = Lab()
    lab.operator("drop", "degrade", a="moves")
    with lab.together():
        for index, rungs in enumerate(rewards):
            lab.ladder("drop", rungs, {"a": rungs}, instance=f"i{index:02}")
    return lab


def test_detection_counts_falls_beyond_the_meaningful_difference() -> None:
    """A fall of .02 is none, one of .03 is; a rise is none and lowers the mean drop."""
    lab = ladders([[0.9, 0.88], [0.9, 0.87], [0.9, 0.5], [0.9, 1.0]])

    row = lab.one("detection", dimension="composite")
    assert (row["severity"], row["expected"], row["n_instances"], row["n_undetermined"]) == (1, "moves", 4, 0)
    assert row["detected_share"] == 0.5
    assert row["wilson_low"] == pytest.approx(wilson(2, 4)[0], abs=1e-6)
    assert row["mean_low"] == pytest.approx((0.88 + 0.87 + 0.5 + 1.0) / 4)
    assert row["mean_drop"] == pytest.approx((0.02 + 0.03 + 0.4 - 0.1) / 4)
    assert lab.one("detection", dimension="a")["expected"] == "moves"


@pytest.mark.parametrize(("k", "n"), [(0, 20), (15, 16), (16, 16), (1, 1)])
def test_detection_gives_the_lower_end_of_wilson(k: int, n: int) -> None:
    """Newcombe (1998), method 3, as warehouse.stats has it; 0 of 20 is 0 and never less."""
    lab = ladders([[0.9, 0.5]] * k + [[0.9, 0.9]] * (n - k))

    row = lab.one("detection", dimension="composite")
    assert row["detected_share"] == k / n
    assert row["wilson_low"] == pytest.approx(wilson(k, n)[0], abs=1e-6)
    assert row["wilson_low"] >= 0


def test_detection_leaves_out_what_says_nothing() -> None:
    """A failed grader and two open ends are counted apart; without any comparison all figures are null."""
    lab = Lab()
    lab.operator("drop", "degrade", a="moves", b="may")
    for index, cell in enumerate((0.5, (0.0, 1.0))):
        lab.ladder("drop", [1, 0.5], {"a": [1.0, cell], "b": [(0.0, 1.0), (0.0, 1.0)]}, instance=f"i{index}")
    lab.score("i1/ladder/drop@1/0", "c", 0.0, 1.0, state="error")
    lab.score("i1/ladder/drop@0/0", "c", 0.5)

    # Unassessed after the damage alone is a fall of what is proven.
    row = lab.one("detection", dimension="a")
    assert (row["n_instances"], row["detected_share"], row["n_undetermined"]) == (2, 1, 0)
    for dimension, n_undetermined in (("b", 2), ("c", 1)):
        row = lab.one("detection", dimension=dimension)
        assert (row["n_instances"], row["n_undetermined"]) == (0, n_undetermined)
        assert [row[name] for name in ("mean_low", "detected_share", "wilson_low", "mean_drop")] == [None] * 4
    assert lab.one("monotonicity", dimension="b")["violation_upper95"] is None
    assert lab.one("monotonicity", dimension="b")["smallest_detectable_dose"] is None


def test_detection_asks_every_ladder_of_an_instance() -> None:
    """Two ladders of one instance are one unit: seen on one of them only is not seen."""
    lab = Lab()
    lab.operator("drop", "degrade")
    lab.ladder("drop", [1, 0.5])
    for severity, reward in enumerate((1.0, 1.0)):
        lab.composite(lab.rollout("i1", f"ladder/drop@{severity}", 1), reward)

    row = lab.one("detection")
    assert (row["n_instances"], row["detected_share"], row["mean_drop"]) == (1, 0, 0.25)


def test_detection_of_nothing() -> None:
    """An empty warehouse, a ladder without its first rung, a lost rung: no rows."""
    lab = Lab()
    lab.ladder("drop", [None, 0.5])
    lab.ladder("swap", [1, None])
    lab.rollout("i1", "ladder/swap@0", 1, "error", error="timeout")

    assert lab.view("detection") == []
    assert Lab().view("detection") == []


@pytest.mark.parametrize(
    ("rungs", "dose"),
    [
        ([[1, 0.9, 0.8, 0.7]] * 16, 1),
        ([[1, 1, 0.8, 0.7]] * 16, 2),
        # Seen at 1, lost at 2: only what lasts counts.
        ([[1, 0.9, 1, 0.7]] * 16, 3),
        ([[1, 0.9, 0.8, 1]] * 16, None),
        # Fifteen of fifteen have a lower end of .796.
        ([[1, 0.9, 0.8, 0.7]] * 15, None),
        # Severity 2 was not applicable anywhere: the others stand.
        ([[1, 0.9, None, 0.7]] * 16, 1),
        # Few ladders reach severity 3: what they show contradicts nothing (5 of 5), or does (3 of 5).
        ([[1, 0.9, 0.8, None]] * 11 + [[1, 0.9, 0.8, 0.7]] * 5, 1),
        ([[1, 0.9, 0.8, None]] * 11 + [[1, 0.9, 0.8, 0.7]] * 3 + [[1, 0.9, 0.8, 1]] * 2, None),
    ],
)
def test_monotonicity_smallest_detectable_dose(rungs: list[list[float | None]], dose: int | None) -> None:
    """The smallest dose at which the lower end of Wilson is .8 or more, unless a heavier one was seen less."""
    row = ladders(rungs).one("monotonicity", dimension="composite")

    assert row["smallest_detectable_dose"] == dose


def test_monotonicity_dose_follows_the_threshold_of_the_run() -> None:
    """Fifteen of fifteen are enough where .75 is."""
    lab = ladders([[1, 0.9]] * 15)
    lab.add("threshold", run_id=RUN, name="detected_share_at_least", value=0.75)

    assert lab.one("monotonicity", dimension="composite")["smallest_detectable_dose"] == 1


@pytest.mark.parametrize("n", [29, 59])
def test_monotonicity_bound_without_a_violation(n: int) -> None:
    """STATISTICS 4.3: 29 / 59 instances without a violation prove at most 10 / 5 %: 1 - .05^(1/n)."""
    row = ladders([[1, 0.9]] * n).one("monotonicity", dimension="composite")

    assert (row["n_violated"], row["n_violations"]) == (0, 0)
    assert row["violation_upper95"] == pytest.approx(1 - 0.05 ** (1 / n), abs=1e-8)


def test_monotonicity_bound_counts_instances_and_not_pairs() -> None:
    """One instance with three bad pairs of six is one of five: the 95 % point of Beta(2, 4)."""
    row = ladders([[0.5, 0.6, 0.7, 0.4]] + [[1, 0.9, 0.8, 0.7]] * 4).one("monotonicity", dimension="composite")

    assert (row["n_violations"], row["n_violated"], row["n_instances"]) == (3, 1, 5)
    assert row["violation_upper95"] == pytest.approx(stats.beta.ppf(0.95, 2, 4), abs=1e-8)


def test_monotonicity_bound_where_all_are_violated() -> None:
    """Nothing is excluded: 1."""
    assert ladders([[0.5, 0.6]] * 3).one("monotonicity", dimension="composite")["violation_upper95"] == 1
