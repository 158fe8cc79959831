"""The texts of an item as every tool shows them, and how one tells that they came back as they left.

A tool may refuse a character, cut a long text or change line ends. So what was shown is hashed as it was shown, part by
part, and the hashes travel beside it: whoever leaves a column out loses nothing, and a text that was edited is found.
"""

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache

from flows.calibration.sheet import Item, RatingSheet, normalised
from tasks_lib.records import content_hash

PARTS = ("request", "materials", "output")
"""What a rater reads of an item, in this order."""
_UNSHOWABLE = {
    **{code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t\r"},
    0x7F: 0x2421,
    **dict.fromkeys([0xFFFE, 0xFFFF, *range(0xD800, 0xE000)], 0xFFFD),
}
"""What no spreadsheet can hold, and the signs that stand for it."""
_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_PLACE = re.compile(r"item (\S+) of (.+)", re.DOTALL)
_CHECK = re.compile(r"text (\S+) rubric (\S+) parts (\S+) (\S+) (\S+)")


def shown(item: Item) -> dict[str, str]:
    """Return the texts of an item, part -> text."""
    materials = "\n\n".join(f"[{name}]\n{text}" for name, text in item.materials.items())
    return {name: showable(text) for name, text in zip(PARTS, (item.request, materials, item.output), strict=True)}


def showable(text: str) -> str:
    """Return a text that every tool can hold: control characters as pictures of them, line ends as one."""
    # Spreadsheet files write a character as _x0041_; a space of no width keeps such a text from being read as one.
    return _ESCAPED.sub("_\N{ZERO WIDTH SPACE}", normalised(text.translate(_UNSHOWABLE)))


def place_of(sheet: RatingSheet, item: Item) -> str:
    """Return the cell that says which item of which set: words, since spreadsheets make numbers of digits."""
    return f"item {item.item_id} of {sheet.set_id}"


def read_place(cell: str) -> tuple[str, str] | None:
    """Return item and set that a cell names; None where it names none."""
    found = _PLACE.fullmatch(cell.strip())
    return (found[1], found[2].strip()) if found else None


def check_of(sheet: RatingSheet, item: Item, texts: Mapping[str, str]) -> str:
    """Return what proves that texts and rubric are those of the set."""
    return f"text {item.text_hash} rubric {sheet.rubric.rubric_hash} parts {' '.join(_digest(texts[p]) for p in PARTS)}"


class Check:
    """What a cell of the column `check` says."""

    def __init__(self, cell: str) -> None:
        found = _CHECK.fullmatch(cell) or _CHECK.fullmatch(" ".join(cell.split()))
        self.is_readable = found is not None
        self.text_hash: str | None = found[1] if found else None
        self.rubric_hash: str | None = found[2] if found else None
        self._parts = dict(zip(PARTS, found.groups()[2:], strict=True)) if found else {}

    def edited(self, texts: Mapping[str, str]) -> str | None:
        """Return the first part that is not as it was shown; parts that are left out are not looked at."""
        return next((name for name, text in texts.items() if self._parts.get(name) != _digest(text)), None)


def levels_text(sheet: RatingSheet) -> str:
    """Return the levels with their anchors, one a line, and when not to give one."""
    lines = [f"{level.level}: {' '.join(level.anchor.split())}" for level in sheet.rubric.levels]
    return showable("\n".join([*lines, f"cannot assess: {' '.join(sheet.rubric.cannot_assess.split())}"]))


def rater_order(sheet: RatingSheet, rater: str | None) -> list[Item]:
    """Return the items that a rater rates, in the rater's own order; without names all, in the order of their ids.

    A rater of a set that names nobody gets an order of one's own all the same.
    """
    by_id = {item.item_id: item for item in sheet.items}
    if rater is not None and rater in sheet.assigned:
        return [by_id[item_id] for item_id in sheet.assigned[rater] if item_id in by_id]
    return sorted(sheet.items, key=lambda item: content_hash("order", rater or "", item.item_id))


@lru_cache(maxsize=4096)
def _digest(text: str) -> str:
    # Rows of a sheet share their requests and materials; those of several raters all texts.
    return hashlib.blake2b(normalised(text).encode(errors="replace"), digest_size=4).hexdigest()
