"""Quotes: does what a judge quotes stand in what it was shown?"""

import re
from collections.abc import Sequence

from graders.judge.fence import neutralised

SHORTEST_QUOTE = 8
"""Characters; a shorter one stands in every text and proves nothing, unless it is a whole line."""
_SPACE = re.compile(r"\s+")
_MARKS = str.maketrans(dict.fromkeys("\u2018\u2019\u201a\u201b\u2032`\u00b4", "'")
                       | dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'))  # fmt: skip


def normalised(text: str) -> str:
    """Return a text with one kind of space and one kind of each quote mark."""
    return _SPACE.sub(" ", text.translate(_MARKS)).strip()


class Shown:
    """Texts that a judge was shown, ready to find quotes in."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Take the texts as they were shown, neutralised."""
        self._whole = [normalised(text) for text in texts]
        self._lines = [line for text in texts for line in text.splitlines() if len(line) < 4 * SHORTEST_QUOTE]

    def holds(self, quote: str) -> bool:
        """Tell whether a quote stands in one of the texts, white space and the kind of quote marks apart."""
        # As it stands, too: what begins a quote need not begin a line of the text.
        forms = dict.fromkeys((normalised(neutralised(quote)), normalised(quote)))
        return any(self._holds(form) or self._holds(form.strip("\"' ")) for form in forms)

    def _holds(self, wanted: str) -> bool:
        if len(wanted) < SHORTEST_QUOTE:
            return bool(wanted) and any(wanted == normalised(line) for line in self._lines)
        return any(wanted in text for text in self._whole)
