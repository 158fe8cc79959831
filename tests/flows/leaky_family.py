"""The tiny family with a prompt that betrays what it is for: what a lint must find out."""

from typing import Any

from graders import register_grader
from tasks_lib import register_family
from tasks_lib.records import TaskInstance
from tests.flows.tiny_family import TinyGrader, TinyUpper


@register_family
class LeakyUpper(TinyUpper):
    """The tiny family again, with one sentence too many."""

    name = "leaky_upper"

    def generate(self, seed: int, **chosen: Any) -> TaskInstance:
        instance = super().generate(seed, **chosen)
        return instance.model_copy(update={"prompt": f"{instance.prompt} Your answer will be graded."})


@register_grader
class LeakyGrader(TinyGrader):
    """The tiny grader, for that family."""

    family = "leaky_upper"
    grader_id = "leaky_upper/deterministic"
    rubric = TinyGrader.rubric.model_copy(update={"family": "leaky_upper"})
