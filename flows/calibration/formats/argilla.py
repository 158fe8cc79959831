"""Argilla 2: the settings of a dataset and its records; read back is what its records write as JSON.

    import argilla as rg, json
    client = rg.Argilla(api_url=..., api_key=...)
    settings = rg.Settings.from_json("set-1-anna-argilla/settings.json")
    dataset = rg.Dataset(name="set-1-anna", settings=settings).create()
    with open("set-1-anna-argilla/records.jsonl") as lines:
        dataset.records.log([rg.Record.from_dict(json.loads(line)) for line in lines])
    ...
    dataset.records(with_responses=True).to_json("set-1-anna.json")  # once it is rated

A dataset holds the records of one rater. Answers count where the record is complete: a draft is none.
"""

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from flows.calibration.answers import CANNOT_ASSESS, Answer, Refused
from flows.calibration.formats.reading import (
    Annotators,
    ReadAnswers,
    UnreadableAnswersError,
    level_of,
    read_bytes,
    read_json,
    records_of,
)
from flows.calibration.formats.shown import (
    PARTS,
    Check,
    check_of,
    levels_text,
    place_of,
    rater_order,
    read_place,
    showable,
    shown,
)
from flows.calibration.formats.writing import file_name, write_new
from flows.calibration.sheet import RatingSheet

LEVEL, NOTE = "level", "note"
_LABEL, _DESCRIPTION = 500, 1000
"""Characters that Argilla allows a label and a description; the guidelines hold all of it."""


def write(sheet: RatingSheet, rater: str | None, folder: Path) -> Sequence[Path]:
    """Write the dataset of one rater, a folder with `settings.json` and `records.jsonl`; see `Format.write`."""
    records = []
    for item in rater_order(sheet, rater):
        texts = shown(item)
        about = {"item": place_of(sheet, item), "rater": rater or "", "check": check_of(sheet, item, texts)}
        records.append(
            {
                "id": item.item_id, "fields": texts, "metadata": about, "suggestions": {}, "responses": {},
                "vectors": {}, "status": "pending",
            }
        )  # fmt: skip
    place = folder / f"{file_name(sheet, rater)}-argilla"
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    return [
        write_new(place / "settings.json", json.dumps(_settings(sheet), ensure_ascii=False, indent=1).encode()),
        write_new(place / "records.jsonl", lines.encode()),
    ]


def _settings(sheet: RatingSheet) -> dict[str, Any]:
    rubric = sheet.rubric
    said = [*((str(level.level), level.anchor) for level in rubric.levels), (CANNOT_ASSESS, rubric.cannot_assess)]
    options = [{"value": name, "text": _short(f"{name}: {anchor}", _LABEL)} for name, anchor in said]
    return {
        "guidelines": showable(f"{rubric.question}\n\n{levels_text(sheet)}"),
        "fields": [
            {"name": name, "title": name.capitalize(), "required": name == "output", "type": "text",
             "settings": {"type": "text", "use_markdown": False}}
            for name in PARTS
        ],
        "questions": [
            {"name": LEVEL, "title": sheet.dimension, "description": _short(rubric.question, _DESCRIPTION),
             "required": True, "type": "label_selection",
             "settings": {"type": "label_selection", "options": options, "visible_options": None}},
            {"name": NOTE, "title": "Remark", "description": None, "required": False, "type": "text",
             "settings": {"type": "text", "use_markdown": False}},
        ],
        "vectors": [],
        "metadata": [
            {"name": name, "title": name, "visible_for_annotators": False,
             "settings": {"type": "terms", "values": None, "visible_for_annotators": False}}
            for name in ("item", "rater", "check")
        ],
        "allow_extra_metadata": False,
        "distribution": {"strategy": "overlap", "min_submitted": 1},
        "mapping": None,
    }  # fmt: skip


def _short(text: str, room: int) -> str:
    return textwrap.shorten(showable(text), room, placeholder=" ...")


def read(path: Path, raters: Mapping[str, str]) -> ReadAnswers:
    """Read the records of a dataset, a JSON list or one a line; see `Format.read`."""
    records = records_of(_records(path), path, "the records that Argilla writes as JSON")
    if not records or any(not isinstance(record.get("responses"), dict) for record in records):
        raise UnreadableAnswersError(
            f"{path}: holds no records of Argilla with responses; write them with dataset.records.to_json"
        )
    found = ReadAnswers()
    people = Annotators(((_dealt_to(record), user) for record in records for user in _users(record)), raters)
    for number, record in enumerate(records, start=1):
        given = list(_users(record))
        found.n_blank += not given
        for user in given:
            found.add(_answer(f"{path.name}, record {record.get('id', number)}", record, user, people))
    return found


def _records(path: Path) -> Any:
    if path.suffix.lower() != ".jsonl":
        return read_json(path)
    records = []
    for number, line in enumerate(read_bytes(path).splitlines(), start=1):
        if line.strip():
            try:
                records.append(json.loads(line))
            except (ValueError, RecursionError) as error:
                raise UnreadableAnswersError(f"{path}, line {number}: is not JSON ({error}); write it again") from None
    return records


def _users(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield who answered; a record that is pending holds drafts at most."""
    if record.get("status") == "completed":
        for response in _responses(record, LEVEL):
            yield str(response.get("user_id"))


def _responses(record: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    responses = record["responses"].get(name)
    return [one for one in responses if isinstance(one, dict)] if isinstance(responses, list) else []


def _metadata(record: Mapping[str, Any], name: str) -> str:
    """Return what a record says of itself; a term comes back as it was sent, or in a list."""
    metadata = record.get("metadata")
    said = metadata.get(name) if isinstance(metadata, dict) else None
    if isinstance(said, list):
        said = said[0] if said else None
    return str(said or "")


def _dealt_to(record: Mapping[str, Any]) -> str:
    return _metadata(record, "rater")


def _answer(place: str, record: Mapping[str, Any], user: str, people: Annotators) -> Answer | Refused:
    named = read_place(_metadata(record, "item"))
    if named is None:
        return Refused(place, "its metadata do not say which item this is; log the records as they were exported")
    rater = people.rater(_dealt_to(record), user, place)
    if isinstance(rater, Refused):
        return rater
    check = Check(_metadata(record, "check"))
    fields = record.get("fields")
    texts = {name: str(fields[name]) for name in PARTS if name in fields} if isinstance(fields, dict) else {}
    if edited := check.edited(texts):
        return Refused(place, f"the text in field {edited!r} was edited; rate the text as it was exported")
    said = {
        name: str(response.get("value") or "")
        for name in (LEVEL, NOTE)
        for response in _responses(record, name)
        if str(response.get("user_id")) == user
    }
    return Answer(
        set_id=named[1],
        item_id=named[0],
        rater=rater,
        level=level_of(said.get(LEVEL, "")),
        note=said.get(NOTE) or None,
        rated_at=None,
        place=place,
        text_hash=check.text_hash,
        rubric_hash=check.rubric_hash,
        raw_value=said.get(LEVEL, ""),
    )
