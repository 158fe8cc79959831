"""The grader of doc_revision: what the delivered document states, held against the ledger of facts.

Every dimension is a share of what was *expected*: a fact that is missing counts as not stated, a seeded problem whose
sentence is missing as not dealt with, so leaving out what is difficult raises nothing. A sentence that the ledger
neither knows nor contradicts is unknown; it widens the interval, and reward is the low end.
"""

from collections.abc import Sequence
from difflib import SequenceMatcher

from graders.addressing import SCREEN_LIMITS
from graders.grading import DimensionScore, Grade
from graders.interval import Interval, exactly, share
from graders.judge.rubric import judge_rubrics
from graders.limit import Limit
from graders.order import longest_rising
from graders.revised_document import Delivered, desk, is_spelled_out
from graders.rubric import builtin_rubric
from tasks_lib.doc_revision.style import whole_word
from tasks_lib.doc_revision.truth import Problem
from tasks_lib.records import TaskInstance

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
        delivered = Delivered(desk(instance), output)
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
    found = [
        f"{word!r} in {sentence.text[:40]!r}"
        for sentence in delivered.sentences
        for word in [delivered.desk.breach(sentence.text)]
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
    least = _RUBRIC.thresholds["survival_min"]
    where: dict[str, int] = {}
    for name, sound in delivered.desk.sound:
        if sound in places:
            survived[name], where[name] = 1.0, places[sound]
            continue
        near = [
            (SequenceMatcher(None, sound, words, autojunk=False).ratio(), place)
            for place, words in enumerate(read)
            if _most_alike(sound, words) >= least
        ]
        best, place = max(near, default=(0.0, 0))
        survived[name] = best if best >= least else 0.0
        where[name] = place
    kept = iter(longest_rising([where[name] for name, part in survived.items() if part]))
    return {name: (part if next(kept) else part / 2) if part else 0.0 for name, part in survived.items()}


def _most_alike(left: Sequence[str], right: Sequence[str]) -> float:
    """Return the greatest ratio, 0..1, that two rows of words can have: what they share, whatever its order."""
    total, own = len(left) + len(right), set(left)
    shared = min(len(left), sum(word in own for word in right))
    return 2.0 * shared / total if total else 1.0


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
