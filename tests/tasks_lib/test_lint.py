"""The rules of the lint: what leaks and what does not align; and what is innocent."""

import pytest

from flows.lint import graded_names
from tasks_lib.lint import lint
from tasks_lib.lint.alignment import is_request
from tasks_lib.lint.leakage import containment
from tests.support_lint import COVERED, DRAFT, FINISHED, found, memo, only
from tests.support_spreadsheet import FAMILY, GRADER, mixed_instances


def test_clean_memo_has_no_findings() -> None:
    """What the other tests spoil is clean to begin with."""
    assert found(memo()) == []


# The fix is told.


def test_containment_of_a_prompt_that_names_the_duplicated_row() -> None:
    """Nine of twelve new words in a row: 7 of 10 runs of three (C_3 = .70) and 6 of 9 runs of four (C_4 = .667)."""
    row = ["PX", "2214", "keyway", "stock", "steel", "low", "shelf", "nine", "counted", "2025", "05", "02"]
    prompt = ["the", "row", "twice", *row[:9], "should", "go"]

    assert len(row) == 12
    assert containment(prompt, row, ["sku", "item"], 3) == pytest.approx(0.70)
    assert containment(prompt, row, ["sku", "item"], 4) == pytest.approx(0.667, abs=0.0005)


def test_root_cause_in_the_prompt_is_an_error() -> None:
    """A prompt that gives the finished wording is found, with the words that give it."""
    told = "rose by a fifth because two lorries broke down"
    finding = only(found(memo(f"Please correct the memo against the ledger: costs {told}."), rule="root_cause"))

    assert (finding.severity, finding.instance_id, finding.place) == ("error", "memo-1", "prompt")
    assert finding.text == f"costs {told}"


def test_root_cause_in_a_material_is_a_warning() -> None:
    """The evidence has to stand somewhere, so a material that has the fix in nearly the same words is a warning."""
    mail = "Ines wrote that costs rose by a fifth because two lorries broke down."
    finding = only(found(memo(materials={"mail.txt": mail}), rule="root_cause"))

    assert (finding.severity, finding.place) == ("warning", "mail.txt")
    assert finding.text == "costs rose by a fifth because two lorries broke down"


def test_root_cause_is_not_what_the_draft_says_anyway() -> None:
    """A prompt may quote what it wants revised."""
    prompt = (
        "Set right against the ledger, please: The depot moved nine hundred pallets in March. Costs fell by a tenth."
    )
    assert found(memo(prompt), rule="root_cause") == []


def test_root_cause_is_not_one_phrase_of_four_words() -> None:
    """Where little has to be found, one stock phrase would be a fifth of it."""
    finished = DRAFT.replace("Costs fell by a tenth.", "Costs rose by a tenth.")
    assert found(memo("Please say in the memo, against the ledger, if costs rose by a lot.", finished=finished)) == []


@pytest.mark.parametrize(
    "text",
    ["TODO", "Row 7 is wrong", "line 12 has an error", "fix row 3", "mistake in line 4", "Sentence 2 was invented"],
)
def test_pointer_in_a_material_is_found(text: str) -> None:
    """Notes of whoever planted a mistake, wherever they stand."""
    finding = only(found(memo(materials={"notes.txt": f"Checked on Monday. {text}, see above."}), rule="pointer"))

    assert (finding.severity, finding.place, finding.text) == ("error", "notes.txt", text)
    assert finding.span == (19, 19 + len(text))


@pytest.mark.parametrize("text", ["see row 7", "page 2 of the log", "todo lists are kept", "3 rows, all of them right"])
def test_pointer_is_not_any_mention_of_a_place(text: str) -> None:
    """Rows and lines may be spoken of."""
    assert found(memo(materials={"notes.txt": text}), rule="pointer") == []


def test_pointer_that_belongs_to_the_text_is_content() -> None:
    """What the draft says and the finished text keeps points at nothing."""
    note = " TODO: order salt."
    assert found(memo(draft=DRAFT + note, finished=FINISHED + note), rule="pointer") == []


