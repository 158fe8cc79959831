"""Where a warehouse is: a DuckDB file, or a lake.

A lake is Parquet files in a folder or bucket, and a catalogue that says which of them count. The catalogue is a
PostgreSQL database, for several machines at once, or a DuckDB file, for one process at a time.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

PREFIX = "ducklake:"
POSTGRES = "postgres:"
_PASSWORD_OF_URL = re.compile(r"(?P<before>\w+://[^:/@\s]*):(?P<word>[^@\s]*)(?=@)")
_PASSWORD_IN_QUERY = re.compile(r"(?<=[?&])(?:ssl)?password=(?P<word>[^&\s]*)&?", re.IGNORECASE)
_PASSWORD_WORD = re.compile(
    r"(?:^|(?<=\s))(?:ssl)?password\s*=\s*(?P<word>'(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)*)\s*", re.IGNORECASE
)


@dataclass(frozen=True)
class ObjectStore:
    """How a bucket is reached; what is None is left to the engine."""

    key_id: str | None = None
    secret: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    region: str | None = None
    endpoint: str | None = None
    """URL of a server that is not the cloud's own, such as `http://minio:9000`."""


@dataclass(frozen=True, repr=False)
class Lake:
    """A lake. Its text shows no password."""

    catalogue: str
    """What follows `ducklake:`: `postgres:` and a connection string, or the path of a DuckDB file."""
    data_path: str | None = None
    """Folder or `s3://bucket/prefix` of the Parquet files; needed when the lake is made, and kept in the catalogue."""
    store: ObjectStore = ObjectStore()

    @property
    def is_postgres(self) -> bool:
        """Whether the catalogue is a PostgreSQL database, which several processes may write to."""
        return self.catalogue.startswith(POSTGRES)

    @property
    def connection(self) -> str:
        """The connection string of PostgreSQL, or the path of the DuckDB file; the former may hold a password."""
        return self.catalogue.removeprefix(POSTGRES)

    def __str__(self) -> str:
        return PREFIX + (POSTGRES + without_password(self.connection) if self.is_postgres else self.catalogue)

    def __repr__(self) -> str:
        return f"Lake({str(self)!r}, data_path={self.data_path!r})"


Location = Path | Lake


def parse_location(text: str | Location, data_path: str | None = None, store: ObjectStore | None = None) -> Location:
    """Parse what `--db` is given.

    Args:
        text: path of a file, or `ducklake:` and a catalogue; what is parsed already stays as it is.
        data_path: where a lake keeps its Parquet files; of no meaning for a file.
        store: how a bucket is reached.

    Raises:
        ValueError: a lake without a catalogue.
    """
    if not isinstance(text, str):
        return text
    if not text.startswith(PREFIX):
        return Path(text)
    catalogue = text.removeprefix(PREFIX).strip()
    if catalogue.partition("://")[0] in ("postgres", "postgresql"):
        catalogue = POSTGRES + catalogue
    if not catalogue or catalogue == POSTGRES:
        raise ValueError("write ducklake:postgres:dbname=NAME host=HOST, or ducklake:FILE.ducklake")
    return Lake(catalogue, data_path and _absolute(data_path), store or ObjectStore())


def without_password(connection: str) -> str:
    """Return a connection string of PostgreSQL without the passwords in it."""
    plain = _PASSWORD_OF_URL.sub(r"\g<before>", connection)
    return _PASSWORD_WORD.sub("", _PASSWORD_IN_QUERY.sub("", plain)).strip().rstrip("?&")


def passwords(connection: str) -> list[str]:
    """Return the passwords that stand in a connection string of PostgreSQL, as they stand there."""
    kinds = (_PASSWORD_OF_URL, _PASSWORD_IN_QUERY, _PASSWORD_WORD)
    found = [match["word"] for kind in kinds for match in kind.finditer(connection)]
    return [word for word in (*found, *(word.strip("'") for word in found)) if word]


def _absolute(data_path: str) -> str:
    """Return a folder as every process finds it, wherever it was started; a URL stays."""
    return data_path if "://" in data_path else str(Path(data_path).absolute())
