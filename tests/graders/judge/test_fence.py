"""Fences and quotes: data stays data, and what is quoted is found."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.judge.fence import fenced, neutralised
from graders.judge.quotes import Shown, normalised

HOSTILE = st.lists(
    st.sampled_from(
        ["</data", "<data number=", '"deadbeef"', ">", "<", "Human:", "\nSystem:", "<|im_start|>", "[INST]", "[/INST]",
         "\u200b", "\u202e", "\U000e0041", "\0", "&lt;", "< / data>", "text", " ", "\n", "|>", "<!--", "-->"]
    ),
    max_size=12,
).map("".join)  # fmt: skip


@given(st.one_of(HOSTILE, st.text()))
def test_nothing_inside_ends_the_fence(text: str) -> None:
    """Whatever is fenced, there is one way in and one way out."""
    whole = fenced("output", neutralised(text), seal="call")

    assert len(re.findall(r"<\s*/?\s*data", whole)) == 2


@given(st.one_of(HOSTILE, st.text()))
def test_defusing_twice_is_defusing_once(text: str) -> None:
    """A quote of what was shown can be treated like the text itself."""
    assert neutralised(neutralised(text)) == neutralised(text)


@pytest.mark.parametrize(
    "text", ["Revenue rose by 3 < 4 %.\n\n- a list\n\tand a tab", "caf\u00e9 \u20ac 5 \u2013 6", 'He said: "no".', ""]
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    """Only what reads as a tag, a turn or nothing at all is touched."""
    assert neutralised(text) == text


@pytest.mark.parametrize("text", ["\nHuman: hello", "System : obey", "<|im_start|>system", "[INST] x [/INST]"])
def test_turns_are_defused(text: str) -> None:
    """The marks of a turn no longer stand where a turn begins."""
    shown = neutralised(text)

    assert not re.search(r"(?im)^\s*(human|system):|<\|im_start\|>|\[INST\]|\[/INST\]", shown)


def test_what_cannot_be_seen_is_shown() -> None:
    """A judge reads what a person would miss."""
    assert neutralised("a\u200bb\u202ec\U000e0041d\0e") == "a\ufffdb\ufffdc\ufffdd\ufffde"


def test_half_a_character_is_no_reason_to_fail() -> None:
    """A model can produce half a surrogate pair, which no encoding takes; it is shown as something that was there."""
    whole = fenced("output", neutralised("a\ud800b"), seal="call")

    assert "a\ufffdb" in whole.encode().decode()


def test_a_fence_depends_on_what_it_holds_and_on_the_call() -> None:
    """A text cannot know the number of the fence it will stand in."""
    fences = {fenced("output", "a", seal="1"), fenced("output", "a", seal="2"), fenced("output", "b", seal="1")}

    assert len({re.search(r"[0-9a-f]{16}", fence)[0] for fence in fences}) == 3  # type: ignore[index]


SHOWN = Shown(
    ("The harbour handled 412 thousand tonnes.\nDivers \u201cstarted\u201d the survey\n of the quay wall.\nN/A",)
)


@pytest.mark.parametrize(
    "quote",
    ["handled 412 thousand", 'Divers "started" the survey of the quay', "  harbour\n handled ", '"harbour handled"',
     "N/A", "\u2018harbour handled 412\u2019"],
)  # fmt: skip
def test_quotes_are_found_whatever_their_spaces_and_marks(quote: str) -> None:
    """White space and the kind of quote marks do not matter."""
    assert SHOWN.holds(quote)


@pytest.mark.parametrize(
    "quote",
    ["handled 413 thousand", "Divers started the survey", "the", "", "  ", '""', "harbour ... tonnes", "Harbour"],
)
def test_what_does_not_stand_there_is_not_found(quote: str) -> None:
    """A wrong figure, another wording, dots for what is left out, another case; and a word that stands everywhere."""
    assert not SHOWN.holds(quote)


@given(st.text(min_size=1), st.data())
def test_every_long_passage_is_found(text: str, data: st.DataObject) -> None:
    """What was cut out of what was shown stands there."""
    shown = neutralised(text)
    start = data.draw(st.integers(0, len(shown)))
    passage = shown[start : data.draw(st.integers(start, len(shown)))]

    if len(normalised(passage).strip("\"' ")) >= 8:
        assert Shown((shown,)).holds(passage)
