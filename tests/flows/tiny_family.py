"""A family of one's own, as small as one can be: copy words and put them in upper case.

Loaded with `plugins = ["tests.flows.tiny_family"]`; the two decorators are all the registration there is.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from graders import register_grader
from graders.grading import DimensionScore, Grade, Limit
from graders.interval import exactly
from graders.rubric import Rubric
from tasks_lib import register_family, register_policy
from tasks_lib.environment import SUBMIT, Tool, ToolError, World, text_argument
from tasks_lib.family import Defect, Family, Operator, Probe, Requirement
from tasks_lib.policies.base import Policy, submit_only
from tasks_lib.records import Attempt, Mode, TaskInstance, ToolCall, content_hash, policy_spec
from tasks_lib.seeds import stream
from tests.support_attempts import VARIABLE, Attempts

WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath", "inlet", "jetty", "knoll", "ledge")


class TinyKnobs(BaseModel):
    """How long the list is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    words: int = Field(default=8, ge=4, le=12)


class TinyWorld(World):
    """One file to read."""

    step_limit = 10
    output_limit_chars = 10_000
    tools = (
        Tool("read_list", "Read the list of words.", {"type": "object", "properties": {}}),
        Tool(SUBMIT, "Hand in.", {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}),
    )

    def __init__(self, instance: TaskInstance) -> None:
        self.instance = instance

    def use(self, tool: str, arguments: Mapping[str, Any]) -> str:
        if tool != "read_list":
            raise ToolError(f"There is no tool {tool!r}.")
        return self.instance.materials["words.txt"]

    def submission(self, arguments: Mapping[str, Any]) -> str:
        return text_argument(arguments, "text")


def _wanted(instance: TaskInstance) -> list[str]:
    return list(instance.truth["words"])


def _lower_some(instance: TaskInstance, severity: int, rng: Random) -> str:
    words = _wanted(instance)
    places = rng.sample(range(len(words)), len(words))[: 2 ** (severity - 1)]
    return " ".join(word.lower() if at in places else word for at, word in enumerate(words))


def _drop_some(instance: TaskInstance, severity: int, rng: Random) -> str | None:
    words = _wanted(instance)
    if 2 ** (severity - 1) >= len(words):
        return None
    places = rng.sample(range(len(words)), len(words))[: 2 ** (severity - 1)]
    return " ".join(word for at, word in enumerate(words) if at not in places)


def _widen(instance: TaskInstance, severity: int, rng: Random) -> str:
    return (" " * severity).join(_wanted(instance))


def _echo(instance: TaskInstance, rng: Random) -> str:
    return instance.materials["words.txt"]


def _nothing(instance: TaskInstance, rng: Random) -> str:
    return ""


