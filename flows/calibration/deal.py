"""Dealing a sample out to raters: some items to all, the others so that loads and shared items are even.

The items that all rate link the raters; of the others every pair of raters shares as equal a number as possible, as in
a balanced incomplete block design, and no rater has more than one item more than another.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import floor
from random import Random

from flows.errors import InputError
from tasks_lib.seeds import stream

Pair = tuple[str, str]
MOST_SWAPS = 4_000
"""Tries of making shared items more even; a few hundred are enough wherever it can be done at all."""


@dataclass(frozen=True)
class Deal:
    """Who rates what."""

    raters_of: Mapping[str, tuple[str, ...]]
    """Item -> its raters, by name."""
    orders: Mapping[str, tuple[str, ...]]
    """Rater -> items in the order of rating, shuffled for each."""
    linking: frozenset[str]
    """Items that all rate."""


def check_raters(raters: Sequence[str], per_item: int, top: int | None, share_by_all: float) -> None:
    """Make sure that a sample can be dealt out so.

    Raises:
        InputError: names that repeat or are reserved, more ratings of an item than raters, or a share out of range.
    """
    if not 0 <= share_by_all <= 1:
        raise InputError(f"--share-by-all {share_by_all:g} is no share; give one from 0 to 1")
    for option, wanted in (("--raters-per-item", per_item), ("--raters-top", top)):
        if wanted is not None and wanted < 1:
            raise InputError(f"{option} {wanted}: an item needs a rater at least")
        if wanted is not None and raters and wanted > len(raters):
            raise InputError(f"{option} {wanted}, but there are {len(raters)} raters: {', '.join(raters)}")
    twice = [name for name, n in Counter(raters).items() if n > 1]
    if twice:
        raise InputError(f"rater {twice[0]!r} is named twice")
    if "all" in raters:
        raise InputError("no rater can be called 'all': progress is told under that name")


def deal(
    items: Sequence[str], wanted: Mapping[str, int], raters: Sequence[str], share_by_all: float, seed: int
) -> Deal:
    """Deal items out.

    Args:
        items: in an order in which neighbours are alike; what all rate, and what each rates, is spread over it.
        wanted: item -> ratings wanted, 1..number of raters.
        raters: names, two at least for anything to be shared.
        share_by_all: share of the items that all rate, 0..1; above 0 one at least.
        seed: everything random follows from it.
    """
    rng = stream(seed, "calibration", "deal")
    linking = _spread(items, share_by_all, rng)
    names = sorted(raters)
    dealt: dict[str, tuple[str, ...]] = {item: tuple(names) for item in items if item in linking}
    others = [item for item in items if item not in linking]
    loads = dict.fromkeys(names, 0)
    shared: Counter[Pair] = Counter()
    for item in others:
        dealt[item] = _lightest(wanted[item], loads, shared, rng)
        for rater in dealt[item]:
            loads[rater] += 1
        shared.update(combinations(dealt[item], 2))
    _even_out(dealt, others, shared, rng)
    orders = {}
    for rater in raters:
        own = [item for item in items if rater in dealt[item]]
        stream(seed, "calibration", "order", rater).shuffle(own)
        orders[rater] = tuple(own)
    return Deal(dealt, orders, linking)


def _spread(items: Sequence[str], share: float, rng: Random) -> frozenset[str]:
    n = min(len(items), max(1, round(share * len(items)))) if share > 0 else 0
    start = rng.random()
    return frozenset(items[floor((k + start) * len(items) / n)] for k in range(n))


def _lightest(n: int, loads: Mapping[str, int], shared: Counter[Pair], rng: Random) -> tuple[str, ...]:
    """Choose raters with the least to do, and of these such as share the least so far."""
    chosen: list[str] = []
    lots = {name: rng.random() for name in loads}
    for _ in range(n):
        left = [name for name in loads if name not in chosen]
        chosen.append(
            min(left, key=lambda name: (loads[name], sum(shared[_pair(name, one)] for one in chosen), lots[name]))
        )
    return tuple(sorted(chosen))


def _even_out(dealt: dict[str, tuple[str, ...]], items: Sequence[str], shared: Counter[Pair], rng: Random) -> None:
    """Let raters swap items, which leaves their loads as they are, where pairs then share more evenly."""
    pairs = list(combinations(sorted({rater for item in items for rater in dealt[item]}), 2))
    for _ in range(MOST_SWAPS if len(items) > 1 else 0):
        counts = [shared[pair] for pair in pairs]
        if not counts or max(counts) - min(counts) <= 1:
            return
        one, other = rng.sample(items, 2)
        mine = [name for name in dealt[one] if name not in dealt[other]]
        theirs = [name for name in dealt[other] if name not in dealt[one]]
        if not mine or not theirs:
            continue
        leaves, comes = rng.choice(mine), rng.choice(theirs)
        new_one = tuple(sorted({*dealt[one], comes} - {leaves}))
        new_other = tuple(sorted({*dealt[other], leaves} - {comes}))
        change: Counter[Pair] = Counter()
        for before in (dealt[one], dealt[other]):
            change.subtract(combinations(before, 2))
        for after in (new_one, new_other):
            change.update(combinations(after, 2))
        if sum((shared[pair] + by) ** 2 - shared[pair] ** 2 for pair, by in change.items()) <= 0:
            dealt[one], dealt[other] = new_one, new_other
            shared.update(change)


def _pair(one: str, other: str) -> Pair:
    return (one, other) if one < other else (other, one)
