"""An instance from a person's own brief and sources: a folder with the brief, the sources, and a small truth file.

`brief.md` holds the brief, `S1.md`, `S2.md` ... the sources with their sentences numbered (`1. ...`), and `truth.toml`
says for every sentence of the brief what supports it.
"""

import re
from pathlib import Path
from random import Random

from pydantic import BaseModel, ConfigDict, Field

from tasks_lib.citation_grounding.environment import source_order
from tasks_lib.citation_grounding.truth import BRIEF, BriefTruth, Claim, Duty, Place, Source, to_truth
from tasks_lib.citation_grounding.wording import Request, request_text
from tasks_lib.own_material import BadMaterialError, check_ids, read_texts, read_truth_file
from tasks_lib.records import Mode, TaskInstance, content_hash
from tasks_lib.words import tidy

TRUTH_FILE = "truth.toml"
_SOURCE_FILE = re.compile(r"S\d{1,3}\.md")
_NUMBERED = re.compile(r"(\d{1,3})\. (.+)")
_PLACE = re.compile(r"(S\d{1,3}):(\d{1,3})")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Claim(_Part):
    id: str
    section: str = ""
    brief: str
    """Its sentence in the brief."""
    duty: Duty = "cite"
    support: tuple[str, ...] = ()
    """Sentences that support it, like `S2:4`."""
    wanted: str | None = None
    """The sentence toned down; needed for `tone_down` only."""
    wordings: tuple[str, ...] = ()
    """Further sentences that claim exactly the same as the wanted one."""
    beyond: tuple[str, ...] = ()
    """Sentences that claim more than the sources support."""
    flipped: tuple[str, ...] = ()
    traps: tuple[str, ...] = ()
    """Sentences about the claim that do not support it, like `S1:2`."""
    hardness: float = Field(default=0.0, ge=-6, le=6)


class _TruthFile(_Part):
    noun: str
    reader: str
    title: str
    anchors: bool = False
    """The request wants the number of the sentence, too."""
    claim: tuple[_Claim, ...] = Field(min_length=2)


def instance_from_brief(folder: Path, *, mode: Mode = "multi", split: str = "train") -> TaskInstance:
    """Return the instance that a folder describes: `brief.md`, `S1.md` and further sources, `truth.toml`.

    Raises:
        BadMaterialError: a file is missing or unreadable, a field of the truth file is wrong, or brief, sources and
            truth file do not fit together.
    """
    materials = _read_folder(folder)
    parts = read_truth_file(folder / TRUTH_FILE, _TruthFile)
    sources = tuple(
        _source(folder, name, materials[name]) for name in sorted(materials, key=source_order) if name != BRIEF
    )
    truth = _truth(folder / TRUTH_FILE, parts, sources)
    _check_brief(folder, truth, materials[BRIEF])
    seed = int(content_hash(materials, parts.model_dump(mode="json")), 16)
    prompt = request_text(truth.request, materials, mode, Random(seed))
    return TaskInstance(
        instance_id=f"citation_grounding-{content_hash('own', prompt, materials, to_truth(truth))}",
        family="citation_grounding",
        template_version="1",
        archetype=f"brief:{folder.resolve().name}",
        seed=seed,
        difficulty=None,
        knobs={"page_lines": 8},
        mode=mode,
        split=split,
        prompt=prompt,
        materials=materials,
        truth=to_truth(truth),
    )


def _read_folder(folder: Path) -> dict[str, str]:
    materials = read_texts(folder, lambda name: name == BRIEF or _SOURCE_FILE.fullmatch(name) is not None)
    if BRIEF not in materials:
        raise BadMaterialError(f"{folder}: there is no {BRIEF}; put the brief there")
    if len(materials) < 3:
        raise BadMaterialError(f"{folder}: two sources at least are needed, S1.md and S2.md")
    return materials


def _source(folder: Path, name: str, text: str) -> Source:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    numbered = [match for line in lines if (match := _NUMBERED.fullmatch(line))]
    if [int(match.group(1)) for match in numbered] != list(range(1, len(numbered) + 1)) or not numbered:
        raise BadMaterialError(f"{folder / name}: number its sentences 1., 2., 3. ..., one a line")
    head = [line.lstrip("# ") for line in lines if not _NUMBERED.fullmatch(line)]
    title, publisher = (*head, "", "")[:2]
    return Source(name.removesuffix(".md"), title, publisher, tuple(match.group(2) for match in numbered))


def _truth(path: Path, parts: _TruthFile, sources: tuple[Source, ...]) -> BriefTruth:
    known = [claim.id for claim in parts.claim]
    check_ids(path, known, "claim")
    sections = tuple(dict.fromkeys(claim.section for claim in parts.claim))
    claims = tuple(_claim(path, claim, sections.index(claim.section), sources) for claim in parts.claim)
    return BriefTruth(parts.title, sections, claims, sources, Request(parts.noun, parts.reader, parts.anchors))


def _claim(path: Path, part: _Claim, section: int, sources: tuple[Source, ...]) -> Claim:
    where = f"{path}, claim {part.id!r}"
    if (part.duty == "unsupported") == bool(part.support):
        raise BadMaterialError(
            f"{where}: a claim to {part.duty!r} has " + ("no `support`" if part.support else "`support`")
        )
    if (part.duty == "tone_down") == (part.wanted is None):
        raise BadMaterialError(f"{where}: `wanted` is for claims to 'tone_down', and those need it")
    return Claim(
        claim_id=part.id,
        section=section,
        duty=part.duty,
        brief=part.brief,
        wanted=part.wanted or part.brief,
        wordings=part.wordings,
        beyond=(*part.beyond, *((part.brief,) if part.duty == "tone_down" else ())),
        flipped=part.flipped,
        support=tuple(_place(where, text, sources) for text in part.support),
        near_miss=tuple(_place(where, text, sources) for text in part.traps),
        contrary=(),
        distractors=(),
        hardness=part.hardness,
    )


def _place(where: str, text: str, sources: tuple[Source, ...]) -> Place:
    match = _PLACE.fullmatch(text)
    lengths = {source.source_id: len(source.sentences) for source in sources}
    if match is None or not 1 <= int(match.group(2)) <= lengths.get(match.group(1), 0):
        raise BadMaterialError(f"{where}: {text!r} names no sentence of a source; write it like S2:4")
    return match.group(1), int(match.group(2))


def _check_brief(folder: Path, truth: BriefTruth, brief: str) -> None:
    """Refuse a brief that lacks a sentence of the truth file or holds one that the file does not list."""
    left = _plain(brief)
    for claim in sorted(truth.claims, key=lambda claim: -len(claim.brief)):
        if _plain(claim.brief) not in left:
            raise BadMaterialError(f"{folder / BRIEF}: {claim.brief!r} of {TRUTH_FILE} is not there word for word")
        left = left.replace(_plain(claim.brief), " ", 1)
    for heading in (truth.title, *truth.sections):
        left = left.replace(_plain(heading), " ", 1) if heading else left
    rest = re.sub(r"[#*\s-]+", " ", left).strip()
    if rest:
        raise BadMaterialError(f"{folder / BRIEF}: {rest[:80]!r} is in no claim of {TRUTH_FILE}; list it there")


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", tidy(text)).strip()
