"""Seeding problems: each is recorded with its kind, its place and how hard it is to put right.

No statement gets two problems, so that what was dealt with can be told one by one.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from random import Random

from tasks_lib.doc_revision.knobs import DocumentKnobs, ProblemKind
from tasks_lib.doc_revision.ledger import Entry, Ledger
from tasks_lib.doc_revision.style import RULES, StyleRule, banned_word, once_the_article
from tasks_lib.doc_revision.truth import Problem

PROTECTED_MIN = 3
"""Statements that stay free of problems: without any, leaving sound text alone could not be seen."""
_HARDNESS: Mapping[str, float] = {
    "figure": 0.5, "buried": 0.1, "repeated": 0.0, "acronym": 0.4, "alias": 0.7, "style": 0.4,
    "passive regular": -0.8, "passive irregular": 0.1, "passive modal": 0.2, "passive get": 0.0,
}  # fmt: skip
"""Logits."""
_FAR = 0.7
"""Added where the evidence is worded otherwise than the draft, or an older sheet confirms the wrong figure."""
_APART = 0.25
"""Added for each further document that has to be opened, where the evidence lies outside the draft."""


def weight_of(problem: Problem) -> float:
    """Return what a problem counts in the work done, 0..1: the logistic of its hardness, as for table defects."""
    return 1 / (1 + math.exp(-problem.hardness))


class Seeder:
    """Chooses a place for one problem after the other."""

    def __init__(self, ledger: Ledger, knobs: DocumentKnobs, rng: Random) -> None:
        self.ledger, self.knobs, self.rng = ledger, knobs, rng
        self.used: set[str] = set()
        self.rules: list[StyleRule] = []
        """Rules that the draft breaks."""
        sound = [ledger.sentence(entry.form) for entry in ledger.entries]
        self.allowed = [rule for rule in RULES if not _banned_in(rule, sound)]
        """Rules that the sound document keeps."""
        self.wrong: dict[str, str] = {}
        """Slot -> the wrong figure that the draft has for it."""

    def seed(self) -> tuple[Problem, ...]:
        """Return the problems: of every kind in turn, as many as wanted or as there is a place for."""
        place_for: Mapping[ProblemKind, Callable[[str], Problem | None]] = {
            "figure": self._figure, "passive": self._passive, "buried": self._buried, "repeated": self._repeated,
            "acronym": self._acronym, "alias": self._alias, "style": self._style,
        }  # fmt: skip
        kinds = self.rng.sample(self.knobs.kinds, len(self.knobs.kinds))
        room = min(self.knobs.problems, len(self.ledger.entries) - PROTECTED_MIN)
        problems: list[Problem] = []
        while kinds and len(problems) < room:
            kind = kinds.pop(0)
            problem = place_for[kind](f"p{len(problems) + 1}")
            if problem is not None:
                problems.append(problem)
                self.used.add(problem.statement)
                kinds.append(kind)
        return tuple(problems)

    def _free(self) -> list[Entry]:
        """Return the statements without a problem, in an order of their own; the key result is kept for burying."""
        free = [entry for entry in self.ledger.entries if entry.name not in self.used | {self.ledger.key}]
        return self.rng.sample(free, len(free))

    def _figure(self, problem_id: str) -> Problem | None:
        for entry in self._free():
            slots = [slot for slot in self.ledger.labelled(entry.form) if slot not in self.wrong]
            if slots:
                slot = self.rng.choice(slots)
                wrong = self.ledger.other_value(slot, self.rng)
                self.wrong[slot] = wrong.figure
                hardness = _HARDNESS["figure"] + self._apart() + (_FAR if self.knobs.documents == 5 else 0.0)
                draft = self.ledger.sentence(entry.form, {slot: wrong.text})
                return Problem(problem_id, "figure", entry.name, round(hardness, 3), draft, detail=wrong.text)
        return None

    def _passive(self, problem_id: str) -> Problem | None:
        for entry in self._free():
            if entry.template.passive:
                variant = self.rng.choice(sorted(entry.template.passive))
                draft = self.ledger.sentence(entry.template.passive[variant])
                return Problem(
                    problem_id, "passive", entry.name, _HARDNESS[f"passive {variant}"], draft, detail=variant
                )
        return None

    def _buried(self, problem_id: str) -> Problem | None:
        places = self._places(1, 0)
        if self.ledger.key in self.used or not places:
            return None
        section, after = self.rng.choice(places)
        return Problem(problem_id, "buried", self.ledger.key, _HARDNESS["buried"], section=section, after=after)

    def _repeated(self, problem_id: str) -> Problem | None:
        for entry in self._free():
            far = self.rng.random() < self.knobs.paraphrase
            others = [form for form in entry.template.forms if form != entry.form]
            wording = entry.template.repeat if far else self.rng.choice(others)
            own = [other.name for other in self.ledger.entries if other.section == entry.section]
            places = self._places(entry.section, own.index(entry.name) + 1)
            # The last sentence of a section is the one that an edit without reading takes out.
            if not places or own[-1] == entry.name:
                continue
            section, after = self.rng.choice(places)
            hardness = _HARDNESS["repeated"] + (_FAR if far else 0.0)
            draft = self.ledger.sentence(wording)
            return Problem(problem_id, "repeated", entry.name, hardness, draft, section, after=after)
        return None

    def _places(self, section: int, after: int) -> list[tuple[int, int]]:
        """Return (section, sentences before) of every place from one on, the first and the last of a section apart.

        What stood there would be met by edits without reading.
        """
        lengths = [0] * len(self.ledger.sections)
        for entry in self.ledger.entries:
            lengths[entry.section] += 1
        return [
            (place, rank)
            for place in range(section, len(lengths))
            for rank in range(max(1, after if place == section else 0), lengths[place])
        ]

    def _acronym(self, problem_id: str) -> Problem | None:
        first: dict[str, Entry] = {}
        for entry in self.ledger.entries:
            for term in self.ledger.slots(entry.form, "term"):
                first.setdefault(term, entry)
        free = {entry.name for entry in self._free()}
        for term in self.rng.sample(sorted(first), len(first)):
            if first[term].name in free:
                hardness = _HARDNESS["acronym"] + self._apart()
                return Problem(problem_id, "acronym", first[term].name, round(hardness, 3), detail=term)
        return None

    def _alias(self, problem_id: str) -> Problem | None:
        for entry in self._free():
            names = self.ledger.slots(entry.form, "name")
            if names:
                name = self.rng.choice(names)
                alias = self.ledger.values[name].other
                hardness = _HARDNESS["alias"] + self._apart()
                draft = once_the_article(self.ledger.sentence(entry.form, {name: alias}))
                return Problem(problem_id, "alias", entry.name, round(hardness, 3), draft, detail=alias)
        return None

    def _style(self, problem_id: str) -> Problem | None:
        rules = self.rng.sample(self.allowed, len(self.allowed))
        for entry in self._free():
            for rule in rules:
                broken = rule.breach(entry.form)
                if broken is not None:
                    self.rules.append(rule)
                    hardness = _HARDNESS["style"] + self._apart()
                    draft = self.ledger.sentence(broken)
                    return Problem(problem_id, "style", entry.name, round(hardness, 3), draft, detail=rule.rule_id)
        return None

    def _apart(self) -> float:
        return _APART * (self.knobs.documents - 2)


def _banned_in(rule: StyleRule, sentences: Sequence[str]) -> bool:
    """Tell whether the sound document holds what a rule bans, in a word of its own or in a name."""
    return any(banned_word(bad).search(sentence) for _, bad in rule.pairs for sentence in sentences)
