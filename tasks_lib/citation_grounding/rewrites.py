"""Rewrites that change nothing that matters: other forms of markers, another wording, another setting."""

import re
from dataclasses import replace
from random import Random

from tasks_lib.citation_grounding.truth import BriefTruth

_MARKER = re.compile(r"\[S(\d+)((?::\d+)?)\]")


def _finished(truth: BriefTruth) -> str:
    return truth.written(truth.deliveries())


def letters(truth: BriefTruth, severity: int, rng: Random) -> str:
    """`[Source B]` for `[S2]`."""
    return _MARKER.sub(lambda match: f"[Source {_letter(match)}{match[2]}]", _finished(truth))


def round_brackets(truth: BriefTruth, severity: int, rng: Random) -> str:
    """`(Source B)` for `[S2]`."""
    return _MARKER.sub(lambda match: f"(Source {_letter(match)}{match[2]})", _finished(truth))


def _letter(match: re.Match[str]) -> str:
    return chr(ord("A") + int(match[1]) - 1)


def numbers(truth: BriefTruth, severity: int, rng: Random) -> str:
    """`[2]` for `[S2]`."""
    return _MARKER.sub(lambda match: f"[{match[1]}{match[2]}]", _finished(truth))


def behind_the_stop(truth: BriefTruth, severity: int, rng: Random) -> str:
    """The marker behind the full stop."""
    return re.sub(r" (\[[^\]]+\])\.", r". \1", _finished(truth))


def other_wording(truth: BriefTruth, severity: int, rng: Random) -> str | None:
    """Claims in their other wording."""
    items = [
        replace(truth.mended(claim), text=rng.choice(claim.wordings) if claim.wordings else claim.wanted)
        for claim in truth.claims
    ]
    return truth.written(items)


def bullets(truth: BriefTruth, severity: int, rng: Random) -> str:
    """Every claim on a line of its own, as a list."""
    return re.sub(r"(\[[^\]]+\]\.) ", r"\1\n- ", re.sub(r"(?m)^(?=[^#\n])", "- ", _finished(truth)))


def white_space(truth: BriefTruth, severity: int, rng: Random) -> str:
    """Add empty lines, spaces and another line ending."""
    return _finished(truth).replace("\n\n", "  \r\n\r\n\r\n").replace("]. ", "].  ")


def fenced(truth: BriefTruth, severity: int, rng: Random) -> str:
    """The text in a code fence, as chat models hand things over."""
    return f"```markdown\n{_finished(truth)}```\n"


def own_words(truth: BriefTruth, severity: int, rng: Random) -> str:
    """Open every second claim with words that add nothing and that no listed wording has."""
    items = truth.deliveries()
    return truth.written(
        [replace(item, text=f"In practice, {item.text}") if place % 2 else item for place, item in enumerate(items)]
    )
