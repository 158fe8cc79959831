"""Words as they are counted: one spelling of quotes and spaces, nothing invisible, and what a word is."""

import re
import unicodedata

TOKEN = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*")
"""A word: a run of letters and digits, inner hyphens and apostrophes included."""
_QUOTES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": " - "})


def tidy(text: str) -> str:
    """Return a text with one spelling of quotes, dashes and spaces, and without invisible characters."""
    if text.isascii() and text.isprintable():
        return text
    shown = "".join(letter for letter in unicodedata.normalize("NFKC", text) if _is_shown(letter))
    return shown.translate(_QUOTES)


def words(text: str) -> list[str]:
    """Return the words of a text as they are counted."""
    return TOKEN.findall(tidy(text))


def _is_shown(letter: str) -> bool:
    return letter in "\n\t" or unicodedata.category(letter) not in ("Cf", "Cc", "Co", "Cs", "Cn")
