"""How good the rollouts of a frame are: few ratings and many verdicts together, the rows of `mean_quality`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from warehouse.stats.design import MIN_DOMAIN, StratumSample, stratified_mean
from warehouse.stats.estimate import Estimate
from warehouse.stats.prediction_powered import PredictedStratum, prediction_powered_mean
from warehouse.stats.values import FloatArray

if TYPE_CHECKING:
    import polars as pl

    from warehouse.store import Warehouse

NO_JUDGE = "none"
"""In the place of judge and version where none has said anything of the frame: then ratings stand alone."""
LIMITS = (0.0, 1.0)

# Neighbours beside each other: a stratum without a rating is taken to be like the one before it.
FRAME = """
    select
        calibration_frame.set_id,
        calibration_frame.rollout_id,
        calibration_frame.stratum,
        coalesce(policy.name, 'unknown') as policy,
        case when calibration_item.rollout_id is not null then stg_rated.human end as human
    from calibration_frame
    join calibration_set using (set_id)
    left join calibration_stratum using (set_id, stratum)
    left join rollout using (rollout_id)
    left join policy using (policy_id)
    left join calibration_item
        on calibration_item.set_id = calibration_frame.set_id
        and calibration_item.rollout_id = calibration_frame.rollout_id
        and calibration_item.dimension = calibration_set.dimension
    left join stg_rated
        on stg_rated.rollout_id = calibration_frame.rollout_id and stg_rated.dimension = calibration_set.dimension
    where calibration_frame.set_id = $1
    order by
        calibration_stratum.policy, list_position(['low', 'mid', 'good', 'top'], calibration_stratum.quality_band),
        calibration_frame.stratum, calibration_frame.rollout_id
"""
VERDICTS = """
    select
        score.grader_id as judge,
        score.grader_version,
        score.rollout_id,
        avg(score.low) as verdict
    from calibration_frame
    join calibration_set using (set_id)
    join score on score.rollout_id = calibration_frame.rollout_id and score.dimension = calibration_set.dimension
    where calibration_frame.set_id = $1 and score.source = 'judge' and score.state = 'assessed'
    group by all
    order by all
"""
SETS = """
    select distinct calibration_set.set_id, calibration_set.dimension
    from calibration_set
    join calibration_item using (set_id)
    join stg_rated on stg_rated.rollout_id = calibration_item.rollout_id
        and stg_rated.dimension = calibration_item.dimension
    where stg_rated.human is not null
    order by all
"""


def quality_rows(warehouse: "Warehouse") -> list[dict[str, Any]]:
    """Return the rows of `mean_quality`: of every calibration set with a rating, by every judge of its frame."""
    return [
        row
        for set_id, dimension in warehouse.sql(SETS).iter_rows()
        for row in _of_set(warehouse, str(set_id), str(dimension))
    ]


def _of_set(warehouse: "Warehouse", set_id: str, dimension: str) -> Iterator[dict[str, Any]]:
    import polars as pl

    frame = warehouse.sql(FRAME, [set_id])
    verdicts = warehouse.sql(VERDICTS, [set_id])
    judges = verdicts.select("judge", "grader_version").unique(maintain_order=True).rows() or [(NO_JUDGE, NO_JUDGE)]
    policies = frame["policy"].unique().sort().to_list()
    for judge, version in judges:
        said = verdicts.filter((pl.col("judge") == judge) & (pl.col("grader_version") == version))
        judged = frame.join(said.select("rollout_id", "verdict"), on="rollout_id", how="left", maintain_order="left")
        for domain in ("all", *(name for name in policies if len(policies) > 1)):
            part = judged if domain == "all" else judged.filter(pl.col("policy") == domain)
            yield {
                "dimension": dimension, "set_id": set_id, "judge": judge, "grader_version": version, "domain": domain,
                **_measured(part),
            }  # fmt: skip


def _measured(part: "pl.DataFrame") -> dict[str, Any]:
    import polars as pl

    n_rated = part["human"].count()
    alone, powered = _estimates(part) if n_rated else (Estimate(None, reason="Nothing is rated."),) * 2
    if part.height > n_rated and n_rated < MIN_DOMAIN:
        few = Estimate(None, n=n_rated, reason=f"{n_rated} are rated; {MIN_DOMAIN} are needed for a mean of them all.")
        alone = powered = few
    judge_mean: Any = part["verdict"].mean()
    reasons = [alone.reason] if alone.reason else []
    reasons += [powered.reason] if powered.reason and powered.reason not in reasons else []
    silent = part.select((pl.col("verdict").is_null()).sum()).item()
    if silent == part.height:
        reasons.append("No judge has said anything of these.")
    return {
        "n_frame": part.height, "n_judged": part.height - silent, "n_rated": n_rated, "judge_mean": judge_mean,
        "rated_mean": alone.value, "rated_low": alone.low, "rated_high": alone.high,
        "mean": powered.value, "low": powered.low, "high": powered.high, "reason": " ".join(reasons) or None,
    }  # fmt: skip


def _estimates(part: "pl.DataFrame") -> tuple[Estimate, Estimate]:
    """Return the mean by ratings alone, and with the verdicts."""
    sampled, predicted = [], []
    for stratum in part.partition_by("stratum", maintain_order=True):
        verdicts = _numbers(stratum, "verdict")
        human = _numbers(stratum, "human")
        rated = ~np.isnan(human)
        # Clusters are rollouts here in both, so that the two intervals differ by nothing but the verdicts.
        sampled.append(StratumSample(stratum.height, human[rated]))
        predicted.append(PredictedStratum(stratum.height, verdicts, verdicts[rated], human[rated]))
    return stratified_mean(sampled, limits=LIMITS), prediction_powered_mean(predicted, limits=LIMITS)


def _numbers(frame: "pl.DataFrame", column: str) -> FloatArray:
    import polars as pl

    return frame[column].cast(pl.Float64).fill_null(float("nan")).to_numpy()
