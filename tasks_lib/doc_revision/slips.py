"""Slips: the damage that revising does to what was fine, more of it the further down the document.

Only simulated policies use this. A sentence is lost, reworded though nothing was wrong with it, or a figure in it
mistyped, with a probability that rises along the document from nothing to `slip`.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from random import Random

from tasks_lib.doc_revision.truth import DocumentTruth, Piece

_TIRING_SENTENCES = 14
"""Sentences after which a slip is as likely as it gets."""


def with_slips(truth: DocumentTruth, pieces: Sequence[Piece], slip: float, rng: Random) -> list[Piece]:
    """Return the sentences with some lost, some reworded and some mistyped."""
    kept = []
    for place, piece in enumerate(pieces):
        tired = slip * min(1.0, place / _TIRING_SENTENCES)
        lost, reworded, mistyped = (rng.random() < tired for _ in range(3))
        if lost:
            continue
        statement = truth.by_id.get(piece.statement or "")
        if reworded and statement is not None and piece.text == statement.wanted and statement.wordings:
            piece = replace(piece, text=rng.choice(statement.wordings))
        kept.append(replace(piece, text=_mistyped(piece.text, rng)) if mistyped else piece)
    return kept


def _mistyped(text: str, rng: Random) -> str:
    digits = [match.start() for match in re.finditer(r"\d", text)]
    if not digits:
        return text
    at = rng.choice(digits)
    return f"{text[:at]}{(int(text[at]) + rng.randint(1, 8)) % 10}{text[at + 1 :]}"
