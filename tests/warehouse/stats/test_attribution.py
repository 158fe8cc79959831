"""Covariance shares against the worked group, plain arithmetic and their laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.stats.attribution import REMAINDER, covariance_shares

# The statistics notes, 3: eight rollouts, four dimensions, a cap of .3 where preservation is below .5.
WEIGHTS = {"preservation": 0.35, "unit": 0.25, "format": 0.2, "completeness": 0.2}
DIMENSIONS = np.array(
    [[0.25, 1, 1, 1], [0.25, 0.5, 1, 0.5], [0.33, 0.8, 1, 1], [0.42, 1, 0.5, 0.8], [0.25, 1, 0.5, 1],
     [0.42, 0.5, 0.5, 0.5], [1, 1, 1, 1], [0.92, 0.5, 1, 1]]
)  # fmt: skip
PARTS = {name: DIMENSIONS[:, column] * weight for column, (name, weight) in enumerate(WEIGHTS.items())}
BEFORE = sum(PARTS.values(), np.zeros(8))
AFTER = np.where(DIMENSIONS[:, 0] < 0.5, np.minimum(BEFORE, 0.3), BEFORE)


def test_worked_shares_with_the_cap() -> None:
    """Half of what differs is the cap; unit_consistency has a quarter of the weight and teaches nothing here."""
    found = covariance_shares(PARTS, AFTER, remainder="(cap)")

    assert found.shares == pytest.approx(
        {"preservation": 0.356, "unit": -0.004, "format": 0.079, "completeness": 0.063, "(cap)": 0.506}, abs=6e-4
    )


def test_worked_shares_before_the_cap() -> None:
    """Nothing remains."""
    found = covariance_shares(PARTS, BEFORE).shares

    assert found == pytest.approx(
        {"preservation": 0.481, "unit": 0.154, "format": 0.158, "completeness": 0.207, REMAINDER: 0}, abs=6e-4
    )


COLUMN = st.lists(st.integers(0, 20).map(lambda value: value / 20), min_size=6, max_size=6)


@given(COLUMN, COLUMN, COLUMN, st.sampled_from(["aaaaaa", "aaabbb", "abcabc", "aabbcd"]))
def test_they_add_up_to_1_and_pool_by_cross_products(
    one: list[float], two: list[float], total: list[float], groups: str
) -> None:
    """Whatever the parts, and however the rollouts are grouped; numpy's covariances say the same."""
    found = covariance_shares({"one": one, "two": two}, total, list(groups))
    if found.shares is None:
        assert all(len({value for value, g in zip(total, groups, strict=True) if g == group}) == 1 for group in groups)
        return

    assert sum(found.shares.values()) == pytest.approx(1)
    cross = squares = 0.0
    for group in sorted(set(groups)):
        rows = [row for row, g in enumerate(groups) if g == group]
        if len(rows) > 1:
            covariance = np.cov(np.array(one)[rows], np.array(total)[rows], ddof=0) * len(rows)
            cross, squares = cross + covariance[0, 1], squares + covariance[1, 1]
    assert found.shares["one"] == pytest.approx(cross / squares)


def test_what_groups_differ_by_is_not_signal() -> None:
    """Part a differs between the groups only, part b within: all is b."""
    found = covariance_shares({"a": [0, 0, 0.5, 0.5], "b": [0, 0.2, 0, 0.2]}, [0, 0.2, 0.5, 0.7], ["x", "x", "y", "y"])

    assert found.shares == pytest.approx({"a": 0, "b": 1, REMAINDER: 0})
    assert found.n_groups == 2


def test_no_variance_has_no_shares() -> None:
    """Ties, or groups of one rollout."""
    tied = covariance_shares({"a": [0, 1]}, [0.5, 0.5])
    assert (tied.shares, tied.n_groups, tied.reason) == (None, 0, "the total does not vary within any group")
    assert covariance_shares({"a": [0, 1]}, [0, 1], ["x", "y"]).shares is None


def test_columns_that_do_not_fit_are_told() -> None:
    """Lengths and names."""
    with pytest.raises(ValueError, match="total 2, a 1"):
        covariance_shares({"a": [1.0]}, [0.0, 1.0])
    with pytest.raises(ValueError, match="total 2, groups 1"):
        covariance_shares({"a": [1.0, 0.0]}, [0.0, 1.0], ["x"])
    with pytest.raises(ValueError, match="a part is named"):
        covariance_shares({REMAINDER: [1.0]}, [0.0])
