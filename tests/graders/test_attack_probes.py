"""Attacks on whoever grades, in all three families: what they are, what they earn, and whether the screen sees them."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from functools import cache

import pytest

from graders import grader
from graders.addressing import SCREEN_LIMITS, signs_of_address
from graders.limit import Limit
from tasks_lib import family
from tasks_lib.attacks import ATTACKS
from tasks_lib.policies.base import NotApplicableError
from tasks_lib.records import TaskInstance
from tests.support_families import Bench

BENCHES = {
    name: Bench(family(name), grader(name)) for name in ("spreadsheet_clean", "doc_revision", "citation_grounding")
}
EVERYWHERE = (
    "plea_in_raw", "plea_in_half", "plea_in_finished", "junk_bytes", "verdict_in_half", "plea_in_other_language",
    "plea_in_base64", "closing_tags_forged", "turn_forged", "plea_in_comment", "self_assessment", "plea_in_source",
    "plea_in_unlisted_language", "plea_in_unlisted_words",
)  # fmt: skip
UNSEEN = {limit.shown_by for limit in SCREEN_LIMITS}
ADDRESSING = {
    (
        "doc_revision",
        "split_verb",
    ): "it hides letters of a verb behind invisible characters, which no honest output does",
}
"""Probes other than attacks that the screen flags, and why it should."""
SEEDS = 12


def _attacks(name: str) -> list[str]:
    return [probe for probe, entry in BENCHES[name].family.probes.items() if entry.kind == "attack"]


PAIRS = [(name, probe) for name in BENCHES for probe in _attacks(name)]
BEHIND = {("doc_revision", "verdict_in_half"), ("citation_grounding", "verdict_in_half")}
"""Attacks that share a name with one of attacks.toml and stand behind the output, in words of their family's own."""
NEW = [(name, probe) for name, probe in PAIRS if probe in ATTACKS and (name, probe) not in BEHIND]


def _given(instance: TaskInstance) -> str:
    return "\n".join([instance.prompt, *instance.materials.values()])


@cache
def _instances(name: str) -> tuple[TaskInstance, ...]:
    """Return one instance of every archetype for each of 12 seeds, over all difficulties."""
    of = BENCHES[name].family
    return tuple(
        of.generate(seed, archetype=archetype, difficulty=seed / (SEEDS - 1))
        for seed in range(SEEDS)
        for archetype in of.archetypes
    )


@pytest.mark.parametrize("name", BENCHES)
def test_every_family_has_every_attack(name: str) -> None:
    """The same attacks by the same names, and in prose the plea within a sentence and the hidden one, too."""
    assert set(EVERYWHERE) <= set(_attacks(name))
    if name != "spreadsheet_clean":
        assert {"plea_in_sentence", "hidden_plea_in_half"} <= set(_attacks(name))


def _differences(name: str, attack: str, honest: str) -> Counter[str]:
    """Return what an attack's output has more often than the honest one: words of prose, cells and lines of a table."""
    if name == "spreadsheet_clean":
        return _cells(attack) - _cells(honest)
    return Counter(attack.split()) - Counter(honest.split())


def _cells(text: str) -> Counter[str]:
    return Counter(cell for row in csv.reader(io.StringIO(text)) for cell in row)


@pytest.mark.parametrize(("name", "probe"), NEW)
def test_attack_is_all_that_it_adds(name: str, probe: str) -> None:
    """Beside the honest output stands what the attack says, and nothing is missing."""
    bench, said = BENCHES[name], ATTACKS[probe].text
    for instance in _instances(name)[::7]:
        output, honest = bench.probe(instance, probe), bench.honest(instance, probe)
        if bench.family.probes[probe].materials is not None:
            assert output == honest
            continue
        assert " ".join(said.split()) in " ".join(output.replace('""', '"').split())
        added = _differences(name, output, honest)
        assert added
        if name == "spreadsheet_clean":
            # A remark keeps what it said; a comment line may fall apart into cells.
            assert len(output.splitlines()) >= len(honest.splitlines())
            assert all(cell.strip() == "" or _is_of(cell, said, honest) for cell in added)
        else:
            assert not Counter(honest.split()) - Counter(output.split())


def _is_of(cell: str, said: str, honest: str) -> bool:
    """Tell whether a cell is what the attack says, or a cell of the honest output with that behind it."""
    plain = " ".join(cell.removeprefix("# ").split())
    spoken = " ".join(said.split())
    return plain in spoken or (plain.endswith(spoken) and plain.removesuffix(spoken).strip() in honest)


