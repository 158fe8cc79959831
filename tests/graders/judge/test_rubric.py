"""Rubric files: read strictly, known by their content."""

from pathlib import Path

import pytest

from graders.judge.rubric import judge_rubrics, read_judge_rubric
from graders.rubric import BadRubricError
from tests.support_judges import tiny_rubric

FILE = """+++
family = "f"
dimension = "d"
version = "1"
evidence = "Quote it."
cannot_assess = "Never."
[[levels]]
level = 1
anchor = "Good."
paraphrase = "Fine."
example = "Such."
[[levels]]
level = 0
anchor = "Bad."
paraphrase = "Poor."
example = "Thus."
+++
# Question
Is it?

# Question, said otherwise
Does it hold?
"""


def _written(folder: Path, text: str) -> Path:
    path = folder / "f.d.md"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_rubric_is_read_from_its_file(tmp_path: Path) -> None:
    """Front matter and both questions arrive; a level is its share of the top one."""
    rubric = read_judge_rubric(_written(tmp_path, FILE))

    assert (rubric.dimension, rubric.top, rubric.value(1), rubric.value(0)) == ("d", 1, 1.0, 0.0)
    assert (rubric.question, rubric.question_paraphrased) == ("Is it?", "Does it hold?")


@pytest.mark.parametrize(
    "change", [("Good.", "Very good."), ("Quote it.", "Quote all."), ("Is it?", "Was it?"), ('"1"', '"2"'),
               ("Fine.", "Nice."), ("Such.", "Like this."), ("Does it hold?", "Is it so?"), ("Never.", "Seldom.")],
)  # fmt: skip
def test_every_word_changes_the_hash(tmp_path: Path, change: tuple[str, str]) -> None:
    """A rubric is known by everything that a judge may read of it."""
    before = read_judge_rubric(_written(tmp_path, FILE)).rubric_hash

    assert read_judge_rubric(_written(tmp_path, FILE.replace(*change))).rubric_hash != before


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no front matter", "front matter"),
        (FILE.replace("level = 1", "level = 2"), "levels"),
        (FILE.replace('evidence = "Quote it."\n', ""), "evidence"),
        (FILE.replace('version = "1"', 'version = "1"\nweight = 3'), "weight"),
        (FILE.replace("# Question, said otherwise", "# Remarks"), "Remarks"),
        (FILE.replace("Does it hold?", ""), "said otherwise"),
        (FILE.replace('family = "f"', "family ="), "cannot be read"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(tmp_path: Path, text: str, told: str) -> None:
    """One line: the file, the place, what is missing."""
    path = _written(tmp_path, text)

    with pytest.raises(BadRubricError) as error:
        read_judge_rubric(path)

    assert told in str(error.value)
    assert str(path) in str(error.value)


def test_the_judged_dimensions_ship_with_a_rubric() -> None:
    """Two of each prose family; nothing of a table is left to a judge."""
    assert set(judge_rubrics("doc_revision")) == {"faithfulness", "quality_delta"}
    assert set(judge_rubrics("citation_grounding")) == {"citation_accurate", "hallucination_flag"}
    assert judge_rubrics("spreadsheet_clean") == {}


def test_the_tiny_rubric_of_the_tests_is_one() -> None:
    """The tests hold on to something that the reader would take."""
    assert tiny_rubric().top == 4
