"""A delivered document of doc_revision, read sentence by sentence and held against the ledger of its instance.

What is stated, contradicted or open is found here; what that is worth is not.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from graders.document import Line, read_document
from graders.interval import Interval, exactly
from graders.statements import Finding, Ledger, same_claim
from graders.text import Reader
from tasks_lib.doc_revision.seeding import weight_of
from tasks_lib.doc_revision.style import banned_word, whole_word
from tasks_lib.doc_revision.truth import DocumentTruth, Problem, document_truth
from tasks_lib.per_instance import once_per_instance
from tasks_lib.records import TaskInstance
from tasks_lib.words import words

_ZERO = exactly(0.0)


@dataclass(frozen=True)
class Desk:
    """What an instance needs to be graded, made ready once for all its outputs."""

    truth: DocumentTruth
    ledger: Ledger
    headings: tuple[str, ...]
    sound: Sequence[tuple[str, tuple[str, ...]]]
    """(statement, words of its sound sentence) for the protected statements, in order."""

    draft_words: Mapping[str, int]
    """Words that the draft spends on each statement."""
    sound_words: int
    """Words of the sound document's sentences."""
    _breaches: dict[str, str | None] = field(default_factory=dict)

    @property
    def expected(self) -> int:
        return len(self.truth.statements)

    @cached_property
    def banned(self) -> list[tuple[str, re.Pattern[str]]]:
        """What must not be written, and the pattern that finds it."""
        found = [(bad, banned_word(bad)) for rule in self.truth.rules for _, bad in rule.pairs]
        return found + [(alias, whole_word(alias)) for _, alias in self.truth.names]

    def breach(self, sentence: str) -> str | None:
        """Return the first word of a sentence that must not be written; the same sentence is looked through once."""
        if sentence not in self._breaches:
            self._breaches[sentence] = next((word for word, pattern in self.banned if pattern.search(sentence)), None)
        return self._breaches[sentence]


@once_per_instance
def desk(instance: TaskInstance) -> Desk:
    truth = document_truth(instance)
    materials = [*instance.materials.values()]
    equivalents = [(alias, full) for full, alias in truth.names]
    equivalents += [(term.short, term.full) for term in truth.terms]
    equivalents += [(bad, good) for rule in truth.rules for good, bad in rule.pairs]
    wordings = {
        statement.statement_id: [
            truth.spell(text) for text in (statement.wanted, *statement.wordings, *statement.passive)
        ]
        for statement in truth.statements
    }
    reader = Reader([*materials, *(text for forms in wordings.values() for text in forms)], equivalents)
    sound_lines = read_document(truth.render())
    headings = tuple(line.text for line in sound_lines if line.kind == "heading")
    sound = [(name, reader.words(truth.spell(truth.by_id[name].wanted))) for name in truth.protected]
    sound_words = sum(len(words(line.text)) for line in sound_lines if line.kind == "sentence")
    draft_words = dict.fromkeys(truth.by_id, 0)
    pieces = truth.pieces({problem.problem_id for problem in truth.problems})
    for piece, text in zip(pieces, truth.spelled(pieces), strict=True):
        if piece.statement is not None:
            draft_words[piece.statement] += len(words(text))
    return Desk(truth, Ledger(wordings, reader, materials), headings, sound, draft_words, sound_words)


@dataclass(frozen=True)
class Sentence:
    """One delivered sentence and what it was found to do."""

    text: str
    finding: Finding
    passive: bool
    heading: str
    """The wanted heading that it stands under; nothing before the first."""

    @property
    def weight(self) -> int:
        """How many sentences it stands for: several statements joined into one are still several."""
        return max(1, len(self.finding.about))


