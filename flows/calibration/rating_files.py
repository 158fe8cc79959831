"""Ratings of rollouts that were collected without a calibration set: a row per rollout, dimension and rater.

Columns: rollout_id, dimension, rater, and score (0..1) or level with scale (`0..4`, or `4` for its top); note, rated_at
and raw_value may be left out.
"""

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.calibration.answers import CANNOT_ASSESS, Refused, Said, TakenIn, ratings_changed, tidy_name, tidy_note
from flows.calibration.formats.reading import UnreadableAnswersError, level_of, read_bytes
from warehouse import Warehouse
from warehouse.location import Location

_NEEDED = ("rollout_id", "dimension", "rater")
_COLUMNS = (*_NEEDED, "score", "level", "scale", "note", "rated_at", "raw_value")
_SCALE = re.compile(r"(?:(-?[0-9]+)\s*(?:\.\.|:|-)\s*)?([0-9]+)")
_HINT = "expected rollout_id, dimension, rater, and score (0..1) or level and scale (0..4)"


def import_ratings(db: Location, path: Path, *, replace: bool = False) -> TakenIn:
    """Add the ratings of a file, CSV or JSON lines, in one transaction; wrong rows are refused, the rest kept.

    Args:
        db: warehouse.
        path: file.
        replace: let a rating take the place of a different one of the same rater.

    Raises:
        UnreadableAnswersError: the file cannot be read, or lacks a column; nothing was added.
        WarehouseError: the warehouse cannot be written; nothing was added.
    """
    rows = list(_rows(path))
    with Warehouse.open(db) as warehouse:
        known = _Known(warehouse, path.name, replace)
        for number, row in rows:
            known.take(f"{path.name}, row {number}", row)
        if known.rows:
            warehouse.merge_all({"rating": list(known.rows.values())}, latest=("rating",))
            ratings_changed(warehouse)
    return TakenIn(len(known.rows) - known.n_changed, known.n_known, known.n_changed, known.refused)


class _Known:
    """What the warehouse knows, and what of the file holds beside it."""

    def __init__(self, warehouse: Warehouse, source: str, replace: bool) -> None:
        families = "select rollout_id, instance.family from rollout left join instance using (instance_id)"
        self._family = dict(warehouse.sql(families).iter_rows())
        asked = "select family, dimension from score union select family, dimension from calibration_set"
        self._dimensions: dict[str, list[str]] = {}
        for family, dimension in warehouse.sql(f"{asked} order by all").iter_rows():
            self._dimensions.setdefault(family, []).append(dimension)
        stored = warehouse.sql("select rollout_id, dimension, rater, score, note from rating")
        self._stored = {tuple(key): Said(score, tidy_note(note)) for *key, score, note in stored.iter_rows()}
        self._spelling = {rater.casefold(): rater for rater in stored["rater"].unique()}
        self._source = source
        self._replace = replace
        self._said: dict[tuple[str, ...], str] = {}
        self.rows: dict[tuple[str, ...], dict[str, Any]] = {}
        self.n_known = 0
        self.n_changed = 0
        self.refused: list[Refused] = []

    def take(self, place: str, row: Mapping[str, Any]) -> None:
        """Put a row among the ratings, or among what is known or refused."""
        reason = self._wrong(row) or self._added(place, row)
        if reason is not None:
            self.refused.append(Refused(place, reason))

    def _wrong(self, row: Mapping[str, Any]) -> str | None:
        rollout_id, dimension = _text(row, "rollout_id"), _text(row, "dimension")
        if rollout_id not in self._family:
            return f"there is no rollout {rollout_id!r} in this warehouse"
        known = self._dimensions.get(self._family[rollout_id], [])
        if dimension not in known:
            return f"no dimension {dimension!r} is scored of that rollout; dimensions: {', '.join(known) or 'none'}"
        if not tidy_name(_text(row, "rater")):
            return "no rater is named; fill in who rated"
        if _text(row, "rated_at") and _time(_text(row, "rated_at")) is None:
            return f"rated_at is {_text(row, 'rated_at')!r}; write a time such as 2026-01-31T12:00:00Z"
        said = _score(row)
        return said if isinstance(said, str) else None

    def _added(self, place: str, row: Mapping[str, Any]) -> str | None:
        name = tidy_name(_text(row, "rater"))
        rater = self._spelling.setdefault(name.casefold(), name)
        key = (_text(row, "rollout_id"), _text(row, "dimension"), rater)
        score = _score(row)
        assert not isinstance(score, str)
        said = Said(score, tidy_note(_text(row, "note")))
        if key in self._said:
            first = self.rows.get(key)
            earlier = Said(first["score"], first["note"]) if first else self._stored[key]
            if not earlier.is_same(said):
                return f"{rater} rates {key[1]} of {key[0]} twice and differently, first in {self._said[key]}; keep one"
            self.n_known += 1
            return None
        stored = self._stored.get(key)
        if stored is not None and not stored.is_same(said) and not self._replace:
            return (
                f"{rater} said otherwise before (score {stored.score}, now {score}); add --replace to take the new word"
            )
        self._said[key] = place
        if stored is not None and stored.is_same(said):
            self.n_known += 1
            return None
        self.n_changed += stored is not None
        raw = _text(row, "raw_value") or _text(row, "level") or _text(row, "score") or CANNOT_ASSESS
        self.rows[key] = {
            "rollout_id": key[0], "dimension": key[1], "rater": rater, "score": score, "raw_value": raw,
            "scale": _text(row, "scale") or "0..1", "rated_at": _time(_text(row, "rated_at")), "note": said[1],
            "source": self._source,
        }  # fmt: skip
        return None


