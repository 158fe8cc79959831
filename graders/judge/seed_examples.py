"""Seed calibration: hand-made outputs with the level that their author expects, to find a judge that cannot be used.

A few dozen examples by one author show that a judge is bad, never that it is good: that takes ratings by people of
outputs like those it will judge.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Literal

from tasks_lib.citation_grounding.from_brief import instance_from_brief
from tasks_lib.doc_revision.from_document import instance_from_document
from tasks_lib.records import Record, TaskInstance

SPLIT = "seed"
SEED_RATER = "author of the seed examples"
CALIBRATED_FROM = 0.80
"""Share of agreement from which a judge passes; the judge gate of the reference harness."""
EXCLUDED_BELOW = 0.70
"""Share of agreement below which it is of no use."""
HALF_A_LEVEL = 0.5
_READ: Mapping[str, Callable[[Path], TaskInstance]] = {
    "doc_revision": instance_from_document,
    "citation_grounding": instance_from_brief,
}

Status = Literal["calibrated", "uncalibrated", "excluded"]


class SeedExample(Record):
    """One hand-made output."""

    name: str
    family: str
    case: str
    """The hand-made task that it answers."""
    quality: Literal["bad", "middling", "good"]
    why: str
    """How its author counted."""
    output: str
    levels: dict[str, int]
    """Dimension -> expected level."""


def seed_examples(family: str) -> tuple[SeedExample, ...]:
    """Return the examples of a family; none where there are none."""
    path = _folder() / f"{family}.toml"
    if not path.is_file():
        return ()
    listed = tomllib.loads(path.read_text(encoding="utf-8"))["example"]
    return tuple(SeedExample.model_validate({**fields, "family": family}) for fields in listed)


def seed_families() -> Iterator[str]:
    """Yield the families that have examples."""
    return (path.stem for path in sorted(_folder().glob("*.toml")))


def seed_instance(family: str, case: str) -> TaskInstance:
    """Return the hand-made task of some examples."""
    return _READ[family](_folder() / family / case).model_copy(update={"split": SPLIT})


def agrees(level: float, expected: int) -> bool:
    """Tell whether the mean level of a judge's repeats is nearer to the expected one than to any other."""
    return abs(level - expected) < HALF_A_LEVEL


def status_of(agreement: float) -> Status:
    """Return what an agreement, 0..1, means for the use of a judge."""
    if agreement >= CALIBRATED_FROM:
        return "calibrated"
    return "uncalibrated" if agreement >= EXCLUDED_BELOW else "excluded"


def _folder() -> Path:
    return Path(str(files("graders.judge") / "seed"))
