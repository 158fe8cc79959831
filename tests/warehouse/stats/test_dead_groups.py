"""Dead groups against enumeration, the table of the statistics notes and simulation."""

from itertools import combinations
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom

from warehouse.stats.dead_groups import chance_of_signal, dead_at, expected_useful_share

CENTS = st.lists(st.integers(0, 12).map(lambda value: value / 100), min_size=1, max_size=9)


def test_worked_groups() -> None:
    """The statistics notes, 2.2: twelve zeros and four ones; values that touch at exactly the difference."""
    assert dead_at([0] * 12 + [1] * 4, 8) == pytest.approx(495 / 12870)
    assert dead_at([0.3, 0.3, 0.3, 0.31, 0.32, 0.3, 0.55, 0.8], 4, 0.02) == pytest.approx(15 / 70)


@given(CENTS, st.data())
def test_every_subset_is_counted(rewards: list[float], data: st.DataObject) -> None:
    """The closed form equals the enumeration; a rounding error does not split what is exactly apart."""
    g = data.draw(st.integers(1, len(rewards)))
    subsets = list(combinations(rewards, g))
    expected = sum(max(subset) - min(subset) <= 0.02 + 1e-12 for subset in subsets) / len(subsets)

    assert dead_at(rewards, g) == pytest.approx(expected)


@given(CENTS)
def test_it_falls_with_the_size_and_rises_with_the_difference(rewards: list[float]) -> None:
    """And does not see order, or a shift by whole cents."""
    by_size = [dead_at(rewards, g) for g in range(1, len(rewards) + 1)]
    assert by_size == sorted(by_size, reverse=True)
    assert by_size[0] == 1
    g = (len(rewards) + 1) // 2
    assert dead_at(rewards, g, 0.01) <= dead_at(rewards, g, 0.05)
    assert dead_at(rewards[::-1], g) == dead_at(rewards, g) == dead_at([value + 0.5 for value in rewards], g)


def test_it_is_unbiased_where_the_plug_in_is_not() -> None:
    """Success rate .2, 16 rollouts, groups of 8: true .168; the plug-in averages .242 (exact, over all counts)."""
    chances = [comb(16, k) * 0.2**k * 0.8 ** (16 - k) for k in range(17)]

    unbiased = sum(chance * dead_at([1] * k + [0] * (16 - k), 8) for k, chance in enumerate(chances))
    plugged = sum(chance * ((k / 16) ** 8 + (1 - k / 16) ** 8) for k, chance in enumerate(chances))
    assert unbiased == pytest.approx(0.2**8 + 0.8**8) == pytest.approx(0.168, abs=5e-4)
    assert plugged == pytest.approx(0.242, abs=5e-4)


@pytest.mark.parametrize(
    ("k", "n", "expected"),
    [(0, 16, 0.290), (1, 16, 0.651), (4, 16, 0.967), (0, 64, 0.105), (0, 256, 0.030)],
)
def test_worked_posteriors(k: int, n: int, expected: float) -> None:
    """The statistics notes, 2.2, groups of 16."""
    assert chance_of_signal(k, n, 16) == pytest.approx(expected, abs=6e-4)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 128), st.sampled_from([0.5, 1.0, 7.0]))
def test_the_posterior_is_the_beta_binomial_of_scipy(won: int, lost: int, g: int, a: float) -> None:
    """All of the next g succeed, or none; success and failure may change their names."""
    ahead = betabinom(g, a + won, 0.5 + lost)
    expected = max(0.0, 1 - ahead.pmf(0) - ahead.pmf(g))

    assert chance_of_signal(won, won + lost, g, a, 0.5) == pytest.approx(expected, abs=1e-8)
    assert chance_of_signal(lost, won + lost, g, 0.5, a) == pytest.approx(expected, abs=1e-8)


def test_without_data_the_prior_answers() -> None:
    """Under a uniform prior g + 1 counts are equally likely: (g - 1) / (g + 1) of them hold both. One alone: never."""
    assert chance_of_signal(0, 0, 16, 1, 1) == pytest.approx(15 / 17)
    assert chance_of_signal(3, 5, 1) == pytest.approx(0, abs=1e-12)


def test_useful_share_of_measured_groups() -> None:
    """Training groups of two: of [0, 0, 1, 1] four of six pairs differ, of [.5] * 4 none, the single is left out."""
    found = expected_useful_share([[0, 0, 1, 1], [0.5] * 4, [0.3]], 2, floor=0.1)

    assert (found.share, found.n_groups, found.n_measured, found.method) == (pytest.approx(1 / 3), 3, 2, "unbiased")


def test_useful_share_of_thin_groups_is_the_posterior_of_all() -> None:
    """One of three groups is large enough for 16: all are estimated alike; .12 is not above .1 by more than .02.

    Half of [.9, .1, .1, .1] is a pair, live in 3 of 6; the posterior of 1 in 4 is larger.
    """
    found = expected_useful_share([[0.12] * 16, [0.9, 0.1, 0.1, 0.1], [0.1]], 16, floor=0.1)

    expected = chance_of_signal(0, 16, 16) + chance_of_signal(1, 4, 16) + chance_of_signal(0, 1, 16)
    assert chance_of_signal(1, 4, 16) > 0.5
    assert (found.share, found.n_measured, found.method) == (pytest.approx(expected / 3), 1, "posterior")


def test_useful_share_sees_differences_that_the_posterior_does_not() -> None:
    """All eight succeed, far apart from each other: the four of any half differ."""
    found = expected_useful_share([[0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]], 16, floor=0.1)

    assert chance_of_signal(8, 8, 16) < 0.5
    assert (found.share, found.method) == (1, "posterior")


def test_groups_that_cannot_be_drawn_are_told() -> None:
    """More than there are, none at all, one alone."""
    with pytest.raises(ValueError, match="groups of 3 from 2 rewards"):
        dead_at([0, 1], 3)
    with pytest.raises(ValueError, match="a difference of -1"):
        dead_at([0, 1], 2, -1)
    with pytest.raises(ValueError, match="g must be 1 or more"):
        chance_of_signal(0, 1, 0)
    with pytest.raises(ValueError, match="not proper"):
        chance_of_signal(0, 1, 8, 0, 1)
    with pytest.raises(ValueError, match=r"give 0\.\.n successes"):
        chance_of_signal(2, 1, 8)
    with pytest.raises(ValueError, match="give 2 or more"):
        expected_useful_share([[0, 1]], 1, floor=0)
    with pytest.raises(ValueError, match="no groups"):
        expected_useful_share([], 2, floor=0)
