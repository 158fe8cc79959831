"""Intervals of shares, held against an independent library and a published table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from warehouse.stats.shares import wilson


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_what_statsmodels_says(counted: tuple[int, int]) -> None:
    """Both ends, for every count, and within 0..1."""
    low, high = wilson(*counted)
    expected = proportion_confint(*counted, alpha=0.05, method="wilson")

    assert (low, high) == pytest.approx(expected, abs=1e-9)
    assert 0 <= low <= counted[0] / counted[1] + 1e-12
    assert counted[0] / counted[1] - 1e-12 <= high <= 1


def test_wilson_of_a_textbook_example() -> None:
    """81 of 263: 0.2553 to 0.3662, Newcombe (1998), Statistics in Medicine 17, table I, method 3."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@pytest.mark.parametrize("counted", [(0, 0), (2, 1), (-1, 3)])
def test_what_is_no_share_has_no_interval(counted: tuple[int, int]) -> None:
    """No trials, or more successes than trials."""
    with pytest.raises(ValueError, match="has no interval"):
        wilson(*counted)
