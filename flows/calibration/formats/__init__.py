"""The tools that people rate in: a calibration set written as files of theirs, and their answers read back.

Every format is a module with `write(sheet, rater, folder) -> paths` and `read(path, raters) -> ReadAnswers`; what it
shows comes from the sheet alone, so it is blind.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from flows.calibration.formats.reading import ReadAnswers, UnreadableAnswersError

if TYPE_CHECKING:
    from flows.calibration.sheet import RatingSheet

__all__ = ["FORMATS", "Format", "ReadAnswers", "UnreadableAnswersError", "format_named", "format_of"]

FORMATS = ("csv", "xlsx", "label_studio", "argilla")
_BY_ENDING = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".xlsx": "xlsx", ".xlsm": "xlsx", ".jsonl": "argilla",
}  # fmt: skip


class Format(Protocol):
    """A tool's format."""

    def write(self, sheet: "RatingSheet", rater: str | None, folder: Path) -> Sequence[Path]:
        """Write what one rater rates, in the rater's order, and return the files.

        Raises:
            InputError: a file is there already, the folder cannot be written, or nothing was dealt to the rater.
        """

    def read(self, path: Path, raters: Mapping[str, str]) -> ReadAnswers:
        """Read answers.

        Args:
            path: what the tool saved.
            raters: who rated, name in the file -> rater; under "" the one to be named where the file names nobody.

        Raises:
            UnreadableAnswersError: the file as a whole cannot be used.
        """


def format_named(name: str) -> Format:
    """Return a format of `FORMATS`."""
    return cast(Format, import_module(f"flows.calibration.formats.{name}"))


def format_of(path: Path) -> Format:
    """Return the format of a file that holds answers, by its ending, and JSON by what it holds.

    Raises:
        UnreadableAnswersError: it is none of the formats.
    """
    name = _BY_ENDING.get(path.suffix.lower()) or (_json_format(path) if path.suffix.lower() == ".json" else None)
    if name is None:
        known = ", ".join([*_BY_ENDING, ".json", ".zip"])
        raise UnreadableAnswersError(f"{path}: is no file of ratings; files of ratings end in {known}")
    return format_named(name)


def _json_format(path: Path) -> str:
    """Tell the two tools that save JSON apart."""
    from flows.calibration.formats.reading import read_json

    records = read_json(path)
    first = records[0] if isinstance(records, list) and records else None
    if isinstance(first, dict) and "responses" in first and "fields" in first:
        return "argilla"
    return "label_studio"
