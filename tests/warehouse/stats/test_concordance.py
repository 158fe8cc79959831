"""A judge beside people: worked examples, independent libraries, and the jackknife by brute force."""

from collections.abc import Callable
from math import atanh

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.inter_rater import cohens_kappa

from warehouse.stats.concordance import bias, concordance, kendall, mae, spearman, weighted_kappa
from warehouse.stats.estimate import Estimate

FIGURES: tuple[Callable[..., Estimate], ...] = (spearman, kendall, weighted_kappa)

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 12)), min_size=2, max_size=40)


def of_table(*table: tuple[int, ...]) -> tuple[list[float], list[float]]:
    """Return the verdicts and ratings of a contingency table."""
    cells = [(x, y) for x, row in enumerate(table) for y, n in enumerate(row) for _ in range(n)]
    top = len(table) - 1
    return [x / top for x, _ in cells], [y / top for _, y in cells]


def test_spearman_of_a_published_example() -> None:
    """IQ and hours of television of ten people, -29 / 165 (Wikipedia, Spearman's rank correlation)."""
    iq = (106, 100, 86, 101, 99, 103, 97, 113, 112, 110)
    hours = (7, 27, 2, 50, 28, 29, 20, 12, 6, 17)
    assert spearman(iq, hours).value == pytest.approx(-29 / 165)


def test_kendall_of_a_published_example() -> None:
    """scipy's documentation: tau-b of five pairs with ties, -.4714."""
    assert kendall([12, 2, 1, 12, 2], [1, 4, 7, 1, 0]).value == pytest.approx(-0.47140452079103173)


@pytest.mark.parametrize(
    ("table", "kappa"),
    [
        (((7, 7, 2, 3), (2, 8, 3, 7), (1, 5, 4, 9), (2, 8, 9, 14)), 0.3320455862468611),  # Agresti (1990)
        (((20, 5), (10, 15)), 0.4),  # Wikipedia, Cohen's kappa; on two levels weights do not matter
        (((45, 15), (25, 15)), 0.13043478),
        (((25, 35), (5, 35)), 0.25925926),
    ],
)
def test_kappa_of_published_tables(table: tuple[tuple[int, ...], ...], kappa: float) -> None:
    """With levels named, and as the numbers are."""
    judge, human = of_table(*table)
    for levels in (len(table), None):
        assert weighted_kappa(judge, human, levels=levels).value == pytest.approx(kappa)


@settings(max_examples=60)
@given(PAIRS)
def test_figures_are_those_of_libraries(pairs: list[tuple[int, int]]) -> None:
    """scipy's and statsmodels', with ties of every kind; undefined is None with a reason."""
    judge, human = ([pair[0] / 4 for pair in pairs], [pair[1] / 12 for pair in pairs])
    varies = len(set(judge)) > 1 and len(set(human)) > 1
    for found, expected in (
        (spearman(judge, human), stats.spearmanr(judge, human).statistic if varies else None),
        (kendall(judge, human), stats.kendalltau(judge, human).statistic if varies else None),
    ):
        assert found.value == (pytest.approx(expected) if varies else None)
        assert varies or found.reason == "Either side does not vary."
    table = np.zeros((5, 5))
    for x, y in zip(judge, human, strict=True):
        table[int(x * 4 + 0.5), int(y * 4 + 0.5)] += 1
    kappa = weighted_kappa(judge, human)
    if np.count_nonzero(table.sum(axis=0) + table.sum(axis=1)) == 1:
        assert (kappa.value, kappa.reason) == (None, "All verdicts and ratings are one level.")
    else:
        assert kappa.value == pytest.approx(cohens_kappa(table, wt="quadratic", return_results=False))


