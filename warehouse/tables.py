"""The columns of every table as Polars types, and records as frames of them.

A test holds these against the SQL schema, so that the two cannot drift apart.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import polars as pl
from pydantic import BaseModel

from tasks_lib.records import Record, canonical_json
from warehouse.definitions import tables
from warehouse.errors import WarehouseError

_TYPES: Mapping[str, Any] = {
    "varchar": pl.String,
    "json": pl.String,
    "double": pl.Float64,
    "bigint": pl.Int64,
    "ubigint": pl.UInt64,
    "boolean": pl.Boolean,
    "timestamptz": pl.Datetime("us", "UTC"),
}

Row = BaseModel | Mapping[str, Any]

_NUMBERS = frozenset({type(None), float, int, bool})
_TEXT = frozenset({type(None), str})
_PLAIN = _NUMBERS | _TEXT


@cache
def schema_of(table: str) -> dict[str, Any]:
    """Return column -> Polars type of one table, in the order of its SQL file.

    Raises:
        WarehouseError: there is no such table.
    """
    definition = tables().get(table)
    if definition is None:
        raise WarehouseError(f"there is no table {table!r}; tables: {', '.join(tables())}")
    declared = {}
    for line in definition.sql.splitlines():
        words = line.strip().rstrip(",").split()
        if len(words) >= 2 and words[0] in definition.columns and words[1] in _TYPES and line.startswith("    "):
            declared[words[0]] = _TYPES[words[1]]
    return declared


def as_frame(table: str, rows: Iterable[Row] | pl.DataFrame) -> pl.DataFrame:
    """Return rows as a frame with exactly the columns and types of a table.

    Dictionaries, lists and tuples become JSON text, keys sorted; a column that a row lacks becomes null.

    Raises:
        WarehouseError: a row has a column that the table lacks, or a value of another type.
    """
    schema = schema_of(table)
    if isinstance(rows, pl.DataFrame):
        return _frame_of_frame(table, rows, schema)
    listed = [_plain(row) for row in rows]
    for row in listed[:1]:
        _check_columns(table, row.keys(), schema)
    columns = {name: _cells([row.get(name) for row in listed]) for name in schema}
    try:
        return pl.DataFrame(columns, schema=schema)
    except UnicodeEncodeError:
        # Half a surrogate pair, which a model can produce, is not text in any encoding.
        return pl.DataFrame(
            {name: [_encodable(value) for value in cells] for name, cells in columns.items()}, schema=schema
        )
    except (TypeError, pl.exceptions.PolarsError) as error:
        cause = str(error).strip().splitlines()[0]
        raise WarehouseError(f"table {table}: a value does not fit its column ({cause})") from None


def write_portions(table: str, portions: Iterable[Iterable[Row]], folder: Path) -> list[str]:
    """Write rows as Parquet files into a folder that is there, one for each portion, and return them in their order.

    Raises:
        WarehouseError: a row has a column that the table lacks, or a value of another type.
    """
    files = []
    for number, rows in enumerate(portions):
        files.append(str(folder / f"{number:06}.parquet"))
        as_frame(table, rows).write_parquet(files[-1])
    return files


def _frame_of_frame(table: str, frame: pl.DataFrame, schema: Mapping[str, Any]) -> pl.DataFrame:
    _check_columns(table, frame.columns, schema)
    try:
        return frame.select(
            (pl.col(name) if name in frame.columns else pl.lit(None).alias(name)).cast(kind)
            for name, kind in schema.items()
        )
    except pl.exceptions.PolarsError as error:
        cause = str(error).strip().splitlines()[0]
        raise WarehouseError(f"table {table}: a value does not fit its column ({cause})") from None


def _check_columns(table: str, names: Iterable[str], schema: Mapping[str, Any]) -> None:
    unknown = [name for name in names if name not in schema]
    if unknown:
        raise WarehouseError(f"table {table} has no column {unknown[0]!r}; columns: {', '.join(schema)}")


def _plain(row: Row) -> Mapping[str, Any]:
    # The fields as they are: model_dump would copy every nested record, which costs more than the grading.
    return row.__dict__ if isinstance(row, BaseModel) else row


def _cells(values: list[Any]) -> list[Any]:
    """Return what the cells of one column hold."""
    kinds = set(map(type, values))
    # Most columns of most tables; a shard of one chunk has a hundred thousand cells.
    if kinds <= _NUMBERS or (kinds <= _TEXT and not any("\0" in value for value in values if value)):
        return values
    return [_cell(value) for value in values]


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        # A NUL cannot be stored; the replacement character says that something was there.
        return value.replace("\0", "\ufffd") if "\0" in value else value
    if isinstance(value, Mapping | list | tuple):
        return _json(value)
    if isinstance(value, datetime) and value.tzinfo is None:
        raise WarehouseError(f"{value!r} has no time zone; store times in UTC")
    return value


def _json(value: Any) -> str:
    """Return the JSON text of what a cell holds; NaN, which JSON has not, as null."""
    try:
        return orjson.dumps(value, default=_fields, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:  # what it does not write: keys that are no text, half a surrogate pair, integers beyond 64 bits
        return canonical_json(_jsonable(value))


def _fields(value: Any) -> Any:
    """Return a record within a cell as what JSON has."""
    if isinstance(value, Record):
        return value.__dict__
    if isinstance(value, BaseModel | Mapping | Sequence):
        return _jsonable(value)
    raise TypeError


def _encodable(value: Any) -> Any:
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def _jsonable(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {key: _jsonable(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_jsonable(item) for item in value]
    return value
