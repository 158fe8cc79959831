"""How often a training group would carry no signal, from rollouts that were sampled once.

A group is dead where its rewards differ by no more than a meaningful difference: its group-relative advantages are
zero, or noise blown up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, exp
from typing import Literal

import numpy as np

from warehouse.stats.values import MEANINGFUL_DIFFERENCE, ROUNDING, FloatArray, Numbers, finite


def dead_at(rewards: Numbers, g: int, difference: float = MEANINGFUL_DIFFERENCE) -> float:
    """Return the chance that g rollouts of a group differ by no more than a meaningful difference.

    Rewards sorted, k_i the number of later ones within `difference` of the i-th: sum of C(k_i, g - 1) / C(n, g), the
    share of all subsets of size g that are dead. So it is unbiased for any rewards, as pass@k is for successes; the
    plug-in p^g + (1 - p)^g is not (p = 0.2, n = 16, g = 8: 0.242 on average, where 0.168 is true). In exact integers.
    No library has it; `group_spread.dead_at_g` is the same in SQL.

    Args:
        rewards: of one group, n of them; leave out what was not graded.
        g: size of a training group, 1..n; use n // 2 where n < 2 g, since the chance falls with g.
        difference: in the unit of the rewards, 0 and up.

    Returns:
        0..1.

    Raises:
        ValueError: fewer rewards than g (see `chance_of_signal`), or arguments that are none.
    """
    values = np.sort(finite(rewards, "rewards"))
    if not 1 <= g <= len(values):
        raise ValueError(f"groups of {g} from {len(values)} rewards; g must be in 1..n, or use chance_of_signal")
    if not difference >= 0:
        raise ValueError(f"a difference of {difference!r} is none; give 0 or more")
    ends = np.searchsorted(values - ROUNDING, values + difference, side="right")
    later = (ends - np.arange(len(values)) - 1).tolist()
    return sum(comb(k, g - 1) for k in later) / comb(len(values), g)


def chance_of_signal(successes: int, n: int, g: int, a: float = 0.5, b: float = 0.5) -> float:
    """Return the expected chance that a group of g holds both successes and failures, given few rollouts.

    The success rate is Beta(A, B) after the data, A = a + successes, B = b + n - successes, so
    1 - B(A + g, B) / B(A, B) - B(A, B + g) / B(A, B), with the beta function. Defined for every n, also n = 0 or n < g.
    Assumes a reward that is in effect binary: success is a reward above the floor by more than a meaningful difference.
    Source: the beta-binomial distribution; the prior is Jeffreys' unless fitted (`priors`).

    Args:
        successes: 0..n.
        n: graded rollouts, 0 and up.
        g: size of a training group, 1 and up.
        a: prior successes, above 0.
        b: prior failures, above 0.

    Returns:
        0..1.

    Raises:
        ValueError: counts that are none, or a prior that is not proper.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes in {n} rollouts; give 0..n successes")
    if g < 1:
        raise ValueError(f"groups of {g}; g must be 1 or more")
    if not (a > 0 and b > 0):
        raise ValueError(f"a prior of Beta({a!r}, {b!r}) is not proper; both must be above 0")
    from scipy.special import betaln

    wins, losses = a + successes, b + n - successes
    whole = float(betaln(wins, losses))
    all_win, all_lose = exp(betaln(wins + g, losses) - whole), exp(betaln(wins, losses + g) - whole)
    return min(1.0, max(0.0, 1 - all_win - all_lose))


@dataclass(frozen=True, slots=True)
class UsefulShare:
    """The part of training groups that would carry signal."""

    share: float
    """Expected share of useful groups, 0..1."""
    n_groups: int
    """Groups behind it."""
    n_measured: int
    """Those with at least as many rollouts as a training group."""
    method: Literal["unbiased", "posterior"]
    """unbiased: counted out of the n_measured groups; posterior: of all groups, under a prior."""


def expected_useful_share(
    groups: Sequence[Numbers],
    g: int,
    *,
    floor: float,
    difference: float = MEANINGFUL_DIFFERENCE,
    a: float = 0.5,
    b: float = 0.5,
) -> UsefulShare:
    """Return the share of training groups of one size that would carry signal, were instances drawn alike.

    Where half of the groups or more have g rollouts: the mean over those of 1 - `dead_at`. Else the mean over all of
    the larger of `chance_of_signal` and 1 - `dead_at` of half of their rollouts: the posterior does not see
    differences on one side of its line, and a larger group is never deader. Results of different methods are not one
    curve over g. A construct of this project; `useful_groups` is the same in SQL.

    Args:
        groups: rewards of each group, one group per instance.
        g: size of a training group, 2 and up.
        floor: what may be earned without work; a reward above floor + difference is a success.
        difference: meaningful difference of rewards.
        a: prior successes of the posterior.
        b: prior failures of the posterior.

    Raises:
        ValueError: no groups, one without rewards, or g below 2 (a group of one has no other to be compared with).
    """
    if not groups:
        raise ValueError("no groups; give the rewards of at least one")
    if g < 2:
        raise ValueError(f"groups of {g}; a rollout is compared with others of its group, so give 2 or more")
    rewards = [finite(group, f"group {index}") for index, group in enumerate(groups)]
    n_measured = sum(len(group) >= g for group in rewards)
    if 2 * n_measured >= len(rewards):
        useful = [1 - dead_at(group, g, difference) for group in rewards if len(group) >= g]
        return UsefulShare(sum(useful) / len(useful), len(rewards), n_measured, "unbiased")
    useful = [_thin_chance(group, g, floor + difference, difference, a, b) for group in rewards]
    return UsefulShare(sum(useful) / len(useful), len(rewards), n_measured, "posterior")


def _thin_chance(rewards: FloatArray, g: int, line: float, difference: float, a: float, b: float) -> float:
    """Return the chance of signal of a group that may be smaller than g."""
    posterior = chance_of_signal(int((rewards > line + ROUNDING).sum()), len(rewards), g, a, b)
    half = min(g, len(rewards) // 2)
    return max(posterior, 1 - dead_at(rewards, half, difference)) if half >= 2 else posterior
