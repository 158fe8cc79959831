"""Reading a document: its headings and sentences, in plain text or simple Markdown."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import sentencex

from tasks_lib.words import tidy

_LIST_MARK = re.compile(r"\A\s*(?:[-*+\u2022]|\d{1,3}[.)])\s+")
_BEFORE_FIGURE = re.compile(r"(?<=[a-z%\d][a-z%\d][a-z%\d]\.)(?<!prox\.) (?=[$€£]?\d)")
"""Between two sentences of which the second begins with a figure; `No. 5` and `approx. 5` are one."""
_EMPHASIS = re.compile(r"(\*\*|__|`)")
_BOLD_LINE = re.compile(r"(\*\*|__)(?:(?!\1).)+\1")
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+\-.!$%&~<>|])")
"""Markdown's backslash before a sign."""
_FENCE = re.compile(r"\A\s*```[a-zA-Z]*\n(.*)\n```\s*\Z", re.DOTALL)
_LABEL = re.compile(r"(To|From|Date|Subject|Re|Cc): .*")


@dataclass(frozen=True)
class Line:
    """One heading or one sentence of a document."""

    text: str
    kind: Literal["heading", "sentence"]
    paragraph: int


def read_document(text: str, headings: Collection[str] = ()) -> list[Line]:
    """Return the headings and sentences of a document in plain text or simple Markdown, in order.

    A heading is a line marked `#`, a memo label (`Subject: ...`), a line of at most twelve words that stands alone and
    ends in no full stop, or one of `headings` in whatever dress: numbered, bold, in capitals, before a colon. Those are
    returned as they stand in `headings`. Lines without a letter or a digit are rules and underlines.
    """
    fenced = _FENCE.match(text)
    body = _ESCAPED.sub(r"\1", tidy(fenced.group(1) if fenced else text))
    wanted = {_undressed(heading): heading for heading in headings}
    lines: list[Line] = []
    for paragraph, block in enumerate(re.split(r"\n\s*\n", body.strip())):
        block_lines = [
            part
            for line in block.split("\n")
            for part in _run_in(line, wanted)
            if any(letter.isalnum() for letter in part)
        ]
        running: list[str] = []
        for line in block_lines:
            heading = wanted.get(_undressed(line)) or _heading(line, alone=len(block_lines) == 1)
            if heading is not None or _LIST_MARK.match(line):
                lines += _sentences(running, paragraph)
                running = []
            if heading is not None:
                lines.append(Line(heading, "heading", paragraph))
            else:
                running.append(line)
        lines += _sentences(running, paragraph)
    return lines


def _heading(line: str, *, alone: bool) -> str | None:
    bare = _EMPHASIS.sub("", line).strip()
    if bare.startswith("#"):
        return bare.strip("# ")
    if _LIST_MARK.match(line):
        return None
    if _LABEL.fullmatch(bare):
        return bare
    alone = alone or _BOLD_LINE.fullmatch(line.strip()) is not None
    if alone and bare[-1] not in ".!?;,:" and len(bare.split()) <= 12 and bare[0].isupper():
        return bare
    return None


def _run_in(line: str, wanted: Mapping[str, str]) -> list[str]:
    """Divide `Outcome: Service stopped.` behind a heading that is wanted."""
    heading, colon, rest = line.partition(":")
    return [heading, rest.lstrip("*_ ")] if colon and _undressed(heading) in wanted else [line]


@lru_cache(maxsize=20_000)
def _undressed(line: str) -> str:
    bare = _EMPHASIS.sub("", line).strip().strip("# ").strip()
    return _LIST_MARK.sub("", bare).rstrip(":").strip().casefold()


def _sentences(running: list[str], paragraph: int) -> list[Line]:
    if not running:
        return []
    text = " ".join(_LIST_MARK.sub("", _EMPHASIS.sub("", line)).strip() for line in running)
    return [Line(part, "sentence", paragraph) for part in _divided(text)]


@lru_cache(maxsize=5_000)
def _divided(text: str) -> tuple[str, ...]:
    """Return the sentences of a paragraph: the rollouts of a group share most of theirs."""
    parts = [piece.strip() for part in sentencex.segment("en", text) for piece in _BEFORE_FIGURE.split(part)]
    return tuple(part for part in parts if part)
