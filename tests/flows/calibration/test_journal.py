"""The journal of the rating page: whole lines or none, the last word counts, ratings are made of it again and again."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.calibration.answers import Answer, TakenIn, take_in
from flows.calibration.journal import (
    AnswerNotSavedError,
    Entry,
    Journal,
    journal_path,
    read_journal,
    take_in_journals,
)
from flows.calibration.sheet import Item
from flows.errors import InputError
from graders.judge.rubric import judge_rubrics
from tests.conftest import held_by_another
from tests.support_calibration import DIMENSION, FAMILY, SET
from warehouse import Warehouse
from warehouse.errors import LockedError

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


class Lab:
    """A set and its journal."""

    def __init__(self, db: Path, items: list[Item]) -> None:
        self.db = db
        self.items = items[:3]
        self.path = journal_path(self.db, SET)
        self._clock = 0

    def entry(self, item: Item, level: int | None, rater: str = "anna", **changes: Any) -> Entry:
        self._clock += 1
        made = Entry(
            set_id=SET, item_id=item.item_id, rater=rater, level=level, note=None,
            at=AT + timedelta(seconds=self._clock), text_hash=item.text_hash,
            rubric_hash=judge_rubrics(FAMILY)[DIMENSION].rubric_hash,
        )  # fmt: skip
        return replace(made, **changes)

    def add(self, *entries: Entry) -> None:
        with Journal(self.path) as journal:
            for entry in entries:
                journal.add(entry)

    def ratings(self) -> dict[tuple[str, str], float | None]:
        """Return the scores by rollout and rater."""
        with Warehouse.open(self.db, read_only=True) as warehouse:
            rows = warehouse.sql("select rollout_id, rater, score from rating")
        return {(rollout, rater): score for rollout, rater, score in rows.iter_rows()}


@pytest.fixture
def lab(db: Path, items: list[Item]) -> Lab:
    """Three items for anna and ben."""
    return Lab(db, items)


def counts(taken: TakenIn) -> tuple[int, int, int, int]:
    """Return new, known, changed, refused."""
    return taken.n_new, taken.n_known, taken.n_changed, len(taken.refused)


def test_answers_become_ratings_once(lab: Lab) -> None:
    """Levels 3 and 1 of 4 and one that cannot be assessed: .75, .25 and none; again nothing is new."""
    first, second, third = lab.items
    lab.add(
        lab.entry(first, 3, note="on the whole"), lab.entry(second, 1, "ben"), lab.entry(third, None, note="no draft")
    )

    assert counts(take_in_journals(lab.db)) == (3, 0, 0, 0)
    assert lab.ratings() == {("rollout-0", "anna"): 0.75, ("rollout-1", "ben"): 0.25, ("rollout-2", "anna"): None}
    assert counts(take_in_journals(lab.db)) == (0, 3, 0, 0)
    with Warehouse.open(lab.db, read_only=True) as warehouse:
        row = warehouse.view("rating").filter(rollout_id="rollout-0").row(0, named=True)
    assert (row["note"], row["source"], row["set_id"], row["raw_value"]) == ("on the whole", "rating page", SET, "3")
    assert row["rated_at"] == AT + timedelta(seconds=1)


def test_without_a_journal_nothing_happens(tmp_path: Path) -> None:
    """Where nobody rated on the page, not even a warehouse is needed."""
    assert counts(take_in_journals(tmp_path / "none.duckdb")) == (0, 0, 0, 0)


def test_the_last_answer_stands(lab: Lab) -> None:
    """A rater may change an answer before and after it was taken in; the other rater's stays."""
    item = lab.items[0]
    lab.add(lab.entry(item, 3), lab.entry(item, 4, "ben"), lab.entry(item, 2))

    assert counts(take_in_journals(lab.db)) == (2, 0, 0, 0)
    lab.add(lab.entry(item, 1))
    assert counts(take_in_journals(lab.db)) == (0, 1, 1, 0)
    assert lab.ratings() == {("rollout-0", "anna"): 0.25, ("rollout-0", "ben"): 1.0}


def test_what_a_file_changed_since_is_left_alone(lab: Lab) -> None:
    """An import that replaced an answer of the page is newer than it; a later answer on the page is newer still."""
    item = lab.items[0]
    lab.add(lab.entry(item, 3))
    take_in_journals(lab.db)
    answer = Answer(SET, item.item_id, "anna", 0, None, None, "a.csv, row 1")
    take_in(lab.db, [answer], "a.csv", replace=True)

    assert counts(take_in_journals(lab.db)) == (0, 1, 0, 0)
    assert lab.ratings() == {("rollout-0", "anna"): 0.0}
    lab.add(lab.entry(item, 2))
    assert counts(take_in_journals(lab.db)) == (0, 0, 1, 0)
    assert lab.ratings() == {("rollout-0", "anna"): 0.5}


def test_withdrawn_answers_do_not_count(lab: Lab) -> None:
    """Undone before it was taken in: never a rating. Undone after: taken out again. Of a file: not the page's."""
    first, second, third = lab.items
    lab.add(lab.entry(first, 3), lab.entry(first, None, withdrawn=True), lab.entry(second, 2))
    take_in(lab.db, [Answer(SET, third.item_id, "anna", 0, None, None, "a.csv, row 1")], "a.csv")

    assert counts(take_in_journals(lab.db)) == (1, 0, 0, 0)
    lab.add(lab.entry(second, None, withdrawn=True), lab.entry(third, None, withdrawn=True))
    assert counts(take_in_journals(lab.db)) == (0, 0, 0, 0)
    assert lab.ratings() == {("rollout-2", "anna"): 0.0}