class Delivered:
    """One delivered document, read and held against the ledger."""

    def __init__(self, desk: Desk, output: str) -> None:
        self.desk, self.truth = desk, desk.truth
        lines = read_document(output, desk.headings)
        self.text = " ".join(line.text for line in lines)
        self.words = len(words(self.text))
        self.headings = [line.text for line in lines if line.kind == "heading" and line.text in desk.headings]
        self.sentences: list[Sentence] = []
        heading = ""
        for line in lines:
            if self._is_heading(line):
                heading = line.text
            else:
                self.sentences.append(self._read(line, heading))

    def _is_heading(self, line: Line) -> bool:
        # Another heading is a sentence like any other: nothing is said between the lines.
        return line.kind == "heading" and line.text in self.desk.headings

    def _read(self, line: Line, heading: str) -> Sentence:
        ledger = self.desk.ledger
        return Sentence(line.text, ledger.hold(line.text), ledger.reader.read(line.text).passive, heading)

    @cached_property
    def lead(self) -> Sentence | None:
        """The first sentence of the section that is to open with the key result."""
        wanted = self.truth.request.lead
        return next((sentence for sentence in self.sentences if not wanted or sentence.heading == wanted), None)

    @property
    def leads_with_key(self) -> bool:
        """Whether that sentence states the key result, before anything that it may be joined with."""
        found = self.lead.finding if self.lead is not None else None
        return found is not None and found.kind == "states" and found.about[0] == self.truth.key

    @cached_property
    def stating(self) -> dict[str, list[Sentence]]:
        """Statement -> the sentences that state it."""
        stating: dict[str, list[Sentence]] = {name: [] for name in self.truth.by_id}
        for sentence in self.sentences:
            if sentence.finding.kind == "states":
                for name in sentence.finding.about:
                    stating[name].append(sentence)
        return stating

    @cached_property
    def contradicted(self) -> frozenset[str]:
        return frozenset(
            name
            for sentence in self.sentences
            if sentence.finding.kind == "violates"
            for name in sentence.finding.about
        )

    @cached_property
    def unknown(self) -> list[Sentence]:
        return [sentence for sentence in self.sentences if sentence.finding.kind == "unknown"]

    @cached_property
    def standing_in(self) -> dict[str, Sentence]:
        """Missing statement -> the unknown sentence that may state it: one doubt, and not a loss and an addition."""
        found: dict[str, Sentence] = {}
        for sentence in self.unknown:
            for name in sentence.finding.possible:
                if name not in found and name not in self.contradicted and not self.stating[name]:
                    found[name] = sentence
                    break
        return found

    @cached_property
    def beside(self) -> list[Sentence]:
        """Unknown sentences that stand in for no missing statement."""
        placed = {id(sentence) for sentence in self.standing_in.values()}
        return [sentence for sentence in self.unknown if id(sentence) not in placed]

    @cached_property
    def made_up(self) -> list[Sentence]:
        """False sentences, less those of the draft that were left as they were: those are undone, not made up."""
        left = [problem for problem in self.truth.problems if problem.kind == "figure"]
        made_up = []
        for sentence in self.sentences:
            if sentence.finding.kind != "violates":
                continue
            own = next((problem for problem in left if self._is_draft_of(problem, sentence)), None)
            if own is None:
                made_up.append(sentence)
            else:
                left.remove(own)
        return made_up

    def _is_draft_of(self, problem: Problem, sentence: Sentence) -> bool:
        read = self.desk.ledger.reader.read
        return same_claim(read(sentence.text), read(self.truth.spell(problem.draft or "")))

    @cached_property
    def surplus_words(self) -> int:
        """Words of what nobody asked for: further sentences on a statement, and sentences on none."""
        nowhere = {id(sentence) for sentence in self.beside}
        told: set[str] = set()
        extra = 0
        for sentence in self.sentences:
            about, false = set(sentence.finding.about), sentence.finding.kind == "violates"
            if id(sentence) in nowhere or (false and not about) or about & told:
                extra += len(words(sentence.text))
            told |= about
        for name, sentence in self.standing_in.items():
            # An honest wording may be longer than the draft's; a second sentence's worth is something else.
            extra += max(0, len(words(sentence.text)) - 2 * self.desk.draft_words[name])
        return extra

    def may_repeat(self, name: str) -> bool:
        """Tell whether a sentence may say a statement once more: a garbled copy of it is unknown, or about nothing."""
        garbled = self.beside or any(not sentence.finding.about for sentence in self.made_up)
        return bool(garbled) or any(name in sentence.finding.possible for sentence in self.unknown)

    def kept(self, name: str) -> Interval:
        """Return whether a statement is there, and rightly."""
        if name in self.contradicted:
            return _ZERO
        if self.stating[name]:
            return exactly(1.0)
        return Interval(0.0, 1.0) if any(name in sentence.finding.possible for sentence in self.unknown) else _ZERO

    @cached_property
    def facts_kept(self) -> Interval:
        """The share of the facts that are there, and rightly."""
        kept = [self.kept(name) for name in self.truth.by_id]
        return Interval(sum(part.low for part in kept) / len(kept), sum(part.high for part in kept) / len(kept))

    @cached_property
    def fixed_by_problem(self) -> dict[str, Interval]:
        """Problem -> whether it was dealt with."""
        return {problem.problem_id: _fixed(self, problem) for problem in self.truth.problems}

    @cached_property
    def fixed(self) -> Interval:
        """The share of the seeded problems that were dealt with, each weighted by how hard it is."""
        weights = {problem.problem_id: weight_of(problem) for problem in self.truth.problems}
        total = sum(weights.values())
        ends = [
            sum(weights[name] * getattr(interval, end) for name, interval in self.fixed_by_problem.items()) / total
            for end in ("low", "high")
        ]
        return Interval(min(1.0, ends[0]), min(1.0, ends[1]))


def _fixed(delivered: Delivered, problem: Problem) -> Interval:
    """Return whether a problem was dealt with: its statement is there, in no sentence that still shows the problem."""
    kept = delivered.kept(problem.statement)
    if kept.low < 1.0:
        return kept
    stating = delivered.stating[problem.statement]
    if problem.kind == "repeated" and delivered.may_repeat(problem.statement):
        return Interval(0.0, 1.0)  # it may be said a second time in words of its own
    return exactly(0.0 if any(_shows(delivered, problem, sentence) for sentence in stating) else 1.0)


def _shows(delivered: Delivered, problem: Problem, sentence: Sentence) -> bool:
    truth = delivered.truth
    if problem.kind == "passive":
        return sentence.passive
    if problem.kind == "buried":
        return not delivered.leads_with_key
    if problem.kind == "repeated":
        return len(delivered.stating[problem.statement]) > 1
    if problem.kind == "acronym":
        term = next(term for term in truth.terms if term.name == problem.detail)
        return not is_spelled_out(delivered.text, term.full, term.short)
    if problem.kind == "alias":
        return whole_word(problem.detail).search(sentence.text) is not None
    if problem.kind == "style":
        rule = next(rule for rule in truth.rules if rule.rule_id == problem.detail)
        return any(banned_word(bad).search(sentence.text) for _, bad in rule.pairs)
    return False


def is_spelled_out(text: str, full: str, short: str) -> bool:
    """Tell whether a short form stands behind its full term, in brackets, before it stands anywhere alone."""
    first = whole_word(short).search(text)
    if first is None:
        return whole_word(full).search(text) is not None
    before = text[: first.start()].casefold().removesuffix("the ")
    return before.endswith(f"{full} (".casefold()) and text[first.end() :].startswith(")")
