"""Clustered errors and bootstrap intervals against independent libraries, and how often they cover the truth."""

from statistics import mean, stdev
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.api import OLS

from warehouse.stats.clusters import bootstrap_interval, clustered_interval, clustered_se
from warehouse.stats.interval import t_interval

SCORES = [1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 0, 1]
QUARTERS = [row // 3 for row in range(12)]


def test_worked_clustered_error() -> None:
    """The statistics notes, 0.5: mean .5833, clustered .1816, for few clusters .2097; taken as independent .1486."""
    found = clustered_se(SCORES, QUARTERS)

    assert found.mean == pytest.approx(0.5833, abs=5e-5)
    assert found.se == pytest.approx(0.1816, abs=5e-5)
    assert found.se_corrected == pytest.approx(0.2097, abs=5e-5)
    assert found.n_clusters == 4
    assert stdev(SCORES) / 12**0.5 == pytest.approx(0.1486, abs=5e-5)


@given(st.lists(st.tuples(st.integers(0, 100), st.sampled_from("abcdef")), min_size=3, max_size=40))
def test_it_is_the_cluster_error_of_a_regression_on_a_constant(rows: list[tuple[int, str]]) -> None:
    """Statsmodels, with and without its correction for few clusters, clusters of any size."""
    values, clusters = [value / 100 for value, _ in rows], [cluster for _, cluster in rows]
    found = clustered_se(values, clusters)
    if found.n_clusters == 1:
        assert (found.se, found.se_corrected) == (None, None)
        return

    codes = np.unique(clusters, return_inverse=True)[1]
    for error, is_corrected in ((found.se, False), (found.se_corrected, True)):
        kwds: dict[str, Any] = {"groups": codes, "use_correction": is_corrected}
        fitted = OLS(np.array(values), np.ones(len(values))).fit(cov_type="cluster", cov_kwds=kwds)
        assert error == pytest.approx(fitted.bse[0], abs=1e-9)


def test_single_values_are_clusters_of_one() -> None:
    """Then it is the plain t interval, and scipy's."""
    values = [0.1 * (row % 7) for row in range(25)]
    found = clustered_interval(values, list(range(25)))
    expected = stats.t.interval(0.95, 24, mean(values), stats.sem(values))

    assert (found.low, found.high) == pytest.approx(expected)
    assert (found.method, found.reason, found.n_clusters) == ("t", None, 25)
    plain = t_interval(values)
    assert (plain.low, plain.high) == pytest.approx(expected)


def test_repeating_rollouts_adds_no_certainty() -> None:
    """Each value four times: a naive interval halves, this one stays."""
    values = [0.1 * (row % 7) for row in range(25)]
    once = clustered_interval(values, list(range(25)))
    four = clustered_interval([value for value in values for _ in range(4)], [row // 4 for row in range(100)])

    assert (four.low, four.high) == pytest.approx((once.low, once.high))


@pytest.mark.parametrize(
    ("values", "clusters", "told"),
    [
        ([0.1 * row for row in range(9)], list(range(9)), "9 clusters; an interval needs 10"),
        ([0.5] * 12, list(range(12)), "no variation between clusters"),
        ([0.0, 1.0] * 6, ["one"] * 12, "1 clusters"),
        ([0.0, 1.0] * 12, [row // 2 for row in range(24)], "no variation between clusters"),
    ],
)
def test_no_claim_where_there_is_none(values: list[float], clusters: list[Any], told: str) -> None:
    """Few clusters, constants, one cluster, clusters all alike: the mean, no ends, and why."""
    found = clustered_interval(values, clusters)

    assert found.estimate == pytest.approx(mean(values))
    assert (found.low, found.high, found.method) == (None, None, None)
    assert found.reason is not None
    assert told in found.reason


def test_coverage_of_the_clustered_interval() -> None:
    """Of 600 simulated taskset means 95 % are covered, 20 instances of 4 rollouts, normal between and within.

    600 * .95 has a standard error of .0089; this fails by chance in about one of 15,000 seeds (beyond 4 of those).
    """
    rng = np.random.default_rng(11)
    n_covered = 0
    for _ in range(600):
        values = 0.5 + np.repeat(rng.normal(0, 0.2, 20), 4) + rng.normal(0, 0.1, 80)
        found = clustered_interval(values, np.repeat(np.arange(20), 4).tolist())
        assert found.low is not None
        assert found.high is not None
        n_covered += found.low <= 0.5 <= found.high

    assert n_covered / 600 == pytest.approx(0.95, abs=4 * 0.0089)


def test_the_bootstrap_is_that_of_scipy() -> None:
    """BCa with the same stream of random numbers, of a skewed column."""
    values = np.random.default_rng(3).exponential(size=30)
    expected = stats.bootstrap((values,), np.mean, n_resamples=2000, rng=np.random.default_rng(0)).confidence_interval
    found = bootstrap_interval(values)

    assert (found.low, found.high) == pytest.approx(tuple(expected))
    assert (found.estimate, found.method) == (pytest.approx(values.mean()), "bca")
    assert bootstrap_interval(values) == found != bootstrap_interval(values, seed=1)


def test_any_statistic_may_be_asked_for() -> None:
    """The share above one half, of 30 clusters."""
    values = np.linspace(0, 1, 30)
    found = bootstrap_interval(values, lambda column: float((column > 0.5).mean()), confidence=0.9)

    assert found.estimate == 0.5
    assert found.low is not None
    assert found.high is not None
    assert 0.3 < found.low < 0.5 < found.high < 0.7


def test_where_bca_does_not_exist_the_percentile_stands_in_and_says_so() -> None:
    """The median of two lumps: leaving any one out changes nothing, so there is no acceleration."""
    found = bootstrap_interval([0.0] * 10 + [1.0] * 12, lambda column: float(np.median(column)))

    assert (found.low, found.high, found.method) == (0, 1, "percentile")


def test_a_bootstrap_makes_no_claim_of_nothing() -> None:
    """No hits, few clusters, a statistic that never moves or is none: no [0, 0]."""
    assert bootstrap_interval([0.0] * 40).reason == (
        "no variation between clusters: the interval would have no width; for a share use clopper_pearson"
    )
    assert bootstrap_interval([0.0, 1.0, 0.5]).reason == "3 clusters; an interval needs 10"
    still = bootstrap_interval(np.linspace(0, 1, 20), lambda _: 0.25)
    assert (still.estimate, still.low, still.method) == (0.25, None, None)
    assert still.reason is not None
    undefined = bootstrap_interval(np.linspace(0, 1, 20), lambda _: float("nan"))
    assert (undefined.estimate, undefined.reason) == (None, "the statistic is undefined for these values")


def test_bad_input_is_told() -> None:
    """Lengths, confidences, draws, unknown values."""
    with pytest.raises(ValueError, match="values 2, clusters 1"):
        clustered_se([0, 1], ["a"])
    with pytest.raises(ValueError, match="a confidence of 95 is none"):
        clustered_interval([0.0] * 3, list("abc"), 95)
    with pytest.raises(ValueError, match="give 100 or more"):
        bootstrap_interval([0.0] * 12, n_draws=10)
    with pytest.raises(ValueError, match="no number at position 0"):
        clustered_se([None], ["a"])  # type: ignore[list-item]
