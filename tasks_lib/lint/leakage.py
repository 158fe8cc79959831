"""Leakage of the fix: how much of what the oracle has and the source has not is told elsewhere."""

from collections.abc import Iterator

from tasks_lib.lint.finding import Finding
from tasks_lib.lint.reading import GRAM, Place, Reading, grams

TOLD = 0.2
"""C_4 from which a text tells the fix. A judgement: a prompt that named one duplicated row measured .667, and what a
request has to name (columns, units) stays under a tenth."""
FEWEST_RUNS = 2
"""Runs that must be shared: where little is to be found, one stock phrase of four words would be a fifth of it."""
WITHIN_REACH = 0.5
"""C_4 from which a material is another copy of the oracle."""
LONG_RUN = 30
"""Words in a row: longer than a sentence. A finished text may quote evidence; a passage of it may not lie about."""


def containment(text: list[str], oracle: list[str], source: list[str], n: int = GRAM) -> float:
    """Return C_n = |grams(text) & (grams(oracle) - grams(source))| / |grams(oracle) - grams(source)|.

    The source is subtracted because a revision should quote what it revises. 0 where nothing is new.
    """
    new = grams(oracle, n) - grams(source, n)
    return len(grams(text, n) & new) / len(new) if new else 0.0


def root_cause(reading: Reading) -> Iterator[Finding]:
    """Find a prompt or a material that tells the fix: C_4 at `TOLD` or more (the leakage lint of the statistics).

    In the prompt an error. In a material a warning, since the evidence for a fix must stand somewhere; the finished
    wording of it should not.
    """
    for place in reading.places:
        if place is reading.worked_on:
            continue
        shared = place.grams & reading.new_grams
        if len(shared) < FEWEST_RUNS or len(shared) < TOLD * len(reading.new_grams):
            continue
        if place is not reading.prompt and is_copy(reading, place, shared):
            continue  # told by `within_reach`
        told = len(shared) / len(reading.new_grams)
        span = place.span_of_words(*_longest_run(place, shared))
        yield reading.finding(
            "root_cause", reading.severity(place), place, span,
            f"tells the fix: {told:.0%} of what only the finished output has (below {TOLD:.0%} is fine); leave it out",
        )  # fmt: skip


def within_reach(reading: Reading) -> Iterator[Finding]:
    """Find a material that is the finished output, or holds a long run or most of what is new in it."""
    if not reading.defects:
        return  # nothing to do: the source is the finished output
    for place in reading.materials:
        if place.text.strip() == reading.oracle.text.strip():
            span = (0, len(place.text))
        elif place is reading.worked_on or not is_copy(reading, place, shared := place.grams & reading.new_grams):
            continue
        else:
            span = place.span_of_words(*_longest_run(place, shared))
        yield reading.finding(
            "oracle_within_reach", "error", place, span,
            "holds the finished output, or a passage of it that the source has not; take the material out",
        )  # fmt: skip


def is_copy(reading: Reading, place: Place, shared: set[int]) -> bool:
    """Tell whether a text has so much of what is new in the oracle that it can only be another copy of it."""
    if len(shared) <= LONG_RUN - GRAM:
        return False
    first, last = _longest_run(place, shared)
    return last - first + 1 >= LONG_RUN or len(shared) >= WITHIN_REACH * len(reading.new_grams)


def _longest_run(place: Place, shared: set[int]) -> tuple[int, int]:
    """Return the first and last word of the longest stretch of a text that shared runs cover."""
    words = place.words
    best = start = length = 0
    longest = (0, min(GRAM, len(words)) - 1)
    for at in range(max(1, len(words) - GRAM + 1)):
        if hash(tuple(words[at : at + GRAM])) not in shared:
            length = 0
            continue
        start = start if length else at
        length += 1
        if length > best:
            best, longest = length, (start, min(at + GRAM, len(words)) - 1)
    return longest
