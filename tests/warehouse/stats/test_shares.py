"""Intervals of shares, held against an independent library and published tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest
from statsmodels.stats.proportion import proportion_confint

from warehouse.stats.shares import clopper_pearson, wilson

COUNTED = st.integers(1, 2_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_what_statsmodels_says(counted: tuple[int, int]) -> None:
    """Both ends, for every count, and within 0..1."""
    low, high = wilson(*counted)
    expected = proportion_confint(*counted, alpha=0.05, method="wilson")

    assert (low, high) == pytest.approx(expected, abs=1e-9)
    assert 0 <= low <= counted[0] / counted[1] + 1e-12
    assert counted[0] / counted[1] - 1e-12 <= high <= 1


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_of_a_published_table(k: int, n: int, low: float, high: float) -> None:
    """Newcombe (1998), Statistics in Medicine 17:857, table I, method 3."""
    assert wilson(k, n) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize(("k", "low"), [(60, 0.957), (57, 0.881), (59, 0.929)])
def test_wilson_as_a_one_sided_bound(k: int, low: float) -> None:
    """Of 60; the statistics notes, 4.3: half the error of a 90 % interval is that of a one-sided 95 % bound."""
    assert wilson(k, 60, confidence=0.90)[0] == pytest.approx(low, abs=5e-4)


@given(COUNTED, st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_clopper_pearson_is_what_scipy_says(counted: tuple[int, int], confidence: float) -> None:
    """Each side for every count; in the middle the two-sided interval, too."""
    k, n = counted
    two, upper, lower = (
        binomtest(k, n, alternative=alternative).proportion_ci(confidence, method="exact")
        for alternative in ("two-sided", "less", "greater")
    )

    assert clopper_pearson(k, n, confidence, "upper") == pytest.approx(tuple(upper), abs=1e-9)
    assert clopper_pearson(k, n, confidence, "lower") == pytest.approx(tuple(lower), abs=1e-9)
    expected = upper if k == 0 else lower if k == n else two
    assert clopper_pearson(k, n, confidence) == pytest.approx(tuple(expected), abs=1e-9)


def test_nothing_found_is_the_rule_of_three() -> None:
    """0 of n: at most 1 - 0.05^(1/n); 0 of 16, 64, 256 leave 0.171, 0.046, 0.012, and 16 of 16 at least 0.829."""
    for n, upper in ((16, 0.171), (64, 0.046), (256, 0.012)):
        assert clopper_pearson(0, n) == pytest.approx((0.0, 1 - 0.05 ** (1 / n)))
        assert clopper_pearson(0, n)[1] == pytest.approx(upper, abs=5e-4)
    assert clopper_pearson(16, 16) == pytest.approx((0.829, 1.0), abs=5e-4)


@pytest.mark.parametrize(("claim", "n"), [(0.10, 29), (0.05, 59), (0.02, 149), (0.01, 299)])
def test_clean_instances_needed_for_a_claim(claim: float, n: int) -> None:
    """The statistics notes, 4.3: none in n proves the claim, none in n - 1 does not."""
    assert clopper_pearson(0, n, side="upper")[1] <= claim < clopper_pearson(0, n - 1, side="upper")[1]


@pytest.mark.parametrize("n", [5, 20, 60])
def test_exact_coverage(n: int) -> None:
    """Over all counts: one-sided never below 95 %; two-sided, the open side chosen after, never below 92.5."""
    shares = [i / 400 for i in range(1, 400)] + [clopper_pearson(0, n)[1] + 1e-9]
    for side, least in (("upper", 0.95), ("lower", 0.95), ("two", 0.925)):
        intervals = [clopper_pearson(k, n, side=side) for k in range(n + 1)]
        for share in shares:
            covered = sum(binom.pmf(k, n, share) for k, (low, high) in enumerate(intervals) if low <= share <= high)
            assert covered >= least - 1e-9, (side, share)


@pytest.mark.parametrize("counted", [(0, 0), (2, 1), (-1, 3)])
def test_what_is_no_share_has_no_interval(counted: tuple[int, int]) -> None:
    """No trials, or more successes than trials."""
    for interval in (wilson, clopper_pearson):
        with pytest.raises(ValueError, match="has no interval"):
            interval(*counted)


def test_wrong_confidence_and_side_are_told() -> None:
    """95 for 95 %, and a side that is none."""
    with pytest.raises(ValueError, match="a confidence of 95 is none"):
        wilson(1, 2, confidence=95)
    with pytest.raises(ValueError, match="unknown side 'both'"):
        clopper_pearson(1, 2, side="both")  # type: ignore[arg-type]
