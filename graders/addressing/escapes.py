"""Escapes: letters that are written as entities, as codes behind a backslash, or as percent codes.

Known limit. Other codes (octal, quoted-printable, `\\u{...}`) are not undone.
"""

import html
import re
from urllib.parse import unquote

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,8});?")
_BACKSLASH = re.compile(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})")
_PERCENT = re.compile(r"%[0-9a-fA-F]{2}")


def unescaped(text: str) -> str:
    """Return a text without entities, escapes and percent codes; the same text where it has none."""
    if "&" in text:
        text = _ENTITY.sub(lambda match: html.unescape(match.group()), text)
    if "\\" in text:
        text = _BACKSLASH.sub(lambda match: chr(int(match[1] or match[2], 16)), text)
    return unquote(text, errors="ignore") if _PERCENT.search(text) else text
