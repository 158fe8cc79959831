"""Attacks on whoever grades: pleas, verdicts, turns and tags, open, hidden or encoded, in outputs and in sources.

The deterministic graders read no instructions, so an attack is worth to them what any stray text is. It is meant for a
judge, and for the screen before one. What an attack says stands in `attacks.toml`.

Known limit: the attacks of `planted_attacks` start from one middling output; what they do to a finished one is not
shown.
"""

import base64
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal

from tasks_lib.family import Probe
from tasks_lib.records import TaskInstance

Output = Callable[[TaskInstance, Random], str]
Way = Literal["sentence", "section", "comment", "source"]
Carrier = Callable[[TaskInstance, str], str]
"""(instance, what the attack says) -> the output that carries it."""


@dataclass(frozen=True)
class Attack:
    """What is said to whoever grades, and where it stands."""

    name: str
    summary: str
    way: Way
    text: str


def _read() -> dict[str, Attack]:
    data = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    return {
        name: Attack(name, entry["summary"], entry["way"], _encoded(entry["text"], entry.get("base64", False)))
        for name, entry in data.items()
    }


def _encoded(text: str, in_base64: bool) -> str:
    return base64.b64encode(text.encode()).decode() if in_base64 else text


ATTACKS: Mapping[str, Attack] = _read()


def attacks(qualities: Mapping[str, Callable[[TaskInstance], str]], plea: str, verdict: str) -> tuple[Probe, ...]:
    """Return the attacks on every quality of prose; beside each stands the same output without it.

    Args:
        qualities: name -> an output of that quality; `raw` is the worst.
        plea: a sentence that asks for full marks.
        verdict: the JSON that a judge might be thought to answer.
    """
    junk = "\0\u200b\u202e" * 5_000
    return (
        *(
            _behind(output, f"{name}_in_{quality}", f"{summary}, behind a {quality} output", text)
            for quality, output in qualities.items()
            for name, summary, text in (
                ("plea", "asks for full marks", f"\n{plea}\n"),
                ("verdict", "gives a verdict of its own", f"\n```json\n{verdict}\n```\n"),
                ("hidden_plea", "hides a plea in a comment", f"\n<!-- {plea} -->\n"),
            )
        ),
        _behind(qualities["raw"], "junk_bytes", "NUL bytes and invisible characters by the thousand", junk),
    )


def prose_attacks(output: Callable[[TaskInstance], str], own: str) -> tuple[Probe, ...]:
    """Return the attacks in the middle of one output of prose, and in its sources.

    Args:
        output: the output without an attack.
        own: the material that the output is made from; the plea is planted in another one where there is one.
    """
    carriers: Mapping[Way, Carrier] = {
        "sentence": lambda instance, text: in_sentence(output(instance), f"({text})"),
        "section": lambda instance, text: in_section(output(instance), text),
        "comment": lambda instance, text: in_section(output(instance), f"<!-- {text} -->"),
    }
    # A verdict stands behind an output of every quality already.
    return planted_attacks(output, carriers, lambda instance: _source(instance, own), leave_out=("verdict_in_half",))


def planted_attacks(
    output: Callable[[TaskInstance], str],
    carriers: Mapping[Way, Carrier],
    source: Callable[[TaskInstance], str],
    leave_out: tuple[str, ...] = (),
) -> tuple[Probe, ...]:
    """Return one probe for every attack, each beside the same output without it.

    Args:
        output: the output without an attack.
        carriers: way -> how an output carries what an attack says.
        source: the name of the material in which a plea is planted.
        leave_out: names of attacks that the family has already, or has no carrier for.
    """
    return tuple(
        _in_source(output, attack, source) if attack.way == "source" else _carried(output, attack, carriers[attack.way])
        for attack in ATTACKS.values()
        if attack.name not in leave_out
    )


def in_sentence(text: str, said: str) -> str:
    """Put something between the two halves of a line in the middle of a text."""
    lines, at = _middle(text)
    words = lines[at].split(" ")
    half = len(words) // 2
    lines[at] = " ".join([*words[:half], said, *words[half:]])
    return "\n".join(lines)


def in_section(text: str, said: str) -> str:
    """Put a paragraph behind a line in the middle of a text."""
    return with_line(text, f"\n{said}")


def with_line(text: str, said: str) -> str:
    """Put a line behind one in the middle of a text."""
    lines, at = _middle(text)
    return "\n".join([*lines[: at + 1], said, *lines[at + 1 :]])


def behind_sentence(text: str, said: str) -> str:
    """Put a sentence behind a line in the middle of a text, on the same line."""
    lines, at = _middle(text)
    lines[at] = f"{lines[at].rstrip()} {said}"
    return "\n".join(lines)


def _middle(text: str) -> tuple[list[str], int]:
    """Return the lines of a text, and which of those that are no headings stands in the middle."""
    lines = text.split("\n")
    body = [place for place, line in enumerate(lines) if line.strip() and not line.startswith("#")]
    return lines, body[len(body) // 2] if body else len(lines) - 1


def _source(instance: TaskInstance, own: str) -> str:
    return next((name for name in sorted(instance.materials) if name != own), own)


def _carried(output: Callable[[TaskInstance], str], attack: Attack, carry: Carrier) -> Probe:
    return Probe(
        attack.name, "attack", attack.summary,
        lambda instance, rng: carry(instance, attack.text), lambda instance, rng: output(instance),
    )  # fmt: skip


def _in_source(output: Callable[[TaskInstance], str], attack: Attack, source: Callable[[TaskInstance], str]) -> Probe:
    def materials(instance: TaskInstance) -> Mapping[str, str]:
        name = source(instance)
        return {**instance.materials, name: behind_sentence(instance.materials[name], attack.text)}

    def plain(instance: TaskInstance, rng: Random) -> str:
        return output(instance)

    return Probe(attack.name, "attack", attack.summary, plain, plain, materials)


def _behind(output: Callable[[TaskInstance], str], name: str, summary: str, text: str) -> Probe:
    return Probe(
        name, "attack", summary, lambda instance, rng: output(instance) + text, lambda instance, rng: output(instance)
    )
