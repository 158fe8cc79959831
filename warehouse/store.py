"""The warehouse file: open, load, ask.

One DuckDB file with our schema and views. Only one process may have it open for writing, so writers
leave shards beside it and one loader merges them by key, in one transaction.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import polars as pl

from warehouse.definitions import tables, views
from warehouse.errors import ForeignFileError, LockedError, QueryError, ShardError, WarehouseError
from warehouse.shards import shard_files
from warehouse.tables import Row, as_frame, schema_of

SCHEMA_VERSION = 1
LOADED_TABLES = ("rollout", "score", "facet", "composite", "judge_call")
"""Tables that shards may hold."""
_KEEPS_LATEST = frozenset(
    {"run", "planned", "threshold", "family", "operator", "expectation", "probe", "rubric", "known_limit"}
)
"""Tables whose rows describe a present state: merging a known key replaces the row."""


class Warehouse:
    """An open warehouse. Use as a context manager, or call `close`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, place: str) -> None:
        self._connection = connection
        self._place = place

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Self:
        """Open a warehouse file; unless `read_only`, make what is missing of it.

        Raises:
            LockedError: another process has the file open.
            ForeignFileError: the file is no warehouse, or one of a newer version; it stays untouched.
            WarehouseError: `read_only` and there is no file, or the folder cannot be written.
        """
        if read_only and not path.exists():
            raise WarehouseError(f"{path}: there is no database; `assay run` or `assay demo` makes one")
        if not path.parent.is_dir():
            raise WarehouseError(f"{path}: the folder {path.parent} does not exist; make it or name another --db")
        if path.is_dir():
            raise WarehouseError(f"{path}: is a folder; --db takes a file")
        if path.exists() and path.stat().st_size:
            # Looked at first without the right to write: a file that is not ours must not change by a byte.
            _check_ours(path)
        warehouse = cls(_connect(path, read_only=read_only), str(path))
        try:
            if not read_only:
                warehouse._create()
        except duckdb.Error as error:
            warehouse.close()
            raise WarehouseError(f"{path}: the schema cannot be made ({_first_line(error)})") from None
        return warehouse

    @classmethod
    def in_memory(cls) -> Self:
        """Open an empty warehouse that is gone when closed."""
        warehouse = cls(_configured(duckdb.connect(":memory:")), "memory")
        warehouse._create()
        return warehouse

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; harmless when repeated."""
        self._connection.close()

    def sql(self, query: str, params: Sequence[Any] = ()) -> pl.DataFrame:
        """Run one query and return its rows.

        Raises:
            QueryError: the query does not run.
        """
        cursor = self._connection.cursor()
        try:
            relation = cursor.sql(query, params=list(params)) if params else cursor.sql(query)
            return pl.DataFrame() if relation is None else relation.pl()
        except duckdb.Error as error:
            raise QueryError(f"the query does not run: {_first_line(error)}") from None
        finally:
            cursor.close()

    def view(self, name: str) -> pl.DataFrame:
        """Return all rows of one view or table.

        Raises:
            QueryError: there is no such view; the text lists those there are.
        """
        if name not in views() and name not in tables():
            public = [known for known in views() if not known.startswith("stg_")]
            raise QueryError(f"there is no view {name!r}; views: {', '.join(sorted(public))}")
        return self.sql(f'select * from "{name}"')  # noqa: S608 - the name is one of ours

    def describe(self) -> pl.DataFrame:
        """Return one row for every table and view: name, kind, n_rows, question, grain."""
        rows = []
        for known in (*tables().values(), *views().values()):
            if known.name.startswith("stg_") or known.name == "schema_version":
                continue
            counted = self.sql(f'select count(*) as n from "{known.name}"')  # noqa: S608 - the name is one of ours
            rows.append((known.name, known.kind, counted["n"][0], known.question, ", ".join(known.grain)))
        columns = {"name": pl.String, "kind": pl.String, "n_rows": pl.Int64, "question": pl.String, "grain": pl.String}
        return pl.DataFrame(rows, schema=columns, orient="row")

    def merge(self, table: str, rows: Iterable[Row] | pl.DataFrame) -> int:
        """Add rows by primary key in one transaction and return how many keys were new.

        A key that is there already stays as it is, except in tables that describe a present state
        (`run`, `planned`, the catalogue of operators and probes), where the new row takes its place.

        Raises:
            WarehouseError: a row does not fit the table; nothing was added.
        """
        frame = as_frame(table, rows)
        if frame.is_empty():
            return 0
        return self._in_transaction({table: frame})[table]

    def load(self, spool: Path) -> dict[str, int]:
        """Merge all finished shards of a spool in one transaction and return the new rows by table.

        Loading twice adds nothing. A chunk that was cut off has no shard and is not loaded.

        Raises:
            ShardError: a shard is damaged; nothing was loaded.
        """
        sources: dict[str, pl.DataFrame | list[str]] = {}
        for table in LOADED_TABLES:
            found = shard_files(spool, table)
            if found:
                sources[table] = found
        return self._in_transaction(sources)

    def _in_transaction(self, sources: dict[str, Any]) -> dict[str, int]:
        added = {}
        cursor = self._connection.cursor()
        try:
            cursor.begin()
            for table, source in sources.items():
                added[table] = _merge(cursor, table, source)
            cursor.commit()
        except duckdb.Error as error:
            cursor.rollback()
            failure = ShardError if any(isinstance(source, list) for source in sources.values()) else WarehouseError
            raise failure(f"{self._place}: nothing was loaded ({_first_line(error)})") from None
        finally:
            cursor.close()
        return added

    def _create(self) -> None:
        cursor = self._connection.cursor()
        cursor.begin()
        for definition in (*tables().values(), *views().values()):
            cursor.execute(definition.sql)
        cursor.execute("insert or ignore into schema_version values (?)", [SCHEMA_VERSION])
        cursor.commit()
        cursor.close()


def _merge(cursor: duckdb.DuckDBPyConnection, table: str, source: pl.DataFrame | list[str]) -> int:
    columns = ", ".join(schema_of(table))
    key = ", ".join(tables()[table].grain)
    read = "read_parquet(?)" if isinstance(source, list) else "incoming"
    if not isinstance(source, list):
        cursor.register("incoming", source.to_arrow())
    # Two rows with one key inside one statement: the engine would silently keep the first one it meets.
    unique = (
        f"select {columns} from {read} "  # noqa: S608 - names come from our own files
        f"qualify row_number() over (partition by {key}) = 1"
    )
    verb = "insert or replace" if table in _KEEPS_LATEST else "insert or ignore"
    count = f"select count(*) from {table}"  # noqa: S608
    before = cursor.execute(count).fetchall()[0][0]
    cursor.execute(f"{verb} into {table} ({columns}) {unique}", [source] if isinstance(source, list) else [])
    after = cursor.execute(count).fetchall()[0][0]
    if not isinstance(source, list):
        cursor.unregister("incoming")
    return int(after - before)


def _connect(path: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    try:
        return _configured(duckdb.connect(str(path), read_only=read_only))
    except duckdb.Error as error:
        text = _first_line(error)
        holder = re.search(r"PID (\d+)", str(error))
        if "lock" in text.lower():
            who = f"process {holder.group(1)}" if holder else "another process"
            raise LockedError(f"{path}: is open in {who}; close it there, or wait until it is done") from None
        raise ForeignFileError(f"{path}: is not a database of this program ({text}); name another --db") from None


def _configured(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    connection.execute("set timezone = 'UTC'")
    return connection


def _check_ours(path: Path) -> None:
    connection = _connect(path, read_only=True)
    try:
        found = connection.execute("select table_name from duckdb_tables() where not internal").fetchall()
        names = {name for (name,) in found}
        if names and "schema_version" not in names:
            known = ", ".join(sorted(names)[:3])
            raise ForeignFileError(f"{path}: belongs to something else (it holds {known}); name another --db")
        versions = connection.execute("select max(version) from schema_version").fetchall() if names else [(None,)]
        if versions[0][0] is not None and versions[0][0] > SCHEMA_VERSION:
            raise ForeignFileError(f"{path}: was written by a newer version of this program; update taskassay")
    finally:
        connection.close()


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
