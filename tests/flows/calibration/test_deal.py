"""Dealing out: everybody as much, every pair as much in common, some items for all."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.calibration.deal import Deal, check_raters, deal
from flows.errors import InputError


def dealt(n: int, n_raters: int, wanted: Sequence[int], share: float = 0.0, seed: int = 0) -> Deal:
    """Deal out n items, of which the k-th wants `wanted[k % len(wanted)]` ratings."""
    items = [f"item{at:03}" for at in range(n)]
    asked = {item: wanted[at % len(wanted)] for at, item in enumerate(items)}
    return deal(items, asked, [f"rater{at}" for at in range(n_raters)], share, seed)


def shared(found: Deal) -> list[int]:
    """Return how many items each pair of raters shares."""
    counts = Counter(pair for raters in found.raters_of.values() for pair in combinations(raters, 2))
    return [counts[pair] for pair in combinations(sorted(found.orders), 2)]


def test_three_raters_two_an_item_is_the_balanced_design() -> None:
    """30 items in pairs: 20 each, 10 shared by each of the three pairs."""
    found = dealt(30, 3, [2])

    assert {rater: len(items) for rater, items in found.orders.items()} == {"rater0": 20, "rater1": 20, "rater2": 20}
    assert shared(found) == [10, 10, 10]


def test_seven_raters_three_an_item_is_the_fano_plane_three_times() -> None:
    """21 items: 21 * 3 / 7 = 9 each, and 21 * 3 / 21 = 3 shared by each of the 21 pairs, give or take one."""
    found = dealt(21, 7, [3])

    assert {len(items) for items in found.orders.values()} == {9}
    assert set(shared(found)) <= {2, 3, 4}
    assert sum(shared(found)) == 63


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 60),
    n_raters=st.integers(1, 7),
    wanted=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    share=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    seed=st.integers(0, 5),
)
def test_laws(n: int, n_raters: int, wanted: list[int], share: float, seed: int) -> None:
    """Every item gets what it wants, of different people; loads differ by one at most; orders hold what was dealt."""
    wanted = [min(one, n_raters) for one in wanted]
    found = dealt(n, n_raters, wanted, share, seed)

    for at, (item, raters) in enumerate(sorted(found.raters_of.items())):
        assert len(set(raters)) == len(raters) == (n_raters if item in found.linking else wanted[at % len(wanted)])
    loads = [len(items) for items in found.orders.values()]
    assert max(loads) - min(loads) <= 1
    assert sorted((item, rater) for rater, items in found.orders.items() for item in items) == sorted(
        (item, rater) for item, raters in found.raters_of.items() for rater in raters
    )


@pytest.mark.parametrize(("n", "n_raters", "per_item"), [(150, 3, 2), (150, 5, 2), (100, 4, 2), (56, 5, 3), (40, 6, 2)])
def test_pairs_share_as_much(n: int, n_raters: int, per_item: int) -> None:
    """Where equal numbers of shared items are possible, no pair shares more than one more than another."""
    for seed in range(3):
        counts = shared(dealt(n, n_raters, [per_item], 0.1, seed))
        assert max(counts) - min(counts) <= 1


def test_items_for_all_are_spread_and_as_many_as_said() -> None:
    """A tenth of 50, one from each tenth of the items; of three, one; without a share none."""
    for seed in range(5):
        linking = sorted(int(item.removeprefix("item")) // 10 for item in dealt(50, 3, [2], 0.1, seed).linking)
        assert linking == [0, 1, 2, 3, 4]
    assert len(dealt(3, 3, [2], 0.1).linking) == 1
    assert dealt(50, 3, [2]).linking == frozenset()


def test_each_has_an_order_of_their_own() -> None:
    """The same items, in different orders, and the same orders for the same seed."""
    found = dealt(30, 2, [2])

    assert set(found.orders["rater0"]) == set(found.orders["rater1"])
    assert found.orders["rater0"] != found.orders["rater1"]
    assert found == dealt(30, 2, [2])
    assert found.orders != dealt(30, 2, [2], seed=1).orders


@pytest.mark.parametrize(
    ("raters", "per_item", "top", "share", "told"),
    [
        (["a", "b"], 3, None, 0.1, "--raters-per-item 3, but there are 2 raters: a, b"),
        (["a", "b"], 2, 3, 0.1, "--raters-top 3, but there are 2"),
        (["a", "b"], 0, None, 0.1, "an item needs a rater"),
        (["a", "b"], 2, None, 1.5, "--share-by-all 1.5 is no share"),
        (["a", "a"], 2, None, 0.1, "'a' is named twice"),
        (["all", "b"], 2, None, 0.1, "'all'"),
    ],
)
def test_what_cannot_be_dealt_is_told(
    raters: list[str], per_item: int, top: int | None, share: float, told: str
) -> None:
    """Before anything is drawn."""
    with pytest.raises(InputError, match=told):
        check_raters(raters, per_item, top, share)