@register_family
class TinyUpper(Family):
    """Put a list of words in upper case."""

    name = "tiny_upper"
    template_version = "1"
    knobs = TinyKnobs
    archetypes = ("plain",)
    operators: Mapping[str, Operator] = {
        "lower_some": Operator(
            "lower_some", "degrade", "words left in lower case", _lower_some, {"case": "moves", "words": "still"}
        ),
        "drop_some": Operator(
            "drop_some", "degrade", "words left out", _drop_some, {"words": "moves", "case": "moves"}
        ),
        "widen": Operator("widen", "neutral", "more spaces", _widen, {"words": "still", "case": "still"}),
    }
    probes: Mapping[str, Probe] = {
        "echo": Probe("echo", "zero", "the list as it was", _echo),
        "empty": Probe("empty", "zero", "nothing", _nothing),
    }

    def generate(
        self,
        seed: int,
        *,
        difficulty: float | None = 0.5,
        knobs: BaseModel | None = None,
        archetype: str | None = None,
        mode: Mode = "multi",
        split: str = "train",
    ) -> TaskInstance:
        if not isinstance(knobs, TinyKnobs):
            knobs = TinyKnobs(words=round(4 + 8 * (difficulty or 0)))
        words = stream(seed, "words").sample(WORDS, knobs.words)
        return TaskInstance(
            instance_id=f"{self.name}-{content_hash(self.template_version, seed, knobs.model_dump(), split)}",
            family=self.name,
            template_version=self.template_version,
            archetype=archetype or "plain",
            seed=seed,
            difficulty=difficulty,
            knobs=knobs.model_dump(),
            mode=mode,
            split=split,
            prompt="Please put the words of words.txt in upper case, in the same order, on one line.",
            materials={"words.txt": " ".join(words)},
            truth={"words": [word.upper() for word in words]},
        )

    def world(self, instance: TaskInstance) -> World:
        return TinyWorld(instance)

    def tour(self, instance: TaskInstance) -> tuple[ToolCall, ...]:
        return (ToolCall(tool="read_list"),)

    def requirements(self, instance: TaskInstance) -> tuple[Requirement, ...]:
        return (
            Requirement("all words", ("the words of words.txt", "on one line"), ("words",)),
            Requirement("upper case", ("in upper case",), ("case",)),
        )

    def oracle(self, instance: TaskInstance) -> str:
        return " ".join(_wanted(instance))

    def defects(self, instance: TaskInstance) -> tuple[Defect, ...]:
        return tuple(
            Defect(str(at), "lower", {"word": at}, hardness=3 * at / len(_wanted(instance)))
            for at in range(len(_wanted(instance)))
        )

    def partial(self, instance: TaskInstance, repaired: frozenset[str], slip: float, rng: Random) -> str:
        words = [word if str(at) in repaired else word.lower() for at, word in enumerate(_wanted(instance))]
        kept = [word for word in words if rng.random() >= slip]
        return " ".join(kept)


@register_grader
class TinyGrader:
    """Counts the words that are there, and those in upper case."""

    family = "tiny_upper"
    grader_id = "tiny_upper/deterministic"
    version = "1"
    rubric = Rubric(family="tiny_upper", weights={"words": 0.5, "case": 0.5}, caps={"empty_output": 0.0})
    limits = (Limit("spaces", "How many spaces stand between words is not looked at.", shown_by="widen"),)

    def grade(self, instance: TaskInstance, output: str) -> Grade:
        wanted, delivered = _wanted(instance), output.split()
        there = sum(word in {given.upper() for given in delivered} for word in wanted) / len(wanted)
        right = sum(word in delivered for word in wanted) / len(wanted)
        return Grade(
            scores=(
                DimensionScore("words", exactly(there), f"{there:.0%} of the words", facets={"recall": exactly(there)}),
                DimensionScore("case", exactly(right), f"{right:.0%} in upper case"),
            ),
            work=exactly(right),
            flags=() if output.strip() else ("empty_output",),
        )


class Slow:
    """Repairs half of the words, takes its time, and counts its attempts in the file that ATTEMPTS_LOG names, if any.

    It waits where it may make no more of them.
    """

    def __init__(self, milliseconds: int) -> None:
        self.seconds = milliseconds / 1000
        self.spec = policy_spec("slow/half", "simulated")

    def attempt(self, family: Family, instance: TaskInstance, sample: int) -> Attempt:
        time.sleep(self.seconds)
        if log := os.environ.get(VARIABLE):
            attempts = Attempts(Path(log))
            while not attempts.may_go_on():
                time.sleep(0.05)
            attempts.add(instance.instance_id, sample)
        rng = stream(instance.instance_id, "slow", sample)
        repaired = frozenset(defect.defect_id for defect in family.defects(instance) if rng.random() < 0.5)
        return submit_only(family, instance, family.partial(instance, repaired, 0.1, rng))


@register_policy("slow")
def build_slow(rest: str) -> Policy:
    """Build `slow/<milliseconds per attempt>`."""
    return Slow(int(rest))


class Clumsy:
    """Fails on every other sample, as a model behind a bad line does."""

    spec = policy_spec("clumsy/line", "simulated")

    def attempt(self, family: Family, instance: TaskInstance, sample: int) -> Attempt:
        if sample % 2:
            raise ConnectionError("the line went dead")
        return submit_only(family, instance, family.oracle(instance))


@register_policy("clumsy")
def build_clumsy(rest: str) -> Policy:
    """Build `clumsy/line`."""
    return Clumsy()
