"""The grader of citation_grounding on a brief written by hand: what each dimension sees, and what it leaves open."""

from pathlib import Path

import pytest

from graders.citation_grounding import FACETS
from graders.grading import Grade
from tasks_lib.citation_grounding.from_brief import instance_from_brief
from tests.support_families import Graded
from tests.support_text_families import BENCHES

BENCH = BENCHES["citation_grounding"]
INSTANCE = instance_from_brief(Path(__file__).parents[1] / "reference" / "citation_grounding")
FINE = BENCH.family.oracle(INSTANCE)
N = 11


def _but(*changes: tuple[str, str]) -> Graded:
    return BENCH.grade(INSTANCE, _text(*changes))


def _text(*changes: tuple[str, str]) -> str:
    text = FINE
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def _grade(text: str) -> Grade:
    return BENCH.grader.grade(INSTANCE, text)


@pytest.mark.parametrize(
    ("change", "aspect", "score"),
    [
        ((" [S1]", ""), "citation_present", 10 / N),
        (("[S1]", "[]"), "citation_present.resolves", 10 / N),
        (("[S1]", "[S4]"), "citation_accurate.source", 10 / N),
        (("[S1]", "[S1][S2]"), "citation_accurate.source", 10 / N),
        (("[S1]", "[S1:3]"), "citation_accurate.sentence", 10 / N),
        (("[S1]", "[S1:1-2]"), "citation_accurate.sentence", 10.5 / N),
        (("[S1]", "[S1:1-3]"), "citation_accurate.sentence", 10 / N),
        (("[S1]", "[S1:2-1]"), "citation_accurate.sentence", 10 / N),
        (("[unsupported]", "[S1]"), "citation_present", 10 / N),
        (("[unsupported]", "[S1]"), "hallucination_flag.faithful", 10 / N),
        ((" [unsupported]", ""), "hallucination_flag.faithful", 10 / N),
        (("Some travellers", "Most travellers"), "hallucination_flag.faithful", 10 / N),
        (("Ministers may agree", "Ministers will agree"), "hallucination_flag.faithful", 10 / N),
        (("1.9 million", "2.9 million"), "hallucination_flag.faithful", 10 / N),
        (("bought 42", "sold 42"), "argument_preservation.kept", 10 / N),
        (("Demand rose", "Demand fell"), "argument_preservation.kept", 10 / N),
        (("Paris plans ten new lines by 2030 [S5]. ", ""), "argument_preservation", 10 / N),
        (("Paris plans ten new lines by 2030 [S5]. ", ""), "citation_present", 10 / N),
        (("by 2030 [S5].", "by 2030 [S5]. Snow delays trains."), "hallucination_flag.nothing_added", 1 - 1.5 / N),
    ],
)  # fmt: skip
def test_one_change_costs_one_claim_where_it_belongs(change: tuple[str, str], aspect: str, score: float) -> None:
    """Each aspect is a share of the eleven expected claims."""
    graded = _but(change)

    assert graded[aspect] == pytest.approx(score)
    assert graded.reward < 1.0


def test_right_anchor_is_as_good_as_none_where_none_is_wanted() -> None:
    """The request asks for sources only; the right sentence does no harm."""
    assert _but(("[S1]", "[S1:1]"), ("[S5]", "[S5:1]")).reward == pytest.approx(1.0)


def test_wrong_reference_costs_more_than_none() -> None:
    """A reader who follows it is worse served than by none."""
    assert _but(("[S1]", "[S4]")).work < _but((" [S1]", "")).work


def test_several_claims_in_one_sentence_keep_their_own_markers() -> None:
    """A marker in the middle belongs to the claim before it; a swapped pair is seen."""
    old = "Paris plans ten new lines by 2030 [S5]. Sleeping cars emit less carbon than aircraft on the same route [S5]."
    joint = (
        "Paris plans ten new lines by 2030 [{}], and sleeping cars emit less carbon than aircraft on the same route "
        "[{}]."
    )

    assert _but((old, joint.format("S5", "S5"))).reward == pytest.approx(1.0)
    assert _but((old, joint.format("S5", "S1")))["citation_accurate"] == pytest.approx(10 / N)


def test_order_counts_what_stands_where_it_stood() -> None:
    """Two neighbouring claims that change places cost one."""
    first, second = (
        "Night trains carried 1.9 million passengers in 2019 [S1].",
        "The operator from Vienna bought 42 sleeping cars in 2016 [S2].",
    )
    graded = _but((f"{first} {second}", f"{second} {first}"))

    assert graded["argument_preservation.order"] == pytest.approx(10 / N)
    assert graded["argument_preservation.kept"] == 1.0


def test_claim_handed_in_both_ways_is_not_settled() -> None:
    """With a source and as unsupported, or right and overstated: the worse counts."""
    twice = (
        "Some travellers choose the night train for its price [S3]. "
        "Most travellers choose the night train for its price [S3]."
    )
    graded = _but(("Some travellers choose the night train for its price [S3].", twice))

    assert graded["hallucination_flag.faithful"] == pytest.approx(10 / N)


def test_own_words_for_a_claim_count_as_one_doubt() -> None:
    """A claim that no wording lists earns no less than leaving it out, and nothing is taken for added besides."""
    old = "Paris plans ten new lines by 2030 [S5]. "
    own, without = _but((old, "Paris has ten new lines in view for 2030 [S5]. ")), _but((old, ""))

    assert own["hallucination_flag.nothing_added"] == 1.0
    assert own.reward >= without.reward


def test_claim_in_words_of_its_own_stays_open() -> None:
    """What is neither known nor contradicted is unknown: intervals are wide, the reward is the low end."""
    grade = _grade(
        _text(("Track fees for night trains fell in Belgium [S5].", "Belgium charges night trains less now [S5]."))
    )
    intervals = {score.dimension: score.interval for score in grade.scores}

    assert {intervals[name].state for name in ("citation_present", "citation_accurate", "hallucination_flag")} == {
        "partial"
    }
    assert intervals["citation_accurate"].high == 1.0


def test_invented_source_raises_its_flag() -> None:
    """A reference to nothing is told from a wrong one, and capped."""
    graded = _but(("[S1]", "[S9]"))

    assert graded.flags == ("fabricated_source",)
    assert graded.reward <= 0.3


def test_nothing_handed_in_is_assessed_and_flagged() -> None:
    """An empty output has proven nothing: 0 everywhere, assessed, and the composite capped to 0."""
    for text in ("", " \n", "\u200b", "## Revival"):
        graded = BENCH.grade(INSTANCE, text)
        assert graded.flags == ("empty_output",)
        assert graded.reward == 0.0
        assert set(graded.states.values()) == {"assessed"}


def test_facets_are_stored_for_every_dimension() -> None:
    """Each score carries the parts that its dimension declares."""
    for score in _grade(FINE).scores:
        assert tuple(score.facets) == FACETS[score.dimension]
