"""What if: the answers of a warehouse under other rubrics, without a byte of its file changed.

A second warehouse in memory shows every table of the file as it is, but for the composites, which are put together
again. The public views are the same ones, so every question can be asked of it; it knows nothing of which rubrics
make sense.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Literal

import duckdb
import polars as pl

from warehouse.binding import register_once
from warehouse.definitions import tables, views
from warehouse.errors import WarehouseError
from warehouse.location import Lake, Location
from warehouse.store import Warehouse, configured, fingerprint
from warehouse.tables import as_frame

OF_RUBRICS = ("rubric", "rubric_dimension", "rubric_cap")
_NEW: Mapping[str, Mapping[str, Any]] = {
    "new_rubric": {
        "run_id": pl.String, "family": pl.String, "rubric_id": pl.String, "cap_mode": pl.String,
        "work_base": pl.Float64, "ready_at": pl.Float64,
    },
    "new_weight": {"rubric_id": pl.String, "dimension": pl.String, "weight": pl.Float64},
    "new_cap": {"rubric_id": pl.String, "flag": pl.String, "ceiling": pl.Float64},
}  # fmt: skip
"""The small tables that queries/recompose.sql asks for."""


@dataclass(frozen=True)
class NewRubric:
    """How the rollouts of one family in one run are put together instead."""

    run_id: str
    family: str
    rubric_id: str
    weights: Mapping[str, float]
    """Dimension -> weight, above 0."""
    caps: Mapping[str, float]
    """Flag -> ceiling, 0..1; with `free`, every flag that occurs."""
    cap_mode: Literal["scaled", "hard"]
    work_base: float
    ready_at: float
    content: Mapping[str, Any] = field(default_factory=dict)
    """The whole rubric, as table rubric keeps it."""
    free: frozenset[str] = frozenset()
    """Flags that cost nothing where `caps` does not name them."""
    unused: tuple[str, ...] = ()
    """Numbers of the rubric that only graders read, and that the scores were not made with."""

    @property
    def ceilings(self) -> dict[str, float]:
        """Every flag that may occur -> its ceiling."""
        return {**dict.fromkeys(sorted(self.free), 1.0), **self.caps}


class WhatIf(Warehouse):
    """The answers under other rubrics; reading only. Every view and table is there under its name."""

    @property
    def recomposed(self) -> pl.DataFrame:
        """The composites that were put together again: the rows of table composite under the new rubrics."""
        return self.sql("from recomposed")


@contextmanager
def what_if(path: Location, rubrics: Sequence[NewRubric]) -> Iterator[WhatIf]:
    """Open a warehouse in which some composites are put together under other rubrics; the file stays as it is.

    A rollout that is not recomposed keeps its own composite, but one of a run and family that `rubrics` name and that
    cannot be recomposed has none.

    Args:
        path: the warehouse file.
        rubrics: one at most for every run and family.

    Raises:
        LockedError: another process has the file open for writing.
        WarehouseError: there is no file, or it cannot be read.
    """
    # Opened once as anybody does: the file of an older version gets the tables and columns it lacks.
    with Warehouse.open(path, read_only=True):
        pass
    with closing(_engine(path)) as connection:
        try:
            _attach(connection, path)
            _fill(connection, rubrics)
        except duckdb.Error as error:
            raise WarehouseError(f"{path}: cannot be recomposed ({_told(path, error)})") from None
        yield WhatIf(connection, str(path))


def rows_to_keep(rubrics: Iterable[NewRubric]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows that describe rubrics, by table."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in OF_RUBRICS}
    for new in {new.rubric_id: new for new in rubrics}.values():
        rows["rubric"].append({"rubric_id": new.rubric_id, "family": new.family, "content": dict(new.content)})
        rows["rubric_dimension"] += [
            {"rubric_id": new.rubric_id, "dimension": name, "weight": weight} for name, weight in new.weights.items()
        ]
        rows["rubric_cap"] += [
            {"rubric_id": new.rubric_id, "flag": flag, "ceiling": ceiling} for flag, ceiling in new.caps.items()
        ]
    return rows


def _engine(path: Location) -> duckdb.DuckDBPyConnection:
    if isinstance(path, Lake):
        from warehouse.lake_catalogue import new_engine

        return configured(new_engine())
    return configured(duckdb.connect(":memory:"))


def _attach(connection: duckdb.DuckDBPyConnection, path: Location) -> None:
    """Show the tables of the file, and our views on them."""
    if isinstance(path, Lake):
        from warehouse.lake_catalogue import attach, look

        seen = look(path)
        assert seen is not None  # it was opened a moment ago
        attach(connection, path, "kept", read_only=True, data_path=seen.data_path)
    else:
        place = str(path).replace("'", "''")
        connection.execute(f"attach '{place}' as kept (read_only)")
        if _copied(connection):
            return
    for name in tables():
        connection.execute(f"create view {name} as from kept.{name}")
    for view in views().values():
        connection.execute(view.sql)


def _copied(connection: duckdb.DuckDBPyConnection) -> bool:
    """Copy the views of a file, where they are those of this version: to make them anew takes .4 s, this a tenth."""
    made_by = "select comment from duckdb_tables() where database_name = 'kept' and table_name = 'schema_version'"
    if connection.execute(made_by).fetchall() != [(fingerprint(),)]:
        return False
    connection.begin()
    try:
        connection.execute("copy from database kept to memory (schema)")
        for name in tables():
            connection.execute(f"drop table {name}")
            connection.execute(f"create view {name} as from kept.{name}")
    except duckdb.Error:
        # Something of its owner's stands in the way, such as a table that refers to one of ours.
        connection.rollback()
        return False
    connection.commit()
    return True


def _told(path: Location, error: Exception) -> str:
    if isinstance(path, Lake):
        from warehouse.lake_catalogue import scrubbed

        return scrubbed(path, error)
    return str(error).splitlines()[0]


def _fill(connection: duckdb.DuckDBPyConnection, rubrics: Sequence[NewRubric]) -> None:
    """Put together what is asked for, and let it take the place of the composites of the file."""
    for name, frame in _asked(rubrics).items():
        register_once(connection, "incoming", frame)
        connection.execute(f"create table {name} as from incoming")
        connection.unregister("incoming")
    connection.execute(f"create table recomposed as {_query()}")
    # Of the others their own: what was saved of an earlier question is no part of this one.
    connection.execute("""
        create table own as
        select composite.*
        from composite
        join stg_attempt using (rollout_id, rubric_id)
        anti join new_rubric
            on new_rubric.run_id = stg_attempt.run_id and new_rubric.family is not distinct from stg_attempt.family
    """)
    for name in ("composite", "recomposition"):
        connection.execute(f"drop view {name}")
        connection.execute(tables()[name].sql)
    connection.execute("insert into composite by name from recomposed")
    connection.execute("insert into composite by name from own")
    for name, rows in rows_to_keep(rubrics).items():
        connection.execute(f"drop view {name}")
        connection.execute(tables()[name].sql)
        connection.execute(f"insert into {name} by name from kept.{name}")
        register_once(connection, "incoming", as_frame(name, rows))
        connection.execute(f"insert or ignore into {name} by name from incoming")
        connection.unregister("incoming")


def _asked(rubrics: Sequence[NewRubric]) -> dict[str, pl.DataFrame]:
    by_id = {new.rubric_id: new for new in rubrics}.values()
    rows: dict[str, list[tuple[Any, ...]]] = {
        "new_rubric": [
            (new.run_id, new.family, new.rubric_id, new.cap_mode, new.work_base, new.ready_at) for new in rubrics
        ],
        "new_weight": [(new.rubric_id, name, weight) for new in by_id for name, weight in new.weights.items()],
        "new_cap": [(new.rubric_id, flag, ceiling) for new in by_id for flag, ceiling in new.ceilings.items()],
    }
    return {name: pl.DataFrame(found, schema=_NEW[name], orient="row") for name, found in rows.items()}


def _query() -> str:
    return (files("warehouse") / "queries" / "recompose.sql").read_text(encoding="utf-8")
