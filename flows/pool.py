"""The worker processes: a pool that survives the death of a worker and leaves no process behind.

Workers are spawned, not forked: the parent runs threads. A worker takes no notice of Ctrl-C (the parent decides what
happens) and ends itself when its parent is gone, even when that was killed.
"""

import importlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any, ParamSpec, Protocol, TypeVar

from flows.errors import InputError

P = ParamSpec("P")
T = TypeVar("T")


class Pool(Protocol):
    """Somebody who does a piece of work and returns its result."""

    reads_spool: bool
    """True where work may read the folder of the run, which spares sending what stands there."""

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do it."""
        ...

    def close(self) -> None:
        """End at once."""
        ...


class PoolClosedError(Exception):
    """Work was handed to a pool that is closed, because the user stopped the run."""


class WorkerPool:
    """Worker processes that can be handed work from several threads."""

    reads_spool = True

    def __init__(self, workers: int, plugins: Sequence[str] = ()) -> None:
        self.workers, self._plugins = workers, tuple(plugins)
        self._lock = threading.Lock()
        self._executor: ProcessPoolExecutor | None = None
        self._closed = False

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Have a worker do something and wait for it.

        Raises:
            BrokenProcessPool: a worker died; the same call may be made again and gets new workers.
            PoolClosedError: the pool was closed before or meanwhile.
        """
        executor = self._open()
        try:
            future: Future[T] = executor.submit(work, *args, **kwargs)
            return future.result()
        except BrokenProcessPool:
            self._discard(executor)
            if self._closed:
                raise PoolClosedError from None
            raise

    def close(self) -> None:
        """End the workers at once; whatever they were doing is lost."""
        self._closed = True
        with self._lock:
            executor, self._executor = self._executor, None
        if executor is not None:
            processes = list((executor._processes or {}).values())
            executor.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.kill()

    @property
    def closed(self) -> bool:
        return self._closed

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _open(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._closed:
                raise PoolClosedError
            if self._executor is None:
                self._executor = ProcessPoolExecutor(
                    self.workers, _ContextWithoutMain(), initializer=_start_worker, initargs=(self._plugins,)
                )
            return self._executor

    def _discard(self, broken: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._executor is broken:
                self._executor = None
        broken.shutdown(wait=False, cancel_futures=True)


class InProcess:
    """Does the work where it is asked for: for a handful of rollouts, and for tasks defined in a notebook."""

    reads_spool = True
    WORTHWHILE_UP_TO = 200
    """Rollouts that are graded sooner than workers have started."""

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do something, one piece at a time."""
        with self._lock:
            return work(*args, **kwargs)

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def close(self) -> None:
        """There is nothing to end."""

    def __enter__(self) -> "InProcess":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def import_plugins(plugins: Sequence[str]) -> None:
    """Import the modules that register families, graders and policies of the user's own.

    Raises:
        InputError: there is no such module.
    """
    # A plugin usually lies beside the data; a console script does not look there by itself.
    if plugins and "" not in sys.path and os.getcwd() not in sys.path:  # noqa: PTH109
        sys.path.append(os.getcwd())  # noqa: PTH109
    for name in plugins:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is not None and not name.startswith(error.name):
                raise
            raise InputError(
                f"plugin {name!r}: there is no such module; name an importable one, such as my_tasks.invoices"
            ) from None


class _ProcessWithoutMain(SpawnProcess):
    """A worker that does not run the caller's script again, so that a script needs no `__main__` guard."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802
        with _main_hidden():
            return SpawnProcess._Popen(process_obj)


class _ContextWithoutMain(SpawnContext):
    Process = _ProcessWithoutMain


@contextmanager
def _main_hidden() -> Iterator[None]:
    main = vars(sys.modules["__main__"])
    kept: dict[str, Any] = {name: main[name] for name in ("__file__", "__spec__") if name in main}
    main.update(dict.fromkeys(kept))
    try:
        yield
    finally:
        main.update(kept)


def _start_worker(plugins: Sequence[str]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import_plugins(plugins)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
