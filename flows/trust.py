"""Trust: which judges may narrow a reward, and how every output says when others did.

Only a judge that people's ratings have calibrated narrows, on that dimension and in that version. `any` lets all of
them narrow, for whoever wants to look; what came of it is marked wherever it is shown. The marks are worded here and
nowhere else.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from flows.calibration.upkeep import bring_up_to_date
from tasks_lib.records import Record, Score
from warehouse import NoWarehouseError, Warehouse
from warehouse.location import Location

TrustMode = Literal["calibrated", "any"]
MARK = "trust any: uncalibrated judges moved these rewards"
"""What every output begins with where judges narrowed rewards that nobody has calibrated."""
ANY_BUT_CALIBRATED = "trust any: judges moved these rewards, and would have, had they not been calibrated"
UNKNOWN = "trust unknown: judges moved these rewards, and nobody asked whether they are calibrated"
"""Runs from before trust was asked for, and imported verdicts."""

TRUSTED = """
    select dimension, judge, grader_version
    from stg_trusted_judge
    order by all
"""

# One row for each judge, dimension and version of a run.
HEARD = """
    select distinct
        rollout.run_id, score.grader_id as judge, score.dimension, score.grader_version, score.is_trusted
    from score
    join rollout using (rollout_id)
    where score.source = 'judge' and list_contains($1::varchar[], rollout.run_id)
    order by all
"""

PLANNED = "select run_id, config from run where list_contains($1::varchar[], run_id) order by started_at, run_id"


class TrustedJudge(Record):
    """A judge that people's ratings have calibrated."""

    dimension: str
    judge: str
    grader_version: str


class Trust(Record):
    """Whose verdicts may narrow the rewards of a run: decided once, when it is planned."""

    mode: TrustMode | None = None
    """None: planned before anybody asked; all count, and nothing is noted with the scores."""
    trusted: tuple[TrustedJudge, ...] = ()

    def marked(self, scores: Iterable[Score]) -> tuple[Score, ...]:
        """Return the scores of judges with whether they may narrow; those of code as they are."""
        known = {(one.dimension, one.judge, one.grader_version) for one in self.trusted}
        return tuple(
            score
            if score.source != "judge"
            else score.model_copy(update={"is_trusted": self._is_trusted(score, known)})
            for score in scores
        )

    def as_config(self) -> dict[str, Any]:
        """Return what a plan keeps of it."""
        return {"trust": self.mode, "trusted": [one.model_dump() for one in self.trusted]}

    def _is_trusted(self, score: Score, known: Collection[tuple[str, str, str]]) -> bool | None:
        if self.mode is None:
            return None
        return self.mode == "any" or (score.dimension, score.grader_id, score.grader_version) in known


def planned_trust(config: Mapping[str, Any]) -> Trust:
    """Return what a plan says of trust; one from before trust was asked for says nothing."""
    if "trusted" not in config:
        return Trust()
    return Trust(mode=config["trust"], trusted=tuple(TrustedJudge.model_validate(one) for one in config["trusted"]))


def current_trust(db: Location, mode: TrustMode) -> Trust:
    """Return whom a warehouse calibrates now, with all ratings there are; one that is not there calibrates nobody.

    Args:
        db: warehouse.
        mode: `calibrated`: they alone count; `any`: all do.

    Raises:
        WarehouseError: the file cannot be read, or figures are out of date and it cannot be written.
    """
    bring_up_to_date(db)
    try:
        with Warehouse.open(db, read_only=True) as warehouse:
            rows = warehouse.sql(TRUSTED).to_dicts()
    except NoWarehouseError:
        return Trust(mode=mode)
    return Trust(mode=mode, trusted=tuple(TrustedJudge.model_validate(row) for row in rows))


@dataclass(frozen=True)
class Told:
    """What an output says about the judges behind it."""

    marks: tuple[str, ...] = ()
    """A sentence each where rewards were moved by judges that are not calibrated; it must be seen."""
    notes: tuple[str, ...] = ()
    """A sentence for each judge whose verdicts are kept and do not count."""

    def as_json(self) -> dict[str, list[str]]:
        """Return what `--json` prints as `trust`."""
        return {"marks": list(self.marks), "notes": list(self.notes)}

    def marking(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return rows that are printed as JSON by themselves: with the marks in each where there are any."""
        return frame.with_columns(pl.lit("; ".join(self.marks)).alias("trust")) if self.marks else frame


NO_JUDGES = Told()
"""Nothing has to be said."""


def told(warehouse: Warehouse, run_ids: Sequence[str]) -> Told:
    """Return what has to be said about the judges of some runs; nothing where no judge took part.

    Args:
        warehouse: where they are.
        run_ids: the runs; with several of them each sentence names its run.
    """
    heard = warehouse.sql(HEARD, [list(run_ids)])
    if not heard.height:
        return NO_JUDGES
    marks, notes = [], []
    for run_id, config in warehouse.sql(PLANNED, [list(run_ids)]).iter_rows():
        prefix = f"run {run_id}: " if len(run_ids) > 1 else ""
        rows = heard.filter(run_id=run_id)
        marks += [prefix + text for text in _marks(planned_trust(json.loads(config)), rows)]
        notes += [prefix + text for text in _notes(rows.filter(is_trusted=False))]
    return Told(tuple(marks), tuple(notes))


def told_of_file(db: Location, run_ids: Sequence[str]) -> Told:
    """Return what has to be said about the judges of some runs of a warehouse file.

    Raises:
        WarehouseError: the file cannot be read.
    """
    with Warehouse.open(db, read_only=True) as warehouse:
        return told(warehouse, run_ids)


def _marks(trust: Trust, rows: pl.DataFrame) -> list[str]:
    calibrated = {(one.dimension, one.judge, one.grader_version) for one in trust.trusted}
    counted = rows.filter(pl.col("is_trusted").fill_null(False))
    moved = [row for row in counted.iter_rows(named=True) if _key(row) not in calibrated]
    found = []
    if moved:
        found.append(f"{MARK} ({_listed(moved)})")
    elif counted.height and trust.mode == "any":
        found.append(f"{ANY_BUT_CALIBRATED} ({_listed(counted.to_dicts())})")
    if (unasked := rows.filter(pl.col("is_trusted").is_null())).height:
        found.append(f"{UNKNOWN} ({_listed(unasked.to_dicts())})")
    return found


def _notes(rows: pl.DataFrame) -> list[str]:
    return [
        f"{judge} is not calibrated on {', '.join(dimensions)}: its verdicts are kept but do not count; "
        "`assay calibrate sample` draws what people have to rate"
        for judge, dimensions in _by_judge(rows.to_dicts()).items()
    ]


def _listed(rows: Iterable[Mapping[str, Any]]) -> str:
    return "; ".join(f"{judge} on {', '.join(dimensions)}" for judge, dimensions in _by_judge(rows).items())


def _by_judge(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        dimensions = found.setdefault(row["judge"], [])
        if row["dimension"] not in dimensions:
            dimensions.append(row["dimension"])
    return found


def _key(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["dimension"], row["judge"], row["grader_version"]
