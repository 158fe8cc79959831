"""A lake with a PostgreSQL catalogue: several loaders at once, one that is killed, and what people are told."""

import contextlib
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support_lake import begin, expected_rows, lake_of, load, loader, repeated_keys, rows_of, write_run
from tests.support_postgres import PASSWORD, Postgres
from tests.support_waiting import PATIENCE_S, wait_for
from warehouse import NoWarehouseError, Warehouse, WarehouseError, lake_copies
from warehouse import lake_locks as locks
from warehouse.errors import LockedError
from warehouse.location import Lake, parse_location
from warehouse.shards import Shards

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("postgres")]


@pytest.fixture(scope="module")
def lake(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake that every test adds its own runs to."""
    made = lake_of(postgres.new_database(), tmp_path_factory.mktemp("lake"))
    Warehouse.open(made).close()
    return made


@contextlib.contextmanager
def processes(*started: "subprocess.Popen[str]") -> Iterator[list["subprocess.Popen[str]"]]:
    """See to it that no process outlives a test."""
    try:
        yield list(started)
    finally:
        for process in started:
            process.kill()
            process.communicate()


def _ended_well(process: "subprocess.Popen[str]") -> int:
    """Return how many rows a loader added."""
    out, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors
    return int(out)


def _wait_for_lock(lake: Lake, name: str) -> None:
    """Wait until somebody holds a lock."""
    held = (
        "select 1 from pg_locks where locktype = 'advisory' and granted "
        "and (classid::bigint << 32 | objid::bigint) = %s"
    )
    with psycopg.connect(lake.connection, autocommit=True) as server:
        wait_for(lambda: server.execute(held, [locks._number(name)]).fetchall(), every_s=0.002)


def test_two_runs_loaded_at_once_are_both_there_exactly(postgres: Postgres, tmp_path: Path) -> None:
    """Two processes, each with a run of its own, into a lake that one of them makes: each row is there once."""
    fresh = lake_of(postgres.new_database(), tmp_path / "data")
    shards = [write_run(tmp_path / run, run, 40) for run in "ab"]
    both = [loader(_said(fresh), place, run, str(tmp_path / "data")) for place, run in zip(shards, "ab", strict=True)]
    with processes(*both) as started:
        begin(started)
        assert [_ended_well(process) for process in started] == [sum(expected_rows(40).values())] * 2
    with Warehouse.open(fresh, read_only=True) as warehouse:
        assert [rows_of(warehouse, run) for run in "ab"] == [expected_rows(40)] * 2
        assert repeated_keys(warehouse) == {}
        assert warehouse.view("run")["status"].to_list() == ["completed"] * 2


def test_the_same_run_loaded_at_once_is_there_once(lake: Lake, tmp_path: Path) -> None:
    """Two processes with the very same run: one adds each row, the other finds it there."""
    run = "same"
    # Each its own copy, as on different machines: sweeping up is not what is tested here.
    copies = [write_run(tmp_path / str(number), run, 40) for number in range(2)]
    with processes(*(loader(_said(lake), place, run) for place in copies)) as started:
        begin(started)
        added = [_ended_well(process) for process in started]
    assert sorted(added) == [0, sum(expected_rows(40).values())]
    with Warehouse.open(lake, read_only=True) as warehouse:
        assert rows_of(warehouse, run) == expected_rows(40)
        assert repeated_keys(warehouse) == {}


def test_a_killed_loader_leaves_nothing_half_loaded_and_no_lock(lake: Lake, tmp_path: Path) -> None:
    """kill -9 in the middle of a load: of its run nothing is there, and the next one loads all of it."""
    run = "killed"
    shards = write_run(tmp_path / run, run, 500)
    with processes(loader(_said(lake), shards, run)) as (victim,):
        begin([victim])
        _wait_for_lock(lake, f"run:{run}")
        victim.kill()
        assert victim.wait(PATIENCE_S) == -9

    with Warehouse.open(lake, read_only=True) as warehouse:
        assert rows_of(warehouse, run) == dict.fromkeys(expected_rows(1), 0)
    assert load(lake, Shards(shards.place), run) == expected_rows(500)
    with Warehouse.open(lake, read_only=True) as warehouse:
        assert rows_of(warehouse, run) == expected_rows(500)
        assert repeated_keys(warehouse) == {}
    with psycopg.connect(lake.connection) as server:
        assert server.execute("select count(*) from pg_locks where locktype = 'advisory'").fetchone() == (0,)


def test_a_reader_sees_one_moment(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is loaded while somebody reads is not there for them, copied or not, and is there for the next."""
    monkeypatch.setattr(lake_copies, "MOST_ROWS", 20)  # rollouts stay in the lake
    count = "select (select count(*) from run) as runs, (select count(*) from rollout) as rollouts"
    with Warehouse.open(lake, read_only=True) as early, Warehouse.open(lake, read_only=True) as warm:
        before = warm.sql(count).row(0)
        assert load(lake, write_run(tmp_path / "moment", "moment", 10), "moment") == expected_rows(10)
        assert early.sql(count).row(0) == warm.sql(count).row(0) == before
    with Warehouse.open(lake, read_only=True) as late:
        assert late.sql(count).row(0) == (before[0] + 1, before[1] + expected_rows(10)["rollout"])


def test_whoever_thinks_about_what_it_reads_is_alone(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warehouse opened for writing holds all others off; they wait, and give up in words that say for whom."""
    monkeypatch.setattr(locks, "SAY_AFTER_S", 0.05)
    monkeypatch.setattr(locks, "LONGEST_WAIT_S", 0.2)
    row = {"run_id": "alone", "name": "a", "value": 1.0}
    with Warehouse.open(lake) as alone, Warehouse.open(lake, beside_others=True) as other:
        with pytest.raises(LockedError, match=r"the loader of connection .* has not ended"):
            other.merge("threshold", [row])
        with pytest.raises(LockedError):
            Warehouse.open(lake)
        assert alone.merge("threshold", [row]) == 1

    monkeypatch.setattr(locks, "LONGEST_WAIT_S", PATIENCE_S)
    with Warehouse.open(lake, beside_others=True) as other:
        opened = threading.Event()
        with Warehouse.open(lake):
            thread = threading.Thread(target=lambda: (other.merge("threshold", [row]), opened.set()))
            thread.start()
            assert not opened.wait(0.3)
        thread.join(PATIENCE_S)
        assert opened.is_set()


def test_results_are_worked_out_one_at_a_time(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that write beside each other are never at once between reading and writing the result tables."""
    monkeypatch.setattr(locks, "SAY_AFTER_S", 0.05)
    monkeypatch.setattr(locks, "LONGEST_WAIT_S", 0.1)
    with Warehouse.open(lake, beside_others=True) as one, Warehouse.open(lake, beside_others=True) as other:
        with one.alone_with("results"):
            assert one.merge("threshold", [{"run_id": "held", "name": "a", "value": 1.0}]) == 1
            with pytest.raises(LockedError), other.alone_with("results"):
                pass
        with other.alone_with("results"):
            pass


def test_no_password_is_told_and_a_wrong_one_is_explained(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The password opens the lake, from the string or the environment; it stands in no message and no table."""
    import urllib.parse

    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    database = psycopg.conninfo.conninfo_to_dict(postgres.new_database())["dbname"]
    plain = postgres.by_network(str(database))
    quoted = urllib.parse.quote(PASSWORD)
    wrong = lake_of(f"{plain} password='not this one'", tmp_path / "data")
    for refused in (wrong, lake_of(plain, tmp_path / "data")):
        with pytest.raises(WarehouseError, match=r"set PGPASSWORD or write ~/\.pgpass") as caught:
            Warehouse.open(refused)
        assert "not this one" not in str(caught.value)
        assert "\n" not in str(caught.value)

    url = f"postgresql://postgres:{quoted}@127.0.0.1:{postgres.port}/{database}"
    with Warehouse.open(lake_of(url, tmp_path / "data")) as warehouse:
        for query in ("from duckdb_databases()", "from duckdb_secrets()", "from duckdb_settings()"):
            shown = str(warehouse.sql(query).to_dicts())
            assert PASSWORD not in shown
            assert quoted not in shown
        with pytest.raises(WarehouseError) as caught:
            warehouse.sql("from nothing")
        assert quoted not in str(caught.value)
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    Warehouse.open(lake_of(plain, None), read_only=True).close()


def test_a_catalogue_that_is_not_there_is_told(postgres: Postgres, tmp_path: Path) -> None:
    """No server, no database, no string, no lake yet, and no word where files should go: one line each."""
    told = {
        "host=127.0.0.1 port=1 dbname=x": "does not answer",
        postgres.by_socket("nobody_made_this"): "createdb",
        "what is this": "is no connection string",
    }
    for connection, text in told.items():
        with pytest.raises(WarehouseError, match=text) as caught:
            Warehouse.open(lake_of(connection, tmp_path / "data"), read_only=True)
        assert "\n" not in str(caught.value)
    fresh = postgres.new_database()
    with pytest.raises(NoWarehouseError):
        Warehouse.open(lake_of(fresh, tmp_path / "data"), read_only=True)
    with pytest.raises(WarehouseError, match="--data-path"):
        Warehouse.open(lake_of(fresh, None))
    assert not (tmp_path / "data").exists()
    with psycopg.connect(fresh) as server:
        assert server.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone() == (0,)


def _said(lake: Lake) -> str:
    assert parse_location(str(lake)) == Lake(lake.catalogue)
    return str(lake)
