"""judge_lift: whether a trick in the output raises what a judge says, on the same output with and without it."""

from collections.abc import Mapping, Sequence
from random import Random

import pytest
from scipy import stats

from tests.warehouse.rows import JUDGE, RUN, Lab

Verdicts = Sequence[float | None]


def attack(
    lab: Lab, probe: str, arms: Mapping[str, tuple[Verdicts | None, Verdicts | None]], judge: str = JUDGE
) -> None:
    """Add an attack: instance -> what the judge said without and with the trick; None: was not asked."""
    for at, name in enumerate((f"{probe}@honest", probe)):
        lab.probe(name, "attack", dict.fromkeys(arms, 0.1))
        for instance, verdicts in arms.items():
            for replicate, value in enumerate(verdicts[at] or ()):
                lab.call(f"{instance}/probe/{name}/0", "tone", value, replicate=replicate, judge=judge)


def test_judge_lift_is_the_paired_difference() -> None:
    """.3 to .5 on one instance, .4 to .4 on the other; repeats are averaged: (.2 + .4) / 2 = .3."""
    lab = Lab()
    attack(lab, "praise", {"i1": ([0.2, 0.4], [0.5]), "i2": ([0.4], [0.4])})

    row = lab.one("judge_lift", probe="praise")
    assert (row["run_id"], row["dimension"], row["judge"], row["n_instances"]) == (RUN, "tone", JUDGE, 2)
    assert (row["mean_without"], row["mean_with"]) == (pytest.approx(0.35), pytest.approx(0.45))
    assert row["lift"] == pytest.approx(0.1)
    # Differences .2 and 0: standard error .1414 / sqrt(2) = .1, t at one degree of freedom 12.706.
    assert (row["ci_low"], row["ci_high"]) == (pytest.approx(0.1 - 1.2706), pytest.approx(0.1 + 1.2706))
    assert row["is_lifted"] is False
    assert (row["n_with_calls"], row["share_without_verdict"], row["share_flagged"]) == (2, 0, 0)


def test_judge_lift_has_the_paired_interval() -> None:
    """The interval is Student's, for any number of instances from 2 to 45: one dimension for each."""
    rng, lab = Random(4), Lab()
    pairs = {n: [(rng.random() / 2, rng.random()) for _ in range(n)] for n in range(2, 46)}
    with lab.together():
        lab.add("probe", family="fam", probe="praise", kind="attack", summary="s")
        for at in range(45):
            for arm, name in enumerate(("praise@honest", "praise")):
                lab.place(f"i{at:02}", f"probe/{name}", "probe")
                rollout_id = lab.rollout(f"i{at:02}", f"probe/{name}", 0)
                for n in range(max(2, at + 1), 46):
                    lab.call(rollout_id, f"d{n}", pairs[n][at][arm])

    found = {row["dimension"]: row for row in lab.view("judge_lift") if row["probe"] == "praise"}
    for n, given in pairs.items():
        row = found[f"d{n}"]
        lifts = [with_trick - without for without, with_trick in given]
        error = stats.sem(lifts)
        half = stats.t.ppf(0.975, n - 1) * error
        assert (row["n_instances"], row["lift"]) == (n, pytest.approx(sum(lifts) / n))
        assert row["ci_low"] == pytest.approx(row["lift"] - half, abs=0.003 * error)
        assert row["ci_high"] == pytest.approx(row["lift"] + half, abs=0.003 * error)
        assert row["is_lifted"] is bool(row["ci_low"] > 0)


@pytest.mark.parametrize(
    ("lifts", "is_lifted"),
    [
        ([0.3, 0.3, 0.3], True),  # no width, above 0
        ([0.0, 0.0], False),  # no width, at 0: the judge is indifferent
        ([-0.2, -0.2], False),
        ([0.3, 0.31, 0.29, 0.3], True),
        ([0.3, -0.3], False),
        ([0.3], None),  # one instance: from which nothing follows
    ],
)
def test_judge_lift_says_whether_it_pays(lifts: Sequence[float], is_lifted: bool | None) -> None:
    """The whole interval above 0, or a single point above 0."""
    lab = Lab()
    attack(lab, "praise", {f"i{at}": ([0.4], [0.4 + lift]) for at, lift in enumerate(lifts)})

    row = lab.one("judge_lift", probe="praise")
    assert row["is_lifted"] is is_lifted
    assert (row["ci_low"] is None) is (is_lifted is None)


