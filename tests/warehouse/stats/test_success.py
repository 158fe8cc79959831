"""pass@k and pass^k against the published examples and the enumeration of all subsets."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.stats.success import pass_at_k, pass_hat_k


@pytest.mark.parametrize(
    ("n", "c", "k", "expected"),
    [
        (200, 0, 1, 0.0), (200, 1, 1, 0.005), (200, 100, 1, 0.5), (200, 5, 10, 0.22828446073733422),
        (200, 20, 100, 0.9999996678312922), (10, 3, 5, 0.9166666666666666), (5, 2, 1, 0.4), (5, 2, 2, 0.7),
        (5, 5, 3, 1.0), (3, 1, 3, 1.0), (10, 10, 10, 1.0),
    ],
)  # fmt: skip
def test_pass_at_k_of_the_published_estimator(n: int, c: int, k: int, expected: float) -> None:
    """Chen et al. (2021), equation 1, by an independent implementation of their snippet."""
    assert pass_at_k(n, c, k) == pytest.approx(expected, abs=1e-9)


@given(st.integers(1, 9).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_both_count_every_subset(counted: tuple[int, int, int]) -> None:
    """With any success, and with nothing but success; of failures the one is what of successes the other is not."""
    n, c, k = counted
    subsets = list(combinations([True] * c + [False] * (n - c), k))

    assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, subsets)) / len(subsets))
    assert pass_hat_k(n, c, k) == pytest.approx(sum(map(all, subsets)) / len(subsets))
    assert pass_hat_k(n, n - c, k) == pytest.approx(1 - pass_at_k(n, c, k))


def test_pass_hat_k_by_hand() -> None:
    """Three of four succeed: of six pairs three are without the failure."""
    assert pass_hat_k(4, 3, 2) == 0.5


@pytest.mark.parametrize("counted", [(4, 5, 1), (4, -1, 1), (4, 2, 0), (4, 2, 5), (0, 0, 1)])
def test_counts_that_are_none_are_told(counted: tuple[int, int, int]) -> None:
    """More successes than attempts, or more attempts allowed than made."""
    for estimate in (pass_at_k, pass_hat_k):
        with pytest.raises(ValueError, match="attempts"):
            estimate(*counted)
