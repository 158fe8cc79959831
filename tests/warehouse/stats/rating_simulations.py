"""Simulated raters with known parameters, and how often intervals hold them."""

from collections.abc import Callable

import numpy as np

from warehouse.stats.estimate import Estimate
from warehouse.stats.icc import icc
from warehouse.stats.krippendorff import krippendorff_alpha
from warehouse.stats.spread import SdRatio, sd_ratio, within_sd
from warehouse.stats.values import FloatArray

Found = Estimate | SdRatio


def alpha_interval(rng: np.random.Generator) -> Found:
    """40 units, 3 raters, a fifth of the cells missing; sd 1 of units, .6 of ratings: alpha 1 / 1.36."""
    ratings = rng.normal(0, 1, (40, 1)) + rng.normal(0, 0.6, (40, 3))
    ratings[rng.random(ratings.shape) < 0.2] = np.nan
    return krippendorff_alpha(ratings)


def alpha_near_one(rng: np.random.Generator) -> Found:
    """40 units, 2 raters; sd .25 of ratings: alpha 1 / 1.0625."""
    return krippendorff_alpha(rng.normal(0, 1, (40, 1)) + rng.normal(0, 0.25, (40, 2)))


def icc_two_way(rng: np.random.Generator) -> Found:
    """40 units, 4 raters out of many, a quarter of the cells missing; sd .25 of units, .05 of raters, .15 of rest."""
    return _icc(rng, 0.05)


def icc_of_severe_raters(rng: np.random.Generator) -> Found:
    """The same with raters who differ by a standard deviation of .2 in how severe they are."""
    return _icc(rng, 0.2)


def _icc(rng: np.random.Generator, severity: float) -> Found:
    ratings = rng.normal(0, 0.25, (40, 1)) + rng.normal(0, severity, 4) + rng.normal(0, 0.15, (40, 4))
    ratings[rng.random(ratings.shape) < 0.25] = np.nan
    return icc(ratings)


def spread_within(rng: np.random.Generator) -> Found:
    """40 units, 2 raters, sd .2."""
    return within_sd(*_squares(rng, 0.2, 40))


def ratio_of_two(rng: np.random.Generator) -> Found:
    """30 units with sd .2, 30 others with .05: 4."""
    return _ratio(rng, 0.2, 0.05)


def ratio_of_equals(rng: np.random.Generator) -> Found:
    """The same noise in both parts: 1."""
    return _ratio(rng, 0.1, 0.1)


def _ratio(rng: np.random.Generator, one: float, other: float) -> Found:
    first, second, nothing = _squares(rng, one, 30), _squares(rng, other, 30), np.zeros(30)
    return sd_ratio(
        np.r_[first[0], nothing], np.r_[first[1], nothing], np.r_[nothing, second[0]], np.r_[nothing, second[1]]
    )


def _squares(rng: np.random.Generator, sd: float, n: int) -> tuple[FloatArray, FloatArray]:
    differences = rng.normal(0, sd, n) - rng.normal(0, sd, n)
    return differences**2 / 2, np.ones(n)


SIMULATED: dict[str, tuple[Callable[[np.random.Generator], Found], float]] = {
    "alpha, interval": (alpha_interval, 1 / 1.36),
    "alpha near 1": (alpha_near_one, 1 / 1.0625),
    "ICC(2,1)": (icc_two_way, 0.0625 / (0.0625 + 0.0025 + 0.0225)),
    "ICC(2,1), severe raters": (icc_of_severe_raters, 0.0625 / (0.0625 + 0.04 + 0.0225)),
    "within-item sd": (spread_within, 0.2),
    "ratio of two sds": (ratio_of_two, 4.0),
    "ratio of equal sds": (ratio_of_equals, 1.0),
}
"""Name -> simulation of one set of ratings, and the truth."""


def coverage(name: str, repetitions: int) -> float:
    """Return the share of repetitions whose 95 % interval holds the truth; one without an interval does not."""
    simulate, truth = SIMULATED[name]
    rng = np.random.default_rng(20)
    held = 0
    for _ in range(repetitions):
        found = simulate(rng)
        held += found.low is not None and found.high is not None and found.low <= truth <= found.high
    return held / repetitions
