"""Headings and sentences, found in whatever dress people and models give a document."""

import pytest

from graders.document import read_document


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It ended in 2025. 37% of the users left.", 2),
        ("The board met. $4.2 million was spent.", 2),
        ("It fell by 12%. 40 people came.", 2),
        ("See No. 5 for it.", 1),
    ],
)
def test_sentence_that_begins_with_a_figure_is_one_of_its_own(text: str, sentences: int) -> None:
    """A figure behind a full stop begins a sentence unless the stop belongs to a short form."""
    assert len(read_document(text)) == sentences


def test_document_is_read_into_headings_and_sentences() -> None:
    """Markdown, memo labels, bullets, numbers, bold and fences come out as the same lines."""
    text = (
        "```markdown\n# Title\n\nTo: Ana\nSubject: Costs\n\n**Status**\nDr. Lee rose by 5.5%. It ended on 3 March "
        "2025. So it was.\n\n- First point.\n- Second **point**.\n\n1. Third point.\n2. Fourth point ends in 2025. "
        "Fifth.\n```\n"
    )
    lines = read_document(text)

    assert [line.text for line in lines if line.kind == "heading"] == ["Title", "To: Ana", "Subject: Costs", "Status"]
    assert [line.text for line in lines if line.kind == "sentence"] == [
        "Dr. Lee rose by 5.5%.", "It ended on 3 March 2025.", "So it was.", "First point.", "Second point.",
        "Third point.", "Fourth point ends in 2025.", "Fifth.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "heading",
    ["## Key outcome", "Key outcome", "Key outcome:", "**Key outcome**", "**Key outcome:**", "__Key outcome__:",
     "## Key outcome ##", "## 2. Key outcome", "2. Key outcome", "## KEY OUTCOME", "Key outcome\n-----------",
     "Key outcome\n===", "---\n\n## Key outcome", "### **Key outcome**"],
)  # fmt: skip
def test_wanted_heading_is_known_in_any_dress(heading: str) -> None:
    """Numbers, emphasis, capitals, colons, rules and underlines make it no other heading, before text or alone."""
    for gap in ("\n", "\n\n"):
        lines = read_document(f"{heading}{gap}Service stopped.\n", ["Key outcome"])

        assert [(line.kind, line.text) for line in lines] == [
            ("heading", "Key outcome"), ("sentence", "Service stopped.")
        ]  # fmt: skip


@pytest.mark.parametrize(
    "dress", ["Key outcome: {}", "**Key outcome:** {}", "**Key outcome**: {}", "## Key outcome: {}"]
)
def test_heading_may_open_the_line_of_its_text(dress: str) -> None:
    """`Outcome: Service stopped.` is a heading and a sentence; another word before a colon is part of a sentence."""
    lines = read_document(dress.format("Service stopped."), ["Key outcome"])

    assert [line.text for line in lines] == ["Key outcome", "Service stopped."]
    assert len(read_document("Note: Service stopped.", ["Key outcome"])) == 1


def test_text_with_hard_line_ends_is_read_as_without() -> None:
    """A line that ends without a full stop before another line is no heading."""
    text = "Old log files filled most of the disk. The\nNight shift saw the\nAlarm on Monday. Nobody\nwas there.\n"

    assert read_document(text) == read_document(text.replace("\n", " "))
