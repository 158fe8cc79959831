"""cap_attribution: what each cap destroys, by leaving it out."""

from collections.abc import Sequence
from itertools import combinations
from math import prod, sqrt
from random import Random
from typing import Any

import pytest

from tests.warehouse.rows import Lab
from tests.warehouse.test_task_verdict import CAPPED, UNCAPPED

DELTA, QUANTUM = 0.02, 1e-9


def capped_group(
    lab: Lab,
    uncapped: Sequence[float],
    flags: Sequence[Sequence[str]],
    ceilings: dict[str, float],
    cap_mode: str = "scaled",
    instance: str = "i1",
) -> None:
    """Add a group whose rewards are what the caps of its flags leave."""
    with lab.together():
        lab.place(instance, "sim/mid")
        for sample, (before, found) in enumerate(zip(uncapped, flags, strict=True)):
            rollout_id = lab.rollout(instance, "sim/mid", sample)
            lab.composite(rollout_id, reward(before, found, ceilings, cap_mode), before, flags=found)


def reward(before: float, flags: Sequence[str], ceilings: dict[str, float], cap_mode: str) -> float:
    """Return the composite as graders/composite.py says it."""
    left = [ceilings.get(flag, 1.0) for flag in flags]
    return min([before, *left]) if cap_mode == "hard" else before * prod(left)


def test_cap_attribution_of_one_hard_cap() -> None:
    """STATISTICS 3.1: a lid of .3 on six of eight destroys 14 of 27 pairs; without it none is."""
    lab = Lab()
    lab.work_factor(1.0, "hard")
    lab.cap("too_long", 0.3)
    lab.group(CAPPED, UNCAPPED)

    row = lab.one("cap_attribution")
    assert (row["flag"], row["n_triggered"], row["share_triggered"], row["ceiling"]) == ("too_long", 6, 0.75, 0.3)
    assert row["n_pairs"] == 27
    assert row["destroyed_pair_rate"] == pytest.approx(14 / 27)
    assert row["destroyed_without"] == 0
    assert row["destroyed_by_cap"] == pytest.approx(14 / 27)
    impact = lab.one("cap_impact")
    assert row["std_capped"] == pytest.approx(impact["std_capped"])
    assert row["std_without"] == pytest.approx(impact["std_uncapped"])
    # Groups of four: 15 of the 70 hold only capped ones, and C(6, 4) = 15.
    assert row["dead_share"] == pytest.approx(15 / 70)
    assert row["dead_share"] == pytest.approx(lab.one("group_spread")["dead_at_g"])
    assert row["dead_share_without"] == pytest.approx(0)


def test_cap_attribution_scaled_cap_destroys_nothing() -> None:
    """A cap that multiplies lowers the spread and ties nothing."""
    lab = Lab()
    lab.work_factor(1.0)
    lab.cap("long", 0.5)
    capped_group(lab, [0.2, 0.6, 1.0], [["long"]] * 3, {"long": 0.5})

    row = lab.one("cap_attribution")
    assert (row["destroyed_pair_rate"], row["destroyed_without"], row["destroyed_by_cap"]) == (0, 0, 0)
    # .1, .3, .5 against .2, .6, 1: sample standard deviations .2 and .4.
    assert row["std_capped"] == pytest.approx(0.2)
    assert row["std_without"] == pytest.approx(0.4)
    # Fewer than four rollouts have no half.
    assert (row["dead_share"], row["dead_share_without"]) == (None, None)


def test_cap_attribution_of_caps_that_hide_each_other() -> None:
    """Two lids of .3 on the same three rollouts: leaving out either changes nothing, though together they tie all."""
    lab = Lab()
    lab.work_factor(1.0, "hard")
    ceilings = {"long": 0.3, "passive": 0.3}
    for flag, ceiling in ceilings.items():
        lab.cap(flag, ceiling)
    capped_group(lab, [0.5, 0.7, 0.9], [["long", "passive"]] * 3, ceilings, "hard")

    rows = lab.view("cap_attribution")
    assert [row["flag"] for row in rows] == ["long", "passive"]
    for row in rows:
        assert (row["destroyed_pair_rate"], row["destroyed_without"], row["destroyed_by_cap"]) == (1, 1, 0)


def test_cap_attribution_of_a_zero_ceiling_and_of_a_flag_without_one() -> None:
    """Zero ties by multiplication, too; a flag that is only recorded costs nothing and is listed."""
    lab = Lab()
    lab.work_factor(1.0)
    lab.cap("empty", 0.0)
    capped_group(
        lab,
        [0.2, 0.4, 0.8, 0.6],
        [["empty"], ["empty"], ["addresses_judge"], []],
        {"empty": 0.0, "addresses_judge": 1.0},
    )

    recorded, empty = lab.view("cap_attribution")
    # Pairs: all six differ; the two emptied ones tie.
    assert empty["destroyed_by_cap"] == pytest.approx(1 / 6)
    assert (recorded["flag"], recorded["ceiling"], recorded["destroyed_by_cap"]) == ("addresses_judge", 1, 0)
    assert recorded["std_without"] == recorded["std_capped"]
    assert recorded["dead_share_without"] == recorded["dead_share"]
    # Groups of two: one of six pairs is dead, and none without the cap.
    assert (empty["dead_share"], empty["dead_share_without"]) == (pytest.approx(1 / 6), pytest.approx(0))


