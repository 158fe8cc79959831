"""Several tests at once: by hand, laws, and as an independent library has it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from warehouse.stats.multiple import holm


def test_holm_worked() -> None:
    """4 x .001, 3 x .012, 2 x .03, 1 x .2; by hand."""
    assert holm([0.001, 0.012, 0.03, 0.2]) == pytest.approx([0.004, 0.036, 0.06, 0.2])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
@settings(max_examples=15, deadline=None)
def test_holm_never_helps_and_keeps_the_order(p_values: list[float]) -> None:
    """Between p and m * p, at most 1, and the order stays."""
    found = holm(p_values)

    assert all(
        p <= q + 1e-12 and q <= min(1.0, len(p_values) * p) + 1e-12 for p, q in zip(p_values, found, strict=True)
    )
    by_p = [q for _, q in sorted(zip(p_values, found, strict=True))]
    assert by_p == sorted(by_p)


@given(st.lists(st.floats(0, 1) | st.sampled_from([0.0, 0.01, 0.02, 0.5, 1.0]), min_size=1, max_size=30))
@settings(max_examples=50, deadline=None)
def test_holm_is_that_of_statsmodels(p_values: list[float]) -> None:
    """The same values in the same places, ties among them."""
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1].tolist())
