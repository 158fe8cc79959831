"""Variance components of a judge by the worked table, an independent library and simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import f_oneway

from warehouse.stats.noise import SignalShare, signal_share

WORKED = [
    [0.5, 0.6, 0.5], [0.7, 0.7, 0.8], [0.4, 0.4, 0.5], [0.6, 0.7, 0.6],
    [0.8, 0.9, 0.8], [0.5, 0.5, 0.4], [0.6, 0.5, 0.6], [0.7, 0.8, 0.7],
]  # fmt: skip
VERDICTS = st.lists(
    st.lists(st.integers(0, 10).map(lambda value: value / 10), min_size=3, max_size=3), min_size=2, max_size=8
)


def test_worked_shares() -> None:
    """The statistics notes, 2.2: eight outputs of three verdicts: .850 of one verdict is signal, .944 of the mean."""
    found = signal_share(WORKED)

    assert found.of_mean(1) == pytest.approx(0.850, abs=5e-4)
    assert found.of_mean(3) == pytest.approx(0.944, abs=5e-4)
    assert (found.n_outputs, found.n_verdicts, found.reason) == (8, 24, None)


@given(VERDICTS)
def test_it_is_the_f_of_an_analysis_of_variance(verdicts: list[list[float]]) -> None:
    """With m each, lambda_m = 1 - 1 / F, 0 where F is below 1."""
    found = signal_share(verdicts)
    if not found.noise_variance:
        assert found.of_mean(3) in (1.0, None)
        return

    f = float(f_oneway(*verdicts).statistic)
    assert found.of_mean(3) == pytest.approx(1 - 1 / max(1.0, f), abs=1e-9)


def test_verdicts_that_failed_leave_the_estimate_unbiased() -> None:
    """400 outputs of signal .04 and noise .01, with one to five verdicts each: within 15 % (over 3 standard errors)."""
    rng = np.random.default_rng(4)
    rows = [rng.normal(rng.normal(0, 0.2), 0.1, size).tolist() for size in rng.integers(1, 6, 400)]
    found = signal_share(rows)

    assert found.signal_variance == pytest.approx(0.04, rel=0.25)
    assert found.noise_variance == pytest.approx(0.01, rel=0.15)


def test_repeats_for_a_target() -> None:
    """Signal .04, noise .08: lambda 2/3 takes 2 * 2 = 4 verdicts, .7 five, a half exactly two."""
    found = SignalShare(0.04, 0.08, 8, 24, None)

    assert [found.repeats_for(target) for target in (0.5, 2 / 3, 0.7)] == [2, 4, 5]
    assert found.of_mean(4) == pytest.approx(2 / 3)
    assert SignalShare(0.04, 0.0, 8, 24, None).repeats_for(0.9) == 1


def test_pure_noise_has_no_number_of_repeats() -> None:
    """Outputs whose means are equal: MSB 0 is below MSW, so the signal is 0, and stays so."""
    found = signal_share([[0.4, 0.6], [0.6, 0.4], [0.5, 0.5]])

    assert (found.signal_variance, found.of_mean(100), found.repeats_for(0.5)) == (0, 0, None)


@pytest.mark.parametrize(
    ("verdicts", "told"), [([[0.1, 0.5]], "two outputs"), ([[0.1], [0.5], [0.9]], "two verdicts about one")]
)
def test_what_cannot_be_told(verdicts: list[list[float]], told: str) -> None:
    """One output, or one verdict each: nothing separates the two components."""
    found = signal_share(verdicts)

    assert (found.signal_variance, found.noise_variance, found.of_mean(1), found.repeats_for(0.7)) == (None,) * 4
    assert found.reason is not None
    assert told in found.reason


def test_nothing_that_varies_is_a_share_of_nothing() -> None:
    """A judge that always says .5: both components 0, no share."""
    found = signal_share([[0.5, 0.5], [0.5, 0.5]])

    assert (found.signal_variance, found.noise_variance, found.of_mean(2), found.repeats_for(0.7)) == (0, 0, None, None)


def test_bad_input_is_told() -> None:
    """No outputs, an output without verdicts, targets."""
    with pytest.raises(ValueError, match="no outputs"):
        signal_share([])
    with pytest.raises(ValueError, match="verdicts about output 1: got 0 values"):
        signal_share([[0.5, 0.4], []])
    with pytest.raises(ValueError, match="a mean of 0 verdicts"):
        signal_share(WORKED).of_mean(0)
    with pytest.raises(ValueError, match="is no target"):
        signal_share(WORKED).repeats_for(1)