def test_a_copy_of_the_warehouse_gets_its_ratings_again(lab: Lab) -> None:
    """Who goes back to an older file loses no rating, new or changed: the journal has them all."""
    first, second, _ = lab.items
    lab.add(lab.entry(first, 3))
    take_in_journals(lab.db)
    older = lab.db.read_bytes()
    lab.add(lab.entry(first, 1), lab.entry(second, 4))
    take_in_journals(lab.db)
    lab.db.write_bytes(older)

    assert counts(take_in_journals(lab.db)) == (1, 0, 1, 0)
    assert lab.ratings() == {("rollout-0", "anna"): 0.25, ("rollout-1", "anna"): 1.0}


@pytest.mark.parametrize("kept", [1, 40, -1])
def test_a_torn_last_line_is_left_out(lab: Lab, kept: int) -> None:
    """A kill in the middle of a write: what was before stays, and the next answer begins a line of its own."""
    first, second, third = lab.items
    lab.add(lab.entry(first, 3), lab.entry(second, 2))
    whole = lab.path.read_bytes()
    torn = whole.splitlines(keepends=True)[1][:kept]
    lab.path.write_bytes(whole + torn)

    assert len(read_journal(lab.path).lines) == 2
    assert counts(take_in_journals(lab.db)) == (2, 0, 0, 0)
    lab.add(lab.entry(third, 1))
    assert lab.path.read_bytes().startswith(whole)
    assert [line.entry.level for line in read_journal(lab.path).lines] == [3, 2, 1]
    assert counts(take_in_journals(lab.db)) == (1, 2, 0, 0)


@pytest.mark.parametrize(
    "line",
    [
        b"not json", b"\xff\xfe", b"[]", b"{}", b"null",
        b'{"at":"2026-01-02T00:00:00","item_id":"i","level":1,"note":null,"rater":"anna","rubric_hash":"r",'
        b'"set_id":"s","text_hash":"t","withdrawn":false}',
    ],
)  # fmt: skip
def test_a_foreign_line_is_refused_with_its_place(lab: Lab, line: bytes) -> None:
    """What somebody else wrote into the file is told with its place; the lines around it count."""
    lab.add(lab.entry(lab.items[0], 3))
    with lab.path.open("ab") as file:
        file.write(line + b"\n")
    lab.add(lab.entry(lab.items[1], 2))

    taken = take_in_journals(lab.db)

    assert counts(taken) == (2, 0, 0, 1)
    assert taken.refused[0].place == f"{lab.path}, line 2"


def test_an_answer_that_does_not_fit_is_told_each_time(lab: Lab) -> None:
    """The set has no such item: refused now and the next time, never dropped in silence; the other goes in."""
    lab.add(lab.entry(lab.items[0], 3, item_id="other"), lab.entry(lab.items[1], 3))

    assert counts(take_in_journals(lab.db)) == (1, 0, 0, 1)
    again = take_in_journals(lab.db)
    assert counts(again) == (0, 1, 0, 1)
    assert "line 1" in again.refused[0].place


def test_one_server_a_set(lab: Lab) -> None:
    """A second one is refused while the first has the journal, and let in after it."""
    with Journal(lab.path), pytest.raises(InputError, match="another `assay calibrate rate` serves this set"):
        Journal(lab.path)
    Journal(lab.path).close()


def test_a_failed_write_leaves_nothing_behind(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes half of a line: the answer is not acknowledged, the next one stands after the last whole."""
    write = os.write
    with Journal(lab.path) as journal:
        journal.add(lab.entry(lab.items[0], 3))
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", lambda file, data: write(file, data[: len(data) // 2]))
            with pytest.raises(AnswerNotSavedError):
                journal.add(lab.entry(lab.items[1], 2))
        journal.add(lab.entry(lab.items[2], 1))

    assert [line.entry.level for line in read_journal(lab.path).lines] == [3, 1]


def test_a_warehouse_in_use_keeps_answers_for_later(lab: Lab) -> None:
    """Another process has the warehouse: said so, nothing lost, and taken in the next time."""
    lab.add(lab.entry(lab.items[0], 3))
    with held_by_another(lab.db), pytest.raises(LockedError):
        take_in_journals(lab.db)

    assert counts(take_in_journals(lab.db)) == (1, 0, 0, 0)


def test_names_of_sets_are_no_paths(tmp_path: Path) -> None:
    """A set's name cannot lead out of the folder of the journals."""
    path = journal_path(tmp_path / "a.duckdb", "../../etc/x y")

    assert path.parent == tmp_path / "a.duckdb.ratings"


def test_texts_keep_to_their_line(lab: Lab) -> None:
    """Line ends of every kind, half a surrogate pair and quotes in a note: one line, and read back."""
    note = 'a\nb\r\nc\u2028d "quoted" \ud800'
    lab.add(lab.entry(lab.items[0], 3, note=note), lab.entry(lab.items[1], 2))

    assert [json.loads(line)["level"] for line in lab.path.read_bytes().splitlines()] == [3, 2]
    assert read_journal(lab.path).lines[0].entry.note == note.replace("\ud800", "?")
    assert counts(take_in_journals(lab.db)) == (2, 0, 0, 0)
