"""A lake on its own: opening, refusing, and merging as a file does, with a catalogue in a file."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.support_lake import expected_rows, load, repeated_keys, rows_of, write_run
from warehouse import NoWarehouseError, Warehouse, WarehouseError, lake_copies
from warehouse.definitions import tables, views
from warehouse.errors import ForeignFileError, LockedError, ShardError
from warehouse.lake_catalogue import look
from warehouse.location import Lake
from warehouse.shards import Shards
from warehouse.tables import write_portions

THRESHOLD = {"run_id": "r", "name": "min_graded", "value": 4.0}
POLICY = {"policy_id": "p", "name": "p", "kind": "model", "regime": {"a": 1}}
RUN = {
    "run_id": "r", "config": {}, "config_hash": "c", "taskset_hash": "t", "code_version": "1",
    "started_at": datetime(2026, 1, 1, tzinfo=UTC), "ended_at": None, "status": "running", "n_planned": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake without a row, to copy: to make one takes most of a second."""
    lake = Lake(str(tmp_path_factory.mktemp("lake") / "meta.ducklake"))
    Warehouse.open(lake).close()
    return lake


@pytest.fixture
def lake(made: Lake, tmp_path: Path) -> Lake:
    """A lake without a row, of the test's own."""
    copy, files = tmp_path / "meta.ducklake", tmp_path / "data"
    files.mkdir()
    shutil.copy(made.connection, copy)
    with duckdb.connect(str(copy)) as catalogue:
        catalogue.execute("update ducklake_metadata set value = ? where key = 'data_path'", [f"{files}/"])
    return Lake(str(copy))


@pytest.fixture
def warehouse(lake: Lake) -> Iterator[Warehouse]:
    """The lake, open."""
    with Warehouse.open(lake) as opened:
        yield opened


@pytest.fixture(scope="module")
def a_file() -> Iterator[Warehouse]:
    """What a lake is compared with: one for all tests."""
    with Warehouse.in_memory() as opened:
        yield opened


@pytest.fixture
def file(a_file: Warehouse) -> Iterator[Warehouse]:
    """What a lake is compared with, without a row."""
    yield a_file
    for name in tables():
        if name != "schema_version":
            a_file.sql(f"delete from {name}")  # noqa: S608 - a name of ours


def test_open_makes_a_lake_and_keeps_its_rows(tmp_path: Path) -> None:
    """A missing lake is made with every table and view; what is merged is there after closing."""
    lake = Lake(str(tmp_path / "meta.ducklake"), str(tmp_path / "data"))
    with pytest.raises(NoWarehouseError, match="holds nothing yet"):
        Warehouse.open(lake, read_only=True)
    assert list(tmp_path.iterdir()) == []

    with Warehouse.open(lake) as warehouse:
        assert warehouse.merge("threshold", [THRESHOLD]) == 1

    for read_only in (False, True):
        with Warehouse.open(lake, read_only=read_only) as warehouse:
            assert warehouse.view("threshold").to_dicts() == [THRESHOLD]


def test_columns_are_those_of_a_file(warehouse: Warehouse, file: Warehouse) -> None:
    """Every table and view has the columns and types that it has in a file."""
    columns = (
        "select table_name, column_name, data_type from duckdb_columns() where not internal and schema_name = 'main'"
    )
    here, there = (sorted(place.sql(columns).iter_rows()) for place in (warehouse, file))
    assert here == there
    assert {name for name, *_ in here} == {*tables(), *views()}


def test_reading_only_never_writes(lake: Lake) -> None:
    """Whatever is tried on a lake that was opened for reading is refused, in one line."""
    tries = (
        "delete from run", "drop view trajectory", "create table mine (a int)",
        "call ducklake_expire_snapshots('lake', older_than => now())",
        "update __ducklake_metadata_lake.ducklake_metadata set value = ''",
    )  # fmt: skip
    with Warehouse.open(lake, read_only=True) as warehouse:
        for query in tries:
            with pytest.raises(WarehouseError) as caught:
                warehouse.sql(query)
            assert "\n" not in str(caught.value)
        with pytest.raises(WarehouseError):
            warehouse.merge("threshold", [THRESHOLD])


