"""Views of the training signal against the estimators, on random rows."""

from collections import defaultdict
from random import Random
from statistics import mean, median, pvariance
from typing import Any

import pytest

from tests.warehouse.rows import RUBRIC, Lab
from warehouse.stats.advantages import batch_advantages, dimension_advantages, group_advantages
from warehouse.stats.attribution import covariance_shares
from warehouse.stats.caps import leave_one_cap_out
from warehouse.stats.clusters import clustered_interval
from warehouse.stats.dead_groups import expected_useful_share
from warehouse.stats.difficulty import Cell, shrunken_logits
from warehouse.stats.hackability import beat_rate, hack_ratio
from warehouse.stats.interval import t_interval
from warehouse.stats.ladders import compensation_index, smallest_detectable_dose, violation_rate

Groups = dict[str, list[float]]


def cents(rng: Random, n: int, width: int = 60) -> list[float]:
    """Return rewards on a grid of cents: ties, and differences of exactly the threshold."""
    start = rng.randrange(0, 100 - width)
    return [(start + rng.randrange(0, width + 1)) / 100 for _ in range(n)]


@pytest.fixture(scope="module")
def groups() -> tuple[Lab, Groups]:
    """Random groups of 1 to 12 rollouts of one policy."""
    rng, lab = Random(31), Lab(floor=0.1)
    made = {f"i{index:02}": cents(rng, rng.randint(1, 12), rng.choice((0, 3, 60))) for index in range(20)}
    for name, rewards in made.items():
        lab.group(rewards, instance=name)
    return lab, made


def test_advantages(groups: tuple[Lab, Groups]) -> None:
    """Each normalisation, rollout by rollout."""
    lab, made = groups
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in sorted(lab.view("advantage"), key=lambda row: row["sample"]):
        found[row["instance_id"]].append(row)

    batch = dict(zip(made, batch_advantages(list(made.values())), strict=True))
    for name, rewards in made.items():
        for column, expected in (
            ("adv_population", group_advantages(rewards)),
            ("adv_sample", group_advantages(rewards, "sample")),
            ("adv_mean_only", group_advantages(rewards, "nothing")),
            ("adv_batch", batch[name]),
        ):
            assert [row[column] for row in found[name]] == [
                None if value is None else pytest.approx(value, abs=1e-9) for value in expected
            ], (name, column)


def test_useful_groups(groups: tuple[Lab, Groups]) -> None:
    """Every size, counted or under a prior."""
    lab, made = groups
    methods = set()
    for row in lab.view("useful_groups"):
        found = expected_useful_share(list(made.values()), row["group_size"], floor=0.1)
        methods.add(found.method)
        assert row["method"] == found.method
        assert (row["n_groups"], row["n_measured"]) == (found.n_groups, found.n_measured)
        assert row["expected_useful_share"] == pytest.approx(found.share, abs=1e-9)
    assert methods == {"unbiased", "posterior"}


def test_policy_difficulty(groups: tuple[Lab, Groups]) -> None:
    """Kappa of rewards in between, what it shrinks, and the logits."""
    lab, made = groups
    cells = [
        Cell("fam", name, "sim/mid", len(rewards), mean(rewards), pvariance(rewards)) for name, rewards in made.items()
    ]
    expected = {each.cell.instance: each for each in shrunken_logits(cells)}
    for row in lab.view("policy_difficulty"):
        each = expected[row["instance_id"]]
        assert each.prior.reason is None
        assert row["kappa"] == pytest.approx(each.prior.concentration)
        assert row["mu"] == pytest.approx(each.prior.mean)
        assert row["shrunken_mean"] == pytest.approx(each.shrunken_mean)
        assert (row["logit"], row["logit_se"]) == (pytest.approx(each.logit), pytest.approx(each.logit_se))


def test_policy_mean(groups: tuple[Lab, Groups]) -> None:
    """Student's t over the means of instances, which is the clustered interval of one value each."""
    lab, made = groups
    row = lab.one("policy_mean")
    found = t_interval([mean(rewards) for rewards in made.values()])
    clustered = clustered_interval([mean(rewards) for rewards in made.values()], list(made))

    assert row["mean_reward"] == pytest.approx(found.estimate)
    # The view's t quantiles are rounded.
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((found.low, found.high), abs=1e-4)
    assert clustered.low == pytest.approx(found.low)


def test_hackability() -> None:
    """Ratio, interval and the bound of the beat rate."""
    rng, lab = Random(32), Lab(floor=0.1)
    weak = {f"i{index:02}": cents(rng, 3, 40) for index in range(15)}
    earned = {name: median(values) if rng.random() < 0.4 else 0.05 for name, values in weak.items()}
    for name, values in weak.items():
        lab.group(values, instance=name, policy="sim/weak")
    lab.probe("echo", "zero", earned)

    row = lab.one("hackability")
    ratio = hack_ratio(list(earned.values()), [mean(values) for values in weak.values()], 0.1)
    beaten = beat_rate(list(earned.values()), [median(values) for values in weak.values()])
    assert ratio.low is not None
    assert row["hack_ratio"] == pytest.approx(ratio.estimate)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((ratio.low, ratio.high), abs=1e-4)
    assert row["beating_upper"] == pytest.approx(beaten.upper, abs=1e-8)


