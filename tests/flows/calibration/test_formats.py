"""The tools people rate in: what they show is blind and whole, what they hand back is read, however it was saved."""

import codecs
import csv
import io
import json
import random
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import python_calamine
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.calibration.formats import FORMATS, ReadAnswers, UnreadableAnswersError, format_named, format_of
from flows.calibration.formats.csv import guarded, unguarded
from flows.calibration.formats.table import laid_out
from flows.calibration.sheet import Item, RatingSheet, item_id_of
from flows.errors import InputError
from graders.judge.rubric import judge_rubrics
from tests.flows.calibration.filling import (
    Fill,
    fill_argilla,
    fill_csv,
    fill_label_studio,
    fill_xlsx,
    save_xlsx,
)
from tests.support_calibration import DIMENSION, FAMILY, SET

RUBRIC = judge_rubrics(FAMILY)[DIMENSION]
LEVELS = ["0", "3", "cannot assess", "", "4"]
NOBODY: Mapping[str, str] = {}
TEXTS = st.text(
    st.characters(codec="utf-8") | st.sampled_from("\0\x01\x0b\x1f\x85\u2028\r\n\t '=+-@_x0041_\ufeff\uffff")
)


def _sheet(texts: list[tuple[str, dict[str, str], str]], raters: tuple[str, ...] = ("anna", "ben")) -> RatingSheet:
    items = [
        Item(item_id_of(SET, f"rollout-{n}", DIMENSION), f"rollout-{n}", request, materials, output)
        for n, (request, materials, output) in enumerate(texts)
    ]
    ids = [item.item_id for item in items]
    dealt = {rater: random.Random(rater).sample(ids, len(ids)) for rater in raters}
    return RatingSheet(SET, DIMENSION, FAMILY, RUBRIC, items, dealt)


SHEET = _sheet(
    [(f"request {n}", {"a.md": f"text {n}\n\n- point", "b.csv": ""}, f"=output {n}\r\nend ") for n in range(5)]
)


def _handed_back(name: str, sheet: RatingSheet, rater: str | None, folder: Path, fill: Fill) -> Path:
    paths = format_named(name).write(sheet, rater, folder)
    if name == "csv":
        return fill_csv(paths[0], fill)
    if name == "xlsx":
        return fill_xlsx(paths[0], fill)
    return fill_label_studio(paths[0], fill) if name == "label_studio" else fill_argilla(paths[0].parent, fill)


def _by_item(cell: str) -> tuple[str, str]:
    """Return what a rater says: another level for each item, a note for one."""
    place = [item.item_id for item in SHEET.items].index(cell.split()[1])
    return LEVELS[place], "- found a = b" if place == 1 else ""


@pytest.mark.parametrize("name", FORMATS)
def test_answers_come_back_as_given(name: str, tmp_path: Path) -> None:
    """Level, note, rater, item, text and rubric survive every tool; what is not rated yet is counted apart."""
    path = _handed_back(name, SHEET, "anna", tmp_path, _by_item)

    found = format_of(path).read(path, NOBODY)

    assert (found.refused, found.n_blank) == ([], 1)
    by_id = {answer.item_id: answer for answer in found.answers}
    rated = [item for item, level in zip(SHEET.items, LEVELS, strict=True) if level]
    assert {item: answer.level for item, answer in by_id.items()} == dict(
        zip([item.item_id for item in rated], [0, 3, None, 4], strict=True)
    )
    assert {answer.rater for answer in found.answers} == {"anna"}
    assert {answer.set_id for answer in found.answers} == {SET}
    assert {answer.rubric_hash for answer in found.answers} == {RUBRIC.rubric_hash}
    assert {item.item_id: item.text_hash for item in rated} == {key: one.text_hash for key, one in by_id.items()}
    assert [one.note for one in by_id.values() if one.note] == ["- found a = b"]


