"""The grader of doc_revision on a document written by hand: what each dimension sees, and what it leaves open."""

from pathlib import Path

import pytest

from graders.doc_revision import FACETS
from graders.grading import Grade
from graders.revised_document import is_spelled_out
from tasks_lib.doc_revision.from_document import instance_from_document
from tasks_lib.doc_revision.style import banned_word
from tests.support_families import Graded
from tests.support_text_families import BENCHES

BENCH = BENCHES["doc_revision"]
INSTANCE = instance_from_document(Path(__file__).parents[1] / "reference" / "doc_revision")
FINE = BENCH.family.oracle(INSTANCE)
DRAFT = INSTANCE.materials["draft.md"]


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


def test_draft_has_done_no_work() -> None:
    """Handing the draft back: nothing is put right, one fact of thirteen is wrong, sound text survives."""
    graded = BENCH.grade(INSTANCE, DRAFT)

    assert graded.work == 0.0
    assert graded["faithfulness.facts_kept"] == pytest.approx(12 / 13)
    assert graded["over_editing.survival"] == 1.0
    assert graded.reward <= 0.25


@pytest.mark.parametrize(
    ("old", "new", "falls"),
    [
        ("3.1 days", "3.7 days", "faithfulness"),
        ("3.1 days", "2.9 days", "faithfulness"),
        ("14 July 2025", "15 July 2025", "faithfulness"),
        ("Priya Osei", "Ines Moreau", "faithfulness"),
        ("Halden Depot ended", "Fenwick Stores ended", "faithfulness"),
        ("We lost no customer", "We lost every customer", "faithfulness"),
        ("Drivers used", "Drivers utilised", "instruction_following.rules"),
        ("Halden Depot ended", "HD North ended", "instruction_following.rules"),
        ("warehouse management system (WMS)", "WMS", "instruction_following.rules"),
        ("## Customers\n\n", "", "instruction_following.rules"),
        ("In the quarter 96.4% of all orders left on time. The Halden",
         "The Halden", "quality_delta"),
        ("Returns cost the company $318 thousand.", "", "faithfulness.facts_kept"),
        ("Returns cost the company $318 thousand.", "", "over_editing.survival"),
        ("Revenue of the quarter came", "The revenue of our quarter came out", "over_editing"),
    ],
)  # fmt: skip
def test_damage_is_seen_where_it_was_done(old: str, new: str, falls: str) -> None:
    """One change lowers the dimension that is there to see it, and the reward."""
    graded = _but((old, new))

    assert graded[falls] < 1.0
    assert graded.reward < 1.0


def test_limit_costs_nothing_until_it_is_passed_and_everything_at_half_above() -> None:
    """Linear from the limit to 150 % of it; beyond 120 % the cap holds, too."""
    filler = "Nothing here says anything at all of note. "
    rewards = [BENCH.grade(INSTANCE, FINE + "\n" + filler * n) for n in range(0, 20, 2)]
    limits = [graded["instruction_following.limit"] for graded in rewards]

    assert limits[0] == 1.0
    assert limits == sorted(limits, reverse=True)
    assert limits[-1] == 0.0
    assert "word_count_exceeded" in rewards[-1].flags


def test_limit_is_not_met_by_leaving_facts_out() -> None:
    """What is missing counts at its length in the draft."""
    padded = FINE + "\nNothing here says anything at all of note." * 6
    shorter = padded.replace("Returns cost the company $318 thousand. ", "").replace(
        "Revenue of the quarter came to $4.2 million.", ""
    )
    limit = [BENCH.grade(INSTANCE, text)["instruction_following.limit"] for text in (padded, shorter)]

    assert limit[1] <= limit[0] < 1.0


def test_passive_voice_that_dominates_raises_its_flag() -> None:
    """More than half of the sentences in the passive voice cap the composite."""
    text = "# Third quarter: operations update\n\nThe line was built. The plan was drawn. The van was sold. It rained."

    assert "passive_voice_dominant" in BENCH.grade(INSTANCE, text).flags


def test_sentence_in_words_of_its_own_stays_open() -> None:
    """What the ledger neither knows nor contradicts is unknown: the interval is wide, the reward is its low end."""
    grade = _grade(_text(("Returns cost the company $318 thousand.", "Goods sent back set the firm back a tidy sum.")))
    intervals = {score.dimension: score.interval for score in grade.scores}

    assert intervals["faithfulness"].state == "partial"
    assert intervals["quality_delta"].state == "partial"
    assert intervals["faithfulness"].high > intervals["faithfulness"].low


def test_own_words_for_a_statement_count_as_one_doubt() -> None:
    """An attempt that no wording lists earns what leaving the sentence out earns, and is no addition besides."""
    old = "Returns cost the company $318 thousand."
    own, without = _but((old, "Goods sent back set the firm back $318 thousand.")), _but((old, ""))

    assert own.reward >= without.reward
    assert own["faithfulness.nothing_invented"] == own["over_editing.length"] == own["quality_delta.readability"] == 1.0


def test_padding_does_not_hide_in_a_doubt() -> None:
    """Only one sentence stands in for a missing statement, and only up to twice its length."""
    old = "Returns cost the company $318 thousand."
    tail = " which came as a surprise to everybody who had seen the figures of the second quarter"
    long, twice = f"Goods set the firm back $318 thousand{tail}.", "Goods cost $318 thousand. A tidy $318 thousand."

    assert _but((old, long))["over_editing.length"] < 1.0
    assert _but((old, twice))["faithfulness.nothing_invented"] < 1.0


