"""The warehouse file: opening, refusing, merging, asking."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tests.conftest import ROOT
from tests.support_waiting import PATIENCE_S
from tests.warehouse.rows import Lab, lent
from warehouse import Warehouse, WarehouseError
from warehouse.errors import ForeignFileError, LockedError, QueryError
from warehouse.store import SCHEMA_VERSION

THRESHOLD = {"run_id": "r", "name": "min_graded", "value": 4.0}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a warehouse with nothing in it."""
    path = tmp_path_factory.mktemp("empty") / "empty.duckdb"
    Warehouse.open(path).close()
    return path.read_bytes()


@contextmanager
def refused(path: Path, error: type[WarehouseError], text: str | None = None) -> Iterator[None]:
    """Expect an error of one line that names the file, and not a byte changed."""
    before = path.read_bytes()
    with pytest.raises(error, match=text) as caught:
        yield
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_open_makes_a_file_and_keeps_its_rows(tmp_path: Path) -> None:
    """A missing file is made; what is merged is there after closing, for writers and for readers."""
    path = tmp_path / "new.duckdb"
    with Warehouse.open(path) as warehouse:
        assert warehouse.merge("threshold", [THRESHOLD]) == 1

    for read_only in (False, True):
        with Warehouse.open(path, read_only=read_only) as warehouse:
            assert warehouse.view("threshold").to_dicts() == [THRESHOLD]


def test_open_read_only_never_writes(tmp_path: Path) -> None:
    """Reading leaves the file as it is, and writing through it is refused."""
    path = tmp_path / "a.duckdb"
    Warehouse.open(path).close()
    before = path.read_bytes()

    with Warehouse.open(path, read_only=True) as warehouse, pytest.raises(WarehouseError):
        warehouse.merge("threshold", [THRESHOLD])
    assert path.read_bytes() == before


def test_open_read_only_of_nothing_says_so(tmp_path: Path) -> None:
    """No file, or an empty one: one line, and no file is made."""
    with pytest.raises(WarehouseError, match="there is no database"):
        Warehouse.open(tmp_path / "missing.duckdb", read_only=True)
    (tmp_path / "empty.duckdb").touch()
    with refused(tmp_path / "empty.duckdb", WarehouseError):
        Warehouse.open(tmp_path / "empty.duckdb", read_only=True)


def test_open_in_a_missing_folder_or_on_a_folder(tmp_path: Path) -> None:
    """Neither makes folders."""
    with pytest.raises(WarehouseError, match="does not exist"):
        Warehouse.open(tmp_path / "no" / "a.duckdb")
    with pytest.raises(WarehouseError, match="is a folder"):
        Warehouse.open(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content", [b"id,name\n1,a\n" * 2000, bytes(range(256)) * 64, b"SQLite format 3\0" * 512, b"x"]
)
@pytest.mark.parametrize("read_only", [False, True])
def test_open_refuses_a_file_of_another_kind(tmp_path: Path, content: bytes, read_only: bool) -> None:
    """Text, garbage, another database: refused and untouched."""
    path = tmp_path / "data.bin"
    path.write_bytes(content)

    with refused(path, ForeignFileError):
        Warehouse.open(path, read_only=read_only)


@pytest.mark.parametrize(
    "sql",
    [
        "create table sales (id integer)",
        "create view sales as select 1 as id",
        "create table schema_version (version bigint)",
        "create table schema_version (name varchar); create table rollout (id integer)",
    ],
)
def test_open_refuses_a_database_of_somebody_else(tmp_path: Path, sql: str) -> None:
    """A DuckDB file with tables that are not ours stays theirs."""
    path = tmp_path / "theirs.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(sql)

    with refused(path, ForeignFileError):
        Warehouse.open(path)


def test_open_refuses_a_newer_schema(tmp_path: Path, empty: bytes) -> None:
    """A file of a newer version is not downgraded."""
    path = tmp_path / "newer.duckdb"
    path.write_bytes(empty)
    with duckdb.connect(str(path)) as connection:
        connection.execute("insert into schema_version values (?)", [SCHEMA_VERSION + 1])

    with refused(path, ForeignFileError):
        Warehouse.open(path)


@pytest.mark.parametrize("read_only", [False, True])
def test_open_upgrades_views_of_an_older_version(tmp_path: Path, empty: bytes, read_only: bool) -> None:
    """A view that changed since is replaced, also when the file is next opened for reading."""
    path = tmp_path / "older.duckdb"
    path.write_bytes(empty)
    with duckdb.connect(str(path)) as connection:
        connection.execute("create or replace view spend as select 1 as old")
        connection.execute("comment on table schema_version is 'older'")

    with Warehouse.open(path, read_only=read_only) as warehouse:
        assert "cost_usd" in warehouse.view("spend").columns


