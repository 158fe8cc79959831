"""Generated instances of both families of prose: the same everywhere, different enough, and playable."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from graders.text import Reader
from tasks_lib.doc_revision.archetype import archetype, archetype_names
from tasks_lib.environment import SUBMIT, Episode
from tasks_lib.records import TaskInstance, ToolCall
from tests.support_text_families import BENCHES

ROOT = Path(__file__).parents[2]
_DIGEST = """
import hashlib, sys
from tasks_lib import family, policy
f = family(sys.argv[1])
h = hashlib.sha256()
for split in ("train", "stress"):
    for i in f.instances(24, 9, split=split):
        h.update(i.model_dump_json().encode())
        for name in ("sim/mid", "probe/other_instance", f"ladder/{[*f.operators][0]}@3"):
            h.update(policy(name).attempt(f, i, 1).output.encode())
print(h.hexdigest())
"""


def _digest(family: str, hash_seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        [sys.executable, "-c", _DIGEST, family], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize("family", BENCHES)
def test_same_seed_gives_the_same_bytes_in_another_process(family: str) -> None:
    """Instances and outputs do not depend on the order of hashes."""
    assert _digest(family, "1") == _digest(family, "4711")


def _shingles(instance: TaskInstance) -> frozenset[int]:
    text = re.findall(r"\w+", " ".join([instance.prompt, *instance.materials.values()]).lower())
    return frozenset(
        int.from_bytes(hashlib.blake2b(" ".join(text[at : at + 5]).encode(), digest_size=8).digest(), "big")
        for at in range(len(text) - 4)
    )


@pytest.mark.parametrize("family", BENCHES)
@pytest.mark.parametrize("difficulty", [(0.0, 1.0), (0.5, 0.5)], ids=["spread", "fixed"])
def test_no_two_of_three_hundred_instances_are_nearly_the_same(family: str, difficulty: tuple[float, float]) -> None:
    """The Jaccard index of 5-word shingles is .8 at most for every pair of a set of 300."""
    shingles = [_shingles(i) for i in BENCHES[family].family.instances(300, seed=77, difficulty=difficulty)]
    worst = max(
        len(a & b) / len(a | b) for place, a in enumerate(shingles) for b in shingles[:place]
    )  # fmt: skip

    assert worst <= 0.8


@pytest.mark.parametrize("family", BENCHES)
def test_family_has_six_archetypes_at_least_and_uses_all(family: str) -> None:
    """A set goes through all archetypes; their requests do not name what looks at the result."""
    bench = BENCHES[family]
    used = {instance.archetype for instance in bench.instances(60, 21)}

    assert len(bench.family.archetypes) >= 6
    assert used == set(bench.family.archetypes)


def test_every_passive_sentence_can_be_turned_round() -> None:
    """Whoever keeps the verb of a passive sentence and turns it round finds the result among the wordings."""
    reader = Reader([])

    def said(template: str) -> set[str]:
        return set(reader.read(re.sub(r"\{\w+\}", "Zed", template)).content)

    turned = [
        (kind, statement.id, passive)
        for kind in archetype_names()
        for statement in archetype(kind).statement
        for passive in statement.passive.values()
        if all(said(passive) != said(active) for active in (*statement.forms, statement.repeat, *statement.more))
    ]
    assert turned == []


def test_drafts_hold_no_two_articles_in_a_row() -> None:
    """Another name that begins with an article takes the place of the one before it."""
    drafts = [instance.materials["draft.md"] for instance in BENCHES["doc_revision"].instances(150, 8)]

    assert [draft for draft in drafts if re.search(r"\b(the|a) (the|a)\b", draft, re.IGNORECASE)] == []


@pytest.mark.parametrize("family", BENCHES)
def test_tour_shows_everything_in_several_looks_and_submit_ends(family: str) -> None:
    """The evidence needs more than one observation; after `submit` nothing happens any more."""
    bench = BENCHES[family]
    for instance in bench.instances(12, 3):
        tour = bench.family.tour(instance)
        episode = Episode(bench.family.world(instance))
        seen = "\n".join(episode.call(call) for call in tour)
        lines = [line for text in instance.materials.values() for line in text.split("\n") if line.strip()]

        assert len(tour) >= 3
        assert not [line for line in lines if line.strip() not in seen]
        assert episode.status is None
        episode.call(ToolCall(tool=SUBMIT, arguments={"text": "done"}))
        assert (episode.status, episode.output) == ("completed", "done")


@pytest.mark.parametrize("family", BENCHES)
def test_single_mode_shows_everything_at_once(family: str) -> None:
    """The single-turn variant holds all materials in its prompt and offers `submit` alone."""
    bench = BENCHES[family]
    instance = bench.family.generate(5, mode="single")

    assert all(text in instance.prompt for text in instance.materials.values())
    assert [tool.name for tool in bench.family.world(instance).tools] == [SUBMIT]
    assert bench.family.tour(instance) == ()


@pytest.mark.parametrize("family", BENCHES)
def test_world_answers_bad_calls_with_a_sentence(family: str) -> None:
    """A tool used wrongly is an observation that says what is wrong, never an exception."""
    bench = BENCHES[family]
    instance = bench.family.generate(5)
    tools = [tool.name for tool in bench.family.world(instance).tools if tool.name != SUBMIT]
    for tool in [*tools, "no_such_tool"]:
        for arguments in (
            {},
            {"name": 3, "id": 3, "text": 7, "start": "x", "page": -1, "old": None},
            {"name": "nowhere"},
        ):
            episode = Episode(bench.family.world(instance))
            assert episode.call(ToolCall(tool=tool, arguments=arguments))
            assert episode.status is None


@pytest.mark.parametrize("family", BENCHES)
def test_every_knob_has_a_range_and_a_meaning(family: str) -> None:
    """Each knob refuses what is out of range, and its field says what it does."""
    knobs = BENCHES[family].family.knobs
    schema = knobs.model_json_schema()["properties"]
    for name, field in schema.items():
        if field.get("type") in ("integer", "number"):
            assert {"minimum", "maximum"} <= field.keys(), name
            with pytest.raises(ValidationError):
                knobs(**{name: field["maximum"] + 1})
            with pytest.raises(ValidationError):
                knobs(**{name: field["minimum"] - 1})


@pytest.mark.parametrize("family", BENCHES)
def test_truth_survives_json_and_stays_out_of_the_materials(family: str) -> None:
    """An instance that was stored and read grades as before; its finished text is in no material."""
    bench = BENCHES[family]
    for instance in bench.instances(12, 8):
        stored = TaskInstance.model_validate(json.loads(instance.model_dump_json()))
        oracle = bench.family.oracle(instance)

        assert bench.grade(stored, oracle) == bench.grade(instance, oracle)
        assert not [name for name, text in instance.materials.items() if oracle.strip() in text]


@pytest.mark.parametrize("family", BENCHES)
def test_every_requirement_stands_in_the_prompt(family: str) -> None:
    """Each declared requirement is stated word for word, and together they cover every dimension and facet."""
    bench = BENCHES[family]
    for instance in bench.instances(60, 21):
        requirements = bench.family.requirements(instance)
        covered = {name for requirement in requirements for name in requirement.graded_by}
        texts = [instance.prompt, *instance.materials.values()]

        assert all(any(passage in text for text in texts) for r in requirements for passage in r.stated)
        assert all(requirement.stated for requirement in requirements)
        assert set(bench.dimensions) <= {name.split(".")[0] for name in covered}
