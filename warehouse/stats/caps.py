"""What caps do to the order of a group's rollouts, and which cap does it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np

from warehouse.stats.dead_groups import dead_at
from warehouse.stats.values import (
    MEANINGFUL_DIFFERENCE,
    REWARD_QUANTUM,
    ROUNDING,
    FloatArray,
    Numbers,
    finite,
    same_length,
    shares,
)

Mode = Literal["scaled", "hard"]


@dataclass(frozen=True, slots=True)
class PairDestruction:
    """What became of the pairs that differed; counts of several groups may be added up."""

    n_pairs: int
    """Pairs that differed meaningfully before."""
    n_destroyed: int
    """Those that are tied after."""
    n_reversed: int
    """Those in the other order after."""

    @property
    def destroyed_rate(self) -> float | None:
        """Share of pairs destroyed, 0..1; None without pairs: there was no order to lose."""
        return self.n_destroyed / self.n_pairs if self.n_pairs else None

    @property
    def reversed_rate(self) -> float | None:
        """Share of pairs reversed, 0..1; None without pairs."""
        return self.n_reversed / self.n_pairs if self.n_pairs else None


def pair_destruction(
    before: Numbers,
    after: Numbers,
    difference: float = MEANINGFUL_DIFFERENCE,
    quantum: float = REWARD_QUANTUM,
) -> PairDestruction:
    """Return how many pairs of one group lost their order between two scorings of the same rollouts.

    #{i < j: |u_i - u_j| > difference and |c_i - c_j| <= quantum} out of #{i < j: |u_i - u_j| > difference}; reversed
    are those with (u_i - u_j)(c_i - c_j) < -quantum. The ratio of variances is no substitute: six of eight rollouts
    clamped to one value can raise the variance. No library has it; `cap_impact` is the same in SQL. Memory grows with
    n squared.

    Args:
        before: rewards before caps, one per rollout of the group.
        after: rewards after caps, in the same order.
        difference: smallest difference that matters, in the unit of the rewards.
        quantum: largest difference that is none.

    Raises:
        ValueError: columns of different length, or values that are no numbers.
    """
    first, second = finite(before, "before"), finite(after, "after")
    same_length(before=first, after=second)
    one, other = np.triu_indices(len(first), 1)
    gap, gap_after = first[one] - first[other], second[one] - second[other]
    differed = np.abs(gap) > difference + ROUNDING
    return PairDestruction(
        n_pairs=int(differed.sum()),
        n_destroyed=int((differed & (np.abs(gap_after) <= quantum)).sum()),
        n_reversed=int((differed & (gap * gap_after < -quantum)).sum()),
    )


@dataclass(frozen=True, slots=True)
class CapLeftOut:
    """One group with all caps, and with all but one."""

    flag: str
    """The cap that is left out."""
    ceiling: float
    """Its ceiling, 0..1."""
    n_triggered: int
    """Rollouts with this flag."""
    share_triggered: float
    """Share of the group, 0..1."""
    pairs: PairDestruction
    """With all caps."""
    pairs_without: PairDestruction
    """Without this one."""
    std_capped: float | None
    """Sample standard deviation with all caps; None with one rollout."""
    std_without: float | None
    """The same without this one."""
    dead_share: float | None
    """Chance that a training group is dead, with all caps; None where the group is smaller than it."""
    dead_share_without: float | None
    """The same without this one."""

    @property
    def destroyed_by_cap(self) -> float | None:
        """Destroyed-pair rate that goes away with the cap; None without pairs. Overlapping caps hide each other."""
        with_all, without = self.pairs.destroyed_rate, self.pairs_without.destroyed_rate
        return None if with_all is None or without is None else with_all - without


def leave_one_cap_out(
    uncapped: Numbers,
    flags: Sequence[Collection[str]],
    ceilings: Mapping[str, float],
    mode: Mode = "scaled",
    g: int | None = None,
    difference: float = MEANINGFUL_DIFFERENCE,
    quantum: float = REWARD_QUANTUM,
) -> tuple[CapLeftOut, ...]:
    """Return for each cap what one group would look like without it.

    Rewards are worked out anew as the composite does it: c = u * product of ceilings ("scaled") or c = min(u, lowest
    ceiling) ("hard"), over the flags of the rollout but one. A counterfactual about grading, not about behaviour: a
    policy trained without the cap would write something else. Where two flags always come together, leaving one out
    under "hard" changes nothing and both rates read 0; look at `share_triggered`.

    Args:
        uncapped: rewards before caps, 0..1, one per rollout of the group.
        flags: per rollout the flags it has; twice the same counts once.
        ceilings: flag -> ceiling, 0..1.
        mode: how ceilings are put on.
        g: size of a training group for the dead shares; n // 2 if None and the group has four rollouts or more.
        difference: as `pair_destruction`.
        quantum: as `pair_destruction`.

    Returns:
        One entry per flag that occurs, in the order of `ceilings`; empty where none does.

    Raises:
        ValueError: columns of different length, a flag without a ceiling, a ceiling outside 0..1, or an unknown mode.
    """
    rewards = shares(uncapped, "uncapped")
    same_length(uncapped=rewards, flags=flags)
    _check_caps(flags, ceilings, mode)
    size = g if g is not None else len(rewards) // 2 if len(rewards) >= 4 else None

    capped = _capped(rewards, flags, ceilings, mode, None)
    whole = pair_destruction(rewards, capped, difference, quantum)
    found = []
    for flag, ceiling in ceilings.items():
        n_triggered = sum(flag in owned for owned in flags)
        if not n_triggered:
            continue
        without = _capped(rewards, flags, ceilings, mode, flag)
        found.append(
            CapLeftOut(
                flag=flag,
                ceiling=ceiling,
                n_triggered=n_triggered,
                share_triggered=n_triggered / len(rewards),
                pairs=whole,
                pairs_without=pair_destruction(rewards, without, difference, quantum),
                std_capped=_std(capped),
                std_without=_std(without),
                dead_share=_dead(capped, size, difference),
                dead_share_without=_dead(without, size, difference),
            )
        )
    return tuple(found)


def _check_caps(flags: Sequence[Collection[str]], ceilings: Mapping[str, float], mode: str) -> None:
    if mode not in ("scaled", "hard"):
        raise ValueError(f"unknown mode {mode!r}; give 'scaled' or 'hard'")
    if any(isinstance(owned, str) for owned in flags):
        raise ValueError("flags must hold one collection of names per rollout, not one name; wrap it in a tuple")
    unknown = sorted({flag for owned in flags for flag in owned} - ceilings.keys())
    if unknown:
        raise ValueError(f"no ceiling for {', '.join(unknown)}; give 1.0 for a flag that costs nothing")
    shares(list(ceilings.values()), "ceilings", at_least=0)


def _capped(
    uncapped: FloatArray,
    flags: Sequence[Collection[str]],
    ceilings: Mapping[str, float],
    mode: Mode,
    left_out: str | None,
) -> FloatArray:
    applied = [[ceilings[flag] for flag in set(owned) if flag != left_out] for owned in flags]
    if mode == "scaled":
        # Sorted: the product must not depend on the order in which a set is read.
        scaled: FloatArray = uncapped * np.array([prod(sorted(each)) for each in applied])
        return scaled
    lids: FloatArray = np.array([min(each, default=1.0) for each in applied])
    return np.asarray(np.minimum(uncapped, lids), dtype=np.float64)


def _std(values: FloatArray) -> float | None:
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def _dead(values: FloatArray, g: int | None, difference: float) -> float | None:
    return None if g is None or g > len(values) else dead_at(values, g, difference)
