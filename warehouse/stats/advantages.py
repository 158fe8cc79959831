"""Advantages as trainers compute them from the rewards of groups.

`None` stands for "no number": a rollout without a reward, or a group in which a division has nothing to divide by.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from warehouse.stats.values import FloatArray, finite, is_constant, same_length

Rewards = Sequence[float | None]
Advantages = tuple[float | None, ...]
Divisor = Literal["population", "sample", "nothing"]
Spread = Literal["rewards", "centred"]


def group_advantages(rewards: Rewards, divide_by: Divisor = "population") -> Advantages:
    """Return the advantage of each rollout over its group.

    A_i = (r_i - mean) / sd, both over the rollouts that have a reward; no unit. Sources: GRPO, Shao et al. (2024),
    arXiv:2402.03300 (they write std and leave the divisor open; "population" divides the squares by n); common trainers
    use torch.std, which is "sample" (n - 1); Dr. GRPO, Liu et al. (2025), arXiv:2503.20783, divides by "nothing".

    Args:
        rewards: of one group; None: lost or not graded, which gets None and enters neither mean nor spread.
        divide_by: which standard deviation.

    Returns:
        One entry per rollout, in order; those that are numbers add up to 0. All None where all rewards are equal and a
        standard deviation is asked for: 0 / 0. A trainer that adds an epsilon to the divisor gets 0 there and learns
        nothing, "nothing" says that 0.

    Raises:
        ValueError: a reward that is no number, or an unknown divisor.
    """
    if divide_by not in ("population", "sample", "nothing"):
        raise ValueError(f"unknown divisor {divide_by!r}; give 'population', 'sample' or 'nothing'")
    known = _known(rewards)
    if not known.size:
        return (None,) * len(rewards)
    if divide_by == "nothing":
        return _spread_out(rewards, known - known.mean())
    if is_constant(known):
        return (None,) * len(rewards)
    return _spread_out(rewards, (known - known.mean()) / np.std(known, ddof=divide_by == "sample"))


def batch_advantages(groups: Sequence[Rewards], spread_of: Spread = "centred") -> tuple[Advantages, ...]:
    """Return advantages centred by group and divided by one standard deviation for the whole batch.

    A_gi = (r_gi - mean_g) / sd; no unit. sd is the population standard deviation over the batch of r_gi - mean_g
    ("centred": the baseline variant of REINFORCE++, Hu et al. (2025), arXiv:2501.03262) or of the rewards ("rewards":
    Lite PPO, Liu et al. (2025), arXiv:2508.08221; it holds what groups differ by, too): the same order on another
    scale. A group of little spread keeps little say, and one without any gets 0, not 0 / 0. `advantage.adv_batch` is
    the first in SQL.

    Args:
        groups: rewards of each group; None: lost or not graded, gets None.
        spread_of: what the standard deviation is of.

    Returns:
        Per group one entry per rollout; all None where no group has any spread.

    Raises:
        ValueError: a reward that is no number, or an unknown spread.
    """
    if spread_of not in ("rewards", "centred"):
        raise ValueError(f"unknown spread {spread_of!r}; give 'rewards' or 'centred'")
    centred = [group_advantages(rewards, "nothing") for rewards in groups]
    within = _known([value for group in centred for value in group])
    if is_constant(within):
        return tuple((None,) * len(rewards) for rewards in groups)
    known = within if spread_of == "centred" else _known([reward for rewards in groups for reward in rewards])
    scale = float(np.std(known))
    return tuple(tuple(None if value is None else value / scale for value in group) for group in centred)


def dimension_advantages(scores: Mapping[str, Rewards], weights: Mapping[str, float]) -> Advantages:
    """Return the weighted sum of advantages taken dimension by dimension.

    A_i = sum over d of w_d * (s_di - mean_d) / sd_d, weights as shares of their sum, population standard deviations;
    no unit. Each dimension then has the say of its weight, however small its spread. A dimension on which the group
    does not differ adds 0: it cannot tell the rollouts apart. Caps and the work factor are not in it. Source: GDPO,
    Liu et al. (2026), arXiv:2601.05242, without its last step, which scales by the batch.

    Args:
        scores: dimension -> one score per rollout of one group, 0..1; None: not known.
        weights: dimension -> weight, 0 and up; the same names.

    Returns:
        One entry per rollout. A rollout with any score unknown gets None and enters no mean: were its sum taken over
        fewer dimensions, being unassessed would pay. 0 for all where no dimension differs.

    Raises:
        ValueError: other dimensions than weights, lengths that differ, or weights that are negative or all 0.
    """
    if scores.keys() != weights.keys():
        apart = sorted(scores.keys() ^ weights.keys())
        raise ValueError(f"scores and weights name different dimensions: {', '.join(apart)}; give both for each")
    same_length(**scores)
    shares = finite(list(weights.values()), "weights")
    if (shares < 0).any() or shares.sum() <= 0:
        raise ValueError(f"weights must be 0 or more, and one above 0, got {dict(weights)!r}")

    rollouts = list(zip(*(scores[name] for name in weights), strict=True))
    known = [rollout for rollout in rollouts if None not in rollout]
    if not known:
        return (None,) * len(rollouts)
    terms = [[value or 0.0 for value in group_advantages(column)] for column in zip(*known, strict=True)]
    summed = (shares / shares.sum()) @ np.array(terms)
    return _spread_out([None if None in rollout else 0.0 for rollout in rollouts], summed)


def _known(rewards: Rewards) -> FloatArray:
    return finite([reward for reward in rewards if reward is not None], "rewards", at_least=0)


def _spread_out(rewards: Rewards, known: FloatArray) -> Advantages:
    """Put the numbers in the places that have a reward."""
    values = iter(known.tolist())
    return tuple(None if reward is None else next(values) for reward in rewards)
