"""A warehouse that is a lake: the same tables, views and answers, for several machines at once."""

import random
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from warehouse.definitions import tables
from warehouse.errors import ForeignFileError, NoWarehouseError, QueryError, ShardError, WarehouseError
from warehouse.file_merge import DESCENT, KEEPS_LATEST, Source
from warehouse.lake_catalogue import Seen, attach, look, new_engine, scrubbed
from warehouse.lake_copies import Copies
from warehouse.lake_locks import Lock, Turns
from warehouse.lake_merge import LAKE, Staged, declared_without_keys, merge, merge_policies, replace, stage
from warehouse.location import Lake
from warehouse.store import Warehouse, configured, declared_columns, fingerprint, require_no_newer
from warehouse.tables import Row, as_frame

OF_RUNS = frozenset({"planned", "rollout", "score", "facet", "composite", "judge_call"})
"""Tables whose keys hold their run: rows of different runs never share a key."""
LONGEST_CONFLICT_S = 600.0
_CONFLICTS = ("transaction conflict", "maximum retry count", "could not serialize", "deadlock detected")


class LakeWarehouse(Warehouse):
    """An open lake; made by `Warehouse.open`."""

    def __init__(
        self,
        lake: Lake,
        turns: Turns,
        *,
        read_only: bool,
        beside_others: bool,
        data_path: str,
        seen: Seen | None = None,
    ) -> None:
        self._lake = lake
        self._turns = turns
        self._beside_others = beside_others
        self._held = ExitStack()
        self._copies: Copies | None = None
        connection = configured(new_engine())
        super().__init__(connection, str(lake))
        try:
            snapshot = seen.snapshot if read_only and seen is not None else None
            attach(connection, lake, LAKE, read_only=read_only, data_path=data_path, snapshot=snapshot)
            connection.execute(f"use {LAKE}")
        except BaseException:
            connection.close()
            raise

        # Views of an older version are made of other tables than ours.
        if read_only and seen is not None and seen.fingerprint == fingerprint():
            self._copies = Copies(connection, LAKE, seen)

    def sql(
        self, query: str, params: Sequence[Any] = (), frames: Mapping[str, pl.DataFrame] | None = None
    ) -> pl.DataFrame:
        if self._copies is not None:
            try:
                self._copies.bring(query)
            except duckdb.Error as error:
                raise QueryError(f"{self._place}: cannot be read ({scrubbed(self._lake, error)})") from None
        return super().sql(query, params, frames)

    def close(self) -> None:
        super().close()
        self._held.close()
        self._turns.close()

    def wait_until_alone(self) -> None:
        """Hold everybody else off until this is closed."""
        self._held.enter_context(self._turns.hold([("lake", "alone")]))

    @contextmanager
    def alone_with(self, what: str) -> Iterator[None]:
        with self._turns.hold([("lake", "shared"), (what, "alone")] if self._beside_others else []):
            yield

    def replace_all(self, rows: Mapping[str, Iterable[Row]]) -> dict[str, int]:
        frames: dict[str, Source] = {table: as_frame(table, content) for table, content in rows.items()}
        names = " and ".join(frames)
        stay = f"{names} {'stays as it was' if len(frames) == 1 else 'stay as they were'}"

        def put(cursor: duckdb.DuckDBPyConnection, staged: Staged) -> int:
            replace(cursor, staged)
            return len(frames[staged.table])

        return self._write(frames, put, self._locks(frames), WarehouseError, stay)

    def _in_transaction(self, sources: Mapping[str, Source], latest: Collection[str] = ()) -> dict[str, int]:
        def put(cursor: duckdb.DuckDBPyConnection, staged: Staged) -> int:
            if staged.table == "policy":
                return merge_policies(cursor, staged, DESCENT)
            return merge(cursor, staged, replaces=staged.table in KEEPS_LATEST or staged.table in latest)

        failure = ShardError if any(isinstance(source, list) for source in sources.values()) else WarehouseError
        return self._write(sources, put, self._locks(sources), failure, "nothing was loaded")

    def _write(
        self, sources: Mapping[str, Source], put: Any, locks: list[Lock], failure: type[WarehouseError], otherwise: str
    ) -> dict[str, int]:
        """Stage rows, wait for our turn, and write them all in one transaction or none."""
        cursor = self._cursor()
        try:
            staged = [stage(cursor, table, source) for table, source in sources.items()]
            with self._turns.hold(locks):
                return self._until_committed(cursor, lambda: {one.table: put(cursor, one) for one in staged})
        except duckdb.Error as error:
            raise failure(f"{self._place}: {otherwise} ({scrubbed(self._lake, error)})") from None
        finally:
            cursor.close()

    def _until_committed(self, cursor: duckdb.DuckDBPyConnection, work: Any) -> dict[str, int]:
        """Do something in a transaction, again where another one came in between."""
        end = time.monotonic() + LONGEST_CONFLICT_S
        pause = 0.05
        while True:
            try:
                cursor.begin()
                done: dict[str, int] = work()
                self._turns.require_held()
                cursor.commit()
                return done
            except duckdb.Error as error:
                _roll_back(cursor)
                if not _is_conflict(error) or time.monotonic() > end:
                    raise
            except BaseException:
                _roll_back(cursor)
                raise
            # Not all at the same time again.
            time.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(5.0, pause * 2)

    def _locks(self, sources: Mapping[str, Source]) -> list[Lock]:
        """Return what must be held to add these rows by key."""
        if not self._beside_others:
            return []
        runs = self._runs_of({table: source for table, source in sources.items() if isinstance(source, list)})
        locks: list[Lock] = [("lake", "shared")]
        for table, source in sources.items():
            of_these_runs = runs and isinstance(source, list) and table in OF_RUNS
            locks.append((f"table:{table}", "shared" if of_these_runs else "alone"))
        return [*locks, *((f"run:{run}", "alone") for run in runs)]

    def _runs_of(self, files: Mapping[str, list[str]]) -> list[str]:
        """Return the runs that shards are of; none where they do not say."""
        found: set[str] = set()
        cursor = self._cursor()
        try:
            for table in ("planned", "rollout"):
                for name in files.get(table, []):
                    rows = cursor.execute("select distinct run_id from read_parquet(?)", [name]).fetchall()
                    found.update(run for (run,) in rows)
        except duckdb.Error as error:
            raise ShardError(f"{self._place}: nothing was loaded ({scrubbed(self._lake, error)})") from None
        finally:
            cursor.close()
        return sorted(found)

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        cursor = super()._cursor()
        if self._copies is None:
            cursor.execute(f"use {LAKE}")
        else:
            cursor.execute(f"set search_path = '{self._copies.search_path}'")
            cursor.execute("begin transaction read only")  # the engine would let anybody change copies
        return cursor

    def _create_table(self, cursor: duckdb.DuckDBPyConnection, name: str) -> None:
        definition = tables()[name]
        cursor.execute(declared_without_keys(definition, list(declared_columns(definition).values())))

    def _note_version(self, cursor: duckdb.DuckDBPyConnection, version: int) -> None:
        cursor.execute(
            "insert into schema_version select ? where not exists (from schema_version where version = ?)",
            [version, version],
        )


