"""Small tables of a lake, copied into memory for whoever only reads.

The engine asks the catalogue at every mention of a table, also of one without a row, and a view mentions some twenty.
So a table that is small is copied when a question first names it, and our views are made over the copies. A large one
stays where it is: next to reading it, to ask is little. Copies and lake are of one snapshot.
"""

import re
from collections.abc import Iterable
from graphlib import TopologicalSorter
from threading import Lock

import duckdb

from warehouse.definitions import tables, views
from warehouse.lake_catalogue import Seen

MOST_ROWS = 100_000
"""Rows of a table that is copied: up to here to copy takes less than three mentions of it. Of 600,000 rows, to copy
them took longer than it saved."""
MOST_BYTES = 8_000_000
"""Bytes of its files: texts may be long, and fill up to ten times as much memory."""
_COPIES = "memory.main"
_WORD = re.compile(r"\w+")


class Copies:
    """What of a lake is in memory. Several threads may ask at once."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, lake: str, seen: Seen) -> None:
        """Begin with none.

        Args:
            connection: an engine that has the lake, attached at the very snapshot that was seen.
            lake: what the lake is called there.
            seen: what its catalogue says of it; it was made by the SQL files of this version.
        """
        self._connection = connection
        self._lake = lake
        self._sizes = seen.sizes
        self._made: set[str] = set()
        self._one_at_a_time = Lock()

    @property
    def search_path(self) -> str:
        """Where a question finds its tables and views: what is not copied, in the lake."""
        return f"{_COPIES},{self._lake}.main"

    def bring(self, query: str) -> None:
        """Copy what a query names and is not there yet. A name too many costs time, and one too few no answer.

        Raises:
            duckdb.Error: the lake cannot be read.
        """
        with self._one_at_a_time:
            wanted = [name for name in _with_what_they_read(_WORD.findall(query.lower())) if name not in self._made]
            if not wanted:
                return
            cursor = self._connection.cursor()
            try:
                cursor.execute(f"set search_path = '{self.search_path}'")
                cursor.begin()
                for name in wanted:
                    self._make(cursor, name)
                cursor.commit()
            finally:
                cursor.close()
            self._made.update(wanted)

    def _make(self, cursor: duckdb.DuckDBPyConnection, name: str) -> None:
        if name in views():
            cursor.execute(views()[name].sql)
            return
        n_rows, n_bytes = self._sizes.get(name, (0, 0))
        if n_rows == 0:
            cursor.execute(tables()[name].sql)
        elif n_rows <= MOST_ROWS and n_bytes <= MOST_BYTES:
            cursor.execute(f"create table {name} as from {self._lake}.main.{name}")


def _with_what_they_read(words: Iterable[str]) -> list[str]:
    """Return the tables and views among some words and all that these read, each after what it reads."""
    known = tables() | views()
    reads: dict[str, tuple[str, ...]] = {}
    open_ends = [word for word in words if word in known]
    while open_ends:
        name = open_ends.pop()
        if name not in reads:
            reads[name] = known[name].reads
            open_ends += reads[name]
    return list(TopologicalSorter(reads).static_order())
