"""The journal of the rating page: every answer on the disk before it is acknowledged, and from there into the ratings.

A warehouse lets one process in at a time, and raters work for hours; so the page writes here and leaves the warehouse
alone. One file a calibration set beside the warehouse, JSON lines, only ever appended to. What a kill or a power
failure leaves is every acknowledged answer, and at most a last line cut off that nobody was told was saved.

Taking in reads the journals and never changes them. The last answer of a rater to an item is what stands.
"""

import fcntl
import json
import os
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from flows.calibration.answers import Answer, Refused, TakenIn, ratings_changed, take_in, tidy_note
from flows.errors import InputError
from flows.places import journal_folder
from tasks_lib.records import canonical_json
from warehouse import Warehouse
from warehouse.location import Location

SOURCE = "rating page"
"""What ratings from here have in their column `source`."""
RATED = """
    select
        calibration_item.set_id,
        calibration_item.item_id,
        rating.rater,
        rating.score * calibration_set.top as level,
        rating.note,
        rating.rated_at,
        rating.set_id = calibration_item.set_id and rating.source = ? as from_here
    from calibration_item
    join rating using (rollout_id, dimension)
    join calibration_set on calibration_set.set_id = calibration_item.set_id
    where list_contains(?, calibration_item.set_id)
"""
WITHDRAW = """
    delete from rating
    using calibration_item
    where calibration_item.rollout_id = rating.rollout_id and calibration_item.dimension = rating.dimension
        and calibration_item.set_id = rating.set_id and rating.source = ?
        and rating.set_id = ? and calibration_item.item_id = ? and rating.rater = ? and rating.rated_at <= ?
"""

Key = tuple[str, str, str]
"""Set, item, rater."""


class AnswerNotSavedError(Exception):
    """An answer that could not be written; nothing of it is left in the journal."""


@dataclass(frozen=True)
class Entry:
    """One line: what a rater said of an item, or that what was said does not count any more."""

    set_id: str
    item_id: str
    rater: str
    level: int | None
    """0..top; None: it cannot be assessed, or the answer was withdrawn."""
    note: str | None
    at: datetime
    text_hash: str
    rubric_hash: str
    withdrawn: bool = False

    @property
    def key(self) -> Key:
        return self.set_id, self.item_id, self.rater


@dataclass(frozen=True)
class Line:
    """An entry and where it stands."""

    entry: Entry
    path: Path
    number: int
    end: int
    """Bytes of the file up to its end."""

    @property
    def place(self) -> str:
        return f"{self.path}, line {self.number}"

    def answer(self) -> Answer:
        """Return it as the ratings take it."""
        entry = self.entry
        return Answer(
            set_id=entry.set_id, item_id=entry.item_id, rater=entry.rater, level=entry.level, note=entry.note,
            rated_at=entry.at, place=self.place, text_hash=entry.text_hash, rubric_hash=entry.rubric_hash,
            raw_value=None if entry.level is None else str(entry.level),
        )  # fmt: skip


@dataclass(frozen=True)
class Read:
    """What a journal holds."""

    lines: Sequence[Line]
    refused: Sequence[Refused]
    """Whole lines that cannot be read: somebody else wrote there."""
    end: int
    """Bytes up to the end of the last whole line."""

    def standing(self) -> dict[Key, Line]:
        """Return what stands: the last line of each rater about each item."""
        return {line.entry.key: line for line in self.lines}


def journal_path(db: Location, set_id: str) -> Path:
    """Return the journal of a calibration set."""
    return journal_folder(db) / f"{quote(set_id, safe='')}.jsonl"


def read_journal(path: Path) -> Read:
    """Read a journal, also while it is being written; a last line without an end is left out."""
    lines: list[Line] = []
    refused: list[Refused] = []
    end = 0
    with suppress(FileNotFoundError), path.open("rb") as file:
        for number, data in enumerate(file, start=1):
            if not data.endswith(b"\n"):
                break
            end += len(data)
            try:
                lines.append(Line(_entry(json.loads(data)), path, number, end))
            except (ValueError, KeyError, TypeError) as error:
                reason = str(error).splitlines()[0] if str(error) else type(error).__name__
                refused.append(Refused(f"{path}, line {number}", f"is no answer ({reason}); the line is left out"))
    return Read(lines, refused, end)


def _entry(fields: dict[str, Any]) -> Entry:
    entry = Entry(**{**fields, "at": datetime.fromisoformat(fields["at"])})
    texts = (entry.set_id, entry.item_id, entry.rater, entry.text_hash, entry.rubric_hash)
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a text is expected")
    if entry.at.tzinfo is None:
        raise ValueError("the time has no time zone")
    if entry.level is not None and type(entry.level) is not int:
        raise TypeError("the level is no whole number")
    return entry


