"""Reading what a person brings: a folder of texts and a truth file in TOML, with errors that say what to do."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)


class BadMaterialError(ValueError):
    """A folder that cannot be used; the text says file, place and what to do."""


def read_texts(folder: Path, wanted: Callable[[str], bool]) -> dict[str, str]:
    """Return file name -> text for the files of a folder whose names are wanted, in the order of their names.

    Raises:
        BadMaterialError: no such folder, or a file is not UTF-8 text.
    """
    if not folder.is_dir():
        raise BadMaterialError(f"{folder}: no such folder; give one with the texts and a truth.toml")
    texts = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and wanted(path.name):
            try:
                texts[path.name] = path.read_text(encoding="utf-8")
            except (UnicodeDecodeError, OSError) as error:
                raise BadMaterialError(f"{path}: cannot be read as UTF-8 text ({error}); save it as text") from None
    return texts


def read_truth_file(path: Path, model: type[M]) -> M:
    """Return a truth file as a record.

    Raises:
        BadMaterialError: no such file, not TOML, or a field is missing, unknown or out of range.
    """
    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise BadMaterialError(
            f"{path}: no such file; it says what the finished text is, sentence by sentence"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadMaterialError(f"{path}: cannot be read as TOML ({error})") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadMaterialError(f"{path}, field {place!r}: {first['msg'].lower()}") from None


def check_ids(path: Path, ids: list[str], what: str) -> None:
    """Refuse an identifier that stands twice."""
    if len({*ids}) < len(ids):
        raise BadMaterialError(f"{path}: {what} id {max(ids, key=ids.count)!r} stands twice; give each its own")
