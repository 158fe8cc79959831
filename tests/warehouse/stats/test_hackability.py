"""The hack ratio by the notes' example, by the bootstrap, and how often its interval covers the truth."""

import numpy as np
import pytest
from scipy.stats import bootstrap

from warehouse.stats.hackability import beat_rate, hack_ratio


def test_worked_ratios() -> None:
    """The statistics notes, 5.2: best probe .31, floor .10: .656 of weak pay (.42), .241 of the oracle's (.97)."""
    probe = [0.21, 0.41] * 10

    assert hack_ratio(probe, [0.42] * 20, 0.10).estimate == pytest.approx(0.656, abs=5e-4)
    assert hack_ratio(probe, [0.97] * 20, 0.10).estimate == pytest.approx(0.241, abs=5e-4)


def test_the_interval_by_hand_where_weak_pay_is_constant() -> None:
    """Then the ratio is the probe's mean on another scale, and so is its t interval: sd .1026, t(19) = 2.093."""
    found = hack_ratio([0.21, 0.41] * 10, [0.42] * 20, 0.10)
    half = 2.093 * np.std([0.21, 0.41] * 10, ddof=1) / 20**0.5 / 0.32

    assert found.low == pytest.approx(0.65625 - half, abs=1e-4)
    assert found.high == pytest.approx(0.65625 + half, abs=1e-4)
    assert (found.method, found.n_clusters, found.reason) == ("taylor", 20, None)


def test_what_instances_do_to_both_cancels() -> None:
    """A probe that gets exactly half of weak pay everywhere has nothing uncertain - and so no interval to claim."""
    weak = np.linspace(0.3, 0.9, 20)
    found = hack_ratio(0.1 + (weak - 0.1) / 2, weak, 0.1)

    assert (found.estimate, found.low) == (pytest.approx(0.5), None)
    assert found.reason == "no variation between instances: the interval would have no width"


def test_it_is_close_to_the_bootstrap_over_instances() -> None:
    """Percentiles of 4,000 draws of 60 instances, within a tenth of the width."""
    rng = np.random.default_rng(2)
    weak = rng.uniform(0.2, 0.9, 60)
    probe = 0.3 * weak + rng.uniform(0, 0.3, 60)
    found = hack_ratio(probe, weak, 0.1)
    drawn = bootstrap(
        (probe, weak), lambda p, w: (p.mean() - 0.1) / (w.mean() - 0.1), paired=True, vectorized=False,
        n_resamples=4000, method="percentile", rng=rng,
    ).confidence_interval  # fmt: skip

    assert found.low is not None
    assert found.high is not None
    assert (found.low, found.high) == pytest.approx(tuple(drawn), abs=0.1 * (found.high - found.low))


def test_coverage_of_the_ratio() -> None:
    """Of 600 simulated tasksets of 30 instances, 95 % cover the true ratio (.22 + .6 * .5 - .1) / (.5 - .1) = 1.05.

    600 * .95 has a standard error of .0089. Linearisation costs a little (.94 is usual at 30); the bound at 4 standard
    errors fails by chance in fewer than one of 1,000 seeds.
    """
    rng, n_covered = np.random.default_rng(17), 0
    for _ in range(600):
        weak = 0.5 + rng.normal(0, 0.15, 30)
        probe = 0.22 + 0.6 * weak + rng.normal(0, 0.1, 30)
        found = hack_ratio(probe, weak, 0.1)
        assert found.low is not None
        assert found.high is not None
        n_covered += found.low <= 1.05 <= found.high

    assert n_covered / 600 == pytest.approx(0.95, abs=4 * 0.0089)


def test_floors_may_differ_by_instance() -> None:
    """Floors .1 and .2 in turn: H - f = .25 - .15, W - f = .55 - .15."""
    found = hack_ratio([0.2, 0.3] * 6, [0.4, 0.7] * 6, [0.1, 0.2] * 6)

    assert found.estimate == pytest.approx(0.1 / 0.4)


@pytest.mark.parametrize(
    ("probe", "weak", "estimate", "told"),
    [
        ([0.3] * 12, [0.1] * 12, None, "no more than the floor"),
        ([0.3] * 12, [0.05] * 12, None, "no more than the floor"),
        ([0.2, 0.4] * 4, [0.5] * 8, 0.5, "8 instances; an interval needs 10"),
        ([0.2, 0.4] * 6, [0.0, 0.24] * 6, 10.0, "not told from 0"),
    ],
)
def test_no_claim_where_there_is_none(probe: list[float], weak: list[float], estimate: float | None, told: str) -> None:
    """Honest work at the floor, few instances, a denominator around 0."""
    found = hack_ratio(probe, weak, 0.1)

    assert found.estimate == (None if estimate is None else pytest.approx(estimate))
    assert (found.low, found.high) == (None, None)
    assert found.reason is not None
    assert told in found.reason


def test_a_probe_at_the_floor_gets_nothing() -> None:
    """Below it, less than nothing: not cut off, since a mean may be."""
    found = hack_ratio([0.0, 0.1] * 10, [0.4, 0.6] * 10, 0.1)

    assert found.estimate == pytest.approx(-0.125)


def test_no_beat_in_59_instances() -> None:
    """Then at most 5 % are beaten; a tie is a beat, rounding or not."""
    never = beat_rate([0.1] * 59, [0.4] * 59)
    assert (never.n_beaten, never.share) == (0, 0)
    assert never.upper == pytest.approx(0.05, abs=5e-4)

    tied = beat_rate([0.3, 0.3, 0.2, 0.1], [0.1 + 0.2, 0.2, 0.3, 0.3])
    assert (tied.n_beaten, tied.n_instances, tied.share) == (2, 4, 0.5)


def test_columns_that_do_not_fit_are_told() -> None:
    """Lengths and confidences."""
    with pytest.raises(ValueError, match="probe 1, weak 2, floor 1"):
        hack_ratio([0.1], [0.1, 0.2], 0.1)
    with pytest.raises(ValueError, match="a confidence of 95 is none"):
        hack_ratio([0.1], [0.2], 0.1, 95)
    with pytest.raises(ValueError, match="best_probe 1, weak_median 2"):
        beat_rate([0.1], [0.1, 0.2])
