"""The damages: each takes the finished text and applies the first k of one fixed list of corruptions to it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

from tasks_lib.citation_grounding.phrases import ADDED
from tasks_lib.citation_grounding.truth import BriefTruth, Claim, Delivery, Place

_DATE = re.compile(r"\b(\d{1,2}) ([A-Z][a-z]+) (\d{4})\b")
_FIGURE = re.compile(r"(?<![\w.-])\$?\d[\d,]*(?:\.\d+)?(?![\w-])")

Change = Callable[[BriefTruth, Claim, Delivery, Random], Delivery | None]
"""Return another delivery of a claim, or None where it is no target."""


def dose_of(severity: int) -> int:
    """Return how many corruptions a severity of 1..4 applies: 1, 2, 4, 8."""
    return 1 << (severity - 1)


def reached(targets: int, severity: int) -> bool:
    """Tell whether a severity finds a further target: without one it would repeat the rung below."""
    return targets > (dose_of(severity - 1) if severity > 1 else 0)


def changed(truth: BriefTruth, severity: int, rng: Random, change: Change) -> str | None:
    """Change the first k of the claims that are targets, in an order of their own."""
    found: dict[str, Delivery] = {}
    for claim in rng.sample(truth.claims, len(truth.claims)):
        delivery = truth.mended(claim)
        other = change(truth, claim, delivery, Random(rng.getrandbits(64)))
        if other is not None and other != delivery:
            found[claim.claim_id] = other
    if not reached(len(found), severity):
        return None
    chosen = dict([*found.items()][: dose_of(severity)])
    return truth.written([chosen.get(item.claim or "", item) for item in truth.deliveries()])


def _is_cited(claim: Claim) -> bool:
    return claim.duty != "unsupported"


def drop_markers(truth: BriefTruth, severity: int, rng: Random) -> str | None:
    return changed(
        truth, severity, rng, lambda t, claim, item, r: replace(item, markers=()) if _is_cited(claim) else None
    )


def empty_brackets(truth: BriefTruth, severity: int, rng: Random) -> str | None:
    return changed(
        truth, severity, rng, lambda t, claim, item, r: replace(item, markers=("[]",)) if _is_cited(claim) else None
    )


def wrong_source(truth: BriefTruth, severity: int, rng: Random) -> str | None:
    return changed(truth, severity, rng, _to_wrong_source)


def _to_wrong_source(truth: BriefTruth, claim: Claim, item: Delivery, rng: Random) -> Delivery | None:
    return replace(item, markers=(truth.marker(other_place(truth, claim, rng)),)) if _is_cited(claim) else None


def other_place(truth: BriefTruth, claim: Claim, rng: Random) -> Place:
    """Return a sentence of a source that does not support a claim."""
    supporting = {source for source, _ in claim.support}
    source = rng.choice([source for source in truth.sources if source.source_id not in supporting])
    return source.source_id, rng.randrange(len(source.sentences)) + 1


def cite_near_miss(truth: BriefTruth, severity: int, rng: Random) -> str | None:
    return changed(truth, severity, rng, lambda t, claim, item, r: _cited(t, item, claim, claim.near_miss, r))


def cite_distractor(truth: BriefTruth, severity: int, rng: Random) -> str | None:
    return changed(truth, severity, rng, lambda t, claim, item, r: _cited(t, item, claim, claim.distractors, r))


def cite_contrary(truth: BriefTruth, severity: int, rng: Random) -> str | None:
    return changed(truth, severity, rng, lambda t, claim, item, r: _cited(t, item, claim, claim.contrary, r))


def _cited(truth: BriefTruth, item: Delivery, claim: Claim, places: Sequence[Place], rng: Random) -> Delivery | None:
    supporting = {source for source, _ in claim.support}
    elsewhere = [place for place in places if place[0] not in supporting]
    if not elsewhere or not _is_cited(claim):
        return None
    return replace(item, markers=(truth.marker(rng.choice(elsewhere)),))


def cite_unsupported(truth: BriefTruth, severity: int, rng: Random) -> str | None:
    return changed(truth, severity, rng, _to_a_trap)


def _to_a_trap(truth: BriefTruth, claim: Claim, item: Delivery, rng: Random) -> Delivery | None:
    if _is_cited(claim):
        return None
    place = rng.choice(claim.traps) if claim.traps else other_place(truth, claim, rng)
    return replace(item, markers=(truth.marker(place),))


def unmark_unsupported(truth: BriefTruth, severity: int, rng: Random) -> str | None:
    return changed(
        truth, severity, rng, lambda t, claim, item, r: None if _is_cited(claim) else replace(item, markers=())
    )


def invent_source(truth: BriefTruth, severity: int, rng: Random) -> str | None:
    return changed(truth, severity, rng, _to_an_invented_source)


def _to_an_invented_source(truth: BriefTruth, claim: Claim, item: Delivery, rng: Random) -> Delivery | None:
    if not _is_cited(claim):
        return None
    return replace(item, markers=(truth.marker((f"S{len(truth.sources) + rng.randint(1, 9)}", 1)),))


def one_source(truth: BriefTruth, severity: int, rng: Random) -> str | None:
    """Cite the source of the first supported claim for others, too."""
    first = next(claim for claim in truth.claims if _is_cited(claim)).support[0]
    return changed(truth, severity, rng, lambda t, claim, item, r: _cited(t, item, claim, [first], r))


def wrong_sentence(truth: BriefTruth, severity: int, rng: Random) -> str | None:
    return changed(truth, severity, rng, _to_wrong_sentence) if truth.anchors else None


def _to_wrong_sentence(truth: BriefTruth, claim: Claim, item: Delivery, rng: Random) -> Delivery | None:
    if not _is_cited(claim):
        return None
    name = claim.support[0][0]
    source = next(source for source in truth.sources if source.source_id == name)
    others = [n for n in range(1, len(source.sentences) + 1) if (name, n) not in claim.support]
    return replace(item, markers=(truth.marker((name, rng.choice(others))),)) if others else None


def spray_markers(truth: BriefTruth, severity: int, rng: Random) -> str | None:
    """Put a second source, which does not say it, beside the right one."""
    return changed(truth, severity, rng, _with_another)


def _with_another(truth: BriefTruth, claim: Claim, item: Delivery, rng: Random) -> Delivery | None:
    another = truth.marker(other_place(truth, claim, rng))
    return replace(item, markers=(*item.markers, another)) if _is_cited(claim) else None


def strengthen(truth: BriefTruth, severity: int, rng: Random) -> str | None:
    return changed(
        truth, severity, rng,
        lambda t, claim, item, r: replace(item, text=claim.beyond[0]) if _is_cited(claim) and claim.beyond else None,
    )  # fmt: skip


def leave_overstated(truth: BriefTruth, severity: int, rng: Random) -> str | None:
    return changed(
        truth, severity, rng,
        lambda t, claim, item, r: replace(item, text=claim.brief) if claim.duty == "tone_down" else None,
    )  # fmt: skip


def flip_polarity(truth: BriefTruth, severity: int, rng: Random) -> str | None:
    return changed(
        truth, severity, rng,
        lambda t, claim, item, r: replace(item, text=claim.flipped[0]) if _is_cited(claim) and claim.flipped else None,
    )  # fmt: skip


def alter_figure(truth: BriefTruth, severity: int, rng: Random) -> str | None:
    return changed(truth, severity, rng, _with_other_figure)


def _with_other_figure(truth: BriefTruth, claim: Claim, item: Delivery, rng: Random) -> Delivery | None:
    dates = [match.span() for match in _DATE.finditer(item.text)]
    spans = [
        match.span()
        for match in _FIGURE.finditer(item.text)
        if not any(start <= match.start() < end for start, end in dates)
    ]
    if not spans or not _is_cited(claim):
        return None
    start, _ = rng.choice(spans)
    at = start + (item.text[start] == "$")
    text = f"{item.text[:at]}{int(item.text[at]) % 9 + 1}{item.text[at + 1 :]}"
    return replace(item, text=text)


def add_claims(truth: BriefTruth, severity: int, rng: Random) -> str | None:
    return _with_added(truth, severity, rng, cited=False)


def add_cited_claims(truth: BriefTruth, severity: int, rng: Random) -> str | None:
    return _with_added(truth, severity, rng, cited=True)


def _with_added(truth: BriefTruth, severity: int, rng: Random, *, cited: bool) -> str:
    added = rng.sample(ADDED, 8)
    places = [rng.randrange(len(truth.sections)) for _ in added]
    sources = [rng.choice(truth.sources) for _ in added]
    items = truth.deliveries()
    for text, section, source in list(zip(added, places, sources, strict=True))[: dose_of(severity)]:
        markers = (truth.marker((source.source_id, 1)),) if cited else ()
        after = sum(item.section <= section for item in items)
        items = [*items[:after], Delivery(text, section, markers), *items[after:]]
    return truth.written(items)


def drop_claims(truth: BriefTruth, severity: int, rng: Random) -> str | None:
    if not reached(len(truth.claims) - 1, severity):
        return None
    order = rng.sample([claim.claim_id for claim in truth.claims], len(truth.claims))
    gone = set(order[: min(dose_of(severity), len(truth.claims) - 1)])
    return truth.written([item for item in truth.deliveries() if item.claim not in gone])


def reorder(truth: BriefTruth, severity: int, rng: Random) -> str | None:
    """Put k + 1 claims that follow each other into the reverse order."""
    items = truth.deliveries()
    if not reached(len(items) - 1, severity):
        return None
    window = items[: dose_of(severity) + 1]
    turned = [replace(there, section=here.section) for here, there in zip(window, reversed(window), strict=True)]
    return truth.written([*turned, *items[len(window) :]])


def leave_undone(truth: BriefTruth, severity: int, rng: Random) -> str | None:
    """Deal with ever fewer claims, down to the brief."""
    order = rng.sample([claim.claim_id for claim in truth.claims], len(truth.claims))
    if severity == 4:
        return truth.written(truth.deliveries(order))
    return truth.written(truth.deliveries(order[: dose_of(severity)])) if reached(len(order), severity) else None


def hardest(truth: BriefTruth) -> list[str]:
    """Return the harder half of the claims, the hardest first."""
    order = sorted(truth.claims, key=lambda claim: (-claim.hardness, claim.claim_id))
    return [claim.claim_id for claim in order[: len(order) // 2]]


def hard_ones_wrong(truth: BriefTruth) -> list[Delivery]:
    """Return the text in which the harder half cites what does not support it."""
    hard = hardest(truth)
    return [
        replace(
            truth.untouched(claim),
            markers=(truth.marker(claim.traps[0] if claim.traps else other_place(truth, claim, Random(0))),),
        )
        if claim.claim_id in hard
        else truth.mended(claim)
        for claim in truth.claims
    ]


def delete_hard_claims(truth: BriefTruth, severity: int, rng: Random) -> str | None:
    """Delete the first k of the claims that were got wrong."""
    hard = hardest(truth)
    if not reached(len(hard), severity):
        return None
    gone = hard[: dose_of(severity)]
    return truth.written([item for item in hard_ones_wrong(truth) if item.claim not in gone])
