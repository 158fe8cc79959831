"""A lake with a PostgreSQL catalogue: two loaders at once, readers, and shards over S3, beside a file where it can.

Run with `python -m pytest tests/benchmarks/bench_lake.py -m bench -s`. Server, loaders and readers share this machine's
cores, and the S3 server is one in Python: what a real one does is not measured, but what ours costs beside it. CPU
seconds are of this process (of loaders and the PostgreSQL server they are not), wall times of everything.
"""

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from flows import evaluate
from flows.commands.query import BY_INSTANCE
from flows.report.write import report
from flows.summary import summarise
from flows.what_if.compare import compare_runs
from tests.flows.tiny_family import TinyUpper
from tests.support_lake import begin, expected_rows, lake_of, load, loader, repeated_keys, write_run
from tests.support_postgres import Postgres
from tests.support_s3 import make_bucket, reachable, s3_server
from warehouse import Warehouse
from warehouse.location import Location
from warehouse.shards import Shards

pytestmark = [pytest.mark.bench, pytest.mark.services]

N_SAMPLES = 12_501
"""Two runs of so many samples in 8 groups are 200,016 rollouts, 600,048 scores and 200,016 composites."""
N_SHARDS = 60
AT_ONCE = 8
"""Writers of shards, as threads: they wait for the server."""


@pytest.fixture(scope="module")
def big(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Location]:
    """A file and a lake of 200,016 rollouts; how long loading took is told."""
    folder = tmp_path_factory.mktemp("big")
    shards = {run: write_run(folder / run, run, N_SAMPLES) for run in "ab"}
    n_rows = sum(expected_rows(N_SAMPLES).values())
    file, lake = folder / "file.duckdb", lake_of(postgres.new_database(), folder / "data")
    for name, place in (("file", file), ("lake", lake)):
        for run, content in shards.items():
            took = _timed(lambda place=place, content=content, run=run: load(place, content, run))
            _say(f"{took}  {n_rows / took.wall_s:9,.0f} rows/s  one loader, {name}, run {run} of {n_rows:,} rows")
    return {"file": file, "lake": lake}


def test_two_loaders_at_once(postgres: Postgres, tmp_path: Path) -> None:
    """Two processes, each with a run of its own; they begin together and end when both have."""
    lake = lake_of(postgres.new_database(), tmp_path / "data")
    Warehouse.open(lake).close()
    runs = {run: write_run(tmp_path / run, run, N_SAMPLES) for run in "ab"}
    both = [loader(str(lake), shards, run) for run, shards in runs.items()]
    begin(both)
    took = _timed(lambda: [process.wait(600) for process in both])
    assert [process.returncode for process in both] == [0, 0], [process.communicate()[1] for process in both]
    n_rows = 2 * sum(expected_rows(N_SAMPLES).values())
    _say(f"{took}  {n_rows / took.wall_s:9,.0f} rows/s  two loaders at once, {n_rows:,} rows in all")
    with Warehouse.open(lake, read_only=True) as warehouse:
        assert repeated_keys(warehouse) == {}


@pytest.mark.parametrize("view", ["task_verdict", "group_spread", "policy_mean", "coverage"])
def test_reading_of_many_rows(big: dict[str, Location], view: str) -> None:
    """One view, opening included, as a command does it."""
    rows = {}
    for name, place in big.items():
        rows[name], took = _best(lambda place=place: _view(place, view))
        _say(f"{took}  {view} of 200,016 rollouts, {name}")
    assert rows["file"] == rows["lake"]


