"""The mean of a frame from few ratings and many predictions: by hand, unbiased, and never much wider."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.stats.design import StratumSample, stratified_mean
from warehouse.stats.estimate import Estimate
from warehouse.stats.prediction_powered import PredictedStratum, prediction_powered_mean
from warehouse.stats.values import FloatArray


def both(
    human: FloatArray, judge: FloatArray, strata: FloatArray, drawn: dict[int, FloatArray]
) -> tuple[Estimate, Estimate]:
    """Return the prediction-powered mean and that of the ratings alone, of rows drawn from each stratum."""
    powered = [
        PredictedStratum(int((strata == at).sum()), judge[strata == at], judge[rows], human[rows])
        for at, rows in drawn.items()
    ]
    alone = [StratumSample(of.n_frame, of.ratings) for of in powered]
    return prediction_powered_mean(powered), stratified_mean(alone)


def width(found: Estimate) -> float:
    """Return the width of an interval."""
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low


def test_hand_example_of_the_notes() -> None:
    """N = 6, 3, 1; judge .2, .6, .9, people .05, .15, .30 below it: .39 - .105 = .285 (the notes, 7.3)."""
    strata = [
        PredictedStratum(n, np.full(n, judge), np.full(1, judge), np.array([judge - below]))
        for n, judge, below in ((6, 0.2, 0.05), (3, 0.6, 0.15), (1, 0.9, 0.30))
    ]
    assert prediction_powered_mean(strata).value == pytest.approx(0.285)


def test_a_judge_that_is_off_by_a_constant_is_worth_the_whole_frame() -> None:
    """Ratings are predictions less .1 but for .01 of scatter: the interval is that of the scatter, and unbiased."""
    rng = np.random.default_rng(1)
    judge = rng.uniform(0.1, 1, 500)
    human = judge - 0.1 + rng.normal(0, 0.01, 500)
    powered, alone = both(human, judge, np.zeros(500), {0: rng.choice(500, 40, replace=False)})

    assert powered.value == pytest.approx(human.mean(), abs=0.005)
    # 2 * t(39) * .01 / sqrt(40) = .0064 against 2 * t(39) * .26 / sqrt(40) = .17.
    assert width(powered) == pytest.approx(0.0064, rel=0.4)
    assert width(alone) > 0.12


ADVERSARIES = st.sampled_from(["noise", "against", "constant", "silent", "half silent", "perfect", "steps", "outlier"])


def judged(kind: str, human: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return what such a judge says of a frame."""
    n = len(human)
    said = {
        "noise": rng.uniform(0, 1, n),
        "against": 1 - human + rng.normal(0, 0.1, n),
        "constant": np.full(n, 0.5),
        "silent": np.full(n, np.nan),
        "half silent": np.where(rng.random(n) < 0.5, human + rng.normal(0, 0.1, n), np.nan),
        "perfect": human.copy(),
        "steps": np.round(human),
        "outlier": np.where(np.arange(n) == 0, 1000.0, human),
    }
    return said[kind]


@settings(max_examples=80)
@given(ADVERSARIES, st.integers(0, 10_000), st.lists(st.integers(0, 25), min_size=1, max_size=4))
def test_never_much_wider_than_the_ratings_alone(kind: str, seed: int, numbers: list[int]) -> None:
    """By 5 % at most, whatever the judge, the seed and the numbers drawn; and an interval wherever they have one."""
    rng = np.random.default_rng(seed)
    strata = np.repeat(np.arange(len(numbers)), 40)
    human = np.round(np.clip(rng.normal(0.3 + 0.1 * strata, 0.2), 0, 1) * 4) / 4
    drawn = {at: rng.choice(np.flatnonzero(strata == at), n, replace=False) for at, n in enumerate(numbers)}
    powered, alone = both(human, judged(kind, human, rng), strata, drawn)

    assert (powered.low is None) == (alone.low is None)
    assert powered.n == alone.n
    if sum(numbers):
        assert powered.reason == alone.reason
    if alone.low is not None:
        assert width(powered) <= 1.05 * width(alone) + 1e-12
    if kind in ("constant", "silent") and alone.value is not None:
        assert (powered.value, powered.low) == pytest.approx((alone.value, alone.low))


def test_strata_without_ratings_bring_their_predictions() -> None:
    """4 % of the frame unrated, said to be .5 higher by a judge that is right: the mean knows it."""
    rng = np.random.default_rng(3)
    judge = np.concatenate([rng.uniform(0, 0.5, 960), rng.uniform(0.5, 1, 40)])
    human = judge + rng.normal(0, 0.01, 1000)
    strata = np.repeat([0, 1], [960, 40])
    powered, alone = both(human, judge, strata, {0: rng.choice(960, 60, replace=False), 1: np.empty(0, dtype=int)})
    assert powered.value == pytest.approx(human.mean(), abs=0.005)
    assert alone.value is not None
    assert width(powered) < width(alone) / 5


def test_edges() -> None:
    """Nothing rated; the whole frame rated; what cannot be."""
    nothing = prediction_powered_mean([PredictedStratum(3, np.zeros(3), np.empty(0), np.empty(0))])
    assert (nothing.value, nothing.reason) == (None, "Nothing is rated.")
    human = np.array([0.2, 0.4, 0.9])
    everything = prediction_powered_mean([PredictedStratum(3, human + 0.1, human + 0.1, human)])
    assert everything.low == everything.value == everything.high == pytest.approx(0.5)
    for stratum, told in (
        (PredictedStratum(3, np.zeros(3), np.zeros(1), np.zeros(2)), "1 predictions of 2 ratings"),
        (PredictedStratum(3, np.zeros(4), np.zeros(1), np.zeros(1)), "4 predictions of 3 units"),
        (PredictedStratum(3, np.zeros(1), np.zeros(2), np.zeros(2)), "missing among those of the frame"),
        (PredictedStratum(1, np.zeros(1), np.full(2, np.nan), np.zeros(2)), "2 values, but 1 units"),
    ):
        with pytest.raises(ValueError, match=told):
            prediction_powered_mean([stratum])
