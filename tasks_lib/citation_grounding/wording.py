"""The request of a colleague: which references are wanted, what counts as one, and what must stay."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from tasks_lib.family import Requirement
from tasks_lib.records import Mode

_OPENINGS = (
    "The {noun} in brief.md goes to {reader} tomorrow, and it still has no references. Could you add them?",
    "Could you put the references into brief.md, our {noun} for {reader}?",
    "{reader_capital} will want to know where each statement in our {noun} comes from. Please reference brief.md.",
    "Please go through brief.md, the {noun} for {reader}, and say for each claim what it rests on.",
    "I wrote the {noun} in brief.md from memory, and before {reader} sees it every claim needs its source.",
    "brief.md is a {noun} for {reader}. The claims are there, the references are missing.",
)
_RULES: Mapping[str, tuple[str, ...]] = {
    "cite": (
        "Behind every claim stands the source that supports it, in square brackets at the end of the sentence, like "
        "{example}.",
        "Mark each claim with its source at the end of the sentence, in the form {example}.",
        "Every sentence ends with a marker for the source it rests on: {example}.",
        "Write the source of each claim in brackets before the full stop, for instance {example}.",
    ),
    "support": (
        "A source supports a claim only if it says the same: same figures, same scope, same certainty. Being about the "
        "same subject is not enough.",
        "Cite a source only where it really says what the sentence says, for the same group and just as firmly.",
        "Mind that some sources merely touch on the subject, say something weaker, or say the opposite; those do not "
        "support a claim.",
    ),
    "unsupported": (
        "Where none of the sources supports a claim, write [unsupported] instead of a source.",
        "A claim without support in the sources gets the mark [unsupported], and no source.",
        "If you cannot find support for a sentence in any source, put [unsupported] there; a wrong reference is worse "
        "than none.",
    ),
    "tone_down": (
        "If a source supports a claim only in a weaker form, tone the sentence down to what that source says and cite "
        "it.",
        "Some sentences say more than their source does. Reduce them to what the source says, and then cite it.",
        "Where the brief overstates what a source says, reword the sentence so that it claims no more than the source, "
        "and cite that.",
    ),
    "keep": (
        "Keep every claim, in its order and with its meaning.",
        "No claim may go missing, change its meaning or move.",
        "The line of argument stays: all claims, same order, same sense.",
    ),
    "nothing_added": (
        "Add no claims and no other sources.",
        "Nothing new comes in, neither claims nor sources.",
        "Please bring in no further statements, and cite nothing but these sources.",
    ),
}
_CLOSINGS = (
    "Hand in the finished text only.",
    "Send back the text with its markers and nothing around it.",
    "I need the finished text back, without remarks.",
)
_ANCHOR = (
    "The number behind the colon is that of the sentence.",
    "The colon is followed by the number of the sentence in that source.",
    "After the colon comes the number of the sentence that says it.",
)
_GRADED_BY: Mapping[str, tuple[str, ...]] = {
    "cite": ("citation_present.marked", "citation_present.resolves", "no_citations_found"),
    "support": ("citation_accurate.source", "citation_accurate"),
    "unsupported": ("citation_present.marked", "citation_accurate.source", "hallucination_flag.faithful"),
    "tone_down": ("hallucination_flag.faithful", "citation_accurate.source"),
    "keep": ("argument_preservation.kept", "argument_preservation.order"),
    "nothing_added": ("hallucination_flag.nothing_added", "fabricated_source"),
    "add_references": ("citation_present", "citation_accurate", "hallucination_flag", "argument_preservation"),
    "text_only": ("hallucination_flag.nothing_added", "empty_output"),
    "anchor": ("citation_accurate.sentence",),
}
"""Rule -> what looks at it."""


@dataclass(frozen=True)
class Request:
    """What a request has to name."""

    noun: str
    reader: str
    anchors: bool
    """The number of the sentence is wanted, too."""

    def fill(self, wording: str) -> str:
        """Put what the request names into one of its wordings."""
        example = "[S3:2]" if self.anchors else "[S3]"
        capital = self.reader[:1].upper() + self.reader[1:]
        return wording.format(noun=self.noun, reader=self.reader, reader_capital=capital, example=example)


def request_text(request: Request, materials: Mapping[str, str], mode: Mode, rng: Random) -> str:
    """Write the request: running text or a list, the rules in an order of their own."""
    rules = {name: request.fill(rng.choice(wordings)) for name, wordings in _RULES.items()}
    if request.anchors:
        rules["cite"] += f" {rng.choice(_ANCHOR)}"
    order = rng.sample([*rules], len(rules))
    opening, closing = request.fill(rng.choice(_OPENINGS)), rng.choice(_CLOSINGS)
    if rng.random() < 0.5:
        parts = [opening, "\n".join(f"- {rules[name]}" for name in order), closing]
    else:
        cut = rng.randrange(2, len(order) - 1)
        parts = [opening, " ".join(rules[name] for name in order[:cut]), " ".join(rules[name] for name in order[cut:])]
        parts.append(closing)
    if mode == "single":
        parts += [f"--- {name} ---\n{text}" for name, text in sorted(materials.items())]
    return "\n\n".join(parts)


def request_requirements(request: Request, prompt: str) -> tuple[Requirement, ...]:
    """Return every rule of a request with the passage of the prompt that states it."""
    wordings = {**_RULES, "add_references": _OPENINGS, "text_only": _CLOSINGS}
    if request.anchors:
        wordings["anchor"] = _ANCHOR
    return tuple(
        Requirement(name, tuple(text for text in map(request.fill, choices) if text in prompt), _GRADED_BY[name])
        for name, choices in wordings.items()
    )
