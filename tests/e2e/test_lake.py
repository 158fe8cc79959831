"""The same run in a file and in a lake: all tables, all views and every verb alike; and two commands at once."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from flows.settings import read_settings
from tests.conftest import TINY
from tests.support_lake import expected_rows, lake_of, load, repeated_keys, rows_of, write_run
from tests.support_postgres import Postgres
from tests.support_s3 import make_bucket, reachable, s3_server
from tests.support_session import Session, session
from warehouse import Warehouse
from warehouse.definitions import tables, views
from warehouse.location import Lake, Location

pytestmark = [pytest.mark.services, pytest.mark.flow, pytest.mark.xdist_group("postgres")]

WORK = (
    "run", "--plugin", TINY, "--family", "tiny_upper", "--n", "4", "--group", "4", "--seed", "7", "--policy",
    "sim/weak", "--policy", "sim/strong", "--workers", "1",
)  # fmt: skip
TIMES = ("started_at", "ended_at", "latency_s", "made_at")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where commands run."""
    return tmp_path_factory.mktemp("lake")


@pytest.fixture(scope="module")
def assay(prefect_api: dict[str, str], folder: Path) -> Iterator[Session]:
    """The command, in a process that stays."""
    with session(folder, {**prefect_api, "ASSAY_DATA_PATH": "data"}) as process:
        yield process


@pytest.fixture(scope="module")
def places(postgres: Postgres, assay: Session, folder: Path) -> dict[str, Location]:
    """A file and a lake, each with the same run."""
    lake = lake_of(postgres.new_database(), None)
    for db in ("file.duckdb", str(lake)):
        done = assay(*WORK, "--run-id", "r1", "--db", db)
        assert done.returncode == 0, done.stderr
    return {"file": folder / "file.duckdb", "lake": lake}


def test_tables_and_views_are_those_of_a_file(places: dict[str, Location]) -> None:
    """Every table and every public view of a lake has the rows that it has in a file, but for times."""
    with (
        Warehouse.open(places["file"], read_only=True) as file,
        Warehouse.open(places["lake"], read_only=True) as lake,
    ):
        assert repeated_keys(lake) == {}
        filled = 0
        # Steps of views are left out: among equal rewards one of them numbers rollouts as they happen to come.
        for name, definition in (tables() | views()).items():
            if not name.startswith("stg_"):
                here, there = (place.view(name).sort(definition.grain) for place in (lake, file))
                kept = [column for column in there.columns if column not in TIMES]
                assert_frame_equal(here.select(kept), there.select(kept), abs_tol=1e-12)
                filled += there.height > 0
        assert filled > 25


def test_verbs_answer_as_of_a_file(places: dict[str, Location], assay: Session) -> None:
    """What the verbs print for a program is the same."""
    for verb in (("verdicts", "--json"), ("recompose", "--cap-mode", "hard", "--json")):
        said = [assay(*verb, "--db", str(db)) for db in places.values()]
        assert [done.returncode for done in said] == [0, 0], said[1].stderr
        # The last digit of a mean hangs on the order of rows.
        here, there = (json.loads(done.stdout, parse_float=lambda text: round(float(text), 12)) for done in said)
        assert here == there
    lake = str(places["lake"])
    done = assay("doctor", "--db", lake)
    assert "1 runs" in done.stdout
    done = assay("sql", "delete from run", "--db", lake)
    assert done.returncode == 2
    assert "read-only" in done.stderr
    done = assay("run", "--resume", "r1", "--db", lake)
    assert done.returncode == 0
    assert "complete already" in done.stderr


def test_two_commands_at_once_write_one_lake(
    postgres: Postgres, places: dict[str, Location], assay: Session, prefect_api: dict[str, str], folder: Path
) -> None:
    """Two `assay run` beside each other: both end well, and all of both is there once."""
    lake = places["lake"]
    assert isinstance(lake, Lake)
    copy = lake_of(postgres.copy_of(lake.connection), None)
    with session(folder, prefect_api) as other:
        assert other("doctor").returncode == 0  # it has started when the first one begins
        both = {"at-once-1": assay, "at-once-2": other}
        for run, process in both.items():
            process.begin(*WORK, "--run-id", run, "--db", str(copy))
        for process in both.values():
            done = process.end()
            assert done.returncode == 0, done.stderr
    with Warehouse.open(copy, read_only=True) as opened:
        assert repeated_keys(opened) == {}
        counted = opened.sql("select run_id, count(*) as n from rollout group by run_id order by run_id")
        assert counted["run_id"].to_list() == ["at-once-1", "at-once-2", "r1"]
        assert counted["n"].n_unique() == 1
    assert not (folder / "assay.runs").exists()


def test_files_can_lie_in_a_bucket(postgres: Postgres, tmp_path: Path) -> None:
    """With S3 as the data path, reached as the environment says: the same rows, and every file in the bucket."""
    with s3_server() as variables, reachable(variables):
        make_bucket(variables, "lakes")
        written = str(lake_of(postgres.new_database(), None))
        lake = read_settings(None, {"db": written, "data_path": "s3://lakes/team/lake"}).db
        shards = write_run(tmp_path / "shards", "r", 20)

        assert load(lake, shards, "r") == expected_rows(20)

        with Warehouse.open(read_settings(None, {"db": written}).db, read_only=True) as warehouse:
            assert rows_of(warehouse, "r") == expected_rows(20)
            assert repeated_keys(warehouse) == {}
            files = warehouse.sql("select data_file from ducklake_list_files('lake', 'rollout')")["data_file"]
            assert files.str.starts_with("s3://lakes/team/lake/").all()
            shown = str(warehouse.sql("from duckdb_secrets()").to_dicts())
            assert variables["AWS_SECRET_ACCESS_KEY"] not in shown
