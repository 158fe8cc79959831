"""Merging into tables without keys: what the engine does with a primary key, said in SQL.

Rows come first into a temporary table made from the very SQL file, primary key and checks included, so that whatever a
file refuses is refused here, in the same words. Rows from shards stay where they are: only their keys are looked at,
and one row that a check refuses.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import polars as pl

from warehouse.binding import register_once
from warehouse.definitions import Definition, tables
from warehouse.tables import schema_of

LAKE = "lake"
"""What the lake is called in the engine."""


@dataclass(frozen=True)
class Staged:
    """Rows that wait to be merged into a table, each key once."""

    table: str
    select: str
    """Query of all its columns."""

    @property
    def definition(self) -> Definition:
        return tables()[self.table]

    @property
    def keys(self) -> str:
        return ", ".join(self.definition.grain)

    @property
    def columns(self) -> str:
        return ", ".join(schema_of(self.table))

    @property
    def target(self) -> str:
        return f"{LAKE}.main.{self.table}"


def stage(cursor: duckdb.DuckDBPyConnection, table: str, source: pl.DataFrame | list[str]) -> Staged:
    """Put rows where they can be merged from, and refuse what the table refuses.

    Args:
        cursor: a connection of one's own; the temporary tables go with it.
        table: where they are to go.
        source: a frame, of which the last row of a key counts, or Parquet files, which stay where they are.

    Raises:
        duckdb.Error: a row breaks a check.
    """
    cursor.execute(tables()[table].sql.replace(f"create table if not exists {table} ", f"create temp table {table} "))
    if isinstance(source, list):
        return _stage_files(cursor, table, source)
    staged = Staged(table, f"from temp.{table}")
    rows = source.unique(list(staged.definition.grain), keep="last", maintain_order=True)
    register_once(cursor, "incoming", rows)
    cursor.execute(f"insert into temp.{table} ({staged.columns}) select {staged.columns} from incoming")  # noqa: S608
    cursor.unregister("incoming")
    return staged


def merge(cursor: duckdb.DuckDBPyConnection, staged: Staged, *, replaces: bool) -> int:
    """Merge staged rows by key and return how many keys were new.

    A key that is there stays as it is or, with `replaces`, gives way to a row that differs. What is equal is not
    written again: every write to a lake is a file more.
    """
    _note_known(cursor, staged)
    if replaces and _one(cursor, "select count(*) from temp.known"):
        _note_equal(cursor, staged)
    else:
        cursor.execute("create or replace temp table spared as from temp.known")
    n_replaced = _delete(cursor, staged, "from temp.known except from temp.spared")
    return _insert_all_but_spared(cursor, staged) - n_replaced


def merge_policies(cursor: duckdb.DuckDBPyConnection, staged: Staged, descent: str) -> int:
    """Merge policies: what made one stays, and of its descent the latest word counts.

    Args:
        cursor: with the staged rows.
        staged: of table policy.
        descent: the `on conflict` clause of a table that has keys.
    """
    cursor.execute("drop table if exists temp.said")
    # The clause itself decides, in a table of the policies that are known already.
    cursor.execute(tables()["policy"].sql.replace("create table if not exists policy ", "create temp table said "))
    of_known = f"from {staged.target} where policy_id in (select policy_id from temp.policy)"  # noqa: S608
    cursor.execute(f"insert into temp.said ({staged.columns}) select {staged.columns} {of_known}")
    cursor.execute(
        f"insert into temp.said ({staged.columns}) select {staged.columns} from temp.policy {descent}"  # noqa: S608
    )
    return merge(cursor, Staged("policy", "from temp.said"), replaces=True)


def replace(cursor: duckdb.DuckDBPyConnection, staged: Staged) -> None:
    """Put staged rows in the place of all that the table holds."""
    gone = f"select {staged.keys} from {staged.target} except select {staged.keys} from ({staged.select})"  # noqa: S608
    _delete(cursor, staged, gone)
    merge(cursor, staged, replaces=True)


def declared_without_keys(definition: Definition, columns: Sequence[str]) -> str:
    """Return the SQL that makes a table of a lake, which knows neither keys nor checks."""
    return f"create table if not exists {definition.name} ({', '.join(columns)})"


def _stage_files(cursor: duckdb.DuckDBPyConnection, table: str, files: list[str]) -> Staged:
    columns = ", ".join(schema_of(table))
    keys = ", ".join(tables()[table].grain)
    listed = "[" + ", ".join("'" + file.replace("'", "''") + "'" for file in files) + "]"
    source = f"read_parquet({listed})"
    select = f"select {columns} from {source}"  # noqa: S608
    twice = f"select {keys} from {source} group by all having count(*) > 1 limit 1"  # noqa: S608
    if cursor.execute(twice).fetchall():
        select += f" qualify row_number() over (partition by {keys} order by filename) = 1"
    checks = [f"not {check}" for check in _checks(tables()[table])]
    if checks:
        # At most one row: inserted where checks are in force, so that the engine says what is wrong with it.
        refused = f"select {columns} from {source} where {' or '.join(checks)} limit 1"  # noqa: S608
        cursor.execute(f"insert into temp.{table} ({columns}) {refused}")
    return Staged(table, select)


def _checks(definition: Definition) -> list[str]:
    """Return the conditions of a table, each in brackets."""
    lines = (line.strip().rstrip(",") for line in definition.sql.splitlines())
    return [re.sub(r"^check\s*", "", line) for line in lines if line.startswith("check")]


def _note_known(cursor: duckdb.DuckDBPyConnection, staged: Staged) -> None:
    """Note the keys that are there already; of the tables only the columns of the key are read."""
    cursor.execute(
        f"create or replace temp table known as select {staged.keys} from ({staged.select}) "  # noqa: S608
        f"semi join (select {staged.keys} from {staged.target}) using ({staged.keys})"
    )


def _note_equal(cursor: duckdb.DuckDBPyConnection, staged: Staged) -> None:
    """Note the keys under which the very same row is there already."""
    others = [name for name in schema_of(staged.table) if name not in staged.definition.grain]
    same = "".join(f" and one.{name} is not distinct from other.{name}" for name in others)
    keys = " and ".join(f"one.{name} = other.{name}" for name in staged.definition.grain)
    cursor.execute(
        f"create or replace temp table spared as select {staged.keys} from ({staged.select}) as one "  # noqa: S608
        f"where exists (from {staged.target} as other where {keys}{same})"
    )


def _delete(cursor: duckdb.DuckDBPyConnection, staged: Staged, keys: str) -> int:
    """Delete the rows of some keys and return how many there were."""
    cursor.execute(f"create or replace temp table leaving as {keys}")
    if not _one(cursor, "select count(*) from temp.leaving"):
        return 0
    matches = " and ".join(f"leaving.{name} = {staged.table}.{name}" for name in staged.definition.grain)
    return _one(cursor, f"delete from {staged.target} where exists (from temp.leaving where {matches})")  # noqa: S608


def _insert_all_but_spared(cursor: duckdb.DuckDBPyConnection, staged: Staged) -> int:
    rows = f"select {staged.columns} from ({staged.select}) as one"  # noqa: S608
    if _one(cursor, "select count(*) from temp.spared"):
        matches = " and ".join(f"spared.{name} = one.{name}" for name in staged.definition.grain)
        rows += f" where not exists (from temp.spared where {matches})"
    return _one(cursor, f"insert into {staged.target} ({staged.columns}) {rows}")


def _one(cursor: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(cursor.execute(query).fetchall()[0][0])
