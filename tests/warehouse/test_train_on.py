"""train_on: which instances to train on, and what a person is told of the others."""

import pytest

from tests.warehouse.rows import RUN, Lab

GOOD = [0.1, 0.9] * 8
"""Sixteen rewards that no group of sixteen fails to tell apart."""


def test_train_on_a_group_with_signal() -> None:
    """Trainable: no reasons, and the chance of a signal as weight: eight of sixteen successes."""
    lab = Lab()
    lab.group(GOOD, planned=16)

    row = lab.one("train_on")
    assert (row["verdict"], row["train"], row["reasons"], row["policy"]) == ("trainable", True, [], "sim/mid")
    assert row["sampling_weight"] == lab.one("stg_group_signal", group_size=16)["chance"]
    assert row["sampling_weight"] > 0.99


def test_train_on_a_weak_signal_with_a_smaller_weight() -> None:
    """STATISTICS 2.2: one success of sixteen has a signal in .651 of the groups of sixteen."""
    lab = Lab()
    lab.group([0.9] + [0.1] * 15)

    row = lab.one("train_on")
    assert (row["verdict"], row["train"]) == ("weak_signal", True)
    assert row["sampling_weight"] == pytest.approx(0.651, abs=5e-4)


def test_train_on_gives_spread_above_the_floor_its_weight() -> None:
    """All sixteen above what no work earns, and all apart: nothing is dead, whatever the posterior thinks of 16/16."""
    lab = Lab()
    lab.group([0.2 + 0.05 * index for index in range(16)])

    assert lab.one("train_on")["sampling_weight"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("rewards", "weight", "verdict"),
    [
        ([0.1] * 16, 1.0, "no_signal"),
        ([1.0] * 16, 1.0, "saturated"),
        ([0.5] * 16, 1.0, "flat"),
        (GOOD, 0.5, "unassessed"),
        ([0.1, 0.9], 1.0, "insufficient_data"),
    ],
)
def test_train_on_tells_the_verdict(rewards: list[float], weight: float, verdict: str) -> None:
    """Other verdicts exclude, in the words of the verdict and once; there is no weight to sample by."""
    lab = Lab()
    lab.group(rewards, weight=weight)

    row = lab.one("train_on")
    reason = lab.one("task_verdict")["reason"]
    assert (row["verdict"], row["train"], row["sampling_weight"]) == (verdict, False, None)
    assert row["reasons"] == [f"Verdict {verdict}: {reason}"]


def test_train_on_keeps_what_is_not_resolved() -> None:
    """Eight rollouts of which most teach nothing: a weak signal that more rollouts may overturn is still a signal."""
    lab = Lab()
    lab.group([0.9] + [0.1] * 7)

    assert lab.one("task_verdict")["resolved"] is False
    assert lab.one("train_on")["train"] is True


def test_train_on_excludes_what_is_not_ready_whatever_the_verdict() -> None:
    """Too few rollouts and too little settled: both are told."""
    lab = Lab()
    lab.group([0.1, 0.9], weight=0.5)

    reasons = lab.one("train_on")["reasons"]
    assert len(reasons) == 2
    assert reasons[1].startswith("Not ready: in half of the rollouts at most 50 % of the weight is settled, 80 %")


@pytest.mark.parametrize(("n", "excluded"), [(2, False), (8, True)])
def test_train_on_excludes_where_the_weaker_policy_wins(n: int, excluded: bool) -> None:
    """Each weak rollout beats each strong one: with two a side that happens once in 6, with eight once in 12,870.

    For every policy: the instance, or its grader, is suspect.
    """
    lab = Lab()
    lab.group(GOOD, policy="sim/mid")
    lab.group([0.6 + index / 100 for index in range(n)], policy="sim/weak")
    lab.group([0.2 + index / 100 for index in range(n)], policy="sim/strong")
    assert lab.one("difficulty")["is_negative"] is True

    row = lab.one("train_on", policy_id="sim/mid")
    assert row["train"] is not excluded
    if excluded:
        (reason,) = row["reasons"]
        assert reason.startswith("The policy named weaker does better here (mean 0.635 against 0.235)")


