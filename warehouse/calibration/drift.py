"""Whether what calibrated a judge has changed since: the rows of `judge_drift`.

A judge that a newer model answers for, or that reads another rubric, is another instrument: its calibration does not
carry over. How far it moved is measured on outputs that both judged, whatever run they stand in: the seed examples,
oracles and ladders of two runs on the same tasks, regrades and replays are such outputs. Without enough of them the
errors on what people rated are compared, which also holds what changed in the outputs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from warehouse.stats.values import FloatArray

if TYPE_CHECKING:
    import polars as pl

    from warehouse.store import Warehouse

MARGIN = 0.03
"""Largest mean shift of a judge that does not matter: a quarter of half a level of five (judgement)."""
MIN_UNITS = 10
"""Below so many pairs, or rated rollouts on either side, no interval is given, as for every mean here."""
SHOWN = 4
"""Policies named in a row; the rest is counted."""

ARMS = """
    select
        score.dimension,
        score.grader_id as judge,
        score.grader_version as version,
        min(run.started_at) as first_used,
        max(run.started_at) as last_used,
        bool_or(stg_rated.rollout_id is not null) as is_rated
    from score
    join rollout using (rollout_id)
    join run using (run_id)
    left join stg_rated on stg_rated.rollout_id = score.rollout_id and stg_rated.dimension = score.dimension
    where score.source = 'judge' and score.dimension in (select dimension from stg_judge_input)
    group by all
    order by all
"""
ANSWERED = """
    select
        judge_call.dimension,
        judge_call.grader_id as judge,
        json_extract_string(judge_call.verdict, '$.answered_by') as model,
        min(run.started_at) as first_used,
        max(run.started_at) as last_used
    from judge_call
    join rollout using (rollout_id)
    join run using (run_id)
    where judge_call.grader_id is not null and model is not null
        and judge_call.dimension in (select dimension from stg_judge_input)
    group by all
    order by all
"""
# An output is known by its task and its text. Repeats are averaged, the same text in several runs, too.
SAID = """
    select
        rollout.instance_id,
        md5(rollout.output) as text,
        score.grader_id as judge,
        score.grader_version as version,
        {model} as model,
        avg(score.low) as verdict
    from score
    join rollout using (rollout_id)
    {calls}
    where score.source = 'judge' and score.state = 'assessed' and score.dimension = $1
        and list_contains($2, score.grader_id)
    group by all
"""
CALLS = """
    left join judge_call
        on judge_call.rollout_id = score.rollout_id
        and judge_call.dimension = score.dimension
        and judge_call.grader_id = score.grader_id
        and judge_call.replicate = score.replicate
"""
ERRORS = """
    select instance_id, judge, grader_version as version, weight, verdict - human as error
    from stg_judged_rating
    where dimension = $1 and list_contains($2, judge) and verdict is not null and human is not null
"""
POLICIES = """
    with judged as (
        select distinct score.dimension, score.grader_id as judge, score.rollout_id
        from score
        where score.source = 'judge' and score.dimension in (select dimension from stg_judge_input)
    )
    select
        judged.dimension,
        judged.judge,
        policy.name as policy,
        count(*) as n,
        count(stg_rated.rollout_id) as n_rated
    from judged
    join rollout using (rollout_id)
    join policy using (policy_id)
    left join instance using (instance_id)
    left join stg_rated on stg_rated.rollout_id = judged.rollout_id and stg_rated.dimension = judged.dimension
    where policy.kind in ('model', 'simulated', 'replay') and instance.split is distinct from 'seed'
    group by all
    order by all
