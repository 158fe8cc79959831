"""Answers of raters: checked one by one, what is wrong refused with its reason, the rest kept, nothing twice."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class Answer:
    """What one rater says of one item."""

    set_id: str
    item_id: str
    rater: str
    level: float | None
    """0..top of the rubric; None: it cannot be assessed."""
    note: str | None
    rated_at: datetime | None
    place: str
    """Where it was read, for a person: `ratings-anna.csv, row 12`."""
    text_hash: str | None = None
    """Hash of the text beside it; None: it came without text."""
    rubric_hash: str | None = None
    raw_value: str | None = None
    """As the rater gave it."""


@dataclass(frozen=True)
class Refused:
    """An answer that was not taken, and why."""

    place: str
    reason: str


@dataclass(frozen=True)
class TakenIn:
    """What became of answers."""

    n_new: int
    n_known: int
    """Said before, in the same words."""
    n_changed: int
    """Took the place of what the same rater had said of the same item."""
    refused: Sequence[Refused]


def take_in(db: Path, answers: Iterable[Answer], source: str, *, replace: bool = False) -> TakenIn:
    """Check answers against their calibration sets and add those that hold to the ratings, in one transaction.

    Args:
        db: warehouse.
        answers: what was read.
        source: where from, for the column of that name.
        replace: let an answer take the place of a different one of the same rater about the same item; else it is
            refused.

    Raises:
        WarehouseError: the warehouse cannot be written; nothing was added.
    """
    raise NotImplementedError
