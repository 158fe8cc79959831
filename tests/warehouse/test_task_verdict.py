"""task_verdict: the nine verdicts, what is proven, and the sentence a person reads."""

from collections.abc import Sequence

import pytest

from tests.warehouse.rows import RUN, Lab


def spaced(low: float, high: float) -> list[float]:
    """Return 16 evenly spaced numbers."""
    return [low + (high - low) * step / 15 for step in range(16)]


# STATISTICS 3.1: eight rollouts, weights .35/.25/.20/.20, capped at .3 where preservation is below .5.
MATRIX = (
    (0.25, 1, 1, 1), (0.25, 0.5, 1, 0.5), (0.33, 0.8, 1, 1), (0.42, 1, 0.5, 0.8),
    (0.25, 1, 0.5, 1), (0.42, 0.5, 0.5, 0.5), (1, 1, 1, 1), (0.92, 0.5, 1, 1),
)  # fmt: skip
UNCAPPED = [0.35 * a + 0.25 * b + 0.2 * c + 0.2 * d for a, b, c, d in MATRIX]
CAPPED = [min(u, 0.3) if row[0] < 0.5 else u for u, row in zip(UNCAPPED, MATRIX, strict=True)]


@pytest.mark.parametrize(
    ("rewards", "uncapped", "planned", "weight", "verdict", "resolved"),
    [
        # The twelve fixture cases of STATISTICS 2.3 (floor .1, ceiling 1), judge noise apart.
        ([0.1] * 16, None, 16, 1.0, "no_signal", False),
        ([0.1] * 256, None, 256, 1.0, "no_signal", True),
        ([1.0] * 16, None, 16, 1.0, "saturated", False),
        ([0.3] * 16, spaced(0.35, 0.75), 16, 1.0, "clamped", True),
        (CAPPED, UNCAPPED, 8, 1.0, "clamped", True),
        ([0.25] * 16, None, 16, 1.0, "flat", False),
        ([0.1] * 12 + [0.9] * 4, None, 16, 1.0, "trainable", True),
        # g = 8: C(15, 8) / C(16, 8) = 1/2 dead, more than .2; at the training size of 16 it may yet be less.
        ([0.1] * 15 + [0.9], None, 16, 1.0, "weak_signal", False),
        (spaced(0.2, 0.9), None, 16, 1.0, "trainable", True),
        ([0.5] * 8, None, 16, 1.0, "insufficient_data", False),
        (spaced(0.2, 0.9), None, 16, 0.6, "unassessed", True),
        # Beyond the fixtures: too few rollouts, proven saturation, proven flatness, a ceiling within the difference.
        ([0.1, 0.9] * 3, None, 6, 1.0, "insufficient_data", False),
        ([1.0] * 256, None, 256, 1.0, "saturated", True),
        ([0.25] * 256, None, 256, 1.0, "flat", True),
        ([0.985] * 16, None, 16, 1.0, "saturated", False),
        # One success in 256 at p = 1 - .8^(1/16) = .01385: .98615^256 (1 + 256 * .01405) = .13, more than .05.
        ([0.1] * 255 + [0.9], None, 256, 1.0, "no_signal", False),
    ],
)
def test_task_verdict_first_match(
    rewards: Sequence[float],
    uncapped: Sequence[float] | None,
    planned: int,
    weight: float,
    verdict: str,
    resolved: bool,
) -> None:
    """Each verdict on a group made for it."""
    lab = Lab(floor=0.1)
    lab.group(rewards, uncapped, planned=planned, weight=weight)

    row = lab.one("task_verdict")
    assert (row["verdict"], row["resolved"]) == (verdict, resolved)
    assert row["reason"]
    assert "{" not in row["reason"]


def noisy_group(lab: Lab, rewards: Sequence[float], swing: float) -> None:
    """Add a group with one dimension that a judge scored twice, `swing` above and below the reward."""
    lab.rubric(tone=1.0)
    lab.group(rewards)
    for sample, reward in enumerate(rewards):
        lab.judge(f"i1/sim/mid/{sample}", "tone", [reward - swing, reward + swing])


