"""An instance from a person's own document: a folder with the draft, the papers beside it, and a small truth file.

The truth file (`truth.toml`) lists the sentences of the finished document in order, each with the sentence that the
draft has in its place and what is wrong with that. Every sentence of the draft must be accounted for.
"""

import re
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from tasks_lib.doc_revision.generate import word_limit
from tasks_lib.doc_revision.knobs import ProblemKind
from tasks_lib.doc_revision.truth import DRAFT, DocumentTruth, Problem, Rule, Statement, Term, to_truth
from tasks_lib.doc_revision.wording import Request, request_text
from tasks_lib.own_material import BadMaterialError, check_ids, read_texts, read_truth_file
from tasks_lib.records import Mode, TaskInstance, content_hash
from tasks_lib.words import tidy, words

TRUTH_FILE = "truth.toml"
_LIST_MARK = re.compile(r"(?m)^\s*(?:[-*+\u2022]|\d{1,3}[.)])\s+")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Sentence(_Part):
    id: str
    section: str = ""
    """Heading that it stands under in the finished document."""
    wanted: str
    wordings: tuple[str, ...] = ()
    """Further active sentences that state exactly the same."""
    passive: tuple[str, ...] = ()
    problem: ProblemKind | None = None
    draft: str | None = None
    """The sentence of the draft; for `repeated` the second one. Left out where the draft has the wanted one."""
    draft_section: str | None = None
    """Heading that it stands under in the draft (`buried`, `repeated`)."""
    detail: str = ""
    """What shows the problem: the wrong figure, the alias, the rule, the short form."""
    hardness: float = Field(default=0.0, ge=-6, le=6)


class _TermPart(_Part):
    full: str
    short: str


class _NamePart(_Part):
    approved: str
    other: str


class _RulePart(_Part):
    id: str
    write: str
    avoid: str


class _TruthFile(_Part):
    noun: str
    reader: str
    title: str
    lead: str
    """Section that opens with the key result."""
    key: str
    """Sentence that is the key result."""
    key_label: str
    """How the request calls it."""
    limit: int | None = Field(default=None, ge=10)
    """Words, title and headings included; left out: a tenth above the finished document."""
    layout: Literal["paragraphs", "bullets", "timeline"] = "paragraphs"
    sheet: str | None = None
    names_file: str | None = None
    style_file: str | None = None
    sentence: tuple[_Sentence, ...] = Field(min_length=2)
    term: tuple[_TermPart, ...] = ()
    name: tuple[_NamePart, ...] = ()
    rule: tuple[_RulePart, ...] = ()


def instance_from_document(folder: Path, *, mode: Mode = "multi", split: str = "train") -> TaskInstance:
    """Return the instance that a folder describes: `draft.md`, `truth.toml`, and any papers beside them.

    Raises:
        BadMaterialError: a file is missing or unreadable, a field of the truth file is wrong, or the draft and the
            truth file do not fit together.
    """
    materials = _read_folder(folder)
    parts = read_truth_file(folder / TRUTH_FILE, _TruthFile)
    truth = _truth(folder, parts, materials)
    _check_draft(folder, truth, materials[DRAFT])
    seed = int(content_hash(materials, parts.model_dump(mode="json")), 16)
    prompt = request_text(truth.request, materials, mode, Random(seed))
    return TaskInstance(
        instance_id=f"doc_revision-{content_hash('own', prompt, materials, to_truth(truth))}",
        family="doc_revision",
        template_version="1",
        archetype=f"document:{folder.resolve().name}",
        seed=seed,
        difficulty=None,
        knobs={"page_lines": 12},
        mode=mode,
        split=split,
        prompt=prompt,
        materials=materials,
        truth=to_truth(truth),
    )


def _read_folder(folder: Path) -> dict[str, str]:
    materials = read_texts(folder, lambda name: name != TRUTH_FILE and not name.startswith("."))
    if DRAFT not in materials:
        raise BadMaterialError(f"{folder}: there is no {DRAFT}; put the draft there")
    return materials


