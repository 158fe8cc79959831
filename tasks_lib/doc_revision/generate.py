"""Generating instances: ledger of facts -> sound document -> recorded problems -> documents, request."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import NamedTuple

from tasks_lib.doc_revision.archetype import Archetype
from tasks_lib.doc_revision.knobs import DocumentKnobs, from_difficulty
from tasks_lib.doc_revision.ledger import Ledger, draw_ledger
from tasks_lib.doc_revision.materials import (
    OLDER,
    Metric,
    draw_metrics,
    names_name,
    sheet_name,
    style_name,
    write_materials,
)
from tasks_lib.doc_revision.seeding import Seeder
from tasks_lib.doc_revision.style import RULES, StyleRule
from tasks_lib.doc_revision.truth import DRAFT, DocumentTruth, Problem, Rule, Term, to_truth
from tasks_lib.doc_revision.wording import Request, request_text
from tasks_lib.records import Mode, TaskInstance, content_hash
from tasks_lib.seeds import stream
from tasks_lib.templates import slots_in
from tasks_lib.words import words

_SPARE_RULES = 3
"""Rules of the style guide that the draft keeps."""


class Drawn(NamedTuple):
    """What the texts of an instance are written from."""

    truth: DocumentTruth
    rules: list[StyleRule]
    metrics: Mapping[str, Metric]


def generate_instance(
    family: str,
    template_version: str,
    kind: Archetype,
    seed: int,
    *,
    difficulty: float | None,
    knobs: DocumentKnobs | None,
    mode: Mode,
    split: str,
) -> TaskInstance:
    """Make one instance; everything follows from the arguments."""
    if knobs is None:
        knobs = draw_knobs(difficulty, seed, split)
    else:
        difficulty = None
    truth, rules, metrics = draw_documents(kind, knobs, seed)
    draft = truth.render([problem.problem_id for problem in truth.problems])
    terms = [(term.full, term.short) for term in truth.terms]
    papers = write_materials([*metrics.values()], truth.names, terms, rules, knobs.documents)
    materials = {DRAFT: draft, **papers}
    prompt = request_text(truth.request, materials, mode, stream(seed, "wording"))
    return TaskInstance(
        instance_id=f"{family}-{content_hash(family, template_version, seed, knobs.model_dump(), prompt, materials)}",
        family=family,
        template_version=template_version,
        archetype=kind.name,
        seed=seed,
        difficulty=difficulty,
        knobs=knobs.model_dump(mode="json"),
        mode=mode,
        split=split,
        prompt=prompt,
        materials=materials,
        truth=to_truth(truth),
    )


def draw_knobs(difficulty: float | None, seed: int, split: str) -> DocumentKnobs:
    """Draw the knobs of one instance; without a difficulty, of a middling one."""
    return from_difficulty(0.5 if difficulty is None else difficulty, stream(seed, "knobs"), split)


def draw_documents(kind: Archetype, knobs: DocumentKnobs, seed: int) -> Drawn:
    """Draw the document of one instance, its problems, and what its papers say."""
    ledger = draw_ledger(kind, knobs.statements, stream(seed, "ledger"))
    seeder = Seeder(ledger, knobs, stream(seed, "problems"))
    problems = seeder.seed()
    rules = _guide(seeder, stream(seed, "rules"))
    metrics = draw_metrics(ledger, seeder.wrong, knobs, stream(seed, "metrics"))
    return Drawn(_truth(ledger, problems, rules, knobs, _key_label(ledger, metrics)), rules, metrics)


def word_limit(words: int, slack: float) -> int:
    """Return the limit for a sound document of so many words: at least two words above it."""
    return max(words + 2, round(words * (1 + slack)))


def _key_label(ledger: Ledger, metrics: Mapping[str, Metric]) -> str:
    """Return what the metrics sheet calls the figure of the key result."""
    form = next(entry.form for entry in ledger.entries if entry.name == ledger.key)
    return next(metrics[slot].label for slot in ledger.labelled(form))


def _guide(seeder: Seeder, rng: Random) -> list[StyleRule]:
    """Return the rules of the style guide: those that the draft breaks among some that it keeps."""
    broken = {rule.rule_id for rule in seeder.rules}
    spare = [rule for rule in seeder.allowed if rule.rule_id not in broken]
    chosen = broken | {rule.rule_id for rule in rng.sample(spare, min(len(spare), _SPARE_RULES))}
    return [rule for rule in RULES if rule.rule_id in chosen]


def _truth(
    ledger: Ledger, problems: tuple[Problem, ...], rules: list[StyleRule], knobs: DocumentKnobs, key_label: str
) -> DocumentTruth:
    used = {slot for entry in ledger.entries for slot in slots_in(entry.form)}
    named = {name: value for name, value in ledger.values.items() if name in used}
    truth = DocumentTruth(
        title=ledger.sentence(ledger.archetype.title),
        reader=ledger.archetype.reader,
        layout=ledger.archetype.layout,
        sections=ledger.sections,
        statements=ledger.statements(),
        problems=problems,
        terms=tuple(Term(name, v.text, v.other) for name, v in named.items() if v.kind == "term"),
        names=tuple((value.text, value.other) for value in named.values() if value.kind == "name"),
        rules=tuple(Rule(rule.rule_id, rule.pairs) for rule in rules),
        key=ledger.key,
        request=Request(
            noun=ledger.archetype.noun,
            reader=ledger.archetype.reader,
            lead=ledger.archetype.lead,
            key=key_label,
            limit=0,
            sheet=sheet_name(knobs.documents),
            older=OLDER if knobs.documents == 5 else None,
            names=names_name(knobs.documents),
            style=style_name(knobs.documents),
        ),
    )
    limit = word_limit(len(words(truth.render())), knobs.limit_slack)
    return replace(truth, request=replace(truth.request, limit=limit))
