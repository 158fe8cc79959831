"""Citation markers: every form that is accepted, what is none, and what names no given source."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.citations import markers_before_stop, read_markers, without_markers

SOURCES = ("S1", "S2", "S3")


def _read(text: str) -> list[tuple[str, str, tuple[int, int] | None]]:
    return [(marker.kind, marker.source, marker.sentences) for marker in read_markers(text, SOURCES)]


@pytest.mark.parametrize(
    ("marker", "found"),
    [
        ("[S2]", [("S2", None)]),
        ("[s2]", [("S2", None)]),
        ("[2]", [("S2", None)]),
        ("[B]", [("S2", None)]),
        ("[Source B]", [("S2", None)]),
        ("[source 2]", [("S2", None)]),
        ("(Source B)", [("S2", None)]),
        ("(S2)", [("S2", None)]),
        ("[Ref. 2]", [("S2", None)]),
        ("[S2:4]", [("S2", (4, 4))]),
        ("[S2: 4]", [("S2", (4, 4))]),
        ("[S2:4-5]", [("S2", (4, 5))]),
        ("[Source B, sentence 4]", [("S2", (4, 4))]),
        ("(Source B:4)", [("S2", (4, 4))]),
        ("[S1, S3]", [("S1", None), ("S3", None)]),
        ("[S1; S3:2]", [("S1", None), ("S3", (2, 2))]),
        ("[1, 3]", [("S1", None), ("S3", None)]),
        ("[S1 and S3]", [("S1", None), ("S3", None)]),
        ("[S1][S3]", [("S1", None), ("S3", None)]),
        ("[S1] (Source C)", [("S1", None), ("S3", None)]),
    ],
)
def test_marker_in_every_common_form_is_resolved(marker: str, found: list[tuple[str, tuple[int, int] | None]]) -> None:
    """A marker names the source, and the sentence where it says one, at either side of the full stop."""
    for text in (f"Sales rose {marker}.", f"Sales rose. {marker}"):
        moved = markers_before_stop(text)
        assert _read(moved) == [("source", source, sentences) for source, sentences in found]
        assert without_markers(moved, read_markers(moved, SOURCES)).strip() == "Sales rose."


@pytest.mark.parametrize(
    "text", ["(2024)", "(A)", "(see above)", "[sic]", "[emphasis ours]", "(3)", "(about 12)", "[...]"]
)
def test_remarks_and_years_are_no_markers(text: str) -> None:
    """What stands in brackets for another reason stays in the text."""
    assert _read(f"Sales rose {text}.") == []


@pytest.mark.parametrize(
    "text", ["[S9]", "[Source Q]", "[17]", "(S4)", "[Miller 2021]", "[Miller et al., 2021]", "[https://example.org/a]"]
)
def test_marker_that_names_no_given_source_is_fabricated(text: str) -> None:
    """A reference to something that is not there is told from no reference."""
    assert [kind for kind, _, _ in _read(f"Sales rose {text}.")] == ["fabricated"]


@pytest.mark.parametrize(
    "text", ["[unsupported]", "[Unsupported]", "[not supported]", "[no source]", "[unsupported by the sources]"]
)
def test_mark_of_what_is_not_supported_is_read(text: str) -> None:
    """The mark is read in close forms, too."""
    assert [kind for kind, _, _ in _read(f"Sales rose {text}.")] == ["unsupported"]


@pytest.mark.parametrize("text", ["[]", "[ ]", "()", "( )"])
def test_empty_brackets_resolve_to_nothing(text: str) -> None:
    """Brackets around nothing are no source."""
    assert [kind for kind, _, _ in _read(f"Sales rose {text}.")] == ["empty"]


@given(
    st.lists(st.tuples(st.integers(1, 3), st.none() | st.integers(1, 40)), min_size=1, max_size=5),
    st.sampled_from(["S{}", "{}", "Source {}"]),
)
def test_written_markers_are_read_back(places: list[tuple[int, int | None]], form: str) -> None:
    """Any list of sources and sentences survives writing and reading."""
    text = "".join(f"[{form.format(n)}{'' if at is None else f':{at}'}]" for n, at in places)

    assert _read(f"Sales rose {text}.") == [("source", f"S{n}", None if at is None else (at, at)) for n, at in places]


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    """No text raises, and what is cut out lies inside the text."""
    markers = read_markers(text, SOURCES)

    assert all(0 <= marker.start < marker.end <= len(text) for marker in markers)
    assert len(without_markers(text, markers)) <= len(text)
    markers_before_stop(text)
