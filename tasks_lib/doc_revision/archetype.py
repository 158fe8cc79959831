"""Archetypes: kinds of documents, each a template file with its sections, slots and statements."""

from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tasks_lib.templates import Slot, read_template, slots_in, template_names

_PACKAGE = "tasks_lib.doc_revision"

Layout = Literal["paragraphs", "bullets", "timeline", "memo"]


class StatementTemplate(BaseModel):
    """One fact in every wording that the document may use for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    section: str
    kind: Literal["metric", "date", "person", "decision", "entity"]
    key: bool = False
    """It can be the key result."""
    forms: tuple[str, ...] = Field(min_length=2)
    """Active wordings, the plainest first."""
    repeat: str
    """The same again in other words."""
    more: tuple[str, ...] = ()
    """Further active wordings that no generated document uses: the passive ones turned round, for one."""
    passive: dict[Literal["regular", "irregular", "modal", "get"], str] = {}

    @model_validator(mode="after")
    def _says_the_same(self) -> "StatementTemplate":
        wanted = sorted(slots_in(self.forms[0]))
        for wording in (*self.forms, self.repeat, *self.more, *self.passive.values()):
            if sorted(slots_in(wording)) != wanted:
                raise ValueError(f"statement {self.id!r}: {wording!r} must hold the slots {wanted}")
        return self


class Archetype(BaseModel):
    """A kind of document."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    noun: str
    reader: str
    title: str
    layout: Layout
    sections: tuple[str, ...]
    lead: str
    """Section that must open with the key result."""
    slot: dict[str, Slot]
    statement: tuple[StatementTemplate, ...]

    @model_validator(mode="after")
    def _hangs_together(self) -> "Archetype":
        for statement in self.statement:
            if statement.section not in self.sections:
                raise ValueError(f"statement {statement.id!r}: no section {statement.section!r}")
            unknown = set(slots_in(statement.forms[0])) - self.slot.keys()
            if unknown:
                raise ValueError(f"statement {statement.id!r}: no slot {sorted(unknown)[0]!r}")
        return self


def archetype_names() -> tuple[str, ...]:
    """Return the names of all archetypes, sorted."""
    return template_names(_PACKAGE)


@cache
def archetype(name: str) -> Archetype:
    """Return one archetype.

    Raises:
        ValueError: no template file of that name.
    """
    return Archetype.model_validate(read_template(_PACKAGE, name))
