"""A family whose grader pays for anything: what an audit must find out."""

from collections.abc import Mapping

from graders import register_grader
from graders.grading import DimensionScore, Grade
from graders.interval import exactly
from graders.rubric import Rubric
from tasks_lib import register_family
from tasks_lib.family import Operator
from tasks_lib.records import TaskInstance
from tests.flows.tiny_family import TinyUpper


@register_family
class GullibleUpper(TinyUpper):
    """The tiny family again, under a name of its own."""

    name = "gullible_upper"
    operators: Mapping[str, Operator] = TinyUpper.operators


@register_grader
class GullibleGrader:
    """Full marks for every output that is not empty."""

    family = "gullible_upper"
    grader_id = "gullible_upper/deterministic"
    version = "1"
    rubric = Rubric(family="gullible_upper", weights={"words": 0.5, "case": 0.5}, caps={"empty_output": 0.0})
    limits = ()

    def grade(self, instance: TaskInstance, output: str) -> Grade:
        paid = exactly(float(bool(output.strip())))
        scores = tuple(DimensionScore(name, paid, "looks fine") for name in self.rubric.weights)
        return Grade(scores=scores, work=paid, flags=() if output.strip() else ("empty_output",))
