"""Pleas in listed words, in every listed language, and in English turned by rot13.

Known limits. `SCREEN_LIMITS` names languages and words that are not listed. Only English is turned, and a language by
letters is looked for only where one of the scripts of `_OTHER_SCRIPT` stands.
"""

import codecs
import re
from collections.abc import Iterable, Iterator

from graders.addressing.found import Found
from graders.addressing.patterns import KEY, Pattern, is_by_letters, patterns_of
from graders.addressing.vocabulary import LANGUAGES

_OTHER_SCRIPT = re.compile("[\u0600-\u06ff\u0900-\u097f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_FEWEST_TURNED = 2
"""Keys that must be there before a text is turned: one word alone is chance."""


def _keys(patterns: Iterable[Pattern]) -> frozenset[str]:
    return frozenset(key for pattern in patterns for need in pattern.needs for key in need)


_ENGLISH = tuple(patterns_of("en"))
_WORDED = (*_ENGLISH, *(p for name in LANGUAGES if name != "en" and not is_by_letters(name) for p in patterns_of(name)))
_LETTERED = tuple(pattern for name in sorted(LANGUAGES) if is_by_letters(name) for pattern in patterns_of(name))
_WORDED_KEYS = _keys(_WORDED)
_LETTERED_KEYS = _keys(_LETTERED)
_TURNED_KEYS = {codecs.encode(key, "rot13"): key for key in _keys(_ENGLISH)}


def worded(folded: str, words: Iterable[str]) -> Iterator[Found]:
    """Yield what the patterns of all languages find in a folded text.

    Args:
        folded: the text.
        words: its words.
    """
    keys = {word[:KEY] for word in set(words)}
    yield from _matches(_WORDED, folded, keys & _WORDED_KEYS)
    yield from _turned(folded, keys)
    if not folded.isascii() and _OTHER_SCRIPT.search(folded):
        yield from _matches(_LETTERED, folded, {key for key in _LETTERED_KEYS if key in folded})


def _turned(folded: str, keys: set[str]) -> Iterator[Found]:
    there = {_TURNED_KEYS[key] for key in keys & _TURNED_KEYS.keys()}
    if len(there) >= _FEWEST_TURNED:
        for one in _matches(_ENGLISH, codecs.encode(folded, "rot13"), there):
            yield Found.cut("encoded", folded, one.start, one.end)


def _matches(patterns: Iterable[Pattern], folded: str, there: set[str]) -> Iterator[Found]:
    """Yield what patterns find, where the keys that are there allow it."""
    for pattern in patterns:
        for need in pattern.needs:
            if need.isdisjoint(there):
                break
        else:
            for match in pattern.regex.finditer(folded):
                yield Found(pattern.name, match.group(), match.start(), match.end())