@pytest.mark.parametrize("text", ["w0001", "wrong_cause"])
def test_defect_name_is_found(text: str) -> None:
    """The generator's names for what it planted must not be read by a policy."""
    finding = only(found(memo(f"Please set the memo right against the ledger ({text})."), rule="defect_name"))

    assert (finding.severity, finding.place, finding.text) == ("error", "prompt", text)


def test_defect_name_that_is_a_plain_word_is_passed_over() -> None:
    """`unit` and `label` are kinds of defects of spreadsheet_clean, and words of its dictionary."""
    assert {"unit", "label"} <= {defect.kind for i in mixed_instances(14, 3) for defect in FAMILY.defects(i)}
    assert lint(mixed_instances(14, 3)) == []


def test_oracle_among_the_materials_is_found() -> None:
    """The finished output itself, under any name, and though it is more like the oracle than the draft is."""
    finding = only(found(memo(materials={"other.md": f"{FINISHED}\n"}), rule="oracle_within_reach"))

    assert (finding.severity, finding.place) == ("error", "other.md")


def test_long_run_of_the_oracle_in_a_material_is_found() -> None:
    """Thirty words in a row that only the finished text has are a passage of it; a sentence of them is evidence."""
    words = [f"word{number}" for number in range(40)]
    finished = f"{DRAFT} {' '.join(words)}."
    long, short = " ".join(words[3:35]), " ".join(words[:18])

    finding = only(found(memo(materials={"mail.txt": f"So: {long}!"}, finished=finished), rule="oracle_within_reach"))
    assert (finding.place, finding.text) == ("mail.txt", long)
    assert found(memo(materials={"mail.txt": short}, finished=finished), rule="oracle_within_reach") == []


# The task betrays that it is graded.


@pytest.mark.parametrize("place", ["prompt", "notes.txt"])
@pytest.mark.parametrize("name", ["fact_accuracy", "figures_kept", "over_length"])
def test_grader_vocabulary_is_found(place: str, name: str) -> None:
    """Names of dimensions, facets and flags, in the prompt and in a material."""
    said = f"Mind the {name} here."
    instance = memo(materials={"notes.txt": said}) if place != "prompt" else memo(f"{said} Please go by the ledger.")
    finding = next(iter(found(instance, rule="grader_vocabulary")))

    assert (finding.severity, finding.place, finding.text, finding.span[0]) == ("error", place, name, 9)


def test_grader_vocabulary_in_words_is_a_warning() -> None:
    """`fact accuracy` may be meant innocently."""
    finding = only(found(memo("Please mind the fact accuracy, against the ledger."), rule="grader_vocabulary"))

    assert (finding.severity, finding.text) == ("warning", "fact accuracy")


def test_grader_vocabulary_is_not_a_plain_word_or_a_column_that_is_asked_for() -> None:
    """`style` and `names` say nothing; a name that the finished output has is the task's own."""
    finished = FINISHED.replace("June.", "June. figures_kept")
    assert found(memo("Keep style and names, figures_kept and all, against the ledger.", finished=finished)) == []


@pytest.mark.parametrize(
    "text",
    [
        "Your answer will be graded", "You are being tested", "This is a test", "your score", "as an AI", "the rubric",
        "for full marks", "a benchmark", "the graders", "a rollout", "the reward", "graded", "worth 5 points",
    ],
)  # fmt: skip
def test_evaluation_context_in_the_prompt_is_found(text: str) -> None:
    """Whatever says that somebody is being measured."""
    findings = found(memo(f"Please set the memo right against the ledger; {text}."), rule="evaluation_context")

    assert [finding.severity for finding in findings] == ["error"]
    assert findings[0].place == "prompt"
    assert findings[0].text in text


@pytest.mark.parametrize("text", ["You will be graded on this", "as a language model", "the hidden tests"])
def test_evaluation_context_in_a_material_is_found(text: str) -> None:
    """Phrases addressed to the reader are as bad in a material."""
    (finding,) = found(memo(materials={"notes.txt": text}), rule="evaluation_context")

    assert (finding.severity, finding.place) == ("error", "notes.txt")


def test_ambiguous_words_in_the_prompt_are_warnings() -> None:
    """Colleagues test and judge, too."""
    findings = found(memo("Please set the memo right against the ledger before they test it."))

    assert [(finding.severity, finding.text) for finding in findings] == [("warning", "test")]