@pytest.mark.parametrize("name", FORMATS)
def test_files_are_blind_and_in_the_order_of_the_rater(name: str, tmp_path: Path) -> None:
    """Nothing tells of rollout, policy or another rater; each rater has an order of one's own."""
    orders = {}
    for rater in SHEET.raters:
        seen: list[str] = []

        def look(cell: str, seen: list[str] = seen) -> tuple[str, str]:
            seen.append(cell.split()[1])
            return "", ""

        paths = format_named(name).write(SHEET, rater, tmp_path / rater)
        content = b"".join(_unpacked(path) for path in paths)
        assert b"rollout" not in content
        assert b"policy" not in content
        assert ("ben" if rater == "anna" else "anna").encode() not in content
        _handed_back(name, SHEET, rater, tmp_path / f"{rater} again", look)
        orders[rater] = seen
    assert orders == {rater: list(SHEET.assigned[rater]) for rater in SHEET.raters}
    assert orders["anna"] != orders["ben"]


def _unpacked(path: Path) -> bytes:
    if path.suffix != ".xlsx":
        return path.read_bytes()
    book = python_calamine.load_workbook(path)
    return repr([book.get_sheet_by_name(name).to_python() for name in book.sheet_names]).encode()


def test_set_that_names_nobody_is_rated_by_whoever_is_named(tmp_path: Path) -> None:
    """Its one sheet has no name in it; the import says whose it is, or that nobody is named."""
    sheet = _sheet([("r", {}, f"o{n}") for n in range(9)], raters=())
    path = _handed_back("csv", sheet, None, tmp_path, lambda cell: ("2", ""))

    assert path.name == "set-1.csv"
    assert {answer.rater for answer in format_named("csv").read(path, {"": "eva"}).answers} == {"eva"}
    assert {answer.rater for answer in format_named("csv").read(path, NOBODY).answers} == {""}
    mine, other = (laid_out(sheet, rater)[1] for rater in ("eva", "max"))
    assert [row[0] for row in mine] != [row[0] for row in other]


def test_file_of_one_rater_does_not_pass_for_that_of_another(tmp_path: Path) -> None:
    """A name on the command line that contradicts the file is refused, unless it says whom the file means."""
    path = _handed_back("csv", SHEET, "anna", tmp_path, lambda cell: ("2", ""))

    refused = format_named("csv").read(path, {"": "ben"})
    assert refused.answers == []
    assert refused.refused[0].reason == ("the file says that anna rated this, --rater that ben did; leave --rater out")
    assert {a.rater for a in format_named("csv").read(path, {"anna": "Anna K."}).answers} == {"Anna K."}
    assert {a.rater for a in format_named("csv").read(path, {"": " Anna"}).answers} == {"anna"}


def test_file_that_may_be_filled_in_is_never_written_over(tmp_path: Path) -> None:
    """The same export again is harmless; over anything else it stops."""
    for name in FORMATS:
        format_named(name).write(SHEET, "anna", tmp_path)
        format_named(name).write(SHEET, "anna", tmp_path)
    path = fill_csv(tmp_path / "set-1-anna.csv", _by_item)
    before = path.read_bytes()

    with pytest.raises(InputError, match="is there already, perhaps with ratings in it"):
        format_named("csv").write(SHEET, "anna", tmp_path)

    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []


def test_raters_whose_names_look_alike_get_files_of_their_own(tmp_path: Path) -> None:
    """What a file system cannot hold is left out of a name, and no two meet."""
    sheet = _sheet([("r", {}, "o")], raters=("Eva M.", "Eva-M", "../Eva M", "eva/m"))

    paths = {format_named("csv").write(sheet, rater, tmp_path)[0] for rater in sheet.raters}

    assert len(paths) == 4
    assert {path.parent for path in paths} == {tmp_path}


# What spreadsheets and people do to a CSV file.


def _filled_rows(level: Callable[[int], str] = lambda place: "3") -> list[list[str]]:
    headings, rows = laid_out(SHEET, "anna")
    for place, row in enumerate(rows):
        row[headings.index("level")] = level(place)
    return [headings, *rows]


def _saved(rows: list[list[str]], delimiter: str = ",", newline: str = "\r\n") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=newline).writerows(rows)
    return text.getvalue()


def _read_csv(tmp_path: Path, content: str | bytes) -> ReadAnswers:
    path = tmp_path / "ratings.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return format_named("csv").read(path, NOBODY)


def _without(rows: list[list[str]], *names: str) -> list[list[str]]:
    gone = [rows[0].index(name) for name in names]
    return [[cell for place, cell in enumerate(row) if place not in gone] for row in rows]


