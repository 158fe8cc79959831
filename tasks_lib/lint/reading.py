"""One instance as the rules see it: its texts cut into words, its oracle, and what is subject matter in it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random

from tasks_lib.family import Defect, Family, Requirement
from tasks_lib.lint.finding import PROMPT, Finding, Severity
from tasks_lib.records import TaskInstance

GRAM = 4
"""Words of a run that two texts must share to count: C_4 of the statistics. Three words meet by chance."""
AKIN = 0.02
"""Share of the oracle's runs of words above which a material may be what is worked on."""
_WORD = re.compile(r"\w+")


def grams(words: Sequence[str], n: int) -> set[int]:
    """Return every run of `n` words; a shorter text is one run.

    A run is its hash: of 64 bits, so that two runs among millions share one in less than one set of a million, and
    a fifth of the time and memory.
    """
    if len(words) < n:
        return {hash(tuple(words))} if words else set()
    return set(map(hash, zip(*(words[start:] for start in range(n)), strict=False)))


@dataclass(frozen=True)
class Place:
    """One text with a name."""

    name: str
    text: str

    @cached_property
    def _folded(self) -> str:
        # Folded after it was cut: folding first can lengthen a letter and move every span behind it.
        return "\n".join(["", *_WORD.findall(self.text)]).casefold()

    @cached_property
    def words(self) -> list[str]:
        return self._folded.split()

    def has_word_from(self, stems: Sequence[str]) -> bool:
        """Tell whether a word begins with one of these: a cheap look before a search with a large pattern."""
        return any(f"\n{stem}" in self._folded for stem in stems)

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        return frozenset(self.words)

    @cached_property
    def grams(self) -> set[int]:
        return grams(self.words, GRAM)

    def span_of_words(self, first: int, last: int) -> tuple[int, int]:
        """Return where the words from `first` to `last` stand."""
        spans = [match.span() for match in _WORD.finditer(self.text)]
        return spans[first][0], spans[last][1]


class Reading:
    """An instance, its family, and everything that several rules want to know of them."""

    def __init__(self, instance: TaskInstance, family: Family) -> None:
        self.instance = instance
        self.family = family
        self.materials = tuple(Place(name, text) for name, text in instance.materials.items())
        self.prompt = Place(PROMPT, own_words(instance))
        self.places = (self.prompt, *self.materials)

    @cached_property
    def oracle(self) -> Place:
        return Place("oracle", self.family.oracle(self.instance))

    @cached_property
    def defects(self) -> tuple[Defect, ...]:
        return self.family.defects(self.instance)

    @cached_property
    def requirements(self) -> tuple[Requirement, ...]:
        return self.family.requirements(self.instance)

    @cached_property
    def worked_on(self) -> Place | None:
        """The material that is to be worked on: the one most like an output in which nothing was repaired.

        Not the one most like the oracle, which would be an answer key left among the materials; but where one alone has
        anything of the oracle, there is no such key, and the output need not be made.
        """
        akin = [
            place for place in self.materials if len(place.grams & self.oracle.grams) > AKIN * len(self.oracle.grams)
        ]
        if len(self.materials) < 2 or len(akin) == 1:
            return [*akin, *self.materials, None][0]
        untouched = Place("untouched", self.family.partial(self.instance, frozenset(), 0.0, Random(0)))
        return max(self.materials, key=lambda place: _jaccard(place.grams, untouched.grams))

    @cached_property
    def new_grams(self) -> set[int]:
        """Runs of words that the oracle has and what is worked on has not (the prompt, where there is nothing else)."""
        return self.oracle.grams - (self.worked_on or self.prompt).grams

    @cached_property
    def _oracle_folded(self) -> str:
        return self.oracle.text.casefold()

    def wanted(self, text: str) -> bool:
        """Tell whether the finished output holds a text, which makes it the subject of the task."""
        return text.casefold() in self._oracle_folded

    def is_content(self, place: Place, text: str) -> bool:
        """Tell whether a text belongs to the work itself: it stands in what is worked on, and stays there."""
        return place is self.worked_on and self.wanted(text)

    def severity(self, place: Place) -> Severity:
        """Return how bad it is where the prompt must not have it, and a material may for a reason of its own."""
        return "error" if place is self.prompt else "warning"

    def finding(self, rule: str, severity: Severity, place: Place, span: tuple[int, int], message: str) -> Finding:
        """Report a span of a text."""
        start, end = span
        text = " ".join(place.text[start:end].split())
        return Finding(rule, severity, self.instance.instance_id, place.name, span, text, message)


def own_words(instance: TaskInstance) -> str:
    """Return the prompt with the materials that it repeats (`mode="single"`) blanked out, at the same length."""
    prompt = instance.prompt
    if instance.mode != "single":
        return prompt
    for text in sorted(instance.materials.values(), key=len, reverse=True):
        if text.strip():
            prompt = prompt.replace(text, re.sub(r"[^\n]", " ", text))
    return prompt


def _jaccard(one: set[int], other: set[int]) -> float:
    shared = len(one & other)
    return shared / max(1, len(one) + len(other) - shared)
