"""What lies beside a warehouse: beside a file in its folder, beside a lake in the folder one works in."""

import os
import shlex
from pathlib import Path

from flows.errors import InputError
from warehouse.location import Lake, Location

DEFAULT_DB = "assay.duckdb"
_OF_A_LAKE = Path("assay")
"""What the folders of a lake are named after: `assay.runs`, `assay.ratings`."""


def folder_of(db: Location) -> Path:
    """Return the folder where reports lie."""
    return Path() if isinstance(db, Lake) else db.parent


def runs_folder(db: Location, runs: Path | None = None) -> Path:
    """Return where the runs of a warehouse are kept while they are not finished.

    Args:
        db: warehouse.
        runs: what the settings say; None: `<db>.runs` beside a file, `assay.runs` for a lake.
    """
    return runs or _beside(db, ".runs")


def journal_folder(db: Location) -> Path:
    """Return where the journals of the rating page are."""
    return _beside(db, ".ratings")


def is_there(db: Location) -> bool:
    """Tell whether there is a warehouse.

    Raises:
        WarehouseError: it cannot be found out, since the catalogue of a lake does not answer.
    """
    if not isinstance(db, Lake):
        return db.exists()
    from warehouse import NoWarehouseError, Warehouse

    try:
        Warehouse.open(db, read_only=True).close()
    except NoWarehouseError:
        return False
    return True


def require_usable(db: Location) -> None:
    """Find out before any work whether the warehouse can be written to.

    Raises:
        InputError: its folder does not exist.
        WarehouseError: the file is locked or is no warehouse; a lake cannot be reached or made.
    """
    from warehouse import Warehouse

    if isinstance(db, Lake):
        Warehouse.open(db, beside_others=True).close()
        return
    if not db.parent.is_dir():
        raise InputError(f"{db}: there is no folder {db.parent}; make it first")
    if db.exists():
        Warehouse.open(db).close()
    elif not os.access(db.parent, os.W_OK):
        raise InputError(f"{db}: the folder {db.parent} cannot be written to")


def db_option(db: Location) -> str:
    """Return what a command is told to work on this warehouse."""
    return f"--db {shlex.quote(str(db))}"


def db_option_if_needed(db: Location) -> str:
    """Return the option with a space before it; nothing for the file that is meant without."""
    return "" if str(db) == DEFAULT_DB else f" {db_option(db)}"


def _beside(db: Location, ending: str) -> Path:
    file = _OF_A_LAKE if isinstance(db, Lake) else db
    return file.with_name(file.name + ending)
