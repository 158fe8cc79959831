"""Handing values and frames to DuckDB without pandas.

With the first value or frame that it is handed, DuckDB's client imports pandas wherever that is installed, to know its
types: half a second of a command that takes one. Text, which nearly all values here are, can be written into the query
as well, and a frame can be a bare stream.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import polars as pl

_OPERATOR = duckdb.token_type.operator


def written_out(query: str, values: Sequence[Any]) -> str | None:
    """Return a query with its values in the place of `?` or `$1`, `$2`, ...

    Args:
        query: SQL of any kind; what stands in quotes or comments stays as it is.
        values: as many as are asked for.

    Returns:
        The query; None where values are not all text or lists of text, or do not fit what is asked for: the engine
        then has to be handed them, and says what is wrong.
    """
    if not all(_is_text(value) or (isinstance(value, list) and all(map(_is_text, value))) for value in values):
        return None
    raw = query.encode()
    pieces, end, unused = [], 0, set(range(len(values)))
    for offset, length, place in _asked_for(raw):
        if place is None or place >= len(values):
            return None
        pieces += [raw[end:offset], _literal(values[place]).encode()]
        end = offset + length
        unused.discard(place)
    return None if unused else b"".join([*pieces, raw[end:]]).decode()


def register_once(cursor: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    """Let one statement read a frame under a name; a second one fails."""
    cursor.register(name, frame.__arrow_c_stream__())


def _asked_for(raw: bytes) -> Iterator[tuple[int, int, int | None]]:
    """Yield offset and length of each place for a value, and which value goes there; None where that is another way."""
    position = 0
    for offset, kind in duckdb.tokenize(raw.decode()):
        sign = raw[offset : offset + 1]
        if kind != _OPERATOR or sign not in (b"?", b"$"):
            continue
        digits = _digits(raw, offset + 1)
        if sign == b"?":
            yield offset, 1, None if digits else position
            position += 1
        else:
            yield offset, 1 + len(digits), int(digits) - 1 if digits and int(digits) else None


def _digits(raw: bytes, start: int) -> bytes:
    end = start
    while raw[end : end + 1].isdigit():
        end += 1
    return raw[start:end]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and "\0" not in value


def _literal(value: str | list[str]) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return "[" + ", ".join(map(_literal, value)) + "]"
