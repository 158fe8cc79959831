"""Expected calibration error: worked example, what it is of a calibrated judge, and its interval."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.stats.calibration_error import expected_calibration_error


def test_worked_example() -> None:
    """Ten confidences in ten bins of equal width: .4 x .2 + .4 x .25 + .2 x .05 = .19 (Guo et al. 2017)."""
    confidence = [0.95, 0.95, 0.95, 0.95, 0.75, 0.75, 0.75, 0.75, 0.55, 0.55]
    correct = [1, 1, 1, 0, 1, 0, 1, 0, 1, 0]
    found = expected_calibration_error(confidence, correct, bins=10, equal="width")

    assert found.ece == pytest.approx(0.19)
    assert [(bin_.low, bin_.n) for bin_ in found.bins] == [(0.5, 2), (0.7, 4), (0.9, 4)]
    assert (found.bins[1].judge, found.bins[1].human, found.bins[1].share) == pytest.approx((0.75, 0.5, 0.4))


def test_a_calibrated_judge_shows_the_null() -> None:
    """Sixty in five bins, scatter .2: .2 sqrt(2 / (12 pi)) = .046 on average (the notes, 7.4); 200 draws, 3 errors."""
    rng = np.random.default_rng(2)
    judge = rng.uniform(0, 1, (200, 60))
    found = [expected_calibration_error(row, row + rng.normal(0, 0.2, 60), bins=5, n_draws=50) for row in judge]
    eces, nulls = (np.array([getattr(one, name) for one in found], dtype=float) for name in ("ece", "null_ece"))
    assert eces.mean() == pytest.approx(0.046, abs=3 * eces.std() / 200**0.5)
    assert nulls.mean() == pytest.approx(0.046, abs=0.001)
    assert np.mean([one.low == 0 for one in found]) > 0.93
    assert all(one.high is not None and one.ece is not None and one.high >= one.ece for one in found)


def test_the_interval_of_a_judge_that_is_off() -> None:
    """.15 too high below, .15 too low above: 95 % intervals of 200 draws hold .15 in 91 to 99 %."""
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(200):
        human = rng.uniform(0.2, 0.8, 150)
        judge = np.where(human < 0.5, 0, 1) * 0.3 + human - 0.15
        found = expected_calibration_error(judge, human + rng.normal(0, 0.15, 150), bins=4, equal="width", n_draws=200)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.15 <= found.high
    assert 0.91 <= covered / 200 <= 0.99


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(1, 3)), min_size=1, max_size=50),
    st.integers(1, 12),
    st.sampled_from(["count", "width"]),
)
def test_laws(rows: list[tuple[int, int, int]], bins: int, equal: str) -> None:
    """At least |bias|, at most the mean error; a weight is that many rows; equal verdicts are never parted."""
    judge, human, weights = (np.array(column) for column in zip(*rows, strict=True))
    judge, human = judge / 20, human / 20
    found = expected_calibration_error(judge, human, weights, bins, equal, n_draws=20)  # type: ignore[arg-type]
    assert found.ece is not None
    assert abs(np.average(judge - human, weights=weights)) - 1e-9 <= found.ece
    assert found.ece <= np.average(abs(judge - human), weights=weights) + 1e-9
    assert sum(bin_.share for bin_ in found.bins) == pytest.approx(1)
    assert sum(bin_.n for bin_ in found.bins) == len(rows)
    assert all(left.high <= right.low for left, right in zip(found.bins, found.bins[1:], strict=False))
    if len(rows) // 2 >= bins or equal == "width":
        which = np.repeat(np.arange(len(rows)), weights)
        repeated = expected_calibration_error(judge[which], human[which], None, bins, equal, n_draws=20)  # type: ignore[arg-type]
        assert repeated.ece == pytest.approx(found.ece)


def test_clusters_and_strata_change_the_interval_only() -> None:
    """Rows that repeat each other widen it; a frame seen whole has its error for certain."""
    rng = np.random.default_rng(4)
    judge = rng.uniform(0, 1, 40)
    human = np.clip(judge - 0.2 + rng.normal(0, 0.1, 40), 0, 1)
    which = np.repeat(np.arange(40), 4)
    apart = expected_calibration_error(judge[which], human[which], bins=5)
    together = expected_calibration_error(judge[which], human[which], bins=5, clusters=which)
    assert together.ece == apart.ece
    assert together.high - together.low > 1.5 * (apart.high - apart.low)  # type: ignore[operator]
    everyone = expected_calibration_error(judge, human, bins=5, strata=["a"] * 40, sizes={"a": 40})
    assert everyone.low == everyone.ece == everyone.high
    assert expected_calibration_error(judge, human, bins=5) == expected_calibration_error(judge, human, bins=5)


def test_undefined_has_a_reason() -> None:
    """Nothing, too little, no difference anywhere."""
    nothing = expected_calibration_error([], [])
    assert (nothing.ece, nothing.reason) == (None, "Nothing has both a verdict and a rating.")
    single = expected_calibration_error([0.5], [0.4])
    assert (single.ece, single.null_ece, single.low) == (pytest.approx(0.1), None, None)
    assert single.reason == "1 independent units; an interval needs 10."
    same = expected_calibration_error([0.5] * 12, [0.5] * 12)
    assert (same.ece, same.low, same.reason) == (0, None, "No variation: an interval would have no width.")


def test_wrong_input_is_told() -> None:
    """No bins, an unknown kind, verdicts beyond 0..1 where width is equal."""
    for bins, equal, told in ((0, "count", "0 bins"), (5, "size", "unknown kind"), (5, "width", "in 0..1")):
        with pytest.raises(ValueError, match=told):
            expected_calibration_error([1.5, 0.2], [0.1, 0.2], bins=bins, equal=equal)  # type: ignore[arg-type]
