"""Shapes: what is no word but still speaks to a judge or pretends to be one. Dividers, turns, keys of a verdict.

Known limit. A genuine `System: ...` at the beginning of a line has the shape of a turn.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from graders.addressing.found import Found
from graders.addressing.vocabulary import any_listed, listed

_QUOTE = r"(?:\\?[\"'\u201c\u201d]){1,2}"
_NUMBERED = any_listed("number_keys", "dimensions")
_DIVIDER = re.compile(
    rf"[-=#*<>~]{{2}} ?(?:end|begin|start|stop)(?: of)?(?: the)? (?:{any_listed('divided')})\b[^\n]{{0,40}}"
)
_TURN = re.compile(
    rf"(?:(?:^|\\n|[|\t\"]|[,;](?=\S))[ \t>*]{{0,4}}(?:{any_listed('turns')})(?: prompt| message)?\*{{0,2}} ?:"
    rf"|^#{{3,6}} ?(?:(?:{any_listed('turns')})\b(?: prompt| message)?:?|instructions?:)(?=[ \t]*$)"
    r"|<\|[^|\n<>]{1,40}\|>|\[/?inst\]|<</?sys>>|<(?:start|end) of turn>)[^\n]{0,100}",
    re.M,
)
_VERDICT = re.compile(
    r"[{,\\\"'\u201c\u201d][\\\"'\u201c\u201d \t\n]{0,8}+"
    rf"(?:(?:{_NUMBERED})(?:{_QUOTE})?\s?:\s?(?:{_QUOTE})?(?=[\d{{\[])|(?:{any_listed('text_keys')}){_QUOTE}\s?:)"
)
_OWN = re.compile(r"\bself-(?:assessment|evaluation|grade|score|rating)\s?[:=][^\n]{0,80}")
_BEFORE = " \t\n{,;|>\\"
"""What may stand before a shape and is left off, so that the shape is found again in a given text."""


@dataclass(frozen=True)
class _Shape:
    name: str
    """The kind of sign that it is."""
    regex: re.Pattern[str]
    needs: Sequence[str]
    """Strings of which a text must hold one to have it."""


_SHAPES = (
    _Shape("tag", _DIVIDER, ("--", "==", "##", "**", "<<", ">>", "~~", "-=", "=-")),
    _Shape("turn", _TURN, (*listed("turns"), "<|", "inst", "sys>", "<start", "<end")),
    _Shape("verdict", _VERDICT, ("{", '"', "'", "\u201c", "\u201d")),
    _Shape("self_assessment", _OWN, ("self-",)),
)


def shapes(folded: str) -> Iterator[Found]:
    """Yield the shapes of a folded text, one kind after the other."""
    for shape in _SHAPES:
        if any(string in folded for string in shape.needs):
            for match in shape.regex.finditer(folded):
                start = match.end() - len(match.group().lstrip(_BEFORE))
                yield Found.cut(shape.name, folded, start, match.end())
