"""Sentences held against a ledger: what states a fact, what contradicts one, and what must stay unknown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.statements import Ledger
from graders.text import Reader

WORDINGS = {
    "spend": ("The project spent $4.2 million before 14 March 2025.",
              "Spending on the project reached $4.2 million before 14 March 2025."),
    "share": ("Northwind Logistics used the portal for about 37% of its orders.",
              "About 37% of the orders at Northwind Logistics went through the portal."),
    "plan": ("Maya Lindqvist approved the winter plan of Tomasz Okoro.",),
    "delay": ("The vendor may delay the second phase of the tunnel.",),
    "rise": ("Ticket sales rose to 5% of turnover in Leeds.",),
    "range": ("The wait grew from 12 to 19 days at the clinic.",),
    "sites": ("Most sites in Hull closed their night desk.",),
    "never": ("The audit did not find errors in the payroll.",),
    "lease": ("Calder Transport bought the depot from Averley Glass.",),
    "crew": ("A crew of 46 people cleans the harbour every week.",),
}  # fmt: skip
TEXT = " ".join(text for forms in WORDINGS.values() for text in forms)
NAMES = "In Leeds and Hull, Maya Lindqvist met Tomasz Okoro of Calder Transport, Averley Glass and Northwind Logistics."


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    """Ten statements with figures, dates, roles, hedges, negation and quantifiers."""
    return Ledger(WORDINGS, Reader([TEXT, NAMES]), [TEXT, NAMES])


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, forms in WORDINGS.items() for text in forms])
def test_every_listed_wording_states_its_statement(ledger: Ledger, name: str, text: str) -> None:
    """Also without the final stop, with other dates' spelling, and in a list."""
    for form in (
        text,
        text.rstrip("."),
        text.replace("14 March 2025", "March 14, 2025"),
        text.replace("%", " percent"),
    ):
        finding = ledger.hold(form)
        assert (finding.kind, finding.about) == ("states", (name,))


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        ("The project spent $4.9 million before 14 March 2025.", "spend", "figure_not_given"),
        ("The project spent $4.2 million before 19 March 2025.", "spend", "figure_not_given"),
        ("Northwind Logistics used the portal for about 46% of its orders.", "share", "other_figure"),
        ("Northwind Logistics used the portal for 37% of its orders.", "share", "strength"),
        ("Calder Transport used the portal for about 37% of its orders.", "share", "other_name"),
        ("Tomasz Okoro approved the winter plan of Maya Lindqvist.", "plan", "roles_swapped"),
        ("Maya Lindqvist did not approve the winter plan of Tomasz Okoro.", "plan", "polarity"),
        ("Maya Lindqvist rejected the winter plan of Tomasz Okoro.", "plan", "polarity"),
        ("The vendor will delay the second phase of the tunnel.", "delay", "strength"),
        ("The vendor certainly delays the second phase of the tunnel.", "delay", "strength"),
        ("Ticket sales fell to 5% of turnover in Leeds.", "rise", "polarity"),
        ("All sites in Hull closed their night desk.", "sites", "strength"),
        ("Sites in Hull closed their night desk.", "sites", "strength"),
        ("The audit found errors in the payroll.", "never", "polarity"),
        ("The wait grew from 19 to 12 days at the clinic.", "range", "roles_swapped"),
        ("Averley Glass bought the depot from Calder Transport.", "lease", "roles_swapped"),
    ],
)
def test_departure_from_a_statement_is_a_violation(ledger: Ledger, text: str, name: str, reason: str) -> None:
    """A wrong figure, name, role, polarity or strength is told, and of which statement."""
    finding = ledger.hold(text)

    assert (finding.kind, finding.about, finding.reason) == ("violates", (name,), reason)


@pytest.mark.parametrize(
    "text", ["Profits reached $77 million.", "Zorblatt Holdings praised the work.", "It ended on 3 May 2031."]
)
def test_figure_or_name_found_nowhere_is_a_violation(ledger: Ledger, text: str) -> None:
    """What no document holds is invented, whatever the sentence is about."""
    assert ledger.hold(text).kind == "violates"


