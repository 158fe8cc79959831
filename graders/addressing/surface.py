"""The surface: every sign in a text as it stands, before anything is decoded.

Known limit. A passage of a text that is not plain ASCII is shown as it was folded: letters that become two and letters
that vanish can leave the length alone and move the places, so that another passage would be cut out.
"""

from collections.abc import Iterator, Sequence

from graders.addressing.comments import named_by_comments
from graders.addressing.folding import as_latin, fold, words_of
from graders.addressing.found import Found
from graders.addressing.invisible import invisible
from graders.addressing.marks import marks
from graders.addressing.shapes import shapes
from graders.addressing.spaced import spaced
from graders.addressing.tags import tags
from graders.addressing.words import worded


def found_on_surface(text: str) -> list[Found]:
    """Return the signs of a text; places are those of the folded text, but for invisible characters."""
    folded = fold(text)
    found = _found_in_folded(folded)
    if text.isascii() and len(folded) == len(text):
        found = [Found.cut(one.name, text, one.start, one.end) for one in found]
    return [*found, *invisible(text)]


def _found_in_folded(folded: str) -> list[Found]:
    words, latin = words_of(folded), as_latin(folded)
    found = [*worded(folded, words), *tags(latin), *shapes(latin), *marks(latin), *spaced(latin, words)]
    if latin != folded:
        found += _look_alikes(folded, latin, found)
    return named_by_comments(latin, found)


def _look_alikes(folded: str, latin: str, found: Sequence[Found]) -> Iterator[Found]:
    """Yield pleas that are there only once letters of other scripts are taken for Latin ones."""
    known = {one.start for one in found}
    for one in worded(latin, words_of(latin)):
        if one.start not in known:
            yield Found.cut("homoglyph", folded, one.start, one.end)
