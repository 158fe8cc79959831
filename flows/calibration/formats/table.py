"""A rater's sheet as rows of cells, for spreadsheets: how they are laid out, and how they are read again.

The columns may come back in another order, some deleted, the rows sorted. Needed are the item and the level.
"""

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from flows.calibration.answers import Answer, Refused
from flows.calibration.bulk import keeping_all
from flows.calibration.formats.reading import ReadAnswers, UnreadableAnswersError, level_of, rater_of
from flows.calibration.formats.shown import (
    PARTS,
    Check,
    check_of,
    levels_text,
    place_of,
    rater_order,
    read_place,
    showable,
    shown,
)
from flows.calibration.sheet import RatingSheet

LEVEL, NOTE = "level", "note"
"""The columns that raters fill in."""
_BEFORE, _AFTER = ("item",), ("question", "levels", LEVEL, NOTE, "rater", "check")
_KNOWN = {*_BEFORE, *_AFTER, *PARTS, "set"}
_CELL = 16_000
"""Characters of a cell at most: spreadsheets hold 32,767 units of UTF-16, two for some characters."""
_PIECE = re.compile(r"(.+) \(([0-9]+)\)")


def laid_out(sheet: RatingSheet, rater: str | None) -> tuple[list[str], list[list[str]]]:
    """Return headings and rows; a long text goes on in further columns, `output (2)`, ...; nothing is cut off."""
    items = rater_order(sheet, rater)
    texts = [shown(item) for item in items]
    pieces = [{name: _pieces(text) for name, text in parts.items()} for parts in texts]
    widths = {name: max((len(row[name]) for row in pieces), default=1) for name in PARTS}
    headings = [*_BEFORE, *(heading for name in PARTS for heading in _headings(name, widths[name])), *_AFTER]
    about = [showable(sheet.rubric.question), levels_text(sheet), "", "", rater or ""]
    rows = [
        [
            place_of(sheet, item),
            *(cell for name in PARTS for cell in (*row[name], *[""] * (widths[name] - len(row[name])))),
            *about,
            check_of(sheet, item, parts),
        ]
        for item, parts, row in zip(items, texts, pieces, strict=True)
    ]
    return headings, rows


def _headings(name: str, width: int) -> list[str]:
    return [name, *(f"{name} ({place})" for place in range(2, width + 1))]


def _pieces(text: str) -> list[str]:
    """Cut a text for several cells, never beside white space: spreadsheets may drop it at the end of a cell."""
    pieces = []
    while len(text) > _CELL:
        inside_words = (at for at in range(_CELL, _CELL // 2, -1) if not re.search(r"\s", text[at - 1 : at + 1]))
        place = next(inside_words, _CELL)
        pieces.append(text[:place])
        text = text[place:]
    return [*pieces, text]


@keeping_all()
def read_rows(
    path: Path,
    headings: Sequence[Any],
    rows: Iterable[tuple[int, Sequence[Any]]],
    raters: Mapping[str, str],
    formulas: Mapping[tuple[int, int], str] | None = None,
) -> ReadAnswers:
    """Read the rows of a filled-in sheet.

    Args:
        path: where they are from.
        headings: of the columns.
        rows: number of each row as a spreadsheet counts them, and its cells.
        raters: as `Format.read` takes them.
        formulas: column and row, from 0 and 1 -> formula, of cells that hold one.

    Raises:
        UnreadableAnswersError: a column is missing or stands there twice.
    """
    places = _places(path, headings)
    found = ReadAnswers()
    columns = _Columns(places)
    for number, cells in rows:
        place = f"{path.name}, row {number}"
        if not any(map(_is_filled, cells)):
            continue
        cell = {name: _text(cells[at]) if at < len(cells) else "" for name, at in columns.single.items()}
        formula = (formulas or {}).get((columns.single[LEVEL], number))
        if formula is not None:
            found.refused.append(Refused(place, "the level is a formula; type the level itself"))
        elif not cell[LEVEL].strip():
            found.n_blank += 1
        else:
            found.add(_answer(place, cell, columns.texts(cells), raters))
    return found


class _Columns:
    """Where which column stands."""

    def __init__(self, places: Mapping[str, int]) -> None:
        read = {"item", "set", LEVEL, NOTE, "rater", "check"}
        self.single = {name: at for name, at in places.items() if name in read}
        self._parts: dict[str, list[int]] = {}
        for name in PARTS:
            if name in places:
                numbered = _numbered(name, places)
                self._parts[name] = [places[name], *(at for _, at in sorted(numbered))]

    def texts(self, cells: Sequence[Any]) -> dict[str, str]:
        """Return the texts of a row, part -> text, of the parts that are there."""
        return {
            name: "".join(_text(cells[at]) for at in places if at < len(cells)) for name, places in self._parts.items()
        }


def _numbered(name: str, places: Mapping[str, int]) -> Iterator[tuple[int, int]]:
    for heading, at in places.items():
        found = _PIECE.fullmatch(heading)
        if found and found[1] == name:
            yield int(found[2]), at


def _answer(
    place: str, cell: Mapping[str, str], texts: Mapping[str, str], raters: Mapping[str, str]
) -> Answer | Refused:
    # A file made by hand may have plain ids in two columns.
    item_id, set_id = read_place(cell["item"]) or (cell["item"].strip(), cell.get("set", "").strip())
    if not item_id or not set_id:
        return Refused(place, "the cell in column 'item' no longer says which item this is; copy it from the export")
    rater = rater_of(cell.get("rater", ""), raters, place)
    if isinstance(rater, Refused):
        return rater
    check = Check(cell.get("check", ""))
    if texts and not check.is_readable:
        return Refused(place, "the column 'check' does not say what the texts were; leave it as it was exported")
    if edited := check.edited(texts):
        return Refused(place, f"the text in column {edited!r} was edited; rate the text as it was exported")
    return Answer(
        set_id=set_id,
        item_id=item_id,
        rater=rater,
        level=level_of(cell[LEVEL]),
        note=cell.get(NOTE) or None,
        rated_at=None,
        place=place,
        text_hash=check.text_hash,
        rubric_hash=check.rubric_hash,
        raw_value=cell[LEVEL].strip(),
    )


def _places(path: Path, headings: Sequence[Any]) -> dict[str, int]:
    places: dict[str, int] = {}
    for at, heading in enumerate(headings):
        name = " ".join(_text(heading).split()).casefold()
        if name in places and (name in _KNOWN or _PIECE.fullmatch(name)):
            raise UnreadableAnswersError(f"{path}: there are two columns {name!r}; keep the one that was exported")
        places.setdefault(name, at)
    for name in ("item", LEVEL):
        if name not in places:
            there = ", ".join(repr(name) for name in places if name) or "none"
            raise UnreadableAnswersError(
                f"{path}: the column {name!r} is missing (columns: {there}); keep the columns that were exported"
            )
    return places


def _is_filled(value: Any) -> bool:
    return bool(_text(value).strip())


def _text(value: Any) -> str:
    """Return what a cell says; spreadsheets hold numbers as fractions."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else str(value)