def _truth(folder: Path, parts: _TruthFile, materials: dict[str, str]) -> DocumentTruth:
    path = folder / TRUTH_FILE
    for field, name in (("sheet", parts.sheet), ("names_file", parts.names_file), ("style_file", parts.style_file)):
        if name is not None and name not in materials:
            raise BadMaterialError(f"{path}, field {field!r}: there is no {name!r} in {folder}")
    known = [sentence.id for sentence in parts.sentence]
    check_ids(path, known, "sentence")
    if parts.key not in known:
        raise BadMaterialError(f"{path}, field 'key': no sentence {parts.key!r}; known: {', '.join(known)}")
    sections = tuple(dict.fromkeys(sentence.section for sentence in parts.sentence))
    if parts.lead not in sections:
        raise BadMaterialError(f"{path}, field 'lead': no sentence stands under {parts.lead!r}")
    problems = tuple(_problem(path, parts, sentence, sections) for sentence in parts.sentence if sentence.problem)
    if not problems:
        raise BadMaterialError(f"{path}: no sentence has a problem; there is nothing to revise")
    request = Request(
        parts.noun, parts.reader, parts.lead, parts.key_label, 0, parts.sheet, None, parts.names_file, parts.style_file
    )
    truth = DocumentTruth(
        title=parts.title,
        reader=parts.reader,
        layout=parts.layout,
        sections=sections,
        statements=tuple(
            Statement(
                sentence.id, sections.index(sentence.section), "own",
                _with_terms(parts, sentence.wanted),
                tuple(_with_terms(parts, wording) for wording in sentence.wordings),
                tuple(_with_terms(parts, wording) for wording in sentence.passive),
            )
            for sentence in parts.sentence
        ),
        problems=problems,
        terms=tuple(Term(f"term{place}", term.full, term.short) for place, term in enumerate(parts.term)),
        names=tuple((name.approved, name.other) for name in parts.name),
        rules=tuple(Rule(rule.id, ((rule.write, rule.avoid),)) for rule in parts.rule),
        key=parts.key,
        request=request,
    )  # fmt: skip
    length = len(words(truth.render()))
    if parts.limit is not None and parts.limit < length:
        raise BadMaterialError(
            f"{path}, field 'limit': the finished document has {length} words, the limit {parts.limit}"
        )
    limit = parts.limit or word_limit(length, 0.1)
    return replace(truth, request=replace(request, limit=limit))


def _problem(path: Path, parts: _TruthFile, sentence: _Sentence, sections: tuple[str, ...]) -> Problem:
    where = f"{path}, sentence {sentence.id!r}"
    kind = sentence.problem
    assert kind is not None
    if kind not in ("buried", "acronym") and not sentence.draft:
        raise BadMaterialError(f"{where}: a problem of kind {kind!r} needs `draft`, the sentence that the draft has")
    allowed = {
        "alias": [name.other for name in parts.name],
        "style": [rule.id for rule in parts.rule],
        "acronym": [term.short for term in parts.term],
    }.get(kind)
    if allowed is not None and sentence.detail not in allowed:
        raise BadMaterialError(f"{where}: `detail` must be one of {', '.join(allowed) or 'nothing listed yet'}")
    if kind == "figure" and (not sentence.detail or sentence.detail not in (sentence.draft or "")):
        raise BadMaterialError(f"{where}: `detail` must be the wrong figure as the draft writes it")
    if kind == "buried" and sentence.id != parts.key:
        raise BadMaterialError(f"{where}: only the key result ({parts.key}) can be buried")
    place = sentence.draft_section if sentence.draft_section is not None else sentence.section
    if place not in sections:
        raise BadMaterialError(f"{where}: no section {place!r}")
    detail = sentence.detail
    if kind == "acronym":
        detail = f"term{[term.short for term in parts.term].index(sentence.detail)}"
    return Problem(
        f"p-{sentence.id}", kind, sentence.id, sentence.hardness,
        _with_terms(parts, sentence.draft) if sentence.draft else None,
        sections.index(place) if kind in ("buried", "repeated") else None, detail,
    )  # fmt: skip


def _with_terms(parts: _TruthFile, sentence: str) -> str:
    """Return a sentence in which every term, however it is spelled, is open."""
    for place, term in enumerate(parts.term):
        spellings = (f"{term.full} ({term.short})", term.full, term.short)
        pattern = "|".join(re.escape(spelling) for spelling in spellings)
        sentence = re.sub(rf"(?<!\w)(?:{pattern})(?!\w)", f"[[term{place}]]", sentence)
    return sentence


def _check_draft(folder: Path, truth: DocumentTruth, draft: str) -> None:
    """Refuse a draft that lacks a sentence of the truth file or holds one that the file does not list."""
    left = _plain(draft)
    pieces = truth.pieces({problem.problem_id for problem in truth.problems})
    for text in sorted(truth.spelled(pieces), key=len, reverse=True):
        sentence = _plain(text)
        if sentence not in left:
            raise BadMaterialError(
                f"{folder / DRAFT}: the sentence {text!r} of {TRUTH_FILE} is not there word for word"
            )
        left = left.replace(sentence, " ", 1)
    for heading in (truth.title, *truth.sections):
        left = left.replace(_plain(heading), " ", 1)
    rest = re.sub(r"[#*\s]+", " ", left).strip()
    if rest:
        raise BadMaterialError(f"{folder / DRAFT}: {rest[:80]!r} is in no sentence of {TRUTH_FILE}; list it there")


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", _LIST_MARK.sub("", tidy(text))).strip()
