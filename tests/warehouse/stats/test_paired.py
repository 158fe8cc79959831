"""Paired changes: what is claimed, what is not, and how often a claim is wrong."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.warehouse.stats.test_equivalence import DIFFERENCES
from warehouse.stats.paired import PairedChange, adjusted, interval, paired_change


def arms(differences: list[float]) -> tuple[dict[str, float], dict[str, float]]:
    """Return two arms that differ by these, instance by instance; half of the instances start at 0, half at 1."""
    before = {f"i{place}": float(d < 0) for place, d in enumerate(differences)}
    return before, {f"i{place}": float(d < 0) + d for place, d in enumerate(differences)}


def changed(n: int, up: int = 0, down: int = 0, size: float = 1.0, margin: float = 0.05) -> PairedChange:
    """Compare n instances of which some rose and some fell by `size`."""
    return paired_change(*arms([size] * up + [-size] * down + [0.0] * (n - up - down)), margin)


def test_twenty_small_differences_are_flat() -> None:
    """TOST says 3.2e-7 at .05; at .01 its 90 % interval, -.0075 to .0145, does not fit."""
    flat, unclear = (paired_change(*arms(DIFFERENCES), margin) for margin in (0.05, 0.01))

    assert (flat.status, flat.n_to_decide) == ("flat", None)
    assert flat.tost_p == pytest.approx(3.2295e-7, abs=1e-10)
    assert (flat.n, flat.delta, flat.se) == (20, pytest.approx(0.0035), pytest.approx(0.0063774, abs=1e-7))
    # 8.5638 * (.02852 / .01)^2 = 69.7.
    assert (unclear.status, unclear.n_to_decide) == ("unclear", 70)


def test_no_change_at_all_is_flat_from_59_instances_on() -> None:
    """A standard deviation of 0 proves nothing: up to 1 - .05^(1/n) may change, which is .0722 of 40, .0495 of 59."""
    for n in (10, 40, 58):
        change = changed(n)
        assert (change.status, change.tost_p, change.p, change.n_to_decide) == ("unclear", None, 1.0, 59)
    assert changed(59).status == "flat"
    # Two-sided: 1 - .025^(1/40).
    assert (changed(40).ci_low, changed(40).ci_high) == pytest.approx((-0.0881, 0.0881), abs=5e-5)


def test_one_change_of_few_is_not_flat_though_t_says_so() -> None:
    """1 of 59: TOST p = .028. Of 93 the exact bound of the share is .04999."""
    one = changed(59, up=1)
    assert one.tost_p is not None
    assert one.tost_p < 0.05
    assert (one.status, one.n_to_decide) == ("unclear", 93)
    assert [changed(n, down=1).status for n in (92, 93)] == ["unclear", "flat"]


def test_a_jump_beside_noise_is_no_better_known_than_a_jump_alone() -> None:
    """Noise below a tenth of the margin does not make one jump of sixty look like one of many values."""
    noise = [0.001 * (place % 5 - 2) for place in range(59)]

    assert paired_change(*arms([1.0, *noise]), 0.05).status == "unclear"
    assert paired_change(*arms([*noise, 0.0]), 0.05).status == "unclear"  # .0487 of 60 at most, and .002 of noise
    assert paired_change(*arms([*noise, *noise]), 0.05).status == "flat"


def test_eleven_of_eighty_moved_and_thirteen_regressed() -> None:
    """The paired t test: 11/80 = .1375, s = .3465, t = 3.549 with 79 degrees of freedom."""
    moved, regressed = changed(80, up=11), changed(80, down=13)

    assert moved.status == "moved"
    assert moved.p == pytest.approx(2 * stats.t.sf(0.1375 / (0.346547 / 80**0.5), 79), rel=1e-4)
    assert moved.ci_low is not None
    assert 0 < moved.ci_low < 0.1375
    assert (regressed.status, regressed.delta) == ("regressed", -0.1625)


def test_few_changes_are_tested_exactly() -> None:
    """Four of forty fell: a t interval below 0, but 2 of 16 ways to turn the signs are as extreme; eight: 2 of 256."""
    four, eight = changed(40, down=4), changed(40, down=8)

    assert (four.status, four.p) == ("unclear", 0.125)
    assert (eight.status, eight.p) == ("regressed", pytest.approx(2 / 256))


def test_differences_all_alike() -> None:
    """By 1 on each of 12: 2^-11. By .1: what none of them showed may outweigh it, so it is not claimed."""
    far, near = changed(12, up=12), changed(20, up=20, size=0.1)

    assert (far.status, far.p, far.tost_p) == ("moved", 2.0**-11, None)
    assert near.status == "unclear"
    assert near.ci_low is not None
    assert near.ci_low < 0


@pytest.mark.parametrize(("n", "delta", "se"), [(0, None, None), (1, 0.0, None), (9, 0.0, 0.0)])
def test_fewer_than_ten_instances_say_nothing(n: int, delta: float | None, se: float | None) -> None:
    """No interval, no p value, and never flat."""
    change = changed(n)

    assert (change.status, change.delta, change.se) == ("unclear", delta, se)
    assert (change.ci_low, change.ci_high, change.p, change.tost_p) == (None,) * 4
    assert "at least 10" in change.reason


def test_only_shared_instances_count() -> None:
    """What one arm did not attempt is no 0."""
    before, after = arms([1.0] * 12 + [0.0] * 12)
    only_after = {name: value for name, value in after.items() if name != "i0"} | {"other": 0.0}

    assert paired_change(before, only_after, 0.05).n == 23


def test_a_margin_is_needed() -> None:
    """Everything differs from nothing."""
    with pytest.raises(ValueError, match="margin"):
        changed(20, margin=0.0)


def test_rounding_is_no_change() -> None:
    """Means of the same rewards, added up in another order, do not differ."""
    before = {f"i{place}": 0.1 + 0.2 for place in range(59)}

    assert paired_change(before, dict.fromkeys(before, 0.3), 0.05).status == "flat"


def test_claims_are_withdrawn_where_many_are_made() -> None:
    """p = .00065 and thirty times 1: Holm makes .0203 of it; with eighty it is .053 and the claim is gone."""
    moved, nothing = changed(80, up=11), changed(80)
    few, many = adjusted([moved, *[nothing] * 30])[0], adjusted([moved, *[nothing] * 80])[0]

    assert (few.status, few.p_holm) == ("moved", pytest.approx(31 * 0.000655, abs=1e-4))
    assert (many.status, many.p_holm) == ("unclear", pytest.approx(81 * 0.000655, abs=1e-4))
    assert many.n_to_decide is not None
    assert 80 < many.n_to_decide < 200
    assert adjusted([changed(3)])[0] == changed(3)


def test_near_the_margin_more_instances_are_planned() -> None:
    """1504 instances suffice if nothing changed; at .04 it is the gap of .01 that must be told from nothing."""
    near = changed(1600, up=384, down=320)

    assert (near.status, near.delta) == ("unclear", pytest.approx(0.04))
    assert near.n_to_decide is not None
    assert near.n_to_decide > 10_000
    # (1.6449 + .8416)^2 * (.6623 / .01)^2
    assert near.n_to_decide == pytest.approx(27_100, rel=0.01)


@pytest.mark.parametrize("n", [10, 19, 20, 2001])
def test_interval_holds_the_mean_and_stays_within_the_ends(n: int) -> None:
    """With t, with the bootstrap, and at their borders; the same seed gives the same ends."""
    values = [float(place % 3 == 0) for place in range(n)]
    low, high = interval(values, 0.95, (0.0, 1.0))

    assert 0 <= low < sum(values) / n < high <= 1
    assert (low, high) == interval(values, 0.95, (0.0, 1.0))


def test_interval_is_the_bootstrap_of_the_library() -> None:
    """BCa with two thousand draws, as scipy has it."""
    found = stats.bootstrap((DIFFERENCES,), np.mean, n_resamples=2000, method="BCa", rng=np.random.default_rng(0))

    assert interval(DIFFERENCES, 0.95, (-1.0, 1.0)) == (found.confidence_interval.low, found.confidence_interval.high)


@given(st.lists(st.sampled_from([-1.0, -0.5, -0.01, 0.0, 0.01, 0.5, 1.0]), max_size=40))
@settings(max_examples=40, deadline=None)
def test_turning_the_signs_turns_the_verdict(differences: list[float]) -> None:
    """What moved regresses when the arms change places; flat and unclear stay; a claim has its size and its p."""
    there, back = paired_change(*arms(differences), 0.05), paired_change(*reversed(arms(differences)), 0.05)
    turned = {"moved": "regressed", "regressed": "moved"}

    if there.ci_low is not None and abs(there.ci_low) > 0.02 and abs(there.ci_high or 0) > 0.02:
        assert back.status == turned.get(there.status, there.status)
    assert back.p == pytest.approx(there.p)
    if there.status in turned:
        assert there.delta is not None
        assert abs(there.delta) >= 0.05
        assert there.p is not None
        assert there.p < 0.05
    assert (there.status == "unclear") or there.n_to_decide is None
    assert there.n_to_decide is None or there.n_to_decide > there.n


@pytest.mark.parametrize(
    ("name", "n"), [("rare", 40), ("rare", 59), ("rare", 150), ("half", 60), ("zero inflated", 59), ("normal", 40)]
)
def test_flat_is_seldom_claimed_of_a_change_of_the_margin(name: str, n: int) -> None:
    """True change .05 = margin: the error aimed at is 5 %.

    200 draws and at most 23 errors (.115): at a true error of .07 this fails once in a hundred times, were the seed
    not fixed. The t test alone errs in .08 to .36 of the first five.
    """
    rng = np.random.default_rng(3)
    draw = {
        "rare": lambda: (rng.random(n) < 0.05).astype(float),
        "half": lambda: 0.5 * (rng.random(n) < 0.1),
        "zero inflated": lambda: np.minimum(1, (rng.random(n) < 0.25) * rng.exponential(0.2, n)),
        "normal": lambda: rng.normal(0.05, 0.1, n),
    }[name]
    wrong = sum(paired_change(*arms(draw().tolist()), 0.05).status == "flat" for _ in range(200))

    assert wrong <= 23


def test_holm_does_not_touch_flat() -> None:
    """Several equivalences need no correction."""
    flat = changed(59)

    assert adjusted([flat, changed(80, up=11)])[0] == replace(flat, p_holm=1.0)
