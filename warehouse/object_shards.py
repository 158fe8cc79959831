"""Shards in an object store, such as s3://bucket/run.

An object store has no rename. A writer uploads its files under the key of the chunk and a name of its own, and then, as
the last thing, one marker that names them. A chunk counts when its marker is there. So two writers of one chunk never
mix, and of a killed one nothing is seen.

Whoever may write is found out by the file system from its own surroundings (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, a
profile, the role of the machine); nothing of it is in the URL, which stands in plans and on the terminal.
"""

import io
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import fsspec  # type: ignore[import-untyped]
import polars as pl

from warehouse.errors import ShardError

_MARKER = ".json"
_TRIAL = ".trial-"
_EXTRAS = {"s3": "taskassay[s3]", "s3a": "taskassay[s3]"}
"""Protocol -> what to install for it, where that is an extra of ours."""
_PATIENCE: Mapping[str, dict[str, Any]] = {
    protocol: {"config_kwargs": {"connect_timeout": 10, "read_timeout": 60, "retries": {"max_attempts": 4}}}
    for protocol in ("s3", "s3a")
}
"""A server that is not there is told in less than a minute, not in ten."""


class ObjectShards:
    """Markers `<key>.json` and objects `<key>/<writer>/<table>.parquet` below a URL."""

    def __init__(self, url: str, files: Any, root: str) -> None:
        self._url, self._files, self._root = url.rstrip("/"), files, root.rstrip("/")

    @classmethod
    def open(cls, url: str) -> Self:
        """Find the file system of a URL; nothing is read or written.

        Raises:
            ShardError: the URL cannot be used.
        """
        protocol = url.partition("://")[0]
        if "@" in urlsplit(url).netloc:
            raise ShardError(
                f"shards of {protocol}: the URL holds a name or password; leave them out and set them in the "
                "environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        try:
            files, root = fsspec.core.url_to_fs(url, use_listings_cache=False, **_PATIENCE.get(protocol, {}))
        except ImportError as error:
            extra = _EXTRAS.get(protocol)
            what = f"pip install '{extra}'" if extra else str(error)
            raise ShardError(f"{url}: a package is missing to reach it; {what}") from None
        except ValueError as error:
            raise ShardError(
                f"{url}: cannot be used ({error}); name a folder, or a URL such as s3://bucket/x"
            ) from None
        return cls(url, files, root)

    def write(self, key: str, frames: Mapping[str, pl.DataFrame]) -> None:
        """Write a shard; a key that is already there stays as it is."""
        writer = secrets.token_hex(8)
        with self._told(f"chunk {key} cannot be written", "see to the place and resume"):
            if self._files.exists(self._marker(key)):
                return
            for table, frame in frames.items():
                content = io.BytesIO()
                frame.write_parquet(content)
                self._files.pipe_file(self._object(key, writer, table), content.getvalue())
            marker = json.dumps({"writer": writer, "tables": sorted(frames)})
            self._files.pipe_file(self._marker(key), marker.encode())

    def keys(self) -> set[str]:
        """Return the keys of all finished shards."""
        with self._told("shards cannot be listed"):
            names = (path.rsplit("/", 1)[-1] for path in self._listed())
        return {name.removesuffix(_MARKER) for name in names if name.endswith(_MARKER) and name[0] != "."}

    def read(self, key: str, table: str) -> pl.DataFrame | None:
        """Return what one shard holds for one table."""
        with self._told(f"chunk {key} cannot be read"):
            found = self._named([key]).get(key)
            if found is None or table not in found["tables"]:
                return None
            content = self._files.cat_file(self._object(key, found["writer"], table))
        try:
            return pl.read_parquet(content)
        except pl.exceptions.PolarsError as error:
            raise self._damaged(key, str(error)) from None

    def has(self, key: str) -> bool:
        """Tell whether a shard is finished."""
        with self._told("shards cannot be looked at"):
            return bool(self._files.exists(self._marker(key)))

    def forget(self, key: str) -> None:
        """Remove one shard, its marker first."""
        with self._told("shards cannot be removed"):
            there = [self._marker(key)] if self.has(key) else []
            for path in (*there, *self._found(f"{self._root}/{key}")):
                self._files.rm_file(path)

    def files(self, table: str) -> list[str]:
        """Return the URLs of the objects of one table, in the order of the keys of their shards."""
        with self._told("shards cannot be listed"):
            named = self._named(sorted(self.keys()))
        return [
            self._files.unstrip_protocol(self._object(key, found["writer"], table))
            for key, found in named.items()
            if table in found["tables"]
        ]

    def fetch(self, folder: Path) -> None:
        """Copy every finished shard into an empty folder, many objects at a time."""
        with self._told("shards cannot be fetched"):
            named = self._named(sorted(self.keys()))
            places = {
                self._object(key, found["writer"], table): folder / key / f"{table}.parquet"
                for key, found in named.items()
                for table in found["tables"]
            }
            for key in named:
                (folder / key).mkdir()
            if places:
                self._files.get(list(places), [str(path) for path in places.values()])

    def sweep(self) -> None:
        """Remove what killed or slower writers left of chunks that are finished.

        What belongs to no finished chunk stays until all is discarded: its writer may be alive, on another machine.
        """
        with self._told("shards cannot be listed"):
            named = self._named(self.keys())
            left = [
                path
                for path in self._found()
                for key, _, rest in [path.removeprefix(f"{self._root}/").partition("/")]
                if rest and key in named and not rest.startswith(f"{named[key]['writer']}/")
            ]
            if left:
                self._files.rm(left)

    def discard(self) -> None:
        """Remove everything; markers first, so that whatever is left of it when that is cut off is no shard."""
        with self._told("shards cannot be removed"):
            there = self._found()
            for portion in (
                [path for path in there if path.endswith(_MARKER)],
                [path for path in there if not path.endswith(_MARKER)],
            ):
                if portion:
                    self._files.rm(portion)

    def try_out(self) -> None:
        """Write an object and remove it."""
        path = f"{self._root}/{_TRIAL}{secrets.token_hex(8)}"
        with self._told("shards cannot be kept there", "see to the URL, the server and the credentials"):
            self._files.pipe_file(path, b"taskassay")
            self._files.rm_file(path)

    def _listed(self) -> list[str]:
        try:
            return [str(path) for path in self._files.ls(self._root, detail=False)]
        except FileNotFoundError:
            return []

    def _found(self, below: str | None = None) -> list[str]:
        try:
            return [str(path) for path in self._files.find(below or self._root)]
        except FileNotFoundError:
            return []

    def _named(self, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return key -> content of its marker, for those that have one."""
        wanted = {self._marker(key): key for key in keys}
        if not wanted:
            return {}
        contents = self._files.cat(list(wanted), on_error="omit")
        if isinstance(contents, bytes):
            contents = {next(iter(wanted)): contents}
        return {wanted[path]: self._parsed(wanted[path], content) for path, content in sorted(contents.items())}

    def _parsed(self, key: str, content: bytes) -> dict[str, Any]:
        try:
            found = json.loads(content)
            return {"writer": str(found["writer"]), "tables": [str(table) for table in found["tables"]]}
        except (ValueError, KeyError, TypeError) as error:
            raise self._damaged(key, str(error)) from None

    def _damaged(self, key: str, cause: str) -> ShardError:
        marker = f"{self._url}/{key}{_MARKER}"
        return ShardError(f"{self._url}: chunk {key} cannot be read ({cause}); delete {marker} and resume")

    def _marker(self, key: str) -> str:
        return f"{self._root}/{key}{_MARKER}"

    def _object(self, key: str, writer: str, table: str) -> str:
        return f"{self._root}/{key}/{writer}/{table}.parquet"

    @contextmanager
    def _told(self, what: str, hint: str = "see to the place and resume") -> Iterator[None]:
        try:
            yield
        except ShardError:
            raise
        except _failures() as error:
            cause = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ShardError(f"{self._url}: {what} ({cause}); {hint}") from None


def _failures() -> tuple[type[Exception], ...]:
    """Return what a file system raises when its server is not there or does not let us in."""
    known: list[type[Exception]] = [OSError, ValueError]
    try:
        from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]
    except ImportError:
        return tuple(known)
    return (*known, BotoCoreError, ClientError)
