"""Fitted priors: by hand, from simulated truth, and where nothing can be fitted."""

import numpy as np
import pytest

from warehouse.stats.noise import signal_share
from warehouse.stats.priors import BetaPrior, fit_beta_binomial


def test_worked_shrinking() -> None:
    """The statistics notes, 6.2: kappa 4, mean .3; 0 of 8 becomes .10, 8 of 8 .767."""
    prior = BetaPrior(1.2, 2.8)

    assert (prior.concentration, prior.mean) == (pytest.approx(4), pytest.approx(0.3))
    assert prior.shrink(0, 8) == pytest.approx(0.10)
    assert prior.shrink(8, 8) == pytest.approx(0.767, abs=5e-4)


def test_a_prior_fitted_by_hand() -> None:
    """1, 3, 5, 7 of 8: within 8 (7 + 15 + 15 + 7) / 64 = 5.5 over 28; between ((9 + 1 + 1 + 9) / 8) / 3 = 2.5 / 3.

    (2.5 / 3 - 5.5 / 28) / 8 = .079613; kappa = .196429 / .079613 = 2.4673.
    """
    fitted = fit_beta_binomial([1, 3, 5, 7], [8, 8, 8, 8])

    assert fitted.concentration == pytest.approx(2.4673, abs=5e-5)
    assert (fitted.mean, fitted.reason) == (0.5, None)
    assert fitted.a == pytest.approx(fitted.b)


def test_rewards_in_between_bring_their_own_spread() -> None:
    """The same means with a quarter of the spread within: kappa is noise / signal of an analysis of variance."""
    rng = np.random.default_rng(8)
    rows = [rng.uniform(low, low + 0.3, size) for low, size in ((0.1, 8), (0.2, 4), (0.4, 6), (0.6, 8), (0.3, 1))]
    fitted = fit_beta_binomial(
        [row.sum() for row in rows],
        [len(row) for row in rows],
        [float(((row - row.mean()) ** 2).sum()) for row in rows],
    )
    parts = signal_share([row.tolist() for row in rows])

    assert parts.noise_variance is not None
    assert parts.signal_variance is not None
    assert fitted.concentration == pytest.approx(parts.noise_variance / parts.signal_variance)


@pytest.mark.parametrize(("a", "b", "n"), [(2.0, 2.0, 8), (1.0, 4.0, 16)])
def test_the_fit_finds_the_prior_of_many_groups(a: float, b: float, n: int) -> None:
    """3,000 simulated groups, sizes n and n / 2: kappa within 15 %, the mean within .02 (over 3 standard errors)."""
    rng = np.random.default_rng(5)
    trials = np.where(np.arange(3000) % 2, n, n // 2)
    fitted = fit_beta_binomial(rng.binomial(trials, rng.beta(a, b, 3000)).astype(float), trials.astype(float))

    assert fitted.concentration == pytest.approx(a + b, rel=0.15)
    assert fitted.mean == pytest.approx(a / (a + b), abs=0.02)


@pytest.mark.parametrize(
    ("won", "n", "told"),
    [
        ([3, 2, 6], [8, 8, 8], "needs 4 groups"),
        ([0, 1, 1, 0], [1, 1, 1, 1], "two rollouts"),
        ([0, 0, 0, 0], [8, 8, 8, 8], "no more than chance"),
        ([8, 8, 8, 8], [8, 8, 8, 8], "no more than chance"),
        ([4, 4, 4, 4], [8, 8, 8, 8], "no more than chance"),
        ([0, 8, 8, 0], [8, 8, 8, 8], "no group varies within itself"),
    ],
)
def test_what_cannot_be_told_is_jeffreys_and_says_so(won: list[float], n: list[float], told: str) -> None:
    """Worth one rollout: neither does the mean overrule every group, nor is nought of eight an impossibility."""
    fitted = fit_beta_binomial(won, n)

    assert (fitted.a, fitted.b) == (0.5, 0.5)
    assert fitted.reason is not None
    assert told in fitted.reason


@pytest.mark.parametrize(
    ("won", "n", "within", "told"),
    [
        ([1], [0], None, "1 trial or more"),
        ([2], [1], None, "successes in 0..trials"),
        ([-1.0], [3], None, "successes in 0..trials"),
        ([1, 2], [3], None, "successes 2, trials 1"),
        ([1], [3], [0.1, 0.2], "successes 1, within 2"),
        ([1], [3], [-0.1], "not below 0"),
        ([], [], None, "needs at least 1"),
    ],
)
def test_counts_that_are_none_are_told(won: list[float], n: list[float], within: list[float] | None, told: str) -> None:
    """No trials, more successes than trials, columns that do not fit."""
    with pytest.raises(ValueError, match=told):
        fit_beta_binomial(won, n, within)
