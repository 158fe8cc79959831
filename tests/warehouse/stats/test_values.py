"""What estimators refuse."""

from math import inf, nan

import numpy as np
import pytest

from warehouse.stats.values import finite, same_length, shares


@pytest.mark.parametrize("bad", [[0.1, None], [0.1, nan], [0.1, inf]])
def test_what_is_not_known_is_refused_not_skipped(bad: list[float]) -> None:
    """The place is told, so that it can be found."""
    with pytest.raises(ValueError, match="rewards: no number at position 1; leave out what was not graded"):
        finite(bad, "rewards")


@pytest.mark.parametrize(
    ("bad", "told"),
    [([], "needs at least 1"), (["a"], "must be numbers"), ([[1.0]], "one plain sequence"), (1.0, "got 0 axes")],
)
def test_what_is_no_column_is_told(bad: object, told: str) -> None:
    """Nothing, words, tables and single numbers."""
    with pytest.raises(ValueError, match=told):
        finite(bad, "rewards")  # type: ignore[arg-type]


def test_shares_are_within_0_and_1_but_for_rounding() -> None:
    """0.1 + 0.2 + 0.7 is no error; 1.5 and percentages are."""
    assert shares([1 + 1e-12, -1e-12], "rewards").tolist() == [1.0, 0.0]
    with pytest.raises(ValueError, match=r"rewards: .*55.* at position 1 is not in 0..1"):
        shares([0.5, 55], "rewards")


def test_columns_of_different_length_are_told() -> None:
    """With their lengths."""
    with pytest.raises(ValueError, match="values 2, clusters 1"):
        same_length(values=np.zeros(2), clusters=["a"])