@pytest.mark.parametrize(
    "text",
    [
        "Partners praised the work.",
        "The venture had burnt through $4.2 million by mid-March.",
        "Tickets did well in Leeds.",
        "$4.2 million project before March spent the 14 March 2025.",
        "Calder Transport, Averley Glass, depot, bought.",
        "Note: 46, 37%, $4.2 million, Leeds, Hull, harbour, crew, clean, people, week.",
        "Did ticket sales rise to 5% of turnover in Leeds?",
        "If ticket sales rose to 5% of turnover in Leeds, fine.",
        "Critics claim that ticket sales rose to 5% of turnover in Leeds.",
        "Ticket sales reportedly rose to 5% of turnover in Leeds.",
        "Ticket sales rose by 5% of turnover in Leeds.",
        "The wait grew from 12 to 19 hours at the clinic.",
        "The former crew of 46 people cleans the harbour every week.",
        "The so-called crew of 46 people cleans the harbour every week.",
        "The crew of 46.",
        "It is about whether ticket sales rose to 5% of turnover in Leeds.",
        "It is as though ticket sales rose to 5% of turnover in Leeds.",
        "So that ticket sales rose to 5% of turnover in Leeds.",
        "Were it that ticket sales rose to 5% of turnover in Leeds.",
        "Ticket sales rose to 5% of turnover in Leeds instead.",
        "Ticket sales rose to 5% of turnover out of Leeds.",
        "Ticket sales rose from 5% of turnover in Leeds.",
        "Ticket sales rose to -5% of turnover in Leeds.",
        "Ticket sales rose to >5% of turnover in Leeds.",
        "Ticket sales rose to ~5% of turnover in Leeds.",
        "Ticket sales rose to \u2260 5% of turnover in Leeds.",
        "Ticket sales rose to 1/5% of turnover in Leeds.",
        "Ticket sales rose to 5 percentage points of turnover in Leeds.",
        "~~Ticket sales rose to 5% of turnover in Leeds.~~",
        '"Ticket sales rose to 5% of turnover in Leeds."',
        "Ticket sales rose to 5% of turnover in Leeds?!",
        "Ticket sales rose to 5% of turnover in Leeds (?).",
        "Ticket sales rose to 5% of turnover in Leeds \u274c.",
        "The project spent $4.2 million before March 2025.",
        "The project spent $4.2 million before 14 March.",
        "By Northwind Logistics used the portal for about 37% of its orders.",
        "A crew of 46 people the harbour every week.",
        "Ticket sales rose to 5% in Leeds.",
        "Ticket sales are planned to rise to 5% of turnover in Leeds.",
        "Ticket sales rose to 5% of turnover in Leeds once, then collapsed.",
        "Most of the night desks closed their sites in Hull.",
        "Ticket sales almost rose to 5% of turnover in Leeds.",
        "Ticket sales rose (not yet) to 5% of turnover in Leeds.",
        "It is false that ticket sales rose to 5% of turnover in Leeds.",
        "The dream of the vendor: ticket sales rose to 5% of turnover in Leeds.",
        "Ticket turnover rose to 5% of sales in Leeds.",
        "Calder Transport bought Averley Glass from the depot.",
        "The depot bought Calder Transport from Averley Glass.",
        "Calder Transport bought the depot to Averley Glass.",
        "A crew of 46 people harbours the clean every week.",
        "A crew of 46 weeks cleans the harbour every people.",
        "The wait of the clinic grew from 12 to 19 days.",
    ],
)
def test_what_is_not_plainly_said_is_not_stated(ledger: Ledger, text: str) -> None:
    """Paraphrase, word lists, questions, conditions, attribution, changed units and remarks are never support."""
    assert ledger.hold(text).kind != "states"


@pytest.mark.parametrize(
    "text",
    [
        "The winter plan of Tomasz Okoro has the approval of Maya Lindqvist.",
        "It was from Averley Glass that Calder Transport bought the depot.",
        "The depot, once with Averley Glass, now belongs to Calder Transport.",
        "A delay of the second phase of the tunnel by the vendor is possible.",
        "The payroll came through the audit without errors.",
        "Night desks closed at most sites in all of Hull.",
        "Over the 12 months the wait at the clinic reached 19 days.",
        "Harbour cleaning takes a crew of 46 people each week.",
    ],
)
def test_true_paraphrase_is_not_accused(ledger: Ledger, text: str) -> None:
    """A sentence in words of its own may order names otherwise or say `possible` for `may`: no proof of anything."""
    assert ledger.hold(text).kind == "unknown"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Before 14 March 2025, the project spent $4.2 million.", "spend"),
        ("Every week a crew of 46 people cleans the harbour.", "crew"),
        ("In Leeds, ticket sales rose to 5% of turnover.", "rise"),
        ("Meanwhile, the vendor may delay the second phase of the tunnel.", "delay"),
        ("At the clinic the wait grew from twelve to nineteen days.", "range"),
    ],
)
def test_adverbial_that_moves_changes_nothing(ledger: Ledger, text: str, name: str) -> None:
    """A date, a place or a connective may go to the front, and a figure may be spelled out."""
    finding = ledger.hold(text)

    assert (finding.kind, finding.about) == ("states", (name,))


