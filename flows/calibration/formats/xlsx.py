"""A workbook: one a rater, with the levels to choose from in each cell, and a sheet that explains them.

The texts are locked, so that nothing but level and note can be typed over by mistake.
"""

import datetime
import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from flows.calibration.answers import CANNOT_ASSESS
from flows.calibration.formats.reading import ReadAnswers, UnreadableAnswersError, read_bytes
from flows.calibration.formats.shown import showable
from flows.calibration.formats.table import LEVEL, NOTE, laid_out, read_rows
from flows.calibration.formats.writing import file_name, write_new
from flows.calibration.sheet import RatingSheet

_RATINGS, _RUBRIC = "ratings", "rubric"
_WIDTHS = {"item": 12, "question": 40, "levels": 60, LEVEL: 14, NOTE: 30, "rater": 12, "check": 8}
_TEXT_WIDTH = 70
_ROW_HEIGHT = 240
"""Points; a spreadsheet shows 409 at most, and fewer let a rater scroll."""
_ALWAYS = datetime.datetime(2000, 1, 1)  # noqa: DTZ001 - the library wants no time zone; so that a set makes one file only
_FORMULA = re.compile(rb"<(?:\w+:)?c r=\"([A-Z]+)([0-9]+)\"[^>]*>\s*<(?:\w+:)?f\b([^<]*)")
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_PLACE = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def write(sheet: RatingSheet, rater: str | None, folder: Path) -> Sequence[Path]:
    """Write what one rater rates; see `Format.write`."""
    import xlsxwriter

    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as workbook:
        workbook.set_properties({"title": f"Ratings of {sheet.dimension}", "created": _ALWAYS})
        _write_ratings(workbook, sheet, rater)
        _write_rubric(workbook, sheet)
    return [write_new(folder / f"{file_name(sheet, rater)}.xlsx", content.getvalue())]


def _write_ratings(workbook: Any, sheet: RatingSheet, rater: str | None) -> None:
    headings, rows = laid_out(sheet, rater)
    look = {"text_wrap": True, "valign": "top", "font_size": 10}
    text = workbook.add_format({**look, "locked": True})
    fill_in = workbook.add_format({**look, "locked": False, "bg_color": "#FFF8DC", "border": 1})
    heading = workbook.add_format({**look, "bold": True, "bottom": 1})
    page = workbook.add_worksheet(_RATINGS)
    page.freeze_panes(1, 1)
    for place, name in enumerate(headings):
        page.set_column(place, place, _WIDTHS.get(name, _TEXT_WIDTH), text, {"hidden": name == "check"})
        page.write_string(0, place, name, heading)
    for number, cells in enumerate(rows, start=1):
        page.set_row(number, _ROW_HEIGHT)
        for place, cell in enumerate(cells):
            style = fill_in if headings[place] in (LEVEL, NOTE) else text
            # Always as text: what looks like a formula, a link or a number stays what it is.
            page.write_string(number, place, cell, style) if cell else page.write_blank(number, place, None, style)
    place = headings.index(LEVEL)
    levels = [str(level.level) for level in reversed(sheet.rubric.levels)]
    page.data_validation(
        1, place, max(len(rows), 1), place,
        {
            "validate": "list", "source": [*levels, CANNOT_ASSESS], "error_title": "No such level",
            "error_message": f"Levels: {', '.join(levels)}, or {CANNOT_ASSESS}. See the sheet 'rubric'.",
        },
    )  # fmt: skip
    page.protect("", {"format_columns": True, "format_rows": True, "sort": True, "autofilter": True})


def _write_rubric(workbook: Any, sheet: RatingSheet) -> None:
    wrapped = workbook.add_format({"text_wrap": True, "valign": "top"})
    bold = workbook.add_format({"bold": True, "valign": "top", "text_wrap": True})
    page = workbook.add_worksheet(_RUBRIC)
    page.set_column(0, 0, 16)
    page.set_column(1, 2, 70)
    rubric = sheet.rubric
    rows = [
        ("question", rubric.question, ""),
        ("level", "what it looks like", "example"),
        *((str(level.level), level.anchor, level.example) for level in rubric.levels),
        (CANNOT_ASSESS, rubric.cannot_assess, ""),
    ]
    for number, cells in enumerate(rows):
        for place, cell in enumerate(cells):
            page.write_string(number, place, showable(cell), bold if place == 0 or cells[0] == "level" else wrapped)
    page.protect("", {"format_columns": True, "format_rows": True})


def read(path: Path, raters: Mapping[str, str]) -> ReadAnswers:
    """Read a filled-in workbook; see `Format.read`."""
    import python_calamine

    content = read_bytes(path)
    try:
        workbook = python_calamine.load_workbook(io.BytesIO(content))
        names = workbook.sheet_names
        name = _RATINGS if _RATINGS in names else names[0]
        page = workbook.get_sheet_by_name(name)
        cells = page.to_python(skip_empty_area=False)
        formulas = _formulas(content, name)
    except python_calamine.PasswordError:
        raise UnreadableAnswersError(f"{path}: is protected by a password; save it without one") from None
    except (
        python_calamine.CalamineError, zipfile.BadZipFile, ElementTree.ParseError, KeyError, IndexError, ValueError,
    ) as error:  # fmt: skip
        raise UnreadableAnswersError(f"{path}: is no workbook ({error}); save it as .xlsx again") from None
    headings = cells[0] if cells else []
    return read_rows(path, headings, enumerate(cells[1:], start=2), raters, formulas)


def _formulas(content: bytes, name: str) -> dict[tuple[int, int], str]:
    """Return the formulas of a sheet, (column from 0, row from 1) -> formula.

    Whoever reads values only takes a formula that no spreadsheet has worked out yet for a zero.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        sheets = ElementTree.fromstring(package.read("xl/workbook.xml")).iter(f"{_MAIN}sheet")  # noqa: S314
        wanted = next(sheet.get(_PLACE) for sheet in sheets if sheet.get("name") == name)
        parts = ElementTree.fromstring(package.read("xl/_rels/workbook.xml.rels"))  # noqa: S314 - expat bounds entities
        target = next(part.get("Target", "") for part in parts if part.get("Id") == wanted)
        page = package.read(target.lstrip("/") if target.startswith("/") else f"xl/{target}")
    found = _FORMULA.finditer(page)
    return {(_column(cell[1].decode()), int(cell[2])): cell[3].decode(errors="replace") for cell in found}


def _column(letters: str) -> int:
    place = 0
    for letter in letters:
        place = place * 26 + ord(letter) - ord("A") + 1
    return place - 1
