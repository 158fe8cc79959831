"""The worker processes: they start anew after a death and never outlive their parent."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from threading import Event
from typing import Any

import psutil
import pytest

import flows.pool
from flows.errors import InputError
from flows.pool import InProcess, PoolClosedError, WorkerPool, import_plugins
from tests.conftest import TINY, clean_environment
from tests.support_waiting import PATIENCE_S, wait_for


def test_pool_starts_anew_after_a_worker_died() -> None:
    """The call that lost its worker raises; the next one gets new workers."""
    with WorkerPool(1) as pool:
        first = pool.run(os.getpid)
        with pytest.raises(BrokenProcessPool):
            pool.run(os._exit, 1)
        second = pool.run(os.getpid)

    assert first != second
    assert os.getpid() not in (first, second)


def test_pool_closed_takes_no_work() -> None:
    """After close, work is refused and the workers are gone."""
    pool = WorkerPool(1)
    worker = pool.run(os.getpid)
    pool.close()

    with pytest.raises(PoolClosedError):
        pool.run(os.getpid)
    assert _gone([worker])


def test_pool_closed_while_a_worker_starts_leaves_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that hangs in C would never notice that its parent is gone, so nobody may be forgotten."""
    started: queue.Queue[int] = queue.Queue()
    closing = threading.Event()
    start = flows.pool._ProcessWithoutMain._Popen

    def slowly(process: Any) -> Any:
        child = start(process)
        started.put(child.pid)
        closing.wait(1)
        return child

    monkeypatch.setattr(flows.pool._ProcessWithoutMain, "_Popen", staticmethod(slowly))
    pool = WorkerPool(1)
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(pool.run, time.sleep, 600)
        worker = started.get(timeout=PATIENCE_S)
        pool.close()
        closing.set()
        assert _gone([worker])
        with pytest.raises((PoolClosedError, BrokenProcessPool)):
            asked.result(timeout=PATIENCE_S)


@pytest.mark.parametrize(("closed", "error"), [(True, PoolClosedError), (False, BrokenProcessPool)])
def test_work_that_nobody_has_begun_ends_with_its_workers(closed: bool, error: type[Exception]) -> None:
    """Handed in just before they are ended, because of a stop or of somebody else's work: whoever waits is told."""
    pool = WorkerPool(1)
    executor = pool._open()
    for _ in range(4):
        executor.submit(time.sleep, 600)  # more than a worker takes at once: what comes next is not begun
    with pool, ThreadPoolExecutor(1) as threads:
        asked = threads.submit(pool.run, os.getpid)
        wait_for(lambda: len(executor._pending_work_items) == 5)
        if closed:
            pool.close()
        else:
            pool._discard(executor)
        with pytest.raises(error):
            asked.result(timeout=PATIENCE_S)


def test_pool_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    """Workers of a parent that was killed end by themselves. The script needs no `__main__` guard either."""
    script = tmp_path / "script.py"
    script.write_text(
        "import os, time\nfrom flows.pool import WorkerPool\n"
        "pool = WorkerPool(1)\nprint(pool.run(os.getpid), flush=True)\ntime.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, str(script)], env=clean_environment(), stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    assert psutil.pid_exists(worker)
    parent.send_signal(signal.SIGKILL)
    parent.wait()

    assert _gone([worker])


def test_in_process_pool_does_the_work_here() -> None:
    """Small runs need no workers."""
    with InProcess() as pool:
        assert pool.run(os.getpid) == os.getpid()


def test_work_in_this_process_ends_with_its_pool() -> None:
    """Whoever waits for something that hangs is told, as whoever comes later; the piece itself is left behind."""
    begun, end = Event(), Event()
    pool = InProcess()
    with ThreadPoolExecutor(2) as threads:
        hanging = threads.submit(pool.run, lambda: (begun.set(), end.wait(600)))
        assert begun.wait(PATIENCE_S)
        waiting = threads.submit(pool.run, os.getpid)
        pool.close()
        for left in (hanging, waiting):
            with pytest.raises(PoolClosedError):
                left.result(timeout=PATIENCE_S)
    with pytest.raises(PoolClosedError):
        pool.run(os.getpid)
    pool.close()
    end.set()


def test_plugins_unknown_module_is_told_in_one_line() -> None:
    """A plugin that does not exist is bad input, not a crash."""
    import_plugins([TINY])

    with pytest.raises(InputError, match=r"plugin 'no_such_plugin': there is no such module"):
        import_plugins(["no_such_plugin"])


def _gone(pids: list[int]) -> bool:
    return bool(wait_for(lambda: not any(_alive(pid) for pid in pids), every_s=0.05))


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