def test_nothing_unsigned_is_loaded_and_nothing_fetched(warehouse: Warehouse, file: Warehouse, tmp_path: Path) -> None:
    """The extensions of a lake come from its packages; after them only signed ones, and none from the network."""
    import duckdb_extension_ducklake

    (signed,) = Path(duckdb_extension_ducklake.__path__[0]).rglob("ducklake.duckdb_extension")
    content = bytearray(signed.read_bytes())
    content[len(content) // 2] ^= 1
    changed = tmp_path / "changed.duckdb_extension"
    changed.write_bytes(content)
    for place in (warehouse, file):
        with pytest.raises(WarehouseError, match="signature"):
            place.sql(f"load '{changed}'")
        with pytest.raises(WarehouseError, match="while database is running"):
            place.sql("set allow_unsigned_extensions = true")
        assert place.sql("select current_setting('autoinstall_known_extensions') as it")["it"].to_list() == [False]


def _known_and_new(warehouse: Warehouse) -> list[Any]:
    first = [{**THRESHOLD, "name": str(number)} for number in range(20)]
    return [
        warehouse.merge("threshold", first),
        warehouse.merge("threshold", [{**first[0], "value": 9.0}, {**THRESHOLD, "name": "new"}]),
        warehouse.merge("threshold", first[:3]),
    ]


def _in_portions(warehouse: Warehouse) -> list[Any]:
    rows = [
        {
            "instance_id": f"i{number}", "family": "f", "template_version": "1", "archetype": "a", "seed": number,
            "difficulty": 0.5, "knobs": {"a": [1, None]}, "mode": "single", "split": "train", "prompt": "do",
            "materials": {}, "truth": {},
        }
        for number in range(30)
    ]  # fmt: skip
    return [
        _merged(warehouse, []),
        _merged(warehouse, [rows[:12], rows[10:20]]),
        _merged(warehouse, [rows[5:25], [{**rows[0], "prompt": "other"}], rows[25:]]),
        _merged(warehouse, [[{**rows[0], "instance_id": "new"}], [{**rows[1], "instance_id": "new"}]]),
    ]


def _merged(warehouse: Warehouse, portions: list[list[dict[str, Any]]]) -> int:
    with TemporaryDirectory() as folder:
        return warehouse.merge_files("instance", write_portions("instance", portions, Path(folder)))


def _twice_at_once(warehouse: Warehouse) -> list[Any]:
    return [
        warehouse.merge("rating", [_rating("a", 1.0), _rating("a", 2.0), _rating("b", 3.0)]),
        warehouse.merge("rating", [_rating("a", 5.0)]),
        warehouse.merge_all({"rating": [_rating("a", 6.0), _rating("c", 6.0)]}, latest=("rating",)),
    ]


def _descent(warehouse: Warehouse) -> list[Any]:
    return [
        warehouse.merge("policy", [POLICY, {**POLICY, "policy_id": "q"}]),
        warehouse.merge("policy", [{**POLICY, "regime": {"a": 2}, "parent": "q", "intervention": "sft", "step": 3}]),
        warehouse.merge("policy", [POLICY]),
        warehouse.merge("policy", [{**POLICY, "parent": "q", "intervention": "dpo"}]),
        warehouse.merge("policy", [{**POLICY, "parent": "z"}, {**POLICY, "policy_id": "new"}]),
    ]


def _run_that_ends(warehouse: Warehouse) -> list[Any]:
    ended = {**RUN, "status": "completed", "ended_at": datetime(2026, 1, 2, tzinfo=UTC)}
    return [warehouse.merge("run", [RUN]), warehouse.merge("run", [ended]), warehouse.merge("run", [ended])]


def _replaced(warehouse: Warehouse) -> list[Any]:
    rows = [
        {"run_id": "r", "family": "f", "knob": str(number), "n_instances": number, "reason": "x"} for number in range(9)
    ]
    changed = [{**rows[0], "n_instances": 100}, rows[1], {**rows[1], "knob": "new"}]
    return [
        warehouse.replace("knob_effect", rows),
        warehouse.replace("knob_effect", changed),
        warehouse.replace_all({"knob_effect": [], "calibration_state": [{"inputs": "1"}]}),
        warehouse.replace_all({"knob_effect": rows[:2], "calibration_state": [{"inputs": "2"}]}),
    ]


def _rating(rater: str, value: float) -> dict[str, Any]:
    return {
        "rollout_id": "r1", "dimension": "d", "rater": rater, "scale": "0-10", "score": value / 10,
        "rated_at": datetime(2026, 1, 1, tzinfo=UTC),
    }  # fmt: skip


@pytest.mark.parametrize("steps", [_known_and_new, _in_portions, _twice_at_once, _descent, _run_that_ends, _replaced])
def test_merging_does_what_it_does_in_a_file(
    warehouse: Warehouse, file: Warehouse, steps: Callable[[Warehouse], list[Any]]
) -> None:
    """The same merges return the same counts and leave the same rows as in a warehouse with keys."""
    assert steps(warehouse) == steps(file)
    for name, definition in tables().items():
        if name != "schema_version":
            grain = list(definition.grain)
            assert_frame_equal(warehouse.view(name).sort(grain), file.view(name).sort(grain))


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("run", {**RUN, "status": "lost"}),
        ("run", {**RUN, "config_hash": None}),
        ("threshold", {"run_id": "r", "value": 1.0}),
        ("policy", {**POLICY, "kind": "friend"}),
    ],
)
def test_what_a_file_refuses_is_refused_in_the_same_words(
    warehouse: Warehouse, file: Warehouse, table: str, row: dict[str, Any]
) -> None:
    """Checks and missing values are those of the file, and so is what is said of them; nothing is added."""
    with pytest.raises(WarehouseError) as expected:
        file.merge(table, [row])
    with pytest.raises(WarehouseError) as caught:
        warehouse.merge_all({"threshold": [THRESHOLD], table: [row]})

    assert str(caught.value).partition(": nothing")[2] == str(expected.value).partition(": nothing")[2]
    assert warehouse.view("threshold").is_empty()


