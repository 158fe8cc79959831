"""Words as they are counted: one spelling of quotes and spaces, nothing invisible, and what a word is."""

import re
import unicodedata

TOKEN = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*")
"""A word: a run of letters and digits, inner hyphens and apostrophes included."""
_QUOTES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": " - "})

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
"""A character of ASCII that is not shown; line ends and tabs are."""


def tidy(text: str) -> str:
    """Return a text with one spelling of quotes, dashes and spaces, and without invisible characters."""
    if text.isascii():
        # Nothing in ASCII has another spelling, and all that is not shown there is a control character.
        return text if text.isprintable() else _CONTROL.sub("", text)
    text = unicodedata.normalize("NFKC", text)
    # A text has far fewer characters than letters.
    hidden = {ord(letter): None for letter in set(text) if not _is_shown(letter)}
    return text.translate({**_QUOTES, **hidden})


def words(text: str) -> list[str]:
    """Return the words of a text as they are counted."""
    return TOKEN.findall(tidy(text))


def _is_shown(letter: str) -> bool:
    return letter in "\n\t" or unicodedata.category(letter) not in ("Cf", "Cc", "Co", "Cs", "Cn")
