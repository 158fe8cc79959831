"""The catalogue of a lake: what it says before the engine is asked, and how the engine is connected with it.

Looked into first with a client of its own, in one cheap query: so that what is not ours stays untouched, and a server
that does not answer is told in words of its own.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import duckdb

from warehouse.errors import ForeignFileError, LockedError, WarehouseError
from warehouse.location import Lake, passwords

if TYPE_CHECKING:
    import psycopg

SECONDS_TO_CONNECT = 10
_OPEN_ELSEWHERE = "{}: is open in another process; a catalogue in a file is for one at a time, wait until it is done"
_LOOK = """
    select 'data_path', value from ducklake_metadata where key = 'data_path' and scope is null
    union all
    select 'table', table_name from ducklake_table where end_snapshot is null
    union all
    select 'snapshot', cast(max(snapshot_id) as varchar) from ducklake_snapshot
    union all
    select 'size', concat(ducklake_table.table_name, ' ', record_count, ' ', file_size_bytes)
    from ducklake_table_stats join ducklake_table on ducklake_table_stats.table_id = ducklake_table.table_id
    where ducklake_table.end_snapshot is null
    union all
    select 'fingerprint', ducklake_tag.value
    from ducklake_tag join ducklake_table on ducklake_tag.object_id = ducklake_table.table_id
    where
        ducklake_table.table_name = 'schema_version' and ducklake_tag.key = 'comment'
        and ducklake_tag.end_snapshot is null and ducklake_table.end_snapshot is null