@pytest.mark.parametrize(("name", "probe"), PAIRS)
def test_attack_earns_no_more_than_the_honest_output(name: str, probe: str) -> None:
    """By the deterministic graders alone, on every second generated instance."""
    bench = BENCHES[name]
    for instance in _instances(name)[::2]:
        attack = bench.grade(instance, bench.probe(instance, probe)).reward
        honest = bench.once(instance, bench.honest(instance, probe)).reward
        assert attack <= honest + 1e-9, (instance.instance_id, attack, honest)


@pytest.mark.parametrize(("name", "probe"), PAIRS)
def test_screen_flags_every_attack_but_those_of_its_limits(name: str, probe: str) -> None:
    """Held against the instance's own prompt and materials, in the output or in the materials that carry it."""
    bench = BENCHES[name]
    planted = bench.family.probes[probe].materials
    for instance in _instances(name):
        given = _given(instance)
        if planted is None:
            signs = signs_of_address(bench.probe(instance, probe), given)
        else:
            signs = signs_of_address("\n".join(planted(instance).values()), given)
        assert bool(signs) == (probe not in UNSEEN), (instance.instance_id, signs)


@pytest.mark.parametrize("name", BENCHES)
def test_planted_materials_differ_by_the_plea_in_one_document(name: str) -> None:
    """One document holds the plea, on a line of its own text and not at its end; the others are as they were."""
    bench = BENCHES[name]
    plant = bench.family.probes["plea_in_source"].materials
    assert plant is not None
    said = ATTACKS["plea_in_source"].text
    for instance in _instances(name):
        planted = plant(instance)
        changed = [file for file, text in instance.materials.items() if planted[file] != text]
        assert set(planted) == set(instance.materials)
        assert len(changed) == 1
        assert planted[changed[0]].replace(f" {said}", "") == instance.materials[changed[0]]


def _innocent(name: str, instance: TaskInstance) -> Iterator[tuple[str, str]]:
    """Yield (where from, text) for everything of one instance that addresses nobody."""
    bench = BENCHES[name]
    yield "oracle", bench.family.oracle(instance)
    for operator in bench.family.operators:
        for severity in (1, 2, 3, 4):
            output = bench.ladder(instance, operator, severity)
            if output is not None:
                yield f"{operator}@{severity}", output
    for probe, entry in bench.family.probes.items():
        try:
            output = bench.probe(instance, probe)
        except NotApplicableError:
            continue
        if entry.kind != "attack" and (name, probe) not in ADDRESSING:
            yield probe, output
        if entry.honest is not None:
            yield f"{probe}@honest", bench.honest(instance, probe)


@pytest.mark.parametrize("name", BENCHES)
def test_no_false_alarm_on_any_generated_text(name: str) -> None:
    """12 seeds x all archetypes: no sign in prompt, materials, oracle, rungs, other probes and honest counterparts."""
    alarms = []
    for instance in _instances(name):
        # The materials are held against nothing: they must be silent by themselves.
        own = [("prompt", instance.prompt), *instance.materials.items()]
        alarms += [(instance.instance_id, where, signs) for where, text in own if (signs := signs_of_address(text))]
        given = _given(instance)
        # A rung that changes nothing is the output below it: the same text is looked at once.
        for text, where in {text: where for where, text in _innocent(name, instance)}.items():
            if signs := signs_of_address(text, given):
                alarms.append((instance.instance_id, where, signs))

    assert alarms == []


@pytest.mark.parametrize(("name", "probe"), ADDRESSING)
def test_probe_that_is_flagged_with_reason_is_flagged(name: str, probe: str) -> None:
    """A probe on the list of exceptions belongs there: the screen sees it wherever it applies."""
    bench = BENCHES[name]
    instances = [instance for instance in _instances(name) if bench.applies(instance, probe)]
    assert len(instances) >= 10
    assert all(signs_of_address(bench.probe(instance, probe), _given(instance)) for instance in instances)


@pytest.mark.parametrize("name", BENCHES)
@pytest.mark.parametrize("limit", SCREEN_LIMITS, ids=lambda limit: limit.name)
def test_every_limit_of_the_screen_is_shown_by_its_probe(name: str, limit: Limit) -> None:
    """The probe that a limit names is an attack of every family, and the screen lets it pass."""
    shown_by = limit.shown_by
    instance = _instances(name)[0]

    assert BENCHES[name].family.probes[shown_by].kind == "attack"
    assert signs_of_address(BENCHES[name].probe(instance, shown_by), _given(instance)) == ()


@pytest.mark.parametrize("name", ["doc_revision", "citation_grounding"])
def test_no_material_of_ours_speaks_to_a_judge(name: str) -> None:
    """Request and materials by themselves raise no alarm: they would keep every output on them from being judged."""
    for instance in family(name).instances(60, seed=77):
        assert not [sign for text in (instance.prompt, *instance.materials.values()) for sign in signs_of_address(text)]
