"""Interval scores: ends in order, arithmetic monotone in both of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.interval import UNASSESSED, Interval, exactly, share, weighted_mean

UNIT = st.floats(0, 1)
INTERVALS = st.tuples(UNIT, UNIT).map(lambda ends: Interval(min(ends), max(ends)))
PARTS = st.lists(st.tuples(st.floats(0.01, 10), INTERVALS), min_size=1, max_size=6)


@pytest.mark.parametrize(("low", "high"), [(0.6, 0.5), (-0.1, 0.5), (0.5, 1.1), (float("nan"), 1.0), (0, float("nan"))])
def test_interval_refuses_ends_out_of_order_or_range(low: float, high: float) -> None:
    """Ends that are reversed, outside 0..1 or no number are an error that shows both."""
    with pytest.raises(ValueError, match="must satisfy 0 <= low <= high <= 1"):
        Interval(low, high)


def test_interval_state_says_what_is_known() -> None:
    """Meeting ends are assessed, [0, 1] is unassessed with mid 0.5, everything between is partial."""
    assert [Interval(*ends).state for ends in ((0.3, 0.3), (0, 1), (0, 0.9), (0.1, 1), (0, 0), (1, 1))] == [
        "assessed", "unassessed", "partial", "partial", "assessed", "assessed",
    ]  # fmt: skip
    assert UNASSESSED.mid == 0.5


@pytest.mark.parametrize(("part", "whole", "expected"), [(1, 4, 0.25), (0, 3, 0), (0, 0, 1), (5, 4, 1), (-1, 4, 0)])
def test_share_is_the_ratio_clipped_and_one_where_nothing_was_expected(
    part: float, whole: float, expected: float
) -> None:
    """1 of 4 is .25; nothing of nothing is complete; what lies outside 0..1 is clipped."""
    assert share(part, whole) == Interval(expected, expected)


@given(INTERVALS, INTERVALS)
def test_product_stays_in_order_and_below_both(one: Interval, other: Interval) -> None:
    """A product of shares is a share, commutes, and is at most either factor."""
    product = one * other

    assert product == other * one
    assert product.low <= product.high
    assert product.low <= min(one.low, other.low)
    assert product.high <= min(one.high, other.high)


@given(INTERVALS, UNIT)
def test_scaling_and_ceiling_keep_the_order_of_the_ends(one: Interval, factor: float) -> None:
    """Scaled and ceiled intervals are intervals, and neither end rises."""
    for changed in (one.scaled(factor), one.ceiled(factor)):
        assert changed.low <= changed.high <= one.high
        assert changed.low <= one.low
    assert one.ceiled(factor).high <= factor


@given(PARTS)
def test_weighted_mean_lies_between_its_parts(parts: list[tuple[float, Interval]]) -> None:
    """Each end of the mean lies between the least and the greatest of that end."""
    mean = weighted_mean(parts)

    for end in ("low", "high"):
        ends = [getattr(interval, end) for _, interval in parts]
        assert min(ends) - 1e-12 <= getattr(mean, end) <= max(ends) + 1e-12


@given(PARTS, st.data())
def test_weighted_mean_is_monotone_in_every_part(parts: list[tuple[float, Interval]], data: st.DataObject) -> None:
    """Raising one part at both ends lowers the mean at neither."""
    at = data.draw(st.integers(0, len(parts) - 1))
    weight, old = parts[at]
    low = data.draw(st.floats(old.low, 1))
    better = Interval(low, data.draw(st.floats(max(low, old.high), 1)))
    raised = weighted_mean([*parts[:at], (weight, better), *parts[at + 1 :]])

    assert raised.low >= weighted_mean(parts).low - 1e-12
    assert raised.high >= weighted_mean(parts).high - 1e-12


def test_weighted_mean_of_the_worked_example() -> None:
    """STATISTICS 0.4: a = 1 (.35), b = .8 (.25), the third unassessed (.40) lie between .55 and .95."""
    mean = weighted_mean([(0.35, exactly(1.0)), (0.25, exactly(0.8)), (0.40, UNASSESSED)])

    assert (mean.low, mean.high) == (pytest.approx(0.55), pytest.approx(0.95))


def test_weighted_mean_does_not_need_weights_that_sum_to_one() -> None:
    """Weights 3 and 1 weigh like .75 and .25."""
    assert weighted_mean([(3, exactly(1.0)), (1, exactly(0.0))]) == Interval(0.75, 0.75)


@pytest.mark.parametrize("parts", [[], [(0.0, exactly(1.0))]])
def test_weighted_mean_refuses_weights_without_sum(parts: list[tuple[float, Interval]]) -> None:
    """No parts, or only weightless ones, are an error."""
    with pytest.raises(ValueError, match="must sum to a positive number"):
        weighted_mean(parts)
