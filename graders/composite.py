"""The composite: dimensions, work and caps put together by interval arithmetic.

    composite = cap * (work_base + (1 - work_base) * work) * weighted mean of the dimensions

with `cap` the product of the ceilings of all flags (`scaled`), or their minimum applied as a lid
(`hard`). A task of repair hands every do-nothing output its preservation points; the work factor takes
them back. Reward is the low end.
"""

from collections.abc import Mapping, Sequence
from math import prod

from graders.addressing import ADDRESSES_JUDGE
from graders.interval import Interval, weighted_mean
from graders.rubric import Rubric
from tasks_lib.records import Composite

RECORDED = frozenset({ADDRESSES_JUDGE})
"""Flags that cost nothing by themselves."""


def compose(
    rollout_id: str,
    rubric: Rubric,
    dimensions: Mapping[str, Interval],
    work: Interval,
    flags: Sequence[str],
) -> Composite:
    """Put the dimensions of one rollout together.

    Args:
        rollout_id: key of the rollout.
        rubric: weights, caps and the work base.
        dimensions: every dimension of the rubric -> its interval; a missing one is an error, since an
            unknown dimension is [0, 1] and says so.
        work: share of the recorded defects or claims that were dealt with.
        flags: hard failures found; each must have a ceiling in the rubric, but for what is only recorded there unless
            the rubric puts a ceiling on it: an output that addresses whoever grades.

    Raises:
        KeyError: a dimension of the rubric has no interval, or a flag has no ceiling.
    """
    intervals = {name: dimensions[name] for name in rubric.weights}
    mean = weighted_mean((weight, intervals[name]) for name, weight in rubric.weights.items())
    factor = Interval(*(min(1.0, rubric.work_base + (1 - rubric.work_base) * end) for end in (work.low, work.high)))
    uncapped = mean * factor

    ceilings = [rubric.caps.get(flag, 1.0) if flag in RECORDED else rubric.caps[flag] for flag in flags]
    scaled_cap = prod(ceilings)
    lid = min(ceilings, default=1.0)
    composite = uncapped.scaled(scaled_cap) if rubric.cap_mode == "scaled" else uncapped.ceiled(lid)

    total = sum(rubric.weights.values())
    assessed = sum(weight for name, weight in rubric.weights.items() if intervals[name].state == "assessed") / total
    return Composite(
        rollout_id=rollout_id,
        rubric_id=rubric.rubric_id,
        uncapped_low=uncapped.low,
        uncapped_high=uncapped.high,
        low=composite.low,
        high=composite.high,
        mid=composite.mid,
        additive_mid=min(_mean_of_mids(rubric, intervals), lid),
        work_low=work.low,
        work_high=work.high,
        cap=scaled_cap if rubric.cap_mode == "scaled" else lid,
        flags=tuple(flags),
        assessed_weight=assessed,
        # Weights such as 0.35 + 0.25 + 0.2 do not add up exactly in binary.
        ready=assessed >= rubric.ready_at - 1e-9,
        reward=composite.low,
    )


def _mean_of_mids(rubric: Rubric, intervals: Mapping[str, Interval]) -> float:
    total = sum(rubric.weights.values())
    return sum(weight * intervals[name].mid for name, weight in rubric.weights.items()) / total