def _score(row: Mapping[str, Any]) -> float | str | None:
    """Return the score 0..1, None where the rater could not assess it, or what is wrong."""
    score, level = _text(row, "score"), _text(row, "level")
    if score and level:
        return "both a score and a level are given; give one of them"
    if not score and not level:
        # JSON can say that there is none; an empty cell may as well have been forgotten.
        is_said = any(name in row and row[name] is None for name in ("score", "level"))
        return None if is_said else f"there is no score; write a number, or {CANNOT_ASSESS!r}"
    value = _number(score or level)
    if value is None:
        return None
    low, top = 0, 1
    if level:
        scale = _SCALE.fullmatch(_text(row, "scale"))
        if scale is None or int(scale[1] or 0) >= int(scale[2]):
            return "a level needs its scale; write such as 0..4 into the column scale"
        low, top = int(scale[1] or 0), int(scale[2])
    if not low <= value <= top:  # also where it is no number at all
        return f"{score or level!r} is not within {low}..{top}"
    return (value - low) / (top - low)


def _number(text: str) -> float | None:
    """Return the number that a text names, not-a-number where it names none; None: cannot assess."""
    said = level_of(text)
    if said is None or not math.isnan(said):
        return said
    try:
        return float(text)
    except ValueError:
        return math.nan


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value).strip()


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield rows with their numbers: of a CSV file as a spreadsheet counts them, of JSON lines the line."""
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableAnswersError(f"{path}: is not UTF-8; save it as UTF-8") from None
    yield from _csv(path, text) if path.suffix.lower() in (".csv", ".tsv") else _json_lines(path, text)


def _csv(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    first = text.split("\n", 1)[0]
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    try:
        headings = [heading.strip().casefold() for heading in next(lines)]
        missing = [name for name in _NEEDED if name not in headings]
        if missing:
            raise UnreadableAnswersError(f"{path}: the column {missing[0]!r} is missing; {_HINT}")
        twice = [name for name in _COLUMNS if headings.count(name) > 1]
        if twice:
            raise UnreadableAnswersError(f"{path}: there are two columns {twice[0]!r}; keep one")
        for number, cells in enumerate(lines, start=2):
            if any(cell.strip() for cell in cells):
                yield number, dict(zip(headings, cells, strict=False))
    except csv.Error as error:
        raise UnreadableAnswersError(f"{path}: is not CSV ({error}); {_HINT}") from None


def _json_lines(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UnreadableAnswersError(f"{path}, row {number}: is not JSON ({error}); {_HINT}") from None
        if not isinstance(row, dict):
            raise UnreadableAnswersError(f"{path}, row {number}: is no object; {_HINT}")
        missing = [name for name in _NEEDED if name not in row]
        if missing:
            raise UnreadableAnswersError(f"{path}, row {number}: the field {missing[0]!r} is missing; {_HINT}")
        yield number, {name: math.nan if isinstance(value, bool) else value for name, value in row.items()}
