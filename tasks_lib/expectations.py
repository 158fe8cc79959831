"""Expectation rows in shorthand: what an operator moves, by the initials of dimensions and their facets.

A family gives each dimension two letters; a row then reads `"fa fa.facts_kept oe"`. What it does not name stays still.
"""

from collections.abc import Mapping

from tasks_lib.family import Expectation


class Shorthand:
    """The dimensions and facets of a family under short names.

    Args:
        facets: two letters -> (dimension, its facets separated by spaces).
    """

    def __init__(self, facets: Mapping[str, tuple[str, str]]) -> None:
        self._dimensions = {short: dimension for short, (dimension, _) in facets.items()}
        self.aspects: tuple[str, ...] = tuple(
            name
            for dimension, names in facets.values()
            for name in (dimension, *(f"{dimension}.{facet}" for facet in names.split()))
        )
        """Every dimension and facet that a row may name."""

    def row(self, moves: str = "", may: str = "") -> Mapping[str, Expectation]:
        """Return aspect -> expectation; a name in both is one that moves.

        Raises:
            ValueError: a name that no dimension or facet has.
        """
        expected: dict[str, Expectation] = dict.fromkeys(self.aspects, "still")
        expected |= dict.fromkeys(self._names(may), "may")
        expected |= dict.fromkeys(self._names(moves), "moves")
        return expected

    def _names(self, short: str) -> list[str]:
        names = []
        for word in short.split():
            dimension, dot, facet = word.partition(".")
            name = f"{self._dimensions.get(dimension, dimension)}{dot}{facet}"
            if name not in self.aspects:
                raise ValueError(f"no aspect {word!r}; known: {', '.join(self.aspects)}")
            names.append(name)
        return names
