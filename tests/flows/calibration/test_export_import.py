"""The verbs: sheets out and ratings in, all ratings as one file and back, ratings of rollouts without a set."""

import json
import shutil
import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows.calibration.answers import Answer, take_in
from flows.calibration.archive import restore, write_archive
from flows.calibration.formats.reading import UnreadableAnswersError
from flows.calibration.sheet import Item
from flows.trust import current_trust
from tasks_lib.records import policy_spec
from tests.conftest import Assay
from tests.flows.calibration.filling import fill_csv, fill_xlsx
from tests.support_calibration import DIMENSION, SET
from warehouse import Warehouse
from warehouse.definitions import tables

ARCHIVED = (
    "calibration_set", "calibration_stratum", "calibration_frame", "calibration_item", "calibration_assignment",
    "rating", "run", "instance", "policy", "rollout", "score",
)  # fmt: skip


def _rows(db: Path, table: str = "rating") -> list[dict[str, Any]]:
    with Warehouse.open(db, read_only=True) as warehouse:
        return warehouse.sql(f"from {table} order by {', '.join(tables()[table].grain)}").to_dicts()


def _said(done: "subprocess.CompletedProcess[str]", status: int) -> str:
    assert done.returncode == status, done.stderr
    return done.stdout


@pytest.mark.parametrize(("name", "fill"), [("csv", fill_csv), ("xlsx", fill_xlsx)])
def test_sheets_go_out_and_ratings_come_in(assay: Assay, db: Path, tmp_path: Path, name: str, fill: Any) -> None:
    """One file a rater; the same files again are known; what is not rated yet is said."""
    said = _said(assay("calibrate", "export", "--format", name, "--out", "sheets"), 0)
    assert "Set set-1: 6 items to rate on faithfulness" in said
    assert f"Next: assay calibrate import sheets/*.{name}" in said
    files = [fill(tmp_path / "sheets" / f"set-1-{rater}.{name}", lambda cell: ("3", "")) for rater in ("anna", "ben")]
    fill(files[1], lambda cell: ("3", "fine") if cell < "item 7" else ("", ""))

    said = _said(assay("calibrate", "import", *map(str, files), "--json"), 0)

    n_ben = len([row for row in _rows(db) if row["rater"] == "ben"])
    assert json.loads(said) == {"n_new": 6 + n_ben, "n_known": 0, "n_changed": 0, "n_blank": 6 - n_ben, "refused": []}
    assert {row["source"] for row in _rows(db)} == {f"set-1-anna.{name}", f"set-1-ben.{name}"}
    assert {row["rater"]: row["note"] for row in _rows(db)} == {"anna": None, "ben": "fine"}
    again = _said(assay("calibrate", "import", *map(str, files)), 0)
    assert again.startswith("0 ratings added\n")
    assert f"{6 + n_ben} were there already" in again


def test_refused_answers_are_listed_with_exit_status_1(assay: Assay, db: Path, tmp_path: Path) -> None:
    """File, row and reason; the rest is kept; a different word needs --replace."""
    assay("calibrate", "export", "--set", SET, "--format", "csv", "--out", ".", "--rater", "anna")
    assert not (tmp_path / "set-1-ben.csv").exists()
    path = fill_csv(tmp_path / "set-1-anna.csv", lambda cell: ("3", ""))
    path.write_bytes(path.read_bytes().replace(b",3,", b",7,", 1))

    said = _said(assay("calibrate", "import", path.name), 1)
    assert "5 ratings added\n  1 refused; all others were kept" in said
    assert "set-1-anna.csv, row 2" in said
    assert "'7' is no level; levels: 0, 1, 2, 3, 4" in " ".join(said.split())

    fill_csv(path, lambda cell: ("2", ""))
    refused = json.loads(_said(assay("calibrate", "import", path.name, "--json"), 1))
    assert (refused["n_new"], len(refused["refused"])) == (1, 5)
    assert "(3, now 2); add --replace to take the new word" in refused["refused"][0]["reason"]
    changed = json.loads(_said(assay("calibrate", "import", path.name, "--replace", "--json"), 0))
    assert (changed["n_changed"], changed["n_known"]) == (5, 1)
    assert {row["raw_value"] for row in _rows(db)} == {"2"}