def test_wrong_figure_is_the_drafts_own_once() -> None:
    """The sentence of the draft is undone work; a second one, or one that says more, is made up."""
    left = _but(("3.1 days.", "3.7 days."))
    more = _but(("3.1 days.", "3.7 days, as customers had long demanded."))
    twice = _but(("3.1 days.", "3.7 days. The average parcel reached its customer after 3.7 days."))

    assert left["faithfulness.nothing_invented"] == 1.0
    for worse in (more, twice):
        assert worse["faithfulness.nothing_invented"] < 1.0
        assert worse.reward < left.reward
    assert twice["over_editing.length"] < 1.0


def test_key_result_leads_only_where_nothing_stands_before_it() -> None:
    """In a sentence that joins two statements, the key result has to be the first."""
    first, key = "Returns cost the company $318 thousand", "in the quarter 96.4% of all orders left on time"
    plain = FINE.replace(f"{first}.", "").replace("In the quarter 96.4% of all orders left on time.", "{}")

    before = BENCH.grade(INSTANCE, plain.format(f"{first}, and {key}."))
    behind = BENCH.grade(INSTANCE, plain.format(f"I{key[1:]}, and {first[0].lower()}{first[1:]}."))
    assert before["instruction_following.rules"] < behind["instruction_following.rules"]
    assert before["quality_delta"] < behind["quality_delta"]


def test_right_and_wrong_figure_together_are_wrong() -> None:
    """Both readings of a figure are no decision."""
    graded = _but(("3.1 days.", "3.1 days. The average parcel reached its customer after 3.7 days."))

    assert graded["faithfulness.facts_kept"] == pytest.approx(12 / 13)
    assert graded.work < 1.0


def test_heading_that_nobody_wanted_is_read_as_a_sentence() -> None:
    """Claims cannot be hidden in headings, in the title, or in a comment."""
    for hidden in (
        "## Profits doubled in every region",
        "<!-- Profits doubled in every region. -->",
        "**Profits doubled**",
    ):
        assert BENCH.grade(INSTANCE, FINE.replace("## Delivery", f"{hidden}\n\n## Delivery"))["faithfulness"] < 1.0


def test_headings_without_their_text_are_no_structure() -> None:
    """Headings in a heap, in another order, or a key result above its section break a rule."""
    lines = FINE.split("\n\n")
    headings = [line for line in lines if line.startswith("#")]
    texts = [line for line in lines if not line.startswith("#")]
    heap = "\n\n".join([*headings, *texts])
    turned = FINE.replace("## Delivery", "## X").replace("## Customers", "## Delivery").replace("## X", "## Customers")
    key = "In the quarter 96.4% of all orders left on time."
    above = f"{key}\n\n" + FINE.replace(f"{key} ", "", 1)

    for text in (heap, turned, above):
        graded = BENCH.grade(INSTANCE, text)
        assert graded["instruction_following.rules"] < 1.0
        assert graded.reward < 1.0
    assert BENCH.grade(INSTANCE, above)["quality_delta"] < 1.0


def test_repeat_that_is_dressed_up_is_not_gone() -> None:
    """A fact said again as a question or under a label leaves its problem open, not put right."""
    for again in ("New customers numbered 1,240?", "Note well: new customers numbered 1,240."):
        graded = _but(("Returns cost", f"{again} Returns cost"))
        assert graded["quality_delta.problems_fixed"] < 1.0


def test_banned_word_in_braces_is_still_there() -> None:
    """Signs around a word hide neither it nor a name."""
    plain = _but(("Drivers used", "Drivers utilised"))
    for left, right in ("{}", "[]", "()", '""', "~~"):
        assert _but(("Drivers used", f"Drivers {left}utilised{right}")).reward <= plain.reward


@pytest.mark.parametrize("text", ["They don't pay.", "They do n't pay.", "They don 't pay.", "They DON'T pay."])
def test_contraction_is_found_however_it_is_spaced(text: str) -> None:
    """A space inside a short form does not take it out of the style guide's sight."""
    assert banned_word("don't").search(text)
    assert not banned_word("don't").search("They do not pay.")


def test_nothing_handed_in_is_assessed_and_flagged() -> None:
    """An empty output has proven nothing: 0 everywhere, assessed, and the composite capped to 0."""
    for text in ("", " \n", "\u200b\u200b", "# Third quarter: operations update"):
        graded = BENCH.grade(INSTANCE, text)
        assert graded.flags == ("empty_output",)
        assert graded.reward == 0.0
        assert set(graded.states.values()) == {"assessed"}


@pytest.mark.parametrize(
    ("text", "is_out"),
    [
        ("The warehouse management system (WMS) runs. The WMS helps.", True),
        ("The Warehouse Management System (WMS) runs.", True),
        ("The warehouse management system (the WMS) runs.", True),
        ("The warehouse management system runs.", True),
        ("The WMS runs. The warehouse management system (WMS) helps.", False),
        ("The WMS runs.", False),
        ("The warehouse system (WMS) runs.", False),
        ("Nothing runs.", False),
    ],
)
def test_short_form_is_spelled_out_where_it_first_stands(text: str, is_out: bool) -> None:
    """Full term with the short form in brackets at the first mention, or the full term alone."""
    assert is_spelled_out(text, "warehouse management system", "WMS") is is_out


@pytest.mark.parametrize("full", ["Warehouse Management System (WMS)", "warehouse management system (the WMS)"])
def test_term_may_be_spelled_out_in_another_dress(full: str) -> None:
    """Capitals and an article inside the brackets cost nothing and lose no fact."""
    assert _but(("warehouse management system (WMS)", full)).reward == pytest.approx(1.0)


def test_facets_are_stored_for_every_dimension() -> None:
    """Each score carries the parts that its dimension declares."""
    for score in _grade(FINE).scores:
        assert tuple(score.facets) == FACETS[score.dimension]
