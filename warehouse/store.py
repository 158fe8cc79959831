"""The warehouse file: open, load, ask.

One DuckDB file with our schema and views. Only one process may have it open for writing, so writers
leave shards beside it and one loader merges them by key, in one transaction.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import polars as pl

from tasks_lib.records import content_hash
from warehouse.binding import register_once, written_out
from warehouse.blank import put_blank
from warehouse.definitions import Definition, tables, views
from warehouse.errors import ForeignFileError, LockedError, NoWarehouseError, QueryError, ShardError, WarehouseError
from warehouse.file_merge import Source, merge_tables
from warehouse.location import Lake, Location
from warehouse.shards import Shards
from warehouse.tables import Row, as_frame

SCHEMA_VERSION = 1
LOADED_TABLES = ("planned", "rollout", "score", "facet", "composite", "judge_call")
"""Tables that shards may hold."""


class Warehouse:
    """An open warehouse. Use as a context manager, or call `close`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, place: str) -> None:
        self._connection = connection
        self._place = place

    @classmethod
    def open(cls, path: Location, *, read_only: bool = False, beside_others: bool = False) -> "Warehouse":
        """Open a warehouse; unless `read_only`, make the file or lake and the tables and columns it lacks.

        Views that an older version of the program left are replaced, if need be and possible also
        before reading only.

        Args:
            path: file or lake.
            read_only: nothing can be changed.
            beside_others: let others write to a lake at the same time; for writers that think about nothing they have
                read, or do it within `alone_with`. Without it they wait until this one is closed. A file has one
                writer at a time anyway.

        Raises:
            LockedError: another process has the file open.
            ForeignFileError: the file is no warehouse, or one of a newer version; it stays untouched.
            NoWarehouseError: `read_only` and there is no file, or nothing in it yet.
            WarehouseError: the folder cannot be written.
        """
        if isinstance(path, Lake):
            from warehouse.lake import open_lake  # its packages are an extra

            return open_lake(path, read_only=read_only, beside_others=beside_others)
        if read_only and not path.exists():
            raise NoWarehouseError(f"{path}: there is no database; `assay run` or `assay demo` makes one")
        if not path.parent.is_dir():
            raise WarehouseError(f"{path}: the folder {path.parent} does not exist; make it or name another --db")
        if path.is_dir():
            raise WarehouseError(f"{path}: is a folder; --db takes a file")
        # Looked at first without the right to write: a file that is not ours must not change by a byte.
        found = None
        if path.exists() and path.stat().st_size:
            seen = _connect(path, read_only=True)
            found = look_into(seen, path)
            if read_only and found == fingerprint():
                return cls(seen, str(path))
            seen.close()
        if read_only and found is None:
            raise NoWarehouseError(f"{path}: holds nothing yet; `assay run` or `assay demo` fills one")
        is_there = path.exists() or path.with_name(f"{path.name}.wal").exists()
        kind = f"{SCHEMA_VERSION}-{fingerprint()}-{duckdb.__version__}"
        if not is_there and put_blank(path, kind, cls._make, require_current):
            found = fingerprint()
        if found != fingerprint():
            try:
                cls._make(path)
            except WarehouseError:
                # Whoever only reads makes do with the views of an older version.
                if not read_only:
                    raise
        return cls(_connect(path, read_only=read_only), str(path))

    @classmethod
    def in_memory(cls) -> Self:
        """Open an empty warehouse that is gone when closed."""
        warehouse = cls(configured(duckdb.connect(":memory:")), "memory")
        warehouse._create()
        return warehouse

    @contextmanager
    def alone_with(self, what: str) -> Iterator[None]:
        """Hold off others who are alone with the same thing, from reading to writing.

        Args:
            what: `results`, the tables that are worked out from others.
        """
        del what  # a file has one writer anyway
        yield

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; harmless when repeated."""
        self._connection.close()

    def sql(
        self, query: str, params: Sequence[Any] = (), frames: Mapping[str, pl.DataFrame] | None = None
    ) -> pl.DataFrame:
        """Run one query and return its rows.

        Args:
            query: one statement.
            params: values of its `?` or `$1`, `$2`, ...
            frames: rows that stand, for this query, under a name of their own or in the place of a view.

        Raises:
            QueryError: the query does not run.
        """
        cursor = self._cursor()
        try:
            for name, frame in (frames or {}).items():
                cursor.register(name, frame.to_arrow())  # read as often as the query likes
            written = written_out(query, params)
            query, params = (query, params) if written is None else (written, ())
            statements = cursor.extract_statements(query)
            if len(statements) == 1 and statements[0].type == duckdb.StatementType.SELECT:
                # Planned once, where a relation would be planned when made and again when read: of a view that reads
                # others this is most of the time.
                return _in_utc(cursor.execute(statements[0], list(params)).pl())
            relation = cursor.sql(query, params=list(params)) if params else cursor.sql(query)
            return pl.DataFrame() if relation is None else _in_utc(relation.pl())
        except duckdb.Error as error:
            raise QueryError(f"the query does not run: {_first_line(error)}") from None
        except pl.exceptions.PolarsError:
            # The difference of two times, most of all: there is no such type in a frame.
            text = "a column has a type that cannot be shown; cast it, such as (ended_at - started_at)::varchar"
            raise QueryError(text) from None
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
        for known in (*tables().values(), *sorted(views().values(), key=lambda view: view.name)):
            if known.name.startswith("stg_") or known.name == "schema_version":
                continue
            counted = self.sql(f'select count(*) as n from "{known.name}"')  # noqa: S608 - the name is one of ours
            rows.append((known.name, known.kind, counted["n"][0], known.question, ", ".join(known.grain)))
        columns = {"name": pl.String, "kind": pl.String, "n_rows": pl.Int64, "question": pl.String, "grain": pl.String}
        return pl.DataFrame(rows, schema=columns, orient="row")

    def merge(self, table: str, rows: Iterable[Row] | pl.DataFrame) -> int:
        """Add rows by primary key in one transaction and return how many keys were new.

        A key that is there already stays as it is, except in tables that describe a present state
        (`run`, `planned`, the catalogue of operators and probes), where the new row takes its place, and for the
        descent of a policy, of which the latest that was said counts.

        Raises:
            WarehouseError: a row does not fit the table; nothing was added.
        """
        frame = as_frame(table, rows)
        if frame.is_empty():
            return 0
        return self._in_transaction({table: frame})[table]

    def merge_files(self, table: str, files: Sequence[str]) -> int:
        """Add rows as `merge` does, from files that `write_portions` wrote; of a key that is in two, the first counts.

        Raises:
            ShardError: a file is damaged; nothing was added.
        """
        return self._in_transaction({table: list(files)})[table] if files else 0

    def merge_all(
        self, tables: Mapping[str, Iterable[Row] | pl.DataFrame], latest: Collection[str] = ()
    ) -> dict[str, int]:
        """Add rows of several tables in one transaction, all or none, and return how many keys were new.

        Args:
            tables: table -> rows.
            latest: tables in which a new row takes the place of one with its key, besides those where it always does.

        Raises:
            WarehouseError: a row does not fit its table; nothing was added.
        """
        frames = {table: as_frame(table, rows) for table, rows in tables.items()}
        return self._in_transaction({table: frame for table, frame in frames.items() if not frame.is_empty()}, latest)

    def replace(self, table: str, rows: Iterable[Row]) -> int:
        """Put rows in the place of all that a table holds, in one transaction, and return how many there are now.

        For tables that are worked out from others.

        Raises:
            WarehouseError: a row does not fit the table; it stays as it was.
        """
        return self.replace_all({table: rows})[table]

    def replace_all(self, rows: Mapping[str, Iterable[Row]]) -> dict[str, int]:
        """Put rows in the place of all that several tables hold, in one transaction, all or none.

        Returns:
            Table -> how many rows there are now.

        Raises:
            WarehouseError: a row does not fit its table; all stay as they were.
        """
        frames = {table: as_frame(table, content) for table, content in rows.items()}
        cursor = self._cursor()
        try:
            cursor.begin()
            for table, frame in frames.items():
                grain = tables()[table].grain
                key, columns = ", ".join(grain), ", ".join(frame.columns)
                # Not deleted and put back: within a transaction the engine still sees the keys of what it deleted.
                register_once(cursor, "kept", frame.select(grain))
                cursor.execute(f"delete from {table} where ({key}) not in (select ({key}) from kept)")  # noqa: S608
                register_once(cursor, "incoming", frame)
                cursor.execute(f"insert or replace into {table} ({columns}) select {columns} from incoming")  # noqa: S608
                cursor.unregister("kept")
                cursor.unregister("incoming")
            cursor.commit()
        except duckdb.Error as error:
            cursor.rollback()
            names = " and ".join(frames)
            stay = "stays as it was" if len(frames) == 1 else "stay as they were"
            raise WarehouseError(f"{self._place}: {names} {stay} ({_first_line(error)})") from None
        finally:
            cursor.close()
        return {table: frame.height for table, frame in frames.items()}

    def load(self, shards: Shards) -> dict[str, int]:
        """Merge all finished shards of a place in one transaction and return the new rows by table.

        Loading twice adds nothing. A chunk that was cut off has no shard and is not loaded.

        Raises:
            ShardError: a shard is damaged, or the place cannot be reached; nothing was loaded.
        """
        with shards.on_disk() as there:
            found = {table: there.files(table) for table in LOADED_TABLES}
            added = self._in_transaction({table: files for table, files in found.items() if files})
        shards.sweep()
        return added

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a connection of one's own."""
        return self._connection.cursor()

    def _in_transaction(self, sources: Mapping[str, Source], latest: Collection[str] = ()) -> dict[str, int]:
        from_files = any(isinstance(source, list) for source in sources.values())
        cursor = self._cursor()
        try:
            with suppress(duckdb.ConstraintException):
                # Nearly always all keys in files are new. To find out takes as long as to load them, and the engine
                # does so anyway.
                return merge_tables(cursor, sources, latest, all_new=from_files)
            return merge_tables(cursor, sources, latest)
        except duckdb.Error as error:
            failure = ShardError if from_files else WarehouseError
            raise failure(f"{self._place}: nothing was loaded ({_first_line(error)})") from None
        finally:
            cursor.close()

    @classmethod
    def _make(cls, path: Path) -> None:
        """Give a file the tables, columns and views of this version."""
        with cls(_connect(path, read_only=False), str(path)) as made:
            made._create()

    def _create(self) -> None:
        cursor = self._cursor()
        try:
            cursor.begin()
            for definition in tables().values():
                self._create_table(cursor, definition.name)
                _add_missing_columns(cursor, definition)
            for definition in views().values():
                cursor.execute(definition.sql)
            self._note_version(cursor, SCHEMA_VERSION)
            cursor.execute(f"comment on table schema_version is '{fingerprint()}'")
            cursor.commit()
        except duckdb.Error as error:
            text = f"{self._place}: the schema cannot be made ({_first_line(error)}); name another --db"
            raise WarehouseError(text) from None
        finally:
            cursor.close()

    def _create_table(self, cursor: duckdb.DuckDBPyConnection, name: str) -> None:
        cursor.execute(tables()[name].sql)

    def _note_version(self, cursor: duckdb.DuckDBPyConnection, version: int) -> None:
        # No parameter: with the first one in a process, the engine imports pandas, for half a second.
        cursor.execute(f"insert or ignore into schema_version values ({version:d})")  # noqa: S608


