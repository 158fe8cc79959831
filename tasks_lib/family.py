"""The protocol of a family: what a kind of task must provide to be assayed.

A family generates instances, builds their world, knows their oracle, and can damage or cheat an
output in declared ways. It knows nothing of how outputs are scored; what an operator is expected to
do to each dimension is a declaration that the warehouse compares with what the grader saw.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar, Literal

from pydantic import BaseModel

from tasks_lib.environment import World
from tasks_lib.records import Mode, TaskInstance, ToolCall
from tasks_lib.seeds import derive

Expectation = Literal["moves", "still", "may"]
"""`may`: the damage can reach this dimension on some instances and not on others; not judged."""


@dataclass(frozen=True)
class Defect:
    """Something the policy has to deal with, recorded by the generator."""

    defect_id: str
    kind: str
    place: Mapping[str, Any]
    hardness: float
    """Logits: a simulated policy of skill s repairs it with probability 1 / (1 + exp(hardness - s))."""


@dataclass(frozen=True)
class Requirement:
    """Something the prompt asks for, and what looks at it; `assay lint` holds one against the other."""

    name: str
    stated: tuple[str, ...]
    """Verbatim passages of the prompt or of a material that state it; empty where it goes without saying."""
    graded_by: tuple[str, ...]
    """Names of dimensions, `dimension.facet` or flags of the family's grader."""


@dataclass(frozen=True)
class Operator:
    """A rewrite of an output with a known effect.

    `degrade` makes an output worse in nested steps: severity s applies the first 2**(s-1) of one
    fixed list of corruptions, so a higher severity contains every lower one. `neutral` changes
    nothing that matters. `compensation` removes what is wrong instead of repairing it.
    """

    name: str
    kind: Literal["degrade", "neutral", "compensation"]
    summary: str
    apply: Callable[[TaskInstance, int, Random], str | None]
    """(instance, severity 1..4, random stream of the instance) -> output; None: not applicable."""
    expect: Mapping[str, Expectation]
    """Dimension, or `dimension.facet`, -> what must happen to it at severity >= 2."""
    baseline: Callable[[TaskInstance, Random], str] | None = None
    """The output that the rewrite starts from; None: the oracle."""


@dataclass(frozen=True)
class Probe:
    """A way to be paid without doing the work.

    `zero` does no work at all and must stay at or below the floor on every instance. `shortcut` hides
    undone work, `attack` addresses whoever grades: neither may earn more, on any instance, than the
    same output without the trick.
    """

    name: str
    kind: Literal["zero", "shortcut", "attack"]
    summary: str
    apply: Callable[[TaskInstance, Random], str]
    honest: Callable[[TaskInstance, Random], str] | None = None
    """The same output without the trick; None for `zero`, which is measured against the floor."""
    materials: Callable[[TaskInstance], Mapping[str, str]] | None = None
    """Materials with the attack planted in them, which are shown to a judge in the place of the instance's own; None:
    it is in the output."""


class Family(ABC):
    """A kind of task. Subclasses are stateless: everything about an instance is in the instance."""

    name: ClassVar[str]
    template_version: ClassVar[str]
    knobs: ClassVar[type[BaseModel]]
    archetypes: ClassVar[tuple[str, ...]]
    floor: ClassVar[float] = 0.25
    """The most a policy may earn on any instance without doing the work."""
    operators: Mapping[str, Operator]
    probes: Mapping[str, Probe]

    @abstractmethod
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
        """Make one instance. `knobs` overrule `difficulty`; the archetype follows from the seed unless named."""

    @abstractmethod
    def world(self, instance: TaskInstance) -> World:
        """Build a fresh world for one attempt."""

    @abstractmethod
    def tour(self, instance: TaskInstance) -> tuple[ToolCall, ...]:
        """Return the calls of a policy that looks at all the evidence, `submit` not included."""

    @abstractmethod
    def oracle(self, instance: TaskInstance) -> str:
        """Return the output that deserves the full score."""

    @abstractmethod
    def defects(self, instance: TaskInstance) -> tuple[Defect, ...]:
        """Return everything that has to be dealt with."""

    @abstractmethod
    def partial(self, instance: TaskInstance, repaired: frozenset[str], slip: float, rng: Random) -> str:
        """Return an output in which only `repaired` defects are dealt with.

        `slip` (0..1) is the probability of damaging a unit of work late in a long task; early units
        are damaged less often.
        """

    def requirements(self, instance: TaskInstance) -> tuple[Requirement, ...]:
        """Return everything the prompt asks for; nothing where the family does not declare it."""
        return ()

    def instances(
        self,
        n: int,
        seed: int = 0,
        difficulty: tuple[float, float] = (0.0, 1.0),
        *,
        knobs: BaseModel | None = None,
        mode: Mode = "multi",
        split: str = "train",
    ) -> Iterator[TaskInstance]:
        """Yield `n` instances spread evenly over a difficulty range and over the archetypes."""
        low, high = difficulty
        for index in range(n):
            # The golden-ratio sequence fills the range evenly for every n, and a longer set begins
            # with the shorter one.
            position = (0.5 + index * 0.6180339887498949) % 1.0
            yield self.generate(
                derive(seed, self.name, index, "instance"),
                difficulty=None if knobs is not None else round(low + (high - low) * position, 6),
                knobs=knobs,
                archetype=self.archetypes[index % len(self.archetypes)],
                mode=mode,
                split=split,
            )


__all__ = ["Defect", "Expectation", "Family", "Operator", "Probe", "Requirement"]
