"""Holding sentences against a ledger of statements: what is stated, what is contradicted, what cannot be told.

A statement is known by its wordings. A delivered sentence *states* it when it holds the content words, figures, dates
and names of one of them, each led to by the same function words and words of strength, in the same order; one adverbial
may go to the front or the end, and inflection, articles and connectives are free.
It *violates* the ledger when it holds a figure or name found nowhere, or is plainly about a statement and differs in
a figure, a name, the roles, the polarity or the strength. Everything else is unknown, and stays so: a paraphrase in
words of its own is for a judge.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from graders.text import MOVABLE, Reader, Reading, Step, antonyms, multiset_gap

Kind = Literal["states", "violates", "unknown"]
Reason = Literal[
    "", "figure_not_given", "name_not_given", "other_figure", "other_name", "roles_swapped", "polarity", "strength"
]

ABOUT_MIN = 0.6
"""Share of a statement that a sentence must hold to be plainly about it."""
FOREIGN_MAX = 0.34
"""Share of foreign content words up to which a sentence is still plainly about a statement."""
LONGEST_SENTENCE = 100
"""Words beyond which a sentence is no statement of any ledger; it is not read any further."""
_DEPTH = 2
"""How often a compound sentence is cut in two, and its halves again."""
_JOINTS_TRIED = 6
"""Places at which a compound sentence is tried to be cut in two."""
_SPLIT = re.compile(r"(?:, | )(?:and|but|while|whereas|though|although)\s+|;\s+|,\s+which\s+|:\s+")


@dataclass(frozen=True)
class Finding:
    """What one sentence was found to do."""

    kind: Kind
    about: tuple[str, ...] = ()
    """Statements that it states, or the one that it contradicts."""
    reason: Reason = ""
    possible: tuple[str, ...] = ()
    """Unknown only: statements that it may state in other words."""
    detail: str = ""
    """The figure, name or word in question."""


@dataclass(frozen=True)
class _Known:
    statement_id: str
    readings: tuple[Reading, ...]
    vocabulary: frozenset[str]
    slots: frozenset[str]


class Ledger:
    """The statements of one instance, ready to hold sentences against.

    Args:
        wordings: statement -> every wording known to state exactly it.
        reader: reads sentences with the names of the materials.
        materials: texts whose figures and names count as given.
    """

    def __init__(self, wordings: Mapping[str, Sequence[str]], reader: Reader, materials: Iterable[str]) -> None:
        self.reader = reader
        self._known = [self._learn(name, forms) for name, forms in wordings.items()]
        self._by_steps: dict[frozenset[Step], list[_Known]] = {}
        for known in self._known:
            for steps in {reading.steps for reading in known.readings}:
                self._by_steps.setdefault(steps, []).append(known)
        given = [reader.read(line) for text in materials for line in text.split("\n") if line.strip()]
        self._given = frozenset(slot for reading in given for slot in reading.slots).union(
            slot for known in self._known for slot in known.slots
        )
        self._bare = frozenset(slot.partition(":")[2] for slot in self._given)
        self._found: dict[str, Finding] = {}
        self._stated: dict[str, tuple[str, ...]] = {}

    def hold(self, sentence: str) -> Finding:
        """Return what a sentence does; the same sentence is held once."""
        if sentence not in self._found:
            self._found[sentence] = self._hold(sentence, _DEPTH)
        return self._found[sentence]

    def stated(self, sentence: str) -> tuple[str, ...]:
        """Return the statements that a sentence states, as `hold` does, and not what else it may do."""
        if sentence not in self._stated:
            self._stated[sentence] = self._states(sentence)
        return self._stated[sentence]

    def _states(self, sentence: str) -> tuple[str, ...]:
        if _is_too_long(sentence):
            return ()
        reading = self.reader.read(sentence)
        stated = self._as_a_whole(reading)
        if stated or not all(self._is_given(slot) for slot in reading.slots):
            return stated
        parts = self._by_clause(sentence, _DEPTH)
        return parts.about if parts is not None and parts.kind == "states" else ()

    def _learn(self, name: str, forms: Sequence[str]) -> _Known:
        readings = tuple(self.reader.read(form) for form in forms)
        return _Known(
            name,
            readings,
            frozenset(word for reading in readings for word in reading.content),
            frozenset(slot for reading in readings for slot in reading.slots),
        )

    def _hold(self, sentence: str, depth: int) -> Finding:
        if _is_too_long(sentence):
            return Finding("unknown")
        reading = self.reader.read(sentence)
        stated = self._as_a_whole(reading)
        if stated:
            return Finding("states", stated)
        strange = self._not_given(reading)
        if strange is not None:
            return strange
        if depth:
            parts = self._by_clause(sentence, depth)
            if parts is not None:
                return parts
        near = self._near(reading)
        return self._against(reading, near) or Finding("unknown", possible=self._possible(reading, near))

    def _as_a_whole(self, reading: Reading) -> tuple[str, ...]:
        """Return the statement that a sentence states, clauses and all."""
        # A sentence states nothing whose steps are others than its own, in whatever order.
        alike = self._by_steps.get(reading.steps, ())
        return next(((known.statement_id,) for known in alike if _states(reading, known)), ())

    def _not_given(self, reading: Reading) -> Finding | None:
        for slot in reading.slots:
            if not self._is_given(slot):
                reason: Reason = "name_not_given" if slot.startswith("name:") else "figure_not_given"
                nearest = self._nearest(reading, self._near(reading))
                about = (nearest.statement_id,) if nearest else ()
                return Finding("violates", about, reason, detail=slot.partition(":")[2])
        return None

    def _is_given(self, slot: str) -> bool:
        # A metrics sheet holds the bare figure of what the text calls dollars or percent.
        if slot in self._given or slot.partition(":")[2] in self._bare:
            return True
        return slot.startswith("date:") and any(_same_slot(slot, given) for given in self._given)

    def _by_clause(self, sentence: str, depth: int) -> Finding | None:
        """Return what the two halves of a compound sentence do, where both can be told."""
        for match in islice(_SPLIT.finditer(sentence), _JOINTS_TRIED):
            left, right = sentence[: match.start()], sentence[match.end() :]
            if min(len(left.split()), len(right.split())) < 3:
                continue
            first = self._hold(left, depth - 1)
            if first.kind == "unknown":
                continue
            second = self._hold(right, depth - 1)
            if second.kind == "unknown":
                continue
            wrong = next((half for half in (first, second) if half.kind == "violates"), None)
            return wrong or Finding("states", (*first.about, *second.about))
        return None

    def _near(self, reading: Reading) -> list[float]:
        """Return, statement by statement, the share of it that a sentence holds."""
        return [_nearness(reading, known) for known in self._known]

    def _against(self, reading: Reading, near: Sequence[float]) -> Finding | None:
        """Return the violation of the one statement that a sentence is plainly about."""
        known = self._nearest(reading, near)
        reason, detail = _difference(reading, known) if known else ("", "")
        return Finding("violates", (known.statement_id,), reason, detail=detail) if known and reason else None

    def _nearest(self, reading: Reading, near: Sequence[float]) -> _Known | None:
        """Return the one statement that a sentence is plainly about, whatever it says of it."""
        most = max(near, default=0.0)
        if most < ABOUT_MIN or near.count(most) > 1:
            return None
        nearest = self._known[near.index(most)]
        foreign = reading.words - nearest.vocabulary
        return nearest if len(foreign) <= FOREIGN_MAX * reading.weight else None

    def _possible(self, reading: Reading, near: Sequence[float]) -> tuple[str, ...]:
        return tuple(
            known.statement_id
            for known, share in zip(self._known, near, strict=True)
            if share >= 0.3 or known.slots.intersection(reading.slots)
        )


def _is_too_long(sentence: str) -> bool:
    return sentence.count(" ") >= LONGEST_SENTENCE or len(sentence) > 20 * LONGEST_SENTENCE


def _states(reading: Reading, known: _Known) -> bool:
    return bool(reading.content) and any(same_claim(reading, form) for form in known.readings)


def same_claim(reading: Reading, form: Reading) -> bool:
    """Tell whether two sentences claim the same, as far as their words tell: inflection and one adverbial are free."""
    return (
        reading.passive == form.passive
        and reading.asks == form.asks
        and not (reading.odd and not form.odd)
        and reading.bare_participles <= form.bare_participles
        and _same_order(reading.order, form.order)
    )


def _same_order(left: Sequence[Step], right: Sequence[Step]) -> bool:
    """Tell whether the words are the same in the same order, one adverbial apart that went to the front or the end."""
    if left == right:
        return True
    if len(left) != len(right) or Counter(left) != Counter(right):
        return False
    start = next(place for place, (a, b) in enumerate(zip(left, right, strict=True)) if a != b)
    stop = next(len(left) - place for place, (a, b) in enumerate(zip(left[::-1], right[::-1], strict=True)) if a != b)
    turned, whole = left[start:stop], right[start:stop]
    # The last step is the end of the sentence.
    at_an_end = start == 0, stop == len(left) - 1
    return any(
        turned == (*whole[cut:], *whole[:cut]) and _may_move(whole[:cut], whole[cut:], at_an_end)
        for cut in range(1, len(whole))
    )


def _may_move(first: Sequence[Step], second: Sequence[Step], at_an_end: tuple[bool, bool]) -> bool:
    """Tell whether one of two parts that change places is an adverbial that thereby leaves or reaches an end."""
    return any(at_an_end) and (_is_adverbial(first) or _is_adverbial(second))


def _is_adverbial(steps: Sequence[Step]) -> bool:
    word, lead = steps[0]
    return (bool(lead) and lead[0] in MOVABLE) or (len(steps) == 1 and word.endswith("ly"))


def _same_slots(left: Sequence[str], right: Sequence[str]) -> bool:
    """Tell whether names, dates and figures are the same, each in their order: a date may move, roles may not."""
    return sorted(left, key=_sort) == sorted(right, key=_sort)


def _sort(slot: str) -> int:
    # Sorting is stable, so that within its kind a slot keeps its place.
    return ("name", "date", "figure").index(_kind(slot))


def _same_slot(left: str, right: str) -> bool:
    if left == right:
        return True
    if not (left.startswith("date:") and right.startswith("date:")):
        return False
    pairs = zip(left[5:].split("-"), right[5:].split("-"), strict=True)
    return all(a == b or "?" in (a, b) for a, b in pairs)


def _coverage(reading: Reading, form: Reading) -> float:
    return len(form.words & reading.words) / len(form.words) if form.words else 0.0


def _nearness(reading: Reading, known: _Known) -> float:
    """Return the share of a statement that a sentence holds: its content words, and its slots at half their weight."""
    if known.vocabulary.isdisjoint(reading.words):
        return 0.0
    return max((_held(reading, form) / form.weight for form in known.readings if form.content), default=0.0)


def _held(reading: Reading, form: Reading) -> float:
    words = len(form.words & reading.words)
    return words + 0.5 * len(form.marks & reading.marks) if words else 0.0


def _difference(reading: Reading, known: _Known) -> tuple[Reason, str]:
    """Return how a sentence that is plainly about a statement departs from it; ("", "") where that cannot be told."""
    form = max(known.readings, key=lambda form: (form.passive == reading.passive, _coverage(reading, form)))
    more, less = multiset_gap(reading.slots, form.slots)
    for slot in more:
        kind = slot.partition(":")[0]
        if any(_kind(other) == _kind(slot) for other in less):
            return ("other_name" if kind == "name" else "other_figure"), slot.partition(":")[2]
    if more or less:
        return "", ""
    if not _has_all_but_opposites(reading, form):
        return "", ""  # in words of its own: what looks turned or stronger may be neither
    opposite = antonyms(reading.content, known.vocabulary, form.content)
    turned = (reading.negations - form.negations) % 2 == 1
    if opposite and turned:
        return "", ""  # `met` for `did not miss`
    if opposite or turned:
        return "polarity", opposite or "not"
    changed = reading.strength ^ form.strength
    if changed and _in_its_order(reading, form):
        return "strength", ", ".join(sorted(changed))
    if any(_exchanged(reading, other) for other in known.readings if other.passive == reading.passive):
        return "roles_swapped", ", ".join(reading.slots)
    return "", ""


def _has_all_but_opposites(reading: Reading, form: Reading) -> bool:
    """Tell whether a sentence holds every content word of a wording, or the opposite of it."""
    return all(
        word in reading.content or antonyms(reading.content, frozenset(form.content), (word,)) for word in form.content
    )


def _in_its_order(reading: Reading, form: Reading) -> bool:
    """Tell whether a sentence holds the content words of a wording in their order, one part of it moved at most."""
    kept = [word for word in reading.content if word in form.content]
    doubled = [*form.content, *form.content]
    return len(kept) == len(form.content) and any(kept == doubled[cut : cut + len(kept)] for cut in range(len(kept)))


def _exchanged(reading: Reading, form: Reading) -> bool:
    """Tell whether a sentence is a wording in which names, dates or figures have changed places, and nothing else."""
    blank, wanted = ([(_blank(word), lead) for word, lead in read.order] for read in (reading, form))
    return not _same_slots(reading.slots, form.slots) and _same_order(blank, wanted)


def _blank(word: str) -> str:
    return _kind(word) if ":" in word else word


def _kind(slot: str) -> str:
    # Money, percent and bare numbers are told apart; a figure whose sign was cut off is still the wrong figure.
    head = slot.partition(":")[0]
    return head if head in ("name", "date") else "figure"
