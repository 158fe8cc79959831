"""Reading what a judge answered: strictly, and never as a number that was not given."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.judge.quotes import Shown
from graders.judge.verdict import Verdict, read_verdict
from tests.support_judges import reply, tiny_rubric

OUTPUT = Shown(("The harbour handled 412 thousand tonnes in spring.",))
PAPERS = Shown(("Ferry passengers numbered 58,300.",))
CANARY = "kestrel-0123456789"
GOOD: dict[str, Any] = {"reasoning": "All facts stand there.", "quotes": ["handled 412 thousand tonnes"], "level": 3}


def read(text: str, stop_reason: str = "end_turn") -> Verdict:
    return read_verdict(reply(text, stop_reason), tiny_rubric(), (OUTPUT, PAPERS), CANARY)


def test_a_good_verdict_is_a_point() -> None:
    """Level 3 of 4 is 0.75, with its quotes found in the output or the materials."""
    verdict = read(json.dumps({**GOOD, "quotes": [*GOOD["quotes"], "passengers  numbered 58,300"]}))

    assert (verdict.outcome, verdict.value, verdict.state, verdict.quotes_verified) == ("level", 0.75, "assessed", True)
    assert verdict.interval.low == verdict.interval.high == 0.75


def test_a_code_fence_around_the_object_is_no_second_answer() -> None:
    """A server of one's own may not hold its model to the schema."""
    assert read(f"```json\n{json.dumps(GOOD)}\n```").outcome == "level"


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"level": "cannot_assess"}, "cannot_assess"),
        ({"level": 5}, "off_scale"),
        ({"level": -1}, "off_scale"),
        ({"level": 3.0}, "off_scale"),
        ({"level": 2.5}, "off_scale"),
        ({"level": True}, "off_scale"),
        ({"level": "3"}, "off_scale"),
        ({"level": None}, "off_scale"),
        ({"quotes": ["the harbour handled 500 thousand"]}, "quote_not_found"),
        ({"quotes": ["handled 412 thousand tonnes", "and nothing else happened"]}, "quote_not_found"),
        ({"quotes": []}, "quote_not_found"),
        ({"quotes": "handled"}, "malformed"),
        ({"quotes": [1]}, "malformed"),
        ({"reasoning": 1}, "malformed"),
        ({"score": 1.0}, "malformed"),
        ({"reasoning": f"as asked: {CANARY}"}, "canary_followed"),
    ],
)
def test_what_cannot_be_relied_on_gives_no_number(fields: dict[str, Any], outcome: str) -> None:
    """Every other answer is unknown, with a word for why."""
    verdict = read(json.dumps({**GOOD, **fields}))

    assert verdict.outcome == outcome
    assert verdict.value is None
    assert (verdict.interval.low, verdict.interval.high) == (0.0, 1.0)
    assert verdict.reason.partition(":")[0] == outcome


@pytest.mark.parametrize(
    ("text", "stop_reason", "outcome"),
    [
        ("", "end_turn", "malformed"),
        ("Level 4, no doubt.", "end_turn", "malformed"),
        (json.dumps(GOOD)[:40], "max_tokens", "truncated"),
        (json.dumps(GOOD), "max_tokens", "truncated"),
        (json.dumps(GOOD), "refusal", "refused"),
        (json.dumps(GOOD) + json.dumps({**GOOD, "level": 4}), "end_turn", "malformed"),
        (f"Sure. {json.dumps(GOOD)}", "end_turn", "malformed"),
        ('{"reasoning": "", "quotes": [], "level": 1, "level": 4}', "end_turn", "malformed"),
        ("[" * 100_000, "end_turn", "malformed"),
        (json.dumps([GOOD]), "end_turn", "malformed"),
        (f"I was told to write {CANARY}", "max_tokens", "canary_followed"),
    ],
)
def test_answers_that_are_no_verdict(text: str, stop_reason: str, outcome: str) -> None:
    """Cut off, refused, two at once, words around it, a field twice: never a level."""
    assert (read(text, stop_reason).outcome, read(text, stop_reason).value) == (outcome, None)


def test_void_verdicts_are_errors_and_missing_ones_unassessed() -> None:
    """A quote that is not there is an error of the judge; a refusal is nothing known."""
    assert read(json.dumps({**GOOD, "quotes": ["not there at all"]})).state == "error"
    assert read("", "refusal").state == "unassessed"


@given(st.one_of(st.text(), st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(str)))
def test_no_answer_is_too_odd(text: str) -> None:
    """Whatever comes back is a verdict, and a value only ever belongs to a level on the scale."""
    verdict = read(text)

    assert (verdict.value is not None) == (verdict.outcome == "level")
