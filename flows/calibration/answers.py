"""Answers of raters: checked one by one, what is wrong refused with its reason, the rest kept, nothing twice."""

import json
import textwrap
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import polars as pl

from flows.calibration.bulk import keeping_all
from flows.calibration.sheet import normalised
from warehouse import Warehouse
from warehouse.estimates import refresh_calibration
from warehouse.location import Location
from warehouse.tables import schema_of

EVERYBODY = "all"
"""What no rater can be named: views have it for all of them together."""
CANNOT_ASSESS = "cannot assess"
"""What a rater says instead of a level."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one rater says of one item."""

    set_id: str
    item_id: str
    rater: str
    level: float | None
    """0..top of the rubric; None: it cannot be assessed; not-a-number: `raw_value` names no level."""
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


def take_in(db: Location, answers: Iterable[Answer], source: str, *, replace: bool = False) -> TakenIn:
    """Check answers against their calibration sets and add those that hold to the ratings, in one transaction.

    A second answer of one rater about one item is refused where it differs, also within `answers`: whoever lets raters
    change their mind hands on the last word only.

    Args:
        db: warehouse.
        answers: what was read. Times without a zone are UTC.
        source: where from, for the column of that name.
        replace: let an answer take the place of a different one of the same rater about the same item that is stored;
            else it is refused.

    Raises:
        WarehouseError: the warehouse cannot be written; nothing was added.
    """
    return take_in_all(db, [(source, answers)], replace=replace)


def take_in_all(db: Location, answers: Iterable[tuple[str, Iterable[Answer]]], *, replace: bool = False) -> TakenIn:
    """Take in answers of several sources, each with its name, all in one transaction; the rest as `take_in`."""
    with Warehouse.open(db) as warehouse:
        check = _Check(warehouse, replace)
        with keeping_all():
            for source, given in answers:
                for answer in given:
                    check.take(answer, source)
        if check.rows:
            rows = pl.DataFrame(list(check.rows.values()), schema=schema_of("rating"), orient="row")
            warehouse.merge_all({"rating": rows}, latest=("rating",))
            ratings_changed(warehouse)
        return TakenIn(
            n_new=len(check.rows) - check.n_changed,
            n_known=check.n_known,
            n_changed=check.n_changed,
            refused=tuple(check.refused),
        )


def ratings_changed(warehouse: Warehouse) -> None:
    """Work out again what follows from ratings; called wherever any were added or changed."""
    refresh_calibration(warehouse)


@lru_cache(maxsize=1024)
def tidy_name(name: str) -> str:
    """Return a rater's name without the white space that spreadsheets and people leave in it."""
    return " ".join(unicodedata.normalize("NFC", storable(name)).split())


class Said(NamedTuple):
    """What a rater says of an item."""

    score: float | None
    note: str | None
    """As `tidy_note` leaves it."""

    def is_same(self, other: "Said") -> bool:
        """Tell whether both say the same, in the same words."""
        if self.score is None or other.score is None:
            return self.score is other.score and self.note == other.note
        return abs(self.score - other.score) < 1e-9 and self.note == other.note


class _KnownItem(NamedTuple):
    rollout_id: str
    text_hash: str | None
    asked: frozenset[str]
    """Raters it was dealt to."""


class _Set:
    """A calibration set, and what is known of its raters."""

    def __init__(self, warehouse: Warehouse, set_id: str, row: Mapping[str, Any]) -> None:
        self.set_id = set_id
        self.dimension: str = row["dimension"]
        self.rubric_hash: str = row["rubric_hash"]
        self.top: int = row["top"]
        items = warehouse.sql(_ITEMS, [set_id])
        self.items = {
            item_id: _KnownItem(rollout_id, text_hash, frozenset(asked))
            for item_id, rollout_id, text_hash, asked in items.iter_rows()
        }
        stored = warehouse.sql(_STORED, [set_id, self.dimension])
        self.stored = {
            (rollout_id, rater): Said(score, tidy_note(note)) for rollout_id, rater, score, note in stored.iter_rows()
        }
        dealt = {rater for item in self.items.values() for rater in item.asked}
        self.raters = sorted({*json.loads(row["raters"]), *dealt})
        # A name is one rater however it is spelled; who was dealt something, and who rated before, chose the spelling.
        earlier = (rater for _, rater in self.stored)
        self._spelling: dict[str, str] = {_folded(name): name for name in (*earlier, *self.raters)}

    def rater(self, name: str) -> str:
        """Return a rater's name as it was first spelled."""
        return self._spelling.setdefault(_folded(name), name)


_ITEMS = """
    select
        item_id,
        any_value(rollout_id) as rollout_id,
        any_value(text_hash) as text_hash,
        coalesce(list(rater) filter (rater is not null), []) as asked
    from calibration_item
    left join calibration_assignment using (set_id, item_id)
    where set_id = ?
    group by item_id
"""
_STORED = """
    select rollout_id, rater, score, note
    from rating
    where rollout_id in (select rollout_id from calibration_item where set_id = ?) and dimension = ?
"""


