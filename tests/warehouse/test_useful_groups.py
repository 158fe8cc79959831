"""useful_groups and stg_group_signal: what groups of another size would teach."""

from itertools import combinations
from math import exp, lgamma
from random import Random

import pytest

from tests.warehouse.rows import RUN, Lab

DELTA, FLOOR = 0.02, 0.1


def curve(lab: Lab, policy: str = "sim/mid") -> dict[int, tuple[float, str, int]]:
    """Return what one policy's row says for each size."""
    return {
        row["group_size"]: (row["expected_useful_share"], row["method"], row["n_measured"])
        for row in lab.view("useful_groups")
        if row["policy_id"] == policy
    }


def test_useful_groups_counts_where_groups_are_large_enough() -> None:
    """STATISTICS 2.2: twelve zeros and four ones are dead in 495 / 12870 of the groups of eight."""
    lab = Lab()
    lab.group([0.0] * 12 + [1.0] * 4)

    found = curve(lab)
    assert found[8] == (pytest.approx(1 - 495 / 12870), "unbiased", 1)
    # Two of sixteen differ in 12 x 4 of 120 pairs; all sixteen do.
    assert found[2] == (pytest.approx(48 / 120), "unbiased", 1)
    assert found[16] == (1, "unbiased", 1)


@pytest.mark.parametrize(("k", "n", "expected"), [(0, 16, 0.290), (1, 16, 0.651), (4, 16, 0.967), (0, 64, 0.105)])
def test_stg_group_signal_of_the_worked_examples(k: int, n: int, expected: float) -> None:
    """STATISTICS 2.2: the posterior chance of a signal at groups of 16 after k successes in n."""
    lab = Lab(floor=FLOOR)
    lab.group([0.9] * k + [0.1] * (n - k))

    row = lab.one("stg_group_signal", group_size=16)
    assert row["posterior"] == pytest.approx(expected, abs=5e-4)
    # The half of n that can be counted says less than the posterior.
    assert row["chance"] == row["posterior"]


def test_useful_groups_larger_than_measured_are_a_posterior() -> None:
    """Eight rollouts say nothing certain of groups of 16: E = 1 - B(a + 16, b) / B(a, b) - B(a, b + 16) / B(a, b)."""
    lab = Lab(floor=FLOOR)
    lab.group([0.9] + [0.1] * 7)

    # a = 1.5, b = 7.5.
    assert curve(lab)[16] == (pytest.approx(posterior(1, 8, 16)), "posterior", 0)
    assert curve(lab)[8] == (1, "unbiased", 1)


def test_useful_groups_sees_spread_above_the_line_that_the_posterior_draws() -> None:
    """All rewards above the floor and far apart: no more dead at 32 than at the half that was measured."""
    lab = Lab(floor=FLOOR)
    lab.group([0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])

    assert posterior(8, 8, 32) < 0.6
    assert curve(lab)[32] == (1, "posterior", 0)


def test_useful_groups_measures_where_half_of_the_groups_allow() -> None:
    """One of two groups has eight rollouts: its share stands for both; one of three does not."""
    lab = Lab(floor=FLOOR)
    lab.group([0.1] * 7 + [0.9], instance="a")
    lab.group([0.1] * 4, instance="b")
    # Seven of eight are equal: 7 of 28 pairs differ; the group of eight itself does.
    assert curve(lab)[8] == (1, "unbiased", 1)
    assert curve(lab)[2] == (pytest.approx((7 / 28 + 0) / 2), "unbiased", 2)

    lab.group([0.1] * 4, instance="c")
    expected = (posterior(1, 8, 8) + 2 * posterior(0, 4, 8)) / 3
    assert curve(lab)[8] == (pytest.approx(expected), "posterior", 1)


