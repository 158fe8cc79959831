"""AUC, Somers' D and the span of policies against libraries, published examples and enumeration."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, somersd

from warehouse.stats.discrimination import auc, somers_d, span_discrimination

TENTHS = st.lists(st.integers(0, 10).map(lambda value: value / 10), min_size=1, max_size=8)


def test_auc_of_the_documented_example() -> None:
    """The example of scikit-learn's roc_auc_score: labels 0 0 1 1, scores .1 .4 .35 .8."""
    assert auc([0.1, 0.4], [0.35, 0.8]) == 0.75


@given(TENTHS, TENTHS)
def test_auc_compares_every_pair(weak: list[float], strong: list[float]) -> None:
    """A tie is half; exchanging the policies mirrors it; any rising rewrite leaves it."""
    wins = [1 if high > low else 0.5 if high == low else 0 for low, high in product(weak, strong)]

    assert auc(weak, strong) == pytest.approx(sum(wins) / len(wins))
    assert auc(strong, weak) == pytest.approx(1 - auc(weak, strong))
    assert auc([value**3 for value in weak], [value**3 for value in strong]) == auc(weak, strong)


def test_rounding_wins_no_comparison() -> None:
    """0.1 + 0.2 against 0.3 is a tie."""
    assert auc([0.3], [0.1 + 0.2]) == 0.5
    assert somers_d([0, 1], [0.1 + 0.2, 0.3]) == 0


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([1, 0.92, 0.83, 0.75, 0.67], 1),
        ([1, 0.9, 0.95, 0.7, 0.6], 0.8),
        ([1, 1, 1, 0.75, 0.5], 0.7),
        ([1, 1, 1, 1, 1], 0),
    ],
)
def test_worked_ladders(scores: list[float], expected: float) -> None:
    """The statistics notes, 4.3: doses 0 to 4."""
    assert somers_d([0, 1, 2, 3, 4], scores) == pytest.approx(expected)


def test_blind_doses_cost_where_tau_b_forgives_them() -> None:
    """1, 1, 1, .75, .5: tau-b says .837; and on a constant the library says nothing where this says 0."""
    assert -kendalltau([0, 1, 2, 3, 4], [1, 1, 1, 0.75, 0.5]).statistic == pytest.approx(0.837, abs=5e-4)
    with np.errstate(all="ignore"):
        assert not np.isfinite(somersd([0, 1, 2], [1, 1, 1]).statistic)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 10)), min_size=2, max_size=9))
def test_every_pair_of_different_dose_is_compared(rungs: list[tuple[int, int]]) -> None:
    """Falls less rises, over all of them; scores that run the other way turn the sign."""
    signs = [
        (heavy < light) - (heavy > light)
        for (dose, light), (higher, heavy) in product(rungs, rungs)
        if dose < higher
    ]  # fmt: skip
    doses, scores = [float(dose) for dose, _ in rungs], [score / 10 for _, score in rungs]

    found = somers_d(doses, scores)
    assert found == (pytest.approx(sum(signs) / len(signs)) if signs else None)
    if found is not None:
        assert somers_d(doses, [1 - score for score in scores]) == pytest.approx(-found)


def test_a_span_that_separates() -> None:
    """Strong earns .3 more on average: 20 instances, gaps of .2 and .4 in turn."""
    weak = {f"i{index}": [0.1, 0.3] for index in range(20)}
    strong = {f"i{index}": [0.3 + 0.2 * (index % 2), 0.5 + 0.2 * (index % 2)] for index in range(20)}
    found = span_discrimination(weak, strong | {"only-strong": [1.0]})

    # AUC of (.1, .3) against (.3, .5): 3.5 of 4; against (.5, .7): all.
    assert found.difference.estimate == pytest.approx(0.3)
    assert found.auc.estimate == pytest.approx((0.875 + 1) / 2)
    assert (found.status, found.n_unpaired) == ("separate", 1)
    assert found.auc.low is not None
    assert found.auc.low > 0.875


def test_a_span_that_is_upside_down_or_unknown() -> None:
    """Exchanged it is reversed; a difference around 0 does not separate; three instances say nothing."""
    rng = np.random.default_rng(1)
    weak = {f"i{index}": rng.uniform(size=4).tolist() for index in range(30)}
    same = {f"i{index}": rng.uniform(size=4).tolist() for index in range(30)}
    better = {name: [value + 0.5 for value in values] for name, values in same.items()}

    assert span_discrimination(better, weak).status == "reversed"
    assert span_discrimination(weak, same).status == "not_separate"
    few = span_discrimination({name: weak[name] for name in ("i1", "i2", "i3")}, better)
    assert (few.status, few.difference.reason) == ("unknown", "3 clusters; an interval needs 10")


def test_nothing_to_compare() -> None:
    """One dose is none; no shared instance and no rollouts are told."""
    assert somers_d([2, 2], [0.1, 0.9]) is None
    with pytest.raises(ValueError, match="no instance has rollouts of both"):
        span_discrimination({"a": [1.0]}, {"b": [1.0]})
    with pytest.raises(ValueError, match="strong: got 0 values"):
        auc([0.5], [])
    with pytest.raises(ValueError, match="doses 1, scores 2"):
        somers_d([1], [0.5, 0.4])
