"""The draw: systematic samples with a random start, whose inclusion probabilities are exact.

Within a stratum of N rollouts of which n are drawn, these stand in a line, and every N/n-th is taken from a random
start on. Whatever the line is, each is taken with probability n/N (W. G. Madow and L. H. Madow 1944, On the theory of
systematic sampling, Annals of Mathematical Statistics 15). The rollouts of an instance stand side by side, so of m of
them m * n/N are taken, rounded down or up: at most one where that is possible at all. Instances stand by difficulty in
ten portions, within a portion in random order, so that easy and hard ones are all there.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flows.calibration.strata import Stratum
from tasks_lib.seeds import derive

PORTIONS = 10
"""Of difficulty, each with as many instances."""


def draw(rows: pl.DataFrame, strata: Sequence[Stratum], given: dict[str, int], seed: int) -> pl.DataFrame:
    """Draw a sample.

    Args:
        rows: rollout_id, instance_id, difficulty, stratum.
        strata: all of them.
        given: stratum -> items to draw, at most as many as it has rollouts.
        seed: everything random follows from it.

    Returns:
        The rows that were drawn, in the order of their rollout_id, with columns inclusion_probability (0..1) and
        weight (its inverse).
    """
    by_stratum = rows.sort("rollout_id").partition_by("stratum", as_dict=True)
    drawn = []
    for stratum in strata:
        members, n = by_stratum[stratum.name,], given[stratum.name]
        rng = np.random.default_rng(derive(seed, "calibration", stratum.name))
        order = line_up(members["instance_id"].to_numpy(), members["difficulty"].to_numpy(), rng)
        taken = order[systematic(members.height, n, int(rng.integers(members.height)))]
        drawn.append(
            members[np.sort(taken)].with_columns(
                pl.lit(n / members.height).alias("inclusion_probability"),
                pl.lit(members.height / max(n, 1)).alias("weight"),
            )
        )
    return pl.concat(drawn).sort("rollout_id")


def systematic(size: int, n: int, start: int) -> NDArray[np.int64]:
    """Return the n places, 0..size - 1, of a systematic sample.

    In whole numbers: over the starts each place is taken exactly n times.

    Args:
        size: how many stand in the line, 1 and up.
        n: how many to take, 0..size.
        start: each of 0..size - 1 with the same probability.
    """
    return (np.arange(n, dtype=np.int64) * size + start) // max(n, 1)


def line_up(
    instances: NDArray[np.object_], difficulty: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return the order in which rollouts stand: instances by difficulty, theirs side by side, else at random.

    Args:
        instances: task of each rollout.
        difficulty: its difficulty, 0..1; those without one (NaN) are a portion of their own.
        rng: source of randomness.
    """
    _, first, task = np.unique(instances, return_index=True, return_inverse=True)
    known = difficulty[first]
    n_known = int(np.isfinite(known).sum())
    portion = np.full(len(first), PORTIONS)
    portion[np.argsort(known, kind="stable")[:n_known]] = np.arange(n_known) * PORTIONS // max(n_known, 1)
    place = np.empty(len(first), dtype=np.int64)
    place[np.lexsort((rng.permutation(len(first)), portion))] = np.arange(len(first))
    return np.lexsort((rng.permutation(len(instances)), place[task]))