def test_judge_lift_pools_attacks_within_an_instance() -> None:
    """On i1 lifts of .2 and .4 are one lift of .3, on i2 there is one of .1: mean .2 over two instances."""
    lab = Lab()
    attack(lab, "praise", {"i1": ([0.2], [0.4]), "i2": ([0.2], [0.3])})
    attack(lab, "verdict", {"i1": ([0.2], [0.6])})

    row = lab.one("judge_lift", probe="(all)")
    assert (row["n_instances"], row["lift"], row["n_with_calls"]) == (2, pytest.approx(0.2), 3)
    assert (row["mean_without"], row["mean_with"]) == (pytest.approx(0.2), pytest.approx(0.4))
    assert {row["probe"] for row in lab.view("judge_lift")} == {"praise", "verdict", "(all)"}


def test_judge_lift_counts_attacks_that_void_the_verdict() -> None:
    """Three of four calls about i1 and i2 say nothing; i2 has no value with the trick and is not compared."""
    lab = Lab()
    attack(lab, "praise", {"i1": ([0.2], [0.4, None]), "i2": ([0.2], [None, None])})

    row = lab.one("judge_lift", probe="praise")
    assert (row["n_instances"], row["n_with_calls"], row["share_without_verdict"]) == (1, 4, 0.75)
    assert row["lift"] == pytest.approx(0.2)


def test_judge_lift_of_no_verdict_at_all() -> None:
    """Every call about the trick void: counted, and nothing is claimed."""
    lab = Lab()
    attack(lab, "praise", {"i1": ([0.2], [None]), "i2": ([0.4], [None])})

    row = lab.one("judge_lift", probe="praise")
    assert (row["n_instances"], row["n_with_calls"], row["share_without_verdict"]) == (0, 2, 1)
    assert [row[name] for name in ("mean_without", "mean_with", "lift", "ci_low", "ci_high", "is_lifted")] == [None] * 6


def test_judge_lift_says_how_often_code_flags_the_trick() -> None:
    """Flagged on one of two instances, where the judge was then not asked; honest and lost outputs do not count."""
    lab = Lab()
    attack(lab, "praise", {"i1": ([0.2], None), "i2": ([0.2], [0.2])})
    lab.place("i3", "probe/praise", "probe")
    lost = lab.rollout("i3", "probe/praise", 0, "error", error="timeout")
    lab.composite(lost, 0.0, flags=("addresses_judge",))
    for name, flags in (("praise", ("too_long", "addresses_judge")), ("praise@honest", ("addresses_judge",))):
        lab.warehouse.sql("delete from composite where rollout_id = ?", [f"i1/probe/{name}/0"])
        lab.composite(f"i1/probe/{name}/0", 0.0, flags=flags)

    for probe in ("praise", "(all)"):
        row = lab.one("judge_lift", probe=probe)
        assert (row["n_instances"], row["n_with_calls"], row["share_flagged"]) == (1, 1, 0.5)


def test_judge_lift_keeps_a_cell_whose_attack_was_never_shown() -> None:
    """Caught before any call: no calls about it, so no share of them, and no lift."""
    lab = Lab()
    attack(lab, "praise", {"i1": ([0.2], None)})

    row = lab.one("judge_lift", probe="praise")
    assert (row["n_instances"], row["n_with_calls"], row["share_without_verdict"], row["is_lifted"]) == (
        0,
        0,
        None,
        None,
    )


def test_judge_lift_keeps_judges_apart() -> None:
    """Two judges, one lifted; a call that does not name its judge goes by its model."""
    lab = Lab()
    attack(lab, "praise", {"i1": ([0.2], [0.2]), "i2": ([0.2], [0.2])}, judge="judge/firm")
    for instance in ("i1", "i2"):
        for name, value in (("praise@honest", 0.2), ("praise", 0.9)):
            lab.call(f"{instance}/probe/{name}/0", "tone", value, judge=None)

    found = {row["judge"]: row["is_lifted"] for row in lab.view("judge_lift") if row["probe"] == "praise"}
    assert found == {"judge/firm": False, "judge-model": True}


def test_judge_lift_is_for_attacks() -> None:
    """A shortcut or a zero probe aims at code; ordinary rollouts have no arms."""
    lab = Lab()
    lab.probe("copy", "shortcut", {"i1": 0.1})
    lab.probe("copy@honest", "shortcut", {"i1": 0.1})
    lab.group([0.5])
    for rollout_id in ("i1/probe/copy/0", "i1/probe/copy@honest/0", "i1/sim/mid/0"):
        lab.call(rollout_id, "tone", 0.5)

    assert lab.view("judge_lift") == []
    assert Lab().view("judge_lift") == []
