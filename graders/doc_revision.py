"""The grader of doc_revision: what the delivered document states, held against the ledger of facts.

Every dimension is a share of what was *expected*: a fact that is missing counts as not stated, a seeded problem whose
sentence is missing as not dealt with, so leaving out what is difficult raises nothing. A sentence that the ledger
neither knows nor contradicts is unknown; it widens the interval, and reward is the low end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property

from graders.addressing import SCREEN_LIMITS
from graders.document import Line, read_document
from graders.grading import DimensionScore, Grade
from graders.interval import Interval, exactly, share
from graders.judge.rubric import judge_rubrics
from graders.limit import Limit
from graders.order import longest_rising
from graders.rubric import builtin_rubric
from graders.statements import Finding, Ledger, same_claim
from graders.text import Reader
from tasks_lib.doc_revision.seeding import weight_of
from tasks_lib.doc_revision.style import banned_word, whole_word
from tasks_lib.doc_revision.truth import DocumentTruth, Problem, document_truth
from tasks_lib.per_instance import once_per_instance
from tasks_lib.records import TaskInstance
from tasks_lib.words import words

LIMITS = (
    Limit(
        "own_words",
        "A sentence that says what it should in words which no listed wording has is not recognised: its fact and its "
        "problem stay open for a judge, and the reward is what is proven without it.",
        shown_by="own_words",
        excuses=("faithfulness", "instruction_following", "quality_delta", "composite"),
    ),
    Limit(
        "present_for_planned",
        "A plan told in the present tense (`costs $3.40 from 1 February` for `will cost`) counts as told with another "
        "certainty, which no judge can lift: it is proven by the words and not by the sense.",
        shown_by="present_for_planned",
        excuses=("faithfulness", "instruction_following", "over_editing", "quality_delta", "composite"),
    ),
    Limit(
        "participle_clauses",
        "A passive clause without a finite verb (`a plan drafted by the board`) is not counted as passive voice.",
        shown_by="participle_clauses",
        excuses=("instruction_following",),
    ),
    Limit(
        "any_section_for_a_mended_sentence",
        "A mended sentence may stand in another section than before: only sound sentences are held to their place.",
        shown_by="leave_problems",
    ),
)
FACETS = {
    "instruction_following": ("limit", "voice", "rules"),
    "faithfulness": ("facts_kept", "nothing_invented"),
    "over_editing": ("survival", "length"),
    "quality_delta": ("problems_fixed", "readability"),
}
"""Dimension -> the parts stored beside it."""
_RUBRIC = builtin_rubric("doc_revision")
_ZERO = exactly(0.0)


class DocRevisionGrader:
    """Scores a delivered document on instruction_following, faithfulness, over_editing and quality_delta."""

    family = "doc_revision"
    grader_id = "doc_revision/deterministic"
    version = "2"
    rubric = _RUBRIC
    limits = (*LIMITS, *SCREEN_LIMITS)
    facets = FACETS
    judged = judge_rubrics("doc_revision")

    def grade(self, instance: TaskInstance, output: str) -> Grade:
        """Score one delivered document; an empty one has proven nothing: 0 everywhere."""
        delivered = Delivered(_desk(instance), output)
        if not delivered.sentences:
            scores = [
                DimensionScore(name, _ZERO, "nothing was handed in", {}, dict.fromkeys(facets, _ZERO))
                for name, facets in FACETS.items()
            ]
            return Grade(scores, work=_ZERO, flags=("empty_output",))
        scores = [
            _instruction_following(delivered),
            _faithfulness(delivered),
            _over_editing(delivered),
            _quality_delta(delivered),
        ]
        # Putting problems right in a document that no longer says everything is that much less work done.
        return Grade(scores, work=delivered.fixed * delivered.facts_kept, flags=_flags(delivered))


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

    @property
    def expected(self) -> int:
        return len(self.truth.statements)


@once_per_instance
def _desk(instance: TaskInstance) -> Desk:
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
    headings = tuple(line.text for line in read_document(truth.render()) if line.kind == "heading")
    sound = [(name, reader.words(truth.spell(truth.by_id[name].wanted))) for name in truth.protected]
    sound_words = sum(len(words(line.text)) for line in read_document(truth.render()) if line.kind == "sentence")
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


def _instruction_following(delivered: Delivered) -> DimensionScore:
    limit = exactly(_limit(delivered))
    passive = sum(sentence.weight for sentence in delivered.sentences if sentence.passive)
    breaches = _breaches(delivered)
    # A seeded problem whose sentence is missing was left out, not put right.
    voice = _falling(delivered, passive, ("passive",), _RUBRIC.thresholds["passive_zero_at"])
    rules = _falling(delivered, len(breaches), ("alias", "style", "acronym", "repeated"),
                     _RUBRIC.thresholds["rules_zero_at"])  # fmt: skip
    return DimensionScore(
        "instruction_following",
        limit * Interval((voice.low + rules.low) / 2, (voice.high + rules.high) / 2),
        f"{delivered.words} words of {delivered.truth.word_limit}, {passive} passive sentences, "
        f"{len(breaches)} breaches of other rules",
        {
            "words": delivered.words,
            "word_limit": delivered.truth.word_limit,
            "passive": passive,
            "breaches": breaches[:8],
        },
        {"limit": limit, "voice": voice, "rules": rules},
    )


def _limit(delivered: Delivered) -> float:
    # What is missing counts at its length in the draft: the limit is not met by leaving things out.
    missing = sum(delivered.desk.draft_words[name] for name in delivered.truth.by_id if delivered.kept(name).high == 0
                  and name not in delivered.contradicted)  # fmt: skip
    over = (delivered.words + missing) / delivered.truth.word_limit - 1
    return min(1.0, max(0.0, 1 - over / (_RUBRIC.thresholds["limit_zero_at"] - 1)))


def _falling(delivered: Delivered, breaches: int, kinds: Sequence[str], zero_at: float) -> Interval:
    """Return 1 without breaches, falling to 0 where they reach a share of the expected sentences.

    A statement that is missing counts as a breach where the draft has a problem of one of these kinds in it.
    """
    kept = [_in_place(delivered, problem) for problem in delivered.truth.problems if problem.kind in kinds]
    whole = zero_at * delivered.desk.expected
    surely = breaches + sum(interval.high < 1 for interval in kept)
    perhaps = breaches + sum(interval.low < 1 for interval in kept)
    return Interval(max(0.0, 1 - perhaps / whole), max(0.0, 1 - surely / whole))


def _in_place(delivered: Delivered, problem: Problem) -> Interval:
    """Return whether the sentence of a problem is there, and of a repeated one that it may be there no second time."""
    kept = delivered.kept(problem.statement)
    is_once = problem.kind == "repeated" and len(delivered.stating[problem.statement]) == 1
    return Interval(0.0, kept.high) if is_once and delivered.may_repeat(problem.statement) else kept


def _breaches(delivered: Delivered) -> list[str]:
    """Return what breaks a stated rule other than the limit and the voice, in words for a person."""
    truth = delivered.truth
    banned = [(bad, banned_word(bad)) for rule in truth.rules for _, bad in rule.pairs]
    banned += [(alias, whole_word(alias)) for _, alias in truth.names]
    found = [
        f"{word!r} in {sentence.text[:40]!r}"
        for sentence in delivered.sentences
        for word in [next((word for word, pattern in banned if pattern.search(sentence.text)), None)]
        if word is not None
        for _ in range(sentence.weight)
    ]
    found += [
        f"{term.short} is not spelled out where it first stands"
        for term in truth.terms
        if whole_word(term.short).search(delivered.text) and not is_spelled_out(delivered.text, term.full, term.short)
    ]
    found += [f"{name} is said {len(said)} times" for name, said in delivered.stating.items() for _ in said[1:]]
    wanted = delivered.desk.headings
    found += [f"heading {heading!r} is missing" for heading in wanted if heading not in delivered.headings]
    in_order = longest_rising([wanted.index(heading) for heading in delivered.headings])
    found += ["a heading is out of its place" for in_place in in_order if not in_place]
    filled = {sentence.heading for sentence in delivered.sentences}
    found += [
        f"nothing stands under {name!r}" for name in truth.sections if name in delivered.headings and name not in filled
    ]
    if not delivered.leads_with_key:
        found.append("the key result does not come first")
    return found


def _faithfulness(delivered: Delivered) -> DimensionScore:
    kept = {name: delivered.kept(name) for name in delivered.truth.by_id}
    false = [sentence for sentence in delivered.sentences if sentence.finding.kind == "violates"]
    invented, beside = delivered.made_up, delivered.beside
    weight, expected = _RUBRIC.thresholds["invention_weight"], delivered.desk.expected
    lost_weight = _RUBRIC.thresholds["lost_fact_weight"]
    surely_lost = lost_weight * sum(1 - interval.high for interval in kept.values())
    perhaps_lost = lost_weight * sum(1 - interval.low for interval in kept.values())
    low = expected - perhaps_lost - weight * (len(invented) + len(beside))
    high = expected - surely_lost - weight * len(invented)
    clean_low = max(0.0, 1 - weight * (len(invented) + len(beside)) / expected)
    return DimensionScore(
        "faithfulness",
        Interval(max(0.0, low / expected), max(0.0, high / expected)),
        f"{sum(interval.low == 1 for interval in kept.values())} of {expected} facts stated, {len(false)} sentences "
        f"false, {len(delivered.unknown)} not in the ledger",
        {
            "missing": [name for name, interval in kept.items() if interval.low < 1][:10],
            "false": [
                [sentence.text[:120], sentence.finding.reason, sentence.finding.detail] for sentence in false[:5]
            ],
            "unknown": [sentence.text[:120] for sentence in delivered.unknown[:5]],
        },
        {
            "facts_kept": delivered.facts_kept,
            "nothing_invented": Interval(clean_low, max(clean_low, 1 - weight * len(invented) / expected)),
        },
    )


def _over_editing(delivered: Delivered) -> DimensionScore:
    survived = _survival(delivered)
    extra, sound = delivered.surplus_words, delivered.desk.sound_words
    survival, length = share(sum(survived.values()), len(survived)), share(sound, sound + extra)
    return DimensionScore(
        "over_editing",
        survival * length,
        f"{survival.low:.0%} of the sound sentences survive, {extra} words beside the statements",
        {"changed": [name for name, part in survived.items() if part < 1][:10], "surplus_words": extra},
        {"survival": survival, "length": length},
    )


def _survival(delivered: Delivered) -> dict[str, float]:
    """Return, for each protected statement, how much of its sentence survives, 0..1; out of order it counts half."""
    read = [delivered.desk.ledger.reader.words(sentence.text) for sentence in delivered.sentences]
    places: dict[tuple[str, ...], int] = {}
    for place, sentence in enumerate(read):
        places.setdefault(sentence, place)
    survived: dict[str, float] = {}
    where: dict[str, int] = {}
    for name, sound in delivered.desk.sound:
        if sound in places:
            survived[name], where[name] = 1.0, places[sound]
            continue
        near = [
            (SequenceMatcher(None, sound, words, autojunk=False).ratio(), place) for place, words in enumerate(read)
        ]
        best, place = max(near)
        survived[name] = best if best >= _RUBRIC.thresholds["survival_min"] else 0.0
        where[name] = place
    kept = iter(longest_rising([where[name] for name, part in survived.items() if part]))
    return {name: (part if next(kept) else part / 2) if part else 0.0 for name, part in survived.items()}


def _quality_delta(delivered: Delivered) -> DimensionScore:
    open_ones = [name for name, interval in delivered.fixed_by_problem.items() if interval.low < 1]
    # How a sentence reads that the ledger does not know is for a judge.
    readability = Interval(max(0.0, 1 - len(delivered.beside) / delivered.desk.expected), 1.0)
    if not delivered.beside:
        readability = exactly(1.0)
    kinds = {problem.problem_id: problem.kind for problem in delivered.truth.problems}
    return DimensionScore(
        "quality_delta",
        delivered.fixed * readability,
        f"{len(kinds) - len(open_ones)} of {len(kinds)} problems put right",
        {"open": [f"{kinds[name]} {name}" for name in open_ones]},
        {"problems_fixed": delivered.fixed, "readability": readability},
    )


def _flags(delivered: Delivered) -> tuple[str, ...]:
    flags = []
    if delivered.words > _RUBRIC.thresholds["limit_cap_above"] * delivered.truth.word_limit:
        flags.append("word_count_exceeded")
    if sum(sentence.passive for sentence in delivered.sentences) > 0.5 * len(delivered.sentences):
        flags.append("passive_voice_dominant")
    return tuple(flags)
