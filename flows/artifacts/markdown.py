"""Markdown of what others named: policies, instances, reasons are data and must not become links, tables or markup."""

import re

LONGEST = 120
"""Characters of one name; what is longer is cut."""
_PUNCTUATION = re.compile(r"([!-+\-.:-@\[-`{-~])")
"""All of ASCII's but the comma and the slash, which mean nothing by themselves."""
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")


def plain(value: object) -> str:
    """Return a value as Markdown that shows it letter by letter, on one line, and does nothing.

    A backslash before each mark of punctuation takes its meaning, also that of `http://` and `www.`, which some
    readers make links of.
    """
    text = _INVISIBLE.sub(" ", str(value)).strip()
    text = text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
    return _PUNCTUATION.sub(r"\\\1", text)


def rows(header: tuple[str, ...], cells: list[tuple[object, ...]]) -> list[str]:
    """Return the lines of a table; what is no text stands to the right."""
    first = cells[0] if cells else ()
    ruler = ["---" if isinstance(cell, str) else "---:" for cell in first] or ["---"] * len(header)
    return [
        f"| {' | '.join(header)} |",
        f"| {' | '.join(ruler)} |",
        *(f"| {' | '.join(plain(cell) for cell in row)} |" for row in cells),
    ]
