"""What raters do with the files they are given: fill them in with the tools that they have."""

import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import python_calamine
import xlsxwriter

Fill = Callable[[str], tuple[str, str]]
"""The cell that names the item -> level and note, as a person types them."""


def fill_csv(path: Path, fill: Fill, delimiter: str = ",") -> Path:
    """Fill in a CSV file as a spreadsheet that saves it."""
    rows = list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
    _fill_rows(rows, fill)
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8-sig", newline="")
    return path


def fill_xlsx(path: Path, fill: Fill) -> Path:
    """Fill in a workbook: numbers are typed as numbers."""
    book = python_calamine.load_workbook(path)
    pages = {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}
    _fill_rows(pages["ratings"], fill)
    save_xlsx(path, pages)
    return path


def save_xlsx(path: Path, pages: Mapping[str, list[list[Any]]]) -> Path:
    """Write a workbook cell by cell; what says that it is a formula is one."""
    with xlsxwriter.Workbook(path) as workbook:
        for name, rows in pages.items():
            page = workbook.add_worksheet(name)
            for number, cells in enumerate(rows):
                for place, cell in enumerate(cells):
                    if isinstance(cell, str) and cell.isdecimal():
                        page.write_number(number, place, int(cell))
                    elif isinstance(cell, tuple):
                        page.write_formula(number, place, cell[0])
                    else:
                        page.write_string(number, place, str(cell))
    return path


def fill_label_studio(path: Path, fill: Fill, account: Any = 7) -> Path:
    """Answer tasks, and export them as JSON."""
    tasks = json.loads(path.read_text())
    for number, task in enumerate(tasks, start=1):
        level, note = fill(task["data"]["item"])
        result = [
            {"from_name": "level", "to_name": "output", "type": "choices", "value": {"choices": [level]}},
            {"from_name": "note", "to_name": "output", "type": "textarea", "value": {"text": [note] if note else []}},
        ]
        task["id"] = number
        task["annotations"] = (
            [{"completed_by": account, "was_cancelled": False, "updated_at": "2026-05-01T10:00:00Z", "result": result}]
            if level
            else []
        )
    export = path.with_name("project-1.json")
    export.write_text(json.dumps(tasks))
    return export


def fill_argilla(folder: Path, fill: Fill, user: str = "498fa0ee-b47e-4c21-99d5-34dd86ec0100") -> Path:
    """Answer records, and write them as `dataset.records.to_json` does."""
    records = [json.loads(line) for line in (folder / "records.jsonl").read_text().strip().split("\n")]
    for record in records:
        level, note = fill(record["metadata"]["item"])
        if level:
            record["status"] = "completed"
            record["responses"] = {"level": [{"value": level, "user_id": user}]}
            record["responses"] |= {"note": [{"value": note, "user_id": user}]} if note else {}
    export = folder.with_name(f"{folder.name}.json")
    export.write_text(json.dumps(records))
    return export


def _fill_rows(rows: list[list[Any]], fill: Fill) -> None:
    headings = rows[0]
    for row in rows[1:]:
        row[headings.index("level")], row[headings.index("note")] = fill(row[headings.index("item")])
