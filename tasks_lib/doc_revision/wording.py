"""The request of a colleague: what is to be done to the draft, every rule of it stated, nothing else asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from tasks_lib.family import Requirement
from tasks_lib.records import Mode

_OPENINGS = (
    "Could you revise draft.md for me? It is our {noun} for {reader}, and it goes out this afternoon.",
    "The {noun} in draft.md has to go to {reader} today, and it needs one careful pass.",
    "Please put draft.md in order. It is the {noun} that {reader} is waiting for.",
    "I have a {noun} here (draft.md) that {reader} should get, and several things in it are not right yet.",
    "draft.md is the {noun} for {reader}. Several people wrote it, and it shows.",
    "Would you go over our {noun} before it reaches {reader}? The text is in draft.md.",
)
_RULES: Mapping[str, tuple[str, ...]] = {
    "limit": (
        "It must not run over {limit} words, title and headings included.",
        "Keep the whole thing, title and headings included, to at most {limit} words.",
        "The limit is {limit} words in all; the title and the headings count.",
        "There is room for {limit} words, counting title and headings, and no more.",
    ),
    "voice": (
        "Every sentence should be in the active voice.",
        "No passive voice, please, in any form of it.",
        "Say who did what: the active voice throughout.",
        "Where a sentence is in the passive voice, turn it into the active.",
    ),
    "figures": (
        "Every figure has to agree with {sheet}; where the draft differs, the draft is wrong.",
        "Check the figures against {sheet} and correct those that do not match.",
        "{sheet} has the figures that count. What the draft says otherwise needs correcting.",
        "Whatever number is in {sheet} wins over the number in the draft.",
    ),
    "lead": (
        'The section "{lead}" must open with the key result, the one about {key}.',
        'Put the key result ({key}) in the very first sentence of "{lead}".',
        'Whoever reads only one sentence should read the key result, {key}, so it comes first in "{lead}".',
        'Begin "{lead}" with the sentence on {key}; it is the key result.',
    ),
    "repeats": (
        "Where the draft says a thing twice, keep the first mention only.",
        "Nothing should be said twice, not even in other words: the first mention stays, the second goes.",
        "If two sentences tell the same, drop the later one.",
        "Some facts come up a second time in other words. Cut the second time.",
    ),
    "acronyms": (
        "A short form is spelled out where it first appears, like this: full term (FT). After that the short form is "
        "enough. {names} has the full terms.",
        "At its first mention write a short form out with the letters in brackets, as in full term (FT); see {names}.",
        "Readers do not know our short forms: give the full term with the short form in brackets at first use "
        "(from {names}).",
    ),
    "names": (
        "Call every organisation, product and place by its approved name, which {names} lists.",
        "One name for one thing: use the approved names in {names} and none of the others.",
        "Names as approved in {names}, please; the draft mixes them.",
    ),
    "style": (
        "The style guide ({style}) applies to every sentence.",
        "Follow the style guide in {style}.",
        "Bring the wording into line with the style guide, {style}.",
    ),
    "facts": (
        "Every fact in the draft stays in, with its figures, dates and names.",
        "Do not lose any fact on the way.",
        "All the facts have to survive; shorter must not mean less.",
    ),
    "nothing_added": (
        "Add nothing that is not in these documents.",
        "No new claims, figures or names: only what the documents say.",
        "Please do not invent or embellish; what the documents do not say stays out.",
    ),
    "untouched": (
        "Sentences with nothing wrong stay word for word, in their place.",
        "Leave alone what is fine: same words, same order.",
        "Touch only what needs it. Sound sentences keep their wording and their place.",
    ),
    "headings": (
        "Title and headings remain as they are.",
        "Keep the title and the headings.",
        "The title and the headings are settled, so leave them.",
    ),
}  # fmt: skip
_OLDER_SHEET = (
    "{older} is superseded by {sheet}.",
    "{older} is an earlier sheet and no longer holds.",
    "(The older sheet, {older}, is only there for the record.)",
)
_CLOSINGS = (
    "Hand in the finished text of the document and nothing else.",
    "What I need back is the finished document alone, without remarks.",
    "Send the finished document only, no comments around it.",
)


@dataclass(frozen=True)
class Request:
    """What a request has to name."""

    noun: str
    reader: str
    lead: str
    """Section that opens with the key result."""
    key: str
    """What the metrics sheet calls the figure of the key result, or how else it can be told."""
    limit: int
    sheet: str | None
    """Document with the figures that count; None: there is none, and nothing is asked about figures."""
    older: str | None
    """An earlier sheet that lies there too."""
    names: str | None
    """Document with the approved names and short forms."""
    style: str | None
    """Document with the style guide."""

    @property
    def rules(self) -> dict[str, tuple[str, ...]]:
        """Rule -> the wordings in which it may be stated, for the rules that this request has."""
        absent = {"figures"} if self.sheet is None else set()
        absent |= {"acronyms", "names"} if self.names is None else set()
        absent |= {"style"} if self.style is None else set()
        return {name: wordings for name, wordings in _RULES.items() if name not in absent}

    def fill(self, wording: str) -> str:
        """Put what the request names into one of its wordings."""
        return wording.format(
            noun=self.noun, reader=self.reader, lead=self.lead, key=_lower(self.key), limit=self.limit,
            sheet=self.sheet, older=self.older, names=self.names, style=self.style,
        )  # fmt: skip


_GRADED_BY: Mapping[str, tuple[str, ...]] = {
    "limit": ("instruction_following.limit", "word_count_exceeded"),
    "voice": ("instruction_following.voice", "passive_voice_dominant", "quality_delta.problems_fixed"),
    "figures": ("faithfulness.facts_kept", "quality_delta.problems_fixed"),
    "lead": ("instruction_following.rules", "quality_delta.problems_fixed"),
    "repeats": ("instruction_following.rules", "quality_delta.problems_fixed", "over_editing.length"),
    "acronyms": ("instruction_following.rules", "quality_delta.problems_fixed"),
    "names": ("instruction_following.rules", "quality_delta.problems_fixed"),
    "style": ("instruction_following.rules", "quality_delta.problems_fixed"),
    "facts": ("faithfulness.facts_kept",),
    "nothing_added": ("faithfulness.nothing_invented",),
    "untouched": ("over_editing.survival",),
    "headings": ("instruction_following.rules",),
    "revise": ("quality_delta", "quality_delta.readability", "instruction_following", "faithfulness", "over_editing"),
    "document_only": ("over_editing.length", "empty_output"),
}
"""Rule -> what looks at it."""


def request_text(request: Request, materials: Mapping[str, str], mode: Mode, rng: Random) -> str:
    """Write the request: running text or a list, the rules in an order of their own."""
    rules = {name: request.fill(rng.choice(wordings)) for name, wordings in request.rules.items()}
    if request.older:
        rules["figures"] += f" {request.fill(rng.choice(_OLDER_SHEET))}"
    order = rng.sample([*rules], len(rules))
    opening = request.fill(rng.choice(_OPENINGS))
    closing = rng.choice(_CLOSINGS)
    if rng.random() < 0.5:
        parts = [opening, "\n".join(f"- {rules[name]}" for name in order), closing]
    else:
        cut = rng.randrange(len(order) // 3, 2 * len(order) // 3 + 1)
        parts = [opening, " ".join(rules[name] for name in order[:cut]), " ".join(rules[name] for name in order[cut:])]
        parts.append(closing)
    if mode == "single":
        parts += [f"--- {name} ---\n{text}" for name, text in sorted(materials.items())]
    return "\n\n".join(parts)


def request_requirements(request: Request, prompt: str) -> tuple[Requirement, ...]:
    """Return every rule of a request with the passage of the prompt that states it."""
    wordings = {**request.rules, "revise": _OPENINGS, "document_only": _CLOSINGS}
    if request.older:
        wordings["older_sheet"] = _OLDER_SHEET
    graded = {**_GRADED_BY, "older_sheet": _GRADED_BY["figures"]}
    return tuple(
        Requirement(name, tuple(text for text in map(request.fill, choices) if text in prompt), graded[name])
        for name, choices in wordings.items()
    )


def _lower(label: str) -> str:
    """Return a label as it stands inside a sentence; an acronym keeps its capitals."""
    return label if label[:2].isupper() else label[:1].lower() + label[1:]
