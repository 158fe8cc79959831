"""A judge: a model under conditions that are part of its name."""

from functools import cached_property

from pydantic import Field

from graders.judge.prompt import (
    Output,
    Papers,
    Variant,
    answer_schema,
    canary_of,
    instructions,
    messages,
    protocol_version,
)
from graders.judge.rubric import JudgeRubric
from graders.judge.verdict import Verdict, read_verdict
from tasks_lib.models.conditions import BadConditionsError, Conditions, read_conditions
from tasks_lib.models.messages import Reply, Request
from tasks_lib.records import content_hash

PROVIDER = "anthropic/"


class UnknownJudgeError(LookupError):
    """A judge that nobody can call; the text says how one is written."""


class JudgeConditions(Conditions):
    """What a judge is called with. The API has no temperature: model, effort and thinking are all there is."""

    max_tokens: int = Field(default=8_000, ge=1, le=128_000)


class Judge:
    """One model under its conditions, asked about one dimension at a time."""

    def __init__(self, conditions: JudgeConditions) -> None:
        self.conditions = conditions

    @property
    def model(self) -> str:
        return self.conditions.model

    @cached_property
    def grader_id(self) -> str:
        """Who graded: the same conditions give the same id, however they were written."""
        return "judge/" + ":".join([self.model, *(f"{name}={value}" for name, value in self._said())])

    def version(self, rubric: JudgeRubric) -> str:
        """Return the hash of the rubric, and of how it is asked."""
        return f"{rubric.rubric_hash}-{protocol_version()}"

    def request(self, papers: Papers, rubric: JudgeRubric, variant: Variant, output: Output, call_id: str) -> Request:
        """Return one call: one output, one dimension, one rubric."""
        return Request(
            model=self.model,
            system=instructions(),
            messages=messages(papers, rubric, variant, output, call_id),
            max_tokens=self.conditions.max_tokens,
            effort=self.conditions.effort,
            thinking=self.conditions.thinking_parameter,
            output_schema=answer_schema(len(rubric.levels)),
        )

    def read(self, reply: Reply, papers: Papers, rubric: JudgeRubric, output: Output, call_id: str) -> Verdict:
        """Read the answer to a call; it becomes a verdict whatever it is."""
        return read_verdict(reply, rubric, (output.quotable, papers.quotable), canary_of(call_id))

    def _said(self) -> list[tuple[str, object]]:
        default = JudgeConditions.model_fields
        fields = ("effort", "thinking", "max_tokens")
        return [
            (name, getattr(self.conditions, name))
            for name in fields
            if getattr(self.conditions, name) != default[name].default
        ]


def call_id_of(rollout_id: str, dimension: str, grader_id: str, replicate: int) -> str:
    """Return the name of a call; the same question of the same run always has the same one."""
    return f"judge-{content_hash(rollout_id, dimension, grader_id, replicate, length=32)}"


def judge(name: str) -> Judge:
    """Build a judge from `anthropic/<model>`, or `anthropic/<model>:effort=low:thinking=disabled`.

    Raises:
        UnknownJudgeError: another provider, an unknown condition, or a value out of range.
    """
    if not name.startswith(PROVIDER):
        raise UnknownJudgeError(f"judge {name!r}: write {PROVIDER}<model>, such as {PROVIDER}claude-haiku-5-5")
    try:
        return Judge(read_conditions(JudgeConditions, name.removeprefix(PROVIDER)))
    except BadConditionsError as error:
        raise UnknownJudgeError(f"judge {name!r}: {error}") from None
