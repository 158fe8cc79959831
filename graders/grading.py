"""Grading one rollout: the protocol of a grader, the registry, and the boundary where one may fail.

A grader that raises is a fault of ours. It becomes scores in state `error`, [0, 1], with the cause; it
never becomes a zero. This module is one of the two places that catch every exception.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Protocol, TypeVar

from graders.addressing import ADDRESSES_JUDGE, signs_of_address
from graders.composite import compose
from graders.interval import UNASSESSED, Interval
from graders.limit import Limit as Limit
from graders.rubric import Rubric
from tasks_lib.per_instance import once_per_instance
from tasks_lib.records import Composite, Facet, Rollout, Score, TaskInstance


@dataclass(frozen=True)
class DimensionScore:
    """What a grader found out about one dimension."""

    dimension: str
    interval: Interval
    reason: str
    """A few words for a person: what settled it."""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """JSON: counts and places, short enough to store for every rollout."""
    facets: Mapping[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True)
class Grade:
    """What a grader found out about one output."""

    scores: Sequence[DimensionScore]
    work: Interval
    flags: Sequence[str] = ()


class Grader(Protocol):
    """Scores the outputs of one family without knowing who made them. Plain class attributes will do."""

    @property
    def family(self) -> str: ...

    @property
    def grader_id(self) -> str:
        """Who graded, as the warehouse keeps it."""
        ...

    @property
    def version(self) -> str:
        """Changes with every change that can move a score; scores of two versions are never pooled."""
        ...

    @property
    def rubric(self) -> Rubric: ...

    @property
    def limits(self) -> Sequence[Limit]: ...

    def grade(self, instance: TaskInstance, output: str) -> Grade:
        """Score one output on every dimension of the rubric."""
        ...


@dataclass(frozen=True)
class Graded:
    """The rows one rollout leaves in the warehouse."""

    scores: tuple[Score, ...]
    facets: tuple[Facet, ...]
    composite: Composite | None
    """None where the rollout was lost to infrastructure or the grader failed: no number is made up."""


class UnknownGraderError(LookupError):
    """No grader is registered for a family."""


_SIGNS_KEPT = 4
_graders: dict[str, Grader] = {}


G = TypeVar("G", bound=Grader)


def register_grader(cls: type[G]) -> type[G]:
    """Register a grader class for its family; usable as a decorator."""
    built = cls()
    _graders[built.family] = built
    return cls


def graders() -> dict[str, Grader]:
    """Return every known grader by family."""
    return {**_installed(), **_graders}


def grader(family: str) -> Grader:
    """Return the grader of one family.

    Raises:
        UnknownGraderError: nobody registered one.
    """
    known = graders()
    if family not in known:
        raise UnknownGraderError(f"no grader for family {family!r}; graders exist for: {', '.join(sorted(known))}")
    return known[family]


def grade_rollout(instance: TaskInstance, rollout: Rollout) -> Graded:
    """Grade one rollout; a rollout in status `error` is lost, not bad, and gets no scores."""
    if rollout.status == "error":
        return Graded((), (), None)
    judge = grader(instance.family)
    try:
        grade = judge.grade(instance, rollout.output)
        # Inside, too: a dimension of the rubric that the grader left out is a fault of the grader.
        intervals = {score.dimension: score.interval for score in grade.scores}
        signs = signs_of_address(rollout.output, _given(instance))
        flags = (*grade.flags, ADDRESSES_JUDGE) if signs else grade.flags
        composite = compose(rollout.rollout_id, judge.rubric, intervals, grade.work, flags)
    except Exception as error:
        return Graded(_failed(judge, rollout, error), (), None)

    addressing = [[sign.name, sign.text] for sign in signs[:_SIGNS_KEPT]]
    scores = tuple(
        Score(
            rollout_id=rollout.rollout_id,
            dimension=score.dimension,
            grader_id=judge.grader_id,
            family=instance.family,
            low=score.interval.low,
            high=score.interval.high,
            state=score.interval.state,
            source="deterministic",
            reason=score.reason,
            evidence={**score.evidence, **({"addresses_judge": addressing} if addressing and place == 0 else {})},
            grader_version=judge.version,
        )
        for place, score in enumerate(grade.scores)
    )
    facets = tuple(
        Facet(
            rollout_id=rollout.rollout_id,
            dimension=score.dimension,
            facet=name,
            grader_id=judge.grader_id,
            low=interval.low,
            high=interval.high,
        )
        for score in grade.scores
        for name, interval in score.facets.items()
    )
    return Graded(scores, facets, composite)


def _failed(judge: Grader, rollout: Rollout, error: Exception) -> tuple[Score, ...]:
    return tuple(
        Score(
            rollout_id=rollout.rollout_id,
            dimension=dimension,
            grader_id=judge.grader_id,
            family=judge.family,
            low=UNASSESSED.low,
            high=UNASSESSED.high,
            state="error",
            source="deterministic",
            reason=f"{type(error).__name__}: {error}",
            grader_version=judge.version,
        )
        for dimension in judge.rubric.weights
    )


@once_per_instance
def _given(instance: TaskInstance) -> str:
    """Return what an output may repeat without addressing anybody."""
    return "\n".join((instance.prompt, *instance.materials.values()))


@cache
def _installed() -> dict[str, Grader]:
    return {point.name: point.load()() for point in entry_points(group="taskassay.graders")}
