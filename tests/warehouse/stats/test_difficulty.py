"""Shrunken logits by hand."""

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.stats.difficulty import Cell, shrunken_logits


def cell(instance: str, n: int, mean: float, policy: str = "sim/mid", family: str = "fam") -> Cell:
    """Return one cell."""
    return Cell(family, instance, policy, n, mean)


def test_worked_logits() -> None:
    """The statistics notes, 6.2: 0 of 8 is -2.83, 4 of 8 is 0; errors sqrt(1/.5 + 1/8.5) and sqrt(2/4.5)."""
    found = {each.cell.instance: each for each in shrunken_logits([cell("hard", 8, 0), cell("half", 8, 0.5)])}

    assert found["hard"].logit == pytest.approx(-2.83, abs=5e-3)
    assert found["half"].logit == 0
    assert found["hard"].logit_se == pytest.approx((1 / 0.5 + 1 / 8.5) ** 0.5)
    assert found["half"].logit_se == pytest.approx((2 / 4.5) ** 0.5)


def test_means_are_drawn_towards_those_of_the_same_policy() -> None:
    """1, 3, 5, 7 of 8 fit kappa 2.4673, mean .5 (test_priors): 1 of 8 becomes 2.23365 / 10.4673; others stay out."""
    mine = [cell(name, 8, won / 8) for name, won in zip("abcd", (1, 3, 5, 7), strict=True)]
    other = [cell(name, 8, 0.9, "sim/strong") for name in "abcd"]
    found = shrunken_logits(mine + other)

    assert found[0].shrunken_mean == pytest.approx(2.23365 / 10.4673, abs=1e-5)
    assert found[3].shrunken_mean == pytest.approx(1 - 2.23365 / 10.4673, abs=1e-5)
    assert found[0].shrunken_logit == pytest.approx(log(2.23365 / 8.23365), abs=1e-4)
    assert found[0].prior.reason is None
    # .9 of 8, four times alike: no over-dispersion, so Jeffreys: (7.2 + .5) / 9.
    assert found[4].shrunken_mean == pytest.approx(7.7 / 9)
    assert found[4].prior.reason == "groups differ no more than chance makes them"


def test_rewards_in_between_are_drawn_less() -> None:
    """The same means, a tenth of the variance: luck explains less of what they differ by."""
    binary = shrunken_logits([cell(name, 8, won / 8) for name, won in zip("abcd", (1, 3, 5, 7), strict=True)])
    graded = shrunken_logits(
        [Cell("fam", name, "sim/mid", 8, won / 8, 0.02) for name, won in zip("abcd", (1, 3, 5, 7), strict=True)]
    )

    assert 1 / 8 < graded[0].shrunken_mean < binary[0].shrunken_mean


@given(st.lists(st.tuples(st.integers(1, 32), st.floats(0, 1)), min_size=1, max_size=12))
def test_every_logit_is_finite_and_shrinking_stays_inside(cells: list[tuple[int, float]]) -> None:
    """All zeros, all ones, one rollout: log odds exist, and a shrunken mean is strictly between 0 and 1."""
    found = shrunken_logits([cell(f"i{index}", n, mean) for index, (n, mean) in enumerate(cells)])

    for each in found:
        assert 0 < each.shrunken_mean < 1
        assert abs(each.logit) < 5
        assert each.logit_se > 0
        low, high = sorted((each.cell.mean, each.prior.mean))
        assert low - 1e-9 <= each.shrunken_mean <= high + 1e-9


def test_more_rollouts_are_drawn_less() -> None:
    """Nought of 4 and nought of 64 among the same others."""
    found = shrunken_logits([cell("few", 4, 0), cell("many", 64, 0), cell("b", 16, 0.5), cell("c", 16, 0.9)])

    assert found[0].prior.reason is None
    assert found[1].shrunken_mean < found[0].shrunken_mean < 0.5


def test_bad_cells_are_told() -> None:
    """No rollouts, the same twice, percentages; nothing is nothing."""
    with pytest.raises(ValueError, match="a has 0 graded rollouts of sim/mid"):
        shrunken_logits([cell("a", 0, 0.5)])
    with pytest.raises(ValueError, match="two cells of one instance and policy"):
        shrunken_logits([cell("a", 8, 0.5), cell("a", 8, 0.5)])
    with pytest.raises(ValueError, match="is not in"):
        shrunken_logits([cell("a", 8, 55)])
    assert shrunken_logits([]) == ()
