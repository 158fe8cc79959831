"""Generated citation tasks: the truth checks out, the knobs do what they say, key words alone do not solve them."""

from dataclasses import replace
from statistics import mean
from typing import get_args

import pytest

from graders.text import lemma
from tasks_lib import policy
from tasks_lib.citation_grounding.archetype import Overreach, archetype, archetype_names
from tasks_lib.citation_grounding.generate import MAX_SUPPORTED
from tasks_lib.citation_grounding.truth import BriefTruth, Claim, Place, brief_truth
from tasks_lib.records import TaskInstance
from tasks_lib.words import words
from tests.support_text_families import BENCHES

BENCH = BENCHES["citation_grounding"]


def _sentence(truth: BriefTruth, place: Place) -> str:
    source = next(source for source in truth.sources if source.source_id == place[0])
    return source.sentences[place[1] - 1]


def _shared(left: str, right: str) -> float:
    """Return the Jaccard index of the lemmas of two sentences, figures and short words apart."""
    sets = [{lemma(word.lower()) for word in words(text) if len(word) > 3 and word.isalpha()} for text in (left, right)]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def test_each_duty_has_what_it_needs_and_nothing_else() -> None:
    """Supported and overstated claims have a source, unsupported ones have none; a source supports two at most."""
    for instance in BENCH.instances(90, 21):
        truth = brief_truth(instance)
        supported = [source for claim in truth.claims for source, _ in claim.support]

        assert any(claim.duty == "unsupported" for claim in truth.claims)
        assert all((claim.duty == "unsupported") == (not claim.support) for claim in truth.claims)
        assert all(claim.wanted == claim.brief for claim in truth.claims if claim.duty != "tone_down")
        assert all(claim.wanted != claim.brief for claim in truth.claims if claim.duty == "tone_down")
        assert max(map(supported.count, supported)) <= MAX_SUPPORTED


def test_no_place_is_both_support_and_trap_and_traps_stand_in_other_sources() -> None:
    """A claim's near miss, contradiction and distractor are other sentences, in other sources than its support."""
    for instance in BENCH.instances(90, 21):
        truth = brief_truth(instance)
        for claim in truth.claims:
            sources = [source for source, _ in (*claim.support, *claim.traps)]
            assert len(set(sources)) == len(sources)
            assert all(_sentence(truth, place) for place in (*claim.support, *claim.traps))


def test_support_and_traps_never_read_the_same() -> None:
    """No source holds the support of a claim twice, and no trap repeats it word for word."""
    for instance in BENCH.instances(90, 21):
        truth = brief_truth(instance)
        every = [sentence for source in truth.sources for sentence in source.sentences]
        for claim in truth.claims:
            for place in claim.support:
                assert every.count(_sentence(truth, place)) == 1


def test_lexical_distance_grows_with_its_knob() -> None:
    """The words that a claim and its support share become fewer with every step of the knob."""
    shares = []
    for distance in (0.0, 1.0, 2.0):
        found = [
            _shared(claim.brief, _sentence(truth, claim.support[0]))
            for seed in range(36)
            for truth in [brief_truth(BENCH.one(seed, lexical_distance=distance, overstated=0.0))]
            for claim in truth.claims
            if claim.duty == "cite"
        ]
        shares.append(mean(found))

    assert shares[0] > shares[1] + 0.05
    assert shares[1] > shares[2] + 0.05


@pytest.mark.parametrize(
    ("knob", "role"), [("near_misses", "near_miss"), ("contradictions", "contrary"), ("distractors", "distractors")]
)
def test_knob_of_a_trap_sets_how_many_claims_have_it(knob: str, role: str) -> None:
    """At 0 hardly any claim has the trap, at 1 every claim that can has it."""
    counts = [
        sum(len(getattr(claim, role)) for seed in range(12) for claim in _cited(BENCH.one(seed, **{knob: share})))
        for share in (0.0, 1.0)
    ]

    assert counts[0] == 0
    assert counts[1] == sum(len(_cited(BENCH.one(seed, **{knob: 1.0}))) for seed in range(12))


def _cited(instance: TaskInstance) -> list[Claim]:
    return [claim for claim in brief_truth(instance).claims if claim.duty == "cite"]


def test_key_words_alone_earn_less_than_a_middling_policy() -> None:
    """Citing whatever shares the most words, without reading, stays well below the middling simulated policy."""
    by_words, by_skill = [], []
    for instance in BENCH.instances(60, 31):
        truth = brief_truth(instance)
        places = [(source.source_id, n + 1) for source in truth.sources for n in range(len(source.sentences))]
        items = [
            replace(
                truth.untouched(claim),
                markers=(truth.marker(max(places, key=lambda p, c=claim, t=truth: _shared(c.brief, _sentence(t, p)))),),
            )
            for claim in truth.claims
        ]
        by_words.append(BENCH.grade(instance, truth.written(items)).reward)
        output = policy("sim/mid").attempt(BENCH.family, instance, 0).output
        by_skill.append(BENCH.grade(instance, output).reward)

    assert mean(by_words) < mean(by_skill) - 0.05


def test_every_source_has_several_sentences_at_any_setting() -> None:
    """Context goes to the short sources first; naming a source never names the sentence."""
    corners = [
        BENCH.one(
            seed=seed, claims=8, sources=12, context=context, near_misses=0.0, contradictions=0.0, distractors=0.0
        )
        for seed in range(30)
        for context in (1, 2, 3)
    ]
    for instance in (*corners, *BENCH.instances(100, 3), *BENCH.instances(30, 3, "stress")):
        assert min(len(source.sentences) for source in brief_truth(instance).sources) >= 2


def test_claims_are_overstated_in_every_way() -> None:
    """Quantifier, hedge, scope, cause: each is how some claim goes beyond its source and some source falls short."""
    templates = [claim for name in archetype_names() for claim in archetype(name).claim]

    for kinds in ({claim.strong_kind for claim in templates}, {claim.weaker_kind for claim in templates}):
        assert kinds == set(get_args(Overreach))