def test_reading_of_two_small_runs(postgres: Postgres, tmp_path: Path) -> None:
    """What people ask every day, of two runs with their audits: opening included."""
    places: dict[str, Location] = {
        "file": tmp_path / "file.duckdb", "lake": lake_of(postgres.new_database(), tmp_path / "data"),
    }  # fmt: skip
    for name, place in places.items():
        one, other = (
            evaluate(
                TinyUpper().instances(n=10, seed=seed), ["sim/weak", "sim/strong"], 8, db=place, prefect=False
            ).run_id
            for seed in (1, 2)
        )
        questions: dict[str, Callable[[], Any]] = {
            "report": lambda place=place, one=one: report(place, one, tmp_path / "report.html"),
            "tables": lambda place=place: _of(place, lambda warehouse: warehouse.describe()),
            "verdicts": lambda place=place, one=one: summarise(place, one),
            "verdicts --by instance": lambda place=place, one=one: _of(
                place, lambda warehouse: warehouse.sql(BY_INSTANCE, [one])
            ),
            "compare": lambda place=place, one=one, other=other: compare_runs(place, one, other),
            "opening": lambda place=place: _of(place, lambda warehouse: warehouse.sql("select 1")),
        }
        for question, ask in questions.items():
            _, took = _best(ask)
            _say(f"{took}  {question}, {name}")


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """A bucket that this process can reach."""
    with s3_server() as variables, reachable(variables):
        make_bucket(variables, "shards")
        yield "s3://shards"


@pytest.mark.parametrize("n_samples", [25, 250])
def test_shards_over_s3(bucket: str, tmp_path: Path, n_samples: int) -> None:
    """Written by some at once and fetched to be loaded, in a bucket and in a folder."""
    rows = {table: _rows(table, n_samples, tmp_path) for table in expected_rows(1)}
    for name, place in (("folder", str(tmp_path / "shards")), ("s3", f"{bucket}/{n_samples}")):
        shards = Shards(place)
        with ThreadPoolExecutor(AT_ONCE) as writers:
            keys = [f"{number:03}" for number in range(N_SHARDS)]
            wrote = _timed(
                lambda shards=shards, keys=keys: list(writers.map(lambda key: shards.write(key, rows), keys))
            )
        with shards.on_disk() as there:
            n_bytes = sum(Path(file).stat().st_size for table in rows for file in there.files(table))
        found = [("written", wrote)]
        if shards.is_remote:  # in a folder they stay where they are
            found.append(("fetched", _timed(lambda shards=shards: _fetch(shards))))
        for what, took in found:
            each = f"{N_SHARDS / took.wall_s:6.1f} shards/s {n_bytes / took.wall_s / 1e6:7.2f} MB/s"
            _say(
                f"{took}  {each}  {what}, {name}, {8 * n_samples:,} rollouts and {n_bytes / N_SHARDS / 1e3:.0f} kB each"
            )
        assert len(shards.keys()) == N_SHARDS


def _rows(table: str, n_samples: int, folder: Path) -> list[dict[str, Any]]:
    """Return the rows of one shard."""
    shards = write_run(folder / table, "r", n_samples, n_shards=1)
    return shards.read("r-0", table).to_dicts()


def _fetch(shards: Shards) -> None:
    with shards.on_disk():
        pass


def _view(place: Location, view: str) -> int:
    return _of(place, lambda warehouse: warehouse.view(view)).height


def _of(place: Location, ask: Callable[[Warehouse], Any]) -> Any:
    with Warehouse.open(place, read_only=True) as warehouse:
        return ask(warehouse)


class _Took:
    def __init__(self, wall_s: float, cpu_s: float) -> None:
        self.wall_s, self.cpu_s = wall_s, cpu_s

    def __str__(self) -> str:
        return f"{self.wall_s:7.2f} s {self.cpu_s:7.2f} CPU s"


def _timed(work: Callable[[], Any]) -> _Took:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return _Took(time.perf_counter() - wall, time.process_time() - cpu)


def _best(work: Callable[[], Any]) -> tuple[Any, _Took]:
    """Return an answer and the time of the better of two runs; the first one also imports."""
    answers: list[Any] = []
    tooks = [_timed(lambda: answers.append(work())) for _ in range(2)]
    return answers[-1], min(tooks, key=lambda took: took.cpu_s)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
