"""Attacks on whoever grades prose: a plea, a verdict, a hidden plea and junk, behind outputs of every quality."""

from collections.abc import Callable, Mapping
from random import Random

from tasks_lib.family import Probe
from tasks_lib.records import TaskInstance

Output = Callable[[TaskInstance, Random], str]


def attacks(qualities: Mapping[str, Callable[[TaskInstance], str]], plea: str, verdict: str) -> tuple[Probe, ...]:
    """Return the attacks on every quality of output; beside each stands the same output without it.

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


def _behind(output: Callable[[TaskInstance], str], name: str, summary: str, text: str) -> Probe:
    return Probe(
        name, "attack", summary, lambda instance, rng: output(instance) + text, lambda instance, rng: output(instance)
    )
