"""What calibration says, dimension by dimension: people among themselves, judges beside them, and what is decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flows.calibration.upkeep import bring_up_to_date
from flows.errors import InputError
from warehouse import Warehouse
from warehouse.bands import ALL_BANDS
from warehouse.definitions import tables
from warehouse.estimates import is_calibration_current
from warehouse.location import Location

Row = dict[str, Any]
OF_PEOPLE = ("rater_reliability", "rater_pair")


@dataclass(frozen=True)
class JudgeReport:
    """One version of a judge on one dimension."""

    judge: str
    grader_version: str
    decision: Row
    """Its row of judge_calibration."""
    bands: Sequence[Row]
    """Its rows of judge_agreement, 'all' first."""
    mapping: Row | None
    """Its row of calibration_map; None where nothing has both a verdict and a rating."""
    points: Sequence[Row]
    """Of the map."""


@dataclass(frozen=True)
class DimensionReport:
    """All that is known of one dimension."""

    dimension: str
    n_ratings: int
    n_rated: int
    """Rollouts with a rating."""
    n_raters: int
    sets: Sequence[Row]
    """Its calibration sets, the latest first: set_id, n_items, n_rated, tail_factor, tail_from."""
    people: Mapping[str, Sequence[Row]]
    """Table of people's agreement -> its rows."""
    judges: Sequence[JudgeReport]
    quality: Sequence[Row]
    drift: Sequence[Row]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "dimension": self.dimension, "n_ratings": self.n_ratings, "n_rated": self.n_rated,
            "n_raters": self.n_raters, "sets": list(self.sets),
            **{name: list(rows) for name, rows in self.people.items()},
            "judges": [
                {**one.decision, "bands": list(one.bands), "map": one.mapping and {**one.mapping, "points": one.points}}
                for one in self.judges
            ],
            "mean_quality": list(self.quality), "drift": list(self.drift),
        }  # fmt: skip


@dataclass(frozen=True)
class CalibrationReport:
    """All rated dimensions."""

    dimensions: Sequence[DimensionReport]
    is_current: bool
    """False where the figures are of earlier ratings and the warehouse could not be written."""
    refreshed: Mapping[str, int] = field(default_factory=dict)
    """Table -> rows, where the figures were worked out just now."""


RATED = """
    select
        dimension,
        count(*) as n_ratings,
        count(distinct rollout_id) as n_rated,
        count(distinct rater) as n_raters
    from stg_rating
    group by dimension
    order by dimension
"""
SETS = """
    select
        calibration_set.dimension, calibration_set.set_id, calibration_set.tail_factor, calibration_set.tail_from,
        count(*) as n_items,
        count(stg_rated.rollout_id) as n_rated
    from calibration_set
    join calibration_item using (set_id)
    left join stg_rated
        on stg_rated.rollout_id = calibration_item.rollout_id and stg_rated.dimension = calibration_item.dimension
    group by all
    order by any_value(calibration_set.created_at) desc, calibration_set.set_id
"""


def calibration_report(db: Location, dimension: str | None = None, judge: str | None = None) -> CalibrationReport:
    """Read what calibration says; where ratings or verdicts came in since, work it out first.

    Args:
        db: warehouse.
        dimension: only this one.
        judge: only this one: model and conditions, or the beginning of it.

    Raises:
        InputError: nobody has rated anything, or nothing of what is asked for.
        WarehouseError: the warehouse cannot be read.
    """
    refreshed = bring_up_to_date(db).refreshed
    with Warehouse.open(db, read_only=True) as warehouse:
        return _read(warehouse, db, dimension, judge, refreshed)


def _read(
    warehouse: Warehouse, db: Location, dimension: str | None, judge: str | None, refreshed: Mapping[str, int]
) -> CalibrationReport:
    rated = warehouse.sql(RATED).to_dicts()
    if not rated:
        raise InputError(
            f"{db}: nobody has rated anything yet; `assay calibrate sample --dimension D --n 100` draws rollouts to "
            "rate, `assay calibrate rate` or `assay calibrate export` hands them to people"
        )
    known = [row["dimension"] for row in rated]
    if dimension is not None and dimension not in known:
        raise InputError(f"--dimension: nobody has rated {dimension!r}; there are ratings of: {', '.join(known)}")
    rows = {
        name: warehouse.view(name).to_dicts()
        for name in (
            "judge_calibration", "judge_agreement", "calibration_map", "calibration_map_point", "mean_quality",
            "judge_drift", *(name for name in OF_PEOPLE if name in tables()),
        )
    }  # fmt: skip
    if judge is not None:
        names = sorted({row["judge"] for row in rows["judge_calibration"]})
        if not any(name.startswith(judge) for name in names):
            there = ", ".join(names) or "none"
            raise InputError(f"--judge: no rated rollout was judged by {judge!r}; judges of rated rollouts: {there}")
        for name in ("judge_calibration", "mean_quality", "judge_drift"):
            rows[name] = [row for row in rows[name] if row["judge"].startswith(judge)]
    sets = warehouse.sql(SETS).to_dicts()
    found = [
        _of_dimension(row, rows, [each for each in sets if each["dimension"] == row["dimension"]])
        for row in rated
        if dimension in (None, row["dimension"])
    ]
    return CalibrationReport(found, is_calibration_current(warehouse), refreshed)


def _of_dimension(rated: Row, rows: Mapping[str, Sequence[Row]], sets: Sequence[Row]) -> DimensionReport:
    name = rated["dimension"]
    mine = {table: [row for row in content if row["dimension"] == name] for table, content in rows.items()}
    decisions = sorted(mine["judge_calibration"], key=lambda row: (row["judge"], row["grader_version"]))
    return DimensionReport(
        **rated,
        sets=sets,
        people={table: mine[table] for table in OF_PEOPLE if table in mine},
        judges=[_of_judge(row, mine) for row in decisions],
        quality=sorted(mine["mean_quality"], key=lambda row: (row["set_id"], row["judge"], row["domain"] != "all")),
        drift=sorted(mine["judge_drift"], key=lambda row: (row["judge"], row["kind"])),
    )


def _of_judge(decision: Row, rows: Mapping[str, Sequence[Row]]) -> JudgeReport:
    def own(table: str) -> list[Row]:
        key = ("judge", "grader_version")
        return [row for row in rows[table] if all(row[name] == decision[name] for name in key)]

    return JudgeReport(
        judge=decision["judge"],
        grader_version=decision["grader_version"],
        decision=decision,
        bands=sorted(own("judge_agreement"), key=lambda row: ALL_BANDS.index(row["quality_band"])),
        mapping=next(iter(own("calibration_map")), None),
        points=sorted(own("calibration_map_point"), key=lambda row: row["place"]),
    )
