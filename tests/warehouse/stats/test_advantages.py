"""Advantages against the worked examples, independent arithmetic and their laws."""

from statistics import pstdev, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.stats.advantages import batch_advantages, dimension_advantages, group_advantages

REWARDS = st.lists(st.integers(0, 100).map(lambda value: value / 100), min_size=2, max_size=16)


@pytest.mark.parametrize(
    ("rewards", "population", "sample", "nothing"),
    [
        ([1, 0, 0, 1], [1, -1, -1, 1], [3**0.5 / 2, -(3**0.5) / 2, -(3**0.5) / 2, 3**0.5 / 2], [0.5, -0.5, -0.5, 0.5]),
        ([1, 1, 1, 1], None, None, [0, 0, 0, 0]),
        ([0, 0, 0, 0], None, None, [0, 0, 0, 0]),
        ([0.2, 0.4, 0.6, 0.8],
         [-1.3416407864998738, -0.44721359549995787, 0.44721359549995787, 1.341640786499874],
         [-1.161895003862225, -0.38729833462074165, 0.38729833462074165, 1.1618950038622253],
         [-0.3, -0.1, 0.1, 0.3]),
        ([1, 0, 0, 0, 0, 0, 0, 0], [2.6457513110645903] + [-0.3779644730092272] * 7,
         [2.4748737341529163] + [-0.35355339059327373] * 7, [0.875] + [-0.125] * 7),
    ],
)  # fmt: skip
def test_worked_groups(
    rewards: list[float], population: list[float] | None, sample: list[float] | None, nothing: list[float]
) -> None:
    """Shao et al. (2024): (r - mean) / std, by both divisors in use, and Liu et al. (2025) without any."""
    none = (None,) * len(rewards)

    assert group_advantages(rewards) == (none if population is None else pytest.approx(population, abs=1e-9))
    assert group_advantages(rewards, "sample") == (none if sample is None else pytest.approx(sample, abs=1e-9))
    assert group_advantages(rewards, "nothing") == pytest.approx(nothing, abs=1e-9)


def test_a_rare_success_is_paid_the_root_of_the_others() -> None:
    """One of 16: sqrt(15) = 3.87 (the statistics notes, 2.2)."""
    assert group_advantages([1.0] + [0.0] * 15)[0] == pytest.approx(15**0.5)


@given(REWARDS, st.sampled_from(["population", "sample", "nothing"]))
def test_they_add_up_to_0_and_do_not_see_a_shift(rewards: list[float], divide_by: str) -> None:
    """Also on another scale, where a standard deviation is divided by."""
    found = group_advantages(rewards, divide_by)
    if found[0] is None:
        assert len(set(rewards)) == 1
        assert divide_by != "nothing"
        return

    assert sum(found) == pytest.approx(0, abs=1e-9)
    moved = group_advantages([7 + 3 * value for value in rewards], divide_by)
    scale = 3 if divide_by == "nothing" else 1
    assert moved == pytest.approx([scale * value for value in found], abs=1e-6)
    if divide_by != "nothing":
        assert (pstdev if divide_by == "population" else stdev)(found) == pytest.approx(1)


def test_a_lost_rollout_has_none_and_moves_nobody() -> None:
    """Not a zero: the others are what they are without it."""
    assert group_advantages([1, None, 0]) == (1, None, -1)
    assert group_advantages([None, None]) == (None, None)
    assert group_advantages([]) == ()


@pytest.mark.parametrize("divide_by", ["population", "sample"])
def test_one_rollout_has_no_group(divide_by: str) -> None:
    """Neither has a group in which all but one were lost."""
    assert group_advantages([0.4], divide_by) == (None,)
    assert group_advantages([0.4, None], divide_by) == (None, None)
    assert group_advantages([0.4, None], "nothing") == (0.0, None)


def test_rounding_is_no_signal() -> None:
    """0.1 + 0.2 and 0.3 are one reward; a trainer would otherwise get unit advantages of it."""
    assert group_advantages([0.1 + 0.2, 0.3]) == (None, None)


