"""The hidden truth of a citation task: what every claim rests on, and what only looks like it."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from tasks_lib.citation_grounding.wording import Request
from tasks_lib.per_instance import once_per_instance
from tasks_lib.records import TaskInstance

BRIEF = "brief.md"
UNSUPPORTED = "[unsupported]"
Duty = Literal["cite", "unsupported", "tone_down"]
Place = tuple[str, int]
"""A sentence of a source: (source, number from 1)."""


@dataclass(frozen=True)
class Claim:
    """One claim of the brief."""

    claim_id: str
    section: int
    duty: Duty
    brief: str
    """The sentence of the brief."""
    wanted: str
    """The sentence of the finished text, without its marker."""
    wordings: tuple[str, ...]
    """Further sentences that claim exactly the same."""
    beyond: tuple[str, ...]
    """Sentences that claim more than the sources support."""
    flipped: tuple[str, ...]
    """Sentences that claim the opposite."""
    support: tuple[Place, ...]
    near_miss: tuple[Place, ...]
    contrary: tuple[Place, ...]
    distractors: tuple[Place, ...]
    hardness: float
    """Logits, as `Defect.hardness`."""

    @property
    def weight(self) -> float:
        """What the claim counts in the work done, 0..1: the logistic of its hardness."""
        return 1 / (1 + math.exp(-self.hardness))

    @property
    def traps(self) -> tuple[Place, ...]:
        """Sentences that are about the claim and do not support it."""
        return (*self.near_miss, *self.distractors, *self.contrary)


@dataclass(frozen=True)
class Source:
    """One source."""

    source_id: str
    title: str
    publisher: str
    sentences: tuple[str, ...]

    def text(self) -> str:
        """Return the document as the policy sees it."""
        lines = [f"# {self.title}", f"{self.publisher}", ""]
        return "\n".join([*lines, *(f"{number}. {text}" for number, text in enumerate(self.sentences, 1))]) + "\n"


@dataclass(frozen=True)
class Delivery:
    """One sentence of a text to hand in."""

    text: str
    section: int
    markers: tuple[str, ...] = ()
    claim: str | None = None
    """None where it is none of the brief's claims."""


@dataclass(frozen=True)
class BriefTruth:
    """Everything about one instance that only graders see."""

    title: str
    sections: tuple[str, ...]
    claims: tuple[Claim, ...]
    sources: tuple[Source, ...]
    request: Request

    @property
    def anchors(self) -> bool:
        return self.request.anchors

    @cached_property
    def by_id(self) -> Mapping[str, Claim]:
        return {claim.claim_id: claim for claim in self.claims}

    def marker(self, place: Place) -> str:
        """Return the marker of a sentence as the request wants it."""
        source, sentence = place
        return f"[{source}:{sentence}]" if self.anchors else f"[{source}]"

    def mended(self, claim: Claim) -> Delivery:
        """Return a claim as it should be handed in."""
        marker = UNSUPPORTED if claim.duty == "unsupported" else self.marker(claim.support[0])
        return Delivery(claim.wanted, claim.section, (marker,), claim.claim_id)

    def untouched(self, claim: Claim) -> Delivery:
        """Return a claim as the brief has it."""
        return Delivery(claim.brief, claim.section, (), claim.claim_id)

    def deliveries(self, left: Collection[str] = ()) -> list[Delivery]:
        """Return the sentences of a text in which the claims in `left` are as the brief has them."""
        return [self.untouched(claim) if claim.claim_id in left else self.mended(claim) for claim in self.claims]

    def written(self, deliveries: Sequence[Delivery]) -> str:
        """Return sentences as a text, each marker before its full stop."""
        blocks = [f"# {self.title}"]
        for section, heading in enumerate(self.sections):
            sentences = [marked(item) for item in deliveries if item.section == section]
            if heading:
                blocks.append(f"## {heading}")
            if sentences:
                blocks.append(" ".join(sentences))
        return "\n\n".join(blocks) + "\n"


def marked(delivery: Delivery) -> str:
    """Return a sentence with its markers before the full stop."""
    if not delivery.markers:
        return delivery.text
    return f"{delivery.text.rstrip('.')} {''.join(delivery.markers)}."


def to_truth(truth: BriefTruth) -> dict[str, Any]:
    """Return the JSON form."""
    return {
        "title": truth.title,
        "sections": truth.sections,
        "claims": [dict(vars(claim)) for claim in truth.claims],
        "sources": [dict(vars(source)) for source in truth.sources],
        "request": dict(vars(truth.request)),
    }


def from_truth(plain: Mapping[str, Any]) -> BriefTruth:
    """Read the JSON form back."""
    places = ("support", "near_miss", "contrary", "distractors")
    claims = []
    for row in plain["claims"]:
        lists = {name: tuple((source, number) for source, number in row[name]) for name in places}
        texts = {name: tuple(row[name]) for name in ("wordings", "beyond", "flipped")}
        claims.append(Claim(**{**row, **lists, **texts}))
    return BriefTruth(
        title=plain["title"],
        sections=tuple(plain["sections"]),
        claims=tuple(claims),
        sources=tuple(Source(**{**row, "sentences": tuple(row["sentences"])}) for row in plain["sources"]),
        request=Request(**plain["request"]),
    )


@once_per_instance
def brief_truth(instance: TaskInstance) -> BriefTruth:
    """Return the truth of an instance; parsed once for the many rollouts of a group."""
    return from_truth(instance.truth)
