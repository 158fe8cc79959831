"""The grader of citation_grounding: each delivered sentence held against the claims, each marker against the truth.

Every dimension is a share of the claims that were *expected*: a claim that is missing has no source, is not accurate
and not faithful, so leaving out what is hard to support raises nothing. A sentence that can be told neither to make a
claim nor to go beyond it is unknown and widens the interval; reward is the low end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from graders.addressing import SCREEN_LIMITS
from graders.citations import Marker, markers_before_stop, read_markers, without_markers
from graders.document import read_document
from graders.grading import DimensionScore, Grade
from graders.interval import UNASSESSED, Interval, exactly
from graders.judge.rubric import judge_rubrics
from graders.limit import Limit
from graders.order import longest_rising
from graders.rubric import builtin_rubric
from graders.statements import Ledger
from graders.text import Reader, Reading
from tasks_lib.citation_grounding.truth import BriefTruth, Claim, brief_truth
from tasks_lib.per_instance import once_per_instance
from tasks_lib.records import TaskInstance

LIMITS = (
    Limit(
        "own_words",
        "A claim in words which no listed wording has is not recognised: what becomes of it stays open for a judge, "
        "and the reward is what is proven without it.",
        shown_by="own_words",
        excuses=(
            "citation_present", "citation_accurate", "hallucination_flag", "argument_preservation", "composite",
        ),
    ),
    Limit(
        "second_source",
        "A second source beside the right one is wrong even where it says something weaker in the same sense.",
        shown_by="spray_markers",
    ),
)  # fmt: skip
FACETS = {
    "citation_present": ("marked", "resolves"),
    "citation_accurate": ("source", "sentence"),
    "hallucination_flag": ("faithful", "nothing_added"),
    "argument_preservation": ("kept", "order"),
}
"""Dimension -> the parts stored beside it."""
_RUBRIC = builtin_rubric("citation_grounding")
_ZERO = exactly(0.0)
_SENTENCES_NAMED_MAX = 2
_SAME_SENSE = ("other_figure", "figure_not_given", "strength")
"""Departures from a claim that leave its place in the argument."""


class CitationGroundingGrader:
    """Scores a delivered text on citation_present, citation_accurate, hallucination_flag and argument_preservation."""

    family = "citation_grounding"
    grader_id = "citation_grounding/deterministic"
    version = "1"
    rubric = _RUBRIC
    limits = (*LIMITS, *SCREEN_LIMITS)
    facets = FACETS
    judged = judge_rubrics("citation_grounding")

    def grade(self, instance: TaskInstance, output: str) -> Grade:
        """Score one delivered text; an empty one has proven nothing: 0 everywhere."""
        delivered = Delivered(_desk(instance), output)
        if not delivered.units:
            scores = [
                DimensionScore(name, _ZERO, "nothing was handed in", {}, dict.fromkeys(facets, _ZERO))
                for name, facets in FACETS.items()
            ]
            return Grade(scores, work=_ZERO, flags=("empty_output",))
        scores = [
            _citation_present(delivered),
            _citation_accurate(delivered),
            _hallucination(delivered),
            _argument(delivered),
        ]
        return Grade(scores, work=_work(delivered), flags=_flags(delivered))


@dataclass(frozen=True)
class Desk:
    """What an instance needs to be graded, made ready once for all its outputs."""

    truth: BriefTruth
    right: Ledger
    """The claims as the sources support them."""
    wrong: Ledger
    """What goes beyond a claim (`id beyond 0`), or says the opposite (`id flipped 0`)."""
    headings: frozenset[str]
    sources: tuple[str, ...]
    read: dict[str, tuple["Unit", ...]] = field(default_factory=dict)
    """Sentence -> what it claims: the same sentence is read once."""


@once_per_instance
def _desk(instance: TaskInstance) -> Desk:
    truth = brief_truth(instance)
    materials = [*instance.materials.values()]
    right = {claim.claim_id: (claim.wanted, *claim.wordings) for claim in truth.claims}
    wrong = {
        f"{claim.claim_id} {kind} {place}": (text,)
        for claim in truth.claims
        for kind, texts in (("beyond", claim.beyond), ("flipped", claim.flipped))
        for place, text in enumerate(texts)
    }
    every = [text for forms in (*right.values(), *wrong.values()) for text in forms]
    reader = Reader([*materials, *every])
    headings = frozenset(line.text for line in read_document(truth.written([])) if line.kind == "heading")
    sources = tuple(source.source_id for source in truth.sources)
    return Desk(truth, Ledger(right, reader, materials), Ledger(wrong, reader, materials), headings, sources)


@dataclass(frozen=True)
class Unit:
    """One delivered statement with its markers."""

    text: str
    markers: tuple[Marker, ...]
    kind: str
    """`claims`: as supported. `beyond`: more than that. `flipped`: the opposite. `false`: about a claim and not so.
    `invented`: about none, and not so. `unknown`."""
    about: tuple[str, ...] = ()
    """Claims that it makes or departs from; for `unknown` those that it may make."""
    reason: str = ""
    """Why it is false or invented."""
    detail: str = ""

    @property
    def keeps_argument(self) -> bool:
        """Whether its claim is there in its sense, though it may be too strong or its figure wrong."""
        return self.kind in ("claims", "beyond") or (self.kind == "false" and self.reason in _SAME_SENSE)

    @property
    def cited(self) -> list[Marker]:
        return [marker for marker in self.markers if marker.kind in ("source", "fabricated")]

    @property
    def resolved(self) -> list[Marker]:
        return [marker for marker in self.markers if marker.kind == "source"]

    @property
    def says_unsupported(self) -> bool:
        return any(marker.kind == "unsupported" for marker in self.markers)


class Delivered:
    """One delivered text, read and held against the claims."""

    def __init__(self, desk: Desk, output: str) -> None:
        self.desk, self.truth = desk, desk.truth
        self.units = [
            unit
            for line in read_document(markers_before_stop(output), desk.headings)
            if line.text not in desk.headings
            for unit in _units(desk, line.text)
        ]

    @cached_property
    def by_claim(self) -> Mapping[str, list[tuple[int, Unit]]]:
        """Claim -> the units that make it or depart from it, with their places."""
        found: dict[str, list[tuple[int, Unit]]] = {claim.claim_id: [] for claim in self.truth.claims}
        for place, unit in enumerate(self.units):
            if unit.kind != "unknown":
                for name in unit.about:
                    found[name].append((place, unit))
        return found

    @cached_property
    def verdicts(self) -> Mapping[str, "Verdict"]:
        """Claim -> what became of it."""
        return {claim.claim_id: _judge(self, claim) for claim in self.truth.claims}

    @cached_property
    def added(self) -> tuple[int, int]:
        """Units that add something: for sure, and perhaps. What may make a missing claim is one doubt, and not two."""
        sure = sum(unit.kind == "invented" for unit in self.units)
        open_claims = {name for name, units in self.by_claim.items() if not units}
        perhaps = 0
        for unit in self.units:
            if unit.kind == "unknown":
                stands_for = next((name for name in unit.about if name in open_claims), None)
                open_claims.discard(stands_for or "")
                perhaps += stands_for is None
        return sure, sure + perhaps

    @property
    def fabricated(self) -> list[str]:
        return [marker.source for unit in self.units for marker in unit.markers if marker.kind == "fabricated"]


@dataclass(frozen=True)
class Verdict:
    """What became of one expected claim, each 0..1."""

    marked: Interval
    source: Interval
    sentence: Interval
    faithful: Interval
    kept: Interval
    wrong: float
    """1 where it carries a wrong source, or is gone: what is taken off the work."""


def _units(desk: Desk, sentence: str) -> tuple[Unit, ...]:
    """Return what a sentence claims: clause by clause where its markers divide it into claims, else as a whole."""
    if sentence not in desk.read:
        desk.read[sentence] = tuple(_fresh_units(desk, sentence))
    return desk.read[sentence]


def _fresh_units(desk: Desk, sentence: str) -> list[Unit]:
    markers = read_markers(sentence, desk.sources)
    parts = _parts(sentence, markers)
    if len(parts) > 1:
        units = [_unit(desk, text, own) for text, own in parts]
        if all(unit.kind == "claims" for unit in units):
            return units
    return [_unit(desk, without_markers(sentence, markers), markers)]


def _parts(sentence: str, markers: Sequence[Marker]) -> list[tuple[str, list[Marker]]]:
    """Divide a sentence behind its markers; neighbouring markers belong together."""
    parts: list[tuple[str, list[Marker]]] = []
    begin = 0
    for place, marker in enumerate(markers):
        gap = sentence[marker.end : markers[place + 1].start] if place + 1 < len(markers) else "."
        if any(letter.isalnum() for letter in gap) or place + 1 == len(markers):
            own = [other for other in markers if begin <= other.start <= marker.start]
            text = sentence[begin : own[0].start].strip(" ,;")
            parts.append((text.removeprefix("and ").removeprefix("but ").removeprefix("while "), own))
            begin = marker.end
    return parts


def _unit(desk: Desk, text: str, markers: Sequence[Marker]) -> Unit:
    """Return what a text without markers claims."""
    right, wrong = desk.right.hold(text), desk.wrong.stated(text)
    if right.kind == "states":
        departs = _departure(desk, text, right.about[0]) if wrong else ""
        return Unit(text, tuple(markers), departs or "claims", right.about)
    if wrong:
        name, kind, _ = wrong[0].rsplit(" ", 2)
        return Unit(text, tuple(markers), kind, (name,))
    if right.kind == "violates":
        kind = "false" if right.about else "invented"
        return Unit(text, tuple(markers), kind, right.about, right.reason, right.detail)
    return Unit(text, tuple(markers), "unknown", right.possible)


def _departure(desk: Desk, text: str, name: str) -> str:
    """Return `beyond` or `flipped` where a text is nearer to such a wording than to those that are right, else ""."""
    claim = desk.truth.by_id[name]
    wrong = [(_closeness(desk, text, [wording]), "beyond") for wording in claim.beyond]
    wrong += [(_closeness(desk, text, [wording]), "flipped") for wording in claim.flipped]
    nearest, kind = max(wrong, default=(0.0, ""))
    return kind if nearest > _closeness(desk, text, [claim.wanted, *claim.wordings]) else ""


def _closeness(desk: Desk, text: str, wordings: Sequence[str]) -> float:
    """Return the Jaccard index, 0..1, of what a text and the nearest wording say."""
    said = _marks(desk.right.reader.read(text))
    others = [_marks(desk.right.reader.read(wording)) for wording in wordings]
    return max(len(said & other) / len(said | other) for other in others)


def _marks(reading: Reading) -> frozenset[str]:
    return frozenset({*reading.content, *reading.slots, *reading.strength, f"not {reading.negations}"})


def _judge(delivered: Delivered, claim: Claim) -> Verdict:
    units = [unit for _, unit in delivered.by_claim[claim.claim_id]]
    if not units:
        return _judge_missing(delivered, claim)
    good = all(unit.kind == "claims" for unit in units)
    kept = all(unit.keeps_argument for unit in units)
    if claim.duty == "unsupported":
        marked = all(unit.says_unsupported and not unit.cited for unit in units)
        faithful = source = marked and good
        sentence = float(source)
        cited = any(unit.cited for unit in units)
    else:
        marked = any(unit.resolved for unit in units)
        faithful = good
        source = marked and good and not any(unit.says_unsupported for unit in units)
        source = source and all(_is_source(claim, marker) for unit in units for marker in unit.cited)
        anchored = [_anchor(delivered, claim, marker) for unit in units for marker in unit.cited]
        sentence = min(anchored, default=0.0) if source else 0.0
        cited = any(unit.cited or unit.says_unsupported for unit in units)
    return Verdict(
        marked=exactly(marked),
        source=exactly(source),
        sentence=exactly(sentence),
        faithful=exactly(faithful),
        kept=exactly(kept),
        wrong=float(cited and not source),
    )


def _judge_missing(delivered: Delivered, claim: Claim) -> Verdict:
    """Judge a claim that no sentence surely makes: gone, unless an unknown one may make it."""
    may = [unit for unit in delivered.units if unit.kind == "unknown" and claim.claim_id in unit.about]
    if not may:
        return Verdict(_ZERO, _ZERO, _ZERO, _ZERO, _ZERO, wrong=1.0)
    if claim.duty == "unsupported":
        marked = any(unit.says_unsupported and not unit.cited for unit in may)
        right = marked
    else:
        marked = any(unit.resolved for unit in may)
        right = any(unit.cited and all(_is_source(claim, marker) for marker in unit.cited) for unit in may)
    faithful = UNASSESSED if claim.duty != "unsupported" or marked else _ZERO
    return Verdict(
        UNASSESSED if marked else _ZERO, UNASSESSED if right else _ZERO, UNASSESSED if right else _ZERO, faithful,
        UNASSESSED, wrong=1.0,
    )  # fmt: skip


def _is_source(claim: Claim, marker: Marker) -> bool:
    return marker.kind == "source" and any(source == marker.source for source, _ in claim.support)


def _anchor(delivered: Delivered, claim: Claim, marker: Marker) -> float:
    """Return the share of the sentences a marker names that are right ones; less where none is named but wanted.

    Two sentences may be named, and three no more: wide ranges would find the right one without looking.
    """
    if marker.sentences is None:
        return _RUBRIC.thresholds["without_anchor"] if delivered.truth.anchors else 1.0
    first, last = marker.sentences
    named = last - first + 1
    right = sum(source == marker.source and first <= number <= last for source, number in claim.support)
    return right / named if 1 <= named <= _SENTENCES_NAMED_MAX else 0.0


def _mean(intervals: Sequence[Interval]) -> Interval:
    n = len(intervals)
    low, high = sum(interval.low for interval in intervals) / n, sum(interval.high for interval in intervals) / n
    return Interval(min(1.0, low), min(1.0, max(low, high)))


def _of(delivered: Delivered, name: str) -> list[Interval]:
    return [getattr(verdict, name) for verdict in delivered.verdicts.values()]


def _citation_present(delivered: Delivered) -> DimensionScore:
    marked = _mean(_of(delivered, "marked"))
    markers = [marker for unit in delivered.units for marker in unit.markers]
    resolved = sum(marker.kind in ("source", "unsupported") for marker in markers)
    absent = [name for name, verdict in delivered.verdicts.items() if verdict.marked.low < 1]
    return DimensionScore(
        "citation_present",
        marked,
        f"{len(delivered.verdicts) - len(absent)} of {len(delivered.verdicts)} claims carry a marker that resolves",
        {"without": absent[:10], "markers": len(markers), "resolved": resolved},
        {"marked": marked, "resolves": exactly(resolved / len(markers)) if markers else _ZERO},
    )


def _citation_accurate(delivered: Delivered) -> DimensionScore:
    source, sentence = _of(delivered, "source"), _of(delivered, "sentence")
    wrong = [name for name, verdict in delivered.verdicts.items() if verdict.sentence.low < 1]
    return DimensionScore(
        "citation_accurate",
        _mean(sentence),
        f"{len(sentence) - len(wrong)} of {len(sentence)} claims cite what supports them",
        {"not_accurate": wrong[:10]},
        {"source": _mean(source), "sentence": _mean(sentence)},
    )


def _hallucination(delivered: Delivered) -> DimensionScore:
    faithful = _mean(_of(delivered, "faithful"))
    sure, perhaps = delivered.added
    sure, perhaps = sure + len(delivered.fabricated), perhaps + len(delivered.fabricated)
    weight, n = _RUBRIC.thresholds["invention_weight"], len(delivered.verdicts)
    low, high = max(0.0, faithful.low - weight * perhaps / n), max(0.0, faithful.high - weight * sure / n)
    clean = Interval(max(0.0, 1 - weight * perhaps / n), max(0.0, 1 - weight * sure / n))
    beyond = [
        [unit.text[:120], unit.kind, f"{unit.reason} {unit.detail}".strip()]
        for unit in delivered.units
        if unit.kind not in ("claims", "unknown")
    ]
    return DimensionScore(
        "hallucination_flag",
        Interval(low, max(low, high)),
        f"{len(beyond)} sentences beyond the sources, {perhaps - sure} not known, {len(delivered.fabricated)} sources "
        "invented",
        {
            "beyond": beyond[:6],
            "unknown": [unit.text[:120] for unit in delivered.units if unit.kind == "unknown"][:5],
            "fabricated": delivered.fabricated[:5],
        },
        {"faithful": faithful, "nothing_added": clean},
    )


def _argument(delivered: Delivered) -> DimensionScore:
    kept = delivered.verdicts
    # Where a claim is unknown, so is its place: it counts as in order for the high end.
    places = [found[0][0] for name, found in delivered.by_claim.items() if found and kept[name].kept.low == 1]
    in_order, n = sum(longest_rising(places)), len(kept)
    open_ones = sum(verdict.kept.high - verdict.kept.low for verdict in kept.values())
    high = min(1.0, (in_order + open_ones) / n)
    lost = [name for name, verdict in kept.items() if verdict.kept.low < 1]
    return DimensionScore(
        "argument_preservation",
        Interval(in_order / n, max(in_order / n, high)),
        f"{n - len(lost)} of {n} claims kept with their meaning, {in_order} of them in order",
        {"lost": lost[:10]},
        {"kept": _mean(_of(delivered, "kept")), "order": Interval(in_order / n, max(in_order / n, high))},
    )


def _work(delivered: Delivered) -> Interval:
    """Return the share of the claims that were dealt with, weighted by how hard they are, less the wrong ones."""
    cost = _RUBRIC.thresholds["wrong_citation_cost"]
    total = low = high = 0.0
    for claim in delivered.truth.claims:
        verdict = delivered.verdicts[claim.claim_id]
        weight = claim.weight
        total += weight
        low += weight * (verdict.sentence.low * verdict.faithful.low - cost * verdict.wrong)
        may_be_right = verdict.sentence.high * verdict.faithful.high
        high += weight * (may_be_right if may_be_right else -cost * verdict.wrong)
    low = min(1.0, max(0.0, low / total))
    return Interval(low, min(1.0, max(low, high / total)))


def _flags(delivered: Delivered) -> tuple[str, ...]:
    flags = []
    if not any(unit.resolved or unit.says_unsupported for unit in delivered.units):
        flags.append("no_citations_found")
    if delivered.fabricated:
        flags.append("fabricated_source")
    return tuple(flags)
