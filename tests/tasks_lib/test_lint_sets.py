"""The lint of whole sets: sameness, what the families generate, and laws that hold for any text."""

import math
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.lint import examine_set, graded_names
from tasks_lib.lint import examine, lint
from tasks_lib.lint.alignment import sentences
from tasks_lib.lint.sameness import (
    NEAR_DUPLICATE,
    SAME_SHAPE,
    cluster_sizes,
    effective_numbers,
    links,
    links_by_cosine,
    masked,
    shapes,
    weighted,
)
from tasks_lib.records import TaskInstance
from tests.support_lint import GRADED, Memo, found, memo, only
from tests.support_spreadsheet import FAMILY, mixed_instances
from tests.support_text_families import BENCHES

# Sameness.


def long_memo(name: str, *changed: str) -> TaskInstance:
    """Build a memo of a hundred words with some of them changed."""
    words = [f"item{number}" for number in range(100)]
    for at, word in enumerate(changed):
        words[at * 20 + 10] = word
    text = " ".join(words)
    return memo(draft=text, finished=f"{text} Costs rose.", name=name)


def test_near_duplicate_is_found_with_its_twin() -> None:
    """One word of a hundred changed breaks five of about a hundred runs: Jaccard about .9. Five words: about .6."""
    twin = only(found(long_memo("memo-1"), long_memo("memo-2", "x"), rule="near_duplicate"))

    assert (twin.severity, twin.instance_id, twin.text) == ("warning", "memo-2", "memo-1")
    assert found(long_memo("memo-1"), long_memo("memo-2", "x", "y", "z", "v", "w"), rule="near_duplicate") == []


def test_short_texts_are_near_duplicates_only_where_they_are_equal() -> None:
    """Two short tasks in one wording are mostly that wording."""
    other = memo(draft="A.", finished="Costs rose.", name="memo-2")
    assert found(memo(draft="B.", finished="Costs fell."), other, rule="near_duplicate") == []
    assert found(memo(), memo(name="memo-2"), rule="near_duplicate") != []


def test_effective_number_of_shapes_of_the_worked_example() -> None:
    """Clusters of 70, 20 and 10 %: exp(H) = 2.23, 1 / sum of squares = 1.85."""
    entropy, simpson = effective_numbers([70, 20, 10])

    assert entropy == pytest.approx(2.23, abs=0.005)
    assert simpson == pytest.approx(1.85, abs=0.005)


def test_two_ledger_prompts_are_one_shape_once_masked() -> None:
    """Cosine far below one as they stand, 1.00 without names, dates and figures."""
    one = "Reconcile ledger Northgate against Halvorsen Freight by 2025-03-31: 1,204 entries, 12.5 in dispute."
    other = "Reconcile ledger Ashby against Calder Mills Group by 2024-11-30: 87 entries, 3.75 in dispute."
    raw = links_by_cosine(weighted([Counter(one.split()), Counter(other.split())]), 0.0)

    assert not raw or raw[0].likeness < 0.6
    assert masked(one)["_"] >= 4
    assert set(masked(one)) == set(masked(other))
    assert shapes("ledger", [masked(one), masked(other)]).clusters == 1


def test_one_sentence_with_the_nouns_changed_is_found() -> None:
    """Sixty prompts of one wording are one shape; six wordings, ten of each, are six."""
    tails = ("berg", "dale", "ford", "ham", "ley", "mere", "nby", "ow", "ston", "wick")
    names = [f"{letter}{tail}" for letter in "ABCDEF" for tail in tails]
    openings = (
        "Please set the memo on {} right",
        "What we wrote about {} is stale, mend it",
        "{} waits for its page, so finish",
        "Tidy whatever our people typed on {}",
        "Nobody trusts this summary of {} any longer",
        "{}: quick pass, then send",
    )
    one = [memo(openings[0].format(name), name=f"m-{name}") for name in names]
    six = [memo(openings[at % 6].format(name), name=f"m-{name}") for at, name in enumerate(names)]

    finding = only(found(*one, rule="few_shapes"))
    assert (finding.severity, finding.text) == ("warning", "memo")
    assert "effectively 1.00" in finding.message
    assert found(*six, rule="few_shapes") == []
    assert found(*one[:59], rule="few_shapes") == []


# Whole sets.


def test_300_generated_spreadsheet_tasks_are_clean() -> None:
    """No finding at all, so no error and no near-duplicate, and about as many wordings as archetypes."""
    examination = examine_set(mixed_instances(300, 77))

    assert examination.findings == []
    assert examination.shapes[0].effective >= 7


@pytest.mark.parametrize("family", BENCHES)
def test_generated_tasks_of_prose_are_clean(family: str) -> None:
    """No error, no near-duplicate; at most a source now and then in the very words of the claim that it supports."""
    examination = examine_set(BENCHES[family].instances(150, 77))

    assert examination.shapes[0].effective >= 6
    assert {(finding.severity, finding.rule) for finding in examination.findings} <= {("warning", "root_cause")}
    assert len(examination.findings) <= 2


@pytest.mark.parametrize("split", ["stress", "heldout"])
def test_other_splits_are_clean(split: str) -> None:
    """The stress split states other rules."""
    assert examine_set(mixed_instances(70, 78, split)).findings == []


