"""The judge's hand-made material: rubrics and seed examples fit together and do not contradict what code settles."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from graders.grading import grader
from tasks_lib import family
from tasks_lib.citation_grounding.from_brief import instance_from_brief
from tasks_lib.doc_revision.from_document import instance_from_document
from tasks_lib.records import TaskInstance

JUDGE = Path(__file__).parents[3] / "graders" / "judge"
SEED, RUBRICS = JUDGE / "seed", JUDGE / "rubrics"
MAKE = {"doc_revision": instance_from_document, "citation_grounding": instance_from_brief}
DIMENSIONS = {
    "doc_revision": ("faithfulness", "quality_delta"),
    "citation_grounding": ("citation_accurate", "hallucination_flag"),
}
JUDGED = [(name, dimension) for name, dimensions in DIMENSIONS.items() for dimension in dimensions]
CASES = [(name, folder.name) for name in MAKE for folder in sorted((SEED / name).iterdir())]
FIELDS = {"name", "case", "quality", "why", "output", "levels"}
FAR = 0.30
"""How far an author's level may lie outside what code leaves open."""


def _examples(name: str) -> list[dict[str, Any]]:
    examples: list[dict[str, Any]] = tomllib.loads((SEED / f"{name}.toml").read_text(encoding="utf-8"))["example"]
    return examples


EXAMPLES = [pytest.param(name, example, id=example["name"]) for name in MAKE for example in _examples(name)]


def _instance(name: str, case: str) -> TaskInstance:
    return MAKE[name](SEED / name / case)


def _rubric(name: str, dimension: str) -> tuple[dict[str, Any], list[str]]:
    """Return the front matter of a rubric, and its body cut at the headings."""
    text = (RUBRICS / f"{name}.{dimension}.md").read_text(encoding="utf-8")
    before, front, body = re.split(r"(?m)^\+\+\+\n", text)
    assert before == ""
    return tomllib.loads(front), re.split(r"(?m)^# (.+)\n", body)


def _count(why: str, pattern: str) -> tuple[float, ...]:
    found = re.search(pattern, why)
    assert found is not None, f"no count {pattern!r} in {why!r}"
    return tuple(float(number) for number in found.groups())


def _level_of_points(points: float, facts: float) -> int:
    """The anchors of faithfulness: no points; up to a fifth, up to a third, below half of the facts; half or more."""
    if points == 0:
        return 4
    if 5 * points <= facts:
        return 3
    if 3 * points <= facts:
        return 2
    return 1 if 2 * points < facts else 0


def _level_of_share(part: float, whole: float) -> int:
    """The anchors of the others: all; from two thirds; between the thirds; up to one third; nothing."""
    if part == whole:
        return 4
    if 3 * part >= 2 * whole:
        return 3
    if 3 * part > whole:
        return 2
    return 1 if part > 0 else 0


@pytest.mark.parametrize(("name", "case"), CASES)
def test_finished_text_of_a_case_scores_full_marks(name: str, case: str) -> None:
    """Every seed folder makes an instance whose oracle earns 1.0 on every dimension, with all the work done."""
    instance = _instance(name, case)

    grade = grader(name).grade(instance, family(name).oracle(instance))

    found = {score.dimension: (score.interval.low, score.interval.high) for score in grade.scores}
    assert found == dict.fromkeys(grader(name).rubric.weights, (1.0, 1.0))
    assert (grade.work.low, grade.flags) == (1.0, ())


@pytest.mark.parametrize("name", MAKE)
def test_examples_name_known_cases_and_both_dimensions(name: str) -> None:
    """Names stand once, every folder is used and exists, and each example has a level 0..4 for both dimensions."""
    examples = _examples(name)

    assert len({example["name"] for example in examples}) == len(examples) >= 8
    assert {(name, example["case"]) for example in examples} == {pair for pair in CASES if pair[0] == name}
    for example in examples:
        assert set(example) == FIELDS, example["name"]
        assert example["quality"] in ("bad", "middling", "good")
        assert tuple(example["levels"]) == DIMENSIONS[name]
        assert all(type(level) is int and 0 <= level <= 4 for level in example["levels"].values())
        assert example["why"].endswith(".")
        assert example["output"].strip()


@pytest.mark.parametrize(("name", "dimension"), JUDGED)
def test_levels_of_a_dimension_span_the_scale(name: str, dimension: str) -> None:
    """At least six examples: two at 0 or 1, two at 2, two at 3 or 4, and every level once."""
    levels = [example["levels"][dimension] for example in _examples(name)]

    assert len(levels) >= 6
    assert set(levels) == {0, 1, 2, 3, 4}
    assert min(sum(level <= 1 for level in levels), levels.count(2), sum(level >= 3 for level in levels)) >= 2


