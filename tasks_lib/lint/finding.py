"""What a lint rule reports, and the names of the grader that it is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["error", "warning"]
PROMPT = "prompt"
"""The place of a finding that is not in a material."""


@dataclass(frozen=True)
class Finding:
    """One thing that a rule found."""

    rule: str
    severity: Severity
    instance_id: str
    """The instance; the first of its family where the finding is about the whole set."""
    place: str
    """`prompt` or the name of a material."""
    span: tuple[int, int]
    """Where in the text of the place; (0, 0) where something is missing from it."""
    text: str
    """What stands there, or the name of what is missing."""
    message: str
    """What is wrong and what to do."""


@dataclass(frozen=True)
class GradedNames:
    """What a grader calls the things it looks at. Given by the caller: tasks know nothing of graders."""

    dimensions: Sequence[str] = ()
    facets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Dimension -> its parts; empty where the grader does not say."""
    flags: Sequence[str] = ()
    terms: Sequence[str] = ()
    """Further words that only graders use."""

    def looks_at(self, name: str) -> bool:
        """Tell whether there is such a dimension, `dimension.facet` or flag; where no facets are told, any is taken."""
        dimension, _, facet = name.partition(".")
        if not facet:
            return name in self.dimensions or name in self.flags
        return dimension in self.dimensions and facet in self.facets.get(dimension, (facet,))

    @property
    def words(self) -> frozenset[str]:
        """Every single name."""
        facets = {facet for parts in self.facets.values() for facet in parts}
        return frozenset({*self.dimensions, *facets, *self.flags, *self.terms})