@pytest.mark.parametrize(
    ("swing", "verdict"),
    [
        # Steps of .1 / 15: variance (.1 / 15)^2 * 340 / 15 = .001007. Two repeats at +-swing have variance
        # 2 swing^2, their mean swing^2.
        (0.03, "noisy"),  # 1 - .0009 / .001007 = .106
        (0.02, "weak_signal"),  # 1 - .0004 / .001007 = .603
        (0.01, "trainable"),  # 1 - .0001 / .001007 = .901
    ],
)
def test_task_verdict_sees_judge_noise(swing: float, verdict: str) -> None:
    """Repeats of a judge that differ as much as the rewards do are noise, not signal."""
    lab = Lab()
    rewards = spaced(0.5, 0.6)
    noisy_group(lab, rewards, swing)

    row = lab.one("task_verdict")
    mean = sum(rewards) / 16
    variance = sum((reward - mean) ** 2 for reward in rewards) / 15
    assert row["signal_share"] == pytest.approx(max(0.0, 1 - swing**2 / variance))
    assert row["verdict"] == verdict


def test_task_verdict_of_no_rows_is_empty() -> None:
    """No rollouts, no verdicts."""
    assert Lab().view("task_verdict") == []


def test_task_verdict_is_for_groups_only() -> None:
    """Probes, ladders and the oracle attempt an instance once and get no verdict."""
    lab = Lab()
    lab.group([0.1] * 16, policy="probe/echo", kind="probe")
    lab.group([1.0], policy="oracle", kind="oracle")

    assert lab.view("task_verdict") == []


def test_task_verdict_measures_floor_and_ceiling() -> None:
    """The best zero-work probe and the oracle of the instance overrule the declared floor and the 1."""
    lab = Lab(floor=0.1)
    lab.group([0.3] * 16, instance="low")
    lab.group([0.8] * 16, instance="high")
    lab.probe("echo", "zero", {"low": 0.3})
    lab.probe("overfit", "shortcut", {"high": 0.8})
    lab.group([0.8], instance="high", policy="oracle", kind="oracle")

    low, high = lab.one("task_verdict", instance_id="low"), lab.one("task_verdict", instance_id="high")
    assert (low["verdict"], low["floor"], low["ceiling"]) == ("no_signal", 0.3, 1.0)
    assert (high["verdict"], high["floor"], high["ceiling"]) == ("saturated", 0.1, 0.8)


def test_task_verdict_of_a_lost_group_says_so() -> None:
    """Lost rollouts make for too little data, never for a group at the floor."""
    lab = Lab()
    lab.group([], lost=16, planned=16)

    row = lab.one("task_verdict")
    assert (row["verdict"], row["mean_reward"], row["resolved"]) == ("insufficient_data", None, False)
    assert row["reason"] == (
        "0 of 16 planned rollouts could be graded (16 lost to infrastructure); run the missing ones again."
    )


def test_task_verdict_names_the_cap() -> None:
    """The reason of a clamped group names the flag and gives both shares."""
    lab = Lab()
    lab.group(CAPPED, UNCAPPED, planned=8)

    # 6 of 8 capped; 14 of 27 pairs (STATISTICS 3.1).
    row = lab.one("task_verdict")
    assert row["destroyed_pair_rate"] == pytest.approx(14 / 27)
    assert row["reason"].startswith("75 % of the rollouts are capped (too_long) and 52 % of the ordered pairs")


def test_task_verdict_reads_the_thresholds_of_the_run() -> None:
    """A run that is content with four rollouts gets a verdict on four."""
    lab = Lab()
    lab.group([0.1, 0.5, 0.7, 0.9])
    assert lab.one("task_verdict")["verdict"] == "insufficient_data"

    lab.add("threshold", run_id=RUN, name="min_graded", value=4.0)
    assert lab.one("task_verdict")["verdict"] == "trainable"


def test_taskset_health_shares_add_up_to_one() -> None:
    """Four instances: one trainable, one saturated, one at the floor, one clamped."""
    lab = Lab()
    lab.group(spaced(0.2, 0.9), instance="a")
    lab.group([1.0] * 16, instance="b")
    lab.group([0.1] * 256, instance="c")
    lab.group([0.3] * 16, spaced(0.35, 0.75), instance="d")

    row = lab.one("taskset_health")
    assert row["n_instances"] == 4
    shares = {name: share for name, share in row.items() if name.startswith("share_") and name != "share_resolved"}
    assert {name for name, share in shares.items() if share == 0.25} == {
        "share_trainable", "share_saturated", "share_no_signal", "share_clamped",
    }  # fmt: skip
    assert sum(shares.values()) == pytest.approx(1)
    # Sixteen ones prove nothing; the other three are resolved.
    assert row["share_resolved"] == 0.75


def test_taskset_health_of_no_rows_is_empty() -> None:
    """No verdicts, no shares."""
    assert Lab().view("taskset_health") == []
