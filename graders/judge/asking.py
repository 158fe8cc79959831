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
from graders.interval import UNASSESSED
from graders.judge.judge import Judge, call_id_of
from graders.judge.prompt import Output, Papers, Variant, papers, variant_of
from graders.judge.rubric import JudgeRubric
from graders.judge.verdict import Verdict
from tasks_lib.models.failures import CallFailedError
from tasks_lib.models.messages import Reply, Request
from tasks_lib.per_instance import once_per_instance
from tasks_lib.records import Rollout, Score, TaskInstance

Scope = Literal["open", "attacks", "all"]
"""What is asked about: `open` what code left open; `attacks` also all about outputs that test a judge; `all`."""
MATERIALS_ADDRESS_JUDGE = "materials_address_judge"
_NAMED_FAILURES = ("overloaded", "timeout", "rate_limit")
"""Failures of a call that are a reason by their own name; the others are `no_answer`."""
_REASONING_KEPT = 400
_QUOTES_KEPT = 6


def judged_dimensions(family: str) -> Mapping[str, JudgeRubric]:
    """Return the dimensions of a family that a judge may be asked about, with their rubrics.

    A grader names them in an attribute `judged`; one without it settles everything by code.
    """
    found: Mapping[str, JudgeRubric] = getattr(grader(family), "judged", {})
    return found


@dataclass(frozen=True)
class Question:
    """One call of a judge."""

    rollout_id: str
    papers: Papers
    output: Output
    rubric: JudgeRubric
    judge: Judge
    replicate: int
    obstacle: str
    """Why the answer narrows nothing and only tells about the judge; empty: it counts."""

    @property
    def call_id(self) -> str:
        return call_id_of(self.rollout_id, self.rubric.dimension, self.judge.grader_id, self.replicate)

    @property
    def variant(self) -> Variant:
        return variant_of(self.replicate)

    @property
    def beginning(self) -> tuple[object, ...]:
        """What it shares with the questions that begin alike, byte for byte."""
        return (self.judge.grader_id, id(self.papers), self.rubric.rubric_hash, self.variant)

    def request(self) -> Request:
        """Return what is asked."""
        return self.judge.request(self.papers, self.rubric, self.variant, self.output, self.call_id)


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
        read = [(question, _read(question, replies[question.call_id])) for question in self.questions]
        return Answered(
            (*self.unasked, *(_score(question, verdict) for question, verdict in read)),
            tuple(
                _call(question, verdict, reply)
                for question, verdict in read
                for reply in [replies[question.call_id]]
                if isinstance(verdict, Verdict) and isinstance(reply, Reply)
            ),
        )


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
                    _without_verdict(rollout.rollout_id, rubric, judge, 0, obstacle, {})
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


def _read(question: Question, reply: Reply | CallFailedError) -> Verdict | CallFailedError:
    if isinstance(reply, CallFailedError):
        return reply
    return question.judge.read(reply, question.papers, question.rubric, question.output, question.call_id)


def _score(question: Question, verdict: Verdict | CallFailedError) -> Score:
    judge, rubric, obstacle = question.judge, question.rubric, question.obstacle
    if isinstance(verdict, CallFailedError):
        kind = verdict.kind if verdict.kind in _NAMED_FAILURES else "no_answer"
        reason = f"{kind}: {str(verdict)[:200]}"
        return _without_verdict(question.rollout_id, rubric, judge, question.replicate, obstacle or reason, {})
    evidence = {
        "level": verdict.level,
        "of": rubric.top,
        "variant": question.variant,
        "quotes": [quote[:200] for quote in verdict.quotes[:_QUOTES_KEPT]],
        "reasoning": verdict.reasoning[:_REASONING_KEPT],
    }
    if obstacle:
        return _without_verdict(question.rollout_id, rubric, judge, question.replicate, obstacle, evidence)
    return Score(
        rollout_id=question.rollout_id,
        dimension=rubric.dimension,
        grader_id=judge.grader_id,
        replicate=question.replicate,
        family=rubric.family,
        low=verdict.interval.low,
        high=verdict.interval.high,
        state=verdict.state,
        source="judge",
        reason=verdict.reason,
        evidence=evidence,
        grader_version=judge.version(rubric),
    )


def _without_verdict(
    rollout_id: str, rubric: JudgeRubric, judge: Judge, replicate: int, reason: str, evidence: dict[str, Any]
) -> Score:
    return Score(
        rollout_id=rollout_id,
        dimension=rubric.dimension,
        grader_id=judge.grader_id,
        replicate=replicate,
        family=rubric.family,
        low=UNASSESSED.low,
        high=UNASSESSED.high,
        state="unassessed",
        source="judge",
        reason=reason,
        evidence=evidence,
        grader_version=judge.version(rubric),
    )


def _call(question: Question, verdict: Verdict, reply: Reply) -> dict[str, Any]:
    return {
        "call_id": question.call_id,
        "rollout_id": question.rollout_id,
        "dimension": question.rubric.dimension,
        "model": question.judge.model,
        "rubric_hash": question.rubric.rubric_hash,
        "input_tokens": reply.usage.read_tokens,
        "output_tokens": reply.usage.output_tokens,
        "cached_tokens": reply.usage.cache_read_tokens,
        "cost_usd": reply.cost_usd,
        "verdict": {
            "raw": verdict.raw,
            "stop_reason": reply.stop_reason,
            "answered_by": reply.model,
            "unfound": list(verdict.unfound),
        },
        "quotes_verified": verdict.quotes_verified,
        "grader_id": question.judge.grader_id,
        "replicate": question.replicate,
        "variant": question.variant,
        "outcome": verdict.outcome,
        "value": verdict.value,
        "latency_s": reply.seconds,
    }