def test_shards_are_loaded_once(warehouse: Warehouse, tmp_path: Path) -> None:
    """Loading counts what is new; a second time, and with some of it there already, nothing is there twice."""
    shards = write_run(tmp_path / "shards", "r", 8)

    assert warehouse.load(shards) == expected_rows(8)
    assert warehouse.load(shards) == dict.fromkeys(expected_rows(8), 0)
    more = write_run(tmp_path / "more", "r", 12)
    added = warehouse.load(more)

    assert added == {"planned": 0} | {
        name: n - expected_rows(8)[name] for name, n in expected_rows(12).items() if name != "planned"
    }
    assert rows_of(warehouse, "r") == expected_rows(12)
    assert repeated_keys(warehouse) == {}


def test_of_a_key_in_two_shards_the_first_counts(warehouse: Warehouse, tmp_path: Path) -> None:
    """As in a file: the first of them by name."""
    shards = write_run(tmp_path / "shards", "r", 2)
    first, *_ = shards.files("rollout")
    others = Path(first).parent.with_name("~")
    shutil.copytree(Path(first).parent, others)
    later = others / "rollout.parquet"
    pl.read_parquet(later).with_columns(pl.lit("another").alias("output")).write_parquet(later)

    warehouse.load(shards)

    assert "another" not in warehouse.view("rollout")["output"].to_list()
    assert rows_of(warehouse, "r") == expected_rows(2)


def test_a_shard_with_an_impossible_row_is_refused_whole(warehouse: Warehouse, file: Warehouse, tmp_path: Path) -> None:
    """A check of the table holds for shards too, in the words of a file, and so does a column without a value."""
    shards = write_run(tmp_path / "shards", "r", 2)
    path = Path(shards.files("score")[0])
    good = pl.read_parquet(path)
    for column, value, words in (
        ("high", 0.2, "CHECK constraint failed on table score"),
        ("reason", None, "NOT NULL constraint failed: score.reason"),
    ):
        good.with_columns(pl.lit(value, dtype=good.schema[column]).alias(column)).write_parquet(path)
        with pytest.raises(ShardError, match=words) as caught:
            file.load(shards)
        with pytest.raises(ShardError) as here:
            warehouse.load(shards)
        assert str(here.value).partition("(")[2] == str(caught.value).partition("(")[2]
    assert warehouse.view("rollout").is_empty()


