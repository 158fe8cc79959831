"""Layers: a text, what it decodes to, and what that decodes to in turn.

Known limit. Encodings within encodings are undone three deep.
"""

from collections.abc import Iterator, Sequence

from graders.addressing.encodings import encoded_runs
from graders.addressing.escapes import unescaped
from graders.addressing.folding import fold
from graders.addressing.found import Found
from graders.addressing.surface import found_on_surface

_DEPTH = 3
_FEWEST_WORDS = 4
_FEWEST_LETTERS = 0.85


def found_in(text: str, depth: int = _DEPTH) -> list[Found]:
    """Return every sign in a text and in what it decodes to.

    Args:
        text: any text.
        depth: encodings within encodings that are undone.
    """
    found = found_on_surface(text)
    if depth > 0:
        found += _in_runs(text, depth - 1)
        found += _behind_escapes(text, found, depth - 1)
    return found


def _in_runs(text: str, depth: int) -> Iterator[Found]:
    for run, meanings in encoded_runs(text):
        if any(_is_prose(meaning) or found_in(meaning, depth) for meaning in meanings):
            yield Found("encoded", run.group(), run.start(), run.end())


def _is_prose(plain: str) -> bool:
    """Tell whether decoded text reads like a sentence: four words, and hardly anything but letters."""
    letters = sum(letter.isalpha() or letter.isspace() for letter in plain)
    return len(plain.split()) >= _FEWEST_WORDS and letters >= _FEWEST_LETTERS * len(plain)


def _behind_escapes(text: str, found: Sequence[Found], depth: int) -> Iterator[Found]:
    plain = unescaped(text)
    if plain != text:
        seen = {fold(one.passage) for one in found}
        for one in found_in(plain, depth):
            if fold(one.passage) not in seen:
                yield Found("encoded", one.passage, one.start, one.end)
