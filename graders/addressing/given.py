"""What a task says itself, in prompt and materials: word for word it may be repeated, wherever it stands.

Known limit. A plea that the materials hold is allowed to every output, also to one that means it.
"""

from collections.abc import Sequence
from functools import lru_cache

from graders.addressing.folding import fold
from graders.addressing.found import Found
from graders.addressing.layers import found_in


def not_given(found: Sequence[Found], given: str) -> list[Found]:
    """Return the passages that a given text does not hold."""
    folded, own = _folded_with_signs(given)
    # A text may hold one passage thousands of times.
    strange = {
        (name, passage)
        for name, passage in {(one.name, one.passage) for one in found}
        if passage not in given
        and (name, passage.casefold()) not in own
        and (name == "invisible" or _on_one_line(fold(passage)) not in folded)
    }
    return [one for one in found if (one.name, one.passage) in strange]


@lru_cache(maxsize=32)
def _folded_with_signs(given: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """Return a given text folded, and the signs it carries itself: many outputs are held against one task."""
    return _on_one_line(fold(given)), frozenset((one.name, one.passage.casefold()) for one in found_in(given))


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
