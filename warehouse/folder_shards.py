"""Shards in a folder, which may be one that several machines share.

Files are written to a temporary folder and synced, then the folder is renamed to the key of the chunk.
"""

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from warehouse.errors import ShardError

_UNFINISHED = ".unfinished-"


class FolderShards:
    """One folder for each shard."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, key: str, frames: Mapping[str, pl.DataFrame]) -> None:
        """Write a shard; a key that is already there stays as it is."""
        final = self._folder / key
        if final.exists():
            return
        unfinished = None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            # With the rights that folders get here: in a shared one somebody else may load what this user wrote.
            unfinished = self._folder / f"{_UNFINISHED}{secrets.token_hex(8)}"
            unfinished.mkdir()
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
            _sync(self._folder)
        except OSError as error:
            if unfinished is not None:
                shutil.rmtree(unfinished, ignore_errors=True)
            raise ShardError(
                f"{self._folder}: chunk {key} cannot be written ({error.strerror or error}); free the disk and resume"
            ) from None

    def keys(self) -> set[str]:
        """Return the keys of all finished shards."""
        if not self._folder.is_dir():
            return set()
        return {one.name for one in self._folder.iterdir() if one.is_dir() and not one.name.startswith(".")}

    def read(self, key: str, table: str) -> pl.DataFrame | None:
        """Return what one shard holds for one table."""
        path = self._folder / key / f"{table}.parquet"
        if not path.exists():
            return None
        try:
            return pl.read_parquet(path)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise ShardError(f"{path}: cannot be read ({error}); delete the folder {path.parent} and resume") from None

    def has(self, key: str) -> bool:
        """Tell whether a shard is finished."""
        return (self._folder / key).is_dir()

    def forget(self, key: str) -> None:
        """Remove one shard."""
        shutil.rmtree(self._folder / key, ignore_errors=True)

    def files(self, table: str) -> list[str]:
        """Return the files of one table, in the order of the keys of their shards."""
        found = (self._folder / key / f"{table}.parquet" for key in sorted(self.keys()))
        return [str(path) for path in found if path.exists()]

    def fetch(self, folder: Path) -> None:
        """Copy every finished shard into an empty folder."""
        for key in self.keys():
            shutil.copytree(self._folder / key, folder / key)

    def sweep(self) -> None:
        """Remove what killed writers left."""
        for entry in self._folder.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(entry, ignore_errors=True)

    def discard(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def try_out(self) -> None:
        """Make a folder beside the shards and remove it, and those above it that were made for it."""
        above = [self._folder, *self._folder.parents]
        made = [one for one in above if not one.exists()]
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            trial = self._folder / f"{_UNFINISHED}{secrets.token_hex(8)}"
            trial.mkdir()
            trial.rmdir()
            for one in made:
                one.rmdir()
        except OSError as error:
            raise ShardError(
                f"{self._folder}: shards cannot be kept there ({error.strerror or error}); name another folder with "
                "--shards"
            ) from None


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
