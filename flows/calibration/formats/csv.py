"""CSV for any spreadsheet: one file a rater, UTF-8 with the mark that spreadsheets know it by.

Read again are also the dialects that spreadsheets save: semicolons or tabs, `3,0` for 3, other line ends, UTF-16.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from flows.calibration.formats.reading import ReadAnswers, UnreadableAnswersError, read_bytes
from flows.calibration.formats.table import LEVEL, laid_out, read_rows
from flows.calibration.formats.writing import file_name, write_new
from flows.calibration.sheet import RatingSheet

_STARTS_FORMULA = r"[\s']*[=+\-@\uff0b\uff0d\uff1d\uff20]"
"""What a spreadsheet may take for a formula and carry out; full-width signs count in some languages."""
_FORMULA = re.compile(_STARTS_FORMULA)
_GUARDED = re.compile(f"'{_STARTS_FORMULA}")
_LONGEST_CELL = 1 << 20
"""Characters; more than any spreadsheet writes."""


def write(sheet: RatingSheet, rater: str | None, folder: Path) -> Sequence[Path]:
    """Write what one rater rates; see `Format.write`."""
    text = io.StringIO()
    rows = csv.writer(text)
    headings, cells = laid_out(sheet, rater)
    rows.writerow(headings)
    rows.writerows([guarded(cell) for cell in row] for row in cells)
    return [write_new(folder / f"{file_name(sheet, rater)}.csv", codecs.BOM_UTF8 + text.getvalue().encode())]


def read(path: Path, raters: Mapping[str, str]) -> ReadAnswers:
    """Read a filled-in sheet; see `Format.read`."""
    rows = _rows(path)
    number, headings = next(rows, (0, []))
    if number == 0:
        raise UnreadableAnswersError(f"{path}: holds no rows; save the ratings again")
    plain = ((number, [unguarded(cell) if cell[:1] == "'" else cell for cell in row]) for number, row in rows)
    return read_rows(path, headings, plain, raters)


def guarded(cell: str) -> str:
    """Return a cell that no spreadsheet carries out: an apostrophe before what looks like a formula."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """Return a cell as it was before `guarded`."""
    return cell[1:] if cell.startswith("'") and _GUARDED.match(cell) else cell


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield rows with their numbers, from 1, as a spreadsheet counts them."""
    text = _text(path)
    first, _, rest = text.partition("\n")
    skipped = 0
    if re.fullmatch(r"\ufeff?sep=.\r?", first):  # what some spreadsheets write above the headings
        text, skipped = rest, 1
    limit = csv.field_size_limit(_LONGEST_CELL)
    try:
        # Not a StringIO, which takes four bytes a character; nor splitlines, which knows further line ends.
        lines = (f"{line}\n" for line in (text if "\n" in text else text.replace("\r", "\n")).split("\n"))
        rows = csv.reader(lines, delimiter=_delimiter(text), strict=True)
        for number, row in enumerate(rows, start=1 + skipped):
            if row:
                yield number, row
    except csv.Error as error:
        raise UnreadableAnswersError(f"{path}: is not CSV ({error}); save it as CSV again") from None
    finally:
        csv.field_size_limit(limit)


def _text(path: Path) -> str:
    content = read_bytes(path)
    if content.startswith(b"PK"):
        raise UnreadableAnswersError(f"{path}: is a workbook that is called CSV; give it its ending .xlsx back")
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UnreadableAnswersError(
            f"{path}, line {line}: is not UTF-8; save it as 'CSV UTF-8', or as .xlsx and import that"
        ) from None


def _delimiter(text: str) -> str:
    """Return what divides the cells: that which makes the heading `level` a cell of its own."""
    first = text.lstrip("\r\n").split("\n", 1)[0]
    for delimiter in ",;\t":
        if any(cell.strip(' "\r').casefold() == LEVEL for cell in first.split(delimiter)):
            return delimiter
    return max(",;\t", key=first.count)