def test_what_is_equal_is_not_written_again(warehouse: Warehouse) -> None:
    """A merge that changes nothing leaves no snapshot and no file behind."""
    warehouse.merge("run", [RUN])
    snapshots = warehouse.sql("select count(*) as n from ducklake_snapshots('lake')")["n"][0]

    assert warehouse.merge("run", [RUN]) == 0
    assert warehouse.replace("run", [RUN]) == 1

    assert warehouse.sql("select count(*) as n from ducklake_snapshots('lake')")["n"][0] == snapshots


def test_a_lake_or_file_of_somebody_else_stays_untouched(warehouse: Warehouse, tmp_path: Path) -> None:
    """A lake with other tables, a database that is no catalogue, and a text: one line, and not a byte changed."""
    warehouse._connection.execute(f"attach 'ducklake:{tmp_path}/lake' as other")
    warehouse._connection.execute("create table other.theirs (a int)")
    warehouse._connection.execute("detach other")
    with duckdb.connect(str(tmp_path / "database")) as file:
        file.execute("create table theirs (a int)")
    (tmp_path / "text").write_text("not a database")

    for name, told in (("lake", "it holds theirs"), ("database", "no catalogue"), ("text", "no catalogue")):
        before = (tmp_path / name).read_bytes()
        for read_only in (True, False):
            with pytest.raises(ForeignFileError, match=told) as caught:
                Warehouse.open(Lake(str(tmp_path / name)), read_only=read_only)
            assert "\n" not in str(caught.value)
        assert (tmp_path / name).read_bytes() == before


def test_an_older_lake_is_brought_up_to_date_and_a_newer_one_refused(lake: Lake) -> None:
    """Columns that came later are added, views replaced, rows kept; a newer version's lake stays as it is."""
    with Warehouse.open(lake) as warehouse:
        warehouse.merge("run", [RUN])
        warehouse.sql("alter table score drop column is_trusted")
        warehouse.sql("create or replace view train_on as select 1 as old")
        warehouse.sql("comment on table schema_version is 'older'")
    with Warehouse.open(lake, read_only=True) as warehouse:
        assert "is_trusted" in warehouse.view("score").columns
        assert "old" not in warehouse.sql("from train_on limit 0").columns
        assert warehouse.view("run").height == 1
    with Warehouse.open(lake) as warehouse:
        warehouse.sql("update schema_version set version = 99")
        warehouse.sql("comment on table schema_version is 'newer'")
    for read_only in (True, False):
        with pytest.raises(ForeignFileError, match="newer version"):
            Warehouse.open(lake, read_only=read_only)
    seen = look(lake)
    assert seen is not None
    assert seen.fingerprint == "newer"


def test_the_folder_of_the_files_must_be_the_one_and_there(lake: Lake, tmp_path: Path) -> None:
    """Another folder than the lake was made with, and one that is gone, are told with both names."""
    Warehouse.open(Lake(lake.catalogue, str(tmp_path / "data")), read_only=True).close()
    with pytest.raises(WarehouseError, match=r"keeps its files in .*data/, not in .*other; leave out --data-path"):
        Warehouse.open(Lake(lake.catalogue, str(tmp_path / "other")), read_only=True)
    assert not (tmp_path / "other").exists()
    (tmp_path / "data").rename(tmp_path / "moved")
    with pytest.raises(WarehouseError, match="is the share mounted"):
        Warehouse.open(lake, read_only=True)


def test_a_folder_that_cannot_be_written_or_made_is_told(tmp_path: Path) -> None:
    """A file in the way, and a catalogue in a folder that is not there."""
    (tmp_path / "file").write_text("")
    with pytest.raises(WarehouseError, match="cannot be written"):
        Warehouse.open(Lake(str(tmp_path / "meta.ducklake"), str(tmp_path / "file" / "data")))
    with pytest.raises(WarehouseError, match=r"the folder .* does not exist"):
        Warehouse.open(Lake(str(tmp_path / "no" / "meta.ducklake")))
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("package", ["duckdb_extension_ducklake", "psycopg"])
def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """Without the packages of the extra, the message says how to get them; nothing is made."""
    monkeypatch.setitem(sys.modules, package, None)
    catalogue = "postgres:host=/nowhere" if package == "psycopg" else str(tmp_path / "meta.ducklake")

    with pytest.raises(WarehouseError, match=r"pip install 'taskassay\[lake\]'"):
        Warehouse.open(Lake(catalogue, str(tmp_path / "data")))
    assert not (tmp_path / "meta.ducklake").exists()


