"""advantage: what trainers would make of each reward."""

from collections.abc import Sequence
from random import Random
from statistics import mean, pstdev, stdev

import pytest

from tests.warehouse.rows import Lab

# The formula of DeepSeekMath (Shao et al. 2024), A_i = (r_i - mean) / std, by definition: with the population standard
# deviation, with the sample one (torch.std), and without any (Dr. GRPO, Liu et al. 2025). Equal rewards have none.
EXAMPLES: list[tuple[list[float], list[float] | None, list[float] | None, list[float]]] = [
    ([1, 0, 0, 1], [1, -1, -1, 1], [3**0.5 / 2, -(3**0.5) / 2, -(3**0.5) / 2, 3**0.5 / 2], [0.5, -0.5, -0.5, 0.5]),
    ([1, 1, 1, 1], None, None, [0, 0, 0, 0]),
    ([0, 0, 0, 0], None, None, [0, 0, 0, 0]),
    (
        [0.2, 0.4, 0.6, 0.8],
        [-1.3416407864998738, -0.4472135954999579, 0.4472135954999579, 1.3416407864998738],
        [-1.1618950038622253, -0.3872983346207417, 0.3872983346207417, 1.1618950038622253],
        [-0.3, -0.1, 0.1, 0.3],
    ),
    (
        [1, 0, 0, 0, 0, 0, 0, 0],
        [2.6457513110645903] + [-0.3779644730092272] * 7,
        [2.4748737341529163] + [-0.35355339059327373] * 7,
        [0.875] + [-0.125] * 7,
    ),
]


def column(lab: Lab, name: str, **where: str) -> list[float | None]:
    """Return one column of a group in the order of its samples."""
    rows = [row for row in lab.view("advantage") if all(row[key] == value for key, value in where.items())]
    return [row[name] for row in sorted(rows, key=lambda row: row["sample"])]


@pytest.mark.parametrize(("rewards", "population", "sample", "centred"), EXAMPLES)
def test_advantage_of_worked_examples(
    rewards: list[float], population: list[float] | None, sample: list[float] | None, centred: list[float]
) -> None:
    """One and the same group under three normalisations; nothing is claimed where all rewards are equal."""
    lab = Lab()
    lab.group(rewards)

    none = [None] * len(rewards)
    assert column(lab, "adv_population") == (none if population is None else pytest.approx(population))
    assert column(lab, "adv_sample") == (none if sample is None else pytest.approx(sample))
    assert column(lab, "adv_mean_only") == pytest.approx(centred)
    # One group is the whole batch.
    assert column(lab, "adv_batch") == (none if population is None else pytest.approx(population))
    assert column(lab, "adv_per_dimension") == none


def test_advantage_of_a_batch_keeps_narrow_groups_small() -> None:
    """A group that spreads ten times less gets advantages ten times smaller, and a flat one gets 0, not null."""
    lab = Lab()
    lab.group([0.0, 1.0], instance="wide")
    lab.group([0.45, 0.55], instance="narrow")
    lab.group([0.3, 0.3], instance="flat")

    # Centred: -.5, .5, -.05, .05, 0, 0; mean square (2 x .25 + 2 x .0025) / 6.
    unit = (0.505 / 6) ** 0.5
    assert column(lab, "adv_batch", instance_id="wide") == pytest.approx([-0.5 / unit, 0.5 / unit])
    assert column(lab, "adv_batch", instance_id="narrow") == pytest.approx([-0.05 / unit, 0.05 / unit])
    assert column(lab, "adv_batch", instance_id="flat") == pytest.approx([0, 0])
    assert column(lab, "adv_population", instance_id="narrow") == pytest.approx([-1, 1])
    assert column(lab, "adv_population", instance_id="flat") == [None, None]


def test_advantage_batches_are_policies_apart() -> None:
    """Another policy's spread is not in the batch."""
    lab = Lab()
    lab.group([0.0, 1.0], policy="sim/a")
    lab.group([0.45, 0.55], policy="sim/b")

    assert column(lab, "adv_batch", policy_id="sim/a") == pytest.approx([-1, 1])
    assert column(lab, "adv_batch", policy_id="sim/b") == pytest.approx([-1, 1])


def test_advantage_per_dimension_scales_before_it_adds() -> None:
    """A dimension that hardly varies counts like one that varies much, by its weight; one that does not adds 0."""
    lab = Lab()
    lab.rubric(a=1.0, b=2.0, c=1.0)
    lab.group([0.5, 0.6])
    for sample, (a, b, c) in enumerate(((0.0, 0.50, 0.3), (1.0, 0.49, 0.3))):
        for dimension, low in (("a", a), ("b", b), ("c", c)):
            lab.score(f"i1/sim/mid/{sample}", dimension, low)

    # a: -1, 1 at a quarter; b: 1, -1 at a half; c: nothing.
    assert column(lab, "adv_per_dimension") == pytest.approx([0.25, -0.25])