def test_caps_and_dimensions() -> None:
    """One cap at a time, the advantages by dimension, and the shares of a single group."""
    rng, lab = Random(33), Lab()
    lab.rubric(facts=3, style=1)
    ceilings = {"a": 0.5, "b": 0.25}
    for flag, ceiling in ceilings.items():
        lab.add("rubric_cap", rubric_id=RUBRIC, flag=flag, ceiling=ceiling)
    n = 10
    scores = {"facts": cents(rng, n), "style": cents(rng, n)}
    uncapped = [0.75 * facts + 0.25 * style for facts, style in zip(*scores.values(), strict=True)]
    flags = [tuple(flag for flag in ceilings if rng.random() < 0.4) for _ in range(n)]
    rewards = []
    with lab.together():
        lab.place("i1", "sim/mid")
        for sample in range(n):
            cap = 1.0
            for flag in flags[sample]:
                cap *= ceilings[flag]
            rewards.append(uncapped[sample] * cap)
            rollout = lab.rollout("i1", "sim/mid", sample)
            lab.composite(rollout, rewards[-1], uncapped[sample], flags=flags[sample], cap=cap)
            for dimension, values in scores.items():
                lab.score(rollout, dimension, values[sample])

    for each in leave_one_cap_out(uncapped, flags, ceilings):
        row = lab.one("cap_attribution", flag=each.flag)
        assert (row["n_triggered"], row["share_triggered"]) == (each.n_triggered, pytest.approx(each.share_triggered))
        assert row["destroyed_pair_rate"] == pytest.approx(each.pairs.destroyed_rate)
        assert row["destroyed_without"] == pytest.approx(each.pairs_without.destroyed_rate)
        assert (row["std_capped"], row["std_without"]) == pytest.approx((each.std_capped, each.std_without))
        assert row["dead_share"] == pytest.approx(each.dead_share, abs=1e-9)
        assert row["dead_share_without"] == pytest.approx(each.dead_share_without, abs=1e-9)

    rows = sorted(lab.view("advantage"), key=lambda row: row["sample"])
    assert [row["adv_per_dimension"] for row in rows] == pytest.approx(
        dimension_advantages(scores, {"facts": 3, "style": 1})
    )
    weighted = {"facts": [0.75 * v for v in scores["facts"]], "style": [0.25 * v for v in scores["style"]]}
    expected = covariance_shares(weighted, rewards).shares
    assert expected is not None
    for row in lab.view("dimension_share"):
        assert row["variance_share"] == pytest.approx(expected[row["dimension"]])


def test_ladders() -> None:
    """Bounds of violations, the smallest dose where all heavier ones are on as many instances, and compensation."""
    rng, lab = Random(34), Lab()
    lab.rubric(facts=3, style=1)
    lab.operator("drop", "degrade")
    facts, style = [], []
    for index in range(24):
        seen = 1 if rng.random() < 0.4 else 2
        facts.append([round(0.9 - 0.2 * max(0, severity - seen + 1), 9) for severity in range(5)])
        style.append([round(0.5 + rng.choice((0, 0.1, 0.12)) * severity, 9) for severity in range(5)])
        whole = [0.75 * f + 0.25 * s for f, s in zip(facts[-1], style[-1], strict=True)]
        lab.ladder("drop", whole, {"facts": facts[-1], "style": style[-1]}, instance=f"i{index:02}")

    for dimension, ladders in (("facts", facts), ("style", style)):
        row = lab.one("monotonicity", dimension=dimension)
        assert row["violation_upper95"] == pytest.approx(violation_rate(ladders).upper, abs=1e-8)
        detected = {
            float(dose): (sum(rungs[0] - rungs[dose] > 0.02 + 1e-12 for rungs in ladders), 24) for dose in range(1, 5)
        }
        found = smallest_detectable_dose(detected)
        assert row["smallest_detectable_dose"] == found.dose
        for severity, lower in found.lower.items():
            assert lab.one("detection", dimension=dimension, severity=int(severity))["wilson_low"] == pytest.approx(
                lower, abs=1e-6
            )
    assert lab.one("monotonicity", dimension="facts")["smallest_detectable_dose"] == 2

    each = [
        compensation_index({"facts": f[0], "style": s[0]}, {"facts": f[4], "style": s[4]}, {"facts": 3.0, "style": 1.0})
        for f, s in zip(facts, style, strict=True)
    ]
    row = lab.one("compensation")
    assert row["n_paying"] == sum(one.is_paying for one in each)
    assert row["mean_index"] == pytest.approx(mean(one.index for one in each if one.index is not None))
