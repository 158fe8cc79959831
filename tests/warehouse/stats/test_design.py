"""Means and shares from a stratified sample: by hand, against simpler estimators, and laws."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from warehouse.stats.clusters import clustered_interval
from warehouse.stats.design import (
    StratumSample,
    domain_mean,
    effective_n,
    stratified_mean,
    weighted_mean,
    weighted_share,
)
from warehouse.stats.interval import t_interval
from warehouse.stats.shares import wilson

VALUES = st.lists(st.integers(0, 12).map(lambda level: level / 12), min_size=12, max_size=40)


def sample(*strata: tuple[int, list[float]]) -> list[StratumSample]:
    """Return strata of so many units with these values."""
    return [StratumSample(n_frame, np.array(values)) for n_frame, values in strata]


def test_hand_example_of_the_notes() -> None:
    """N = 6, 3, 1 and mean ratings .15, .45, .60: .6 * .15 + .3 * .45 + .1 * .6 = .285; the unweighted mean is .40."""
    found = stratified_mean(sample((6, [0.15]), (3, [0.45]), (1, [0.60])))

    assert found.value == pytest.approx(0.285)
    assert (found.low, found.n) == (None, 3)
    assert found.reason == "3 independent units; an interval needs 10."
    assert weighted_mean([0.15, 0.45, 0.60]).value == pytest.approx(0.40)


def test_two_strata_by_hand() -> None:
    """Values 0 and 1 six each of 60, and .2 and .4 three each of 30.

    s^2 = 12 * .25 / 11 = .272727 and 6 * .01 / 5 = .012. Variance (2/3)^2 * .8 * .272727 / 12 + (1/3)^2 * .8 * .012 / 6
    = .00808081 + .00017778 = .00825859. Degrees of freedom .00825859^2 / (.00808081^2 / 11 + .00017778^2 / 5) = 11.48.
    """
    found = stratified_mean(sample((60, [0, 1] * 6), (30, [0.2, 0.4] * 3)))

    half = stats.t.ppf(0.975, 0.00825859**2 / (0.00808081**2 / 11 + 0.00017778**2 / 5)) * 0.00825859**0.5
    assert found.value == pytest.approx(2 / 3 * 0.5 + 1 / 3 * 0.3)
    assert (found.low, found.high) == (
        pytest.approx(found.value - half, rel=1e-5),  # type: ignore[operator]
        pytest.approx(found.value + half, rel=1e-5),  # type: ignore[operator]
    )


@settings(max_examples=50)
@given(VALUES)
def test_one_stratum_is_students_interval(values: list[float]) -> None:
    """Without weights, strata or clusters it is the plain t interval; with clusters the clustered one."""
    plain, found = t_interval(values), weighted_mean(values)
    assert (found.value, found.low, found.high) == pytest.approx((plain.estimate, plain.low, plain.high))
    clusters = [at // 3 for at in range(len(values) * 3)]
    uneven = [value * (1 + at % 3) / 3 for at, value in enumerate(np.repeat(values, 3))]
    clustered, of_clusters = clustered_interval(uneven, clusters), weighted_mean(uneven, clusters=clusters)
    assert (of_clusters.low, of_clusters.high) == pytest.approx((clustered.low, clustered.high))


@settings(max_examples=50)
@given(VALUES, VALUES, st.integers(0, 200), st.integers(0, 200))
def test_weights_are_strata(first: list[float], second: list[float], more_1: int, more_2: int) -> None:
    """1 / probability with sizes says what the strata say, in any order of rows; wrong weights are scaled to sizes."""
    sizes = {"a": len(first) + more_1, "b": len(second) + more_2}
    by_strata = stratified_mean(sample((sizes["a"], first), (sizes["b"], second)))
    rows = [(value, "a", sizes["a"] / len(first)) for value in first]
    rows += [(value, "b", sizes["b"] / len(second)) for value in second]
    np.random.default_rng(1).shuffle(rows)  # type: ignore[arg-type]
    values, labels, weights = ([row[at] for row in rows] for at in range(3))

    for weight in (weights, None):
        found = weighted_mean(values, weight, strata=labels, sizes=sizes)  # type: ignore[arg-type]
        for end in ("value", "low", "high"):
            assert getattr(found, end) == pytest.approx(getattr(by_strata, end), abs=1e-9)


def test_the_whole_frame_is_certain() -> None:
    """Every unit seen: both ends are the mean, however few; one stratum seen adds nothing to the error."""
    found = stratified_mean(sample((2, [0.2, 0.4]), (1, [0.9])))
    assert (found.value, found.low, found.high, found.reason) == (pytest.approx(0.5), found.value, found.value, None)
    partly = stratified_mean(sample((2, [0.0, 1.0]), (100, [0.2, 0.4] * 6)))
    alone = stratified_mean(sample((100, [0.2, 0.4] * 6)))
    assert partly.high - partly.low == pytest.approx((alone.high - alone.low) * 100 / 102)  # type: ignore[operator]


def test_a_single_value_borrows_scatter() -> None:
    """A stratum of one value takes the variance of it and its neighbour before it together."""
    values = [0.2, 0.4] * 6
    found = stratified_mean(sample((100, values), (10, [0.9])))

    own, both = np.var(values, ddof=1), np.var([*values, 0.9], ddof=1)
    parts = (100 / 110) ** 2 * (1 - 12 / 100) * own / 12, (10 / 110) ** 2 * (1 - 1 / 10) * both
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / 11 + parts[1] ** 2 / 12)
    assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, freedom) * sum(parts) ** 0.5)  # type: ignore[operator]
    assert (
        weighted_mean([0.5], strata=["a"], sizes={"a": 9}).reason
        == "A single unit has a value: its scatter is not known."
    )


def test_strata_without_values() -> None:
    """Up to 5 % of the frame they are like a neighbour; beyond it there is a mean and no interval."""
    few = stratified_mean(sample((95, [0.2, 0.4] * 6), (5, [])))
    assert (few.value, few.reason) == (pytest.approx(0.3), None)
    many = stratified_mean(sample((50, [0.2, 0.4] * 6), (50, [])))
    assert (many.value, many.low) == (pytest.approx(0.3), None)
    assert many.reason is not None
    assert "50% of the frame" in many.reason
    assert stratified_mean(sample((50, []))).reason == "Nothing has a value."
    assert stratified_mean([]).value is None


def test_without_variation_there_is_no_interval() -> None:
    """Twelve alike say nothing of the scatter of a hundred."""
    found = stratified_mean(sample((100, [0.5] * 12)))
    assert (round(found.value or 0, 9), found.low, found.reason) == (
        0.5,
        None,
        "No variation: an interval would have no width.",
    )


def test_clusters_within_strata_widen() -> None:
    """Three rollouts of each of ten instances that say the same are ten values, not thirty."""
    values = np.repeat([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0], 3)
    clusters = np.repeat(np.arange(10), 3)
    apart = stratified_mean([StratumSample(3000, values)])
    together = stratified_mean([StratumSample(3000, values, clusters)])
    ten = stratified_mean([StratumSample(1000, values[::3])])
    width = [of.high - of.low for of in (apart, together, ten)]  # type: ignore[operator]
    assert width[0] < width[1] == pytest.approx(width[2])


def test_domains() -> None:
    """A domain that is everything is the mean; a small one has none; a third is the ratio."""
    values, strata = [0.2, 0.4, 0.9] * 20, ["a", "b", "b"] * 20
    sizes = {"a": 600, "b": 200}
    everything = domain_mean(values, None, strata, sizes, [True] * 60)
    assert everything == weighted_mean(values, None, strata=strata, sizes=sizes)
    small = domain_mean(values, None, strata, sizes, [True] * 19 + [False] * 41)
    assert (small.value, small.n, small.reason) == (None, 19, "19 have a value in this part; 20 are needed.")
    # 20 of stratum a at 30 each and 20 of b (those with .4) at 5 each.
    found = domain_mean(values, None, strata, sizes, [True, True, False] * 20)
    assert found.value == pytest.approx((600 * 0.2 + 100 * 0.4) / 700)
    assert found.low is not None


def test_effective_number() -> None:
    """Equal weights count in full; 3 and 1 as (4)^2 / 10."""
    assert effective_n([2, 2, 2]) == pytest.approx(3)
    assert effective_n([3, 1]) == pytest.approx(1.6)


@settings(max_examples=50)
@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.01, 100))
def test_a_plain_share_has_wilsons_interval(counted: tuple[int, int], weight: float) -> None:
    """Equal weights of any size: what the gate decided on stays what it is (29 of 30 reach .80, 28 do not)."""
    k, n = counted
    found = weighted_share([True] * k + [False] * (n - k), [weight] * n)
    assert found.value == pytest.approx(k / n)
    assert (found.low, found.high) == pytest.approx(wilson(k, n), abs=1e-9)


def test_what_weights_and_clusters_do_to_a_share() -> None:
    """All hits: weights count as their effective number; clusters as their number; all seen is certain."""
    unequal = weighted_share([True] * 40, [1.0, 3.0] * 20)
    # (20 + 60)^2 / (20 + 180) = 32; strata are one, so degrees of freedom are 39 as for equal weights.
    assert (unequal.low, unequal.high) == (pytest.approx(1 / (1 + 1.959964**2 / 32), abs=1e-6), 1.0)
    clustered = weighted_share([True] * 40, clusters=[at // 4 for at in range(40)])
    assert clustered.low is not None
    assert clustered.low < wilson(10, 10)[0]
    mixed = [at // 4 % 5 > 0 for at in range(40)]
    assert weighted_share(mixed, clusters=[at // 4 for at in range(40)]).low < wilson(32, 40)[0]  # type: ignore[operator]
    seen = weighted_share([True, False], strata=["a", "b"], sizes={"a": 1, "b": 1})
    assert (seen.value, seen.low, seen.high) == (0.5, 0.5, 0.5)
    assert weighted_share([]).reason == "Nothing has a value."


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from("abc"), st.floats(0.1, 50)), min_size=1, max_size=60),
    st.booleans(),
)
def test_a_share_always_has_ends_around_it(rows: list[tuple[bool, str, float]], has_sizes: bool) -> None:
    """Within 0..1, for any weights and strata."""
    hits, strata, weights = zip(*rows, strict=True)
    sizes = {name: strata.count(name) + 5 for name in sorted(set(strata))} if has_sizes else None
    found = weighted_share(hits, weights, strata=strata, sizes=sizes)
    assert found.low is not None
    assert found.high is not None
    assert found.value is not None
    assert -1e-12 <= found.low <= found.value + 1e-9
    assert found.value - 1e-9 <= found.high <= 1 + 1e-12


def test_wrong_input_is_told() -> None:
    """Weights of nothing, strata without a size, more rows than the frame has, columns of other lengths."""
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"weights": [1.0, 0.0]}, "a weight is not above 0"),
        ({"weights": [1.0]}, "weights 1, values 2"),
        ({"strata": ["a", "b"], "sizes": {"a": 5}}, "no size is given for stratum 'b'"),
        ({"strata": ["a", "a"], "sizes": {"a": 1}}, "stratum 'a' has 2 values, but 1 units"),
        ({"sizes": {"a": 1, "b": 2}}, "no stratum of the rows"),
        ({"clusters": [1]}, "different length"),
        ({"confidence": 95}, "a confidence of 95"),
    )
    for given_, told in cases:
        with pytest.raises(ValueError, match=told):
            weighted_mean([0.1, 0.2], **given_)
