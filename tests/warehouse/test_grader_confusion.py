"""grader_confusion, facet_confusion and monotonicity: what damage each dimension sees."""

import pytest

from tests.warehouse.rows import FAMILY, RUN, Lab


def test_grader_confusion_of_damage_that_is_seen() -> None:
    """Severities 2..4 against 0: recall falls in all three, format in none; severity 1 is not asked."""
    lab = Lab()
    lab.operator("drop", "degrade", recall="moves", format="still")
    lab.ladder("drop", [1, 1, 0.8, 0.6, 0.4], {"recall": [1, 1, 0.9, 0.8, 0.7], "format": [1, 1, 1, 1, 1]})

    recall = lab.one("grader_confusion", dimension="recall")
    assert (recall["expected"], recall["n_pairs"], recall["moved_share"], recall["agrees"]) == ("moves", 3, 1, True)
    assert recall["mean_drop"] == pytest.approx((0.1 + 0.2 + 0.3) / 3)
    assert recall["max_drop"] == pytest.approx(0.3)
    still = lab.one("grader_confusion", dimension="format")
    assert (still["moved_share"], still["mean_drop"], still["agrees"]) == (0, 0, True)
    composite = lab.one("grader_confusion", dimension="composite")
    assert (composite["expected"], composite["moved_share"], composite["agrees"]) == ("moves", 1, True)


def test_grader_confusion_of_damage_that_is_missed_or_misread() -> None:
    """A tie where a fall is due, and a rise where nothing may move, both disagree."""
    lab = Lab()
    lab.operator("drop", "degrade", recall="moves", format="still", tone="may")
    cells = {"recall": [1, 1, 1, 0.8, 0.7], "format": [0.9, 0.9, 1, 0.9, 0.9], "tone": [1, 0, 0, 0, 0]}
    lab.ladder("drop", [1, 1, 1, 0.8, 0.7], cells)

    rows = {row["dimension"]: (row["moved_share"], row["agrees"]) for row in lab.view("grader_confusion")}
    assert rows == {
        "composite": (pytest.approx(2 / 3), False),
        "recall": (pytest.approx(2 / 3), False),
        "format": (pytest.approx(1 / 3), False),
        "tone": (1, None),
    }


def test_grader_confusion_has_no_tolerance() -> None:
    """A neutral rewrite that moves a deterministic dimension by a millionth is seen; a rounding error is not."""
    lab = Lab()
    lab.operator("reorder", "neutral", recall="still", format="still")
    lab.ladder("reorder", [0.3, 0.3, 0.1 + 0.2], {"recall": [0.3, 0.3, 0.1 + 0.2], "format": [0.5, 0.5, 0.500001]})

    assert lab.one("grader_confusion", dimension="recall")["agrees"] is True
    assert lab.one("grader_confusion", dimension="composite")["agrees"] is True
    assert lab.one("grader_confusion", dimension="format")["agrees"] is False


def test_grader_confusion_of_a_compensation_must_not_pay() -> None:
    """Deleting what is wrong may lower the reward or leave it; one rise in three disagrees."""
    lab = Lab()
    lab.operator("delete", "compensation")
    lab.ladder("delete", [0.8, 0.8, 0.8, 0.7, 0.81])

    row = lab.one("grader_confusion", dimension="composite")
    assert (row["expected"], row["moved_share"], row["agrees"]) == ("no_gain", pytest.approx(1 / 3), False)


def test_grader_confusion_counts_what_says_nothing() -> None:
    """Both ends unassessed: undetermined. From settled to unassessed: what is proven fell. No target: counted."""
    lab = Lab()
    lab.operator("drop", "degrade", judge="moves", recall="moves")
    lab.ladder("drop", [1, 1, 0.5, None, None], {"judge": [(0, 1), (0, 1), (0, 1)], "recall": [1, 1, (0, 1)]})

    judge = lab.one("grader_confusion", dimension="judge")
    assert (judge["n_pairs"], judge["n_undetermined"], judge["moved_share"], judge["agrees"]) == (0, 1, None, None)
    recall = lab.one("grader_confusion", dimension="recall")
    assert (recall["n_pairs"], recall["moved_share"], recall["mean_drop"]) == (1, 1, 1)
    assert recall["n_not_applicable"] == 2


def test_grader_confusion_compares_within_an_instance() -> None:
    """An easy and a hard instance: each is compared with its own severity 0, and an undeclared cell is not judged."""
    lab = Lab()
    lab.operator("drop", "degrade")
    lab.ladder("drop", [1.0, 1.0, 0.9], {"recall": [1.0, 1.0, 0.9]}, instance="a")
    lab.ladder("drop", [0.5, 0.5, 0.4], {"recall": [0.5, 0.5, 0.4]}, instance="b")

    row = lab.one("grader_confusion", dimension="recall")
    assert (row["n_pairs"], row["expected"], row["agrees"]) == (2, None, None)
    assert row["mean_drop"] == pytest.approx(0.1)


