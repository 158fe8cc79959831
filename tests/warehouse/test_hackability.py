"""hackability: how much of honest weak pay the best zero-work probe gets."""

import math
from random import Random

import pytest
from scipy import stats

from tests.warehouse.rows import FAMILY, Lab


def test_hackability_of_the_worked_example() -> None:
    """STATISTICS 5.2: H = .31, floor .10, weak mean .42 give .656; the probe beats the weak median nowhere."""
    lab = Lab(floor=0.1)
    for instance in ("a", "b"):
        lab.group([0.32, 0.52], instance=instance, policy="sim/weak")
        lab.group([0.97], instance=instance, policy="sim/strong")
    lab.probe("echo", "zero", {"a": 0.30, "b": 0.32})
    lab.probe("blank", "zero", {"a": 0.0, "b": 0.45})
    lab.probe("pad", "shortcut", {"a": 0.9, "b": 0.9})

    row = lab.one("hackability")
    assert (row["best_probe"], row["n_instances"], row["floor"]) == ("echo", 2, 0.1)
    assert row["best_mean"] == pytest.approx(0.31)
    # The most that any zero-work probe earned anywhere, here another one.
    assert row["best_max"] == 0.45
    assert (row["weak_policy"], row["weak_mean"], row["strong_mean"]) == ("sim/weak", pytest.approx(0.42), 0.97)
    assert row["hack_ratio"] == pytest.approx(0.21 / 0.32)
    assert (row["ci_low"], row["ci_high"]) == (None, None)
    # No hit in two: 1 - .05^(1/2).
    assert row["share_beating_weak_median"] == 0
    assert row["beating_upper"] == pytest.approx(1 - math.sqrt(0.05), abs=1e-8)


def test_hackability_takes_the_first_of_equals() -> None:
    """Means that differ by a rounding error are a tie, and ties go by name."""
    lab = Lab()
    lab.probe("b", "zero", {"i1": 0.1 + 0.2})
    lab.probe("a", "zero", {"i1": 0.3})

    assert lab.one("hackability")["best_probe"] == "a"


def random_lab(n: int) -> tuple[Lab, list[float], list[float]]:
    """Return n instances with a weak and a probe reward each, and both columns."""
    rng = Random(n)
    weak = [rng.randrange(30, 80) / 100 for _ in range(n)]
    probe = [rng.randrange(10, 60) / 100 for _ in range(n)]
    lab = Lab(floor=0.1)
    for index, reward in enumerate(weak):
        lab.group([reward], instance=f"i{index:02}", policy="sim/weak")
    lab.probe("echo", "zero", {f"i{index:02}": reward for index, reward in enumerate(probe)})
    return lab, weak, probe


def test_hackability_interval_is_that_of_a_linearised_ratio() -> None:
    """Cochran (1977), section 2.11: residuals y - R x, their variance over n and the squared mean of x; t, n - 1."""
    lab, weak, probe = random_lab(12)
    y, x = [value - 0.1 for value in probe], [value - 0.1 for value in weak]
    ratio = sum(y) / sum(x)
    residual = sum((b - ratio * a) ** 2 for a, b in zip(x, y, strict=True)) / 11
    half = stats.t.ppf(0.975, 11) * math.sqrt(residual / 12) / (sum(x) / 12)

    row = lab.one("hackability")
    assert row["hack_ratio"] == pytest.approx(ratio)
    assert row["ci_low"] == pytest.approx(ratio - half, abs=1e-3)
    assert row["ci_high"] == pytest.approx(ratio + half, abs=1e-3)


def test_hackability_beating_upper_is_clopper_pearson() -> None:
    """One-sided 95 % bound: the 95 % point of Beta(k + 1, n - k)."""
    lab, weak, probe = random_lab(12)
    k = sum(b >= a for a, b in zip(weak, probe, strict=True))
    assert 0 < k < 12

    row = lab.one("hackability")
    assert row["share_beating_weak_median"] == pytest.approx(k / 12)
    assert row["beating_upper"] == pytest.approx(stats.beta.ppf(0.95, k + 1, 12 - k), abs=1e-8)


def test_hackability_bound_of_fifty_nine_without_a_hit() -> None:
    """STATISTICS 5.2: 59 instances, none beaten, prove at most 5 %; nine instances bear no interval."""
    lab = Lab(floor=0.1)
    with lab.together():
        lab.add("probe", family=FAMILY, probe="echo", kind="zero", summary="s")
        for index in range(59):
            for policy, kind, reward in (("sim/weak", "simulated", 0.5), ("probe/echo", "probe", 0.1)):
                lab.place(f"i{index}", policy, kind)
                lab.composite(lab.rollout(f"i{index}", policy, 0), reward)

    row = lab.one("hackability")
    assert 0.049 < row["beating_upper"] < 0.05
    assert row["hack_ratio"] == pytest.approx(0)
    # Equal everywhere: an interval of no width would claim a certainty that nobody has.
    assert (row["ci_low"], row["ci_high"]) == (None, None)


def test_hackability_where_all_are_beaten_or_weak_pay_is_nothing() -> None:
    """A probe above the weak policy everywhere: bound 1; weak pay at the floor: no ratio, but the share stands."""
    lab = Lab(floor=0.1)
    lab.group([0.1], instance="a", policy="sim/weak")
    lab.probe("echo", "zero", {"a": 0.3})

    row = lab.one("hackability")
    assert (row["hack_ratio"], row["share_beating_weak_median"], row["beating_upper"]) == (None, 1, 1)


def test_hackability_without_a_weak_anchor_a_family_or_a_zero_probe() -> None:
    """What is not there is null: no anchor, no share; lost probes and other kinds give no row."""
    lab = Lab(weak=None, strong=None)
    lab.probe("echo", "zero", {"i1": 0.3})
    row = lab.one("hackability")
    assert (row["best_mean"], row["n_instances"], row["weak_mean"]) == (0.3, 0, None)
    names = ("weak_policy", "strong_mean", "hack_ratio", "ci_low", "share_beating_weak_median", "beating_upper")
    assert [row[name] for name in names] == [None] * 6

    other = Lab()
    other.probe("pad", "shortcut", {"i1": 0.3})
    other.add("probe", family=FAMILY, probe="echo", kind="zero", summary="s")
    other.group([], policy="probe/echo", kind="probe", lost=1)
    assert other.view("hackability") == []
    assert Lab().view("hackability") == []


def test_hackability_compares_on_shared_instances() -> None:
    """The weak anchor was lost on one of the probe's instances: that one is in the probe's mean, not in the ratio."""
    lab = Lab(floor=0.1)
    lab.group([0.5], instance="a", policy="sim/weak")
    lab.group([], instance="b", policy="sim/weak", lost=1)
    lab.probe("echo", "zero", {"a": 0.3, "b": 0.9})

    row = lab.one("hackability")
    assert (row["best_mean"], row["n_instances"]) == (pytest.approx(0.6), 1)
    assert row["hack_ratio"] == pytest.approx(0.5)
