"""Order: how much of a sequence is where it should be."""

from collections.abc import Sequence


def longest_rising(places: Sequence[int]) -> list[bool]:
    """Return, for each place, whether it belongs to one longest strictly rising run."""
    best: list[int] = []
    before: list[int] = []
    for at, place in enumerate(places):
        earlier = [k for k in range(at) if places[k] < place]
        last = max(earlier, key=lambda k: best[k], default=-1)
        before.append(last)
        best.append(best[last] + 1 if last >= 0 else 1)
    member = [False] * len(places)
    at = max(range(len(places)), key=lambda k: best[k], default=-1)
    while at >= 0:
        member[at] = True
        at = before[at]
    return member
