"""What the rating page knows and does, without HTTP: who rates what, what was said, and keeping an answer."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.calibration.answers import tidy_note
from flows.calibration.journal import Entry, Journal
from flows.calibration.sheet import Item, RatingSheet
from flows.clock import now
from flows.errors import InputError
from warehouse import Warehouse

NOTE_CHARS = 4000
"""Characters of a remark, at most."""
SAID = """
    select
        calibration_item.item_id,
        rating.rater,
        rating.score * calibration_set.top as level,
        rating.note
    from calibration_item
    join rating using (rollout_id, dimension)
    join calibration_set on calibration_set.set_id = calibration_item.set_id
    where calibration_item.set_id = ?
"""


class BadAnswerError(ValueError):
    """An answer that cannot be taken; the text says why."""


class UnknownItemError(LookupError):
    """An item that is not one of the rater's."""


@dataclass(frozen=True)
class Said:
    """What a rater says of an item."""

    level: float | None
    """0..top; None: it cannot be assessed."""
    note: str

    def as_json(self) -> dict[str, Any]:
        level = self.level
        return {"level": int(level) if level is not None and level == int(level) else level, "note": self.note}


def said_before(warehouse: Warehouse, set_id: str) -> dict[str, dict[str, Said]]:
    """Return what the ratings of a warehouse say of a set: rater -> item -> answer."""
    found: dict[str, dict[str, Said]] = {}
    for item_id, rater, level, note in warehouse.sql(SAID, [set_id]).iter_rows():
        # level / top * top is off by a rounding error at most
        level = None if level is None else round(level, 6)
        found.setdefault(rater, {})[item_id] = Said(level, note or "")
    return found


class Desk:
    """The raters of a set, their items, and their answers. Safe to use from several threads."""

    def __init__(
        self,
        sheet: RatingSheet,
        journal: Journal,
        raters: Sequence[str] = (),
        before: Mapping[str, Mapping[str, Said]] | None = None,
    ) -> None:
        """Lay out a set.

        Args:
            sheet: the set.
            journal: where answers go; what stands in it was said before.
            raters: who rates; empty: all that the set was dealt out to.
            before: what the warehouse has: rater -> item -> answer. The journal is taken in before it is read, so
                that it is complete but for what was refused there.

        Raises:
            InputError: somebody has nothing to rate in this set.
        """
        self.sheet = sheet
        self.raters = tuple(dict.fromkeys(raters)) or sheet.raters
        for rater in self.raters:
            if not sheet.assigned.get(rater):
                known = ", ".join(sheet.raters) or "nobody"
                raise InputError(f"{rater!r} has nothing to rate in set {sheet.set_id}; it was dealt out to {known}")
        if not self.raters:
            raise InputError(f"set {sheet.set_id} was dealt out to nobody; draw one with `--rater NAME`")
        self._journal = journal
        self._turn = threading.Lock()
        self._items = {item.item_id: item for item in sheet.items}
        self._said: dict[str, dict[str, Said]] = {rater: dict((before or {}).get(rater, {})) for rater in self.raters}
        for (set_id, item_id, rater), line in journal.found.standing().items():
            said = self._said.get(rater)
            if set_id == sheet.set_id and said is not None and not line.entry.withdrawn:
                said.setdefault(item_id, Said(line.entry.level, line.entry.note or ""))

    def overview(self, rater: str) -> dict[str, Any]:
        """Return what the page shows throughout: the question, the rater's items in their order, the answers so far.

        It holds nothing that tells who made an output or what anybody else thinks of it.
        """
        rubric = self.sheet.rubric
        mine = self.sheet.assigned[rater]
        with self._turn:
            said = {item_id: self._said[rater][item_id].as_json() for item_id in mine if item_id in self._said[rater]}
        return {
            "rater": rater,
            "dimension": self.sheet.dimension.replace("_", " "),
            "question": rubric.question,
            "cannot_assess": rubric.cannot_assess,
            "levels": [
                {"level": level.level, "anchor": level.anchor, "example": level.example} for level in rubric.levels
            ],
            "items": list(mine),
            "answers": said,
            "note_chars": NOTE_CHARS,
        }

    def item(self, rater: str, item_id: str) -> dict[str, Any]:
        """Return the texts of one item.

        Raises:
            UnknownItemError: it is not one of the rater's.
        """
        item = self._item(rater, item_id)
        return {"request": item.request, "materials": list(item.materials.items()), "output": item.output}

    def answer(self, rater: str, item_id: str, given: Any) -> Said:
        """Keep an answer; when this returns it is on the disk.

        Args:
            rater: who.
            item_id: about what.
            given: `{"level": 0..top or null, "note": text}`, of whatever types.

        Raises:
            UnknownItemError: it is not one of the rater's.
            BadAnswerError: it is no answer to this question.
            AnswerNotSavedError: it could not be written.
        """
        item = self._item(rater, item_id)
        said = self._checked(given)
        with self._turn:
            self._keep(rater, item, said)
            self._said[rater][item_id] = said
        return said

    def withdraw(self, rater: str, item_id: str) -> None:
        """Let an answer count no more; where there is none nothing happens.

        Raises:
            UnknownItemError: it is not one of the rater's.
            AnswerNotSavedError: it could not be written.
        """
        item = self._item(rater, item_id)
        with self._turn:
            if item_id in self._said[rater]:
                self._keep(rater, item, None)
                del self._said[rater][item_id]

    def counts(self) -> dict[str, tuple[int, int]]:
        """Return for every rater how many items were answered, and of how many."""
        with self._turn:
            return {
                rater: (sum(item_id in self._said[rater] for item_id in mine), len(mine))
                for rater in self.raters
                for mine in [self.sheet.assigned[rater]]
            }

    def _item(self, rater: str, item_id: str) -> Item:
        if item_id not in self.sheet.assigned[rater] or item_id not in self._items:
            raise UnknownItemError(f"there is no item {item_id!r} among yours")
        return self._items[item_id]

    def _checked(self, given: Any) -> Said:
        if not isinstance(given, dict) or "level" not in given:
            raise BadAnswerError("an answer has a level, or null for what cannot be assessed")
        level, note, top = given["level"], given.get("note") or "", self.sheet.rubric.top
        if level is not None and (type(level) is not int or not 0 <= level <= top):
            raise BadAnswerError(f"the level is {level!r}; it is a whole number from 0 to {top}, or null")
        if not isinstance(note, str) or len(note) > NOTE_CHARS:
            raise BadAnswerError(f"the note is a text of at most {NOTE_CHARS:,} characters")
        return Said(level, tidy_note(note) or "")

    def _keep(self, rater: str, item: Item, said: Said | None) -> None:
        level = None if said is None or said.level is None else int(said.level)
        self._journal.add(
            Entry(
                set_id=self.sheet.set_id, item_id=item.item_id, rater=rater, level=level,
                note=(said.note or None) if said else None, at=now(), text_hash=item.text_hash,
                rubric_hash=self.sheet.rubric.rubric_hash, withdrawn=said is None,
            )
        )  # fmt: skip