class _Check:
    """Answers as they are checked, one after the other."""

    def __init__(self, warehouse: Warehouse, replace: bool) -> None:
        self._warehouse = warehouse
        self._replace = replace
        self._heads = {row["set_id"]: row for row in warehouse.view("calibration_set").sort("created_at").to_dicts()}
        self._sets: dict[str, _Set] = {}
        self._said: dict[tuple[str, str, str], tuple[Said, str]] = {}
        """What this input said before, and where."""
        self.rows: dict[tuple[str, str, str], tuple[Any, ...]] = {}
        """Ratings to write, in the order of the table's columns."""
        self.n_known = 0
        self.n_changed = 0
        self.refused: list[Refused] = []

    def take(self, answer: Answer, source: str) -> None:
        """Put an answer among the rows, or among what is known or refused."""
        reason = self._wrong(answer) or self._added(answer, source)
        if reason is not None:
            self.refused.append(Refused(answer.place, reason))

    def _set(self, set_id: str) -> _Set:
        if set_id not in self._sets:
            self._sets[set_id] = _Set(self._warehouse, set_id, self._heads[set_id])
        return self._sets[set_id]

    def _wrong(self, answer: Answer) -> str | None:
        """Return what is wrong with an answer in itself."""
        if answer.set_id not in self._heads:
            return f"there is no calibration set {answer.set_id!r}; sets: {', '.join(self._heads) or 'none'}"
        asked = self._set(answer.set_id)
        item = asked.items.get(answer.item_id)
        if item is None:
            return f"set {asked.set_id} has no item {answer.item_id!r}; leave the column of item ids as it was"
        name = tidy_name(answer.rater)
        if not name:
            return "no rater is named; fill in who rated, or add --rater NAME"
        if _folded(name) == EVERYBODY:
            return f"a rater cannot be named {name!r}: that means everybody together"
        rater = asked.rater(name)
        if asked.raters and rater not in asked.raters:
            return f"{rater!r} is no rater of set {asked.set_id}; its raters: {', '.join(asked.raters)}"
        if item.asked and rater not in item.asked:
            return f"item {answer.item_id} was not dealt to {rater}, but to {', '.join(sorted(item.asked))}"
        if answer.level is not None and answer.level not in range(asked.top + 1):
            said = answer.raw_value if answer.raw_value is not None else f"{answer.level:g}"
            levels = ", ".join(map(str, range(asked.top + 1)))
            return f"{said!r} is no level; levels: {levels}, or {CANNOT_ASSESS!r}"
        if answer.text_hash is not None and item.text_hash not in (None, answer.text_hash):
            return f"the text of item {answer.item_id} was edited; rate the text as it was exported"
        if answer.rubric_hash is not None and answer.rubric_hash != asked.rubric_hash:
            return f"it was rated by another rubric ({answer.rubric_hash}) than set {asked.set_id} asks for"
        return None

    def _added(self, answer: Answer, source: str) -> str | None:
        """Add an answer with nothing wrong in itself, unless the same rater says or said otherwise."""
        asked = self._set(answer.set_id)
        rater = asked.rater(tidy_name(answer.rater))
        rollout_id = asked.items[answer.item_id].rollout_id
        said = Said(None if answer.level is None else answer.level / asked.top, tidy_note(answer.note))
        key = (rollout_id, asked.dimension, rater)
        if key in self._said:
            earlier, place = self._said[key]
            if not earlier.is_same(said):
                return f"{rater} rates item {answer.item_id} twice and differently, first in {place}; keep one"
            self.n_known += 1
            return None
        stored = asked.stored.get((rollout_id, rater))
        if stored is not None and not stored.is_same(said) and not self._replace:
            return (
                f"{rater} said otherwise of item {answer.item_id} before ({_shown(stored, asked.top)}, now "
                f"{_shown(said, asked.top)}); add --replace to take the new word"
            )
        self._said[key] = (said, answer.place)
        if stored is not None and stored.is_same(said):
            self.n_known += 1
            return None
        self.n_changed += stored is not None
        rated_at = answer.rated_at
        self.rows[key] = (
            *key,
            said.score,
            storable(answer.raw_value) if answer.raw_value is not None else _level_text(answer.level),
            f"0..{asked.top}",
            rated_at.replace(tzinfo=UTC) if rated_at is not None and rated_at.tzinfo is None else rated_at,
            said.note,
            asked.set_id,
            asked.rubric_hash,
            storable(source),
        )
        return None


def tidy_note(note: str | None) -> str | None:
    """Return a remark as it is stored, None where nothing is said."""
    if note is None:
        return None
    return normalised(storable(note)) or None


def storable(text: str) -> str:
    """Return a text as the warehouse can hold it: without halves of surrogate pairs, and without NUL."""
    return text if text.isascii() and "\0" not in text else _replaced(text)


def _replaced(text: str) -> str:
    return text.encode(errors="replace").decode().replace("\0", "\ufffd")


@lru_cache(maxsize=1024)
def _folded(name: str) -> str:
    return tidy_name(name).casefold()


def _shown(said: Said, top: int) -> str:
    shown = _level_text(None if said.score is None else said.score * top)
    return f"{shown}, with the note {textwrap.shorten(said.note, 40)!r}" if said.note else shown


def _level_text(level: float | None) -> str:
    return CANNOT_ASSESS if level is None else f"{level:g}"
