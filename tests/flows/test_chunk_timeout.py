"""A chunk that hangs: its worker is ended, it is tried once more, and the run breaks off and can be taken up again."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import polars as pl
import pytest

from flows.errors import PipelineError
from flows.pool import InProcess, OverdueError, WorkerPool
from flows.runs import begin_run, finish_without_prefect
from flows.settings import Settings
from tests.support_waiting import PATIENCE_S
from warehouse import Warehouse

HANGING = "tests.flows.hanging_family"
BROKEN_OFF = r"chunk tiny_upper sim/mid, hanging/while .*--resume r .*--chunk-timeout 4"


def test_work_that_hangs_is_ended_and_tried_once_more() -> None:
    """Two tries of three seconds each; the pool goes on with new workers, and so does whoever lost one with it."""
    with WorkerPool(2, timeout_s=3) as pool:
        pool.run(abs, -1)
        started = time.monotonic()
        with ThreadPoolExecutor(2) as threads:
            hanging = threads.submit(pool.run, time.sleep, 600)
            other = threads.submit(_until_done, pool)
            assert other.result(timeout=PATIENCE_S) == "done"
            with pytest.raises(OverdueError, match="within 3 s in a worker, nor a second time"):
                hanging.result(timeout=PATIENCE_S)
        assert 6 <= time.monotonic() - started < PATIENCE_S
        assert pool.run(abs, -2) == 2


def test_wait_for_a_free_worker_does_not_count() -> None:
    """Four pieces for one worker: each is in time, all together are not."""
    with WorkerPool(1, timeout_s=2) as pool, ThreadPoolExecutor(4) as threads:
        pool.run(abs, -1)
        assert list(threads.map(lambda _: pool.run(time.sleep, 0.6), range(4))) == [None] * 4


def test_work_in_this_process_that_hangs_is_left_behind() -> None:
    """There is no worker to end: it is told at once."""
    with InProcess(timeout_s=0.2) as pool:
        with pytest.raises(OverdueError):
            pool.run(time.sleep, 30)
        assert pool.run(abs, -3) == 3


def test_run_with_a_chunk_that_hangs_breaks_off_and_goes_on(tmp_path: Path, hang: Path) -> None:
    """The chunk is named, what was finished stays, and the run ends complete when nothing hangs any more."""
    settings = Settings(
        db=tmp_path / "w.duckdb", families=("tiny_upper",), plugins=(HANGING,), n=14, group=8, audit=False,
        policies=("sim/mid", "hanging/while"), chunk_size=56, workers=2, chunk_timeout_s=2,
    )  # fmt: skip
    place = begin_run(settings, None, "r")

    with pytest.raises(PipelineError, match=BROKEN_OFF) as caught:
        finish_without_prefect(place, settings)
    assert "\n" not in str(caught.value)

    hang.unlink()
    finish_without_prefect(place, settings)
    with Warehouse.open(settings.db, read_only=True) as warehouse:
        counts = warehouse.sql("select status, count(*) as n from rollout group by status")
    assert counts.equals(pl.DataFrame({"status": ["completed"], "n": [2 * 14 * 8]}))


@pytest.fixture
def hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file as long as which the policy hangs."""
    path = tmp_path / "hang"
    path.touch()
    monkeypatch.setenv("HANGS_WHILE", str(path))
    yield path
    path.unlink(missing_ok=True)


def _until_done(pool: WorkerPool) -> str:
    for _ in range(4):
        try:
            pool.run(time.sleep, 1.5)
        except BrokenProcessPool:
            continue
        return "done"
    return "never"
