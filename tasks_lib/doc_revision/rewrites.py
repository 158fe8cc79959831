"""Rewrites that change nothing that matters: another setting, and other words where words had to change."""

import re
from dataclasses import replace
from random import Random

from tasks_lib.doc_revision.damage import other_wording, with_opening
from tasks_lib.doc_revision.truth import DocumentTruth
from tasks_lib.words import words

_PLANNED = re.compile(r"\bwill (?!be\b|have\b|not\b)([a-z]+[^y\W]|[a-z]*[aeiou]y)\b")
_DATE = re.compile(r"\b(\d{1,2}) ([A-Z][a-z]+) (\d{4})\b")


def _among_mended(truth: DocumentTruth, rng: Random, *, dates: bool) -> str | None:
    """Rewrite sentences that had to change anyway, where more than one wording is right."""
    mended = {problem.statement for problem in truth.problems if problem.kind in ("passive", "figure")}
    changed = False
    pieces = []
    for piece in truth.pieces():
        text = piece.text
        if piece.statement in mended and dates:
            text = _DATE.sub(r"\2 \1, \3", re.sub(r"(\d)%", r"\1 percent", text))
        elif piece.statement in mended and piece.statement is not None:
            text = other_wording(truth, truth.by_id[piece.statement], rng) or text
        changed |= text != piece.text
        pieces.append(replace(piece, text=text))
    text = truth.written(pieces)
    return text if changed and len(words(text)) <= truth.word_limit else None


def other_words(truth: DocumentTruth, severity: int, rng: Random) -> str | None:
    """Say mended sentences in another active wording."""
    return _among_mended(truth, rng, dates=False)


def figure_style(truth: DocumentTruth, severity: int, rng: Random) -> str | None:
    """Write `37 percent` and `March 14, 2025` in mended sentences."""
    return _among_mended(truth, rng, dates=True)


def white_space(truth: DocumentTruth, severity: int, rng: Random) -> str:
    """Add empty lines, spaces at line ends and another line ending."""
    return truth.render().replace("\n\n", "  \r\n\r\n\r\n").replace(". ", ".  ")


def curly_quotes(truth: DocumentTruth, severity: int, rng: Random) -> str | None:
    """Typographic quotes and hard spaces, as word processors write them."""
    return truth.render().replace("'", "\u2019").replace("%", "%\u200a") + "\u00a0"


def headings_in_bold(truth: DocumentTruth, severity: int, rng: Random) -> str:
    """Bold headings instead of marked ones."""
    return re.sub(r"(?m)^#+ (.*)$", r"**\1**", truth.render())


def sentence_a_line(truth: DocumentTruth, severity: int, rng: Random) -> str:
    """Every sentence on a line of its own, as a list."""
    blocks = [f"# {truth.title}"]
    pieces = truth.pieces()
    spelled = truth.spelled(pieces)
    for section, heading in enumerate(truth.sections):
        blocks += [f"## {heading}"] if heading else []
        own = [f"* {text}" for piece, text in zip(pieces, spelled, strict=True) if piece.section == section]
        blocks += ["\n".join(own)] if own else []
    head = blocks[0] if truth.layout != "memo" else truth.render().split("\n\n")[0]
    return "\n\n".join([head, *blocks[1:]])


def fenced(truth: DocumentTruth, severity: int, rng: Random) -> str:
    """The document in a code fence, as chat models hand things over."""
    return f"```markdown\n{truth.render()}```\n"


def own_words(truth: DocumentTruth, severity: int, rng: Random) -> str | None:
    """Open a mended sentence with words that add nothing and that no listed wording has."""
    mended = {problem.statement for problem in truth.problems if problem.kind in ("passive", "figure")}
    pieces = [
        replace(piece, text=f"In practice, {with_opening(piece.text)}") if piece.statement in mended else piece
        for piece in truth.pieces()
    ]
    text = truth.written(pieces)
    return text if mended and len(words(text)) <= truth.word_limit else None


def present_for_planned(truth: DocumentTruth, severity: int, rng: Random) -> str | None:
    """Say in the present tense what is planned, in mended sentences: a date makes it plain enough."""
    mended = {problem.statement for problem in truth.problems}
    pieces = [
        replace(piece, text=_PLANNED.sub(_present, piece.text)) if piece.statement in mended else piece
        for piece in truth.pieces()
    ]
    return truth.written(pieces) if pieces != list(truth.pieces()) else None


def _present(match: re.Match[str]) -> str:
    verb = match[1]
    return f"{verb}es" if verb.endswith(("s", "sh", "ch", "x", "o")) else f"{verb}s"