@pytest.mark.parametrize("name", MAKE)
def test_two_dimensions_vary_independently(name: str) -> None:
    """Some example is at least three levels better on the first dimension, and some on the second."""
    pairs = [tuple(example["levels"].values()) for example in _examples(name)]

    assert max(first - second for first, second in pairs) >= 3
    assert max(second - first for first, second in pairs) >= 3


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_level_follows_from_the_count(name: str, example: dict[str, Any]) -> None:
    """The counts that `why` names give the author's levels by the thresholds of the rubrics' anchors."""
    why = example["why"]
    if name == "doc_revision":
        points = _count(why, r"(\d+) points? in (\d+) facts")
        expected = (_level_of_points(*points), _level_of_share(*_count(why, r"(\d+) of (\d+) problems put right")))
    else:
        accurate, claims = _count(why, r"([\d.]+) of (\d+) claims accurate")
        (faults,) = _count(why, r"([\d.]+) faults?\b")
        expected = (_level_of_share(accurate, claims), _level_of_share(max(0.0, claims - faults), claims))

    assert tuple(example["levels"].values()) == expected


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_code_does_not_contradict_the_author(name: str, example: dict[str, Any]) -> None:
    """Where code settles a dimension, or part of it, the author's level / 4 lies at most 0.30 outside its interval."""
    grade = grader(name).grade(_instance(name, example["case"]), example["output"])
    found = {score.dimension: score.interval for score in grade.scores}

    for dimension, level in example["levels"].items():
        low, high = found[dimension].low, found[dimension].high
        assert low - FAR <= level / 4 <= high + FAR, f"{dimension}: level {level}, code [{low:.2f}, {high:.2f}]"


@pytest.mark.parametrize("name", MAKE)
def test_code_leaves_work_for_a_judge(name: str) -> None:
    """Two examples at least are right in words of their own: level 4 on both dimensions, half of each or more open."""
    open_ones = []
    for example in _examples(name):
        grade = grader(name).grade(_instance(name, example["case"]), example["output"])
        found = {score.dimension: score.interval for score in grade.scores}
        if all(found[one].high - found[one].low >= 0.5 and level == 4 for one, level in example["levels"].items()):
            open_ones.append(example["name"])

    assert len(open_ones) >= 2


@pytest.mark.parametrize("name", MAKE)
def test_finished_text_is_an_example(name: str) -> None:
    """One example is the oracle's text word for word, at level 4 on both dimensions."""
    finished = [
        example
        for example in _examples(name)
        if example["output"] == family(name).oracle(_instance(name, example["case"]))
    ]

    assert [tuple(example["levels"].values()) for example in finished] == [(4, 4)]


@pytest.mark.parametrize(("name", "dimension"), JUDGED)
def test_rubric_has_five_levels_and_two_questions(name: str, dimension: str) -> None:
    """The front matter has its fields and levels 4 to 0, the body the question twice in 80 to 160 words each."""
    front, parts = _rubric(name, dimension)

    assert set(front) == {"family", "dimension", "version", "evidence", "cannot_assess", "levels"}
    assert (front["family"], front["dimension"]) == (name, dimension)
    assert [level["level"] for level in front["levels"]] == [4, 3, 2, 1, 0]
    for level in front["levels"]:
        assert set(level) == {"level", "anchor", "paraphrase", "example"}
        assert level["anchor"] != level["paraphrase"]
    before, *sections = parts
    assert before == ""
    assert sections[::2] == ["Question", "Question, said otherwise"]
    assert all(80 <= len(text.split()) <= 160 for text in sections[1::2])


@pytest.mark.parametrize(("name", "dimension"), JUDGED)
def test_rubric_speaks_of_nothing_but_its_dimension(name: str, dimension: str) -> None:
    """No other dimension, no weight, and nothing about what a score is for stands in what a judge reads."""
    front, parts = _rubric(name, dimension)
    shown = " ".join(
        [front["evidence"], front["cannot_assess"], *parts]
        + [text for level in front["levels"] for text in (level["anchor"], level["paraphrase"], level["example"])]
    ).casefold()

    others = {other.replace("_", " ") for other in grader(name).rubric.weights if other != dimension}
    barred = others | {other.replace(" ", "_") for other in others}
    barred |= {"reward", "training", "trained", "policy", "policies", "weight", "weights", "composite", "rl"}
    assert [word for word in sorted(barred) if re.search(rf"\b{word}\b", shown)] == []