HANDLED: dict[str, Callable[[], str | bytes]] = {
    "semicolons": lambda: _saved(_filled_rows(), ";"),
    "tabs": lambda: _saved(_filled_rows(), "\t"),
    "the separator named first": lambda: "sep=;\r\n" + _saved(_filled_rows(), ";"),
    "a mark of the encoding": lambda: codecs.BOM_UTF8 + _saved(_filled_rows()).encode(),
    "UTF-16": lambda: _saved(_filled_rows(), "\t").encode("utf-16"),
    "bare line feeds": lambda: _saved(_filled_rows(), newline="\n"),
    "bare carriage returns in cells": lambda: _saved(_filled_rows()).replace("\n\n", "\r\r"),
    "3.0": lambda: _saved(_filled_rows(lambda place: "3.0")),
    "3,0": lambda: _saved(_filled_rows(lambda place: "3,0"), ";"),
    "3 with blanks": lambda: _saved(_filled_rows(lambda place: " 3\u00a0")),
    "rows sorted": lambda: _saved([_filled_rows()[0], *sorted(_filled_rows()[1:])]),
    "columns turned round": lambda: _saved([row[::-1] for row in _filled_rows()]),
    "texts deleted": lambda: _saved(_without(_filled_rows(), "request", "materials", "output", "check")),
    "some columns deleted": lambda: _saved(_without(_filled_rows(), "request", "question", "levels", "note")),
    "headings shouted": lambda: _saved([[f" {cell.upper()} " for cell in _filled_rows()[0]], *_filled_rows()[1:]]),
    "empty rows and columns": lambda: _saved([[*row, "", ""] for row in [*_filled_rows(), [""] * 10, []]]),
    "blanks at the ends of lines": lambda: _saved([[cell.replace("\n", " \n") for cell in r] for r in _filled_rows()]),
}


@pytest.mark.parametrize("what", HANDLED)
def test_csv_is_read_however_it_was_saved(what: str, tmp_path: Path) -> None:
    """None of it changes what was said, nor makes an unedited text look edited."""
    found = _read_csv(tmp_path, HANDLED[what]())

    assert found.refused == []
    assert [answer.level for answer in found.answers] == [3] * 5
    assert sorted(answer.item_id for answer in found.answers) == sorted(item.item_id for item in SHEET.items)


