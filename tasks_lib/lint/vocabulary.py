"""Words that do not belong to the work: the grader's, the evaluation's, and pointers at what was planted.

The word lists are data, in `words.toml`. A colleague who asks for help knows of no grader and of no planted mistake,
and a policy that learns to recognise tasks by such words behaves well in tasks only.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from tasks_lib.lint.finding import Finding, GradedNames, Severity
from tasks_lib.lint.reading import Place, Reading

_POINTERS = re.compile(
    r"\b(?:TODO|FIXME)\b"
    r"|(?i:\b(?:row|line|cell|column|entry|record|paragraph|sentence|section|claim|item)s? (?:no\.? ?|number |#)?\d+\b"
    r"[^.\n]{0,40}\b(?:wrong|incorrect|duplicated?|repeated|mistaken|misspelled|invented|fabricated|false|unsupported"
    r"|inconsistent|an? (?:error|mistake|repeat)|errors?|mistakes?))\b"
    r"|(?i:\b(?:fix|correct|remove|delete|drop) (?:row|line|cell|paragraph|sentence|claim)s? \d+\b)"
    r"|(?i:\b(?:error|mistake|bug|defect)s? (?:is |are )?in (?:row|line|cell|paragraph|sentence|claim)s? \d+\b)"
)
_POINTER_WORDS = frozenset(
    (
        "todo", "fixme", "wrong", "incorrect", "duplicate", "duplicated", "repeated", "repeat", "mistaken",
        "misspelled", "invented", "fabricated", "false", "unsupported", "inconsistent", "error", "errors", "mistake",
        "mistakes", "bug", "bugs", "defect", "defects", "fix", "correct", "remove", "delete", "drop",
    )
)  # fmt: skip
"""One of these stands in every pointer. A look at the words of a long text spares the search through it."""
_STEMS = (
    "artificial", "auto", "bench", "credit", "evaluat", "exam", "grad", "hidden", "judg", "language", "llm", "marks",
    "points", "quiz", "reward", "rollout", "roll\nout", "rubric", "scor", "test",
)  # fmt: skip
"""One of these begins a word of every phrase of evaluation but the one about an AI."""


@cache
def word_lists() -> dict[str, dict[str, list[str]]]:
    """Return `words.toml`."""
    found: dict[str, Any] = tomllib.loads((files(__package__) / "words.toml").read_text(encoding="utf-8"))
    return found


@cache
def phrases(section: str, name: str) -> re.Pattern[str]:
    """Return one pattern for all entries of a list of `words.toml`."""
    return re.compile(rf"\b(?:{'|'.join(word_lists()[section][name])})\b", re.IGNORECASE)


def pointers(reading: Reading) -> Iterator[Finding]:
    """Find notes that point at what was planted (`TODO`, "row 7 is wrong"), and the names of the planted defects.

    A defect is told by its identifier or kind only where that is no plain word: `missing_token`, not `unit`.
    """
    names = frozenset(name.casefold() for defect in reading.defects for name in (defect.defect_id, defect.kind))
    for place in reading.places:
        if place.vocabulary & _POINTER_WORDS:
            for match in _POINTERS.finditer(place.text):
                if not reading.is_content(place, match[0]):
                    yield reading.finding(
                        "pointer", "error", place, match.span(),
                        "points at the place of a planted mistake; take it out, finding the place is the work",
                    )  # fmt: skip
        for span in _identifiers(reading, place, names):
            yield reading.finding(
                "defect_name", "error", place, span,
                "is what the generator calls a planted mistake; a policy must not read the generator's names",
            )  # fmt: skip


def grader_words(reading: Reading, graded: GradedNames) -> Iterator[Finding]:
    """Find names of dimensions, facets, flags and rubric fields, written as the grader writes them or in words.

    A name of one plain word (`value`, `completeness`) says nothing and is passed over, and so is one that the
    finished output holds. In words (`unit consistency`) it may be meant innocently: a warning.
    """
    names = frozenset(name.casefold() for name in graded.words)
    telling = sorted(name for name in names if "_" in name)
    for place in reading.places:
        for span in _identifiers(reading, place, names):
            yield reading.finding(
                "grader_vocabulary", "error", place, span,
                "is a name that only the grader uses; say what is wanted in a colleague's words",
            )  # fmt: skip
        text = place.text.casefold()
        for name in telling:
            spoken = name.replace("_", " ")
            if spoken not in text or reading.wanted(spoken):
                continue
            for match in re.finditer(rf"\b{re.escape(spoken)}\b", place.text, re.IGNORECASE):
                yield reading.finding(
                    "grader_vocabulary", "warning", place, match.span(),
                    "is a name of the grader's, in words; say what is wanted in a colleague's words",
                )  # fmt: skip


def evaluation_words(reading: Reading) -> Iterator[Finding]:
    """Find what tells the reader of being tested, graded or rewarded.

    Phrases addressed to the reader are errors anywhere. Single words are looked for in the prompt, which speaks to the
    reader, and not in the materials, which speak about their subject; nor where the materials use the word, too, or
    where it stands in one of the innocent phrases of `words.toml`.
    """
    speaks = "speaks of being evaluated; write as a colleague who needs the result"
    for place in reading.places:
        if "ai" not in place.vocabulary and not place.has_word_from(_STEMS):
            continue
        is_prompt = place is reading.prompt
        told: list[tuple[str, Severity]] = [("telling", "error"), ("loaded", "error" if is_prompt else "warning")]
        if is_prompt:
            told += [("prompt_only", "error"), ("ambiguous", "warning")]
        taken = [match.span() for match in phrases("evaluation", "innocent").finditer(place.text)]
        for name, severity in told:
            for match in phrases("evaluation", name).finditer(place.text):
                if _inside(match.span(), taken) or reading.is_content(place, match[0]):
                    continue
                if name in ("prompt_only", "ambiguous") and _is_subject(reading, match[0]):
                    continue
                taken.append(match.span())
                yield reading.finding("evaluation_context", severity, place, match.span(), speaks)


def _is_subject(reading: Reading, text: str) -> bool:
    words = Place("", text).words
    return any(place.vocabulary.issuperset(words) for place in reading.materials)


def _inside(span: tuple[int, int], others: Iterable[tuple[int, int]]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in others)


def _identifiers(reading: Reading, place: Place, names: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Yield where folded names that are no plain words stand, unless the finished output holds them."""
    for name in sorted(place.vocabulary & names):
        if _is_identifier(name) and not reading.wanted(name):
            for match in re.finditer(rf"\b{re.escape(name)}\b", place.text, re.IGNORECASE):
                yield match.span()


def _is_identifier(name: str) -> bool:
    return "_" in name or (sum(letter.isdigit() for letter in name) >= 3 and any(map(str.isalpha, name)))
