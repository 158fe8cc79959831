"""Maps from judge to people: which is chosen, that it is monotone, and what it is worth on unseen groups."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.stats.calibration_error import expected_calibration_error
from warehouse.stats.calibration_map import CalibrationMap, fit_map
from warehouse.stats.values import FloatArray


def bent(n: int, seed: int = 0, scatter: float = 0.12) -> tuple[FloatArray, FloatArray]:
    """Return a judge that is too kind in the middle, and people."""
    rng = np.random.default_rng(seed)
    judge = rng.uniform(0, 1, n)
    return judge, np.clip(judge**2 + rng.normal(0, scatter, n), 0, 1)


def test_isotonic_is_honest_about_itself() -> None:
    """On its own rows its error is 0 by construction; out of fold it is not, and far below the raw one."""
    judge, human = bent(600)
    found = fit_map(judge, human, np.arange(600))

    assert found.method == "isotonic"
    assert set(found.errors) == {"identity", "affine", "platt", "isotonic"}
    inside = found.apply(judge)
    # Bins of equal values: every plateau is a bin, its mean the mean of its ratings.
    own = sum(abs((inside - human)[np.isclose(inside, level)].sum()) for level in np.unique(inside.round(9))) / 600
    assert own < 0.005
    assert found.ece_raw is not None
    assert found.ece_mapped is not None
    assert own < found.ece_mapped < 0.3 * found.ece_raw
    assert found.mae_mapped is not None
    assert found.mae_raw is not None
    assert found.mae_mapped < found.mae_raw
    assert found.cross_fitted is not None
    assert found.mae_mapped == pytest.approx(np.abs(found.cross_fitted - human).mean())
    assert found.ece_mapped == expected_calibration_error(found.cross_fitted, human).ece
    assert len(np.unique(inside)) < 600 / 2  # plateaus


def test_few_rows_have_a_curve_of_two_numbers() -> None:
    """Below 200 rows no isotonic regression; a straight scale error is mended by a straight line."""
    judge, human = bent(100)
    assert fit_map(judge, human, np.arange(100)).method == "platt"
    rng = np.random.default_rng(1)
    straight = fit_map(judge, np.clip(0.05 + 0.8 * judge + rng.normal(0, 0.02, 100), 0, 1), np.arange(100))
    assert straight.method == "affine"
    assert straight.coefficients == pytest.approx((0.05, 0.8), abs=0.02)


def test_a_calibrated_judge_is_left_alone() -> None:
    """No map is better than none: in most draws, as two coefficients fit some of the scatter."""
    chosen = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        judge = rng.uniform(0.2, 0.8, 80)
        chosen.append(fit_map(judge, judge + rng.normal(0, 0.05, 80), np.arange(80)).method)
    assert chosen.count("identity") >= 14


def test_a_judge_that_is_against_people_is_mapped_to_their_mean() -> None:
    """Monotone means not falling: the best of those is flat."""
    judge, human = bent(300)
    found = fit_map(1 - judge, human, np.arange(300))
    assert np.ptp(found.apply(np.linspace(0, 1, 11))) < 0.05
    assert found.apply([0.5])[0] == pytest.approx(human.mean(), abs=0.02)


def test_groups_are_never_on_both_sides() -> None:
    """Ten rows of an instance alike, and instances that say nothing of each other: nothing is learned of them.

    By rows the isotonic map would know each instance's answer; by groups no map beats the mean, error .083 (uniform).
    """
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(30), 10)
    judge, human = rng.uniform(0, 1, 30)[groups], rng.uniform(0, 1, 30)[groups]
    by_group, by_row = fit_map(judge, human, groups), fit_map(judge, human, np.arange(300))
    assert by_row.errors["isotonic"] < by_group.errors["isotonic"]
    assert min(by_group.errors.values()) > 0.06


@settings(max_examples=25)
@given(st.integers(0, 1000), st.integers(30, 260), st.sampled_from([4, 100]))
def test_maps_are_monotone_and_keep_as_data(seed: int, n: int, levels: int) -> None:
    """Never falling, within 0..1, the same after JSON, whatever the ratings and the order of rows."""
    rng = np.random.default_rng(seed)
    judge, human = rng.integers(0, levels + 1, n) / levels, rng.integers(0, 5, n) / 4
    groups, weights = [f"i{at}" for at in rng.integers(0, 40, n)], rng.uniform(0.2, 5, n)
    found = fit_map(judge, human, groups, weights)
    assert found.method is not None
    mapped = found.apply(np.linspace(0, 1, 101))
    assert (np.diff(mapped) >= -1e-12).all()
    assert ((mapped >= 0) & (mapped <= 1)).all()
    again = CalibrationMap.from_data(json.loads(json.dumps(found.as_data())))
    assert (again.apply(np.linspace(0, 1, 101)) == mapped).all()
    order = rng.permutation(n)
    other = fit_map(judge[order], human[order], [groups[at] for at in order], weights[order])
    assert other.method == found.method
    assert other.apply(np.linspace(0, 1, 101)) == pytest.approx(mapped)


def test_too_little_has_a_reason() -> None:
    """Rows, instances, or a judge that always says the same."""
    judge, human = bent(40)
    for found, told in (
        (fit_map(judge[:29], human[:29], np.arange(29)), "29 rows have a verdict and a rating; a map needs 30."),
        (fit_map(judge, human, np.arange(40) % 4), "4 instances; cross-validation needs 5."),
        (fit_map(np.full(40, 0.5), human, np.arange(40)), "The judge says the same of all."),
        (fit_map([], [], []), "0 rows have a verdict and a rating; a map needs 30."),
    ):
        assert (found.method, found.reason, found.cross_fitted, found.ece_raw) == (None, told, None, None)
        with pytest.raises(ValueError, match="there is no map"):
            found.apply([0.5])
    with pytest.raises(ValueError, match=r"not in 0\.\.1"):
        fit_map([1.5] * 40, human, np.arange(40))
    with pytest.raises(ValueError, match="not above 0"):
        fit_map(judge, human, np.arange(40), np.zeros(40))
