"""order_flips: how often judge noise turns the order of two rollouts round, by the normal distribution."""

import math
from collections.abc import Sequence
from itertools import combinations
from random import Random

import pytest
from scipy.stats import norm

from tests.warehouse.rows import RUN, Lab


def noisy(rewards: Sequence[float], spread: Sequence[float], kind: str = "simulated") -> Lab:
    """Return a group of one dimension in which a judge's verdicts lie around each reward as `spread` says."""
    lab = Lab()
    lab.rubric(tone=1.0)
    lab.group(rewards, kind=kind)
    with lab.together():
        for sample in range(len(rewards)):
            lab.judge(f"i1/sim/mid/{sample}", "tone", [0.5 + step for step in spread])
    return lab


@pytest.mark.parametrize(
    ("spread", "published"),
    [
        # One call with a standard deviation of .1: two calls .1 off each side have variance .02, their mean .01 = .1^2.
        ((-0.1, 0.1), 0.24),
        # Three calls with variance .01: the mean has .1 / sqrt(3).
        ((-0.1, 0.0, 0.1), 0.11),
        # Five calls with variance (.01 + .01 + .01 + .01) / 4: the mean has .1 / sqrt(5).
        ((-0.1, -0.1, 0.0, 0.1, 0.1), 0.057),
    ],
)
def test_order_flips_has_the_published_numbers(spread: Sequence[float], published: float) -> None:
    """Rewards .1 apart, one call with a standard deviation of .1, averaged over one, three and five calls."""
    row = noisy([0.4, 0.5], spread).one("order_flips")

    assert (row["run_id"], row["n"], row["n_pairs"]) == (RUN, 2, 1)
    n_calls = {0.24: 1, 0.11: 3, 0.057: 5}[published]
    assert row["noise_sd"] == pytest.approx(0.1 / math.sqrt(n_calls))
    assert row["flip_probability"] == pytest.approx(published, abs=0.5e-2 if published > 0.1 else 0.5e-3)
    assert row["flip_probability"] == pytest.approx(norm.cdf(-0.1 / (row["noise_sd"] * math.sqrt(2))), abs=2e-7)


def test_order_flips_gives_the_gap_that_five_percent_turn_round() -> None:
    """At that difference the chance is .05; 1.6449 * sqrt(2) * .1 = .2326."""
    gap = noisy([0.4, 0.5], (-0.1, 0.1)).one("order_flips")["min_gap_for_5_percent"]

    assert gap == pytest.approx(0.2326, abs=5e-5)
    assert noisy([0.4, 0.4 + gap], (-0.1, 0.1)).one("order_flips")["flip_probability"] == pytest.approx(0.05, abs=1e-6)


def test_order_flips_by_enumeration_of_pairs() -> None:
    """Random groups with ties, every pair, against scipy; differences from a hair to ten standard deviations."""
    rng = Random(2)
    for n, scale in ((2, 0.4), (9, 0.001), (16, 0.03), (16, 0.4)):
        rewards = [round(rng.random(), 2) for _ in range(n - 1)]
        rewards.append(rewards[0] + (1e-6 if n == 16 else 0.01))
        row = noisy(rewards, (-scale, scale)).one("order_flips")
        # Variance 2 scale^2 of one call, scale^2 of the mean.
        flips = [
            norm.cdf(-abs(one - other) / (scale * math.sqrt(2)))
            for one, other in combinations(rewards, 2)
            if abs(one - other) > 1e-9
        ]

        assert (row["n"], row["n_pairs"]) == (n, len(flips))
        assert row["noise_sd"] == pytest.approx(scale)
        assert row["flip_probability"] == pytest.approx(sum(flips) / len(flips), abs=2e-7)
        assert row["worst_pair_flip"] == pytest.approx(max(flips), abs=2e-7)
        assert 0 <= row["flip_probability"] <= row["worst_pair_flip"] <= 0.5


def test_order_flips_of_ties_has_no_pairs() -> None:
    """Rewards that are equal up to rounding have no order to lose; the gap is known all the same."""
    row = noisy([0.1 + 0.2, 0.3], (-0.1, 0.1)).one("order_flips")

    assert (row["n_pairs"], row["flip_probability"], row["worst_pair_flip"]) == (0, None, None)
    assert row["min_gap_for_5_percent"] == pytest.approx(0.2326, abs=5e-5)


def test_order_flips_without_noise_is_never() -> None:
    """A judge that repeats itself word for word: noise known to be 0, and no pair flips."""
    row = noisy([0.4, 0.5], (0.0, 0.0)).one("order_flips")

    assert (row["noise_sd"], row["flip_probability"], row["min_gap_for_5_percent"]) == (0, 0, 0)


def test_order_flips_is_for_groups_with_known_noise() -> None:
    """One call each, no judge at all, or probes, which form no group: no row."""
    assert noisy([0.4, 0.5], (0.0,)).view("order_flips") == []
    assert noisy([0.4, 0.5], ()).view("order_flips") == []
    assert noisy([0.4, 0.5], (-0.1, 0.1), kind="probe").view("order_flips") == []
    assert Lab().view("order_flips") == []


def test_order_flips_leaves_out_lost_rollouts() -> None:
    """Three planned, one lost: one pair."""
    lab = noisy([0.4, 0.5], (-0.1, 0.1))
    lab.rollout("i1", "sim/mid", 2, "error", error="timeout")

    row = lab.one("order_flips")
    assert (row["n"], row["n_pairs"]) == (2, 1)
