"""stg_trusted_judge: who may narrow a reward: calibrated on that dimension, in the version that was rated."""

from tests.warehouse.rows import JUDGE, Lab
from warehouse.estimates import refresh_calibration


def rated(
    lab: Lab, n: int, *, first: int = 0, version: str = "1", verdict: float = 0.5, dimension: str = "tone"
) -> None:
    """Add rollouts, each of a task of its own, of which people say 0.5."""
    with lab.together():
        for at in range(first, first + n):
            lab.place(f"i{at}", "sim/mid")
            rollout_id = lab.rollout(f"i{at}", "sim/mid", 0)
            lab.judge(rollout_id, dimension, [verdict], version=version)
            lab.rating(rollout_id, dimension, [0.5])
    refresh_calibration(lab.warehouse)


def test_a_calibrated_judge_is_trusted_in_its_version() -> None:
    """60 of 60 agree: the lower limit is .94. What it said unrated under another rubric does not matter."""
    lab = Lab()
    rated(lab, 60, version="h1-p")
    lab.judge(lab.rollout("i1", "sim/mid", 99), "tone", [0.5], version="h2-p")

    assert lab.one("stg_trusted_judge") == {"dimension": "tone", "judge": JUDGE, "grader_version": "h1-p"}


def test_trust_is_of_one_dimension() -> None:
    """It agrees about tone, and is half the scale off about style."""
    lab = Lab()
    rated(lab, 60)
    rated(lab, 60, first=60, verdict=1.0, dimension="style")

    assert [row["dimension"] for row in lab.view("stg_trusted_judge")] == ["tone"]


def test_too_few_ratings_and_excluded_judges_are_not_trusted() -> None:
    """29 ratings decide nothing; 60 of 60 that do not agree exclude."""
    few = Lab()
    rated(few, 29)
    wrong = Lab()
    rated(wrong, 60, verdict=1.0)

    assert few.view("stg_trusted_judge") == wrong.view("stg_trusted_judge") == []
