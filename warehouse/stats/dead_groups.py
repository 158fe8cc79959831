"""How often a training group would carry no signal, from rollouts that were sampled once.

A group is dead where its rewards differ by no more than a meaningful difference: its group-relative advantages are
zero, or noise blown up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, exp
from typing import Literal

import numpy as np

from warehouse.stats.values import MEANINGFUL_DIFFERENCE, ROUNDING, Numbers, finite, is_constant


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
    Source: the beta-binomial distribution; the prior is Jeffreys' unless fitted (`fit_beta_binomial`).

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
    """unbiased: 1 - dead_at, of every group; posterior: chance_of_signal, of every group."""


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

    The mean over groups of 1 - `dead_at` where all have g rollouts or more, else of `chance_of_signal`. The two are not
    mixed: one knows all rewards, the other only success, and a mixture would follow which groups lost rollouts.

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
    if n_measured == len(rewards):
        useful = [1 - dead_at(group, g, difference) for group in rewards]
        return UsefulShare(sum(useful) / len(useful), len(rewards), n_measured, "unbiased")
    above = [int((group > floor + difference + ROUNDING).sum()) for group in rewards]
    useful = [chance_of_signal(k, len(group), g, a, b) for k, group in zip(above, rewards, strict=True)]
    return UsefulShare(sum(useful) / len(useful), len(rewards), n_measured, "posterior")


@dataclass(frozen=True, slots=True)
class BetaPrior:
    """How success rates differ between instances, as Beta(a, b)."""

    a: float
    """Prior successes, above 0."""
    b: float
    """Prior failures, above 0."""
    reason: str | None
    """Why it is Jeffreys' Beta(1/2, 1/2) and not fitted; None where it is fitted."""

    @property
    def mean(self) -> float:
        """Mean success rate, 0..1."""
        return self.a / (self.a + self.b)

    @property
    def concentration(self) -> float:
        """How many rollouts the prior is worth: kappa = a + b."""
        return self.a + self.b

    def shrink(self, successes: float, n: float) -> float:
        """Return the posterior mean (successes + kappa * mean) / (n + kappa), strictly between 0 and 1."""
        return (successes + self.a) / (n + self.concentration)


def fit_beta_binomial(successes: Numbers, trials: Numbers) -> BetaPrior:
    """Return the Beta distribution of the success rates of several groups, by the method of moments.

    With N = sum of n_i, p = sum of s_i / N, q = 1 - p: S = sum of n_i (s_i/n_i - p)^2 has the expectation p q [rho * A
    + (1 - rho)(k - 1)], A = sum of n_i (1 - n_i/N), hence rho = (S / (p q) - (k - 1)) / (A - (k - 1)), kappa = a + b =
    1 / rho - 1, a = kappa p, b = kappa q. No library of the project fits it (scipy has the distribution only). Assumes
    instances that are exchangeable and binary rewards; rewards in between, as sums, vary less than binary ones do, so
    rho comes out too small. Source: Kleinman (1973), Proportions with extraneous variance, JASA 68, with the group
    sizes as weights.

    Where over-dispersion cannot be told from the data the answer is Jeffreys' prior, worth one rollout, and the reason:
    rho at or below 0 would let the mean of all groups overrule every single one, rho at or above 1 would trust each
    group wholly; neither is what a handful of groups can prove.

    Args:
        successes: per group, 0..n_i; fractions allowed (sum of rewards in 0..1).
        trials: per group, whole numbers above 0.

    Raises:
        ValueError: no groups, columns of different length, or more successes than trials.
    """
    won, n = finite(successes, "successes"), finite(trials, "trials")
    if len(won) != len(n):
        raise ValueError(f"{len(won)} counts of successes for {len(n)} of trials; give one of each per group")
    if (n < 1).any() or (won < 0).any() or (won > n + ROUNDING).any():
        raise ValueError("each group needs 1 trial or more, and successes in 0..trials; leave out groups without any")

    k, total = len(n), float(n.sum())
    p = float(won.sum()) / total
    if k < 2 or n.max() < 2:
        return BetaPrior(0.5, 0.5, "needs two groups, and two rollouts in one of them")
    if is_constant(np.array([0.0, p])) or is_constant(np.array([p, 1.0])):
        return BetaPrior(0.5, 0.5, "no variation: all successes or all failures")
    spread = float((n * (won / n - p) ** 2).sum()) / (p * (1 - p))
    reach = float((n * (1 - n / total)).sum()) - (k - 1)
    rho = (spread - (k - 1)) / reach
    if rho <= ROUNDING:
        return BetaPrior(0.5, 0.5, "groups differ no more than chance makes them")
    if rho >= 1 - ROUNDING:
        return BetaPrior(0.5, 0.5, "every group is all successes or all failures")
    kappa = 1 / rho - 1
    return BetaPrior(kappa * p, kappa * (1 - p), None)
