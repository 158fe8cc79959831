"""From verdicts to an interval: a judge narrows what code left open, and can do nothing else.

Every repeat that was asked for counts. One without a verdict is [0, 1], like everything that is not known: leaving it
out would let an output choose its verdicts by making the others fail. The members of a panel are not averaged either:
what they do not agree on is open.
"""

from collections.abc import Sequence

from graders.interval import Interval

ROUNDING = 1e-9
"""Ends closer than this are the same end; the warehouse counts likewise."""


def mean(repeats: Sequence[Interval]) -> Interval:
    """Return the mean of the ends: what one judge says, over all its repeats, one at least."""
    n = len(repeats)
    low, high = sum(repeat.low for repeat in repeats) / n, sum(repeat.high for repeat in repeats) / n
    return Interval(min(1.0, low), min(1.0, max(low, high)))


def hull(members: Sequence[Interval]) -> Interval:
    """Return the smallest interval that holds what every member of a panel says, one member at least."""
    low, high = min(member.low for member in members), max(member.high for member in members)
    # Two means of the same levels can differ in their last bit, which is no disagreement.
    return Interval(low, low if high - low < ROUNDING else high)


def narrowed(code: Interval, panel: Sequence[Sequence[Interval]]) -> Interval:
    """Return what is left open after code and judges, always within what code left open.

    Args:
        code: what code has proven.
        panel: for each judge, its repeats; empty: nobody was asked.
    """
    if not panel:
        return code
    return hull([mean(repeats) for repeats in panel]).within(code)
