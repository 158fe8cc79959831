"""Which part of a composite makes it vary."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from warehouse.stats.values import FloatArray, Numbers, finite, is_constant, same_length

REMAINDER = "(cap and work)"
"""What caps and the work factor add or take: the total less the sum of its parts."""


@dataclass(frozen=True, slots=True)
class VarianceShares:
    """The variance of a total, split."""

    shares: Mapping[str, float] | None
    """Part -> share of the variance, the remainder included; they add up to 1. Below 0: works against the total."""
    n_groups: int
    """Groups whose total varies; the others have no variance to split."""
    reason: str | None
    """Why there are no shares; None where there are."""


def covariance_shares(
    parts: Mapping[str, Numbers],
    total: Numbers,
    groups: Sequence[Hashable] | None = None,
    remainder: str = REMAINDER,
) -> VarianceShares:
    """Return how much of the variance of a total each part accounts for.

    share_d = sum over groups of SXY_g(x_d, c) / sum over groups of SS_g(c), cross-products around the means of each
    group: Var(c) = sum over d of Cov(x_d, c) + Cov(c - sum of x_d, c), so the shares add up to 1 with the remainder.
    Differences between groups are difficulty, not signal, and stay out. numpy has the covariance, no library the
    pooling. A share is of these rollouts: it says what made them differ, not what would if a weight changed.
    `dimension_spread` is the same in SQL.

    Args:
        parts: name -> weighted scores w_d * s_d, one per rollout, in the unit of the total.
        total: the composite of each rollout.
        groups: the group of each rollout; None: all are one group.
        remainder: name of the total less its parts.

    Returns:
        Shares without unit; None where the total varies in no group.

    Raises:
        ValueError: columns of different length, values that are no numbers, or a part with the remainder's name.
    """
    if remainder in parts:
        raise ValueError(f"a part is named {remainder!r}, as the remainder is; rename one")
    whole = finite(total, "total")
    columns = {name: finite(part, name) for name, part in parts.items()}
    same_length(total=whole, **columns)
    owners: Sequence[Hashable] = [None] * len(whole) if groups is None else groups
    same_length(total=whole, groups=owners)
    columns[remainder] = whole - sum(columns.values(), np.zeros(len(whole)))

    cross, squares, n_groups = dict.fromkeys(columns, 0.0), 0.0, 0
    for rows in _rows_by_group(owners):
        deviations = whole[rows] - whole[rows].mean()
        if is_constant(whole[rows]):
            continue
        n_groups += 1
        squares += float(deviations @ deviations)
        for name, column in columns.items():
            cross[name] += _cross_product(column[rows], deviations)
    if not n_groups:
        return VarianceShares(None, 0, "the total does not vary within any group")
    return VarianceShares({name: product / squares for name, product in cross.items()}, n_groups, None)


def _cross_product(values: FloatArray, deviations: FloatArray) -> float:
    return float((values - values.mean()) @ deviations)


def _rows_by_group(groups: Sequence[Hashable]) -> list[list[int]]:
    rows: dict[Hashable, list[int]] = {}
    for row, group in enumerate(groups):
        rows.setdefault(group, []).append(row)
    return list(rows.values())
