"""calibration_progress: how far each rater of each calibration set is."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from tests.warehouse.rows import Lab


def calibration_set(
    lab: Lab, name: str, wanted: Mapping[str, int], assigned: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Add a set of rollouts with the ratings wanted of each, and who was asked."""
    lab.add(
        "calibration_set", set_id=name, dimension="tone", family="fam", judge=None, grader_version=None, rubric={},
        rubric_hash="h", top=4, seed=0, n_wanted=len(wanted), n_frame=len(wanted), n_already_rated=0, frame_hash="f",
        allocation="power", tail_from=0.9, tail_factor=1.0, raters=list(assigned or {}), raters_per_item=1,
        share_by_all=0.0, config={}, created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    for rollout, n in wanted.items():
        lab.add(
            "calibration_item", set_id=name, rollout_id=rollout, dimension="tone", stratum="s",
            inclusion_probability=1.0, weight=1.0, raters_wanted=n, item_id=f"{name}-{rollout}", text_hash="t",
        )  # fmt: skip
    for rater, rollouts in (assigned or {}).items():
        for place, rollout in enumerate(rollouts):
            lab.add("calibration_assignment", set_id=name, item_id=f"{name}-{rollout}", rater=rater, place=place)


def said(
    lab: Lab, rollout: str, rater: str, score: float | None, day: int | None = None, dimension: str = "tone"
) -> None:
    """Add a rating."""
    at = None if day is None else datetime(2026, 1, day, tzinfo=UTC)
    lab.add("rating", rollout_id=rollout, dimension=dimension, rater=rater, score=score, rated_at=at)


def told(lab: Lab) -> list[tuple[object, ...]]:
    """Return set, rater, asked for, rated, cannot assess, left, day of the last rating."""
    return sorted(
        (
            row["set_id"], row["rater"], row["n_assigned"], row["n_rated"], row["n_cannot_assess"], row["n_left"],
            row["last_rated_at"] and row["last_rated_at"].day,
        )
        for row in lab.view("calibration_progress")
    )  # fmt: skip


def test_two_raters_by_hand() -> None:
    """ann did two of three, one without a verdict; ben one of two; cleo, who was not asked, one. Wanted 5, left 2."""
    lab = Lab()
    calibration_set(lab, "s", {"r1": 2, "r2": 2, "r3": 1}, {"ann": ["r1", "r2", "r3"], "ben": ["r1", "r2"]})
    said(lab, "r1", "ann", 0.5, day=3)
    said(lab, "r2", "ann", None, day=4)
    said(lab, "r1", "ben", 0.75, day=2)
    said(lab, "r1", "cleo", 0.75)
    # What is said of another dimension or rollout is not of this set.
    said(lab, "r3", "ann", 0.5, day=9, dimension="style")
    said(lab, "r9", "ann", 0.5, day=9)

    assert told(lab) == [
        # r2 wants one more and r3 one; the third rating of r1 makes up for neither.
        ("s", "all", 5, 3, 1, 2, 4),
        ("s", "ann", 3, 1, 1, 1, 4),
        ("s", "ben", 2, 1, 0, 1, 2),
        ("s", "cleo", None, 1, 0, None, None),
    ]


def test_a_set_that_nobody_has_begun_has_its_rows() -> None:
    """Dealt out, all is left; open to anyone, the ratings wanted are."""
    lab = Lab()
    calibration_set(lab, "dealt", {"r1": 1, "r2": 1}, {"ann": ["r1", "r2"]})
    calibration_set(lab, "open", {"r3": 2, "r4": 3})

    assert told(lab) == [
        ("dealt", "all", 2, 0, 0, 2, None),
        ("dealt", "ann", 2, 0, 0, 2, None),
        ("open", "all", 5, 0, 0, 5, None),
    ]


def test_a_rating_counts_in_every_set_that_holds_the_rollout() -> None:
    """It is one rating of one rollout, whichever set it was given for."""
    lab = Lab()
    for name in ("one", "two"):
        calibration_set(lab, name, {"r1": 1}, {"ann": ["r1"]})
    said(lab, "r1", "ann", 0.5, day=1)

    assert [row[5] for row in told(lab)] == [0, 0, 0, 0]


def test_one_who_is_called_all_is_left_out() -> None:
    """The name is taken by everybody together."""
    lab = Lab()
    calibration_set(lab, "s", {"r1": 1})
    said(lab, "r1", "all", 0.5, day=1)

    assert told(lab) == [("s", "all", 1, 0, 0, 1, None)]


def test_without_sets_there_are_no_rows() -> None:
    """Ratings alone are no set."""
    lab = Lab()
    said(lab, "r1", "ann", 0.5)

    assert told(lab) == []
