"""The knobs of a citation task: what can be turned to make the right source harder to find.

Every knob can be set by hand; `from_difficulty` turns them all together.
"""

from random import Random
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]


class CitationKnobs(BaseModel):
    """How many claims and sources there are, and how alike what supports a claim and what does not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    claims: int = Field(default=10, ge=8, le=12)
    """Claims of the brief, one sentence each."""
    sources: int = Field(default=9, ge=8, le=12)
    """Sources: enough of them that no more than a claim or two is found by guessing."""
    lexical_distance: float = Field(default=1.0, ge=0, le=2)
    """How far the words of a source are from the words of the claim: 0 nearly the same, 2 mostly others."""
    near_misses: Share = 0.5
    """Share of the supported claims for which another source says something weaker."""
    contradictions: Share = 0.3
    """Share of all claims that some source contradicts."""
    distractors: Share = 0.6
    """Share of all claims for which some source has the same key words about another matter."""
    unsupported: float = Field(default=0.2, ge=0, le=0.3)
    """Share of the claims that no source supports; one at least. Were it half, marking every claim as unsupported would
    be half of the work."""
    overstated: float = Field(default=0.15, ge=0, le=0.4)
    """Share of the claims of which the sources support only a weaker form."""
    context: int = Field(default=2, ge=1, le=3)
    """Sentences a source has on average that have nothing to do with a claim; the shorter sources get more of them."""
    anchors: bool = True
    """The request wants the number of the sentence, too: [S2:4]."""
    page_lines: int = Field(default=8, ge=4, le=40)
    """Lines that one look at a document shows."""


def from_difficulty(difficulty: float, rng: Random, split: str) -> CitationKnobs:
    """Map a difficulty in 0..1 to knobs. The `stress` split has traps at every claim."""
    d = difficulty
    stress = split == "stress"
    return CitationKnobs(
        claims=12 if stress else round(8 + 4 * d),
        sources=10 if stress else round(8 + 4 * d),
        lexical_distance=1.5 if stress else round(2 * d, 3),
        near_misses=1.0 if stress else round(0.2 + 0.7 * d, 3),
        contradictions=0.8 if stress else round(0.1 + 0.5 * d, 3),
        distractors=1.0 if stress else round(0.3 + 0.6 * d, 3),
        unsupported=0.3 if stress else round(0.12 + 0.18 * d, 3),
        overstated=0.25 if stress else round(0.05 + 0.25 * d, 3),
        context=2 if stress else 1 + round(2 * d),
        anchors=rng.random() < 0.6,
    )