def test_one_unreadable_file_stops_all_with_exit_status_2(assay: Assay, db: Path, tmp_path: Path) -> None:
    """Nothing is taken from the others either, so that the same command can be repeated."""
    assay("calibrate", "export", "--format", "csv", "--out", ".")
    fill_csv(tmp_path / "set-1-anna.csv", lambda cell: ("3", ""))
    (tmp_path / "broken.csv").write_text("item;mark\n1;2\n")

    done = assay("calibrate", "import", "set-1-anna.csv", "broken.csv")

    assert done.returncode == 2
    assert done.stderr == (
        "assay: broken.csv: the column 'level' is missing (columns: 'item', 'mark'); keep the columns that were "
        "exported\n"
    )
    assert _rows(db) == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["export", "--out", "x", "--set", "set-9"], "there is no calibration set 'set-9'; sets: set-1"),
        (["export", "--out", "x", "--rater", "eva"], "'eva' is no rater of set-1; its raters: anna, ben"),
        (["export", "--out", "x.zip", "--all", "--set", "set-1"], "--all takes everything"),
        (["export", "--out", "assay.duckdb"], "assay.duckdb: is no folder; name another --out"),
        (["import", "gone.csv"], "gone.csv: cannot be read (No such file or directory)"),
        (["import", "assay.duckdb"], "is no file of ratings; files of ratings end in .csv"),
        (["import", "gone.csv", "--rater", "anna", "--rater", "ben"], "'ben' cannot be read; write one NAME"),
        (["import", "gone.csv", "--rater", "7="], "'7=' cannot be read"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(assay: Assay, db: Path, arguments: list[str], reason: str) -> None:
    """Exit status 2, and what to do."""
    done = assay("calibrate", *arguments)

    assert done.returncode == 2
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1


# The archive.


def _rate(db: Path, items: list[Item]) -> None:
    """Rate everything, add what archives must carry as well, and what they must leave out."""
    at = datetime(2026, 4, 1, tzinfo=UTC)
    answers = [
        Answer(SET, item.item_id, rater, level, "so \N{SNOWMAN}\nso", at, "x")
        for item in items for rater, level in (("anna", 3), ("ben", None))
    ]  # fmt: skip
    assert take_in(db, answers, "first.csv").n_new == 12
    with Warehouse.open(db) as warehouse:
        run = {"config": {}, "config_hash": "c", "taskset_hash": "t", "code_version": "1", "started_at": at,
               "ended_at": at, "status": "completed", "n_planned": 6}  # fmt: skip
        warehouse.merge("run", [{**run, "run_id": "run-1"}, {**run, "run_id": "run-2"}])
        warehouse.merge("policy", [policy_spec("parent", "model"), policy_spec("stranger", "model")])
        warehouse.sql("update policy set parent = 'parent' where policy_id = 'secret-policy'")
        score = {"rollout_id": "rollout-0", "grader_id": "judge/a", "replicate": 0, "family": "doc_revision",
                 "low": 0.5, "high": 0.5, "state": "assessed", "source": "judge", "reason": "r", "evidence": {"a": 1},
                 "grader_version": "1"}  # fmt: skip
        warehouse.merge("score", [{**score, "dimension": DIMENSION}, {**score, "dimension": "unrated"}])


def test_everything_round_trips_through_one_file(assay: Assay, db: Path, items: list[Item], tmp_path: Path) -> None:
    """Into an empty warehouse table by table the same, and into any again nothing; the same ratings, the same file."""
    _rate(db, items)
    before = {table: _rows(db, table) for table in ARCHIVED}
    said = _said(assay("calibrate", "export", "--all", "--out", "all.zip"), 0)
    assert said == "all.zip: 12 ratings and 1 calibration sets, with the 6 rollouts they are of\n"

    assert _said(assay("calibrate", "import", "all.zip", "--db", "new.duckdb"), 0).startswith("12 ratings added")
    again = json.loads(_said(assay("calibrate", "import", "all.zip", "--db", "new.duckdb", "--json"), 0))
    assert (again["n_new"], again["n_known"], again["n_changed"]) == (0, 12, 0)
    home = json.loads(_said(assay("calibrate", "import", "all.zip", "--json"), 0))
    assert (home["n_new"], home["n_known"], home["n_changed"]) == (0, 12, 0)

    # What nobody's rating depends on stays behind: another run, a policy without rollouts, a dimension nobody rates.
    needed = {
        **before,
        "run": [row for row in before["run"] if row["run_id"] == "run-1"],
        "policy": [row for row in before["policy"] if row["policy_id"] != "stranger"],
        "score": [row for row in before["score"] if row["dimension"] == DIMENSION],
    }
    assert {table: _rows(tmp_path / "new.duckdb", table) for table in ARCHIVED} == needed
    assert {table: _rows(db, table) for table in ARCHIVED} == before
    assert all(needed.values())
    with Warehouse.open(tmp_path / "new.duckdb", read_only=True) as warehouse:
        write_archive(warehouse, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == (tmp_path / "all.zip").read_bytes()


def test_a_warehouse_with_nothing_in_it_is_filled(assay: Assay, db: Path, tmp_path: Path) -> None:
    """A kill early in a restore leaves a file without a table: the same command again does it."""
    _said(assay("calibrate", "export", "--all", "--out", "all.zip"), 0)
    connected = duckdb.connect(tmp_path / "new.duckdb")
    connected.execute("checkpoint")
    connected.close()

    assert current_trust(tmp_path / "new.duckdb", "calibrated").trusted == ()
    _said(assay("calibrate", "import", "all.zip", "--db", "new.duckdb"), 0)
    assert len(_rows(tmp_path / "new.duckdb", "calibration_item")) == 6


def test_archive_never_writes_over_what_people_said(db: Path, items: list[Item], tmp_path: Path) -> None:
    """A rating that differs is refused and told, unless asked; what is missing is added all the same."""
    _rate(db, items)
    with Warehouse.open(db, read_only=True) as warehouse:
        write_archive(warehouse, tmp_path / "all.zip")
    with Warehouse.open(db) as warehouse:
        warehouse.sql(
            "update rating set score = 0.25, raw_value = '1' where rollout_id = 'rollout-0' and rater = 'anna'"
        )
        warehouse.sql("delete from rating where rollout_id = 'rollout-1'")

    taken = restore(db, tmp_path / "all.zip")

    assert (taken.n_new, taken.n_known, taken.n_changed) == (2, 9, 0)
    assert [(one.place, one.reason) for one in taken.refused] == [
        (
            "all.zip, rating of rollout-0 by anna",
            "anna said otherwise of its faithfulness here (1, in the archive 3); add --replace to take the archive's "
            "word",
        )
    ]
    assert _rows(db)[0]["raw_value"] == "1"
    replaced = restore(db, tmp_path / "all.zip", replace=True)
    assert (replaced.n_new, replaced.n_known, replaced.n_changed, replaced.refused) == (0, 11, 1, [])
    assert _rows(db)[0]["raw_value"] == "3"


@pytest.mark.parametrize(
    "change",
    [
        "update rollout set output = 'other' where rollout_id = 'rollout-2'",
        "update instance set prompt = 'other'",
        "update calibration_set set rubric_hash = 'other'",
        "update calibration_item set weight = 2 where rollout_id = 'rollout-2'",
    ],
)
def test_archive_of_something_else_under_the_same_names_is_refused_whole(
    db: Path, items: list[Item], tmp_path: Path, change: str
) -> None:
    """Ratings never come to stand beside a text or a sample that they are not of."""
    _rate(db, items)
    with Warehouse.open(db, read_only=True) as warehouse:
        write_archive(warehouse, tmp_path / "all.zip")
    with Warehouse.open(db) as warehouse:
        warehouse.sql("delete from rating")
        warehouse.sql(change)

    with pytest.raises(UnreadableAnswersError, match="is another one in this warehouse"):
        restore(db, tmp_path / "all.zip")

    assert _rows(db) == []


def test_damaged_archive_is_refused_whole(assay: Assay, db: Path, items: list[Item], tmp_path: Path) -> None:
    """Cut off anywhere, or with a byte changed anywhere that counts, it adds nothing: exit status 2."""
    _rate(db, items)
    with Warehouse.open(db, read_only=True) as warehouse:
        write_archive(warehouse, tmp_path / "all.zip")
    content = (tmp_path / "all.zip").read_bytes()
    bad = tmp_path / "bad.zip"
    shutil.copy(db, tmp_path / "target.duckdb")
    for length in range(0, len(content), len(content) // 15):
        bad.write_bytes(content[:length])
        with pytest.raises(UnreadableAnswersError):
            restore(tmp_path / "target.duckdb", bad)
    for place in range(40, len(content) // 2, len(content) // 30):
        bad.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(UnreadableAnswersError):
            restore(tmp_path / "target.duckdb", bad)

    done = assay("calibrate", "import", "bad.zip", "--db", "new.duckdb")

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert not (tmp_path / "new.duckdb").exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda manifest: manifest.update(kind="other"), "is no archive of ratings"),
        (lambda manifest: manifest.update(version=2), "newer version"),
        (lambda manifest: manifest["tables"].update(later={}), "newer version"),
        (lambda manifest: manifest["tables"]["rating"].update(sha256="0"), "table rating is damaged"),
        (lambda manifest: manifest.pop("tables"), "is damaged"),
        (lambda manifest: manifest["tables"].update(rating=7), "is damaged"),
    ],
)
def test_archive_says_what_it_is(db: Path, tmp_path: Path, change: Any, reason: str) -> None:
    """The manifest is believed only where all of it holds."""
    with Warehouse.open(db, read_only=True) as warehouse:
        write_archive(warehouse, tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as package:
        parts = {name: package.read(name) for name in package.namelist()}
    manifest = json.loads(parts["manifest.json"])
    change(manifest)
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as package:
        for name, part in {**parts, "manifest.json": json.dumps(manifest)}.items():
            package.writestr(name, part)

    with pytest.raises(UnreadableAnswersError, match=reason):
        restore(db, tmp_path / "bad.zip")


# Ratings without a set.


def _import(assay: Assay, tmp_path: Path, text: str, *more: str, name: str = "mine.csv") -> dict[str, Any]:
    (tmp_path / name).write_text(text)
    done = assay("import", "ratings", name, "--json", *more)
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)
    assert done.returncode == bool(found["refused"])
    return dict(found)


def test_ratings_of_rollouts_come_from_csv_and_json_lines(assay: Assay, db: Path, tmp_path: Path) -> None:
    """Scores, levels on a scale, and what could not be assessed; the same again is known."""
    # 3 on 1..5 is (3 - 1) / 4 = 0.5; 3 on 0..4 is 0.75.
    text = (
        "Rollout_id;dimension;rater;score;level;scale;note;rated_at\r\n"
        "rollout-0;faithfulness;Eva;0,25;;;good;2026-01-31T12:00:00Z\r\n"
        "rollout-1;faithfulness;Eva;;3;1..5;;\r\n"
        "rollout-2;faithfulness; eva ;;3.0;4;;\r\n"
        "rollout-3;faithfulness;Eva;cannot assess;;;;\r\n"
    )
    assert _import(assay, tmp_path, text)["n_new"] == 4
    rows = _rows(db)
    assert [(row["rater"], row["score"], row["raw_value"], row["scale"]) for row in rows] == [
        ("Eva", 0.25, "0,25", "0..1"), ("Eva", 0.5, "3", "1..5"), ("Eva", 0.75, "3.0", "4"),
        ("Eva", None, "cannot assess", "0..1"),
    ]  # fmt: skip
    assert (rows[0]["rated_at"], rows[0]["note"], rows[0]["set_id"]) == (
        datetime(2026, 1, 31, 12, tzinfo=UTC),
        "good",
        None,
    )

    lines = [
        {"rollout_id": "rollout-4", "dimension": DIMENSION, "rater": "Eva", "score": 1e-05},
        {"rollout_id": "rollout-5", "dimension": DIMENSION, "rater": "Eva", "score": None},
        {"rollout_id": "rollout-0", "dimension": DIMENSION, "rater": "eva", "score": 0.25, "note": "good"},
    ]
    found = _import(assay, tmp_path, "\n".join(map(json.dumps, lines)), name="mine.jsonl")
    assert (found["n_new"], found["n_known"], found["refused"]) == (2, 1, [])
    assert [row["score"] for row in _rows(db)[4:]] == [1e-05, None]


def test_wrong_ratings_are_refused_by_row_and_the_rest_kept(assay: Assay, db: Path, tmp_path: Path) -> None:
    """Unknown rollouts and dimensions, scores out of range, no rater, twice, and another word than before."""
    rows = [
        "rollout_id,dimension,rater,score,level,scale,rated_at",
        "rollout-0,faithfulness,eva,0.5,,,",
        "rollout-9,faithfulness,eva,0.5,,,",
        "rollout-0,style,eva,0.5,,,",
        "rollout-1,faithfulness,,0.5,,,",
        "rollout-1,faithfulness,eva,1.5,,,",
        "rollout-1,faithfulness,eva,nan,,,",
        "rollout-1,faithfulness,eva,,,,",
        "rollout-1,faithfulness,eva,0.5,2,4,",
        "rollout-1,faithfulness,eva,,2,,",
        "rollout-1,faithfulness,eva,,5,0..4,",
        "rollout-1,faithfulness,eva,0.5,,,yesterday",
        "rollout-0,faithfulness,Eva,0.75,,,",
        "rollout-2,faithfulness,eva,1,,,",
    ]
    found = _import(assay, tmp_path, "\n".join(rows))

    assert found["n_new"] == 2
    reasons = {one["place"]: one["reason"] for one in found["refused"]}
    assert reasons == {
        "mine.csv, row 3": "there is no rollout 'rollout-9' in this warehouse",
        "mine.csv, row 4": "no dimension 'style' is scored of that rollout; dimensions: faithfulness",
        "mine.csv, row 5": "no rater is named; fill in who rated",
        "mine.csv, row 6": "'1.5' is not within 0..1",
        "mine.csv, row 7": "'nan' is not within 0..1",
        "mine.csv, row 8": "there is no score; write a number, or 'cannot assess'",
        "mine.csv, row 9": "both a score and a level are given; give one of them",
        "mine.csv, row 10": "a level needs its scale; write such as 0..4 into the column scale",
        "mine.csv, row 11": "'5' is not within 0..4",
        "mine.csv, row 12": "rated_at is 'yesterday'; write a time such as 2026-01-31T12:00:00Z",
        "mine.csv, row 13": (
            "eva rates faithfulness of rollout-0 twice and differently, first in mine.csv, row 2; keep one"
        ),
    }
    other = "rollout_id,dimension,rater,score\nrollout-0,faithfulness,eva,0.25\n"
    assert "add --replace" in _import(assay, tmp_path, other)["refused"][0]["reason"]
    assert _import(assay, tmp_path, other, "--replace")["n_changed"] == 1
    assert _rows(db)[0]["score"] == 0.25


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", "rollout_id,dimension,rater,score\né".encode("latin-1"), "is not UTF-8"),
        ("a.csv", b"rollout_id,rater,score\n", "the column 'dimension' is missing"),
        ("a.csv", b"rollout_id,dimension,rater,rater\n", "there are two columns 'rater'"),
        ("a.csv", b'rollout_id,dimension,rater\n"', "is not CSV"),
        ("a.jsonl", b"{", "row 1: is not JSON"),
        ("a.jsonl", b"\n[]", "row 2: is no object"),
        ("a.jsonl", b'{"rollout_id": "r"}', "row 1: the field 'dimension' is missing"),
    ],
)
def test_file_of_ratings_that_cannot_be_read_says_why(
    assay: Assay, db: Path, tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    """Exit status 2, one line."""
    (tmp_path / name).write_bytes(content)

    done = assay("import", "ratings", name)

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert reason in done.stderr
