"""Taking in answers: what holds is added once, what does not is refused with its place and reason."""

import math
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.calibration.answers import Answer, TakenIn, take_in, take_in_all
from flows.calibration.sheet import Item
from graders.judge.rubric import judge_rubrics
from tests.conftest import clean_environment, held_by_another
from tests.support_calibration import DIMENSION, FAMILY, SET
from warehouse import Warehouse, WarehouseError

RUBRIC_HASH = judge_rubrics(FAMILY)[DIMENSION].rubric_hash
TOP = judge_rubrics(FAMILY)[DIMENSION].top


def _answer(item: Item, level: float | None = 3, rater: str = "anna", **more: Any) -> Answer:
    return Answer(SET, item.item_id, rater, level, None, None, "answers.csv, row 2", **more)


def _ratings(db: Path) -> list[dict[str, Any]]:
    with Warehouse.open(db, read_only=True) as warehouse:
        return warehouse.sql("from rating order by rollout_id, rater").to_dicts()


def _counts(taken: TakenIn) -> tuple[int, int, int, int]:
    return taken.n_new, taken.n_known, taken.n_changed, len(taken.refused)


def test_answer_becomes_a_rating_with_all_that_is_known(db: Path, items: list[Item]) -> None:
    """The score is the level's share of the top; what the rater read and when stands beside it."""
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    answer = replace(_answer(items[0], 3), note="quite good ", rated_at=at, raw_value="3", rubric_hash=RUBRIC_HASH)

    taken = take_in(db, [answer], "answers.csv")

    assert taken == TakenIn(1, 0, 0, ())
    assert _ratings(db) == [
        {
            "rollout_id": "rollout-0", "dimension": DIMENSION, "rater": "anna", "score": 3 / TOP, "raw_value": "3",
            "scale": f"0..{TOP}", "rated_at": at, "note": "quite good", "set_id": SET, "rubric_hash": RUBRIC_HASH,
            "source": "answers.csv",
        }
    ]  # fmt: skip


def test_cannot_assess_is_a_rating_without_a_score(db: Path, items: list[Item]) -> None:
    """It is kept as said, never as a zero."""
    take_in(db, [_answer(items[0], None)], "page")

    assert [(row["score"], row["raw_value"]) for row in _ratings(db)] == [(None, "cannot assess")]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"set_id": "set-2"}, "there is no calibration set 'set-2'; sets: set-1"),
        ({"item_id": "0123456789"}, "set set-1 has no item '0123456789'; leave the column of item ids as it was"),
        ({"rater": " \t"}, "no rater is named; fill in who rated, or add --rater NAME"),
        ({"rater": "carl"}, "'carl' is no rater of set set-1; its raters: anna, ben"),
        ({"level": TOP + 1}, f"'{TOP + 1}' is no level; levels: {', '.join(map(str, range(TOP + 1)))}, or 'cannot"),
        ({"level": -1}, "'-1' is no level"),
        ({"level": 2.5, "raw_value": "2,5"}, "'2,5' is no level"),
        ({"level": math.nan, "raw_value": "three"}, "'three' is no level"),
        ({"level": math.inf}, "'inf' is no level"),
        ({"text_hash": "000000000000"}, "was edited; rate the text as it was exported"),
        ({"rubric_hash": "other"}, "it was rated by another rubric (other) than set set-1 asks for"),
    ],
)  # fmt: skip
def test_wrong_answer_is_refused_and_the_rest_kept(
    db: Path, items: list[Item], wrong: dict[str, Any], reason: str
) -> None:
    """One bad row costs nobody the good ones."""
    good = _answer(items[1], text_hash=items[1].text_hash, rubric_hash=RUBRIC_HASH)

    taken = take_in(db, [replace(_answer(items[0]), **wrong), good], "answers.csv")

    assert _counts(taken) == (1, 0, 0, 1)
    assert taken.refused[0].place == "answers.csv, row 2"
    assert reason in taken.refused[0].reason
    assert [row["rollout_id"] for row in _ratings(db)] == ["rollout-1"]


def test_item_that_was_dealt_to_somebody_else_is_refused(db: Path, items: list[Item]) -> None:
    """The files of two raters mixed up do not pass for the work of one."""
    with Warehouse.open(db) as warehouse:
        warehouse.sql("delete from calibration_assignment where rater = 'ben' and place = 0")

    taken = take_in(db, [_answer(items[0], rater="ben"), _answer(items[1], rater="ben")], "answers.csv")

    assert [refused.reason for refused in taken.refused] == [
        f"item {items[0].item_id} was not dealt to ben, but to anna"
    ]
    assert taken.n_new == 1


def test_name_is_one_rater_however_it_is_spelled(db: Path, items: list[Item]) -> None:
    """Case and stray blanks make no second rater, whether raters were named or not."""
    given = [_answer(items[0], rater=" Anna "), _answer(items[1], rater="ANNA\u00a0"), _answer(items[0], rater="anna")]
    taken = take_in(db, given, "answers.csv")
    assert _counts(taken) == (2, 1, 0, 0)
    assert {row["rater"] for row in _ratings(db)} == {"anna"}

    with Warehouse.open(db) as warehouse:
        warehouse.sql("delete from calibration_assignment")
        warehouse.sql("update calibration_set set raters = '[]'")
    take_in(db, [_answer(items[2], rater="Eva Maria")], "answers.csv")
    take_in(db, [_answer(items[3], rater="eva  maria"), _answer(items[4], rater="Anna")], "answers.csv")

    assert {row["rater"] for row in _ratings(db)} == {"anna", "Eva Maria"}


