"""What caps destroy, by the worked group, by comparing all pairs, and one cap at a time."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.stats.caps import leave_one_cap_out, pair_destruction
from warehouse.stats.dead_groups import dead_at

# The group of the statistics notes, 3: weights .35 .25 .2 .2, a cap of .3 where preservation (the first) is below .5.
DIMENSIONS = np.array(
    [[0.25, 1, 1, 1], [0.25, 0.5, 1, 0.5], [0.33, 0.8, 1, 1], [0.42, 1, 0.5, 0.8], [0.25, 1, 0.5, 1],
     [0.42, 0.5, 0.5, 0.5], [1, 1, 1, 1], [0.92, 0.5, 1, 1]]
)  # fmt: skip
BEFORE = DIMENSIONS @ np.array([0.35, 0.25, 0.2, 0.2])
FLAGS = [("lost_rows",) if row[0] < 0.5 else () for row in DIMENSIONS]
AFTER = np.where(DIMENSIONS[:, 0] < 0.5, np.minimum(BEFORE, 0.3), BEFORE)

CENTS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5)), min_size=1, max_size=9)


def test_worked_destruction() -> None:
    """27 pairs, 14 destroyed, none reversed - while the variance grew by 2.89."""
    found = pair_destruction(BEFORE, AFTER)

    assert (found.n_pairs, found.n_destroyed, found.n_reversed) == (27, 14, 0)
    assert found.destroyed_rate == pytest.approx(0.5185, abs=5e-5)
    assert AFTER.var(ddof=1) / BEFORE.var(ddof=1) == pytest.approx(2.89, abs=5e-3)


@given(CENTS)
def test_every_pair_is_compared(rows: list[tuple[int, int]]) -> None:
    """Against plain loops; differences of exactly .02 are none."""
    before, after = [row[0] / 100 for row in rows], [row[1] / 5 for row in rows]
    n_pairs = n_destroyed = n_reversed = 0
    for (u, x), (v, y) in combinations(rows, 2):
        if abs(u - v) > 2:
            n_pairs += 1
            n_destroyed += x == y
            n_reversed += (u - v) * (x - y) < 0

    found = pair_destruction(before, after)
    assert (found.n_pairs, found.n_destroyed, found.n_reversed) == (n_pairs, n_destroyed, n_reversed)
    assert found.destroyed_rate == (n_destroyed / n_pairs if n_pairs else None)


@given(CENTS)
def test_a_rewrite_that_keeps_order_destroys_nothing(rows: list[tuple[int, int]]) -> None:
    """Scaling does, as the scaled cap; turning round reverses everything."""
    before = [row[0] / 100 for row in rows]

    assert pair_destruction(before, [0.3 * value for value in before]).n_destroyed == 0
    turned = pair_destruction(before, [1 - value for value in before])
    assert turned.n_reversed == turned.n_pairs


def test_no_pairs_is_no_rate() -> None:
    """One rollout, or all within the meaningful difference."""
    assert pair_destruction([0.5], [0.3]).destroyed_rate is None
    assert pair_destruction([0.5, 0.51], [0.3, 0.3]).reversed_rate is None


def test_the_worked_cap_left_out() -> None:
    """Hard, it destroys 14 of 27 pairs, all of them its own; scaled, none: the order within the capped six stays."""
    (hard,) = leave_one_cap_out(BEFORE, FLAGS, {"lost_rows": 0.3}, "hard")
    assert (hard.n_triggered, hard.share_triggered, hard.ceiling) == (6, 0.75, 0.3)
    assert hard.pairs == pair_destruction(BEFORE, AFTER)
    assert hard.pairs_without.n_destroyed == 0
    assert hard.destroyed_by_cap == pytest.approx(14 / 27)
    assert hard.std_capped == pytest.approx(AFTER.std(ddof=1))
    assert hard.std_without == pytest.approx(BEFORE.std(ddof=1))
    assert hard.dead_share == pytest.approx(dead_at(AFTER, 4))
    assert hard.dead_share_without == pytest.approx(dead_at(BEFORE, 4))

    (scaled,) = leave_one_cap_out(BEFORE, FLAGS, {"lost_rows": 0.3})
    assert scaled.destroyed_by_cap == 0


def test_scaled_caps_multiply_and_hard_ones_take_the_lowest() -> None:
    """Rewards .8, .6, .4, .2 with flags ab, a, b, none and ceilings .5, .25: by hand, without a."""
    flags = [("a", "b"), ("a",), ("b", "b"), ()]
    found = {each.flag: each for each in leave_one_cap_out([0.8, 0.6, 0.4, 0.2], flags, {"a": 0.5, "b": 0.25, "c": 1})}

    # With all: .1, .3, .1, .2; without a: .2, .6, .1, .2; without b: .4, .3, .4, .2.
    assert found.keys() == {"a", "b"}
    assert found["a"].std_capped == pytest.approx(np.std([0.1, 0.3, 0.1, 0.2], ddof=1))
    assert found["a"].std_without == pytest.approx(np.std([0.2, 0.6, 0.1, 0.2], ddof=1))
    assert found["b"].std_without == pytest.approx(np.std([0.4, 0.3, 0.4, 0.2], ddof=1))
    assert found["b"].destroyed_by_cap == pytest.approx(1 / 6 - 1 / 6)

    # Hard: with all .25, .5, .25, .2; without a .25, .6, .25, .2; without b .5, .5, .4, .2.
    hard = {each.flag: each for each in leave_one_cap_out([0.8, 0.6, 0.4, 0.2], flags, {"a": 0.5, "b": 0.25}, "hard")}
    assert hard["a"].std_without == pytest.approx(np.std([0.25, 0.6, 0.25, 0.2], ddof=1))
    assert hard["b"].std_without == pytest.approx(np.std([0.5, 0.5, 0.4, 0.2], ddof=1))


def test_caps_that_always_come_together_hide_each_other() -> None:
    """Under a hard lid leaving either out changes nothing: the limit its docstring tells."""
    found = leave_one_cap_out([0.9, 0.7, 0.5], [("a", "b")] * 3, {"a": 0.3, "b": 0.3}, "hard")

    assert [each.destroyed_by_cap for each in found] == [0, 0]
    assert [each.pairs.destroyed_rate for each in found] == [1, 1]


def test_small_groups_have_no_dead_share() -> None:
    """Nor has one rollout a spread; without flags there is nothing to leave out."""
    (found,) = leave_one_cap_out([0.9], [("a",)], {"a": 0.3})
    assert (found.std_capped, found.dead_share, found.destroyed_by_cap) == (None, None, None)
    assert leave_one_cap_out([0.9, 0.1, 0.3], [("a",)] * 3, {"a": 0.3}, g=8)[0].dead_share is None
    assert leave_one_cap_out([0.9], [()], {"a": 0.3}) == ()


@pytest.mark.parametrize(
    ("flags", "ceilings", "mode", "told"),
    [
        ([("a",), ("b",)], {"a": 0.3}, "scaled", "no ceiling for b"),
        ([("a",)], {"a": 0.3}, "scaled", "uncapped 2, flags 1"),
        ([("a",), ()], {"a": 30}, "scaled", "not in 0..1"),
        ([("a",), ()], {"a": 0.3}, "soft", "unknown mode 'soft'"),
        (["a", ""], {"a": 0.3}, "scaled", "one collection of names per rollout"),
    ],
)
def test_caps_that_do_not_fit_are_told(
    flags: list[tuple[str]], ceilings: dict[str, float], mode: str, told: str
) -> None:
    """Flags without a ceiling, lengths, percentages, modes."""
    with pytest.raises(ValueError, match=told):
        leave_one_cap_out([0.5, 0.4], flags, ceilings, mode)  # type: ignore[arg-type]
