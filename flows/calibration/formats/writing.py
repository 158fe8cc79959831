"""Files for raters: named by set and rater, whole or not there, never over what somebody may have filled in."""

import os
import re
from pathlib import Path

from flows.calibration.sheet import RatingSheet
from flows.errors import InputError
from tasks_lib.records import content_hash


def file_name(sheet: RatingSheet, rater: str | None) -> str:
    """Return the name, without its ending, of what one rater gets; two raters never share one."""
    return "-".join(_plain(part) for part in (sheet.set_id, *([rater] if rater else [])))


def _plain(name: str) -> str:
    plain = re.sub(r"[^\w.]+", "-", name).strip("-.")
    return plain if plain == name else f"{plain}-{content_hash(name, length=4)}".strip("-")


def write_new(path: Path, content: bytes) -> Path:
    """Write a file, making its folder; what is there already in the same words stays.

    Raises:
        InputError: there is another file of that name, or the folder cannot be written.
    """
    try:
        if path.exists():
            if path.read_bytes() == content:
                return path
            raise InputError(f"{path}: is there already, perhaps with ratings in it; move it or name another --out")
        path.parent.mkdir(parents=True, exist_ok=True)
        put_in_place(path, content)
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"{path.parent}: is no folder; name another --out") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); name another --out") from None
    return path


def put_in_place(path: Path, content: bytes) -> None:
    """Write a file beside its place, have it on the disk, and rename it."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