@pytest.mark.parametrize(
    "text",
    [
        "the test results of the clinic", "Judge for yourself", "the rollout of the new gate", "a credit score",
        "graded timber", "the district judges", "latest", "underscore", "protest",
    ],
)  # fmt: skip
def test_innocent_phrases_are_allowed(text: str) -> None:
    """The list of innocent phrases, and words that only look alike."""
    assert found(memo(f"{text}: please set the memo right against the ledger."), rule="evaluation_context") == []


def test_a_word_that_the_materials_use_is_the_subject() -> None:
    """A memo about a benchmark may be called one; phrases to the reader are found all the same."""
    materials = {"notes.txt": "The benchmark of 2024 and its score."}
    prompt = "Please set the benchmark memo and its score right against the ledger."

    assert found(memo(prompt, materials), rule="evaluation_context") == []
    assert found(memo(f"{prompt} Your score depends on it.", materials), rule="evaluation_context") != []


# What an author left behind.


@pytest.mark.parametrize(
    "text", ["/home/ines/drafts/memo.md", "~/memo.md", "file:///srv/x", "C:\\Users\\ines\\memo.md"]
)
def test_path_is_found(text: str) -> None:
    """Paths of somebody's machine."""
    finding = only(found(memo(f"Please set {text} right against the ledger."), rule="path"))

    assert (finding.severity, finding.place, finding.span[0]) == ("error", "prompt", 11)
    assert finding.text.startswith(text)


@pytest.mark.parametrize("text", ["and/or", "27/05/2025", "187 mg/dL", "https://example.org/home/page", "he/she/they"])
def test_path_is_not_every_stroke(text: str) -> None:
    """Dates, units and addresses have strokes, too."""
    assert found(memo(materials={"notes.txt": text}), rule="path") == []


@pytest.mark.parametrize("text", ["oracle", "answer key", "expected output", "gold rows", "ground truth"])
def test_answer_word_is_found(text: str) -> None:
    """What authors call the answer: an error in the prompt, a warning in a material."""
    inside = only(found(memo(f"Please match the {text} and the ledger."), rule="answer_word"))
    beside = only(found(memo(materials={"notes.txt": f"the {text} of May"}), rule="answer_word"))

    assert (inside.severity, inside.text, inside.span[0]) == ("error", text, 17)
    assert (beside.severity, beside.place) == ("warning", "notes.txt")


def test_name_of_a_material_that_tells_is_found() -> None:
    """Whatever it holds."""
    finding = only(found(memo(materials={"answer_key.csv": "x"}), rule="answer_word"))

    assert (finding.severity, finding.place) == ("error", "answer_key.csv")


@pytest.mark.parametrize("text", ["Oracle Corporation", "the gold price", "an Oracle database", "gold standard"])
def test_answer_word_is_not_a_company_or_a_metal(text: str) -> None:
    """Nor are they in a prompt."""
    assert found(memo(f"Please set {text} right against the ledger."), rule="answer_word") == []


@pytest.mark.parametrize("text", ["{name}", "{{ reader }}", "<PLACEHOLDER>", "Lorem ipsum", "[insert date]", "$None"])
def test_placeholder_is_found(text: str) -> None:
    """Slots that nobody filled."""
    finding = only(found(memo(f"Please set {text} right against the ledger."), rule="placeholder"))

    assert (finding.severity, finding.text, finding.span[0]) == ("error", text, 11)


def test_missing_value_in_prose_is_found_and_in_a_table_is_not() -> None:
    """`nan` is one of many ways of writing nothing in a cell."""
    prose = "The depot moved nan pallets in the month of April"
    table = "month,pallets,lorries,drivers,gates\nApril,nan,3,4,5\n"

    finding = only(found(memo(materials={"notes.txt": prose}), rule="placeholder"))
    assert (finding.severity, finding.text, finding.span) == ("warning", "nan", (16, 19))
    assert found(memo(materials={"notes.txt": table}), rule="placeholder") == []
    assert found(memo("None of the ledger is wrong; please set the memo right against the ledger.")) == []


# Alignment.


