"""Merging into tables with keys, as a file has them: a known key stays as it is, or takes the new row's place."""

from collections.abc import Collection, Mapping, Sequence

import duckdb
import polars as pl

from warehouse.binding import register_once
from warehouse.definitions import tables
from warehouse.tables import schema_of

Source = pl.DataFrame | list[str]
"""Rows to merge: a frame, or Parquet files."""
KEEPS_LATEST = frozenset(
    {"run", "planned", "threshold", "family", "operator", "expectation", "probe", "rubric", "known_limit"}
    | {"recomposition"}
)
"""Tables whose rows describe a present state: merging a known key replaces the row."""
DESCENT = """
    on conflict (policy_id) do update set
        parent = coalesce(excluded.parent, parent),
        intervention = case
            when excluded.parent <> parent then excluded.intervention else coalesce(excluded.intervention, intervention)
        end,
        step = case when excluded.parent <> parent then excluded.step else coalesce(excluded.step, step) end
"""
"""A policy keeps what made it; of its descent the latest word counts, and silence is no word: a run that does not say
what a checkpoint was trained from makes no orphan of it. With another parent comes what was done to that one."""


def merge_tables(
    cursor: duckdb.DuckDBPyConnection, sources: Mapping[str, Source], latest: Collection[str], *, all_new: bool = False
) -> dict[str, int]:
    """Merge rows in one transaction and return how many came by table.

    Args:
        cursor: a connection without a transaction.
        sources: the rows, by table.
        latest: tables of which the last row with a key counts, beside those where it always does.
        all_new: try without a look at which keys in files are there already, or twice.

    Raises:
        duckdb.ConstraintException: with `all_new`, one was; or a row does not fit.
        duckdb.Error: nothing was merged.
    """
    cursor.begin()
    try:
        added = {table: _merge(cursor, table, source, latest, all_new) for table, source in sources.items()}
        cursor.commit()
    except BaseException:
        cursor.rollback()
        raise
    return added


def _merge(
    cursor: duckdb.DuckDBPyConnection, table: str, source: Source, latest: Collection[str], all_new: bool
) -> int:
    columns = ", ".join(schema_of(table))
    key = tables()[table].grain
    replaces = table in KEEPS_LATEST or table in latest
    verb = "insert or replace" if replaces else "insert" if table == "policy" else "insert or ignore"
    count = f"select count(*) from {table}"  # noqa: S608 - names come from our own files
    before = cursor.execute(count).fetchall()[0][0]
    if isinstance(source, list) and all_new:
        cursor.execute(f"insert into {table} ({columns}) select {columns} from {_files(source)}")  # noqa: S608
    elif isinstance(source, list):
        _insert(cursor, verb, table, columns, key, source)
    else:
        # Two rows with one key inside one statement: the engine would silently keep the first one it meets.
        register_once(cursor, "incoming", source.unique(list(key), keep="last", maintain_order=True))
        finish = DESCENT if table == "policy" else ""
        cursor.execute(f"{verb} into {table} ({columns}) select {columns} from incoming {finish}")  # noqa: S608
        cursor.unregister("incoming")
    return int(cursor.execute(count).fetchall()[0][0] - before)


def _insert(
    cursor: duckdb.DuckDBPyConnection, verb: str, table: str, columns: str, key: Sequence[str], shards: list[str]
) -> None:
    """Insert from shards; the same key in two of them counts once, as the shard has it that comes first by name."""
    keys, source = ", ".join(key), _files(shards)
    twice = f"select {keys} from {source} group by all having count(*) > 1 limit 1"  # noqa: S608
    select = f"select {columns} from {source}"  # noqa: S608
    if cursor.execute(twice).fetchall():
        # Only where needed: the window would hold every transcript in memory.
        select += f" qualify row_number() over (partition by {keys} order by filename) = 1"
    cursor.execute(f"{verb} into {table} ({columns}) {select}")


def _files(paths: Sequence[str]) -> str:
    # Written out, not as a parameter: with the first one in a process, the engine imports pandas.
    return f"read_parquet([{', '.join(_quoted(path) for path in paths)}])"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
