"""How an output is scored: intervals, rubrics, composites and one grader per family."""

from graders.grading import grader, graders, register_grader

__all__ = ["grader", "graders", "register_grader"]