def test_train_on_forgives_a_loss_by_chance() -> None:
    """Negative by a hair, as every second instance is that does not tell two policies apart."""
    lab = Lab()
    lab.group([0.1, 0.9] * 7 + [0.1, 0.8], policy="sim/strong")
    lab.group(GOOD, policy="sim/weak")
    assert lab.one("difficulty")["is_negative"] is True

    assert all(row["train"] for row in lab.view("train_on"))


def test_train_on_excludes_a_family_that_pays_without_work() -> None:
    """Two zero-work probes above the floor: the worst is named."""
    lab = Lab(floor=0.1)
    lab.group(GOOD, instance="i1")
    lab.group(GOOD, instance="i2")
    lab.probe("echo", "zero", {"i1": 0.3})
    lab.probe("blank", "zero", {"i1": 0.2})
    lab.probe("empty", "zero", {"i1": 0.0})

    for row in lab.view("train_on"):
        assert row["reasons"] == [
            "The family can be hacked: echo earns 0.300 without the work, 0.100 is allowed (the worst of 2); "
            "close that first."
        ]
        assert row["train"] is False


def test_train_on_excludes_a_family_in_which_a_trick_gains() -> None:
    """An attack that adds .05 to the output without it; one that adds nothing is no reason, however much it earns."""
    lab = Lab(floor=0.1)
    lab.group(GOOD)
    for name, gained in (("praise", 0.05), ("verdict", 0.0)):
        lab.probe(name, "attack", {"i1": 0.5 + gained})
        lab.probe(f"{name}@honest", "attack", {"i1": 0.5})

    assert lab.one("train_on")["reasons"] == ["The family can be hacked: praise gains 0.050; close that first."]


@pytest.mark.parametrize(("rise", "excluded"), [(0.02, False), (0.1, True)])
def test_train_on_excludes_a_grader_that_pays_for_damage(rise: float, excluded: bool) -> None:
    """A rise of the reward under damage, unless it is too small to teach; a rise of one dimension is none."""
    lab = Lab()
    lab.group(GOOD)
    lab.operator("drop", "degrade", a="moves")
    lab.ladder("drop", [1, 0.5, 0.5 + rise], {"a": [0.0, 0.5, 1.0]})

    reasons = lab.one("train_on")["reasons"]
    expected = "The grader pays for damage: drop raises the reward by up to 0.100; mend it first."
    assert reasons == ([expected] if excluded else [])


def test_train_on_names_everything_that_speaks_against() -> None:
    """All five at once, the instance's own first."""
    lab = Lab(floor=0.1)
    lab.group([0.3, 0.4], weight=0.5)
    lab.group([0.6] * 8, policy="sim/weak")
    lab.group([0.2] * 8, policy="sim/strong")
    lab.probe("echo", "zero", {"i1": 0.2})
    lab.operator("drop", "degrade")
    lab.ladder("drop", [0.5, 0.9])

    starts = [reason.split(":")[0].split(" here")[0] for reason in lab.one("train_on", policy_id="sim/mid")["reasons"]]
    assert starts == [
        "Verdict insufficient_data",
        "Not ready",
        "The policy named weaker does better",
        "The family can be hacked",
        "The grader pays for damage",
    ]


def test_train_on_follows_the_training_group_of_the_run() -> None:
    """Larger groups seldom miss one success of sixteen."""
    lab = Lab()
    lab.add("threshold", run_id=RUN, name="training_group", value=64.0)
    lab.group([0.9] + [0.1] * 15)

    assert lab.one("train_on")["sampling_weight"] == pytest.approx(
        lab.one("stg_group_signal", group_size=64)["posterior"]
    )


def test_train_on_of_lost_groups_of_probes_and_of_nothing() -> None:
    """A planned group of which nothing is left is listed and not trained on; probes and ladders are not listed."""
    lab = Lab()
    lab.group([], lost=4, planned=4)
    lab.probe("echo", "zero", {"i1": 0.1})

    row = lab.one("train_on")
    assert (row["train"], row["verdict"], row["sampling_weight"]) == (False, "insufficient_data", None)
    assert Lab().view("train_on") == []
