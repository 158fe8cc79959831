"""Importing: what another system recorded, into the warehouse, in one transaction, as often as one likes.

What can be worked out again is: rewards from scores and weights, the means that the system reports, and, for attempts
on instances that this warehouse holds, the grade itself, from the output and by our own grader.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import tasks_lib
from flows.clock import now
from flows.errors import InputError
from flows.places import require_usable
from graders.grading import Graded, grade_rollout, graders
from tasks_lib.records import Rollout, TaskInstance
from warehouse import Warehouse
from warehouse.estimates import refresh
from warehouse.imports import Reading, Recording, Tables, as_tables, check_reading
from warehouse.location import Location

GRADED_HERE = "scores of a dimension that is graded here"
_CLOSE = 1e-6
"""Between a mean that a system reports, often rounded, and the same worked out again."""


@dataclass(frozen=True)
class Mean:
    """A mean that the other system reports, and the same worked out from its samples."""

    dimension: str
    reported: float
    recomputed: float | None
    """None where no sample has a score that could be used."""

    @property
    def agrees(self) -> bool:
        return self.recomputed is not None and abs(self.reported - self.recomputed) <= _CLOSE * max(
            1, abs(self.reported)
        )


@dataclass(frozen=True)
class Imported:
    """What came of one import."""

    run_id: str
    made_by: str
    n_attempts: int
    n_errors: int
    policies: tuple[str, ...]
    families: tuple[str, ...]
    n_instances: int
    dimensions: tuple[str, ...]
    n_graded_here: int
    added: dict[str, int]
    means: tuple[Mean, ...]
    unused: dict[str, int]
    """Reason -> how many."""


def import_recording(db: Location, recording: Recording, reading: Reading) -> Imported:
    """Load a recording; loading it again adds nothing.

    Raises:
        InputError: the span names a policy that the recording does not hold, or the recording was imported before the
            warehouse knew its instances.
        WarehouseError: the warehouse cannot be used, or ranges and weights cannot be meant; nothing was written.
    """
    _require_span(recording, reading)
    check_reading(recording, reading)
    require_usable(db)
    with Warehouse.open(db) as warehouse:
        known = dict(warehouse.sql("select instance_id, family from instance").iter_rows())
        families = frozenset(warehouse.sql("select family from family")["family"]) | frozenset(tasks_lib.families())
        tables = as_tables(recording, reading, known, families, now())
        _keep_first_import(warehouse, tables)
        n_graded = _grade_here(warehouse, recording, tables, known)
        added = warehouse.merge_all(tables.rows)
        _note_thresholds(warehouse, tables.run_id)
        refresh(warehouse, [tables.run_id])
    return _told(recording, tables, added, n_graded)


def _require_span(recording: Recording, reading: Reading) -> None:
    names = sorted({attempt.policy for attempt in recording})
    for name in reading.span:
        if name not in names:
            raise InputError(f"--span: there is no policy {name!r} here; there are {', '.join(names)}")


def _keep_first_import(warehouse: Warehouse, tables: Tables) -> None:
    """Let the time of a first import stand, and refuse a second one that would put the attempts on other instances."""
    before = warehouse.sql("select taskset_hash from run where run_id = ?", [tables.run_id])
    if not before.height:
        return
    if before["taskset_hash"][0] != tables.rows["run"][0]["taskset_hash"]:
        raise InputError(
            f"this was imported before, as run {tables.run_id}, when the warehouse did not know some of its instances; "
            "the same attempts would count twice, so import it into another --db, after the instances"
        )
    tables.rows["run"] = []


def _grade_here(warehouse: Warehouse, recording: Recording, tables: Tables, known: Mapping[str, str]) -> int:
    """Grade what was handed in for instances of ours; our grade takes the place of a composite made of their scores.

    Returns:
        How many attempts were graded.
    """
    kept_outputs = {
        (attempt.instance, attempt.policy, attempt.sample)
        for attempt in recording
        if attempt.output is not None and attempt.status != "error" and known.get(attempt.instance) in graders()
    }
    names = {spec.policy_id: spec.name for spec in tables.policies.values()}
    instances: dict[str, TaskInstance] = {}
    graded: dict[str, Graded] = {}
    for row in tables.rows.get("rollout", []):
        if (row["instance_id"], names[row["policy_id"]], row["sample"]) in kept_outputs:
            instance_id = row["instance_id"]
            instances.setdefault(instance_id, _instance(warehouse, instance_id))
            graded[row["rollout_id"]] = grade_rollout(instances[instance_id], Rollout.model_validate(row))
    if graded:
        _put_in_place(tables, graded)
    return len(graded)


def _put_in_place(tables: Tables, graded: Mapping[str, Graded]) -> None:
    ours = {(place, score.dimension) for place, grade in graded.items() for score in grade.scores}
    scores = tables.rows.get("score", [])
    others = [row for row in scores if (row["rollout_id"], row["dimension"]) not in ours]
    if len(others) < len(scores):
        tables.unused[GRADED_HERE] = len(scores) - len(others)
    composites = [row for row in tables.rows.get("composite", []) if row["rollout_id"] not in graded]
    for grade in graded.values():
        others += [dict(score) for score in grade.scores]
        composites += [dict(grade.composite)] if grade.composite is not None else []
    tables.rows["score"], tables.rows["composite"] = others, composites
    tables.rows["facet"] = [dict(facet) for grade in graded.values() for facet in grade.facets]


def _instance(warehouse: Warehouse, instance_id: str) -> TaskInstance:
    row = warehouse.sql("select * from instance where instance_id = ?", [instance_id]).row(0, named=True)
    for name in ("knobs", "materials", "truth"):
        row[name] = json.loads(row[name])
    return TaskInstance.model_validate(row)


def _note_thresholds(warehouse: Warehouse, run_id: str) -> None:
    values = warehouse.sql("select name, value from default_threshold").iter_rows()
    warehouse.merge("threshold", [{"run_id": run_id, "name": name, "value": value} for name, value in values])


def _told(recording: Recording, tables: Tables, added: dict[str, int], n_graded: int) -> Imported:
    attempts = recording.attempts
    return Imported(
        run_id=tables.run_id,
        made_by=recording.made_by,
        n_attempts=len(attempts),
        n_errors=sum(attempt.status == "error" for attempt in attempts),
        policies=tuple(sorted({spec.name for spec in tables.policies.values()})),
        families=tuple(sorted({attempt.family for attempt in attempts})),
        n_instances=len(tables.instance_ids),
        dimensions=tuple(sorted({row["dimension"] for row in tables.rows.get("score", [])})),
        n_graded_here=n_graded,
        added=added,
        means=tuple(Mean(name, value, _mean(recording, name, value)) for name, value in recording.reported.items()),
        unused=dict(tables.unused.most_common()),
    )


def _mean(recording: Recording, dimension: str, reported: float) -> float | None:
    """Work a mean out again: over instances of the means of their attempts, or over all attempts.

    Systems do the one or the other; where attempts are spread unevenly the two differ, and the nearer one is meant.
    """
    by_instance: dict[str, list[float]] = {}
    for attempt in recording:
        for score in attempt.scores:
            if score.dimension == dimension:
                by_instance.setdefault(attempt.instance, []).append((score.low + score.high) / 2)
    every = [value for values in by_instance.values() for value in values]
    if not every:
        return None
    means = (_average([_average(values) for values in by_instance.values()]), _average(every))
    return min(means, key=lambda mean: abs(mean - reported))


def _average(values: Sequence[float]) -> float:
    return sum(values) / len(values)
