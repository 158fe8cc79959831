"""Generating instances: claims of an archetype -> duties -> what each source says -> brief, sources, request."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from tasks_lib.citation_grounding.archetype import Archetype, ClaimTemplate
from tasks_lib.citation_grounding.knobs import CitationKnobs, from_difficulty
from tasks_lib.citation_grounding.truth import BRIEF, BriefTruth, Claim, Duty, Place, Source, to_truth
from tasks_lib.citation_grounding.wording import Request, request_text
from tasks_lib.records import Mode, TaskInstance, content_hash
from tasks_lib.seeds import stream
from tasks_lib.templates import Value, draw_values, fill

_SENTENCES_MIN = 2
"""Sentences of a source: with one, naming the source would name the sentence."""
MAX_SUPPORTED = 2
"""Claims that one source supports at most: were it more, citing one source everywhere would be a way."""
_HARDNESS = {"cite": -0.7, "unsupported": 0.5, "tone_down": 0.8}
"""Logits at lexical distance 0, without traps."""
_PER_DISTANCE, _PER_NEAR_MISS, _PER_TRAP = 0.6, 0.6, 0.25
"""Logits added for a step of lexical distance, a near miss, and any other trap."""


def generate_instance(
    family: str,
    template_version: str,
    kind: Archetype,
    seed: int,
    *,
    difficulty: float | None,
    knobs: CitationKnobs | None,
    mode: Mode,
    split: str,
) -> TaskInstance:
    """Make one instance; everything follows from the arguments."""
    if knobs is None:
        knobs = draw_knobs(difficulty, seed, split)
    else:
        difficulty = None
    truth = draw_truth(kind, knobs, seed)
    materials = {BRIEF: truth.written([truth.untouched(claim) for claim in truth.claims])}
    materials |= {f"{source.source_id}.md": source.text() for source in truth.sources}
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


def draw_knobs(difficulty: float | None, seed: int, split: str) -> CitationKnobs:
    """Draw the knobs of one instance; without a difficulty, of a middling one."""
    return from_difficulty(0.5 if difficulty is None else difficulty, stream(seed, "knobs"), split)


def draw_truth(kind: Archetype, knobs: CitationKnobs, seed: int) -> BriefTruth:
    """Draw the claims of one instance and what its sources say of them."""
    values = draw_values(kind.slot, stream(seed, "slots"))
    rng = stream(seed, "claims")
    picked = {template.id for template in rng.sample(kind.claim, min(knobs.claims, len(kind.claim)))}
    chosen = [template for template in kind.claim if template.id in picked]
    duties = _duties(len(chosen), knobs, stream(seed, "duties"))
    library = _Library(max(knobs.sources, -(-len(chosen) // MAX_SUPPORTED)), stream(seed, "library"))
    drafts = [
        _place(template, duty, values, knobs, library, stream(seed, "claim", template.id))
        for template, duty in zip(chosen, duties, strict=True)
    ]
    sources, numbers = library.publish(kind, values, knobs.context, stream(seed, "sources"))
    present = tuple(section for section in kind.sections if any(t.section == section for t in chosen))
    claims = tuple(
        draft.claim(values, present.index(draft.template.section), numbers, wording)
        for draft, wording in zip(drafts, stream(seed, "wordings").choices((0, 1), k=len(drafts)), strict=True)
    )
    request = Request(kind.noun, kind.reader, knobs.anchors)
    return BriefTruth(fill(kind.title, values), present, claims, sources, request)


def _duties(n: int, knobs: CitationKnobs, rng: Random) -> list[Duty]:
    unsupported = max(1, round(knobs.unsupported * n))
    overstated = min(round(knobs.overstated * n), n - unsupported - 2)
    counts: dict[Duty, int] = {
        "unsupported": unsupported, "tone_down": overstated, "cite": n - unsupported - overstated,
    }  # fmt: skip
    return rng.sample([duty for duty, count in counts.items() for _ in range(count)], n)


@dataclass(frozen=True)
class _Draft:
    """One claim with the sentences that sources say about it, before these have their numbers."""

    template: ClaimTemplate
    duty: Duty
    level: int
    said: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """What a sentence is to the claim -> tickets of the library."""

    def claim(self, values: dict[str, Value], section: int, numbers: dict[int, Place], wording: int) -> Claim:
        """Return the claim of the truth, worded in one of its wordings."""
        template = self.template
        text = [fill(form, values) for form in template.text]
        toned = [fill(form, values) for form in template.toned]
        right = toned if self.duty == "tone_down" else text
        beyond = [fill(template.strong, values), *(text if self.duty == "tone_down" else ())]
        places = {name: tuple(numbers[ticket] for ticket in tickets) for name, tickets in self.said.items()}
        return Claim(
            claim_id=template.id,
            section=section,
            duty=self.duty,
            brief=text[wording],
            wanted=right[min(wording, len(right) - 1)],
            wordings=tuple(form for place, form in enumerate(right) if place != min(wording, len(right) - 1)),
            beyond=tuple(beyond),
            flipped=(fill(template.flipped, values),),
            support=places.get("support", ()),
            near_miss=places.get("near_miss", ()),
            contrary=places.get("contrary", ()),
            distractors=places.get("distractors", ()),
            hardness=self._hardness(),
        )

    def _hardness(self) -> float:
        traps = len(self.said["contrary"]) + len(self.said["distractors"])
        hardness = _HARDNESS[self.duty] + _PER_DISTANCE * (self.level if self.duty == "cite" else 0)
        return round(hardness + _PER_NEAR_MISS * len(self.said["near_miss"]) + _PER_TRAP * traps, 3)


def _place(
    template: ClaimTemplate,
    duty: Duty,
    values: dict[str, Value],
    knobs: CitationKnobs,
    library: "_Library",
    rng: Random,
) -> _Draft:
    """Put what the sources say about one claim into the library."""
    level = min(2, int(knobs.lexical_distance) + (rng.random() < knobs.lexical_distance % 1))
    draft = _Draft(template, duty, level)
    taken: set[int] = set()

    def say(role: str, sentence: str, *, supports: bool = False) -> None:
        shelf = library.shelf(taken, supports=supports)
        taken.add(shelf)
        draft.said[role].append(library.add(shelf, fill(sentence, values)))

    if duty == "cite":
        say("support", template.source[level], supports=True)
        if rng.random() < knobs.near_misses:
            say("near_miss", template.weaker)
    elif duty == "tone_down":
        say("support", template.weaker, supports=True)
    if rng.random() < knobs.contradictions:
        say("contrary", template.contrary)
    if rng.random() < knobs.distractors or duty == "unsupported":
        say("distractors", template.distractor)
    return draft


class _Library:
    """Sentences on their way into sources: a claim's sentences go to different ones, the shelves fill evenly."""

    def __init__(self, sources: int, rng: Random) -> None:
        self.rng = rng
        self.shelves: list[list[int]] = [[] for _ in range(sources)]
        self.supports = [0] * sources
        self.sentences: list[str] = []

    def shelf(self, taken: set[int], *, supports: bool) -> int:
        """Return the emptiest source that says nothing about the claim yet, and count what it supports."""
        free = [place for place in range(len(self.shelves)) if place not in taken]
        if supports:
            free = [place for place in free if self.supports[place] < MAX_SUPPORTED]
        least = min(self.supports[place] if supports else len(self.shelves[place]) for place in free)
        chosen = self.rng.choice(
            [p for p in free if (self.supports[p] if supports else len(self.shelves[p])) == least]
        )  # fmt: skip
        self.supports[chosen] += supports
        return chosen

    def add(self, shelf: int, sentence: str) -> int:
        """Put a sentence on a shelf and return its ticket."""
        self.sentences.append(sentence)
        self.shelves[shelf].append(len(self.sentences) - 1)
        return len(self.sentences) - 1

    def publish(
        self, kind: Archetype, values: dict[str, Value], context: int, rng: Random
    ) -> tuple[tuple[Source, ...], dict[int, Place]]:
        """Return the sources, filled up with context, and where each sentence came to stand."""
        shelves = rng.sample(self.shelves, len(self.shelves))
        filling = _filling([len(shelf) for shelf in shelves], rng.sample(kind.context, len(kind.context)), context)
        titles = rng.sample(kind.titles, min(len(kind.titles), len(self.shelves)))
        numbers: dict[int, Place] = {}
        sources = []
        for place, (shelf, context_of_it) in enumerate(zip(shelves, filling, strict=True)):
            source_id = f"S{place + 1}"
            entries: list[int | str] = [*shelf, *(fill(text, values) for text in context_of_it)]
            sentences = []
            for entry in rng.sample(entries, len(entries)):
                sentences.append(entry if isinstance(entry, str) else self.sentences[entry])
                if isinstance(entry, int):
                    numbers[entry] = (source_id, len(sentences))
            title = fill(titles[place % len(titles)], values)
            sources.append(Source(source_id, title, rng.choice(kind.publishers), tuple(sentences)))
        return tuple(sources), numbers


def _filling(lengths: Sequence[int], spare: Sequence[str], each: int) -> list[list[str]]:
    """Divide context among sources, the shortest first: `each` of it on average, and two sentences in every source."""
    filled: list[list[str]] = [[] for _ in lengths]

    def length(place: int) -> int:
        return lengths[place] + len(filled[place])

    for given, sentence in enumerate(spare):
        shortest = min(range(len(lengths)), key=length)
        if given >= each * len(lengths) and length(shortest) >= _SENTENCES_MIN:
            break
        filled[shortest].append(sentence)
    return filled
