"""Encodings: runs of letters that may be base64 or hexadecimal, and the plain texts that they decode to.

Known limits. Base64 that is broken by blanks or line ends is not put together, and what is not UTF-8 is not read.
"""

import base64
import binascii
import re
from collections.abc import Iterator

_SHORTEST_RUN = 16
_BASE64 = re.compile(rf"(?<![\w+/-])[A-Za-z0-9+/_-]{{{_SHORTEST_RUN},}}+={{0,2}}")
_HEX = re.compile(r"(?<![0-9a-zA-Z])(?:(?:\\x|0x|%)?+[0-9a-fA-F]{2}[ :,]{0,2}+){12,}+")
_HEX_BYTE = re.compile(r"[0-9a-fA-F]{2}")


def encoded_runs(text: str) -> Iterator[tuple[re.Match[str], Iterator[str]]]:
    """Yield the runs of a text, each with what it may mean; a meaning is decoded when it is asked for."""
    for regex, decoded in ((_BASE64, _from_base64), (_HEX, _from_hex)):
        for run in regex.finditer(text):
            yield run, decoded(run.group())


def _from_base64(run: str) -> Iterator[str]:
    run = run.rstrip("=").replace("-", "+").replace("_", "/")
    # A letter that is glued to its front puts a run out of step.
    for offset in range(4):
        cut = run[offset:]
        cut = cut[: len(cut) - 1] if len(cut) % 4 == 1 else cut
        try:
            yield from _readable(base64.b64decode(cut + "=" * (-len(cut) % 4)))
        except binascii.Error:
            continue


def _from_hex(run: str) -> Iterator[str]:
    yield from _readable(bytes.fromhex("".join(_HEX_BYTE.findall(run.replace("0x", " ")))))


def _readable(data: bytes) -> Iterator[str]:
    try:
        plain = data.decode("utf-8")
    except UnicodeDecodeError:
        return
    if all(letter.isprintable() or letter in "\n\r\t" for letter in plain) and not _is_code(plain):
        yield plain


def _is_code(plain: str) -> bool:
    # Twelve letters without a blank are a code; to read on would cost more than all the rest.
    return len(plain) < _SHORTEST_RUN and plain.isascii() and plain.isalnum()