def test_second_answer_of_a_rater_in_one_input_is_refused_where_it_differs(db: Path, items: list[Item]) -> None:
    """The first stands; the same again is nothing new."""
    given = [_answer(items[0], 3), _answer(items[0], 3), replace(_answer(items[0], 2), place="answers.csv, row 9")]

    taken = take_in(db, given, "answers.csv", replace=True)

    assert _counts(taken) == (1, 1, 0, 1)
    reason = f"anna rates item {items[0].item_id} twice and differently, first in answers.csv, row 2; keep one"
    assert [(refused.place, refused.reason) for refused in taken.refused] == [("answers.csv, row 9", reason)]
    assert [row["score"] for row in _ratings(db)] == [3 / TOP]


def test_answers_are_held_against_each_other_across_sources(db: Path, items: list[Item]) -> None:
    """Two files that contradict each other do not both count."""
    taken = take_in_all(
        db, [("one.csv", [_answer(items[0], 3)]), ("two.csv", [_answer(items[0], 2), _answer(items[1])])]
    )

    assert _counts(taken) == (2, 0, 0, 1)
    assert [row["source"] for row in _ratings(db)] == ["one.csv", "two.csv"]


def test_what_was_said_before_is_replaced_only_when_asked(db: Path, items: list[Item]) -> None:
    """The same again is known; something else is refused with both values, or takes the place with `replace`."""
    take_in(db, [_answer(items[0], 3), replace(_answer(items[1], 2), note="so so")], "first.csv")
    again = take_in(db, [_answer(items[0], 3), replace(_answer(items[1], 2), note="so so\r\n")], "again.csv")
    assert _counts(again) == (0, 2, 0, 0)

    other = [_answer(items[0], 1), _answer(items[1], 2)]
    refused = take_in(db, other, "other.csv")
    assert _counts(refused) == (0, 0, 0, 2)
    assert refused.refused[0].reason == (
        f"anna said otherwise of item {items[0].item_id} before (3, now 1); add --replace to take the new word"
    )
    assert "(2, with the note 'so so', now 2)" in refused.refused[1].reason
    assert [row["source"] for row in _ratings(db)] == ["first.csv", "first.csv"]

    assert _counts(take_in(db, other, "other.csv", replace=True)) == (0, 0, 2, 0)
    assert [(row["score"], row["note"], row["source"]) for row in _ratings(db)] == [
        (1 / TOP, None, "other.csv"),
        (2 / TOP, None, "other.csv"),
    ]


def test_note_of_any_text_is_kept(db: Path, items: list[Item]) -> None:
    """Half a surrogate pair and a NUL become marks that something was there, and are known again."""
    odd = replace(_answer(items[0]), note="a\0b \ud800 \N{SNOWMAN}")

    take_in(db, [odd], "page")

    assert [row["note"] for row in _ratings(db)] == ["a\ufffdb ? \N{SNOWMAN}"]
    assert _counts(take_in(db, [odd], "page")) == (0, 1, 0, 0)


def test_warehouse_in_use_is_said_and_nothing_added(db: Path, items: list[Item]) -> None:
    """Whoever holds the file is named."""
    with held_by_another(db), pytest.raises(WarehouseError, match="is open in process"):
        take_in(db, [_answer(items[0])], "page")

    assert _ratings(db) == []


IMPORTER = """
import os
import sys
from pathlib import Path
from flows.calibration.answers import Answer, take_in

db, *items = sys.argv[1:]
note = "n" * 200_000
answers = [Answer("set-1", item, rater, 1, note, None, "here") for item in items for rater in ("anna", "ben")]
take_in(Path(db), answers, "killed")
print("done", flush=True)
os.read(0, 1)
"""


@pytest.mark.parametrize("moment", ["while it writes", "when it has said that it is done"])
def test_killed_import_leaves_all_or_nothing(db: Path, items: list[Item], moment: str) -> None:
    """A real process, killed with -9, leaves every rating or none; what it acknowledged is there."""
    process = subprocess.Popen(
        [sys.executable, "-c", IMPORTER, str(db), *(item.item_id for item in items)],
        env=clean_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    if moment == "while it writes":
        log = db.with_name(f"{db.name}.wal")  # the engine's own log: there as soon as it writes anything
        while not log.exists() and process.poll() is None:
            pass
        process.kill()
    else:
        assert process.stdout.readline() == "done\n"
        process.kill()
    process.communicate()

    assert len(_ratings(db)) in ((0, 12) if moment == "while it writes" else (12,))
    assert _counts(take_in(db, [_answer(items[0], 1, "ben")], "after", replace=True)) in ((0, 0, 1, 0), (1, 0, 0, 0))