UNREADABLE: dict[str, tuple[Callable[[], str | bytes], str]] = {
    "nothing": (lambda: b" \r\n", "is empty; save the ratings again"),
    "Latin-1": (lambda: _saved([*_filled_rows(), ["é"]]).encode("latin-1"), "is not UTF-8; save it as 'CSV UTF-8'"),
    "no level": (lambda: _saved(_without(_filled_rows(), "level")), "the column 'level' is missing (columns: 'item', "),
    "no item": (lambda: _saved(_without(_filled_rows(), "item")), "the column 'item' is missing"),
    "level twice": (lambda: _saved([[*row, "level"] for row in _filled_rows()]), "there are two columns 'level'"),
    "a quote left open": (lambda: _saved(_filled_rows()) + '"3', "is not CSV (unexpected end of data)"),
    "a workbook": (lambda: b"PK\x03\x04", "is a workbook that is called CSV; give it its ending .xlsx back"),
    "other bytes": (lambda: b"\x89PNG\r\n\x1a\n", "line 1: is not UTF-8"),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_csv_that_cannot_be_read_says_why(what: str, tmp_path: Path) -> None:
    """One sentence: the file, what is wrong, what to do."""
    content, reason = UNREADABLE[what]

    with pytest.raises(UnreadableAnswersError) as failure:
        _read_csv(tmp_path, content())

    assert str(failure.value).startswith(str(tmp_path / "ratings.csv"))
    assert reason in str(failure.value)


EDITED: dict[str, tuple[Callable[[list[list[str]], int], None], str]] = {
    "output": (lambda rows, at: _put(rows, at, "output", "better"), "the text in column 'output' was edited"),
    "materials": (lambda rows, at: _put(rows, at, "materials", ""), "the text in column 'materials' was edited"),
    "check": (lambda rows, at: _put(rows, at, "check", ""), "the column 'check' does not say what the texts were"),
    "item": (lambda rows, at: _put(rows, at, "item", "7"), "no longer says which item this is"),
}


def _put(rows: list[list[str]], at: int, name: str, cell: str) -> None:
    rows[at][rows[0].index(name)] = cell


@pytest.mark.parametrize("what", EDITED)
def test_row_that_was_edited_is_refused_with_its_number(what: str, tmp_path: Path) -> None:
    """The others are kept; rows are counted as the spreadsheet counts them."""
    edit, reason = EDITED[what]
    rows = _filled_rows()
    edit(rows, 2)

    found = _read_csv(tmp_path, _saved(rows))

    assert len(found.answers) == 4
    assert [refused.place for refused in found.refused] == ["ratings.csv, row 3"]
    assert reason in found.refused[0].reason


@pytest.mark.parametrize(
    ("said", "level"), [("three", "nan"), ("2,5", "2.5"), ("-1", "-1.0"), ("Cannot_Assess", "None")]
)
def test_level_is_read_as_said(said: str, level: str, tmp_path: Path) -> None:
    """What is no level is handed on with the words, for whoever knows the scale to refuse."""
    answers = _read_csv(tmp_path, _saved(_filled_rows(lambda place: said), ";")).answers

    assert {str(answer.level) for answer in answers} == {level}
    assert {answer.raw_value for answer in answers} == {said}


def test_file_made_by_hand_needs_item_set_and_level_only(tmp_path: Path) -> None:
    """Without texts there is nothing to check them by."""
    found = _read_csv(tmp_path, f"item,set,rater,level\n{SHEET.items[0].item_id},{SET},anna,2\n")

    assert [(a.item_id, a.set_id, a.level, a.text_hash) for a in found.answers] == [
        (SHEET.items[0].item_id, SET, 2, None)
    ]


@settings(max_examples=50)
@given(TEXTS)
def test_guard_against_formulas_can_be_taken_off_again(cell: str) -> None:
    """Nothing that a spreadsheet carries out begins a cell, and every cell comes back."""
    assert guarded(cell).strip()[:1] not in tuple("=+-@")
    assert unguarded(guarded(cell)) == cell


def test_cells_that_look_like_formulas_are_guarded_in_the_file(tmp_path: Path) -> None:
    """A text that a policy wrote is never run by a rater's spreadsheet."""
    sheet = _sheet([("@SUM(1)", {"=a": "-1"}, '=HYPERLINK("http://x")'), ("+1", {}, "\t=1")])

    path = format_named("csv").write(sheet, "anna", tmp_path)[0]

    cells = [cell for row in csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline="")) for cell in row]
    assert sorted(cell for cell in cells if cell.startswith("'")) == [
        "'+1",
        "'=1",
        '\'=HYPERLINK("http://x")',
        "'@SUM(1)",
    ]
    assert not any(cell.strip().startswith(tuple("=+-@")) for cell in cells)


# Workbooks.


def _pages(rows: list[list[Any]], name: str = "ratings") -> dict[str, list[list[Any]]]:
    return {"mine": [["notes"]], name: rows}


def test_workbook_offers_the_levels_and_locks_the_texts(tmp_path: Path) -> None:
    """Levels are chosen from a list, the texts cannot be typed over, and a sheet explains every level."""
    import zipfile

    path = format_named("xlsx").write(SHEET, "anna", tmp_path)[0]

    with zipfile.ZipFile(path) as package:
        page = package.read("xl/worksheets/sheet1.xml").decode()
        styles = package.read("xl/styles.xml").decode()
    assert '"0,1,2,3,4,cannot assess"' in page
    assert "<sheetProtection" in page
    assert 'state="frozen"' in page
    assert 'locked="0"' in styles
    assert 'wrapText="1"' in styles
    rubric = _unpacked(path).decode()
    assert all(level.anchor in rubric and level.paraphrase not in rubric for level in RUBRIC.levels)


@pytest.mark.parametrize("ending", [".xlsx", ".xlsm", ".XLSX"])
def test_workbook_is_read_from_its_sheet_wherever_that_stands(ending: str, tmp_path: Path) -> None:
    """Numbers typed into cells are fractions to a spreadsheet; other sheets do not matter."""
    path = save_xlsx(tmp_path / f"b{ending}", _pages(_filled_rows()))

    found = format_of(path).read(path, NOBODY)

    assert [answer.level for answer in found.answers] == [3] * 5
    assert {answer.raw_value for answer in found.answers} == {"3"}


