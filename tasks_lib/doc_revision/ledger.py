"""The ledger of one document: which facts it states, in which wording, in which order."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random

from tasks_lib.doc_revision.archetype import Archetype, StatementTemplate
from tasks_lib.doc_revision.truth import Statement
from tasks_lib.templates import FigureSlot, Value, draw_value, fill, slots_in


@dataclass(frozen=True)
class Entry:
    """One statement as this document words it."""

    template: StatementTemplate
    form: str
    """The wording of the sound document, with its slots open."""
    section: int
    """Index into the sections that this document has."""

    @property
    def name(self) -> str:
        return self.template.id


@dataclass(frozen=True)
class Ledger:
    """The facts of one document, before anything is damaged."""

    archetype: Archetype
    values: Mapping[str, Value]
    entries: tuple[Entry, ...]
    """In the order of the sound document."""
    sections: tuple[str, ...]
    """Those of the archetype that hold a statement."""
    key: str
    """The statement that is the key result."""
    taken: set[str]
    """Figures, dates and words in use; what is drawn later keeps clear of them."""

    def sentence(self, template: str, instead: Mapping[str, str] | None = None) -> str:
        """Fill a template, some slots with another text; terms stay open as `[[name]]`."""
        values = {name: self._open_if_term(name) for name in slots_in(template)}
        for name, text in (instead or {}).items():
            values[name] = values[name].model_copy(update={"text": text})
        return fill(template, values)

    def slots(self, template: str, *kinds: str) -> list[str]:
        """Return the slots of a template that are of one of some kinds."""
        return [name for name in slots_in(template) if self.values[name].kind in kinds]

    def labelled(self, template: str) -> list[str]:
        """Return the slots of a template that a metrics sheet holds."""
        return [name for name in slots_in(template) if self.values[name].label]

    def other_value(self, slot: str, rng: Random) -> Value:
        """Draw another value for a slot, unlike any in use."""
        return draw_value(self.archetype.slot[slot], rng, self.taken)

    def figure_slots(self) -> Iterator[tuple[str, Value]]:
        """Yield the slots of the archetype that a metrics sheet can hold."""
        for name, slot in self.archetype.slot.items():
            if isinstance(slot, FigureSlot) and slot.label:
                yield name, self.values[name]

    def statements(self) -> tuple[Statement, ...]:
        """Return the entries as statements of the truth."""
        return tuple(self._statement(entry) for entry in self.entries)

    def _statement(self, entry: Entry) -> Statement:
        template = entry.template
        wordings = [*template.forms, template.repeat, *template.more]
        return Statement(
            statement_id=entry.name,
            section=entry.section,
            kind=template.kind,
            wanted=self.sentence(entry.form),
            wordings=tuple(self.sentence(wording) for wording in wordings if wording != entry.form),
            passive=tuple(self.sentence(wording) for wording in template.passive.values()),
            facts={name: self.values[name].figure or self.values[name].text for name in slots_in(entry.form)},
        )

    def _open_if_term(self, name: str) -> Value:
        value = self.values[name]
        return value.model_copy(update={"text": f"[[{name}]]"}) if value.kind == "term" else value


def draw_ledger(kind: Archetype, statements: int, rng: Random) -> Ledger:
    """Draw the facts of one document: a key result and further statements, in the order of the sections."""
    taken: set[str] = set()
    values = {name: draw_value(slot, rng, taken) for name, slot in kind.slot.items()}
    key = rng.choice([template for template in kind.statement if template.key])
    others = [template for template in kind.statement if template is not key]
    drawn = {template.id for template in rng.sample(others, min(len(others), statements - 1))}
    # Sections in their order; in the lead section the key result first, else as the template file has them.
    order = [
        template
        for section in kind.sections
        for template in ([key] if section == kind.lead else []) + [t for t in others if t.section == section]
        if template is key or template.id in drawn
    ]
    present = tuple(
        section
        for section in kind.sections
        if section == kind.lead or any(template.section == section for template in order if template is not key)
    )
    entries = tuple(
        Entry(template, rng.choice(template.forms), present.index(kind.lead if template is key else template.section))
        for template in order
    )
    return Ledger(kind, values, entries, present, key.id, taken)
