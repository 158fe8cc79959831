"""The tiny family with a later version of its grader, which counts a missing word twice and weighs otherwise.

SECONDS_PER_GRADE makes it slow, GRADES_LOG names a file that gets a line for every output it grades, and CASE_IS_OPEN
has it leave a dimension to a judge.
"""

import os
import time
from pathlib import Path

from graders import register_grader
from graders.grading import DimensionScore, Grade
from graders.interval import UNASSESSED, exactly
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
        if log := os.environ.get("GRADES_LOG"):
            with Path(log).open("a") as lines:
                lines.write(f"{instance.instance_id}\n")
        grade = super().grade(instance, output)
        words, case = grade.scores
        words = DimensionScore("words", exactly(2 * words.interval.low - 1), "counted twice")
        if os.environ.get("CASE_IS_OPEN"):
            case = DimensionScore("case", UNASSESSED, "for a judge")
        return Grade((words, case), grade.work, grade.flags)
