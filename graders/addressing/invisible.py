"""Invisible characters: what is written between or behind letters and no reader sees.

Known limits. Soft hyphens and marks of direction are passed over, since ordinary text has them, and so are single
variation selectors, and joiners beside anything but ASCII.
"""

import re
from collections.abc import Iterator

from graders.addressing.folding import DROPPED
from graders.addressing.found import Found

_HIDDEN = re.compile(
    # Flags of regions are written in tag characters, and rightly so.
    "(?P<fine>\U0001f3f4[\U000e0061-\U000e007a]{2,6}\U000e007f)|"
    "(?:[\x00-\x08\x0b\x0e-\x1f\x7f\u180e\u200b\u2060-\u2064\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]"
    # Joiners belong into some scripts and into pictures, not between Latin letters.
    "|(?<=[ -~])[\u200c\u200d]+(?=[ -~])|(?<=[ -~])\ufeff|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2,})+"
)
_AROUND = 8
"""Letters on either side that are looked at."""


def invisible(text: str) -> Iterator[Found]:
    """Yield runs of invisible characters with the letters around, so that one in the materials allows no other."""
    if not DROPPED.search(text):
        return
    for match in _HIDDEN.finditer(text):
        if not match["fine"]:
            yield Found.cut("invisible", text, *_with_neighbours(text, *match.span()))


def _with_neighbours(text: str, start: int, end: int) -> tuple[int, int]:
    before = text[max(0, start - _AROUND) : start]
    after = text[end : end + _AROUND]
    if before[-1:].strip():
        start -= len(before.split()[-1])
    if after[:1].strip():
        end += len(after.split()[0])
    return start, end
