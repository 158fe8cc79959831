"""Words that are written letter by letter, with blanks or stops between.

Known limit. Only a few words are looked for, those of the list `squeezed`.
"""

import re
from collections.abc import Iterator, Sequence

from graders.addressing.found import Found
from graders.addressing.vocabulary import listed

# Every letter is told to stand alone as it is read: were it the last only, each failure would begin at the next letter.
_APART = re.compile(r"(?<![^\W_])[^\W\d_](?:[ .*\u00b7-]{1,3}+[^\W\d_](?![^\W_])){7,}+")
_FEWEST = 8
"""Letters that must stand apart; as many as the expression asks for."""
_SQUEEZED = listed("squeezed")


def spaced(folded: str, words: Sequence[str]) -> Iterator[Found]:
    """Yield runs of single letters that hold a listed word.

    Args:
        folded: a folded text.
        words: its words.
    """
    if len([word for word in words if len(word) == 1 and not word.isdecimal()]) < _FEWEST:
        return
    for match in _APART.finditer(folded):
        letters = "".join(filter(str.isalpha, match.group()))
        if any(word in letters for word in _SQUEEZED):
            yield Found("spaced", match.group(), match.start(), match.end())
