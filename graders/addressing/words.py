"""Pleas in listed words, in every listed language, and in English turned by rot13.

Known limits. `SCREEN_LIMITS` names languages and words that are not listed. Only English is turned, and a language by
letters is looked for only where one of the scripts of `_OTHER_SCRIPT` stands.
"""

import codecs
import re
from collections.abc import Iterable, Iterator, Set

from graders.addressing.folding import words_of
from graders.addressing.found import Found
from graders.addressing.patterns import KEY, Pattern, is_by_letters, patterns_of
from graders.addressing.vocabulary import LANGUAGES

_OTHER_SCRIPT = re.compile("[\u0600-\u06ff\u0900-\u097f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_FEWEST_TURNED = 2
"""Keys that must be there before a text is turned: one word alone is chance."""


class _Patterns:
    """Patterns, and by which keys each may be found."""

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self._patterns = tuple(patterns)
        self.keys = frozenset(key for pattern in self._patterns for need in pattern.needs for key in need)
        self._by_first: dict[str, list[int]] = {}
        """Key -> places of the patterns whose first element it may stand for."""
        for place, pattern in enumerate(self._patterns):
            for key in pattern.needs[0]:
                self._by_first.setdefault(key, []).append(place)

    def found(self, folded: str, there: Set[str]) -> Iterator[Found]:
        """Yield what the patterns find, in their order, where the keys that are there allow it."""
        for place in sorted({place for key in there for place in self._by_first.get(key, ())}):
            pattern = self._patterns[place]
            if any(need.isdisjoint(there) for need in pattern.needs):
                continue
            for match in pattern.regex.finditer(folded):
                yield Found(pattern.name, match.group(), match.start(), match.end())


def _of(*languages: str) -> Iterator[Pattern]:
    return (pattern for name in languages for pattern in patterns_of(name))


_ENGLISH = _Patterns(_of("en"))
_WORDED = _Patterns(_of("en", *(name for name in LANGUAGES if name != "en" and not is_by_letters(name))))
_LETTERED = _Patterns(_of(*(name for name in sorted(LANGUAGES) if is_by_letters(name))))
_TURNED_KEYS = frozenset(codecs.encode(key[:KEY], "rot13") for key in _ENGLISH.keys)


def worded(folded: str, words: Iterable[str]) -> Iterator[Found]:
    """Yield what the patterns of all languages find in a folded text.

    Args:
        folded: the text.
        words: its words.
    """
    whole = set(words)
    beginnings = {word[:KEY] for word in whole}
    yield from _WORDED.found(folded, (whole | beginnings) & _WORDED.keys)
    if len(beginnings & _TURNED_KEYS) >= _FEWEST_TURNED:
        yield from _turned(folded)
    if not folded.isascii() and _OTHER_SCRIPT.search(folded):
        yield from _LETTERED.found(folded, {key for key in _LETTERED.keys if key in folded})


def _turned(folded: str) -> Iterator[Found]:
    plain = codecs.encode(folded, "rot13")
    words = set(words_of(plain))
    for one in _ENGLISH.found(plain, words | {word[:KEY] for word in words}):
        yield Found.cut("encoded", folded, one.start, one.end)
