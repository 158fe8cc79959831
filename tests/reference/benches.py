"""Three small tasks written by hand: a document, a table of twelve records, a brief with five sources."""

from pathlib import Path

from graders import grader
from tasks_lib import family
from tasks_lib.citation_grounding.from_brief import instance_from_brief
from tasks_lib.doc_revision.from_document import instance_from_document
from tasks_lib.records import TaskInstance
from tasks_lib.spreadsheet_clean.table import CellDefect, Column, table_truth
from tests.support_families import Bench
from tests.support_spreadsheet import hand_instance

HERE = Path(__file__).parent
BENCHES = {
    name: Bench(family(name), grader(name)) for name in ("doc_revision", "spreadsheet_clean", "citation_grounding")
}

COLUMNS = (
    Column("store", "code", key=True, pattern=r"ST-\d{2}"),
    Column("opened", "date"),
    Column("revenue_usd", "decimal", unit="USD", decimals=0, readings=((0.000001, 0.0),), unit_words=("M", "million")),
    Column("area_m2", "decimal", unit="m2", decimals=0, readings=((10.7639, 0.0),), unit_words=("sqft", "ft2")),
    Column("staff", "integer"),
    Column("notes", "text"),
)
ROWS = (
    ("ST-01", "2019-03-04", "1800000", "420", "14", "corner site"),
    ("ST-02", "2018-11-19", "2450000", "510", "19", ""),
    ("ST-03", "2020-06-01", "960000", "275", "8", "shared yard"),
    ("ST-04", "2017-09-12", "3120000", "640", "25", "flagship"),
    ("ST-05", "2021-02-22", "740000", "230", "7", ""),
    ("ST-06", "2016-05-30", "2880000", "605", "22", "near station"),
    ("ST-07", "2022-01-17", "1125000", "310", "10", "new lease"),
    ("ST-08", "2015-08-24", "4050000", "790", "31", ""),
    ("ST-09", "2019-10-07", "1510000", "365", "12", "market square"),
    ("ST-10", "2020-12-14", "890000", "255", "9", ""),
    ("ST-11", "2018-04-23", "2210000", "480", "17", "two floors"),
    ("ST-12", "2021-07-05", "1330000", "340", "11", "by the river"),
)


def _defects() -> tuple[CellDefect, ...]:
    """Seven revenues in millions, four areas in square feet, three dates by slashes, two lines of junk."""
    found = []
    for row in (0, 1, 3, 5, 7, 8, 10):
        millions = f"{int(ROWS[row][2]) / 1e6:.3f}".rstrip("0")
        found.append(CellDefect(f"r{row}", "unit", row, 2, [millions, "${}M"], 0.3))
    for row in (2, 4, 6, 11):
        found.append(CellDefect(f"a{row}", "unit", row, 3, [f"{float(ROWS[row][3]) * 10.7639:.0f}", "{} sqft"], 0.5))
    for row in (1, 5, 9):
        year, month, day = ROWS[row][1].split("-")
        found.append(CellDefect(f"d{row}", "date_style", row, 1, f"{day}/{month}/{year}", 0.2))
    found.append(CellDefect("j1", "blank_row", 4, None, [""] * 6, 0.0))
    found.append(CellDefect("j2", "annotation_row", 8, None, ["Subtotal", "", "11950000", "", "", ""], 0.4))
    return tuple(found)


def instances() -> dict[str, TaskInstance]:
    """Return family -> its task."""
    return {
        "doc_revision": instance_from_document(HERE / "doc_revision"),
        "spreadsheet_clean": hand_instance(ROWS, _defects(), COLUMNS),
        "citation_grounding": instance_from_brief(HERE / "citation_grounding"),
    }


def finished(name: str) -> str:
    """Return the finished output of a family's task."""
    return BENCHES[name].family.oracle(instances()[name])


__all__ = ["BENCHES", "COLUMNS", "ROWS", "finished", "instances", "table_truth"]
