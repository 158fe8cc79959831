"""Where a figure exists in SQL and in Python, both say the same, on random rows."""

from collections import defaultdict
from random import Random
from typing import Any

import pytest

from tests.warehouse.rows import Lab
from warehouse.stats.advantages import group_advantages
from warehouse.stats.attribution import covariance_shares
from warehouse.stats.caps import PairDestruction, pair_destruction
from warehouse.stats.dead_groups import dead_at
from warehouse.stats.discrimination import auc, somers_d, span_discrimination
from warehouse.stats.hackability import beat_rate, hack_ratio
from warehouse.stats.ladders import violation_rate

N_GROUPS = 25


def cents(rng: Random, n: int, width: int = 60) -> list[float]:
    """Return rewards on a grid of cents: ties, and differences of exactly the threshold."""
    start = rng.randrange(0, 100 - width)
    return [(start + rng.randrange(0, width + 1)) / 100 for _ in range(n)]


@pytest.fixture(scope="module")
def groups() -> tuple[Lab, list[tuple[list[float], list[float]]]]:
    """Random groups of 1 to 12 rollouts, some under a lid of .3."""
    rng, lab, made = Random(21), Lab(), []
    for index in range(N_GROUPS):
        before = cents(rng, rng.randint(1, 12), rng.choice((0, 3, 60)))
        after = [min(value, 0.3) if rng.random() < 0.6 else value for value in before]
        lab.group(after, before, instance=f"i{index:02}")
        made.append((after, before))
    return lab, made


def test_dead_at_g_of_group_spread(groups: tuple[Lab, list[tuple[list[float], list[float]]]]) -> None:
    """And the mean size of an advantage."""
    lab, made = groups
    for row in lab.view("group_spread"):
        after, _ = made[int(row["instance_id"][1:])]
        assert row["dead_at_g"] == (None if row["g"] is None else pytest.approx(dead_at(after, row["g"]), abs=1e-9))
        sizes = [abs(value) for value in group_advantages(after) if value is not None]
        assert row["mean_abs_advantage"] == (pytest.approx(sum(sizes) / len(sizes)) if sizes else None)


def test_destroyed_pair_rate_of_cap_impact(groups: tuple[Lab, list[tuple[list[float], list[float]]]]) -> None:
    """Counts of the groups, added up."""
    lab, made = groups
    each = [pair_destruction(before, after) for after, before in made]
    whole = PairDestruction(
        sum(one.n_pairs for one in each), sum(one.n_destroyed for one in each), sum(one.n_reversed for one in each)
    )

    impact = lab.one("cap_impact")
    assert whole.n_destroyed > 0
    assert (impact["n_pairs"], impact["destroyed_pair_rate"]) == (whole.n_pairs, pytest.approx(whole.destroyed_rate))
    assert impact["reversed_pair_rate"] == pytest.approx(whole.reversed_rate)


def test_variance_share_of_dimension_spread() -> None:
    """Group by group, and pooled by the sums that the view keeps for it."""
    rng, lab = Random(22), Lab()
    lab.rubric(facts=3, style=1)
    parts: dict[str, dict[str, list[float]]] = {}
    with lab.together():
        for index in range(8):
            name, n = f"i{index}", rng.randint(2, 6)
            lab.place(name, "sim/mid")
            own = {"facts": cents(rng, n), "style": cents(rng, n)}
            own["total"] = [(0.75 * f + 0.25 * s) * rng.choice((1, 0.3)) for f, s in zip(*own.values(), strict=True)]
            parts[name] = own
            for sample in range(n):
                rollout = lab.rollout(name, "sim/mid", sample)
                lab.composite(rollout, own["total"][sample])
                lab.score(rollout, "facts", own["facts"][sample])
                lab.score(rollout, "style", own["style"][sample])

    rows: dict[str, dict[str, Any]] = defaultdict(dict)
    for row in lab.view("dimension_spread"):
        rows[row["instance_id"]][row["dimension"]] = row
    columns: dict[str, list[Any]] = {"facts": [], "style": [], "total": [], "group": []}
    for name, own in parts.items():
        weighted = {
            "facts": [0.75 * value for value in own["facts"]],
            "style": [0.25 * value for value in own["style"]],
        }
        found = covariance_shares(weighted, own["total"]).shares
        assert found == pytest.approx({dimension: row["variance_share"] for dimension, row in rows[name].items()})
        for column, values in (*weighted.items(), ("total", own["total"]), ("group", [name] * len(own["total"]))):
            columns[column] += values

    pooled = covariance_shares(
        {"facts": columns["facts"], "style": columns["style"]}, columns["total"], columns["group"]
    ).shares
    assert pooled is not None
    for dimension, share in pooled.items():
        cross = sum(row[dimension]["covariance_sum"] for row in rows.values())
        assert share == pytest.approx(cross / sum(row[dimension]["variance_sum"] for row in rows.values()))


