"""Shards: what one chunk of work leaves behind, as Parquet files under the chunk's key.

A shard is there whole or not at all, and its writers share nothing but the place, so any number of them may work side
by side, on one machine or on many. The place is a folder, or the URL of an object store.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol, Self

import polars as pl

from warehouse.errors import ShardError
from warehouse.folder_shards import FolderShards
from warehouse.tables import Row, as_frame

_IN_A_FOLDER = "file://"


class ShardStore(Protocol):
    """Somewhere that keeps shards."""

    def write(self, key: str, frames: Mapping[str, pl.DataFrame]) -> None:
        """Write a shard; a key that is already there stays as it is."""
        ...

    def keys(self) -> set[str]:
        """Return the keys of all finished shards."""
        ...

    def read(self, key: str, table: str) -> pl.DataFrame | None:
        """Return what one shard holds for one table; None where it holds nothing for it."""
        ...

    def files(self, table: str) -> list[str]:
        """Return the files of one table, in the order of the keys of their shards."""
        ...

    def fetch(self, folder: Path) -> None:
        """Copy every finished shard into an empty folder, as `FolderShards` keeps them."""
        ...

    def has(self, key: str) -> bool:
        """Tell whether a shard is finished."""
        ...

    def forget(self, key: str) -> None:
        """Remove one shard."""
        ...

    def sweep(self) -> None:
        """Remove what killed writers left."""
        ...

    def discard(self) -> None:
        """Remove everything."""
        ...

    def try_out(self) -> None:
        """Write something and remove it again."""
        ...


@dataclass(frozen=True)
class Shards:
    """The shards of one place. Nothing but the name of the place travels with it from process to process."""

    place: str
    """A folder, which need not be there yet, or the URL of an object store: `s3://bucket/run`."""

    @classmethod
    def of_run(cls, spool: Path) -> Self:
        """Return the shards that are kept in the folder of a run."""
        # In full: a worker of a cluster may be at work in another folder.
        return cls(str((spool / "shards").resolve()))

    @property
    def is_remote(self) -> bool:
        """True where the place is no folder."""
        return not isinstance(_store(self.place), FolderShards)

    def write(self, key: str, tables: Mapping[str, Sequence[Row]]) -> None:
        """Write the rows of one chunk; a key that is already there stays as it is.

        Args:
            key: content key of the chunk.
            tables: table name -> records or dictionaries; empty tables are written too, as proof of work.

        Raises:
            ShardError: the disk is full, or the place cannot be reached or written.
            WarehouseError: a row does not fit its table.
        """
        _store(self.place).write(key, {table: as_frame(table, rows) for table, rows in tables.items()})

    def keys(self) -> set[str]:
        """Return the keys of all finished shards.

        Raises:
            ShardError: the place cannot be reached.
        """
        return _store(self.place).keys()

    def read(self, key: str, table: str) -> pl.DataFrame:
        """Return the rows that one shard holds for one table; no rows where it holds none.

        Raises:
            ShardError: the file is damaged.
        """
        found = _store(self.place).read(key, table)
        return as_frame(table, []) if found is None else found

    def has(self, key: str) -> bool:
        """Tell whether a shard is finished.

        Raises:
            ShardError: the place cannot be reached.
        """
        return _store(self.place).has(key)

    def forget(self, key: str) -> None:
        """Remove one shard, if it is there."""
        _store(self.place).forget(key)

    def files(self, table: str) -> list[str]:
        """Return the Parquet files of one table over all finished shards, in the order of their keys."""
        return _store(self.place).files(table)

    @contextmanager
    def on_disk(self) -> "Iterator[Shards]":
        """Have all finished shards in a folder while the context lasts: they themselves, or copies of them.

        Raises:
            ShardError: the place cannot be reached.
        """
        if not self.is_remote:
            yield self
            return
        with tempfile.TemporaryDirectory(prefix="assay-shards-") as folder:
            _store(self.place).fetch(Path(folder))
            try:
                yield Shards(folder)
            except ShardError as error:
                raise ShardError(str(error).replace(folder, self.place.rstrip("/"))) from None

    def sweep(self) -> None:
        """Remove what killed writers left unfinished; only for a place nobody is writing to."""
        _store(self.place).sweep()

    def discard(self) -> None:
        """Remove all shards, and the place itself where it is a folder."""
        _store(self.place).discard()

    def try_out(self) -> None:
        """Find out whether the place can be written to; whatever that leaves is removed.

        Raises:
            ShardError: it cannot.
        """
        _store(self.place).try_out()


@lru_cache(maxsize=64)
def _store(place: str) -> ShardStore:
    if "://" not in place:
        return FolderShards(Path(place))
    if place.startswith(_IN_A_FOLDER):
        return FolderShards(Path(place.removeprefix(_IN_A_FOLDER)))
    # Imported here: most runs keep their shards in a folder.
    from warehouse.object_shards import ObjectShards

    return ObjectShards.open(place)
