"""Measuring prose: voice, sentences, figures, dates, names, strength, and text that wants to be misread."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.document import read_document
from graders.text import Reader, is_passive
from tasks_lib.words import TOKEN, tidy, words

PASSIVE = (
    "The plan was approved.", "The report was written by Ana.", "The line has been drawn.", "It will be built in May.",
    "The bill had been paid.", "The vendor was chosen after a trial.", "Costs were cut.",
    "The date was set by the board.", "The keys were put away.",
    "The talks are being held.", "The team is led by Ana.", "The money was spent.",
    "The site is overseen by a clerk.", "The shed was rebuilt.", "The risk was underwritten by a bank.",
    "The rule must be followed.", "The offer can be withdrawn.", "The form should be sent.", "It may be seen by all.",
    "The request got rejected.", "The file gets reviewed weekly.", "The car is getting fixed by Bo.",
    "The plan wasn't approved.", "They're reviewed each week.", "It's been paid.", "The vote was not taken.",
    "The work was quickly and quietly finished by Bo.", "The plan was never adopted.", "Was the plan approved by Ana?",
    "The fee is charged by the bank.", "The song was sung.", "The glass was broken.", "The tests were run at night.",
    "The shares were sold.", "The truth was told.", "The child was taught at home.", "The house was bought.",
    "The thief was caught.", "The book was read by all.", "The storm was felt inland.", "The fault was found.",
    "The letter was lost in the post.", "The bread was cut by Bo.", "The door was shut by Bo.", "The wall was hit.",
    "The office is located by the map team.", "The price was driven up.", "The ship was sunk.", "The word was spoken.",
    "The coat was worn.", "The seeds were sown.", "The role was given to Ana.", "The idea was stolen.",
    "The path was hidden by leaves.", "The bell was rung.", "The staff were onboarded in June.",
    "The plan was \u200bapproved.", "The plan was \u2018approved\u2019 at last.", "The flaw was overlooked.",
    "The date has not yet been fixed.", "Nobody was told.",
)  # fmt: skip

ACTIVE = (
    "The train was late.", "The office is located in Leeds.", "Ana has written the report.", "The team got results.",
    "The rooms were ready.", "The launch is about to start.", "Ana had been there.", "The fair has been a success.",
    "The invoice is due.", "Bo gets results.", "The crew is getting ready.", "The staff were happy.",
    "This is one of the sites.", "They are children.", "The song was a hit.", "The server is up.", "Ana was running.",
    "Price is key.", "The number of sites is 40.", "The barrier was in place.", "The coin is worth a fortune.",
    "Traffic was down.", "Bo is tired.", "The firm is based in Hull.", "The board approved the plan.", "Ana wrote it.",
    "They will build it in May.", "The board chose a vendor.", "The bank paid the bill.", "Ana leads the team.",
    "Bo drew a line.", "The storm hit the coast.", "The team has cut costs.", "The board sets the date.",
    "The clerk put the keys away.", "We held talks.", "The man spent the money.", "The fund rebuilt the shed.",
    "Bo got a letter.", "The child was a teacher.", "The yard is wide.", "It is Monday.", "There were seven sites.",
    "The result is better.", "Bo was once a sailor.", "The sky is red.", "The test is over.", "They were kind.",
    "The lift is out of order.", "The sum is 12% of sales.", "The goal is to grow.", "Ana is the head.", "Bo is alone.",
    "The trip was long.", "It was not easy.", "Bo can be slow.", "The gap will be small.", "It may be true.",
    "She has been ill.", "Bo is interested in art.", "The team was pleased with the result.", "Demand is still high.",
)  # fmt: skip


@pytest.mark.parametrize("sentence", PASSIVE)
def test_passive_voice_is_seen(sentence: str) -> None:
    """Regular, irregular, modal, perfect, progressive and get-passives, negated and contracted ones too."""
    assert Reader([]).read(sentence).passive


@pytest.mark.parametrize("sentence", ACTIVE)
def test_active_voice_is_left_in_peace(sentence: str) -> None:
    """States, adjectives, nouns and adverbs behind `be` and `get` are no passive voice."""
    assert not Reader([]).read(sentence).passive


@pytest.mark.parametrize("sentence", ["The plan drafted by the board starts.", "Approved by Ana, the plan starts."])
def test_participle_clause_without_a_finite_verb_is_a_declared_limit(sentence: str) -> None:
    """It is not counted; the grader says so."""
    assert not is_passive(TOKEN.findall(sentence))


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("It cost $4.2 million.", ("$:4200000",)),
        ("It cost $4.2m.", ("$:4200000",)),
        ("It cost 4.2 million dollars.", ("$:4200000",)),
        ("It cost $4,200,000.", ("$:4200000",)),
        ("Costs were \u20ac12k.", ("\u20ac:12000",)),
        ("It fell 37%.", ("%:37",)),
        ("It fell 37 percent.", ("%:37",)),
        ("It fell 37 per cent.", ("%:37",)),
        ("It fell thirty-seven percent.", ("%:37",)),
        ("There were 1,240 sites.", (":1240",)),
        ("There were twelve sites.", (":12",)),
        ("It ended on 14 March 2025.", ("date:2025-03-14",)),
        ("It ended on March 14, 2025.", ("date:2025-03-14",)),
        ("It ended on 14th March, 2025.", ("date:2025-03-14",)),
        ("It ended on 2025-03-14.", ("date:2025-03-14",)),
        ("It ended on 14 March.", ("date:?-03-14",)),
        ("It ended in March 2025.", ("date:2025-03-?",)),
        ("Only one of them left.", ()),
        ("Version v2.3.1 runs.", ("name:v2.3.1",)),
        ("Ticket INC-204 is open.", ("name:inc-204",)),
        ("It rose in Q2.", ("name:q2",)),
        ("It rose from 5 to 7.", (":5", ":7")),
    ],
)
def test_figures_and_dates_are_read_in_every_spelling(text: str, slots: tuple[str, ...]) -> None:
    """The same figure is the same slot, however it is written."""
    assert Reader([]).read(text).slots == slots


@pytest.mark.parametrize(
    ("text", "strength"),
    [
        ("It may rise.", {"possible"}),
        ("It will rise.", {"future"}),
        ("All sites closed.", {"every"}),
        ("Most sites closed.", {"most"}),
        ("More than 30 sites closed.", {"bound-over"}),
        ("About 30 sites closed.", {"bound-about"}),
        ("At least 30 sites closed.", {"bound-at-least"}),
        ("It closed before noon.", {"before"}),
        ("It certainly closed.", {"certain"}),
        ("Sites closed.", set()),
    ],
)
def test_strength_of_a_claim_is_read_by_class(text: str, strength: set[str]) -> None:
    """Hedges, quantifiers, modal verbs and bounds count by what they do to a claim."""
    assert Reader([]).read(text).strength == strength


@pytest.mark.parametrize(
    ("text", "negations"),
    [("It did not close.", 1), ("It didn't close.", 1),
     ("It can't close.", 1), ("It closed.", 0), ("No site closed.", 1),
     ("It failed to close.", 1), ("It closed without notice.", 1)],
)  # fmt: skip
def test_negations_are_counted(text: str, negations: int) -> None:
    """Whole words, contractions and verbs of failing."""
    assert Reader([]).read(text).negations == negations


def test_equivalents_are_settled_before_reading() -> None:
    """An alias, an acronym and `full term (FT)` read like the full name."""
    reader = Reader(
        ["At Northwind Logistics the service level agreement holds."],
        [("NW Freight", "Northwind Logistics"), ("SLA", "service level agreement")],
    )
    plain = reader.read("Northwind Logistics broke the service level agreement.")

    for text in ("NW Freight broke the SLA.", "Northwind Logistics broke the service level agreement (SLA)."):
        read = reader.read(text)
        assert (read.content, read.slots) == (plain.content, plain.slots)


@pytest.mark.parametrize(
    ("written", "plain"),
    [("It cost \\$640 thousand.", "It cost $640 thousand."), ("It cost USD 640 thousand.", "It cost $640 thousand."),
     ("It cost EUR 5 million.", "It cost \u20ac5 million."), ("It cost US$ 12.", "It cost $12."),
     ("It rose by 3\\%.", "It rose by 3%.")],
)  # fmt: skip
def test_money_is_the_same_amount_however_its_sign_is_written(written: str, plain: str) -> None:
    """Markdown's backslash and the code of a currency change no figure."""
    reader = Reader([])
    [line] = read_document(written)

    assert reader.read(line.text).slots == reader.read(plain).slots


@pytest.mark.parametrize(
    ("text", "count"),
    [("one two three", 3), ("one-two three", 2), ("one/two/three", 3), ("one\u200btwo", 1), ("one_two", 2), ("", 0),
     ("it's 4.2 million", 4), ("a \u2014 b", 2)],
)  # fmt: skip
def test_words_are_counted_as_a_person_would(text: str, count: int) -> None:
    """Slashes and underscores join no words, hyphens do, and invisible characters are nothing."""
    assert len(words(text)) == count


def test_letter_of_another_alphabet_makes_another_word() -> None:
    """A Cyrillic letter inside a known word does not count as that word."""
    reader = Reader(["The vendor delivered pumps."])

    assert reader.read("The vendor delivered p\u0443mps.").content != reader.read("The vendor delivered pumps.").content


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    """No text raises, and reading it again gives the same."""
    reader = Reader([text])
    first = [reader.read(line.text) for line in read_document(text)]

    assert [Reader([text]).read(line.text) for line in read_document(text)] == first
    assert tidy(tidy(text)) == tidy(text)
