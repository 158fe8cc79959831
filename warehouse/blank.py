"""A new warehouse, kept beside Python's compiled modules: to make its tables and views takes a third of a second."""

import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import cache_from_source
from pathlib import Path

from warehouse.errors import WarehouseError

FOLDER = Path(cache_from_source(__file__)).parent


def put_blank(path: Path, kind: str, make: Callable[[Path], None], check: Callable[[Path], None]) -> bool:
    """Put a new warehouse where there is no file, and return whether it is there; where not, nothing is.

    What is kept and turns out to be damaged is removed, and made anew the next time.

    Args:
        path: of the file.
        kind: differs between warehouses that are not made alike, or not by the same version of the engine.
        make: makes a new warehouse in a file.
        check: raises a WarehouseError where a file is none.
    """
    with suppress(OSError, WarehouseError):
        blank = FOLDER / f"blank-{kind}.duckdb"
        if not blank.exists():
            if sys.dont_write_bytecode:
                return False
            _keep(blank, make)
        with _unfinished(path) as copy:
            shutil.copyfile(blank, copy)
            try:
                check(copy)
            except WarehouseError:
                blank.unlink(missing_ok=True)
                raise
            with copy.open("rb") as written:
                os.fsync(written.fileno())
            os.link(copy, path)  # where a file has come meanwhile, that is an error: it stays
        return True
    return False


def _keep(blank: Path, make: Callable[[Path], None]) -> None:
    """Keep a new warehouse in the place of those of other kinds."""
    blank.parent.mkdir(parents=True, exist_ok=True)
    with _unfinished(blank) as made:
        make(made)
        made.replace(blank)
    for other in blank.parent.glob("blank-*.duckdb"):
        if other != blank:
            other.unlink(missing_ok=True)


@contextmanager
def _unfinished(path: Path) -> Iterator[Path]:
    """Name a file beside another, for this thread alone; what is left of it is removed."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        yield unfinished
    finally:
        unfinished.unlink(missing_ok=True)
