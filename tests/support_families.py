"""What the tests of every family share: grading one text, probes, rungs and instances of one family."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from graders.composite import compose
from graders.grading import Grade, Grader
from tasks_lib.family import Family
from tasks_lib.policies.base import NotApplicableError
from tasks_lib.policies.ladder import LadderPolicy
from tasks_lib.policies.probe import ProbePolicy
from tasks_lib.records import TaskInstance
from tasks_lib.seeds import stream


@dataclass(frozen=True)
class Graded:
    """One graded text, every number the low end of its interval."""

    aspects: Mapping[str, float]
    """Dimension, or `dimension.facet`, -> score."""
    work: float
    reward: float
    flags: tuple[str, ...]
    states: Mapping[str, str]

    def __getitem__(self, aspect: str) -> float:
        return self.reward if aspect == "composite" else self.aspects[aspect]


@dataclass(frozen=True)
class _Asked:
    """An output of an instance as a cache key: the same id has the same content."""

    instance: TaskInstance = field(compare=False)
    instance_id: str
    output: str


class Bench:
    """A family with its grader."""

    def __init__(self, family: Family, grader: Grader) -> None:
        self.family, self.grader = family, grader
        self.dimensions = tuple(grader.rubric.weights)

    def grade(self, instance: TaskInstance, output: str) -> Graded:
        """Grade one output of one instance as the pipeline does."""
        return self.graded(self.grader.grade(instance, output))

    def graded(self, grade: Grade) -> Graded:
        """Put what a grader found together as the pipeline does."""
        aspects: dict[str, float] = {}
        for score in grade.scores:
            aspects[score.dimension] = score.interval.low
            for name, interval in score.facets.items():
                aspects[f"{score.dimension}.{name}"] = interval.low
        intervals = {score.dimension: score.interval for score in grade.scores}
        composite = compose("r", self.grader.rubric, intervals, grade.work, grade.flags)
        states = {name: interval.state for name, interval in intervals.items()}
        return Graded(aspects, grade.work.low, composite.reward, composite.flags, states)

    def probe(self, instance: TaskInstance, probe: str, sample: int = 0) -> str:
        """Return what a probe hands in; an output over the world's limit never arrives and is empty."""
        return ProbePolicy(probe).attempt(self.family, instance, sample).output

    def applies(self, instance: TaskInstance, probe: str) -> bool:
        """Tell whether a probe has something to hide on an instance."""
        try:
            self.probe(instance, probe)
        except NotApplicableError:
            return False
        return True

    def honest(self, instance: TaskInstance, probe: str) -> str:
        """Return the same output without the trick, from the same random stream."""
        plain = self.family.probes[probe].honest
        assert plain is not None
        return plain(instance, stream(instance.instance_id, "probe", probe, 0))

    def ladder(self, instance: TaskInstance, operator: str, severity: int, sample: int = 0) -> str | None:
        """Return what an operator makes of its baseline; None where it does not apply."""
        try:
            return LadderPolicy(operator, severity).attempt(self.family, instance, sample).output
        except NotApplicableError:
            return None

    def rungs(self, instance: TaskInstance, operator: str) -> tuple[Graded | None, ...]:
        """Grade severities 0 to 4 of one operator; None where a rung does not apply.

        The undamaged output is the same for most operators, and a neutral rewrite at every severity: the same text is
        graded once.
        """
        outputs = [self.ladder(instance, operator, severity) for severity in range(5)]
        return tuple(None if output is None else self.once(instance, output) for output in outputs)

    def once(self, instance: TaskInstance, output: str) -> Graded:
        """Grade an output that is asked for often; the same one is graded once."""
        return self._once(_Asked(instance, instance.instance_id, output))

    @lru_cache(maxsize=1_000)  # noqa: B019  as below
    def _once(self, asked: _Asked) -> Graded:
        return self.grade(asked.instance, asked.output)

    @cache  # noqa: B019  a bench lives as long as the tests do
    def instances(self, n: int, seed: int, split: str = "train") -> tuple[TaskInstance, ...]:
        """Return `n` instances over all archetypes and difficulties."""
        return tuple(self.family.instances(n, seed, split=split))

    def one(self, seed: int = 1, archetype: str | None = None, **knobs: Any) -> TaskInstance:
        """Return one instance with knobs set by hand."""
        return self.family.generate(seed, knobs=self.family.knobs(**knobs), archetype=archetype)
