"""Lint of task instances: leakage, alignment, sameness. Reads prompts and materials as a policy would.

root_cause, pointer, defect_name, oracle_within_reach     the fix is told
grader_vocabulary, evaluation_context                     the task betrays that it is graded
path, answer_word, placeholder                            what an author left behind
not_stated, graded_not_asked, asked_not_graded,
graded_by_nothing, not_declared                           prompt and grader do not agree
near_duplicate, few_shapes                                a set repeats itself
unusable_truth                                            the family cannot read its own truth
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tasks_lib.family import Family
from tasks_lib.lint import alignment, artefacts, leakage, vocabulary
from tasks_lib.lint.finding import PROMPT, Finding, GradedNames, Severity
from tasks_lib.lint.reading import Reading
from tasks_lib.lint.sameness import Sample, Shapes
from tasks_lib.records import TaskInstance
from tasks_lib.registry import family as registered

_UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, AssertionError, RuntimeError)
"""What a family raises on a truth that it did not write; a StopIteration becomes a RuntimeError on its way."""


@dataclass(frozen=True)
class Examination:
    """Everything a lint says about a set."""

    findings: list[Finding]
    shapes: list[Shapes]
    """One per family."""

    def count(self, severity: Severity) -> int:
        return sum(finding.severity == severity for finding in self.findings)


def lint(
    instances: Iterable[TaskInstance],
    graded: Mapping[str, GradedNames] | None = None,
    families: Mapping[str, Family] | None = None,
) -> list[Finding]:
    """Return what is wrong with instances; see `examine`."""
    return examine(instances, graded, families).findings


def examine(
    instances: Iterable[TaskInstance],
    graded: Mapping[str, GradedNames] | None = None,
    families: Mapping[str, Family] | None = None,
) -> Examination:
    """Lint instances one by one, then as a set.

    Args:
        instances: of one or several families.
        graded: family -> the names of its grader; a family without is not checked against one.
        families: by name; None: the registered ones.

    Raises:
        UnknownNameError: the family of an instance is not registered.
    """
    sample = Sample()
    findings: list[Finding] = []
    undeclared: set[str] = set()
    for instance in instances:
        name = instance.family
        reading = Reading(instance, registered(name) if families is None else families[name])
        sample.add(reading)
        try:
            findings += _of_one(reading, (graded or {}).get(name))
            if name not in undeclared and not reading.requirements:
                undeclared.add(name)
                findings.append(alignment.undeclared(reading))
        except _UNREADABLE as error:
            findings.append(_unusable(instance, error))
    found = sample.shapes()
    return Examination([*findings, *sample.findings(found)], found)


def _of_one(reading: Reading, graded: GradedNames | None) -> list[Finding]:
    return [*_leaks(reading), *_of_grader(reading, graded or GradedNames())]


def _leaks(reading: Reading) -> Iterator[Finding]:
    for rule in (
        leakage.root_cause, leakage.within_reach, vocabulary.pointers, vocabulary.evaluation_words,
        artefacts.paths, artefacts.answer_words, artefacts.placeholders,
    ):  # fmt: skip
        yield from rule(reading)


def _of_grader(reading: Reading, graded: GradedNames) -> Iterator[Finding]:
    yield from vocabulary.grader_words(reading, graded)
    if requirements := reading.requirements:
        yield from alignment.stated(reading, requirements)
        yield from alignment.asked(reading, requirements)
        if graded.dimensions:
            yield from alignment.graded_by(reading, requirements, graded)


def _unusable(instance: TaskInstance, error: Exception) -> Finding:
    return Finding(
        "unusable_truth", "error", instance.instance_id, PROMPT, (0, 0), f"{type(error).__name__}: {error}",
        "the family cannot read the truth of this instance; make the instance again",
    )  # fmt: skip


__all__ = ["Examination", "Finding", "GradedNames", "Severity", "Shapes", "examine", "lint"]
