"""What tests of judges share: a scripted model that judges, and how to read what it was asked."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from graders.composite import compose
from graders.grading import Graded, grader
from graders.interval import Interval, exactly
from graders.judge.rubric import JudgeRubric, Level
from tasks_lib.models.messages import Reply, Usage
from tasks_lib.records import Score
from tests.messages_server import Answer, Body, Fault, Script

DATA = re.compile(r'<data number="([0-9a-f]+)" kind="([^"]*)">\n(.*?)\n</data number="\1">', re.DOTALL)
Given = int | str | Fault | Answer


def asked(body: Body) -> str:
    """Return the whole text of a call."""
    content = body["messages"][0]["content"]
    return content if isinstance(content, str) else "\n".join(block["text"] for block in content)


def data(body: Body, kind: str) -> str:
    """Return what stands between the fences of one kind."""
    return next(text for _, found, text in DATA.findall(asked(body)) if found == kind)


def own_words(body: Body) -> str:
    """Return what we say ourselves in a call: all but the data."""
    return body["system"][0]["text"] + DATA.sub("", asked(body))


def is_judging(body: Body) -> bool:
    """Tell whether a call asks a judge."""
    return "format" in body.get("output_config", {})


def quote_from(body: Body) -> str:
    """Return the beginning of the longest line that was to be judged, or of the longest of the materials."""
    lines = data(body, "output").splitlines() or [""]
    line = max(lines, key=len)
    if len(line) < 8:
        line = max((line for _, _, text in DATA.findall(asked(body)) for line in text.splitlines()), key=len)
    return line[:60]


def answer(level: int | str, *quotes: str, reasoning: str = "Checked sentence by sentence.", **more: Any) -> Answer:
    """Return the answer of a judge."""
    fields = {"reasoning": reasoning, "quotes": list(quotes), "level": level, **more}
    return Answer([{"type": "text", "text": json.dumps(fields)}], cache_read=50, cache_write=10)


def judging(level: Callable[[Body], Given] | Given, otherwise: Script | None = None) -> Script:
    """Return a script that answers calls of a judge with a level and a quote that is there."""

    def script(body: Body, number: int) -> Answer | Fault:
        if not is_judging(body):
            assert otherwise is not None, "a call that asks no judge"
            return otherwise(body, number)
        found = level(body) if callable(level) else level
        return found if isinstance(found, (Answer, Fault)) else answer(found, quote_from(body))

    return script


def tiny_rubric(**fields: Any) -> JudgeRubric:
    """Return a rubric with levels 0 to 4."""
    levels = tuple(
        Level(level=level, anchor=f"Anchor {level}.", paraphrase=f"Otherwise {level}.", example=f"Example {level}.")
        for level in (4, 3, 2, 1, 0)
    )
    known = {
        "family": "doc_revision", "dimension": "faithfulness", "version": "1", "evidence": "Quote what you checked.",
        "cannot_assess": "Only without materials.", "levels": levels, "question": "Is it so?",
        "question_paraphrased": "Does it hold?",
    }  # fmt: skip
    return JudgeRubric(**{**known, **fields})


def reply(text: str, stop_reason: str = "end_turn") -> Reply:
    """Return an answer in words."""
    return Reply(content=({"type": "text", "text": text},), stop_reason=stop_reason, usage=Usage(), model="m")


def graded_from(rollout_id: str, family: str, intervals: Mapping[str, Interval], **more: Any) -> Graded:
    """Return what code might have found: an interval for every dimension of a family."""
    rubric = grader(family).rubric
    scores = tuple(
        Score(
            rollout_id=rollout_id, dimension=name, grader_id="code", family=family, low=interval.low,
            high=interval.high, state=interval.state, source="deterministic", reason="", grader_version="1",
        )
        for name, interval in intervals.items()
    )  # fmt: skip
    work, flags = more.get("work", exactly(1.0)), more.get("flags", ())
    return Graded(scores, (), compose(rollout_id, rubric, intervals, work, flags))


def verdict_score(rollout_id: str, dimension: str, low: float, high: float, judge: str, replicate: int = 0) -> Score:
    """Return the score of one call of a judge."""
    state = "assessed" if low == high else "unassessed"
    return Score(
        rollout_id=rollout_id, dimension=dimension, grader_id=judge, replicate=replicate, family="doc_revision",
        low=low, high=high, state=state, source="judge", reason="", grader_version="1",
    )  # fmt: skip
