"""Lists of names, short enough for the name of something else."""

from collections.abc import Sequence

SHOWN = 3
"""Names that are shown; the rest are counted."""


def few(names: Sequence[str]) -> str:
    """Return the first names of a list, and how many there are beside them."""
    more = f" +{len(names) - SHOWN}" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"