def test_useful_groups_of_one_rollout_of_lost_ones_and_of_none() -> None:
    """One rollout leaves the prior and a little more; a group lost entirely is no group; probes are none."""
    lab = Lab(floor=FLOOR)
    lab.group([0.1], instance="a", lost=7)
    lab.group([], instance="b", lost=8)
    lab.probe("echo", "zero", {"a": 0.1})

    rows = lab.view("useful_groups")
    assert {row["n_groups"] for row in rows} == {1}
    assert {row["method"] for row in rows} == {"posterior"}
    assert curve(lab)[2] == (pytest.approx(posterior(0, 1, 2)), "posterior", 0)
    assert Lab().view("useful_groups") == []


def test_useful_groups_leaves_out_an_odd_training_group() -> None:
    """A training group of 10 is in the staging view, which train_on reads, and not among the sizes of the table."""
    lab = Lab()
    lab.add("threshold", run_id=RUN, name="training_group", value=10.0)
    lab.group([0.1, 0.9] * 8)

    assert sorted(curve(lab)) == [2, 4, 8, 16, 32, 64, 128]
    assert lab.one("stg_group_signal", group_size=10)["measured"] == pytest.approx(1)


def posterior(k: int, n: int, size: int) -> float:
    """Return E[1 - p^size - (1 - p)^size] for p ~ Beta(k + 1/2, n - k + 1/2), by products instead of gammas."""
    share = [1.0, 1.0]
    for index in range(size):
        share[0] *= (k + 0.5 + index) / (n + 1 + index)
        share[1] *= (n - k + 0.5 + index) / (n + 1 + index)
    return 1 - sum(share)


def test_posterior_by_products_is_that_of_beta_functions() -> None:
    """The check itself: 0 of 16 and 0 of 64 at groups of 16 are the published .290 and .105."""
    assert posterior(0, 16, 16) == pytest.approx(0.290, abs=5e-4)
    assert posterior(0, 64, 16) == pytest.approx(0.105, abs=5e-4)
    beta = exp(lgamma(4.5 + 16) - lgamma(4.5) + lgamma(9) - lgamma(25))
    assert posterior(4, 8, 16) == pytest.approx(1 - 2 * beta)


def live(rewards: list[float], size: int) -> float:
    """Return the share of all subsets of one size that differ by more than the meaningful difference."""
    subsets = list(combinations(rewards, size))
    return sum(max(subset) - min(subset) > DELTA + 1e-12 for subset in subsets) / len(subsets)


@pytest.mark.parametrize("longest", [6, 12])
def test_useful_groups_by_brute_force(longest: int) -> None:
    """Random groups: every subset counted out where large enough, the posterior elsewhere."""
    rng, made = Random(longest), []
    lab = Lab(floor=FLOOR)
    for index in range(15):
        width = rng.choice((0, 3, 90))
        start = rng.randrange(0, 95 - width)
        rewards = [(start + rng.randrange(0, width + 1)) / 100 for _ in range(rng.randint(1, longest))]
        lab.group(rewards, instance=f"i{index:02}")
        made.append(rewards)

    for size, (share, method, n_measured) in curve(lab).items():
        large = [rewards for rewards in made if len(rewards) >= size]
        assert n_measured == len(large)
        if 2 * len(large) >= len(made):
            assert (method, share) == ("unbiased", pytest.approx(sum(live(r, size) for r in large) / len(large)))
            continue
        expected = []
        for rewards in made:
            k = sum(r > FLOOR + DELTA + 1e-12 for r in rewards)
            half = min(size, len(rewards) // 2)
            known = live(rewards, half) if half >= 2 else 0.0
            expected.append(max(posterior(k, len(rewards), size), known))
        assert (method, share) == ("posterior", pytest.approx(sum(expected) / len(expected)))


def test_stg_reach_counts_ties_once() -> None:
    """.30 four times, .31, .32: each sees those after it in the order, up to the difference and no further."""
    lab = Lab()
    lab.group([0.3] * 4 + [0.31, 0.32, 0.55])

    found = sorted((row["reward"], row["n_within"]) for row in lab.view("stg_reach"))
    assert found == [(0.3, 2), (0.3, 3), (0.3, 4), (0.3, 5), (0.31, 1), (0.32, 0), (0.55, 0)]