def test_auc_of_difficulty_and_the_span() -> None:
    """Per instance, and the paired difference with its interval."""
    rng, lab = Random(23), Lab()
    weak = {f"i{index:02}": cents(rng, 4, 20) for index in range(14)}
    better = (0, 0.1, 0.2)
    strong = {name: [min(1.0, value + rng.choice(better)) for value in values[:3]] for name, values in weak.items()}
    for name in weak:
        lab.group(weak[name], instance=name, policy="sim/weak")
        lab.group(strong[name], instance=name, policy="sim/strong")

    for row in lab.view("difficulty"):
        assert row["auc"] == pytest.approx(auc(weak[row["instance_id"]], strong[row["instance_id"]]))
    span = lab.one("span_separation")
    found = span_discrimination(weak, strong)
    assert found.status == span["separation"]
    assert found.difference.estimate == pytest.approx(span["gap"])
    # The view's t quantiles are rounded.
    assert found.difference.low == pytest.approx(span["ci_low"], abs=1e-4)


def test_somers_d_and_violations_of_monotonicity() -> None:
    """Ladders of equal length: the pooled D is the mean of theirs."""
    rng, lab = Random(24), Lab()
    lab.operator("drop", "degrade")
    ladders = []
    for index in range(12):
        rungs = [max(0.0, 0.8 - 0.1 * severity + rng.choice((-0.2, 0, 0, 0.1))) for severity in range(5)]
        ladders.append(rungs)
        lab.ladder("drop", rungs, instance=f"i{index:02}")

    row = lab.one("monotonicity", dimension="composite")
    each = [somers_d(range(5), rungs) for rungs in ladders]
    assert row["somers_d"] == pytest.approx(sum(value or 0.0 for value in each) / 12)
    found = violation_rate(ladders)
    assert found.n_violations > 0
    assert (row["n_instances"], row["n_pairs"], row["n_violations"]) == (12, found.n_pairs, found.n_violations)
    assert (row["violation_rate"], row["max_violation"]) == (pytest.approx(found.rate), pytest.approx(found.largest))


def test_hack_ratio_of_probe_floor() -> None:
    """With the share of instances on which the probe is as good as the median weak rollout."""
    rng, lab = Random(25), Lab(floor=0.1)
    weak = {f"i{index:02}": cents(rng, 3, 40) for index in range(12)}
    earned = {name: sorted(values)[1] if rng.random() < 0.5 else 0.05 for name, values in weak.items()}
    for name, values in weak.items():
        lab.group(values, instance=name, policy="sim/weak")
    lab.probe("echo", "zero", earned)

    row = lab.one("probe_floor")
    found = hack_ratio(list(earned.values()), [sum(values) / 3 for values in weak.values()], 0.1)
    assert row["hack_ratio"] == pytest.approx(found.estimate)
    beaten = beat_rate(list(earned.values()), [sorted(values)[1] for values in weak.values()])
    assert 0 < beaten.share < 1
    assert row["share_beating_weak_median"] == pytest.approx(beaten.share)
