"""Equivalence: worked numbers, the independent library, and what is refused."""

import numpy as np
import pytest
from statsmodels.stats.weightstats import ttost_paired

from warehouse.stats.equivalence import instances_to_decide, tost
from warehouse.stats.shares import clopper_pearson

DIFFERENCES = [
    0.02, -0.03, 0, 0.05, -0.04, 0.01, 0.03, -0.02, 0, 0.04,
    -0.05, 0.02, 0.01, -0.01, 0.03, -0.03, 0, 0.02, -0.02, 0.04,
]  # fmt: skip
"""Twenty differences whose equivalence within .05 an independent program worked out: p = 3.2295e-7."""


def test_tost_of_twenty_differences() -> None:
    """Mean .0035, sd .0285: the 90 % interval is -.0075 to .0145, and p is the published one."""
    found = tost(DIFFERENCES, 0.05)

    assert found.p == pytest.approx(3.2295e-7, abs=1e-10)
    assert (found.ci_low, found.ci_high) == pytest.approx((-0.0075, 0.0145), abs=5e-5)


@pytest.mark.parametrize("margin", [0.005, 0.01, 0.025, 0.05])
def test_tost_is_that_of_statsmodels(margin: float) -> None:
    """The same two tests by an independent library."""
    p, _, _ = ttost_paired(np.array(DIFFERENCES), np.zeros(20), -margin, margin)

    assert tost(DIFFERENCES, margin).p == pytest.approx(p, rel=1e-9)


def test_tost_interval_lies_within_the_margin_where_p_is_below_5_percent() -> None:
    """The two ways to say it agree, also right at the edge."""
    edge = tost(DIFFERENCES, 0.05).ci_high

    assert tost(DIFFERENCES, edge + 1e-6).p < 0.05 < tost(DIFFERENCES, edge - 1e-6).p


@pytest.mark.parametrize(("differences", "margin"), [([0.0] * 9, 0.05), ([0.1], 0.05), ([0.1, 0.2], 0.0)])
def test_tost_has_no_answer_without_variation_or_margin(differences: list[float], margin: float) -> None:
    """Differences that are all alike prove nothing by themselves."""
    with pytest.raises(ValueError, match=r"margin|vary"):
        tost(differences, margin)


@pytest.mark.parametrize(("sd", "n"), [(0.1, 35), (0.15, 78), (0.2, 138), (0.3, 309), (0.0, 0)])
def test_instances_to_decide_at_a_margin_of_5_hundredths(sd: float, n: int) -> None:
    """((1.6449 + 1.2816) * sd / .05)^2, rounded up: the published figures."""
    assert instances_to_decide(sd, 0.05) == n


def test_instances_to_decide_grows_with_the_square() -> None:
    """Half the margin takes four times the instances; no margin takes all there are."""
    assert instances_to_decide(0.2, 0.025) == 549
    with pytest.raises(ValueError, match="margin"):
        instances_to_decide(0.2, 0)


def test_bound_of_what_may_have_changed_unseen() -> None:
    """None of n: 1 - .05^(1/n), so .0722 of 40 and .0495 of 59; all of n: 1."""
    assert clopper_pearson(0, 40, side="upper")[1] == pytest.approx(0.0722, abs=5e-5)
    assert clopper_pearson(0, 58, side="upper")[1] > 0.05 > clopper_pearson(0, 59, side="upper")[1]
    assert clopper_pearson(7, 7, side="upper")[1] == 1.0
    # By scipy's binomtest: 1 of 40.
    assert clopper_pearson(1, 40, side="upper")[1] == pytest.approx(0.1132, abs=5e-5)
