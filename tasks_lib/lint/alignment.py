"""Alignment both ways: everything graded is asked for, and everything asked for is graded."""

import re
from collections.abc import Iterator, Sequence
from functools import cache

from tasks_lib.family import Requirement
from tasks_lib.lint.finding import PROMPT, Finding, GradedNames
from tasks_lib.lint.reading import Reading
from tasks_lib.lint.vocabulary import phrases, word_lists

ALWAYS = frozenset({"empty_output"})
"""Flags that nobody has to be told of: whoever asks for something wants something."""
_BREAK = re.compile(r"(?<=[.!?;])\s+|\n+")
_LEAD = r"(?:[-*•\d.)\s]*)(?:(?:and|also|then|finally|so|next|but)\b,? )*"


def stated(reading: Reading, requirements: Sequence[Requirement]) -> Iterator[Finding]:
    """Find a requirement that is graded and stands nowhere in the prompt or the materials.

    A requirement without any passage goes without saying; that is for the author to judge.
    """
    texts = (reading.instance.prompt, *reading.instance.materials.values())
    for requirement in requirements:
        for passage in requirement.stated:
            if not any(passage in text for text in texts):
                yield _missing(
                    reading, "not_stated", passage,
                    f"requirement {requirement.name!r} is graded, and this passage of it stands nowhere; state it",
                )  # fmt: skip


def graded_by(reading: Reading, requirements: Sequence[Requirement], graded: GradedNames) -> Iterator[Finding]:
    """Find a requirement that nothing grades, and a dimension, facet or flag that no requirement covers.

    A dimension covers its facets, and is covered by any of them.
    """
    covered = {name for requirement in requirements for name in requirement.graded_by}
    for requirement in requirements:
        unknown = [name for name in requirement.graded_by if not graded.looks_at(name)]
        if len(unknown) == len(requirement.graded_by):
            yield _missing(
                reading, "graded_by_nothing", requirement.name,
                "is required, and no dimension, facet or flag of the grader looks at it; grade it or do not ask for it",
            )  # fmt: skip
        elif unknown:
            yield _missing(
                reading, "graded_by_nothing", ", ".join(unknown),
                f"the grader has no such name (requirement {requirement.name!r}); correct `graded_by`",
            )  # fmt: skip
    for name in _uncovered(graded, covered):
        yield _missing(
            reading, "graded_not_asked", name,
            "is graded, and no requirement asks for it; state it in the prompt or do not grade it",
        )  # fmt: skip


def asked(reading: Reading, requirements: Sequence[Requirement]) -> Iterator[Finding]:
    """Find a sentence of the prompt that asks for something and lies in no requirement's passage. A warning.

    Whether a sentence asks is told by its words (`[asks]` of `words.toml`), so this can err. A sentence of which a
    passage covers a part counts as covered.
    """
    prompt = reading.prompt.text
    covered = [
        (start, start + len(passage))
        for requirement in requirements
        for passage in requirement.stated
        for start in _starts(prompt, passage)
    ]
    for start, end in sentences(prompt):
        if is_request(prompt[start:end]) and not any(start < last and first < end for first, last in covered):
            yield reading.finding(
                "asked_not_graded", "warning", reading.prompt, (start, end),
                "asks for something that no requirement names; declare and grade it, or do not ask for it",
            )  # fmt: skip


def undeclared(reading: Reading) -> Finding:
    """Report, once, a family that declares no requirements."""
    return _missing(
        reading, "not_declared", reading.instance.family,
        "declares no requirements, so alignment cannot be checked; give the family a method `requirements`",
        warning=True,
    )  # fmt: skip


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the sentences of a text stand; a line and a half-sentence before a semicolon count as one."""
    start = 0
    for match in _BREAK.finditer(text):
        if text[start : match.start()].strip():
            yield start, match.start()
        start = match.end()
    if text[start:].strip():
        yield start, len(text)


def is_request(sentence: str) -> bool:
    """Tell whether a sentence asks for something, as far as its words show."""
    return bool(_imperative().match(sentence) or phrases("asks", "anywhere").search(sentence))


@cache
def _imperative() -> re.Pattern[str]:
    return re.compile(rf"{_LEAD}(?:{'|'.join(word_lists()['asks']['first'])})\b", re.IGNORECASE)


def _uncovered(graded: GradedNames, covered: set[str]) -> Iterator[str]:
    for dimension in graded.dimensions:
        if dimension in covered:
            continue
        if not any(name.partition(".")[0] == dimension for name in covered):
            yield dimension
            continue
        facets = [f"{dimension}.{facet}" for facet in graded.facets.get(dimension, ())]
        yield from (facet for facet in facets if facet not in covered)
    yield from (flag for flag in graded.flags if flag not in covered | ALWAYS)


def _starts(text: str, passage: str) -> Iterator[int]:
    at = text.find(passage) if passage else -1
    while at >= 0:
        yield at
        at = text.find(passage, at + 1)


def _missing(reading: Reading, rule: str, text: str, message: str, *, warning: bool = False) -> Finding:
    return Finding(rule, "warning" if warning else "error", reading.instance.instance_id, PROMPT, (0, 0), text, message)