def _add_missing_columns(cursor: duckdb.DuckDBPyConnection, definition: Definition) -> None:
    """Give a table that an older version made the columns that came later; rows from then have null there."""
    there = {name for name, *_ in cursor.execute(f"describe {definition.name}").fetchall()}
    for name, declared in declared_columns(definition).items():
        if name not in there:
            cursor.execute(f"alter table {definition.name} add column {declared}")


def declared_columns(definition: Definition) -> dict[str, str]:
    """Return column -> its declaration, such as `value double`, in the order of the SQL file."""
    lines = (line.strip().rstrip(",") for line in definition.sql.splitlines() if line.startswith("    "))
    return {line.split()[0]: line for line in lines if line and line.split()[0] in definition.columns}


def _connect(path: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    try:
        return configured(duckdb.connect(str(path), read_only=read_only))
    except duckdb.Error as error:
        text = _first_line(error)
        holder = re.search(r"PID (\d+)", str(error))
        if "different configuration" in text:
            raise LockedError(f"{path}: is open in this very process for another use; close it there first") from None
        if isinstance(error, duckdb.IOException) and (
            "permission denied" in text.lower() or "read-only" in text.lower()
        ):
            raise WarehouseError(f"{path}: may not be opened ({text}); check who owns it") from None
        if "lock" in text.lower():
            who = f"process {holder.group(1)}" if holder else "another process"
            raise LockedError(f"{path}: is open in {who}; close it there, or wait until it is done") from None
        raise ForeignFileError(f"{path}: is not a database of this program ({text}); name another --db") from None


def configured(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Return a connection that tells times in UTC and, whatever a query needs, fetches no extension unasked."""
    connection.execute("set timezone = 'UTC'")
    connection.execute("set autoinstall_known_extensions = false")
    return connection


def require_no_newer(connection: duckdb.DuckDBPyConnection, path: Location) -> None:
    """Refuse a warehouse that a newer version of the program wrote.

    Raises:
        ForeignFileError: it did.
    """
    version = connection.execute("select max(version) from schema_version").fetchall()[0][0]
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise ForeignFileError(
            f"{path}: was written by a newer version of this program (schema {version}, this one knows "
            f"{SCHEMA_VERSION}); update taskassay or name another --db"
        )


def look_into(connection: duckdb.DuckDBPyConnection, path: Path) -> str | None:
    """Return the fingerprint of the SQL files that made a file; None where it holds nothing at all.

    Raises:
        ForeignFileError: the file is not ours; the connection is closed.
    """
    try:
        objects = connection.execute(
            "select table_name, comment from duckdb_tables() where not internal "
            "union all select view_name, null from duckdb_views() where not internal"
        ).fetchall()
        found = dict(objects)
        if not found:
            return None
        if "schema_version" not in found or "rollout" not in found:
            known = ", ".join(sorted(found)[:3])
            raise ForeignFileError(f"{path}: belongs to something else (it holds {known}); name another --db")
        require_no_newer(connection, path)
        return found["schema_version"] or ""
    except duckdb.Error as error:
        connection.close()
        raise ForeignFileError(f"{path}: is not ours ({_first_line(error)}); name another --db") from None
    except ForeignFileError:
        connection.close()
        raise


def require_current(path: Path) -> None:
    """Refuse a file that is no warehouse of this version of the program.

    Raises:
        ForeignFileError: it is not.
    """
    connection = _connect(path, read_only=True)
    if look_into(connection, path) != fingerprint():
        connection.close()
        raise ForeignFileError(f"{path}: is no warehouse of this version")
    connection.close()


@cache
def fingerprint() -> str:
    """Return what changes whenever a table or view of this version changes."""
    return content_hash([definition.sql for definition in (*tables().values(), *views().values())])


def _in_utc(frame: pl.DataFrame) -> pl.DataFrame:
    """Name the time zone as the rows that came in did; the engine has a longer name for it."""
    zoned = [
        name
        for name, kind in frame.schema.items()
        if isinstance(kind, pl.Datetime) and kind.time_zone not in (None, "UTC")
    ]
    return frame.with_columns(pl.col(zoned).dt.convert_time_zone("UTC")) if zoned else frame


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
