"""Grading one rollout: complete rows, and a grader's failure that never becomes a zero."""

from collections.abc import Iterator

import pytest

from graders import grading
from graders.grading import DimensionScore, Grade, UnknownGraderError, grade_rollout, grader, register_grader
from graders.interval import exactly
from graders.rubric import Rubric
from graders.spreadsheet_clean import FACETS
from tasks_lib.records import Rollout, RolloutStatus, TaskInstance
from tests.support_spreadsheet import FAMILY, GRADER, hand_instance


def _rollout(output: str, status: RolloutStatus = "completed") -> Rollout:
    return Rollout(
        rollout_id="r1", run_id="run", instance_id="i", policy_id="p", sample=0, status=status, output=output, steps=1,
        latency_s=0.0,
    )  # fmt: skip


@pytest.fixture
def broken_family() -> Iterator[TaskInstance]:
    """An instance of a family whose grader always raises."""

    class Broken:
        family = "broken"
        grader_id = "broken/deterministic"
        version = "7"
        rubric = Rubric(family="broken", weights={"a": 0.5, "b": 0.5}, caps={})
        limits = ()

        def grade(self, instance: TaskInstance, output: str) -> Grade:
            raise ZeroDivisionError("nothing to divide by")

    register_grader(Broken)
    yield hand_instance().model_copy(update={"family": "broken"})
    del grading._graders["broken"]


def test_grader_that_raises_leaves_error_scores_and_no_composite(broken_family: TaskInstance) -> None:
    """Every dimension is [0, 1] in state error with the cause; no composite and no facet is made up."""
    graded = grade_rollout(broken_family, _rollout("x"))

    assert [(s.dimension, s.low, s.high, s.state) for s in graded.scores] == [
        ("a", 0.0, 1.0, "error"),
        ("b", 0.0, 1.0, "error"),
    ]
    assert {s.reason for s in graded.scores} == {"ZeroDivisionError: nothing to divide by"}
    assert {(s.grader_id, s.grader_version, s.family) for s in graded.scores} == {
        ("broken/deterministic", "7", "broken")
    }
    assert (graded.composite, graded.facets) == (None, ())


def test_grader_that_leaves_a_dimension_out_fails_like_one_that_raises(broken_family: TaskInstance) -> None:
    """A dimension of the rubric without a score is an error of the grader, not of the run."""
    settled = DimensionScore("a", exactly(1.0), "seen")

    def half(self: object, instance: TaskInstance, output: str) -> Grade:
        return Grade((settled,), work=exactly(1.0))

    type(grader("broken")).grade = half  # type: ignore[method-assign]
    graded = grade_rollout(broken_family, _rollout("x"))

    assert {score.state for score in graded.scores} == {"error"}
    assert "'b'" in graded.scores[0].reason
    assert graded.composite is None


def test_rollout_lost_to_infrastructure_gets_nothing() -> None:
    """A rollout in status error is lost, not bad: no scores, no facets, no composite."""
    graded = grade_rollout(hand_instance(), _rollout("", "error"))

    assert (graded.scores, graded.facets, graded.composite) == ((), (), None)


@pytest.mark.parametrize("status", ["completed", "refused", "truncated", "step_limit"])
def test_rollout_that_the_policy_ended_is_graded(status: RolloutStatus) -> None:
    """An attempt the policy itself spoiled is graded on what it left."""
    graded = grade_rollout(hand_instance(), _rollout("", status))

    assert graded.composite is not None
    assert graded.composite.reward == 0.0
    assert graded.composite.flags == ("empty_output",)


def test_rows_of_a_graded_rollout_are_complete() -> None:
    """One score for each dimension and one row for each facet, all under the rollout's key and grader version."""
    instance = hand_instance()
    graded = grade_rollout(instance, _rollout(FAMILY.oracle(instance)))

    assert [score.dimension for score in graded.scores] == list(GRADER.rubric.weights)
    assert {(f.dimension, f.facet) for f in graded.facets} == {(d, f) for d, names in FACETS.items() for f in names}
    assert {row.rollout_id for row in (*graded.scores, *graded.facets)} == {"r1"}
    assert {score.grader_version for score in graded.scores} == {GRADER.version}
    assert {score.source for score in graded.scores} == {"deterministic"}
    assert {score.state for score in graded.scores} == {"assessed"}
    assert all(score.reason and score.evidence for score in graded.scores)
    assert graded.composite is not None
    assert graded.composite.rubric_id == GRADER.rubric.rubric_id
    assert graded.composite.ready
    assert graded.composite.reward == 1.0


def test_unknown_grader_lists_what_exists() -> None:
    """A family without a grader is an error that lists those with one."""
    with pytest.raises(UnknownGraderError, match=r"no grader for family 'zoo'; graders exist for: .*spreadsheet_clean"):
        grader("zoo")
