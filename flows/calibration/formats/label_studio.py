"""Label Studio: tasks to import and the labeling configuration of the project; read back is its JSON export.

A project holds the tasks of one rater, or of several: each task says whose it is.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from flows.calibration.answers import CANNOT_ASSESS, Answer, Refused
from flows.calibration.formats.reading import (
    Annotators,
    ReadAnswers,
    UnreadableAnswersError,
    level_of,
    read_json,
    records_of,
    time_of,
)
from flows.calibration.formats.shown import PARTS, Check, check_of, place_of, rater_order, read_place, showable, shown
from flows.calibration.formats.writing import file_name, write_new
from flows.calibration.sheet import RatingSheet

LEVEL, NOTE = "level", "note"


def write(sheet: RatingSheet, rater: str | None, folder: Path) -> Sequence[Path]:
    """Write the tasks of one rater, and the configuration that all raters share; see `Format.write`."""
    tasks = []
    for item in rater_order(sheet, rater):
        texts = shown(item)
        about = {"item": place_of(sheet, item), "rater": rater or "", "check": check_of(sheet, item, texts)}
        tasks.append({"data": {**about, **texts}})
    content = json.dumps(tasks, ensure_ascii=False, indent=1).encode()
    return [
        write_new(folder / f"{file_name(sheet, rater)}-tasks.json", content),
        write_new(folder / f"{file_name(sheet, None)}-config.xml", labeling_config(sheet).encode()),
    ]


def labeling_config(sheet: RatingSheet) -> str:
    """Return the XML of the project: the texts, the question, a choice per level and a remark."""
    rubric = sheet.rubric
    said = [(str(level.level), level.anchor, level.example) for level in rubric.levels]
    said.append((CANNOT_ASSESS, rubric.cannot_assess, ""))
    choices = "\n".join(
        f"    <Choice alias={_quoted(name)} value={_quoted(f'{name}: {anchor}')} hint={_quoted(hint or anchor)}/>"
        for name, anchor, hint in said
    )
    texts = "\n".join(
        f'  <Header value="{name.capitalize()}"/>\n'
        f'  <Text name="{name}" value="${name}" style="white-space: pre-wrap"/>'
        for name in PARTS
    )
    return f"""<View>
{texts}
  <Header value={_quoted(rubric.question)}/>
  <Choices name="{LEVEL}" toName="output" choice="single-radio" required="true" showInLine="false">
{choices}
  </Choices>
  <TextArea name="{NOTE}" toName="output" rows="2" maxSubmissions="1" placeholder="Remark"/>
</View>
"""


def _quoted(text: str) -> str:
    return quoteattr(" ".join(showable(text).split()))


def read(path: Path, raters: Mapping[str, str]) -> ReadAnswers:
    """Read a JSON export; see `Format.read`. Skipped and cancelled annotations are no answers."""
    tasks = records_of(read_json(path), path, "the tasks that Label Studio exports as JSON")
    if not tasks or any(not isinstance(task.get("data"), dict) for task in tasks):
        raise UnreadableAnswersError(f"{path}: holds no tasks of Label Studio; export them as JSON, not as JSON-MIN")
    if not any(isinstance(task.get("annotations"), list) for task in tasks):
        raise UnreadableAnswersError(
            f"{path}: holds tasks without annotations; export them as JSON once they are rated"
        )
    found = ReadAnswers()
    people = Annotators(((_dealt_to(task), _account(one)) for task in tasks for one in _given(task)), raters)
    for number, task in enumerate(tasks, start=1):
        given = list(_given(task))
        found.n_blank += not given
        for annotation in given:
            found.add(_answer(f"{path.name}, task {task.get('id', number)}", task["data"], annotation, people))
    return found


def _given(task: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    annotations = task.get("annotations")
    for annotation in annotations if isinstance(annotations, list) else ():
        if isinstance(annotation, dict) and not annotation.get("was_cancelled") and _said(annotation, LEVEL, "choices"):
            yield annotation


def _said(annotation: Mapping[str, Any], name: str, kind: str) -> str:
    """Return what was chosen or typed; a field holds a list."""
    results = annotation.get("result")
    for result in results if isinstance(results, list) else ():
        if isinstance(result, dict) and result.get("from_name") == name and isinstance(result.get("value"), dict):
            said = result["value"].get(kind)
            return "\n".join(map(str, said)) if isinstance(said, list) else str(said or "")
    return ""


def _dealt_to(task: Mapping[str, Any]) -> str:
    return str(task["data"].get("rater") or "")


def _account(annotation: Mapping[str, Any]) -> str:
    account = annotation.get("completed_by")
    return str(account.get("email") or account.get("id") if isinstance(account, dict) else account)


def _answer(place: str, data: Mapping[str, Any], annotation: Mapping[str, Any], people: Annotators) -> Answer | Refused:
    named = read_place(str(data.get("item", "")))
    if named is None:
        return Refused(
            place, "the field 'item' does not say which item this is; import the tasks as they were exported"
        )
    rater = people.rater(str(data.get("rater") or ""), _account(annotation), place)
    if isinstance(rater, Refused):
        return rater
    check = Check(str(data.get("check", "")))
    if edited := check.edited({name: str(data[name]) for name in PARTS if name in data}):
        return Refused(place, f"the text in field {edited!r} was edited; rate the text as it was exported")
    said = _said(annotation, LEVEL, "choices")
    return Answer(
        set_id=named[1],
        item_id=named[0],
        rater=rater,
        # With the alias of a choice only the level comes back, without it the anchor too.
        level=level_of(said.partition(":")[0]),
        note=_said(annotation, NOTE, "text") or None,
        rated_at=time_of(annotation.get("updated_at") or annotation.get("created_at")),
        place=place,
        text_hash=check.text_hash,
        rubric_hash=check.rubric_hash,
        raw_value=said.partition(":")[0].strip(),
    )