def test_advantage_per_dimension_without_any_spread_is_zero() -> None:
    """All that was scored is equal: 0, while rewards that caps have split still differ."""
    lab = Lab()
    lab.rubric(a=1.0)
    lab.group([0.15, 0.5], [0.5, 0.5])
    for sample in range(2):
        lab.score(f"i1/sim/mid/{sample}", "a", 0.1 + 0.2 if sample else 0.3)

    assert column(lab, "adv_per_dimension") == [0, 0]
    assert column(lab, "adv_population") == pytest.approx([-1, 1])


def test_advantage_of_one_rollout_of_lost_ones_and_of_probes() -> None:
    """One rollout is its own mean; a lost one has no row and is no zero; probes are no group."""
    lab = Lab()
    lab.group([0.7], instance="i1", lost=3)
    lab.probe("echo", "zero", {"i1": 0.2})

    row = lab.one("advantage")
    assert (row["reward"], row["adv_mean_only"]) == (0.7, 0)
    assert [row[name] for name in ("adv_population", "adv_sample", "adv_batch")] == [None] * 3
    assert Lab().view("advantage") == []


def test_advantage_of_rounding_errors_is_none() -> None:
    """.1 + .2 and .3 are one reward: divided by their deviation they would look like 1 and -1."""
    lab = Lab()
    lab.group([0.1 + 0.2, 0.3])

    assert column(lab, "adv_population") == [None, None]
    assert column(lab, "adv_batch") == [None, None]


def by_definition(lows: Sequence[dict[str, float]], weights: dict[str, float]) -> list[float]:
    """Return the advantages of one group with every dimension scaled apart."""
    total, found = sum(weights.values()), [0.0] * len(lows)
    for dimension, weight in weights.items():
        values = [row[dimension] for row in lows]
        if max(values) - min(values) > 1e-9:
            for index, value in enumerate(values):
                found[index] += weight / total * (value - mean(values)) / pstdev(values)
    return found


def test_advantage_by_brute_force() -> None:
    """Thirty random groups of two policies against the definitions in plain Python."""
    rng, weights = Random(11), {"a": 0.35, "b": 0.25, "c": 1.4}
    lab = Lab()
    lab.rubric(**weights)
    made: dict[tuple[str, str], tuple[list[float], list[dict[str, float]]]] = {}
    scores = []
    for index in range(30):
        instance, policy = f"i{index // 2:02}", f"sim/{index % 2}"
        n, grid = rng.randint(1, 8), rng.choice((1, 4, 100))
        lows = [{name: rng.randrange(0, grid) / grid for name in weights} for _ in range(n)]
        rewards = [rng.randrange(0, grid) / grid for _ in range(n)]
        lab.group(rewards, instance=instance, policy=policy)
        made[instance, policy] = rewards, lows
        for sample, row in enumerate(lows):
            scores += [(f"{instance}/{policy}/{sample}", name, low) for name, low in row.items()]
    with lab.together():
        for rollout_id, name, low in scores:
            lab.score(rollout_id, name, low)
    batch = {
        policy: pstdev([r - mean(rewards) for (_, who), (rewards, _) in made.items() if who == policy for r in rewards])
        for policy in ("sim/0", "sim/1")
    }

    for (instance, policy), (rewards, lows) in made.items():
        rows = [row for row in lab.view("advantage") if (row["instance_id"], row["policy_id"]) == (instance, policy)]
        rows.sort(key=lambda row: row["sample"])
        centred = [r - mean(rewards) for r in rewards]
        is_flat = max(rewards) == min(rewards)
        population = [None] * len(rewards) if is_flat else pytest.approx([c / pstdev(rewards) for c in centred])
        sample = [None] * len(rewards) if is_flat else pytest.approx([c / stdev(rewards) for c in centred])
        assert [row["adv_population"] for row in rows] == population
        assert [row["adv_sample"] for row in rows] == sample
        assert [row["adv_mean_only"] for row in rows] == pytest.approx(centred)
        assert [row["adv_batch"] for row in rows] == pytest.approx([c / batch[policy] for c in centred])
        assert [row["adv_per_dimension"] for row in rows] == pytest.approx(by_definition(lows, weights))


def test_advantage_keeps_rubrics_apart() -> None:
    """Weights of a rubric that the run was not composed under count for nothing."""
    lab = Lab()
    lab.rubric(a=1.0)
    lab.add("rubric_dimension", rubric_id="fam-2", dimension="a", weight=1.0)
    lab.add("rubric_dimension", rubric_id="fam-2", dimension="b", weight=9.0)
    lab.group([0.4, 0.6])
    lab.composite("i1/sim/mid/0", 0.9, rubric="fam-2")
    for sample in range(2):
        lab.score(f"i1/sim/mid/{sample}", "a", float(sample))

    assert column(lab, "adv_per_dimension") == pytest.approx([-1, 1])
