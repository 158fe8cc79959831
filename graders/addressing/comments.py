"""Comments: a reader of the finished document does not see them.

Known limit. A heading (`# ...`) is taken for a comment, too: a plea in it is named after a comment.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from graders.addressing.folding import words_of
from graders.addressing.found import Found
from graders.addressing.vocabulary import listed

_Span = tuple[int, int]
_LINE_COMMENT = re.compile(r"^[ \t]*+(?:#|//|;;|%|--|\[//\]|\[comment\])[^\n]*", re.M)
_SAID = frozenset(["instruction", "asks_for_marks", "authority", "other_language"])
"""Kinds that are words; a tag or a turn in a comment stays what it is."""
_TALK = frozenset(listed("comment"))


def named_by_comments(folded: str, found: Sequence[Found]) -> list[Found]:
    """Name what stands in a comment after it, and add block comments that talk of grading."""
    blocks = list(_blocks(folded))
    lines = [match.span() for match in _LINE_COMMENT.finditer(folded)] if found else []
    return [*_renamed(found, sorted([*blocks, *lines])), *_talking(folded, blocks)]


def _blocks(folded: str) -> Iterator[_Span]:
    """Yield where block comments stand; one that is not closed goes on to the end."""
    for opening, closing in (("<!--", "-->"), ("/*", "*/")):
        end = 0
        while (start := folded.find(opening, end)) >= 0:
            end = folded.find(closing, start + len(opening))
            if end < 0 and opening == "/*":
                break  # `reports/*` is no comment
            end = len(folded) if end < 0 else end + len(closing)
            yield start, end


def _renamed(found: Sequence[Found], comments: Sequence[_Span]) -> Iterator[Found]:
    at = 0
    for one in sorted(found, key=lambda one: one.start):
        while at < len(comments) and comments[at][1] <= one.start:
            at += 1
        inside = at < len(comments) and comments[at][0] <= one.start and one.name in _SAID
        yield Found("hidden_comment", one.passage, one.start, one.end) if inside else one


def _talking(folded: str, blocks: Iterable[_Span]) -> Iterator[Found]:
    for start, end in blocks:
        if not _TALK.isdisjoint(words_of(folded[start:end])):
            yield Found.cut("hidden_comment", folded, start, end)