def test_grader_confusion_without_ladders_is_empty() -> None:
    """No rows, a group without ladders, a ladder of severity 0 alone: nothing to compare."""
    lab = Lab()
    lab.group([0.5, 0.6])
    lab.operator("drop", "degrade")
    lab.ladder("drop", [1.0])

    assert lab.view("grader_confusion") == []
    assert lab.view("facet_confusion") == []
    assert lab.view("monotonicity") == []


def test_facet_confusion_tells_parts_apart() -> None:
    """Dropped rows lower row recall and leave row precision; both are compared with what is declared."""
    lab = Lab()
    lab.operator("drop", "degrade")
    lab.add("expectation", family=FAMILY, operator="drop", dimension="data", facet="recall", expected="moves")
    lab.add("expectation", family=FAMILY, operator="drop", dimension="data", facet="precision", expected="moves")
    lab.ladder("drop", [1, 1, 0.8])
    for severity, (recall, precision) in enumerate(((1, 1), (1, 1), (0.8, 1))):
        rollout_id = f"i1/ladder/drop@{severity}/0"
        for facet, value in (("recall", recall), ("precision", precision)):
            lab.add(
                "facet", rollout_id=rollout_id, dimension="data", facet=facet, grader_id="code", low=value, high=value
            )

    recall, precision = lab.one("facet_confusion", facet="recall"), lab.one("facet_confusion", facet="precision")
    assert (recall["n_pairs"], recall["moved_share"], recall["agrees"]) == (1, 1, True)
    assert recall["mean_drop"] == pytest.approx(0.2)
    assert (precision["moved_share"], precision["agrees"]) == (0, False)


@pytest.mark.parametrize(
    ("rewards", "n_violations", "somers_d"),
    [
        # STATISTICS 4.3, severities 0..4.
        ([1, 0.92, 0.83, 0.75, 0.67], 0, 1.0),
        ([1, 0.9, 0.95, 0.7, 0.6], 1, 0.8),
        ([1, 1, 1, 0.75, 0.5], 0, 0.7),
        ([1, 1, 1, 1, 1], 0, 0.0),
        # Worse always scores higher.
        ([0.1, 0.2, 0.3, 0.4, 0.5], 10, -1.0),
    ],
)
def test_monotonicity_of_one_ladder(rewards: list[float], n_violations: int, somers_d: float) -> None:
    """Ten pairs; a rise is a violation and a tie costs."""
    lab = Lab()
    lab.operator("drop", "degrade")
    lab.ladder("drop", rewards)

    row = lab.one("monotonicity", dimension="composite")
    assert (row["n_instances"], row["n_pairs"], row["n_violations"]) == (1, 10, n_violations)
    assert row["violation_rate"] == pytest.approx(n_violations / 10)
    assert row["somers_d"] == pytest.approx(somers_d)


def test_monotonicity_gives_the_largest_rise_and_the_dimension() -> None:
    """Format rises by .05 from severity 1 to 2, recall never does."""
    lab = Lab()
    lab.operator("drop", "degrade", format="still", recall="moves")
    lab.ladder("drop", [1, 0.9, 0.8], {"format": [1, 0.9, 0.95], "recall": [1, 0.5, 0.1]})

    row = lab.one("monotonicity", dimension="format")
    assert (row["n_violations"], row["max_violation"], row["expected"]) == (1, pytest.approx(0.05), "still")
    assert lab.one("monotonicity", dimension="recall")["max_violation"] == 0


def test_monotonicity_leaves_out_neutral_rewrites_and_open_pairs() -> None:
    """Neutral rewrites have no order; pairs of unassessed ends are counted apart; a lost rung makes no pair."""
    lab = Lab()
    lab.operator("reorder", "neutral")
    lab.ladder("reorder", [0.5, 0.6, 0.7])
    lab.operator("drop", "degrade")
    lab.ladder("drop", [1, 0.8], {"judge": [(0, 1), (0, 1)]})
    lab.place("i1", "ladder/drop@2", "ladder", {"operator": "drop", "severity": 2})
    lab.rollout("i1", "ladder/drop@2", 0, "error", error="timeout")

    rows = {(row["operator"], row["dimension"]): row for row in lab.view("monotonicity")}
    assert set(rows) == {("drop", "composite"), ("drop", "judge")}
    assert rows["drop", "composite"]["n_pairs"] == 1
    judge = rows["drop", "judge"]
    assert (judge["n_pairs"], judge["n_undetermined"], judge["somers_d"], judge["violation_rate"]) == (0, 1, None, None)


def test_grader_confusion_reads_the_thresholds_of_the_run() -> None:
    """A run that asks from severity 1 on compares one pair more."""
    lab = Lab()
    lab.operator("drop", "degrade")
    lab.ladder("drop", [1, 1, 0.8])
    lab.add("threshold", run_id=RUN, name="min_severity", value=1.0)

    row = lab.one("grader_confusion")
    assert (row["n_pairs"], row["min_severity"], row["moved_share"]) == (2, 1, 0.5)
