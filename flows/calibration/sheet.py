"""What raters see of a calibration set: the question with its levels, and the items, blind.

Blind means: no policy, no score, no judge, no place in a run. An item is known by an id that tells nothing of them.
Every tool for rating, be it a file or the page, is made from this and nothing else.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from flows.errors import InputError
from graders.judge.rubric import JudgeRubric
from tasks_lib.records import content_hash
from warehouse import Warehouse

ITEMS = """
    select
        calibration_item.item_id,
        calibration_item.rollout_id,
        instance.prompt,
        instance.materials,
        rollout.output
    from calibration_item
    join rollout using (rollout_id)
    join instance using (instance_id)
    where calibration_item.set_id = ?
    order by calibration_item.item_id
"""


@dataclass(frozen=True)
class Item:
    """One output to rate."""

    item_id: str
    rollout_id: str
    """Never shown to a rater."""
    request: str
    materials: Mapping[str, str]
    """Name -> text."""
    output: str

    @property
    def text_hash(self) -> str:
        """Return the hash of what a rater reads."""
        return text_hash(self.request, self.materials, self.output)


@dataclass(frozen=True)
class RatingSheet:
    """A calibration set as raters see it."""

    set_id: str
    dimension: str
    family: str
    rubric: JudgeRubric
    items: Sequence[Item]
    """In the order of their ids, which is random."""
    assigned: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Rater -> the ids of the items to rate, in the rater's own order."""

    @property
    def raters(self) -> tuple[str, ...]:
        return tuple(self.assigned)


def item_id_of(set_id: str, rollout_id: str, dimension: str) -> str:
    """Return what raters know a rollout by."""
    return content_hash("calibration item", set_id, rollout_id, dimension, length=10)


def text_hash(request: str, materials: Mapping[str, str], output: str) -> str:
    """Return the hash of what a rater reads; line ends and spaces at the end of a line make no difference."""
    return content_hash(
        normalised(request), sorted((name, normalised(text)) for name, text in materials.items()), normalised(output)
    )


def normalised(text: str) -> str:
    """Return a text as every spreadsheet leaves it: line ends, and white space at the ends of lines, do not count."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join([line.rstrip() for line in lines]).strip()


def read_sheet(warehouse: Warehouse, set_id: str) -> RatingSheet:
    """Read a calibration set for raters.

    Raises:
        InputError: there is no such set.
    """
    found = warehouse.sql("select dimension, family, rubric from calibration_set where set_id = ?", [set_id])
    if found.is_empty():
        known = ", ".join(warehouse.sql("select set_id from calibration_set order by created_at")["set_id"]) or "none"
        raise InputError(f"there is no calibration set {set_id!r}; sets: {known}; `assay calibrate sample` draws one")
    head = found.row(0, named=True)
    items = [
        Item(row["item_id"], row["rollout_id"], row["prompt"], json.loads(row["materials"]), row["output"])
        for row in warehouse.sql(ITEMS, [set_id]).iter_rows(named=True)
    ]
    dealt = warehouse.sql(
        "select rater, list(item_id order by place) as items from calibration_assignment where set_id = ? "
        "group by rater order by rater",
        [set_id],
    )
    return RatingSheet(
        set_id=set_id,
        dimension=head["dimension"],
        family=head["family"],
        rubric=JudgeRubric.model_validate_json(head["rubric"]),
        items=items,
        assigned=dict(dealt.iter_rows()),
    )