def test_single_turn_and_own_tables_are_clean(tmp_path: Path) -> None:
    """A prompt that repeats its materials is read without them; somebody's own table has a request of its own."""
    from tasks_lib.spreadsheet_clean.from_table import instances_from_table

    table = "city,day,litres\n" + "".join(f"Town {n},2025-03-{n + 1:02d},{n * 137 + 1200}\n" for n in range(25))
    (tmp_path / "water.csv").write_text(table)
    own = list(instances_from_table(tmp_path / "water.csv", 5, 1))

    assert examine_set(list(FAMILY.instances(14, 5, mode="single"))).findings == []
    assert {finding.severity for finding in examine_set(own).findings} <= {"warning"}
    assert {finding.rule for finding in examine_set(own).findings} <= {"near_duplicate"}


def test_truth_that_the_family_cannot_read_is_a_finding() -> None:
    """An instance that somebody edited badly is reported, and the others are linted."""
    instances = mixed_instances(2, 9)
    broken = instances[0].model_copy(update={"truth": {}, "instance_id": "broken"})

    finding = only(lint([broken, instances[1]]))
    assert (finding.rule, finding.severity, finding.instance_id) == ("unusable_truth", "error", "broken")


def test_grader_without_facets_is_read() -> None:
    """`facets` is optional for a grader."""
    from tests.flows.tiny_family import TinyGrader, TinyUpper

    names = graded_names(TinyGrader())
    assert names.facets == {}
    assert all(names.looks_at(name) for name in ("words", "case", "empty_output", "words.recall"))
    assert not any(names.looks_at(name) for name in ("letters", "letters.recall", "recall"))
    assert lint(TinyUpper().instances(4), {"tiny_upper": names}, {"tiny_upper": TinyUpper()}) == []


# Laws.

LEAKS = st.sampled_from(
    [
        "You will be graded",
        "TODO",
        "{name}",
        "/home/ines/x",
        "fact_accuracy",
        "answer key",
        "İstanbul",
        "Straße",
        "row 7",
    ]
)
TEXTS = st.lists(LEAKS | st.text("abc ,.\n\tÄß", max_size=12), max_size=8).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(prompt=TEXTS, material=TEXTS)
def test_span_is_where_the_text_stands(prompt: str, material: str) -> None:
    """Cutting the span out of the place gives the text of the finding, whatever letters stand before it."""
    instance = memo(prompt, {"notes.txt": material})
    texts = {"prompt": instance.prompt, **instance.materials}
    for finding in found(instance):
        if finding.span != (0, 0):
            assert " ".join(texts[finding.place][slice(*finding.span)].split()) == finding.text


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.frozensets(st.integers(0, 30), max_size=20), max_size=12), st.sampled_from([0.5, NEAR_DUPLICATE, 0.9])
)
def test_links_join_what_comparing_all_pairs_joins(sets: list[frozenset[int]], at_least: float) -> None:
    """The index leaves no pair out: the clusters are those of brute force, and every link is a true one."""
    fast = links(sets, at_least)
    pairs = [
        (a, b)
        for a in range(len(sets))
        for b in range(a)
        if sets[a] and sets[b] and len(sets[a] & sets[b]) / len(sets[a] | sets[b]) >= at_least
    ]

    assert {(max(x.first, x.second), min(x.first, x.second)) for x in fast} <= set(pairs)
    assert cluster_sizes(len(sets), fast) == _sizes(len(sets), pairs)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=10).map(Counter), max_size=10))
def test_links_by_cosine_join_what_comparing_all_pairs_joins(prompts: list[Counter[str]]) -> None:
    """The same for the masked prompts."""
    vectors = weighted(prompts)
    pairs = [
        (a, b)
        for a in range(len(vectors))
        for b in range(a)
        if math.fsum(weight * vectors[b].get(word, 0.0) for word, weight in vectors[a].items()) >= SAME_SHAPE
    ]

    assert cluster_sizes(len(vectors), links_by_cosine(vectors, SAME_SHAPE)) == _sizes(len(vectors), pairs)


@given(st.text("ab. \n;?!", max_size=40))
def test_sentences_cover_every_letter_once(text: str) -> None:
    """Nothing of a prompt is passed over between two sentences."""
    spans = list(sentences(text))

    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    assert sum(not letter.isspace() for letter in text) == sum(
        not letter.isspace() for start, end in spans for letter in text[start:end]
    )


def _sizes(n: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Return the sizes of the connected components, by repeated union of sets."""
    clusters = [{place} for place in range(n)]
    for a, b in pairs:
        joined = next(c for c in clusters if a in c) | next(c for c in clusters if b in c)
        clusters = [c for c in clusters if not c & joined] + [joined]
    return sorted(map(len, clusters), reverse=True)


def test_examination_counts_by_severity() -> None:
    """Errors and warnings are told apart."""
    examination = examine([memo("You will be graded. Sort it.")], {"memo": GRADED}, {"memo": Memo()})

    # The passage of the only requirement is missing: an error, too.
    assert examination.count("error") == 2
    assert examination.count("warning") == 1