def test_a_catalogue_in_a_file_is_for_one_process(lake: Lake) -> None:
    """While another process has the file, it is told so."""
    # The whole program is tried in tests/e2e; all that counts here is a process that has the file.
    program = "import sys, duckdb\nwith duckdb.connect(sys.argv[1]):\n    print('held', flush=True)\n    input()\n"
    holder = subprocess.Popen(
        [sys.executable, "-c", program, lake.connection],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "held\n"
        for read_only in (True, False):
            with pytest.raises(LockedError, match="one at a time"):
                Warehouse.open(lake, read_only=read_only)
    finally:
        holder.communicate("\n")


def test_loading_as_the_program_does(lake: Lake, tmp_path: Path) -> None:
    """A whole load, with what it shares with others and what follows from it, also the second time."""
    shards = write_run(tmp_path / "shards", "r", 4)

    assert load(lake, shards, "r") == expected_rows(4)
    assert load(lake, Shards(shards.place), "r") == dict.fromkeys(expected_rows(4), 0)
    with Warehouse.open(lake, read_only=True) as warehouse:
        assert repeated_keys(warehouse) == {}
        assert warehouse.view("task_verdict").height == 8


def test_some_tables_copied_and_some_not_answer_as_the_lake_itself(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where scores stay in the lake and runs are copied, what reads both answers alike, asked by several at once."""
    monkeypatch.setattr(lake_copies, "MOST_ROWS", 20)
    load(lake, write_run(tmp_path / "shards", "r", 4), "r")
    names = ("task_verdict", "policy_mean", "coverage", "rollout", "run", "score", "knob_effect", "group_spread")
    with Warehouse.open(lake, read_only=True) as warehouse, ThreadPoolExecutor(4) as threads:
        found = dict(zip(names, threads.map(warehouse.view, names), strict=True))
        copied = warehouse.sql("select table_name from duckdb_tables() where database_name = 'memory'")["table_name"]
        assert {"run", "policy"} <= {*copied}
        assert not {"rollout", "score"} & {*copied}
    with Warehouse.open(lake) as warehouse:
        for name in names:
            grain = [*(tables() | views())[name].grain]
            assert_frame_equal(found[name].sort(grain), warehouse.view(name).sort(grain), abs_tol=1e-12)


def test_what_was_deleted_and_tidied_up_is_read_as_it_is(lake: Lake) -> None:
    """The catalogue never tells of fewer rows than a table has, so that none with rows is taken for empty."""
    tidying = (
        "call ducklake_flush_inlined_data('lake')", "call ducklake_merge_adjacent_files('lake')",
        "call ducklake_rewrite_data_files('lake')", "call ducklake_expire_snapshots('lake', older_than => now())",
        "call ducklake_cleanup_old_files('lake', cleanup_all => true)",
    )  # fmt: skip
    with Warehouse.open(lake) as warehouse:
        warehouse.merge("threshold", [{**THRESHOLD, "name": str(number)} for number in range(30)])
        warehouse.merge("threshold", [{**THRESHOLD, "run_id": "other"}])
        warehouse.sql("delete from threshold where run_id = 'r'")
        warehouse.merge("run", [RUN])
        for step in tidying:
            warehouse.sql(step)
    with Warehouse.open(lake, read_only=True) as warehouse:
        assert warehouse.view("threshold").to_dicts() == [{**THRESHOLD, "run_id": "other"}]
        assert warehouse.view("run")["run_id"].to_list() == ["r"]
        assert warehouse.sql("select count(*) as n from RUN join Threshold on true")["n"].to_list() == [1]


def test_a_frame_takes_the_place_of_a_copy(lake: Lake) -> None:
    """For one query, as in a file; and rows can be written to a file of one's own."""
    with Warehouse.open(lake, read_only=True) as warehouse:
        assert warehouse.view("run").is_empty()
        assert warehouse.sql("select a from run", frames={"run": pl.DataFrame({"a": [1]})})["a"].to_list() == [1]
        assert warehouse.view("run").is_empty()
        copy = Path(lake.connection).with_name("run.csv")
        warehouse.sql(f"copy (from run) to '{copy}'")
        assert copy.read_text().startswith("run_id,")
