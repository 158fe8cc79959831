"""What a call of a judge leaves in the warehouse: a score, and the call itself."""

from typing import Any

from graders.interval import UNASSESSED, Interval
from graders.judge.judge import Judge
from graders.judge.question import Question
from graders.judge.rubric import JudgeRubric
from graders.judge.verdict import Verdict
from tasks_lib.models.failures import CallFailedError
from tasks_lib.models.messages import Reply
from tasks_lib.records import Score, ScoreState

_NAMED_FAILURES = ("overloaded", "timeout", "rate_limit")
"""Failures of a call that are a reason by their own name; the others are `no_answer`."""
_REASONING_KEPT = 400
_QUOTES_KEPT = 6


def score_of(question: Question, verdict: Verdict | CallFailedError) -> Score:
    """Return the score of one call: a point where there is a verdict that counts, else nothing known, and why."""
    place = (question.rollout_id, question.rubric, question.judge, question.replicate)
    if isinstance(verdict, CallFailedError):
        told = str(verdict)[:200]  # begins with its kind
        reason = told if verdict.kind in _NAMED_FAILURES else f"no_answer: {told}"
        return _score(*place, UNASSESSED, "unassessed", question.obstacle or reason)
    evidence = {
        "level": verdict.level,
        "of": question.rubric.top,
        "variant": question.variant,
        "quotes": [quote[:200] for quote in verdict.quotes[:_QUOTES_KEPT]],
        "reasoning": verdict.reasoning[:_REASONING_KEPT],
    }
    if question.obstacle:
        return _score(*place, UNASSESSED, "unassessed", question.obstacle, evidence)
    return _score(*place, verdict.interval, verdict.state, verdict.reason, evidence)


def unasked_score(rollout_id: str, rubric: JudgeRubric, judge: Judge, obstacle: str) -> Score:
    """Return the score of a dimension about which a judge was not asked, and why."""
    return _score(rollout_id, rubric, judge, 0, UNASSESSED, "unassessed", obstacle)


def _score(
    rollout_id: str,
    rubric: JudgeRubric,
    judge: Judge,
    replicate: int,
    interval: Interval,
    state: ScoreState,
    reason: str,
    evidence: dict[str, Any] | None = None,
) -> Score:
    return Score(
        rollout_id=rollout_id,
        dimension=rubric.dimension,
        grader_id=judge.grader_id,
        replicate=replicate,
        family=rubric.family,
        low=interval.low,
        high=interval.high,
        state=state,
        source="judge",
        reason=reason,
        evidence=evidence or {},
        grader_version=judge.version(rubric),
    )


def call_row(question: Question, verdict: Verdict, reply: Reply) -> dict[str, Any]:
    """Return the row of `judge_call`: the answer as it came, what was made of it, and what it cost."""
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