# The calls of judges as files kept them before they said which judge, which repeat, and what came of it.
OLD_JUDGE_CALL = """
    create table judge_call (
        call_id varchar not null, rollout_id varchar not null, dimension varchar not null, model varchar not null,
        rubric_hash varchar not null, input_tokens bigint not null, output_tokens bigint not null,
        cached_tokens bigint not null, cost_usd double, verdict json, quotes_verified boolean, primary key (call_id)
    )
"""
NEW_COLUMNS = ["grader_id", "replicate", "variant", "outcome", "value", "latency_s"]


def make_old(path: Path, empty: bytes) -> None:
    """Make a file of an older version with one call in it, an older view that reads it, and a table of its owner."""
    path.write_bytes(empty)
    with duckdb.connect(str(path)) as connection:
        connection.execute("drop table judge_call")
        connection.execute(OLD_JUDGE_CALL)
        connection.execute(
            """insert into judge_call values ('c', 'r', 'a', 'judge-1', 'h', 1, 2, 3, 0.5, '{"level": 3}', true)"""
        )
        connection.execute("create or replace view judge_lift as select call_id, model from judge_call")
        connection.execute("create table notes as select 1 as mine")
        connection.execute("comment on table schema_version is 'older'")


@pytest.mark.parametrize("read_only", [False, True])
def test_open_adds_columns_that_came_later(tmp_path: Path, empty: bytes, read_only: bool) -> None:
    """An older table keeps its rows and gets the new columns, empty; what we do not know stays."""
    path = tmp_path / "older.duckdb"
    make_old(path, empty)

    with Warehouse.open(path, read_only=read_only) as warehouse:
        row = warehouse.view("judge_call").row(0, named=True)
        assert [row.pop(name) for name in NEW_COLUMNS] == [None] * 6
        assert list(row.values()) == ["c", "r", "a", "judge-1", "h", 1, 2, 3, 0.5, '{"level": 3}', True]
        assert warehouse.view("judge_lift").is_empty()
        assert warehouse.sql("select mine from notes").item() == 1


def test_open_of_an_older_table_takes_new_rows_and_changes_once(tmp_path: Path, empty: bytes) -> None:
    """New calls fit beside the old one, its key is still one, and the next opening finds nothing to do."""
    path = tmp_path / "older.duckdb"
    make_old(path, empty)
    old = {
        "call_id": "c", "rollout_id": "r", "dimension": "a", "model": "judge-1", "rubric_hash": "h",
        "input_tokens": 1, "output_tokens": 2, "cached_tokens": 3,
    }  # fmt: skip
    new = {**old, "call_id": "d", "grader_id": "judge/one", "replicate": 1, "value": 0.5}

    with Warehouse.open(path) as warehouse:
        assert warehouse.merge("judge_call", [old, new]) == 1
    before = path.read_bytes()
    with Warehouse.open(path, read_only=True) as warehouse:
        kept = warehouse.view("judge_call").sort("call_id").select("grader_id", "replicate", "value")
        assert kept.rows() == [(None, None, None), ("judge/one", 1, 0.5)]
    assert path.read_bytes() == before


def test_open_leaves_an_older_file_as_it_is_where_it_cannot_be_made_current(tmp_path: Path, empty: bytes) -> None:
    """A view stands where a table of ours must: one line, and no column was added to the others."""
    path = tmp_path / "older.duckdb"
    make_old(path, empty)
    with duckdb.connect(str(path)) as connection:
        # After judge_call in the order of making: by then its columns are there, and go again.
        connection.execute("drop table threshold")
        connection.execute("create view threshold as select 1 as value")

    with pytest.raises(WarehouseError, match="the schema cannot be made"):
        Warehouse.open(path)
    with duckdb.connect(str(path), read_only=True) as connection:
        names = [name for name, *_ in connection.execute("describe judge_call").fetchall()]
    assert not set(names) & set(NEW_COLUMNS)