def test_a_batch_is_scaled_as_one() -> None:
    """Rewards 1, 0 | .6, .4 | .5, .5: of the rewards the population sd is sqrt(.52 / 6), of what is centred also here.

    All means are .5, so both spreads are one: squares .25 .25 .01 .01 0 0 add up to .52.
    """
    sd = (0.52 / 6) ** 0.5
    expected = ((0.5 / sd, -0.5 / sd), (0.1 / sd, -0.1 / sd), (0.0, 0.0))

    assert batch_advantages([[1, 0], [0.6, 0.4], [0.5, 0.5]]) == batch_advantages(
        [[1, 0], [0.6, 0.4], [0.5, 0.5]], "centred"
    )
    for spread_of in ("rewards", "centred"):
        found = batch_advantages([[1, 0], [0.6, 0.4], [0.5, 0.5]], spread_of)
        assert [list(group) for group in found] == [pytest.approx(group) for group in expected]


def test_what_groups_differ_by_is_in_the_spread_of_rewards_only() -> None:
    """1, .8 | .2, 0: rewards have sd sqrt(.17), centred ones .1; a lost rollout is in neither."""
    groups = [[1, 0.8], [0.2, 0, None]]

    assert batch_advantages(groups, "rewards")[1] == (
        pytest.approx(0.1 / 0.17**0.5),
        pytest.approx(-0.1 / 0.17**0.5),
        None,
    )
    assert batch_advantages(groups, "centred")[0] == pytest.approx((1, -1))


def test_a_batch_without_any_spread_has_none() -> None:
    """Groups that differ among each other only teach nothing."""
    assert batch_advantages([[1, 1], [0, None]]) == ((None, None), (None, None))
    assert batch_advantages([]) == ()


def test_each_dimension_has_the_say_of_its_weight() -> None:
    """Facts .1 apart and style 1 apart count by 3 and 1 alike: .75 * (1, -1) + .25 * (-1, 1); format says nothing."""
    scores = {"facts": [0.6, 0.5], "style": [0.0, 1.0], "format": [1.0, 1.0]}
    found = dimension_advantages(scores, {"facts": 3, "style": 1, "format": 0})

    assert found == pytest.approx((0.5, -0.5))
    # The sum of the scores says the opposite: .45 against .625.
    assert group_advantages([0.75 * 0.6, 0.75 * 0.5 + 0.25])[0] == pytest.approx(-1)


def test_an_unknown_score_takes_the_rollout_out() -> None:
    """It gets None on the whole, and the means are those of the others."""
    scores = {"facts": [1.0, 0.0, 0.5], "style": [1.0, 0.0, None]}

    assert dimension_advantages(scores, {"facts": 1, "style": 1}) == (1, -1, None)
    assert dimension_advantages({"facts": [0.5, 0.5]}, {"facts": 1}) == (0, 0)
    assert dimension_advantages({"facts": [None]}, {"facts": 1}) == (None,)


@given(REWARDS)
def test_one_dimension_is_the_group_itself(rewards: list[float]) -> None:
    """With any weight; where nothing differs 0, as any dimension that does not."""
    expected = [value or 0.0 for value in group_advantages(rewards)]

    assert dimension_advantages({"all": rewards}, {"all": 0.2}) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("scores", "weights", "told"),
    [
        ({"a": [1.0]}, {"b": 1.0}, "different dimensions: a, b"),
        ({"a": [1.0], "b": [1.0, 0.0]}, {"a": 1.0, "b": 1.0}, "a 1, b 2"),
        ({"a": [1.0]}, {"a": 0.0}, "one above 0"),
        ({}, {}, "needs at least 1"),
    ],
)
def test_dimensions_that_do_not_fit_are_told(
    scores: dict[str, list[float | None]], weights: dict[str, float], told: str
) -> None:
    """Names, lengths, weights."""
    with pytest.raises(ValueError, match=told):
        dimension_advantages(scores, weights)


def test_unknown_ways_are_told() -> None:
    """With those that exist."""
    with pytest.raises(ValueError, match="unknown divisor 'std'; give 'population', 'sample' or 'nothing'"):
        group_advantages([1, 0], "std")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unknown spread"):
        batch_advantages([[1, 0]], "all")  # type: ignore[arg-type]
