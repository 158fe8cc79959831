"""Tags of an output's own, which may close what a judge's request has opened.

Known limit. Tags in the square brackets of a forum are seen where they close, not where they open.
"""

import re
from collections.abc import Iterator

from graders.addressing.found import Found
from graders.addressing.vocabulary import listed

_TAG = re.compile(
    r"<\s?/?\s?(?P<whole>[a-z][\w:.-]{0,40})(?=[\s/>])[^<>\n]{0,80}>"
    r"|<\s?/\s?(?P<cut>[a-z][\w:.-]{0,40})|\[/(?P<square>[a-z]\w{0,40})\]"
)
_MARKUP = frozenset(listed("markup"))


def tags(folded: str) -> Iterator[Found]:
    """Yield the tags of a folded text that are no mark-up of documents."""
    if "<" not in folded and "[/" not in folded:
        return
    for match in _TAG.finditer(folded):
        name = match["whole"] or match["cut"] or match["square"]
        if name not in _MARKUP:
            yield Found("tag", match.group(), match.start(), match.end())
