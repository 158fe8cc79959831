"""Verdicts: what a judge answered, read strictly, with its quotes checked.

A verdict that cannot be relied on is none. `refused`, `truncated`, `malformed` and `off_scale` answers give no level;
`quote_not_found` and `canary_followed` give one that is void.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from graders.interval import UNASSESSED, Interval, exactly
from graders.judge.prompt import CANNOT_ASSESS
from graders.judge.quotes import Shown
from graders.judge.rubric import JudgeRubric
from tasks_lib.models.messages import Reply
from tasks_lib.records import ScoreState

Outcome = Literal[
    "level", "cannot_assess", "quote_not_found", "canary_followed", "refused", "truncated", "off_scale", "malformed"
]
VOID: frozenset[Outcome] = frozenset({"quote_not_found", "canary_followed"})
"""Outcomes of a verdict that was given and does not count."""
MOST_QUOTES = 40
_CUT_OFF = ("max_tokens", "model_context_window_exceeded")
_FIELDS = {"reasoning", "quotes", "level"}


@dataclass(frozen=True)
class Verdict:
    """What one call of a judge came to."""

    outcome: Outcome
    raw: str
    """The answer as it came."""
    detail: str = ""
    """What was wrong, for a person."""
    level: int | None = None
    value: float | None = None
    """The level as a score, 0..1; only where the verdict counts."""
    reasoning: str = ""
    quotes: tuple[str, ...] = ()
    unfound: tuple[str, ...] = ()
    """Quotes that stand nowhere in what was shown."""

    @property
    def interval(self) -> Interval:
        """What the verdict says: a point, or nothing."""
        return UNASSESSED if self.value is None else exactly(self.value)

    @property
    def state(self) -> ScoreState:
        """`error` where a verdict was given and is void, `unassessed` where there is none."""
        if self.outcome in VOID:
            return "error"
        return "unassessed" if self.value is None else "assessed"

    @property
    def reason(self) -> str:
        """A word that can be counted by, and what it was about."""
        if self.outcome == "level":
            return f"level {self.level}"
        return f"{self.outcome}: {self.detail}" if self.detail else self.outcome

    @property
    def quotes_verified(self) -> bool | None:
        """Whether every quote was found; None without quotes."""
        return not self.unfound if self.quotes else None


def read_verdict(reply: Reply, rubric: JudgeRubric, shown: Sequence[Shown], canary: str) -> Verdict:
    """Read the answer to a call; whatever it is, it becomes a verdict and never an exception.

    Args:
        reply: the answer.
        rubric: the scale it must keep to.
        shown: the texts in which a quote must stand.
        canary: the word that a judge writes who follows instructions in the data.
    """
    raw = reply.text
    if reply.stop_reason == "refusal":
        return Verdict("refused", raw)
    # Before anything else is believed: also what was cut off, or no JSON, may show who was obeyed.
    if canary in raw:
        return Verdict("canary_followed", raw, "it wrote the word that the data asked for")
    if reply.stop_reason in _CUT_OFF:
        return Verdict("truncated", raw, reply.stop_reason)
    fields = _fields(raw)
    if isinstance(fields, str):
        return Verdict("malformed", raw, fields)
    reasoning, quotes, level = fields["reasoning"], tuple(fields["quotes"]), fields["level"]
    if level == CANNOT_ASSESS:
        return Verdict("cannot_assess", raw, _shortened(reasoning), reasoning=reasoning, quotes=quotes)
    if type(level) is not int or not 0 <= level <= rubric.top:
        return Verdict("off_scale", raw, f"level {_shortened(repr(level))}", reasoning=reasoning, quotes=quotes)
    unfound = tuple(quote for quote in quotes if not any(text.holds(quote) for text in shown))
    if unfound or not quotes:
        told = f"{_shortened(unfound[0])!r}" if unfound else "no quote was given"
        return Verdict("quote_not_found", raw, told, level, None, reasoning, quotes, unfound)
    return Verdict("level", raw, "", level, rubric.value(level), reasoning, quotes)


def _fields(raw: str) -> dict[str, Any] | str:
    """Return the fields of an answer, or what is wrong with it."""
    try:
        fields = json.loads(_without_code_fence(raw), object_pairs_hook=_no_field_twice)
    except (ValueError, RecursionError) as error:
        return f"not one JSON object ({_shortened(str(error), 60)})"
    if not isinstance(fields, dict) or set(fields) != _FIELDS:
        return f"fields {sorted(fields) if isinstance(fields, dict) else type(fields).__name__}"[:120]
    quotes = fields["quotes"]
    if not isinstance(fields["reasoning"], str):
        return "the reasoning is no text"
    if not isinstance(quotes, list) or not all(isinstance(quote, str) for quote in quotes) or len(quotes) > MOST_QUOTES:
        return f"the quotes are no list of at most {MOST_QUOTES} texts"
    return fields


def _without_code_fence(raw: str) -> str:
    # A server of one's own may not hold its model to a schema; a fence around the object is no second answer.
    text = raw.strip()
    if text.startswith("```") and text.endswith("```") and "\n" in text:
        return text.partition("\n")[2].rpartition("```")[0]
    return text


def _no_field_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a field stands there twice")
    return found


def _shortened(text: str, most: int = 120) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."