def test_open_names_the_process_that_holds_the_file(tmp_path: Path, empty: bytes) -> None:
    """A file that a second process has open: one line with its number, nothing changed, fine afterwards."""
    path = tmp_path / "held.duckdb"
    path.write_bytes(empty)
    script = (
        "import sys; from pathlib import Path; from warehouse import Warehouse; "
        "w = Warehouse.open(Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    try:
        assert holder.stdout.readline() == b"open\n"
        for read_only in (False, True):
            with refused(path, LockedError, f"process {holder.pid}"):
                Warehouse.open(path, read_only=read_only)
    finally:
        holder.stdin.close()
        holder.wait(PATIENCE_S)
    Warehouse.open(path).close()


def test_open_twice_in_one_process_is_possible_or_explained(tmp_path: Path) -> None:
    """A second opening with the same rights works; one with other rights is told apart from a foreign file."""
    path = tmp_path / "twice.duckdb"
    with Warehouse.open(path), pytest.raises(LockedError, match="this very process"):
        Warehouse.open(path, read_only=True)
    with Warehouse.open(path, read_only=True), Warehouse.open(path, read_only=True) as second:
        assert second.view("run").is_empty()


def test_merge_is_idempotent_and_counts_new_rows() -> None:
    """A key counts once: across calls and inside one."""
    lab = Lab()
    rows = [{"family": "f", "name": name, "text": "t", "shown_by": "p", "excuses": "[]"} for name in ("a", "b", "a")]

    assert lab.warehouse.merge("known_limit", rows) == 2
    assert lab.warehouse.merge("known_limit", rows) == 0
    assert lab.warehouse.merge("known_limit", pl.DataFrame(rows)) == 0
    assert lab.warehouse.merge("known_limit", []) == 0


def test_merge_keeps_what_happened_and_renews_what_is() -> None:
    """A rollout stays as it was first written; a run's row is replaced, the last of two inside one call wins."""
    lab = Lab()
    lab.place("i1", "sim/mid")
    lab.rollout("i1", "sim/mid", 0, output="first")
    lab.rollout("i1", "sim/mid", 0, output="second")
    assert lab.one("rollout")["output"] == "first"

    lab.warehouse.merge("threshold", [{**THRESHOLD, "value": value} for value in (1.0, 2.0)])
    lab.warehouse.merge("threshold", [{**THRESHOLD, "value": value} for value in (3.0, 4.0)])
    assert lab.one("threshold")["value"] == 4.0


def test_merge_adds_all_or_nothing() -> None:
    """One bad row among good ones: none is added, and the warehouse goes on working."""
    lab = Lab()
    rows = [{"family": name, "template_version": "1", "floor": floor} for name, floor in (("a", 0.1), ("b", 1.5))]

    with pytest.raises(WarehouseError, match="nothing was loaded"):
        lab.warehouse.merge("family", rows)
    assert lab.warehouse.view("family").height == 1
    assert lab.warehouse.merge("family", rows[:1]) == 1


@pytest.mark.parametrize(
    ("table", "row", "message"),
    [
        ("nothing", THRESHOLD, "there is no table 'nothing'"),
        ("threshold", {**THRESHOLD, "colour": "red"}, "has no column 'colour'"),
        ("threshold", {**THRESHOLD, "value": "much"}, "does not fit"),
        ("threshold", {"run_id": "r", "value": 1.0}, "nothing was loaded"),
        ("rating", {"rollout_id": "r", "dimension": "d", "rater": "x", "rated_at": datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001
    ],
)
def test_merge_says_what_does_not_fit(table: str, row: dict[str, object], message: str) -> None:
    """An unknown table or column, a wrong type, a missing key, a time without a zone."""
    with lent() as warehouse, pytest.raises(WarehouseError, match=message) as caught:
        warehouse.merge(table, [row])
    assert "\n" not in str(caught.value)


def test_merge_stores_text_that_is_hard_to_store() -> None:
    """NUL, half a surrogate pair, quotes and non-Latin text: kept or replaced, never a crash."""
    lab = Lab()
    lab.place("i1", "sim/mid")
    for sample, text in enumerate(("a\0b", "a\ud800b", 'say "hi"; drop', "日本 ✓")):
        lab.rollout("i1", "sim/mid", sample, output=text, transcript=[{"tool": text.replace("\0", "")}])

    outputs = [row["output"] for row in sorted(lab.view("rollout"), key=lambda row: row["sample"])]
    assert outputs == ["a\ufffdb", "a?b", 'say "hi"; drop', "日本 ✓"]


def test_sql_takes_parameters_and_types_survive() -> None:
    """Numbers, text, null and times come back as what they are; parameters are values, not text."""
    with lent() as warehouse:
        answer = warehouse.sql("select ? as a, ? as b, ? as c", [1.5, "x'; drop table run; --", None])
        assert answer.row(0) == (1.5, "x'; drop table run; --", None)
        when = datetime(2026, 1, 2, tzinfo=UTC)
        assert warehouse.sql("select ?::timestamptz as t", [when])["t"][0] == when
        assert warehouse.sql("select 1 where false").height == 0


@pytest.mark.parametrize("query", ["selec 1", "select nothing from run", "select * from nowhere", "", "select 1/'x'"])
def test_sql_that_does_not_run_is_one_line(query: str) -> None:
    """Bad SQL raises QueryError with the first line of the engine's message; later queries work."""
    with lent() as warehouse:
        if query:
            with pytest.raises(QueryError) as caught:
                warehouse.sql(query)
            assert "\n" not in str(caught.value)
        else:
            assert warehouse.sql(query).is_empty()
        assert warehouse.sql("select 1 as one")["one"][0] == 1


def test_view_of_an_unknown_name_lists_what_there_is() -> None:
    """A misspelt view: the message lists the views."""
    with lent() as warehouse, pytest.raises(QueryError, match=r"views: advantage, .*coverage, "):
        warehouse.view("verdicts")
