"""Archetypes: kinds of briefs, each a template file with its claims and everything that sources say about them."""

from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tasks_lib.templates import Slot, read_template, slots_in, template_names

_PACKAGE = "tasks_lib.citation_grounding"

Overreach = Literal["hedge", "quantifier", "scope", "cause"]


class ClaimTemplate(BaseModel):
    """One claim, what supports it, and what only seems to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    section: str
    text: tuple[str, ...] = Field(min_length=2)
    """Wordings of the claim."""
    source: tuple[str, str, str]
    """Source sentences that support it fully, at rising lexical distance."""
    weaker: str
    """A source sentence that supports less."""
    weaker_kind: Overreach
    toned: tuple[str, ...] = Field(min_length=2)
    """Wordings of the claim toned down to what `weaker` says."""
    contrary: str
    distractor: str
    strong: str
    """The claim pushed beyond any source."""
    strong_kind: Overreach
    flipped: str

    @model_validator(mode="after")
    def _says_the_same(self) -> "ClaimTemplate":
        wanted = sorted(slots_in(self.text[0]))
        for wording in (*self.text, *self.source, self.strong, self.flipped):
            if sorted(slots_in(wording)) != wanted:
                raise ValueError(f"claim {self.id!r}: {wording!r} must hold the slots {wanted}")
        weaker = sorted(slots_in(self.weaker))
        for wording in self.toned:
            if sorted(slots_in(wording)) != weaker:
                raise ValueError(f"claim {self.id!r}: {wording!r} must hold the slots {weaker}")
        return self


class Archetype(BaseModel):
    """A kind of brief."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    noun: str
    reader: str
    title: str
    sections: tuple[str, ...]
    publishers: tuple[str, ...]
    titles: tuple[str, ...]
    context: tuple[str, ...]
    """Sentences of sources that neither support nor contradict a claim."""
    slot: dict[str, Slot]
    claim: tuple[ClaimTemplate, ...]

    @model_validator(mode="after")
    def _hangs_together(self) -> "Archetype":
        for claim in self.claim:
            if claim.section not in self.sections:
                raise ValueError(f"claim {claim.id!r}: no section {claim.section!r}")
            for wording in (*claim.text, claim.weaker, claim.contrary, claim.distractor):
                unknown = set(slots_in(wording)) - self.slot.keys()
                if unknown:
                    raise ValueError(f"claim {claim.id!r}: no slot {sorted(unknown)[0]!r}")
        return self


def archetype_names() -> tuple[str, ...]:
    """Return the names of all archetypes, sorted."""
    return template_names(_PACKAGE)


@cache
def archetype(name: str) -> Archetype:
    """Return one archetype.

    Raises:
        ValueError: no template file of that name.
    """
    return Archetype.model_validate(read_template(_PACKAGE, name))
