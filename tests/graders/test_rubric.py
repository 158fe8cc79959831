"""Rubric files: read, identified by content, and refused with file and field."""

from pathlib import Path

import pytest

from graders.rubric import BadRubricError, Rubric, builtin_rubric, read_rubric

GOOD = 'family = "f"\n[weights]\na = 0.6\nb = 0.4\n[caps]\nbroken = 0.2\n'


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "rubric.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_rubric_of_the_family_has_the_declared_weights_and_caps() -> None:
    """Weights .35, .25, .25, .15 and caps .2 and 0, as the design sets them; scaled, base .2, ready at .8."""
    rubric = builtin_rubric("spreadsheet_clean")

    assert rubric.weights == {
        "data_preservation": 0.35, "format_validity": 0.25, "unit_consistency": 0.25, "completeness": 0.15,
    }  # fmt: skip
    assert rubric.caps == {"csv_not_parseable": 0.2, "empty_output": 0.0}
    assert (rubric.cap_mode, rubric.work_base, rubric.ready_at) == ("scaled", 0.2, 0.8)


def test_rubric_file_is_read_with_its_defaults(tmp_path: Path) -> None:
    """What a file leaves out has its default."""
    rubric = read_rubric(_file(tmp_path, GOOD))

    assert rubric.weights == {"a": 0.6, "b": 0.4}
    assert (rubric.cap_mode, rubric.work_base, rubric.ready_at, rubric.thresholds) == ("scaled", 0.2, 0.8, {})


def test_rubric_id_follows_the_content() -> None:
    """Equal rubrics share an id; another weight, cap, mode or threshold is another rubric."""
    base = Rubric(family="f", weights={"a": 1.0}, caps={"x": 0.5})
    others = [
        base.model_copy(update=change)
        for change in ({"weights": {"a": 2.0}}, {"caps": {"x": 0.4}}, {"cap_mode": "hard"}, {"thresholds": {"t": 1.0}})
    ]

    assert base.rubric_id == Rubric(family="f", weights={"a": 1.0}, caps={"x": 0.5}).rubric_id
    assert len({base.rubric_id, *(other.rubric_id for other in others)}) == 5
    assert base.rubric_id.startswith("f-")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (GOOD.replace("[caps]", "wieght = 1\n[caps]").replace("wieght = 1", "c = -1"), "field 'weights.c'"),
        ("cap_mod = 'hard'\n" + GOOD, "field 'cap_mod'"),
        ("cap_mode = 'soft'\n" + GOOD, "field 'cap_mode'"),
        (GOOD.replace("0.2", "1.2"), "field 'caps.broken'"),
        ("work_base = 2\n" + GOOD, "field 'work_base'"),
        (GOOD.replace("a = 0.6\nb = 0.4\n", ""), "a rubric needs at least one dimension in [weights]"),
        (GOOD.replace('family = "f"\n', ""), "field 'family'"),
        (GOOD.replace("[caps]\nbroken = 0.2\n", ""), "field 'caps'"),
        ("family = \n", "cannot be read as TOML"),
    ],
)
def test_bad_rubric_is_refused_with_file_and_field(tmp_path: Path, text: str, complaint: str) -> None:
    """A typo, a value out of range or a missing part is one line that names the file and the field."""
    path = _file(tmp_path, text)

    with pytest.raises(BadRubricError) as caught:
        read_rubric(path)
    assert str(caught.value).startswith(str(path))
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_rubric_is_refused_with_its_name(tmp_path: Path) -> None:
    """A file that is not there is refused with its name."""
    with pytest.raises(BadRubricError, match=r"none\.toml: cannot be read"):
        read_rubric(tmp_path / "none.toml")
