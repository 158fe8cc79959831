"""Shards: what one chunk of work leaves behind, as Parquet files in a folder named by the chunk's key.

A shard is there whole or not at all: files are written to a temporary folder and synced, then the
folder is renamed. Writers share nothing, so any number of them may work side by side.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from warehouse.errors import ShardError
from warehouse.tables import Row, as_frame

_SHARDS = "shards"
_UNFINISHED = ".unfinished-"


def write_shard(spool: Path, key: str, tables: Mapping[str, Sequence[Row]]) -> None:
    """Write the rows of one chunk; a key that is already there stays as it is.

    Args:
        spool: folder of the run; made if missing.
        key: content key of the chunk.
        tables: table name -> records or dictionaries; empty tables are written too, as proof of work.

    Raises:
        ShardError: the disk is full or the folder cannot be written.
        WarehouseError: a row does not fit its table.
    """
    folder = spool / _SHARDS
    final = folder / key
    if final.exists():
        return
    frames = {table: as_frame(table, rows) for table, rows in tables.items()}
    unfinished = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folder))
        for table, frame in frames.items():
            path = unfinished / f"{table}.parquet"
            frame.write_parquet(path)
            _sync(path)
        _sync(unfinished)
        try:
            unfinished.rename(final)
        except OSError:
            if not final.exists():
                raise
            shutil.rmtree(unfinished)  # somebody else finished the same chunk first
        _sync(folder)
    except OSError as error:
        if unfinished is not None:
            shutil.rmtree(unfinished, ignore_errors=True)
        raise ShardError(
            f"{folder}: chunk {key} cannot be written ({error.strerror or error}); free the disk and resume"
        ) from None


def shard_keys(spool: Path) -> set[str]:
    """Return the keys of all finished shards of a spool."""
    folder = spool / _SHARDS
    if not folder.is_dir():
        return set()
    return {entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(_UNFINISHED)}


def read_shard(spool: Path, key: str, table: str) -> pl.DataFrame:
    """Return the rows that one shard holds for one table; no rows where it holds none.

    Raises:
        ShardError: the file is damaged.
    """
    path = spool / _SHARDS / key / f"{table}.parquet"
    if not path.exists():
        return as_frame(table, [])
    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ShardError(f"{path}: cannot be read ({error}); delete the folder {path.parent} and resume") from None


def shard_files(spool: Path, table: str) -> list[str]:
    """Return the Parquet files of one table over all finished shards, in the order of their keys."""
    found = (spool / _SHARDS / key / f"{table}.parquet" for key in sorted(shard_keys(spool)))
    return [str(path) for path in found if path.exists()]


def sweep(spool: Path) -> None:
    """Remove what killed writers left unfinished; only for a spool nobody is writing to."""
    for entry in (spool / _SHARDS).glob(f"{_UNFINISHED}*"):
        shutil.rmtree(entry, ignore_errors=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
