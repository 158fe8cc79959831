"""compensation: whether damage pays."""

import pytest

from tests.warehouse.rows import Lab


def lab_of(**weights: float) -> Lab:
    """Return a warehouse with a rubric and the operator `delete`."""
    lab = Lab()
    lab.rubric(**weights)
    lab.operator("delete", "compensation")
    return lab


def test_compensation_of_the_worked_example() -> None:
    """STATISTICS 4.3: two of twelve rows bad on unit and format, deleted: the index is 9 / 7, the damage pays.

    Preservation falls by 1/6, unit and format rise by 1/6 each; weights .35, .25, .20 give .45 / .35.
    """
    lab = lab_of(preservation=0.35, unit=0.25, format=0.2, completeness=0.2)
    cells = {"preservation": [1, 10 / 12], "unit": [10 / 12, 1], "format": [10 / 12, 1], "completeness": [1, 1]}
    lab.ladder("delete", [0.925, 0.9417], cells)

    row = lab.one("compensation")
    assert (row["n_instances"], row["n_paying"], row["share_paying"], row["n_infinite"]) == (1, 1, 1, 0)
    assert row["mean_index"] == pytest.approx(9 / 7)
    assert row["max_index"] == pytest.approx(9 / 7)


def test_compensation_means_over_finite_indices() -> None:
    """Indices .5, 1 and infinite, and one instance in which nothing moved: two pay, the mean is of .5 and 1."""
    lab = lab_of(a=1.0, b=1.0)
    for instance, (a, b) in {
        "half": ((1, 0.6), (0.5, 0.7)),
        "even": ((1, 0.9), (0.1 + 0.2, 0.4)),
        "infinite": ((1, 1), (0.5, 0.6)),
        "still": ((0.1 + 0.2, 0.3), (0.5, 0.5)),
    }.items():
        lab.ladder("delete", [0.5, 0.5], {"a": a, "b": b}, instance=instance)

    row = lab.one("compensation")
    assert (row["n_instances"], row["n_paying"], row["n_infinite"], row["share_paying"]) == (4, 2, 1, 0.5)
    assert row["mean_index"] == pytest.approx(0.75)
    assert row["max_index"] == pytest.approx(1)


def test_compensation_takes_the_highest_graded_severity() -> None:
    """Severity 3 was lost: 2 is compared with 0, and 1 is not asked."""
    lab = lab_of(a=1.0, b=3.0)
    lab.ladder("delete", [0.5, 0.5, 0.5], {"a": [1, 0, 0.4], "b": [0.5, 0.5, 0.6]})
    lab.place("i1", "ladder/delete@3", "ladder", {"operator": "delete", "severity": 3})
    lab.rollout("i1", "ladder/delete@3", 0, "error", error="timeout")

    # 3 x .1 / .6; weights need not add up to 1.
    assert lab.one("compensation")["mean_index"] == pytest.approx(0.5)


def test_compensation_leaves_out_what_failed_and_what_has_no_weight() -> None:
    """A grader that failed says 0, which would look like a fall: that instance is counted apart."""
    lab = lab_of(a=1.0, b=1.0)
    for instance in ("good", "bad"):
        cells = {"a": [1, 0.5], "b": [0.5, 0.5 if instance == "good" else (0, 1)], "unweighted": [0, 1]}
        lab.ladder("delete", [0.5, 0.5], cells, instance=instance)
    lab.score("bad/ladder/delete@1/0", "a", 0.0, 1.0, grader_id="other", state="error")
    row = lab.one("compensation")
    # A second grader of the same dimension succeeded: nothing failed. b fell to nothing proven: index 0 as well.
    assert (row["n_instances"], row["n_undetermined"], row["mean_index"]) == (2, 0, 0)

    failed = lab_of(a=1.0)
    failed.ladder("delete", [0.5, 0.5])
    failed.score("i1/ladder/delete@0/0", "a", 1.0)
    failed.score("i1/ladder/delete@1/0", "a", 0.0, 1.0, state="error")
    row = failed.one("compensation")
    assert (row["n_instances"], row["n_undetermined"], row["n_paying"]) == (0, 1, 0)
    assert [row[name] for name in ("share_paying", "mean_index", "max_index")] == [None] * 3


def test_compensation_of_neutral_rewrites_single_rungs_and_nothing() -> None:
    """A rewrite is no damage, and one rung is no comparison."""
    lab = lab_of(a=1.0)
    lab.operator("reorder", "neutral")
    lab.ladder("reorder", [1, 1], {"a": [0.5, 0.6]})
    lab.ladder("delete", [1], {"a": [0.5]})

    assert lab.view("compensation") == []
    assert Lab().view("compensation") == []
