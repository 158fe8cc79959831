"""The hidden truth of a revision task: statements, seeded problems, and the documents that follow from them.

The sound document and the draft are the same document: rendered with no problem open, and with all of them.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tasks_lib.doc_revision.knobs import ProblemKind
from tasks_lib.doc_revision.wording import Request
from tasks_lib.per_instance import once_per_instance
from tasks_lib.records import TaskInstance

DRAFT = "draft.md"
_TERM = re.compile(r"\[\[(\w+)\]\]")
_TITLE_LINES = {"memo": ("To: {reader}", "Subject: {title}")}


@dataclass(frozen=True)
class Statement:
    """One fact of the document. `[[sla]]` stands for a term, whose spelling depends on where it stands."""

    statement_id: str
    section: int
    kind: str
    wanted: str
    """The sentence of the sound document."""
    wordings: tuple[str, ...]
    """Further sentences in the active voice that state exactly the same."""
    passive: tuple[str, ...] = ()
    """The same in the passive voice."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What is typed in it: slot -> figure, ISO date, name or person."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in the draft."""

    problem_id: str
    kind: ProblemKind
    statement: str
    hardness: float
    """Logits, as `Defect.hardness`."""
    draft: str | None = None
    """The sentence as the draft has it: in place of the wanted one, or beside it (`repeated`)."""
    section: int | None = None
    """Where a repeated sentence stands, or a buried one."""
    detail: str = ""
    """The wrong figure, the alias, the banned word, the term: what an unmended sentence shows."""
    after: int | None = None
    """How many sentences of the sound section stand before it; None: all."""


@dataclass(frozen=True)
class Term:
    """A term with its acronym."""

    name: str
    full: str
    short: str


@dataclass(frozen=True)
class Rule:
    """A rule of the style guide: pairs of (what to write, what not to write)."""

    rule_id: str
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Piece:
    """One sentence of a rendered document, or of a version of it that was damaged."""

    text: str
    """May hold `[[term]]`."""
    section: int
    statement: str | None
    """None where it states nothing of the ledger."""
    spelled: bool | None = None
    """None: a term is spelled out where it first stands. False: never."""


@dataclass(frozen=True)
class DocumentTruth:
    """Everything about one instance that only graders see."""

    title: str
    reader: str
    layout: str
    sections: tuple[str, ...]
    statements: tuple[Statement, ...]
    """In the order of the sound document."""
    problems: tuple[Problem, ...]
    terms: tuple[Term, ...]
    names: tuple[tuple[str, str], ...]
    """(approved name, alias)."""
    rules: tuple[Rule, ...]
    key: str
    """The statement that must come first."""
    request: Request
    """What was asked, in figures and names."""

    @property
    def word_limit(self) -> int:
        return self.request.limit

    @cached_property
    def by_id(self) -> Mapping[str, Statement]:
        return {statement.statement_id: statement for statement in self.statements}

    @cached_property
    def protected(self) -> tuple[str, ...]:
        """Statements whose sentence has no problem and is to be left alone; the key result may have to move."""
        touched = {problem.statement for problem in self.problems if problem.kind != "repeated"}
        return tuple(name for name in self.by_id if name not in touched)

    def pieces(self, left: Collection[str] = ()) -> list[Piece]:
        """Return the sentences of the document in which the problems in `left` are still open."""
        problems = [problem for problem in self.problems if problem.problem_id in left]
        worded = {problem.statement: problem for problem in problems if problem.kind not in ("repeated", "buried")}
        buried = {problem.statement for problem in problems if problem.kind == "buried"}
        placed = [problem for problem in problems if problem.section is not None]
        pieces: list[Piece] = []
        for section in range(len(self.sections)):
            own = [statement for statement in self.statements if statement.section == section]
            for rank in range(len(own) + 1):
                pieces += [
                    self._placed(problem, worded.get(problem.statement))
                    for problem in placed
                    if problem.section == section and min(_or(problem.after, len(own)), len(own)) == rank
                ]
                if rank < len(own) and own[rank].statement_id not in buried:
                    pieces.append(self.piece(own[rank], worded.get(own[rank].statement_id)))
        return pieces

    def _placed(self, problem: Problem, worded: Problem | None) -> Piece:
        """Return the sentence that a repeated or buried problem puts into its section."""
        text = problem.draft or self.piece(self.by_id[problem.statement], worded).text
        return Piece(text, problem.section or 0, problem.statement)

    def piece(self, statement: Statement, problem: Problem | None = None) -> Piece:
        """Return the sentence of one statement, sound or with a problem."""
        text = problem.draft if problem is not None and problem.draft else statement.wanted
        spelled = False if problem is not None and problem.kind == "acronym" else None
        return Piece(text, statement.section, statement.statement_id, spelled)

    def render(self, left: Collection[str] = ()) -> str:
        """Return the document in which the problems in `left` are still open."""
        return self.written(self.pieces(left))

    def written(self, pieces: Sequence[Piece]) -> str:
        """Return sentences as a document: title, headings, and terms spelled out where they first stand."""
        spelled = self.spelled(pieces)
        blocks = [self._head()]
        for section, heading in enumerate(self.sections):
            sentences = [text for piece, text in zip(pieces, spelled, strict=True) if piece.section == section]
            if heading:
                blocks.append(f"## {heading}")
            if sentences:
                blocks.append(self._body(sentences))
        return "\n\n".join(blocks) + "\n"

    def spell(self, text: str) -> str:
        """Return a sentence with every term in full."""
        return _TERM.sub(lambda match: self._terms[match.group(1)].full, text)

    @cached_property
    def _terms(self) -> Mapping[str, Term]:
        return {term.name: term for term in self.terms}

    def spelled(self, pieces: Sequence[Piece]) -> list[str]:
        """Return the sentences with terms spelled out where they first stand, and as short forms after that."""
        seen: set[str] = set()

        def spelled(piece: Piece) -> str:
            return _capital(_TERM.sub(lambda match: self._spelling(match, piece, seen), piece.text))

        return [spelled(piece) for piece in pieces]

    def _spelling(self, match: re.Match[str], piece: Piece, seen: set[str]) -> str:
        term = self._terms[match.group(1)]
        first = term.name not in seen
        seen.add(term.name)
        return f"{term.full} ({term.short})" if first and piece.spelled is not False else term.short

    def _head(self) -> str:
        lines = _TITLE_LINES.get(self.layout, ("# {title}",))
        return "\n".join(line.format(reader=self.reader, title=self.title) for line in lines)

    def _body(self, sentences: list[str]) -> str:
        if self.layout == "bullets":
            return "\n".join(f"- {sentence}" for sentence in sentences)
        if self.layout == "timeline":
            return "\n".join(f"{place}. {sentence}" for place, sentence in enumerate(sentences, 1))
        return " ".join(sentences)


def _or(value: int | None, other: int) -> int:
    return other if value is None else value


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def to_truth(truth: DocumentTruth) -> dict[str, Any]:
    """Return the JSON form."""
    rows = ("statements", "problems", "terms", "rules")
    # The fields as they are: asdict would copy every text of the ledger.
    tables = {name: [dict(vars(row)) for row in getattr(truth, name)] for name in rows}
    fields = {name: value for name, value in vars(truth).items() if name in truth.__dataclass_fields__}
    return {**fields, **tables, "request": dict(vars(truth.request))}


def from_truth(plain: Mapping[str, Any]) -> DocumentTruth:
    """Read the JSON form back."""
    return DocumentTruth(
        title=plain["title"],
        reader=plain["reader"],
        layout=plain["layout"],
        sections=tuple(plain["sections"]),
        statements=tuple(
            Statement(**{**row, "wordings": tuple(row["wordings"]), "passive": tuple(row["passive"])})
            for row in plain["statements"]
        ),
        problems=tuple(Problem(**row) for row in plain["problems"]),
        terms=tuple(Term(**row) for row in plain["terms"]),
        names=tuple((full, alias) for full, alias in plain["names"]),
        rules=tuple(Rule(row["rule_id"], tuple((good, bad) for good, bad in row["pairs"])) for row in plain["rules"]),
        key=plain["key"],
        request=Request(**plain["request"]),
    )


@once_per_instance
def document_truth(instance: TaskInstance) -> DocumentTruth:
    """Return the truth of an instance; parsed once for the many rollouts of a group."""
    return from_truth(instance.truth)