def open_lake(lake: Lake, *, read_only: bool, beside_others: bool) -> LakeWarehouse:
    """Open a lake; the rest as `Warehouse.open`.

    Raises:
        NoWarehouseError: `read_only` and there is no lake, or nothing in it yet.
        ForeignFileError: the lake is somebody else's, or of a newer version; it stays untouched.
        LockedError: others write to it, and do not end.
        WarehouseError: it cannot be reached, made or written.
    """
    turns = Turns(lake)
    try:
        seen = _ours(lake, look(lake))
        if read_only and (seen is None or not seen.tables):
            raise NoWarehouseError(f"{lake}: holds nothing yet; `assay run` makes and fills it")
        if seen is None or seen.fingerprint != fingerprint():
            try:
                seen = _brought_up_to_date(lake, turns)
            except ForeignFileError:
                raise
            except WarehouseError:
                # Whoever only reads makes do with the views of an older version.
                if not read_only or seen is None:
                    raise
        opened = LakeWarehouse(
            lake,
            turns,
            read_only=read_only,
            beside_others=beside_others,
            data_path=_usable_path(lake, seen, read_only),
            seen=seen,
        )
    except BaseException:
        turns.close()
        raise
    try:
        if not read_only and not beside_others:
            opened.wait_until_alone()
    except BaseException:
        opened.close()
        raise
    return opened


def _ours(lake: Lake, seen: Seen | None) -> Seen | None:
    """Refuse what is somebody else's."""
    if seen is None:
        return None
    if seen.tables and not {"schema_version", "rollout"} <= seen.tables:
        known = ", ".join(sorted(seen.tables)[:3])
        raise ForeignFileError(f"{lake}: belongs to something else (it holds {known}); name another --db")
    if lake.data_path is not None and lake.data_path.rstrip("/") != seen.data_path.rstrip("/"):
        raise WarehouseError(
            f"{lake}: keeps its files in {seen.data_path}, not in {lake.data_path}; leave out --data-path"
        )
    return seen


def _brought_up_to_date(lake: Lake, turns: Turns) -> Seen:
    """Make a lake, or the tables, columns and views that it lacks; one process at a time."""
    with turns.hold([("lake", "alone")]):
        seen = _ours(lake, look(lake))  # somebody else may have done it meanwhile
        if seen is not None and seen.fingerprint == fingerprint():
            return seen
        path = _usable_path(lake, seen, read_only=False)
        if seen is not None and seen.tables:
            # Looked at first without the right to write: one of a newer version must stay as it is.
            with LakeWarehouse(lake, Turns(lake), read_only=True, beside_others=True, data_path=path) as older:
                require_no_newer(older._connection, lake)
        with LakeWarehouse(lake, Turns(lake), read_only=False, beside_others=True, data_path=path) as outdated:
            outdated._create()
        made = look(lake)
        assert made is not None
        return made


def _usable_path(lake: Lake, seen: Seen | None, read_only: bool) -> str:
    """Return where the files of a lake are; the folder of a new one is made.

    Raises:
        WarehouseError: nobody said where, or it cannot be used.
    """
    path = seen.data_path if seen is not None else lake.data_path
    if path is None and not lake.is_postgres:
        path = str(Path(lake.connection).absolute()) + ".files"
    if path is None:
        raise WarehouseError(
            f"{lake}: is a new lake; say where its files go, a shared folder or a bucket: --data-path s3://bucket/prefix"
        )
    if "://" in path:
        return path
    folder = Path(path)
    try:
        if seen is None:
            folder.mkdir(parents=True, exist_ok=True)
        if not folder.is_dir():
            raise WarehouseError(f"{lake}: its files should be in {folder}, which is not there; is the share mounted?")
        if not read_only:
            _try_to_write(folder)
    except OSError as error:
        raise WarehouseError(f"{lake}: {folder} cannot be written ({error.strerror}); check who owns it") from None
    return path


def _try_to_write(folder: Path) -> None:
    import tempfile

    with tempfile.TemporaryFile(dir=folder):
        pass


def _is_conflict(error: duckdb.Error) -> bool:
    return any(words in str(error).lower() for words in _CONFLICTS)


def _roll_back(cursor: duckdb.DuckDBPyConnection) -> None:
    with suppress(duckdb.Error):  # a commit that failed has ended the transaction
        cursor.rollback()
