"""Which questions a graded rollout leaves open, and what becomes of the answers.

A question is one call: one rollout, one dimension, one judge, one repeat. Where code has settled a dimension there is
none. Where the output, or a material that a judge would read, addresses whoever grades, none is asked either: what the
judge would say then is what it was told to say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from graders.addressing import ADDRESSES_JUDGE, signs_of_address
from graders.grading import Graded, grader
from graders.judge.judge import Judge
from graders.judge.prompt import Output, Papers, papers
from graders.judge.question import Question
from graders.judge.rows import call_row, score_of, unasked_score
from graders.judge.rubric import JudgeRubric
from tasks_lib.models.failures import CallFailedError
from tasks_lib.models.messages import Reply
from tasks_lib.per_instance import once_per_instance
from tasks_lib.records import Rollout, Score, TaskInstance

Scope = Literal["open", "attacks", "all"]
"""What is asked about: `open` what code left open; `attacks` also all about outputs that test a judge; `all`."""
MATERIALS_ADDRESS_JUDGE = "materials_address_judge"


def judged_dimensions(family: str) -> Mapping[str, JudgeRubric]:
    """Return the dimensions of a family that a judge may be asked about, with their rubrics.

    A grader names them in an attribute `judged`; one without it settles everything by code.
    """
    found: Mapping[str, JudgeRubric] = getattr(grader(family), "judged", {})
    return found


@dataclass(frozen=True)
class Answered:
    """The rows that judges leave of one rollout."""

    scores: tuple[Score, ...] = ()
    calls: tuple[dict[str, Any], ...] = ()
    """Rows of `judge_call`."""


@dataclass(frozen=True)
class Arm:
    """A rollout that tests a judge: an attack, or the same output without it."""

    materials: Mapping[str, str] | None = None
    """Materials with an attack planted in them, shown in the place of the instance's own."""


@dataclass(frozen=True)
class Case:
    """What is asked about one rollout."""

    questions: tuple[Question, ...] = ()
    unasked: tuple[Score, ...] = ()
    """What is said of the dimensions about which something keeps us from asking."""

    def answered(self, replies: Mapping[str, Reply | CallFailedError]) -> Answered:
        """Return what the judges leave of the rollout.

        Args:
            replies: call -> its answer, or why there is none; every question must have one.
        """
        scores, calls = list(self.unasked), []
        for question in self.questions:
            reply = replies[question.call_id]
            if isinstance(reply, CallFailedError):
                scores.append(score_of(question, reply))
                continue
            verdict = question.read(reply)
            scores.append(score_of(question, verdict))
            calls.append(call_row(question, verdict, reply))
        return Answered(tuple(scores), tuple(calls))


@dataclass(frozen=True)
class Panel:
    """The judges of a run."""

    judges: Sequence[Judge]
    replicates: int = 1
    scope: Scope = "open"

    def case(self, instance: TaskInstance, rollout: Rollout, graded: Graded, arm: Arm | None = None) -> Case:
        """Return every call to make about a rollout.

        Args:
            instance: the task.
            rollout: what was attempted.
            graded: what code found; without a composite there is nothing to narrow.
            arm: where the rollout tests judges.
        """
        anyway = self.scope == "all" or (self.scope == "attacks" and arm is not None)
        rubrics = _wanted(instance.family, graded, anyway)
        if not rubrics or not self.judges:
            return Case()
        obstacle = _obstacle(instance, graded, arm)
        if obstacle and not anyway:
            return Case(
                unasked=tuple(
                    unasked_score(rollout.rollout_id, rubric, judge, obstacle)
                    for rubric in rubrics
                    for judge in self.judges
                )
            )
        shown = Papers(instance, arm.materials) if arm and arm.materials is not None else papers(instance)
        output = Output.of(rollout.output)
        return Case(
            tuple(
                Question(rollout.rollout_id, shown, output, rubric, judge, replicate, obstacle)
                for rubric in rubrics
                for judge in self.judges
                for replicate in range(self.replicates)
            )
        )


def _wanted(family: str, graded: Graded, anyway: bool) -> list[JudgeRubric]:
    if graded.composite is None:
        return []
    open_ones = {score.dimension for score in graded.scores if score.low < score.high}
    return [rubric for name, rubric in judged_dimensions(family).items() if anyway or name in open_ones]


@once_per_instance
def _materials_address_judge(instance: TaskInstance) -> bool:
    return any(signs_of_address(text) for text in instance.materials.values())


def _obstacle(instance: TaskInstance, graded: Graded, arm: Arm | None) -> str:
    if graded.composite is not None and ADDRESSES_JUDGE in graded.composite.flags:
        return ADDRESSES_JUDGE
    planted = arm.materials if arm is not None else None
    own = "\n".join(instance.materials.values())
    is_planted = planted is not None and any(signs_of_address(text, own) for text in planted.values())
    return MATERIALS_ADDRESS_JUDGE if is_planted or _materials_address_judge(instance) else ""