"""


@dataclass(frozen=True)
class _Arm:
    """A judge as it was at a time."""

    judge: str
    version: str | None = None
    """None: whatever version."""
    model: str | None = None
    """As the server named it; None: whatever model."""

    def picks(self, said: "pl.DataFrame") -> "pl.DataFrame":
        import polars as pl

        kept = said.filter(pl.col("judge") == self.judge)
        for name, wanted in (("version", self.version), ("model", self.model)):
            if wanted is not None and name in kept.columns:
                kept = kept.filter(pl.col(name) == wanted)
        return kept


@dataclass(frozen=True)
class _Shift:
    """How far a judge moved."""

    basis: str | None
    n_common: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    is_within: bool = False
    """Shown to be within the margin: the 90 % interval lies in it (two one-sided tests at 5 %)."""
    said: str = ""

    @property
    def verdict(self) -> str:
        if self.is_within:
            return "same"
        if self.low is not None and self.high is not None and (self.low > 0 or self.high < 0):
            return "moved"
        return "unknown"


def drift_rows(warehouse: "Warehouse") -> list[dict[str, Any]]:
    """Return the rows of `judge_drift`: for every rated dimension and judge, what changed and how far it moved."""
    arms = warehouse.sql(ARMS)
    if arms.is_empty():
        return []
    answered = warehouse.sql(ANSWERED)
    return [
        *_rubrics(warehouse, arms),
        *_models(warehouse, arms, answered),
        *_policies(warehouse),
    ]


def _rubrics(warehouse: "Warehouse", arms: "pl.DataFrame") -> Iterator[dict[str, Any]]:
    for (dimension, judge), versions in arms.group_by("dimension", "judge", maintain_order=True):
        if versions.height < 2:
            continue
        later, earlier = _newest_and_before(versions.to_dicts())
        if earlier is None:
            continue
        shift = _shift(
            warehouse, str(dimension), _Arm(str(judge), earlier["version"]), _Arm(str(judge), later["version"])
        )
        lost = "The calibration of the earlier version does not carry over: rate what the later one judged."
        yield _row(str(dimension), str(judge), "rubric", earlier["version"], later["version"], shift, lost)


def _models(warehouse: "Warehouse", arms: "pl.DataFrame", answered: "pl.DataFrame") -> Iterator[dict[str, Any]]:
    import polars as pl

    for (dimension,), judges in arms.group_by("dimension", maintain_order=True):
        name = str(dimension)
        used = judges.group_by("judge", maintain_order=True).agg(
            pl.col("first_used").min(), pl.col("last_used").max(), pl.col("is_rated").any()
        )
        latest = used["last_used"].max()
        for row in used.to_dicts():
            judge = row["judge"]
            models = answered.filter((pl.col("dimension") == name) & (pl.col("judge") == judge)).to_dicts()
            if len(models) > 1:
                later, earlier = _newest_and_before(models)
                if earlier is not None:
                    before, now = _Arm(judge, model=earlier["model"]), _Arm(judge, model=later["model"])
                    shift = _shift(warehouse, name, before, now)
                    lost = "Verdicts of both stand under one name and one calibration."
                    yield _row(name, judge, "judge model", earlier["model"], later["model"], shift, lost)
                    continue
            if row["last_used"] != latest:
                continue
            # Judges that were used together are a panel, and no change of the judge.
            gone = [other for other in used.to_dicts() if other["last_used"] < row["first_used"]]
            if gone:
                earlier = max(gone, key=lambda other: (other["is_rated"], other["last_used"]))
                shift = _shift(warehouse, name, _Arm(earlier["judge"]), _Arm(judge))
                lost = "The calibration of the earlier judge does not carry over."
                yield _row(name, judge, "judge model", earlier["judge"], judge, shift, lost)


def _newest_and_before(used: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return what was used last, and what it took the place of: what was rated counts before what was not."""
    later = max(used, key=lambda row: (row["last_used"], row["first_used"]))
    others = [row for row in used if row is not later and row["first_used"] < later["last_used"]]
    if not others:
        return later, None
    return later, max(others, key=lambda row: (row.get("is_rated", False), row["last_used"]))


def _policies(warehouse: "Warehouse") -> Iterator[dict[str, Any]]:
    import polars as pl

    judged = warehouse.sql(POLICIES)
    for (dimension, judge), policies in judged.group_by("dimension", "judge", maintain_order=True):
        rated = policies.filter(pl.col("n_rated") > 0)["policy"].to_list()
        unrated = policies.filter(pl.col("n_rated") == 0)
        share = float(unrated["n"].sum()) / float(policies["n"].sum())
        names = _listed(unrated["policy"].to_list())
        reason = (
            f"{share:.0%} of the rollouts it judged are by policies of which nobody has rated any ({names}): whether "
            "it agrees with people on these is not known."
            if unrated.height
            else "People rated rollouts of every policy that it judged."
        )
        row = _row(
            str(dimension), str(judge), "policies", _listed(rated), names, _Shift(None, 0, is_within=not unrated.height)
        )
        yield {**row, "n_common": None, "share_unrated": share, "reason": reason}


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    return (f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown) or "none"


def _shift(warehouse: "Warehouse", dimension: str, earlier: _Arm, later: _Arm) -> _Shift:
    paired = _paired(warehouse, dimension, earlier, later)
    if (paired.value is not None and paired.n_common >= MIN_UNITS) or earlier.model is not None:
        return paired
    return _by_bias(warehouse, dimension, earlier, later, paired.n_common) or paired