def test_requirement_that_stands_nowhere_is_found() -> None:
    """A rule that is graded and was never said."""
    requirements = (*COVERED, ("length", ("at most 50 words",), ("over_length",)))
    finding = only(found(memo(requirements=requirements)))

    assert (finding.rule, finding.severity, finding.text) == ("not_stated", "error", "at most 50 words")
    assert "'length'" in finding.message
    assert found(memo(materials={"style.md": "Write at most 50 words."}, requirements=requirements)) == []


def test_dimension_facet_and_flag_without_requirement_are_found() -> None:
    """A dimension covers its facets, any facet its dimension; an empty output goes without saying."""
    passage = ("against the ledger",)
    by_facet = found(memo(requirements=[("facts", passage, ("fact_accuracy.names", "style"))]))
    by_nothing = found(memo(requirements=[("style", passage, ("style", "over_length"))]))

    assert [(f.rule, f.severity, f.text) for f in by_facet] == [
        ("graded_not_asked", "error", "fact_accuracy.figures_kept"),
        ("graded_not_asked", "error", "over_length"),
    ]
    assert [f.text for f in by_nothing] == ["fact_accuracy"]


def test_requirement_that_goes_without_saying_needs_no_passage() -> None:
    """Nothing invented, nobody insulted: declared without a passage."""
    requirements = [("facts", (), ("fact_accuracy", "over_length")), ("style", ("against the ledger",), ("style",))]
    assert found(memo(requirements=requirements)) == []


@pytest.mark.parametrize(("names", "text"), [((), "colour"), (("hue",), "colour"), (("style", "hue"), "hue")])
def test_requirement_graded_by_nothing_is_found(names: tuple[str, ...], text: str) -> None:
    """No name at all, or one that the grader does not have."""
    finding = only(found(memo(requirements=[*COVERED, ("colour", ("memo",), names)])))

    assert (finding.rule, finding.severity, finding.text) == ("graded_by_nothing", "error", text)


def test_sentence_that_asks_for_more_is_found() -> None:
    """What is asked for and graded by nothing, with its place."""
    prompt = "Please set the memo right against the ledger. Sort the sentences by month. It was a wet spring."
    finding = only(found(memo(prompt)))

    assert (finding.rule, finding.severity, finding.text) == (
        "asked_not_graded",
        "warning",
        "Sort the sentences by month.",
    )
    assert prompt[slice(*finding.span)] == finding.text


@pytest.mark.parametrize(
    "sentence", ["Keep the title.", "- do not guess", "It must fit on a page", "Could you check it?", "And then cut it"]
)
def test_requests_are_told_by_their_words(sentence: str) -> None:
    """Imperatives, and the words with which one asks."""
    assert is_request(sentence)


@pytest.mark.parametrize("sentence", ["The gate stays shut.", "Order of lines doesn't matter.", "It was kept dry."])
def test_statements_are_no_requests(sentence: str) -> None:
    """Statements and permissions ask for nothing."""
    assert not is_request(sentence)


def test_family_without_requirements_is_told_once() -> None:
    """One warning for the family, not one for each instance."""
    one, other = memo(requirements=()), memo("Please mend what the gate log has wrong.", requirements=(), name="memo-2")
    finding = only(found(one, other))

    assert (finding.rule, finding.severity, finding.text) == ("not_declared", "warning", "memo")


def test_spreadsheet_requirement_missing_from_an_edited_prompt_is_found() -> None:
    """A request from which a rule was cut says what is missing; one that asks for more, what is too much."""
    instance = mixed_instances(1, 4)[0]
    rule = next(r for r in FAMILY.requirements(instance) if r.name == "numbers").stated[0]
    shorter = instance.model_copy(update={"prompt": instance.prompt.replace(rule, "Numbers.")})
    longer = instance.model_copy(update={"prompt": f"{instance.prompt} Sort the lines by their first column."})

    names = {FAMILY.name: graded_names(GRADER)}
    assert [f.rule for f in lint([instance], names)] == []
    assert [f.rule for f in lint([shorter], names)] == ["not_stated"]
    assert [f.text for f in lint([longer], names)] == ["Sort the lines by their first column."]
