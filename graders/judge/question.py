"""One call of a judge: one rollout, one dimension, one repeat."""

from dataclasses import dataclass

from graders.judge.judge import Judge, call_id_of
from graders.judge.prompt import Output, Papers, Variant, variant_of
from graders.judge.rubric import JudgeRubric
from graders.judge.verdict import Verdict
from tasks_lib.models.messages import Reply, Request


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

    def read(self, reply: Reply) -> Verdict:
        """Return what was answered."""
        return self.judge.read(reply, self.papers, self.rubric, self.output, self.call_id)
