"""The tiny family with a later version of its grader, which counts a missing word twice and weighs otherwise."""

import os
import time

from graders import register_grader
from graders.grading import DimensionScore, Grade
from graders.interval import exactly
from graders.rubric import Rubric
from tasks_lib.records import TaskInstance
from tests.flows.tiny_family import TinyGrader


@register_grader
class StricterGrader(TinyGrader):
    """Takes the place of the grader of the tiny family."""

    version = "2"
    rubric = Rubric(family="tiny_upper", weights={"words": 0.75, "case": 0.25}, caps={"empty_output": 0.0})

    def grade(self, instance: TaskInstance, output: str) -> Grade:
        time.sleep(float(os.environ.get("SECONDS_PER_GRADE", "0")))
        grade = super().grade(instance, output)
        words, case = grade.scores
        kept = exactly(2 * words.interval.low - 1)
        return Grade((DimensionScore("words", kept, "counted twice"), case), grade.work, grade.flags)
