"""The knobs of a revision task: what can be turned to make a document harder to put right.

Every knob can be set by hand; `from_difficulty` turns them all together.
"""

from random import Random
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

ProblemKind = Literal["figure", "passive", "buried", "repeated", "acronym", "alias", "style"]
KINDS: tuple[ProblemKind, ...] = get_args(ProblemKind)
Share = Annotated[float, Field(ge=0, le=1)]


class DocumentKnobs(BaseModel):
    """How a sound document is damaged, and what lies beside it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    statements: int = Field(default=12, ge=8, le=16)
    """Statements of the document: its length, one sentence each."""
    problems: int = Field(default=6, ge=5, le=12)
    """Problems seeded, five at least, so that one lucky edit is little of the work; fewer where the document has no
    further place for one of the kinds."""
    kinds: tuple[ProblemKind, ...] = Field(default=KINDS, min_length=1)
    """Kinds of problems to draw from."""
    limit_slack: float = Field(default=0.1, ge=0.02, le=0.5)
    """How far the word limit lies above the length of the sound document: tightness."""
    documents: int = Field(default=4, ge=2, le=5)
    """Documents, the draft included. 2: one background paper. 3: metrics apart. 4: names apart from the style guide.
    5: an older metrics sheet that no longer holds lies there too."""
    paraphrase: Share = 0.5
    """Share of figures and of repeats that are worded otherwise than in the draft: in the metrics sheet, said twice."""
    spare_metrics: int = Field(default=3, ge=0, le=6)
    """Lines of the metrics sheet that the document does not need."""
    page_lines: int = Field(default=12, ge=6, le=100)
    """Lines that one look at a document shows."""


def from_difficulty(difficulty: float, rng: Random, split: str) -> DocumentKnobs:
    """Map a difficulty in 0..1 to knobs. The `stress` split is long, tight, and has a sheet that no longer holds."""
    d = difficulty
    stress = split == "stress"
    return DocumentKnobs(
        statements=16 if stress else round(8 + 8 * d),
        problems=10 if stress else round(5 + 6 * d),
        limit_slack=0.03 if stress else round(0.25 - 0.2 * d, 3),
        documents=5 if stress else min(5, 2 + int(3.999 * d * rng.uniform(0.7, 1.3))),
        paraphrase=round(0.2 + 0.7 * d, 3),
        spare_metrics=round(1 + 4 * d),
    )
