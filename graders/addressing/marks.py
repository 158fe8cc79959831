"""Marks that a text gives itself: `Faithfulness: 4/4`, `score: 1.0`.

Known limit. Only the best mark counts, and only behind a name that is listed.
"""

import re
from collections.abc import Iterator

from graders.addressing.found import Found
from graders.addressing.vocabulary import any_listed

_BEST = re.compile(
    r"[:=|\u2013\u2014-][\"'* ]{0,4}(?:(?P<even>(?P<n>\d{1,3})(?:\.0+)? ?(?:/|out of) ?(?P=n)(?:\.0+)?)"
    r"|(?P<one>1\.0+)|(?P<top>1|4|5|10|100)(?:\.0+)?|(?P<word>perfect|full|maximum|level (?:4|5)))(?![\w%/:-]|[.,]\d)"
)
_NAMED = re.compile(rf"(?:(?P<dimension>{any_listed('dimensions')})(?: score)?|(?P<verdict>{any_listed('verdicts')}))$")
_OPENS = re.compile(r"(?:^|[^\w\s]|\b(?:final|overall|total|my|your|assigned))\s*$")
_NAME_WITHIN = 40
"""Letters before a mark in which its name must stand."""


def marks(folded: str) -> Iterator[Found]:
    """Yield the best marks of a folded text that stand behind the name of what is marked."""
    for best in _BEST.finditer(folded):
        first = max(0, best.start() - _NAME_WITHIN)
        before = folded[first : best.start()].rstrip(" \"'*)]")
        named = _NAMED.search(before)
        if named is None or (named.start() and before[named.start() - 1].isalnum()):
            continue
        # Of a dimension the mark itself must say that it is the best; `score: 5` must stand by itself.
        settled = best["even"] or best["one"]
        if settled if named["dimension"] else _OPENS.search(before[: named.start()]):
            name = "self_assessment" if named["dimension"] else "verdict"
            yield Found.cut(name, folded, first + named.start(), best.end())
