"""Folding: one spelling for what a reader takes for the same letters.

Known limits. Digits for letters stay. A letter may become two (`ß`), so that places in a folded text are not those of
the text; where letters go missing as well, the lengths may agree all the same.
"""

import re
import unicodedata

from graders.addressing.vocabulary import CONFUSABLES

DROPPED = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e01ef]"
)
"""A character that nobody sees, and that folding leaves out."""
_MARKS = re.compile("[\u0300-\u036f\u0640\u064b-\u065f]")
_LATIN = str.maketrans({pair[0]: pair[1] for pair in CONFUSABLES})
_WORD = re.compile(r"\w+")


def fold(text: str) -> str:
    """Return a text in small letters without accents, invisible characters and underscores."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", DROPPED.sub("", text))
        text = unicodedata.normalize("NFC", _MARKS.sub("", text))
    elif DROPPED.search(text):
        text = DROPPED.sub("", text)
    return text.casefold().replace("_", " ")


def as_latin(folded: str) -> str:
    """Return a text with Latin letters for those that look like them, letter for letter, so that places stay."""
    return folded if folded.isascii() else folded.translate(_LATIN)


def words_of(folded: str) -> list[str]:
    """Return the words of a folded text."""
    return _WORD.findall(folded)
