"""Collecting: what a policy leaves, and what its failure leaves."""

import tasks_lib
from flows.collect import collect_rollout
from graders.grading import grade_rollout
from tests.flows import tiny_family

FAMILY = tiny_family.TinyUpper()
INSTANCE = next(FAMILY.instances(1))


def test_collect_failure_is_a_row_with_a_cause_and_no_score() -> None:
    """A policy that raises leaves a rollout in status error, which is never graded."""
    rollout = collect_rollout("r", FAMILY, tasks_lib.policy("clumsy/line"), INSTANCE, 1)

    assert rollout is not None
    assert rollout.status == "error"
    assert rollout.error is not None
    assert rollout.error.startswith("ConnectionError: the line went dead (tiny_family.py, line ")
    graded = grade_rollout(INSTANCE, rollout)
    assert (graded.scores, graded.facets, graded.composite) == ((), (), None)


def test_collect_not_applicable_is_no_rollout() -> None:
    """A ladder without a target leaves nothing."""
    assert collect_rollout("r", FAMILY, tasks_lib.policy("ladder/drop_some@4"), INSTANCE, 0) is None


def test_collect_is_repeatable() -> None:
    """The same place in a run gives the same rollout, time aside."""
    first, second = (collect_rollout("r", FAMILY, tasks_lib.policy("sim/mid"), INSTANCE, 3) for _ in range(2))

    assert first is not None
    assert second is not None
    assert first.model_copy(update={"latency_s": 0.0}) == second.model_copy(update={"latency_s": 0.0})
    assert first.steps == 2
