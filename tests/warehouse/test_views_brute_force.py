"""Views against plain Python on random groups: every subset, every pair, every case of the rules counted out."""

from collections.abc import Callable, Sequence
from itertools import combinations
from math import comb, isclose, log, nan
from random import Random
from statistics import median, pvariance

import pytest

from tests.warehouse.rows import Lab

DELTA = 0.02
QUANTUM = 1e-9


def dead(rewards: Sequence[float], size: int) -> float:
    """Return the share of all subsets of one size whose range is at most the meaningful difference."""
    subsets = list(combinations(rewards, size))
    return sum(max(subset) - min(subset) <= DELTA + 1e-12 for subset in subsets) / len(subsets)


def rewards_of(rng: Random, n: int) -> tuple[list[float], list[float]]:
    """Return rewards and what they were before a lid of .3 on some; grids of .01 make ties and exact thresholds."""
    width = rng.choice((0.0, 0.03, 0.2, 1.0))
    before = [round(min(1.0, rng.uniform(0, 1 - width) + rng.random() * width), 2) for _ in range(n)]
    if width < 1:
        start = rng.randrange(0, 60)
        before = [(start + rng.randrange(0, int(40 * width) + 1)) / 100 for _ in range(n)]
    share = rng.choice((0.0, 0.5, 1.0))
    return [min(value, 0.3) if rng.random() < share else value for value in before], before


@pytest.fixture(scope="module")
def groups() -> tuple[Lab, dict[str, tuple[list[float], list[float]]]]:
    """Forty random groups of 2 to 12 rollouts, in one warehouse."""
    rng, made = Random(7), {}
    lab = Lab(floor=0.1)
    for index in range(40):
        name = f"i{index:02}"
        made[name] = rewards_of(rng, rng.randint(2, 12))
        lab.group(*made[name], instance=name)
    return lab, made


def same(found: float | None, expected: float | None) -> bool:
    """Compare two numbers, either of which may be absent."""
    return isclose(nan if found is None else found, nan if expected is None else expected, abs_tol=1e-9) or (
        found is None and expected is None
    )


def test_dead_at_g_counts_every_subset(groups: tuple[Lab, dict[str, tuple[list[float], list[float]]]]) -> None:
    """The closed form of group_spread equals the enumeration of all subsets of size n // 2."""
    lab, made = groups
    found = {row["instance_id"]: row for row in lab.view("group_spread")}

    for name, (rewards, _) in made.items():
        size = len(rewards) // 2
        expected = dead(rewards, size) if size >= 2 else None
        assert same(found[name]["dead_at_g"], expected), (name, rewards)


def test_advantages_and_spread_by_definition(groups: tuple[Lab, dict[str, tuple[list[float], list[float]]]]) -> None:
    """Mean |advantage| and zero variance as the trainer would compute them."""
    lab, made = groups
    found = {row["instance_id"]: row for row in lab.view("group_spread")}

    for name, (rewards, _) in made.items():
        mean, deviation = sum(rewards) / len(rewards), pvariance(rewards) ** 0.5
        is_flat = max(rewards) - min(rewards) <= QUANTUM
        expected = None if is_flat else sum(abs(value - mean) for value in rewards) / len(rewards) / deviation
        assert same(found[name]["mean_abs_advantage"], expected), (name, rewards)
        assert found[name]["zero_variance"] is is_flat


def pairs(rewards: Sequence[float], before: Sequence[float]) -> tuple[int, int, int]:
    """Return how many pairs differed before caps, and how many of those are tied or turned round after."""
    n_pairs = n_destroyed = n_reversed = 0
    for (u, x), (v, y) in combinations(zip(before, rewards, strict=True), 2):
        if abs(u - v) > DELTA + 1e-12:
            n_pairs += 1
            n_destroyed += abs(x - y) <= QUANTUM
            n_reversed += (u - v) * (x - y) < -QUANTUM
    return n_pairs, n_destroyed, n_reversed


def test_pairs_by_enumeration(groups: tuple[Lab, dict[str, tuple[list[float], list[float]]]]) -> None:
    """The counting by ranks of stg_group_order equals the comparison of all pairs; cap_impact adds them up."""
    lab, made = groups
    found = {row["instance_id"]: row for row in lab.view("stg_group_order")}

    total = (0, 0, 0)
    for name, columns in made.items():
        expected = pairs(*columns)
        row = found[name]
        assert (row["n_pairs"], row["n_destroyed"], row["n_reversed"]) == expected, (name, columns)
        total = (total[0] + expected[0], total[1] + expected[1], total[2] + expected[2])

    impact = lab.one("cap_impact")
    assert impact["n_pairs"] == total[0]
    assert impact["destroyed_pair_rate"] == pytest.approx(total[1] / total[0])
    assert impact["reversed_pair_rate"] == pytest.approx(total[2] / total[0])
    assert 0 < total[2] < total[1]  # the random groups do reach both


def binomial_cdf(k: int, n: int, p: float) -> float:
    """Return P(X <= k)."""
    return sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1))


@pytest.mark.parametrize("group", [8, 16, 32])
@pytest.mark.parametrize("k", [0, 1, 4])
def test_resolved_turns_at_the_published_size(group: int, k: int) -> None:
    """STATISTICS 2.4: zeros prove a dead task at 108 / 215 / 430 rollouts for groups of 8 / 16 / 32, not one before."""
    p = 1 - 0.8 ** (1 / group)
    n = next(size for size in range(k + 1, 5000) if binomial_cdf(k, size, p) <= 0.05)
    if k == 0:
        assert n == {8: 108, 16: 215, 32: 430}[group]
        assert n - 1 < log(0.05) / log(1 - p) <= n

    for size, resolved in ((n - 1, False), (n, True)):
        lab = Lab(floor=0.1)
        lab.add("threshold", run_id="run-1", name="training_group", value=float(group))
        lab.group([0.9] * k + [0.1] * (size - k))

        row = lab.one("task_verdict")
        if row["verdict"] == "no_signal":
            assert row["resolved"] is resolved, (size, row["reason"])
        else:
            # Four of a few hundred are enough to keep groups of this size alive.
            assert row["verdict"] == "weak_signal"


@pytest.mark.parametrize("reader", [min, median])
def test_share_beating_weak_by_enumeration(reader: Callable[[Sequence[float]], float]) -> None:
    """A probe that earns the worst weak reward seldom beats the median; one that earns the median always does."""
    rng, lab, expected = Random(3), Lab(floor=0.05), []
    earned = {}
    for index in range(12):
        weak = [rng.randrange(20, 80) / 100 for _ in range(5)]
        lab.group(weak, instance=f"i{index:02}", policy="sim/weak")
        earned[f"i{index:02}"] = reader(weak)
        expected.append(reader(weak) >= median(weak) - QUANTUM)
    lab.probe("echo", "zero", earned)

    assert lab.one("probe_floor")["share_beating_weak_median"] == pytest.approx(sum(expected) / 12)