"""


@dataclass(frozen=True)
class Seen:
    """What a catalogue says of its lake."""

    data_path: str
    tables: frozenset[str]
    fingerprint: str | None
    """Of the SQL files that made the tables and views; None where there are none of ours."""
    snapshot: int
    """The latest one; all of this was seen at once."""
    sizes: Mapping[str, tuple[int, int]]
    """Table -> rows, at least as many as there are, and bytes of its files; nobody has written to the others yet."""


def look(lake: Lake) -> Seen | None:
    """Return what the catalogue says; None where nobody has made a lake there yet.

    Raises:
        WarehouseError: the catalogue cannot be reached or read; a package is missing.
        ForeignFileError: a file that is no catalogue.
        LockedError: the file of the catalogue is open in another process.
    """
    rows = _rows_of_server(lake) if lake.is_postgres else _rows_of_file(lake)
    if rows is None:
        return None
    found: dict[str, list[str]] = {"data_path": [], "table": [], "fingerprint": [], "snapshot": [], "size": []}
    for what, value in rows:
        found[what].append(value)
    return Seen(
        data_path="".join(found["data_path"][:1]),
        tables=frozenset(found["table"]),
        fingerprint=next(iter(found["fingerprint"]), None),
        snapshot=int(found["snapshot"][0]),
        sizes={table: (int(n_rows), int(n_bytes)) for table, n_rows, n_bytes in map(str.split, found["size"])},
    )


def connect(lake: Lake, **options: Any) -> "psycopg.Connection[Any]":
    """Connect with the PostgreSQL server of a catalogue, each statement a transaction of its own.

    Raises:
        WarehouseError: it cannot be reached, does not know us, or the package is missing.
    """
    import_driver(lake)
    import psycopg

    try:
        said = psycopg.conninfo.conninfo_to_dict(lake.connection)
        return psycopg.connect(
            **{"connect_timeout": SECONDS_TO_CONNECT, "application_name": "taskassay", **said, **options},
            autocommit=True,
        )
    except psycopg.ProgrammingError:
        raise WarehouseError(
            f"{lake}: is no connection string; write ducklake:postgres:dbname=NAME host=HOST user=USER"
        ) from None
    except psycopg.Error as error:
        raise WarehouseError(f"{lake}: {_why_not_connected(lake, error)}") from None


def import_driver(lake: Lake) -> None:
    """Make sure that what a PostgreSQL catalogue needs is installed.

    Raises:
        WarehouseError: it is not.
    """
    try:
        import_module("psycopg")
    except ImportError:
        raise WarehouseError(f"{lake}: needs a package that is not here; pip install 'taskassay[lake]'") from None


def new_engine() -> duckdb.DuckDBPyConnection:
    """Return an engine that holds nothing and loads the extensions of installed packages without delay.

    They are as trusted as the package of the engine beside them; to prove their signatures takes half a second each
    time, which is longer than everything else about opening a lake.
    """
    return duckdb.connect(":memory:", config={"allow_unsigned_extensions": True})


def attach(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    name: str,
    *,
    read_only: bool,
    data_path: str,
    snapshot: int | None = None,
) -> None:
    """Attach a lake to a connection.

    Args:
        connection: of a `new_engine`.
        lake: which.
        name: what to call it.
        read_only: nothing of it can be changed.
        data_path: where its files are, by the catalogue or, for a new one, by the person.
        snapshot: the one to read, whatever is written meanwhile; None: always the latest.

    Raises:
        LockedError: the file of the catalogue is open in another process.
        WarehouseError: it cannot be attached.
    """
    try:
        connection.execute("set temp_directory = ?", [str(Path(tempfile.gettempdir(), "taskassay-spill"))])
        _load_extensions(connection, lake, data_path)
        # From here on whatever else is loaded must be signed; the engine lets nobody undo this.
        connection.execute("set allow_unsigned_extensions = false")
        place = f"postgres:{_keep_password(connection, lake)}" if lake.is_postgres else lake.connection
        options = [f"data_path {_quoted(data_path)}"]
        options += ["read_only"] if read_only else []
        options += [f"snapshot_version {snapshot:d}"] if snapshot is not None else []
        options += ["meta_secret 'catalogue'"] if lake.is_postgres else []
        connection.execute(f"attach {_quoted('ducklake:' + place)} as {name} ({', '.join(options)})")
    except duckdb.Error as error:
        text = scrubbed(lake, error)
        if "lock" in text.lower() and not lake.is_postgres:
            raise LockedError(_OPEN_ELSEWHERE.format(lake)) from None
        raise WarehouseError(f"{lake}: cannot be opened ({text})") from None


def _load_extensions(connection: duckdb.DuckDBPyConnection, lake: Lake, data_path: str) -> None:
    """Load what a lake needs, straight from the installed packages: nothing is downloaded or written to a home.

    Raises:
        WarehouseError: a package is missing, or is of another version than the engine.
    """
    needed = ["ducklake"]
    if lake.is_postgres:
        needed.append("postgres_scanner")
    if "://" in data_path:
        needed.append("httpfs")
    for extension in needed:
        _load(connection, lake, extension)
    if "httpfs" in needed:
        _keep_keys(connection, lake, data_path)


def scrubbed(lake: Lake, error: Exception) -> str:
    """Return the first line of an error without what is secret in it."""
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    secrets = [*(passwords(lake.connection) if lake.is_postgres else ()), lake.store.secret, lake.store.session_token]
    for secret in filter(None, secrets):
        text = text.replace(secret, "...")
    return text


def _rows_of_server(lake: Lake) -> list[tuple[str, str]] | None:
    with connect(lake) as server:
        import psycopg

        try:
            if server.execute("select to_regclass('ducklake_metadata')").fetchone() == (None,):
                return None
            return [(str(what), str(value)) for what, value in server.execute(_LOOK).fetchall()]
        except psycopg.Error as error:
            raise WarehouseError(f"{lake}: its catalogue cannot be read ({scrubbed(lake, error)})") from None


def _rows_of_file(lake: Lake) -> list[tuple[str, str]] | None:
    path = Path(lake.connection)
    if not path.exists():
        if not path.absolute().parent.is_dir():
            raise WarehouseError(f"{lake}: the folder {path.parent} does not exist; make it or name another --db")
        return None
    try:
        with duckdb.connect(str(path), read_only=True) as file:
            names = {name for (name,) in file.execute("select table_name from duckdb_tables()").fetchall()}
            if "ducklake_metadata" not in names:
                raise ForeignFileError(f"{lake}: {path} is no catalogue of a lake; name another --db")
            return [(str(what), str(value)) for what, value in file.execute(_LOOK).fetchall()]
    except duckdb.Error as error:
        if "lock" in str(error).lower():
            raise LockedError(_OPEN_ELSEWHERE.format(lake)) from None
        raise ForeignFileError(f"{lake}: {path} is no catalogue of a lake; name another --db") from None


def _why_not_connected(lake: Lake, error: Exception) -> str:
    text = scrubbed(lake, error)
    if "password" in str(error):
        return f"the catalogue refuses us ({text}); set PGPASSWORD or write ~/.pgpass"
    if "does not exist" in str(error):
        return f"the catalogue refuses us ({text}); `createdb` makes a database"
    return f"the catalogue does not answer ({text}); check host, port and network"


def _load(connection: duckdb.DuckDBPyConnection, lake: Lake, extension: str) -> None:
    try:
        module = import_module(f"duckdb_extension_{extension}")
    except ImportError:
        raise WarehouseError(
            f"{lake}: needs the package duckdb-extension-{extension.replace('_', '-')}; pip install 'taskassay[lake]'"
        ) from None
    file = Path(module.__path__[0], "extensions", f"v{duckdb.__version__}", f"{extension}.duckdb_extension")
    if not file.exists():
        raise WarehouseError(
            f"{lake}: duckdb {duckdb.__version__} and its extension {extension} do not fit each other; "
            "pip install 'taskassay[lake]'"
        )
    connection.execute(f"load {_quoted(str(file))}")


def _keep_password(connection: duckdb.DuckDBPyConnection, lake: Lake) -> str:
    """Hand the password over as a secret of the engine, which shows it nowhere; return the rest of the string."""
    import_driver(lake)
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    said = conninfo_to_dict(lake.connection)
    password = said.pop("password", None)
    words = f", password {_quoted(str(password))}" if password is not None else ""
    connection.execute(f"create or replace temporary secret catalogue (type postgres{words})")
    return make_conninfo("", **{"connect_timeout": SECONDS_TO_CONNECT, **said})


def _keep_keys(connection: duckdb.DuckDBPyConnection, lake: Lake, data_path: str) -> None:
    """Hand over how the bucket is reached."""
    store = lake.store
    words = {
        "key_id": store.key_id,
        "secret": store.secret,
        "session_token": store.session_token,
        "region": store.region,
    }
    if store.endpoint is not None:
        server = urlsplit(store.endpoint)
        words |= {"endpoint": server.netloc + server.path.rstrip("/"), "url_style": "path"}
        words["use_ssl"] = "true" if server.scheme == "https" else "false"
    said = "".join(f", {name} {_quoted(value)}" for name, value in words.items() if value is not None)
    bucket = urlsplit(data_path)
    connection.execute(
        f"create or replace temporary secret files (type s3{said}, scope {_quoted(f'{bucket.scheme}://{bucket.netloc}')})"
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
