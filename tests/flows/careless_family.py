"""The tiny family with a grader that was made worse on purpose: it takes no notice of case, and nobody noticed that."""

from graders import register_grader
from graders.grading import DimensionScore, Grade
from graders.interval import exactly
from tasks_lib.records import TaskInstance
from tests.flows.tiny_family import TinyGrader


@register_grader
class CarelessGrader(TinyGrader):
    """Takes the place of the grader of the tiny family."""

    version = "2"

    def grade(self, instance: TaskInstance, output: str) -> Grade:
        grade = super().grade(instance, output.upper())
        return Grade(
            (grade.scores[0], DimensionScore("case", exactly(grade.scores[0].interval.low), "in any case")),
            grade.scores[0].interval,
            grade.flags,
        )