def test_cap_attribution_counts_groups_that_the_cap_never_touched() -> None:
    """Rates are over all pairs of the policy, as in cap_impact."""
    lab = Lab()
    lab.work_factor(1.0, "hard")
    lab.cap("long", 0.1)
    capped_group(lab, [0.5, 0.9], [["long"], ["long"]], {"long": 0.1}, "hard", "i1")
    capped_group(lab, [0.5, 0.9], [[], []], {}, "hard", "i2")

    row = lab.one("cap_attribution")
    assert (row["share_triggered"], row["n_pairs"], row["destroyed_by_cap"]) == (0.5, 2, 0.5)


def test_cap_attribution_of_one_rollout_of_lost_ones_and_of_probes() -> None:
    """No pairs, no rate; nothing without a flag; a probe's flags are not a policy's."""
    lab = Lab()
    lab.cap("too_long", 0.3)
    lab.group([0.3], [0.5], lost=2)
    lab.group([0.3], [0.5], policy="probe/pad", kind="probe")
    lab.group([0.5] * 4, instance="i2", policy="sim/other")

    row = lab.one("cap_attribution")
    assert (row["policy_id"], row["n_triggered"], row["share_triggered"]) == ("sim/mid", 1, 1)
    names = ("destroyed_pair_rate", "destroyed_without", "destroyed_by_cap", "std_capped", "std_without", "dead_share")
    assert [row[name] for name in names] == [None] * 6
    assert Lab().view("cap_attribution") == []


def figures(groups: Sequence[tuple[Sequence[float], Sequence[float]]]) -> dict[str, float | None]:
    """Return rate, deviation and dead share of (before caps, after caps), each pair and subset counted out."""
    n_pairs = n_destroyed = degrees = 0
    squares, dead = 0.0, []
    for before, after in groups:
        for (u, x), (v, y) in combinations(zip(before, after, strict=True), 2):
            if abs(u - v) > DELTA + 1e-12:
                n_pairs += 1
                n_destroyed += abs(x - y) <= QUANTUM
        middle = sum(after) / len(after)
        squares += sum((x - middle) ** 2 for x in after)
        degrees += len(after) - 1
        size = len(after) // 2
        if size >= 2:
            subsets = list(combinations(after, size))
            dead.append(sum(max(s) - min(s) <= DELTA + 1e-12 for s in subsets) / len(subsets))
    return {
        "rate": n_destroyed / n_pairs if n_pairs else None,
        "std": sqrt(squares / degrees) if degrees else None,
        "dead": sum(dead) / len(dead) if dead else None,
    }


@pytest.mark.parametrize("cap_mode", ["scaled", "hard"])
@pytest.mark.parametrize("seed", range(3))
def test_cap_attribution_by_brute_force(cap_mode: str, seed: int) -> None:
    """Random groups with up to four flags each: every composite composed anew, every pair and subset counted out."""
    rng = Random(f"{cap_mode} {seed}")
    ceilings = {"a": 0.3, "b": 0.3, "c": 0.0, "seen": 1.0}
    lab = Lab()
    lab.work_factor(0.2, cap_mode)
    for flag in "abc":
        lab.cap(flag, ceilings[flag])
    made: list[tuple[list[float], list[list[str]]]] = []
    for index in range(12):
        n = rng.randint(1, 9)
        uncapped = [rng.randrange(0, 101) / 100 for _ in range(n)]
        flags = [[flag for flag in ceilings if rng.random() < 0.3] for _ in range(n)]
        capped_group(lab, uncapped, flags, ceilings, cap_mode, f"i{index:02}")
        made.append((uncapped, flags))

    def without(dropped: str | None) -> dict[str, float | None]:
        kept = {**ceilings, **({dropped: 1.0} if dropped else {})}
        return figures([(u, [reward(x, f, kept, cap_mode) for x, f in zip(u, fs, strict=True)]) for u, fs in made])

    found: dict[str, dict[str, Any]] = {row["flag"]: row for row in lab.view("cap_attribution")}
    assert found.keys() == ceilings.keys()
    whole = without(None)
    for flag, row in found.items():
        less = without(flag)
        assert row["n_triggered"] == sum(flag in fs for _, flags in made for fs in flags)
        assert row["destroyed_pair_rate"] == pytest.approx(whole["rate"])
        assert row["destroyed_without"] == pytest.approx(less["rate"])
        assert row["std_capped"] == pytest.approx(whole["std"])
        assert row["std_without"] == pytest.approx(less["std"])
        assert row["dead_share"] == pytest.approx(whole["dead"])
        assert row["dead_share_without"] == pytest.approx(less["dead"], abs=1e-9)