@pytest.mark.parametrize("figure", FIGURES)
def test_the_interval_is_the_jackknifes(figure: Callable[..., Estimate]) -> None:
    """Each row left out in turn: (n - 1) / n sum (theta_i - mean)^2, on Fisher's scale, t with n - 1."""
    rng = np.random.default_rng(4)
    judge = rng.integers(0, 5, 40) / 4
    human = np.round(np.clip(judge + rng.normal(0, 0.25, 40), 0, 1) * 12) / 12
    kept = [np.arange(40) != at for at in range(40)]
    without = np.array([figure(judge[at], human[at]).value for at in kept], dtype=float)

    found = figure(judge, human)
    error = np.sqrt(39 / 40 * ((without - without.mean()) ** 2).sum())
    assert found.value is not None
    half = stats.t.ppf(0.975, 39) * error / (1 - found.value**2)
    assert (found.low, found.high) == pytest.approx(np.tanh([atanh(found.value) - half, atanh(found.value) + half]))


@pytest.mark.parametrize("figure", FIGURES)
def test_a_weight_is_that_many_rows(figure: Callable[..., Estimate]) -> None:
    """Whole weights give the figure of repeated rows; as one cluster, repeats are no evidence."""
    rng = np.random.default_rng(5)
    judge, human = rng.integers(0, 5, 60) / 4, rng.integers(0, 5, 60) / 4
    human[:30] = judge[:30]
    weights = rng.integers(1, 4, 60)
    weighted = figure(judge, human, weights)
    which = np.repeat(np.arange(60), weights)
    repeated = figure(judge[which], human[which], clusters=which)
    apart = figure(judge[which], human[which])

    assert weighted.value == pytest.approx(repeated.value)
    widths = [found.high - found.low for found in (weighted, repeated, apart)]  # type: ignore[operator]
    assert widths[1] == pytest.approx(widths[0], rel=0.05)
    assert widths[2] < 0.8 * widths[0]


@pytest.mark.parametrize("figure", FIGURES)
def test_figures_do_not_depend_on_the_order_of_rows(figure: Callable[..., Estimate]) -> None:
    """Rows shuffled; sides exchanged; both turned upside down."""
    rng = np.random.default_rng(6)
    judge, weights = rng.uniform(0, 1, 50), rng.uniform(0.5, 4, 50)
    human = np.clip(judge + rng.normal(0, 0.3, 50), 0, 1)
    order = rng.permutation(50)
    design = {"levels": None} if figure is weighted_kappa else {}
    found = figure(judge, human, weights, **design)
    for other in (
        figure(judge[order], human[order], weights[order], **design),
        figure(human, judge, weights, **design),
        figure(1 - judge, 1 - human, weights, **design),
    ):
        assert (other.value, other.low, other.high) == pytest.approx((found.value, found.low, found.high))


def test_bias_and_error() -> None:
    """Judge less human: .1, -.2 and .4 with weights 2, 1 and 1."""
    judge, human = [0.5, 0.3, 0.9], [0.4, 0.5, 0.5]
    assert bias(judge, human, [2, 1, 1]).value == pytest.approx(0.1)
    assert mae(judge, human, [2, 1, 1]).value == pytest.approx(0.2)
    together = concordance(judge, human, [2, 1, 1])
    assert together.bias == bias(judge, human, [2, 1, 1])
    assert together.weighted_kappa == weighted_kappa(judge, human, [2, 1, 1])


def test_without_an_interval_a_reason_is_given() -> None:
    """Nothing; too few; all agree; all but one alike; the whole frame seen."""
    levels = [at % 5 / 4 for at in range(20)]
    for figure in FIGURES:
        assert figure([], []).reason == "Nothing has both a verdict and a rating."
        assert figure([0, 0.5, 1], [0, 1, 0.5]).reason == "3 independent units; an interval needs 10."
        agree = figure(levels, levels)
        assert (agree.value, agree.low) == (pytest.approx(1), None)
        assert agree.reason == "Nothing disagrees: an interval would have no width."
        assert (
            "without it" in str(figure([0.5] * 19 + [1.0], [0.5] * 18 + [1.0, 0.5]).reason) or figure is weighted_kappa
        )
        everyone = figure(levels, levels[::-1], strata=["a"] * 20, sizes={"a": 20})
        assert everyone.low == everyone.value == everyone.high
    with pytest.raises(ValueError, match="1 levels are none"):
        weighted_kappa([0.1], [0.1], levels=1)
    with pytest.raises(ValueError, match="judge 2, human 1"):
        spearman([0.1, 0.2], [0.1])
