"""What a simulated policy makes of claims it does not get right, and the slips on the way.

A claim that was not dealt with is left as it was, or cited to a trap, or to any source. Markers and claims get lost
with a probability that rises along the text from nothing to `slip`.
"""

from collections.abc import Collection
from dataclasses import replace
from random import Random

from tasks_lib.citation_grounding.truth import BriefTruth, Claim, Delivery

_CITES_A_TRAP, _CITES_ANYTHING = 0.15, 0.05
"""Probabilities that a claim which was not dealt with gets a wrong source nevertheless."""
_TIRING_CLAIMS = 10
"""Claims after which a slip is as likely as it gets."""


def attempt(truth: BriefTruth, repaired: Collection[str], slip: float, rng: Random) -> list[Delivery]:
    """Return the sentences of a text in which only the claims in `repaired` were dealt with."""
    deliveries = []
    for place, claim in enumerate(truth.claims):
        delivery = truth.mended(claim) if claim.claim_id in repaired else _undone(truth, claim, rng)
        tired = slip * min(1.0, place / _TIRING_CLAIMS)
        lost, unmarked = rng.random() < tired, rng.random() < tired
        if not lost:
            deliveries.append(replace(delivery, markers=()) if unmarked else delivery)
    return deliveries


def _undone(truth: BriefTruth, claim: Claim, rng: Random) -> Delivery:
    chance = rng.random()
    if claim.traps and chance < _CITES_A_TRAP:
        return replace(truth.untouched(claim), markers=(truth.marker(rng.choice(claim.traps)),))
    if chance > 1 - _CITES_ANYTHING:
        source = rng.choice(truth.sources)
        place = (source.source_id, rng.randrange(len(source.sentences)) + 1)
        if place not in claim.support:
            return replace(truth.untouched(claim), markers=(truth.marker(place),))
    return truth.untouched(claim)
