"""Patterns of words: the rows of `addressing.toml` as regular expressions.

Known limits. `^` is heeded before the first element only, and not in a language by letters. A `stem*` of fewer than
four letters is found as a word of its own only.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from graders.addressing.folding import fold
from graders.addressing.vocabulary import IN_ENGLISH, IN_EVERY_LANGUAGE, IN_OTHER_LANGUAGES, LANGUAGES

KEY = 4
"""Letters at the beginning of a word by which a text is told to hold a stem, before any pattern is tried."""
# A full stop before a blank ends a sentence, and with it a pattern; dots for effect do not.
_BETWEEN = r"(?:[^\w.!?]|\.{2,}+|[.!?](?=\w))++"
_WORDS_APART = {".": 2, "..": 6, "...": 16}
_LETTERS_APART = {".": 6, "..": 16, "...": 40}
_STOPS = "\\n.!?\u3002\uff01\uff1f"


@dataclass(frozen=True)
class Pattern:
    """One row in the words of one language."""

    name: str
    """The kind of sign that it finds."""
    text: str
    """The regular expression."""
    needs: tuple[frozenset[str], ...]
    """For every element, the words and beginnings (or, by letters, the strings) of which the text must hold one."""

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """The expression, compiled when a text first holds all it needs: most processes need a few of hundreds."""
        return re.compile(self.text)


@dataclass(frozen=True)
class _Element:
    gap: str
    """`.`, `..`, `...` or nothing: what may stand before it."""
    begins: bool
    """Only where a clause begins."""
    words: Sequence[str]
    """Folded; one of them stands there."""


def is_by_letters(language: str) -> bool:
    """Tell whether the patterns of a language are strings of letters instead of words."""
    return LANGUAGES[language].get("by") == "letters"


def patterns_of(language: str) -> Iterator[Pattern]:
    """Yield all patterns of a language."""
    made = _by_letters if is_by_letters(language) else _by_words
    for name, row in _rows(language):
        yield made(name, list(_elements(row, LANGUAGES[language])))


def _rows(language: str) -> Iterator[tuple[str, str]]:
    is_english = language == "en"
    for source in (IN_EVERY_LANGUAGE, IN_ENGLISH if is_english else IN_OTHER_LANGUAGES):
        for name, rows in source.items():
            for row in rows:
                yield name if is_english else "other_language", row


def _elements(row: str, classes: Mapping[str, str]) -> Iterator[_Element]:
    gap = ""
    for part in row.split():
        if part in _WORDS_APART:
            gap = part
            continue
        words: list[str] = []
        for name in part.removeprefix("^").split("|"):
            words += classes[name[1:-1]].split() if name.startswith("{") else [name]
        yield _Element(gap, part.startswith("^"), sorted({fold(word) for word in words}))
        gap = ""


def _by_words(name: str, elements: Sequence[_Element]) -> Pattern:
    text = ""
    for element in elements:
        if text:
            gap = _WORDS_APART.get(element.gap)
            text += rf"{_BETWEEN}(?:\w++{_BETWEEN}){{0,{gap}}}?" if gap else _BETWEEN
        elif element.begins:
            text += r"(?:\A|[^\w\s]|\n)[ \t]{0,4}+"
        text += rf"\b(?:{'|'.join(map(_stem, element.words))})\b"
    return Pattern(name, text, tuple(frozenset(map(_need, element.words)) for element in elements))


def _need(word: str) -> str:
    return word.rstrip("*")[:KEY] if word.endswith("*") else word


def _stem(word: str) -> str:
    return re.escape(word.rstrip("*")) + (r"\w*+" if word.endswith("*") else "")


def _by_letters(name: str, elements: Sequence[_Element]) -> Pattern:
    text = ""
    for element in elements:
        gap = _LETTERS_APART.get(element.gap)
        text += rf"[^{_STOPS}]{{0,{gap}}}?" if gap else ""
        text += f"(?:{'|'.join(map(re.escape, element.words))})"
    return Pattern(name, text, tuple(frozenset(element.words) for element in elements))
