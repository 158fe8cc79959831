"""The draw: inclusion probabilities that are exact whatever the frame, and samples that spread."""

from collections import Counter
from math import ceil

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.calibration.draw import PORTIONS, draw, line_up, systematic
from flows.calibration.strata import Stratum


def frame(sizes: dict[str, int], rollouts_per_instance: int = 1) -> tuple[pl.DataFrame, list[Stratum]]:
    """Return rollouts in strata of these sizes; in each the instances rise in difficulty."""
    rows = pl.concat(
        pl.DataFrame(
            {
                "rollout_id": [f"{name}{at:04}" for at in range(size)],
                "instance_id": [f"i{at // rollouts_per_instance:04}" for at in range(size)],
                "difficulty": [at / size for at in range(size)],
            }
        ).with_columns(pl.lit(name).alias("stratum"))
        for name, size in sizes.items()
    )
    return rows, [Stratum(name, None, "low", None, size) for name, size in sizes.items()]


@given(st.integers(1, 60).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size))))
def test_every_place_has_exactly_the_same_chance(case: tuple[int, int]) -> None:
    """Over all N starts each place is taken n times, and each sample is of n different ones."""
    size, n = case

    samples = [systematic(size, n, start).tolist() for start in range(size)]

    taken = Counter(place for sample in samples for place in sample)
    assert [taken[place] for place in range(size)] == [n] * size
    assert sum(taken.values()) == n * size
    assert all(len(set(sample)) == n for sample in samples)


def test_inclusion_over_4000_seeds_is_as_stated() -> None:
    """Three rollouts an instance, difficulties, 7 of 40: every rollout is drawn 700 times, give or take chance.

    sqrt(4000 * .175 * .825) = 24; 4.5 of these is 108: one of 40 is further off once in 3,600 such tests.
    """
    instances = np.array([f"i{at // 3}" for at in range(40)], dtype=object)
    difficulty = np.array([at // 3 / 14 for at in range(40)])
    drawn = np.zeros(40)
    for seed in range(4000):
        rng = np.random.default_rng(seed)
        drawn[line_up(instances, difficulty, rng)[systematic(40, 7, int(rng.integers(40)))]] += 1

    assert np.abs(drawn - 700).max() < 108


def test_two_strata_are_drawn_with_their_own_probability() -> None:
    """3 of 20 and 15 of 30, over 200 seeds: 30 and 100 times each; standard errors 5.05 and 7.07."""
    rows, strata = frame({"a": 20, "b": 30}, rollouts_per_instance=3)
    seen: Counter[str] = Counter()
    for seed in range(200):
        drawn = draw(rows, strata, {"a": 3, "b": 15}, seed)
        seen.update(drawn["rollout_id"])
        told = drawn.group_by("stratum", maintain_order=True).agg("inclusion_probability", "weight")
        assert {name: set(p) for name, p, _ in told.iter_rows()} == {"a": {3 / 20}, "b": {0.5}}
        assert (drawn["inclusion_probability"] * drawn["weight"]).round(12).eq(1).all()

    for name, n in seen.items():
        expected, error = (30, 5.05) if name.startswith("a") else (100, 7.07)
        assert abs(n - expected) < 4.5 * error
    assert len(seen) == 50


@pytest.mark.parametrize(("per_instance", "n"), [(2, 20), (4, 10), (4, 15), (8, 30), (1, 40)])
def test_an_instance_is_drawn_as_seldom_as_equal_chances_allow(per_instance: int, n: int) -> None:
    """Of m rollouts m * n / N are drawn, rounded up at most: one where m <= N / n."""
    rows, strata = frame({"a": 40}, per_instance)
    for seed in range(30):
        drawn = draw(rows, strata, {"a": n}, seed)
        assert drawn.group_by("instance_id").len()["len"].max() <= ceil(per_instance * n / 40)


def test_easy_and_hard_are_all_there() -> None:
    """Ten of a hundred instances: one from each tenth of difficulty, and over seeds not always the same."""
    rows, strata = frame({"a": 100})
    drawn = [draw(rows, strata, {"a": PORTIONS}, seed) for seed in range(20)]

    for sample in drawn:
        assert (sample["difficulty"] * PORTIONS + 1e-9).floor().sort().to_list() == list(range(PORTIONS))
    assert len({tuple(sample["rollout_id"]) for sample in drawn}) == 20


def test_rollouts_without_a_difficulty_are_drawn_as_well() -> None:
    """Half of the instances have none: with one in two drawn, so is half of them."""
    rows, strata = frame({"a": 40})
    rows = rows.with_columns(pl.when(pl.col("difficulty") < 0.5).then("difficulty").alias("difficulty"))

    drawn = draw(rows, strata, {"a": 20}, 0)

    assert drawn["difficulty"].null_count() == 10


def test_all_and_none() -> None:
    """A stratum that is taken whole has probability 1; one that gets nothing has no row."""
    rows, strata = frame({"a": 5, "b": 6})

    drawn = draw(rows, strata, {"a": 5, "b": 0}, 1)

    assert drawn["rollout_id"].to_list() == rows["rollout_id"].to_list()[:5]
    assert set(drawn["weight"]) == {1.0}
