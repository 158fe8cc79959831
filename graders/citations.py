"""Reading citation markers: which sources a sentence names, in the forms that people and models use.

`[S2]`, `[2]`, `[Source B]`, `(Source B)`, `(S2)`, with a sentence `[S2:4]` or a range `[S2:4-5]`, several in one
pair of brackets or in several pairs, before or behind the full stop. Letters and bare numbers name the sources in
their order.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

MarkerKind = Literal["source", "fabricated", "unsupported", "empty"]
_Reference = tuple[MarkerKind, str, tuple[int, int] | None]
"""Kind, source and sentences of a marker."""
_BRACKETS = re.compile(r"\[([^\[\]]*)\]|\(([^()]*)\)")
_NAME = re.compile(
    r"(?P<word>source|src|ref|reference|doc|document)?\s*\.?\s*#?\s*(?P<id>S\s?\d{1,3}|\d{1,3}|[A-Z])"
    r"(?:\s*(?::|,?\s+(?:sentence|sent\.?|line|s\.)\s*)\s*(?P<from>\d{1,3})(?:\s*-\s*(?P<to>\d{1,3}))?)?",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(r"\s*(?:[,;&+/]|\band\b)\s*")
_UNSUPPORTED = re.compile(r"\b(?:un|not |no |without )(?:supported|support|source|sources|evidence)\b", re.IGNORECASE)
_AUTHOR_YEAR = re.compile(r"[A-Z][\w.'& -]{1,40},? (?:19|20)\d\d[a-z]?|https?://\S+|doi:\S+")
_BEHIND_STOP = re.compile(r"([.!?])((?:\s*(?:\[[^\[\]]*\]|\([^()]{0,24}\)))+)(?=\s|$)")


class Marker(NamedTuple):
    """One reference in a text."""

    kind: MarkerKind
    start: int
    end: int
    source: str = ""
    """Identifier of the source, of the given ones for kind `source`; what was written for `fabricated`."""
    sentences: tuple[int, int] | None = None
    """First and last sentence, where they are named."""


def read_markers(text: str, sources: Sequence[str]) -> list[Marker]:
    """Return the markers of a text in order, resolved against the sources in their order.

    Square brackets are read as markers wherever their content looks like one; round ones only where they name a
    source outright, since years and remarks stand in them too.
    """
    known = tuple(sources)
    found: list[Marker] = []
    for match in _BRACKETS.finditer(text):
        square = match.group(1) is not None
        content = (match.group(1) if square else match.group(2)).strip()
        found += [
            Marker(kind, match.start(), match.end(), source, sentences)
            for kind, source, sentences in _read_content(content, square, known)
        ]
    return found


def without_markers(text: str, markers: Sequence[Marker]) -> str:
    """Return a text without its markers and without the space before them."""
    cut = text
    for start, end in sorted({(marker.start, marker.end) for marker in markers}, reverse=True):
        cut = cut[:start].rstrip() + cut[end:]
    return cut


def markers_before_stop(text: str) -> str:
    """Return a text in which markers behind a full stop stand before it, so that they stay with their sentence."""
    return _BEHIND_STOP.sub(lambda match: f" {match.group(2).strip()}{match.group(1)}", text)


@lru_cache(maxsize=2_000)
def _read_content(content: str, square: bool, sources: tuple[str, ...]) -> tuple[_Reference, ...]:
    """Return what the content of brackets refers to: the outputs for one task name the same places."""
    if not content:
        return (("empty", "", None),)
    if _UNSUPPORTED.search(content) and len(content) <= 60:
        return (("unsupported", "", None),)
    names = [_NAME.fullmatch(part) for part in _SEPARATOR.split(_joined(content)) if part]
    if names and all(name is not None and (square or _is_outright(name)) for name in names):
        return tuple(_resolve(name, sources) for name in names if name is not None)
    if square and _AUTHOR_YEAR.fullmatch(content):
        return (("fabricated", content, None),)
    return ()


def _joined(content: str) -> str:
    """Keep `S2, sentence 4` together: a comma before a sentence number separates nothing."""
    return re.sub(r",\s*(?=(?:sentence|sent\.?|line|s\.)\s*\d)", " ", content, flags=re.IGNORECASE)


def _is_outright(name: re.Match[str]) -> bool:
    return bool(name["word"]) or (name["id"][:1].upper() == "S" and len(name["id"]) > 1)


def _resolve(name: re.Match[str], sources: Sequence[str]) -> _Reference:
    written = name["id"].upper().replace(" ", "")
    sentences = (int(name["from"]), int(name["to"] or name["from"])) if name["from"] else None
    if written in sources:
        return "source", written, sentences
    place = int(written) if written.isdigit() else ord(written) - ord("A") + 1 if len(written) == 1 else 0
    if 1 <= place <= len(sources):
        return "source", sources[place - 1], sentences
    return "fabricated", written, sentences