def test_formula_for_a_level_is_refused(tmp_path: Path) -> None:
    """One that nothing has worked out would be read as zero."""
    rows: list[list[Any]] = _filled_rows()
    rows[2][rows[0].index("level")] = ("=1+2",)
    path = save_xlsx(tmp_path / "b.xlsx", _pages(rows))

    found = format_named("xlsx").read(path, NOBODY)

    assert [(refused.place, refused.reason) for refused in found.refused] == [
        ("b.xlsx, row 3", "the level is a formula; type the level itself")
    ]
    assert len(found.answers) == 4


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"item,level\n", "is no workbook"),
        (b"PK\x05\x06" + b"\0" * 18, "is no workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "is no workbook"),
    ],
)
def test_workbook_that_cannot_be_read_says_so(content: bytes, reason: str, tmp_path: Path) -> None:
    """Also a file of the old kind, and one that is cut off."""
    path = tmp_path / "b.xlsx"
    path.write_bytes(content)

    with pytest.raises(UnreadableAnswersError, match=reason):
        format_named("xlsx").read(path, NOBODY)


def test_workbook_that_is_cut_off_is_unreadable_at_every_length(tmp_path: Path) -> None:
    """Half an upload is no answer and no crash."""
    content = save_xlsx(tmp_path / "whole.xlsx", _pages(_filled_rows())).read_bytes()
    path = tmp_path / "b.xlsx"
    for length in range(1, len(content), len(content) // 40):
        path.write_bytes(content[:length])
        with pytest.raises(UnreadableAnswersError):
            format_named("xlsx").read(path, NOBODY)


# Both.

LONG = 40_000


@pytest.mark.parametrize("name", ["csv", "xlsx"])
@pytest.mark.parametrize(
    "text", ["word " * (LONG // 5) + "end", "x" * LONG, "\N{GRINNING FACE}" * LONG, "a \n" * LONG, " " * LONG + "b"],
    ids=["words", "one word", "two units a character", "lines", "blanks"],
)  # fmt: skip
def test_long_text_goes_on_in_further_cells(name: str, text: str, tmp_path: Path) -> None:
    """No cell holds more than a spreadsheet can (32,767 units of UTF-16), and nothing is cut off."""
    sheet = _sheet([("r", {"long.md": text}, text), ("r", {}, "short")])
    path = _handed_back(name, sheet, "anna", tmp_path, lambda cell: ("1", ""))

    found = format_named(name).read(path, NOBODY)

    assert found.refused == []
    assert len(found.answers) == 2
    _, rows = laid_out(sheet, "anna")
    assert max(len(cell.encode("utf-16-le")) // 2 for row in rows for cell in row) <= 32_767


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=30, deadline=None)
@given(request=TEXTS, material=TEXTS, filename=TEXTS, output=TEXTS)
def test_any_text_comes_back_as_it_was_shown(
    name: str, request: str, material: str, filename: str, output: str
) -> None:
    """No character is taken for an edit, also none that XML or a spreadsheet cannot hold."""
    sheet = _sheet([(request, {filename: material, "b": output}, output)])
    with tempfile.TemporaryDirectory() as folder:
        path = _handed_back(name, sheet, "anna", Path(folder), lambda cell: ("4", ""))
        found = format_of(path).read(path, NOBODY)

    assert found.refused == []
    assert [(a.level, a.text_hash) for a in found.answers] == [(4, sheet.items[0].text_hash)]


# Label Studio and Argilla.


def test_labeling_configuration_is_xml_with_a_choice_per_level(tmp_path: Path) -> None:
    """The alias is what comes back; what it stands for is shown."""
    tree = ElementTree.parse(format_named("label_studio").write(SHEET, "anna", tmp_path)[1])  # noqa: S314

    choices = [choice.attrib for choice in tree.iter("Choice")]
    assert [choice["alias"] for choice in choices] == ["4", "3", "2", "1", "0", "cannot assess"]
    assert all(choice["value"].startswith(f"{choice['alias']}: ") for choice in choices)
    assert [text.get("value") for text in tree.iter("Text")] == ["$request", "$materials", "$output"]


def test_accounts_are_told_apart_before_anybody_is_credited(tmp_path: Path) -> None:
    """Two accounts in one rater's tasks are two people, until it is said who they are."""
    tasks = fill_label_studio(format_named("label_studio").write(SHEET, "anna", tmp_path)[0], lambda cell: ("2", ""))
    given = json.loads(tasks.read_text())
    for task in given[:2]:
        task["annotations"][0]["completed_by"] = {"id": 9, "email": "ben@example.org"}
    tasks.write_text(json.dumps(given))
    read = format_named("label_studio").read

    unsure = read(tasks, NOBODY)
    assert unsure.answers == []
    assert unsure.refused[0].reason == (
        "several accounts answered the tasks of anna; say who they are: --rater 7=NAME --rater ben@example.org=NAME"
    )
    sure = read(tasks, {"7": "anna", "ben@example.org": "ben"})
    assert [answer.rater for answer in sure.answers] == ["ben", "ben", "anna", "anna", "anna"]
    assert {str(answer.rated_at) for answer in sure.answers} == {"2026-05-01 10:00:00+00:00"}


def test_cancelled_and_skipped_annotations_are_no_answers(tmp_path: Path) -> None:
    """Nor is one without a level, or a shape that nobody expects."""
    tasks = fill_label_studio(format_named("label_studio").write(SHEET, "anna", tmp_path)[0], lambda cell: ("2", ""))
    given = json.loads(tasks.read_text())
    given[0]["annotations"][0]["was_cancelled"] = True
    given[1]["annotations"][0]["result"] = []
    given[2]["annotations"] = ["odd", None]
    given[3]["annotations"][0]["result"][0]["value"]["choices"] = ["3: At least one point of fault"]
    tasks.write_text(json.dumps(given))

    found = format_named("label_studio").read(tasks, NOBODY)

    assert (found.n_blank, [answer.level for answer in found.answers]) == (3, [3, 2])


def test_drafts_of_argilla_are_no_answers(tmp_path: Path) -> None:
    """A record counts once its response is submitted, which makes it complete."""
    export = fill_argilla(format_named("argilla").write(SHEET, "ben", tmp_path)[0].parent, lambda cell: ("2", "n"))
    records = json.loads(export.read_text())
    records[0]["status"] = "pending"
    lines = tmp_path / "export.jsonl"
    lines.write_text("\n".join(map(json.dumps, records)))

    found = format_of(lines).read(lines, NOBODY)

    assert (found.n_blank, len(found.answers)) == (1, 4)
    assert {(answer.rater, answer.note) for answer in found.answers} == {("ben", "n")}


@pytest.mark.parametrize("name", ["label_studio", "argilla"])
@pytest.mark.parametrize(
    "content",
    ["", "[", "{}", "[]", "[1]", '[{"data": 1}]', '[{"data": {}}]', '[{"responses": [], "fields": {}}]', "[" * 100_000],
    ids=["empty", "cut off", "object", "no records", "number", "no data", "not rated", "odd", "deep"],
)  # fmt: skip
def test_json_of_something_else_is_unreadable(name: str, content: str, tmp_path: Path) -> None:
    """Never a crash, never an empty success."""
    path = tmp_path / "export.json"
    path.write_text(content)

    with pytest.raises(UnreadableAnswersError, match=r"export\.json"):
        format_named(name).read(path, NOBODY)


def test_text_that_was_edited_in_a_tool_is_refused(tmp_path: Path) -> None:
    """In both tools whoever loads the tasks can change them."""
    for name in ("label_studio", "argilla"):
        path = _handed_back(name, SHEET, "anna", tmp_path, lambda cell: ("2", ""))
        path.write_text(path.read_text().replace("text 3", "text 9"))

        found = format_of(path).read(path, NOBODY)

        assert len(found.answers) == 4
        assert [one.reason for one in found.refused] == [
            "the text in field 'materials' was edited; rate the text as it was exported"
        ]


@pytest.mark.parametrize("name", ["ratings.ods", "ratings", "ratings.json"])
def test_file_of_no_format_is_named(name: str, tmp_path: Path) -> None:
    """The endings that are known stand in the sentence."""
    path = tmp_path / name
    path.write_text("x")

    with pytest.raises(UnreadableAnswersError, match=name):
        format_of(path)