def _paired(warehouse: "Warehouse", dimension: str, earlier: _Arm, later: _Arm) -> _Shift:
    """Return the mean difference over the outputs that both judged, with an interval over their tasks."""
    by_model = later.model is not None
    query = SAID.format(
        model="json_extract_string(judge_call.verdict, '$.answered_by')" if by_model else "null::varchar",
        calls=CALLS if by_model else "",
    )
    said = warehouse.sql(query, [dimension, sorted({earlier.judge, later.judge})])
    key = ["instance_id", "text"]
    before, now = (arm.picks(said).group_by(key).agg(verdict=_mean("verdict")) for arm in (earlier, later))
    both = before.join(now, on=key, suffix="_later").sort(key)
    if both.is_empty():
        return _Shift(None, 0, said="No output was judged by both")
    differences = (both["verdict_later"] - both["verdict"]).to_numpy()
    tasks = np.unique(both["instance_id"].to_numpy().astype(str), return_inverse=True)[1]
    n_tasks = int(tasks.max()) + 1
    units = tasks if n_tasks >= MIN_UNITS else np.arange(len(differences))
    where = f"over {_counted(both.height, 'output')} of {_counted(n_tasks, 'task')} that both judged"
    return _measured("paired", both.height, where, differences, np.ones(len(differences)), units)


def _mean(column: str) -> "pl.Expr":
    import polars as pl

    return pl.col(column).mean()


def _by_bias(warehouse: "Warehouse", dimension: str, earlier: _Arm, later: _Arm, n_common: int) -> _Shift | None:
    """Return by how much the error on rated rollouts changed; None where either side has too few."""
    errors = warehouse.sql(ERRORS, [dimension, sorted({earlier.judge, later.judge})])
    sides = [arm.picks(errors) for arm in (earlier, later)]
    if min(side.height for side in sides) < MIN_UNITS:
        return None
    means, variances = [], []
    for side in sides:
        tasks = np.unique(side["instance_id"].fill_null("").to_numpy().astype(str), return_inverse=True)[1]
        units = tasks if int(tasks.max()) + 1 >= MIN_UNITS else np.arange(side.height)
        mean, variance, _ = _weighted(side["error"].to_numpy(), side["weight"].to_numpy(), units)
        means.append(mean)
        variances.append(variance)
    value, error = means[1] - means[0], sqrt(sum(variances))
    where = (
        f"on rated rollouts, {sides[0].height:,} before and {sides[1].height:,} now; few outputs were judged by both"
    )
    # The normal quantile: with ten units a side, and different ones, the degrees of freedom are near twenty.
    low, high = value - 1.96 * error, value + 1.96 * error
    is_within = abs(value) + 1.645 * error < MARGIN
    return _Shift("bias", n_common, value, low, high, is_within, f"judge - human changed by {value:+.3f} {where}")


def _measured(basis: str, n: int, where: str, values: FloatArray, weights: FloatArray, units: Any) -> _Shift:
    from scipy.special import stdtrit

    mean, variance, n_units = _weighted(values, weights, units)
    said = f"Verdicts moved by {mean:+.3f} on average {where}"
    if n_units < MIN_UNITS:
        return _Shift(basis, n, mean, said=f"{said}; {MIN_UNITS} are needed for an interval")
    error = sqrt(variance)
    half, half_90 = (float(stdtrit(n_units - 1, level)) * error for level in (0.975, 0.95))
    return _Shift(basis, n, mean, mean - half, mean + half, abs(mean) + half_90 < MARGIN, said)


def _weighted(values: FloatArray, weights: FloatArray, units: Any) -> tuple[float, float, int]:
    """Return a weighted mean, its variance with units as clusters (Taylor linearised), and how many units there are."""
    total = float(weights.sum())
    mean = float((weights * values).sum()) / total
    sums = np.bincount(units, weights=weights * (values - mean))
    n_units = len(sums)
    return mean, float((sums**2).sum()) / total**2 * n_units / max(1, n_units - 1), n_units


def _row(
    dimension: str, judge: str, kind: str, earlier: str, later: str, shift: _Shift, lost: str = ""
) -> dict[str, Any]:
    ends = f" ({shift.low:+.3f} to {shift.high:+.3f})" if shift.low is not None else ""
    told = {
        "moved": "it moved.",
        "same": f"the same within {MARGIN:g}.",
        "unknown": "whether it moved is not known.",
    }
    return {
        "dimension": dimension, "judge": judge, "kind": kind, "earlier": earlier, "later": later,
        "n_common": shift.n_common, "shift": shift.value, "shift_low": shift.low, "shift_high": shift.high,
        "basis": shift.basis, "share_unrated": None, "margin": MARGIN, "verdict": shift.verdict,
        "reason": f"{shift.said}{ends}: {told[shift.verdict]} {lost}".strip(),
    }  # fmt: skip


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