class Journal:
    """The journal of one set, open for writing. One process has it; the lock ends with that process."""

    def __init__(self, path: Path) -> None:
        """Open a journal or begin one; a last line cut off by a kill, which was never acknowledged, is taken off.

        Raises:
            InputError: another process writes to it, or its place cannot be written to.
        """
        self.path = path
        self._turn = threading.Lock()
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror}); answers are kept there") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise InputError(
                f"{path}: another `assay calibrate rate` serves this set; all its raters share that one"
            ) from None
        self.found = read_journal(path)
        self._end = self.found.end
        os.ftruncate(self._file, self._end)
        os.fsync(self._file)
        _sync_folder(path.parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def add(self, entry: Entry) -> None:
        """Keep an entry: once this returns it is on the disk.

        Raises:
            AnswerNotSavedError: it could not be written; the journal is as it was.
        """
        fields = {**asdict(entry), "at": entry.at.isoformat()}
        data = canonical_json(fields).encode(errors="replace") + b"\n"
        with self._turn:
            try:
                written = os.write(self._file, data)
                if written < len(data):
                    raise OSError(0, "the disk took a part of it only")
                os.fsync(self._file)
            except OSError as error:
                with suppress(OSError):
                    os.ftruncate(self._file, self._end)
                raise AnswerNotSavedError(f"{self.path}: {error.strerror}") from error
            self._end += len(data)

    def close(self) -> None:
        """Close it and let others in; harmless when repeated."""
        with self._turn:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1


def take_in_journals(db: Location) -> TakenIn:
    """Turn what stands in the journals of a warehouse into ratings; again and again does no harm.

    An answer goes in when it is newer than the last taking in, or when the warehouse has no rating of that rater, or
    an older one from the page (somebody went back to a copy of the file). A rating that came from a file since the
    answer was taken in stays. What a rater withdrew is taken out again, where it came from the page.

    Raises:
        WarehouseError: the warehouse is in use or cannot be written; nothing was changed, the journals keep all.
    """
    read = {path: read_journal(path) for path in sorted(journal_folder(db).glob("*.jsonl"))}
    standing = {key: line for found in read.values() for key, line in found.standing().items()}
    unread = [refused for found in read.values() for refused in found.refused]
    if not standing:
        return TakenIn(0, 0, 0, unread)
    marks = {path: _mark(path) for path in read}
    rated = _rated(db, {set_id for set_id, _, _ in standing})
    given = [line for line in standing.values() if not line.entry.withdrawn]
    pending = [line for line in given if _is_pending(line, marks, rated)]
    taken = take_in(db, [line.answer() for line in pending], SOURCE, replace=True) if pending else TakenIn(0, 0, 0, ())
    _withdraw(db, [line.entry for line in standing.values() if line.entry.withdrawn], rated)
    for path, found in read.items():
        if marks[path] != found.end:
            _set_mark(path, found.end)
    n_known = taken.n_known + len(given) - len(pending)
    return TakenIn(taken.n_new, n_known, taken.n_changed, [*unread, *taken.refused])


def _is_pending(line: Line, marks: dict[Path, int], rated: "dict[Key, _Rated]") -> bool:
    rating = rated.get(line.entry.key)
    if rating is None or line.end > marks[line.path]:
        return True
    return rating.is_older(line.entry) and not rating.says(line.entry)


@dataclass(frozen=True)
class _Rated:
    level: float | None
    note: str | None
    at: datetime | None
    from_here: bool

    def says(self, entry: Entry) -> bool:
        """Tell whether it says the same."""
        level = None if self.level is None else round(self.level, 6)  # level / top * top
        return level == entry.level and self.note == tidy_note(entry.note)

    def is_older(self, entry: Entry) -> bool:
        """Tell whether it is what the page took in before this entry was made."""
        return self.from_here and self.at is not None and self.at < entry.at


def _rated(db: Location, sets: Iterable[str]) -> dict[Key, _Rated]:
    with Warehouse.open(db, read_only=True) as warehouse:
        rows = warehouse.sql(RATED, [SOURCE, sorted(sets)])
    return {
        (set_id, item_id, rater): _Rated(level, note, at, bool(from_here))
        for set_id, item_id, rater, level, note, at, from_here in rows.iter_rows()
    }


def _withdraw(db: Location, entries: Iterable[Entry], rated: dict[Key, _Rated]) -> None:
    """Take withdrawn answers out of the ratings, where they were taken in from the page."""
    found = [entry for entry in entries if (rating := rated.get(entry.key)) is not None and rating.is_older(entry)]
    if found:
        with Warehouse.open(db) as warehouse:
            for entry in found:
                warehouse.sql(WITHDRAW, [SOURCE, *entry.key, entry.at])
            ratings_changed(warehouse)


def _mark_path(path: Path) -> Path:
    return path.with_suffix(".taken")


def _mark(path: Path) -> int:
    """Return how many bytes of a journal were taken in; 0 where that is not known: taking in twice does no harm."""
    try:
        return int(_mark_path(path).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


def _set_mark(path: Path, end: int) -> None:
    mark = _mark_path(path)
    unfinished = mark.with_suffix(f".{os.getpid()}")
    unfinished.write_text(f"{end}\n", encoding="ascii")
    unfinished.replace(mark)


def _sync_folder(folder: Path) -> None:
    """Make sure that the name of a new file outlives a power failure, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
