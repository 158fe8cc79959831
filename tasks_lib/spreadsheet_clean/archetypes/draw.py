"""Small draws that several archetypes share."""

import json
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from random import Random


@cache
def lexicon() -> dict[str, list[str]]:
    """Return the word lists, list name -> words."""
    loaded: dict[str, list[str]] = json.loads(
        (files("tasks_lib.spreadsheet_clean") / "lexicon.json").read_text(encoding="utf-8")
    )
    return loaded


def pick(rng: Random, words: str) -> str:
    """Draw one word of a list of the lexicon."""
    return rng.choice(lexicon()[words])


def comment(rng: Random, share: float = 0.25) -> str:
    """Draw a short remark for a share of the records, else nothing."""
    return pick(rng, "comments") if rng.random() < share else ""


def number(rng: Random, low: float, high: float, decimals: int) -> str:
    """Draw a number of a range, written with a fixed count of decimals."""
    return f"{rng.uniform(low, high):.{decimals}f}"


def whole(rng: Random, low: int, high: int) -> str:
    """Draw a whole number of a range, both ends included."""
    return str(rng.randint(low, high))


def maybe(rng: Random, value: str, blank: float) -> str:
    """Return the value, or nothing for a share `blank` of the draws."""
    return "" if rng.random() < blank else value


def day(rng: Random, year: int) -> str:
    """Draw a date of a year, written 2025-03-04."""
    return (date(year, 1, 1) + timedelta(days=rng.randrange(365))).isoformat()


def later(moment: str, **delta: float) -> str:
    """Return a datetime written 2025-03-04T10:00Z moved by a timedelta."""
    return (datetime.fromisoformat(moment.removesuffix("Z")) + timedelta(**delta)).strftime("%Y-%m-%dT%H:%MZ")
