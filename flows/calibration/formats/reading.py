"""What readers of all formats share: what a file held, levels as people and spreadsheets write them, failures."""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from flows.calibration.answers import CANNOT_ASSESS, Answer, Refused, tidy_name
from flows.errors import InputError

_WHOLE = re.compile(r"([+-]?[0-9]+)(?:[.,]0*)?")
_BROKEN = re.compile(r"([+-]?[0-9]*)[.,]([0-9]+)")


class UnreadableAnswersError(InputError):
    """A file of answers that cannot be used as a whole; the text says file, place and what to do."""


@dataclass
class ReadAnswers:
    """What a file held."""

    answers: list[Answer] = field(default_factory=list)
    n_blank: int = 0
    """Items without an answer so far."""
    refused: list[Refused] = field(default_factory=list)
    """What cannot be an answer."""

    def add(self, found: Answer | Refused) -> None:
        """Take what was found."""
        if isinstance(found, Refused):
            self.refused.append(found)
        else:
            self.answers.append(found)


def level_of(text: str) -> float | None:
    """Return the level that a text names; None: cannot assess; not-a-number: it names none.

    Spreadsheets turn 3 into `3.0` or, where the comma divides, `3,0`.
    """
    said = text.strip()
    if re.sub(r"[\s_-]+", " ", said).casefold() == CANNOT_ASSESS:
        return None
    if whole := _WHOLE.fullmatch(said):
        return float(whole[1])
    if broken := _BROKEN.fullmatch(said):
        return float(f"{broken[1]}.{broken[2]}")
    return math.nan


def rater_of(said: str, raters: Mapping[str, str], place: str) -> str | Refused:
    """Return who rated: as the file says, unless it is silent or another name was given for what it says."""
    name = tidy_name(said)
    if name in raters:
        return raters[name]
    named = raters.get("", "")
    if name and named and tidy_name(named).casefold() != name.casefold():
        return Refused(place, f"the file says that {name} rated this, --rater that {named} did; leave --rater out")
    return name or named


def read_bytes(path: Path) -> bytes:
    """Return what a file holds.

    Raises:
        UnreadableAnswersError: it cannot be read, or holds nothing.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableAnswersError(f"{path}: cannot be read ({error.strerror}); name a file of ratings") from None
    if not content.strip():
        raise UnreadableAnswersError(f"{path}: is empty; save the ratings again")
    return content


def read_json(path: Path) -> Any:
    """Return the value that a JSON file holds.

    Raises:
        UnreadableAnswersError: it is not JSON.
    """
    try:
        return json.loads(read_bytes(path).decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UnreadableAnswersError(f"{path}: is not JSON ({error}); export it again") from None


def records_of(value: Any, path: Path, what: str) -> Sequence[dict[str, Any]]:
    """Return a list of objects as such.

    Raises:
        UnreadableAnswersError: it is something else.
    """
    if not isinstance(value, list) or not all(isinstance(record, dict) for record in value):
        raise UnreadableAnswersError(f"{path}: expected {what}")
    return value


class Annotators:
    """Who is behind the accounts of a tool that people sign in to."""

    def __init__(self, seen: Iterable[tuple[str, str]], raters: Mapping[str, str]) -> None:
        """Take everybody first.

        Args:
            seen: rater that a task was made for, "" for nobody, and the account that answered it.
            raters: account -> rater, as `Format.read` takes them.
        """
        self._raters = raters
        self._accounts: dict[str, set[str]] = {}
        for rater, account in seen:
            if account not in raters:
                self._accounts.setdefault(tidy_name(rater), set()).add(account)

    def rater(self, dealt_to: str, account: str, place: str) -> str | Refused:
        """Return who rated a task that was made for a rater, "" for nobody."""
        if account in self._raters:
            return self._raters[account]
        accounts = sorted(self._accounts.get(tidy_name(dealt_to), ()))
        if len(accounts) > 1:
            whose = f"the tasks of {dealt_to}" if dealt_to else "these tasks"
            which = " ".join(f"--rater {name}=NAME" for name in accounts)
            return Refused(place, f"several accounts answered {whose}; say who they are: {which}")
        if dealt_to:
            return rater_of(dealt_to, self._raters, place)
        named = self._raters.get("", "")
        return named or Refused(place, f"nobody is named; say who rated: --rater {account}=NAME")


def time_of(text: Any) -> datetime | None:
    """Return the time that a text names, None where it names none."""
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
