"""What judges and people say of the same rollouts, read once: arrays by dimension, judge and version."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from warehouse.stats.values import FloatArray

if TYPE_CHECKING:
    import polars as pl

    from warehouse.store import Warehouse

BoolArray = npt.NDArray[np.bool_]

# Of each rating how far it is from the mean of the other raters of the rollout: what people are off among themselves.
PAIRS = """
    with given as (
        select
            rollout_id, dimension, score, count(score) over item as n, sum(score) over item as total
        from stg_rating
        window item as (partition by rollout_id, dimension)
    ),
    among as (
        select rollout_id, dimension, avg(abs(score - (total - score) / (n - 1))) as mae_human
        from given
        where score is not null and n >= 2
        group by rollout_id, dimension
    )
    select
        stg_judged_rating.dimension, stg_judged_rating.judge, stg_judged_rating.grader_version,
        coalesce(stg_judged_rating.instance_id, stg_judged_rating.rollout_id) as task,
        stg_judged_rating.human, stg_judged_rating.verdict, stg_judged_rating.weighting, stg_judged_rating.weight,
        stg_judged_rating.is_same_rubric, stg_judged_rating.set_id,
        coalesce(stg_judged_rating.stratum, '') as stratum, among.mae_human
    from stg_judged_rating
    left join among using (rollout_id, dimension)
    order by dimension, judge, grader_version, rollout_id
"""
# Of the frames that these rollouts stand for, what lies in strata with a rating; a set counts as far as it is rated.
COVERED = """
    with seen as (
        select set_id, stratum, any_value(n_set_rated / n_items) as part
        from stg_rated
        group by set_id, stratum
    )
    select
        calibration_stratum.set_id,
        sum(calibration_stratum.n_frame) filter (seen.stratum is not null) * max(part) as n_seen,
        sum(calibration_stratum.n_frame) * max(part) as n_frame
    from calibration_stratum
    left join seen using (set_id, stratum)
    group by calibration_stratum.set_id
"""


@dataclass(frozen=True)
class Pairs:
    """One judge in one version on one dimension: a value for each rollout with a verdict and a rating."""

    dimension: str
    judge: str
    grader_version: str
    weighting: str
    """design or sample."""
    set_ids: tuple[str, ...]
    """The calibration sets that weigh; none where weighting is sample."""
    share_covered: float | None
    """Of the frames of these sets, what lies in strata with a rating, 0..1; None without weights."""
    judged: FloatArray
    """0..1."""
    human: FloatArray
    """Mean rating, 0..1."""
    weights: FloatArray
    tasks: npt.NDArray[np.int64]
    """Number of the task of each, 0 and up."""
    strata: npt.NDArray[np.int64]
    """Number of the stratum of each, 0 and up; neighbours beside each other."""
    mae_human: FloatArray
    """How far its ratings are from each other; NaN where it has one."""
    unrated_verdicts: FloatArray
    """Verdicts on rollouts that no rater could assess."""
    n_judge_unassessed: int
    n_human_unassessed: int

    @property
    def n(self) -> int:
        return len(self.judged)

    @property
    def key(self) -> dict[str, str]:
        return {"dimension": self.dimension, "judge": self.judge, "grader_version": self.grader_version}


def read_pairs(warehouse: "Warehouse") -> Iterator[Pairs]:
    """Yield what is to be compared, in order of dimension, judge and version."""
    rows = warehouse.sql(PAIRS)
    covered = {set_id: (seen or 0, whole or 0) for set_id, seen, whole in warehouse.sql(COVERED).iter_rows()}
    for key, group in rows.group_by("dimension", "judge", "grader_version", maintain_order=True):
        dimension, judge, version = map(str, key)
        yield _pairs(dimension, judge, version, group, covered)


def _pairs(
    dimension: str, judge: str, version: str, group: "pl.DataFrame", covered: dict[str, tuple[float, float]]
) -> Pairs:
    import polars as pl

    given = pl.col("verdict").is_not_null()
    rated = pl.col("human").is_not_null()
    weighting = str(group["weighting"][0])
    # Answers to another question are left out; the view counts them.
    group = group.filter("is_same_rubric")
    both = group.filter(given & rated)
    sets = tuple(group["set_id"].unique().sort().to_list()) if weighting == "design" else ()
    return Pairs(
        dimension=dimension,
        judge=judge,
        grader_version=version,
        weighting=weighting,
        set_ids=sets,
        share_covered=_share(sets, covered),
        judged=both["verdict"].to_numpy(),
        human=both["human"].to_numpy(),
        weights=both["weight"].to_numpy(),
        tasks=_numbers(both.select("task")),
        strata=_numbers(both.select("set_id", "stratum")) if sets else np.zeros(both.height, dtype=np.int64),
        mae_human=both["mae_human"].cast(pl.Float64).fill_null(float("nan")).to_numpy(),
        unrated_verdicts=group.filter(given & ~rated)["verdict"].to_numpy(),
        n_judge_unassessed=group.filter(~given & rated).height,
        n_human_unassessed=group.filter(~rated).height,
    )


def _numbers(keys: "pl.DataFrame") -> npt.NDArray[np.int64]:
    import polars as pl

    ranked: Any = keys.select(pl.struct(keys.columns).rank("dense").cast(pl.Int64) - 1).to_series().to_numpy()
    return np.asarray(ranked, dtype=np.int64)


def _share(sets: tuple[str, ...], covered: dict[str, tuple[float, float]]) -> float | None:
    counted = [covered[name] for name in sets if name in covered]
    whole = sum(n for _, n in counted)
    return sum(seen for seen, _ in counted) / whole if whole else None