@pytest.mark.parametrize(
    "text",
    [
        "The training manual, written by Ines Moreau before the summer peak.",
        "The training manual written by Ines Moreau before the summer peak.",
        "The training manual by Ines Moreau before the summer peak.",
    ],
)
def test_passive_sentence_without_its_verb_states_nothing(text: str) -> None:
    """Cutting the auxiliary, or the whole verb, turns no passive into an active."""
    forms = (
        "Ines Moreau wrote the training manual before the summer peak.",
        "The training manual was written by Ines Moreau before the summer peak.",
    )
    ledger = Ledger({"manual": forms}, Reader(list(forms)), forms)

    assert [ledger.hold(form).kind for form in forms] == ["states", "states"]
    assert ledger.hold(text).kind != "states"


def test_agent_before_a_participle_is_no_active_sentence() -> None:
    """Turning `was taken by` round takes the past tense, not the participle; `had taken` is one."""
    forms = ("Ines Moreau took the manual to Hull.", "The manual was taken to Hull by Ines Moreau.")
    ledger = Ledger({"manual": forms}, Reader(list(forms)), forms)

    assert ledger.hold("Ines Moreau taken the manual to Hull.").kind != "states"
    assert ledger.hold("Ines Moreau had taken the manual to Hull.").kind == "states"


@given(st.sampled_from(sorted(WORDINGS)), st.data())
def test_two_words_that_change_places_state_nothing(name: str, data: st.DataObject) -> None:
    """Nouns, names and figures keep their roles: no two words of content can be exchanged."""
    ledger = Ledger(WORDINGS, Reader([TEXT, NAMES]), [TEXT, NAMES])
    words = WORDINGS[name][0].rstrip(".").split()
    content = [place for place, word in enumerate(words) if ledger.reader.read(word).content]
    one, other = data.draw(st.lists(st.sampled_from(content), min_size=2, max_size=2, unique=True))
    words[one], words[other] = words[other], words[one]

    assert ledger.hold(" ".join(words) + ".").kind != "states"


def test_double_negative_is_no_contradiction() -> None:
    """`met` for `did not miss` may be the same: it is not held to be the opposite."""
    wording = "The vendor did not exceed the budget of the tunnel."
    ledger = Ledger({"goal": (wording,)}, Reader([wording]), [wording])

    assert ledger.hold("The vendor did miss the budget of the tunnel.").kind == "unknown"
    assert ledger.hold("The vendor exceeded the budget of the tunnel.").reason == "polarity"
    assert ledger.hold("The vendor did not exceed any budget of the tunnel.").kind == "states"


@pytest.mark.parametrize("joint", [", and ", ", but ", "; ", " while "])
def test_compound_sentence_states_both_its_halves(ledger: Ledger, joint: str) -> None:
    """Two statements in one sentence count as two, and one wrong half makes it false."""
    left, right = "Ticket sales rose to 5% of turnover in Leeds", "the vendor may delay the second phase of the tunnel."
    wrong = "the vendor will delay the second phase of the tunnel."

    both = ledger.hold(f"{left}{joint}{right}")
    assert (both.kind, set(both.about)) == ("states", {"rise", "delay"})
    assert ledger.hold(f"{left}{joint}{wrong}").kind == "violates"


@given(st.sampled_from(sorted(WORDINGS)), st.floats(0.3, 0.7))
def test_words_in_another_order_state_nothing(name: str, cut: float) -> None:
    """The right words, turned round somewhere in the middle, are no statement."""
    ledger = Ledger(WORDINGS, Reader([TEXT, NAMES]), [TEXT, NAMES])
    words = WORDINGS[name][0].rstrip(".").split()
    at = round(cut * len(words))

    assert ledger.hold(" ".join([*words[at:][::-1], *words[:at][::-1]]) + ".").kind != "states"


@given(
    st.sampled_from(sorted(WORDINGS)), st.sampled_from(["quickly", "secretly", "record", "cheap", "failing", "blue"])
)
def test_one_foreign_word_keeps_a_sentence_from_stating(name: str, word: str) -> None:
    """What the wordings do not say is not supported by them."""
    ledger = Ledger(WORDINGS, Reader([TEXT, NAMES]), [TEXT, NAMES])

    assert ledger.hold(f"{WORDINGS[name][0].rstrip('.')} {word}.").kind != "states"
