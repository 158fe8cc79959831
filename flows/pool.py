"""The worker processes: a pool that survives the death of a worker and leaves no process behind.

Workers are spawned, not forked: the parent runs threads. A worker takes no notice of Ctrl-C (the parent decides what
happens) and ends itself when its parent is gone, even when that was killed.
"""

import gc
import importlib
import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, InvalidStateError, ProcessPoolExecutor
from concurrent.futures import wait as wait_for
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from contextvars import copy_context
from multiprocessing.connection import wait
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any, ParamSpec, Protocol, TypeVar

from flows.errors import InputError
from flows.garbage import collect_seldom

P = ParamSpec("P")
T = TypeVar("T")


_TURN_S = 0.05


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


class OverdueError(Exception):
    """A piece of work that took longer than it may, twice."""

    def __init__(self, seconds: float, what: str = "a piece of work") -> None:
        super().__init__(f"{what} did not come to an end within {seconds:g} s in a worker, nor a second time")
        self.seconds = seconds


class _TooLong(Exception):  # noqa: N818 - it never leaves this module
    """A first try was ended."""


class WorkersLostError(Exception):
    """There is nobody left to do the work; the text says what was seen of it."""


class WorkerPool:
    """Worker processes that can be handed work from several threads."""

    reads_spool = True

    def __init__(self, workers: int, plugins: Sequence[str] = (), timeout_s: float | None = None) -> None:
        """Prepare; processes are started with the first piece of work, or by `start`.

        Args:
            workers: how many.
            plugins: modules that each of them imports.
            timeout_s: seconds that a piece of work may take; None: any.
        """
        self.workers, self.plugins, self._timeout_s = workers, tuple(plugins), timeout_s
        # Who waits for a worker waits here, and a worker says when it begins: neither that wait nor the start of a
        # process is time that work takes.
        self._begun = _ContextWithoutMain().RawArray("b", workers)
        self._free: queue.SimpleQueue[int] = queue.SimpleQueue()
        for slot in range(workers):
            self._free.put(slot)
        self._lock = threading.Lock()
        self._executor: ProcessPoolExecutor | None = None
        self._closed = False

    def start(self) -> None:
        """Start the processes now, so that they are ready when there is work."""
        executor = self._open()
        for _ in range(self.workers):
            executor.submit(_nothing)  # an executor starts a process for each piece that nobody is free for

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Have a worker do something and wait for it.

        Raises:
            BrokenProcessPool: a worker died; the same call may be made again and gets new workers.
            OverdueError: it took too long, twice.
            PoolClosedError: the pool was closed before or meanwhile.
        """
        slot = self._free.get()
        try:
            with suppress(_TooLong):
                return self._try(slot, work, *args, **kwargs)
            return self._try(slot, work, *args, **kwargs)
        except _TooLong:
            raise OverdueError(self._timeout_s or 0) from None
        finally:
            self._free.put(slot)

    def _try(self, slot: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        executor = self._open()
        self._begun[slot] = 0
        try:
            future: Future[T] = executor.submit(_announced, slot, work, args, kwargs)
            while self._timeout_s is not None and not self._begun[slot] and not future.done():
                _wait(future, _TURN_S)
            _wait(future, self._timeout_s)
            if not future.done():
                # One worker of an executor cannot be ended alone. What the others were at is done again by whoever
                # asked for it: to them it looks as if their worker had died.
                self._discard(executor)
                raise _TooLong
            return future.result()
        except (BrokenProcessPool, CancelledError):
            self._discard(executor)
            if self._closed:
                raise PoolClosedError from None
            raise BrokenProcessPool("a worker died") from None

    def close(self) -> None:
        """End the workers at once; whatever they were doing is lost."""
        self._closed = True
        with self._lock:
            executor, self._executor = self._executor, None
        if executor is not None:
            _kill(executor)

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
                    self.workers,
                    _ContextWithoutMain(),
                    initializer=_start_worker,
                    initargs=(self.plugins, self._begun),
                )
            return self._executor

    def _discard(self, broken: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._executor is broken:
                self._executor = None
        _kill(broken)


def _wait(future: "Future[Any]", timeout_s: float | None) -> None:
    """Wait until a piece of work is done, failed or cancelled, or until the time is over.

    The module's own `wait` does not notice that a future was cancelled which nobody had begun, and waits for ever. Such
    is work that was handed in just when its executor is ended.
    """
    with suppress(CancelledError, TimeoutError):
        future.exception(timeout_s)


def _kill(executor: ProcessPoolExecutor) -> None:
    processes = executor._processes
    # First: it waits for a process that somebody else is just about to start, which then stands among the others.
    executor.shutdown(wait=False, cancel_futures=True)
    for process in list((processes or {}).values()):
        process.kill()


class InProcess:
    """Does the work where it is asked for: for a handful of rollouts, and for tasks defined in a notebook."""

    reads_spool = True
    WORTHWHILE_UP_TO = 200
    """Rollouts that are graded sooner than workers have started."""

    def __init__(self, timeout_s: float | None = None) -> None:
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._closed: Future[None] = Future()

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do something, one piece at a time.

        Raises:
            OverdueError: it takes too long. It cannot be ended without this process, so it is not tried again.
            PoolClosedError: the pool was closed before or meanwhile.
        """
        with self._lock:
            if self._closed.done():
                raise PoolClosedError
            # A thread of its own, which may be left behind.
            future: Future[T] = Future()
            context = copy_context()
            threading.Thread(target=context.run, args=(_fulfil, future, work, args, kwargs), daemon=True).start()
            either: list[Future[Any]] = [future, self._closed]
            wait_for(either, self._timeout_s, return_when=FIRST_COMPLETED)
            if future.done():
                return future.result()
            if self._closed.done():
                raise PoolClosedError
            raise OverdueError(self._timeout_s or 0)

    def close(self) -> None:
        """Wait for nothing any longer; a piece of work that is under way is left behind."""
        with suppress(InvalidStateError):
            self._closed.set_result(None)

    def __enter__(self) -> "InProcess":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _fulfil(
    future: "Future[T]", work: Callable[..., T], args: tuple[object, ...], kwargs: Mapping[str, object]
) -> None:
    try:
        future.set_result(work(*args, **kwargs))
    except BaseException as error:  # noqa: BLE001 - goes to whoever waits for the result
        future.set_exception(error)


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
        with main_hidden():
            return SpawnProcess._Popen(process_obj)


class _ContextWithoutMain(SpawnContext):
    Process = _ProcessWithoutMain


@contextmanager
def main_hidden() -> Iterator[None]:
    """Keep processes that are spawned meanwhile from running the caller's script."""
    main = vars(sys.modules["__main__"])
    kept: dict[str, Any] = {name: main[name] for name in ("__file__", "__spec__") if name in main}
    main.update(dict.fromkeys(kept))
    try:
        yield
    finally:
        main.update(kept)


_begun: Any = None
"""In a worker: shared with its parent, a byte for each piece of work that is under way."""


def _announced(slot: int, work: Callable[..., T], args: tuple[object, ...], kwargs: Mapping[str, object]) -> T:
    """Do something in a worker, and tell the parent that it has begun."""
    _begun[slot] = 1
    return work(*args, **kwargs)


def _nothing() -> None:
    """Be there."""


def _start_worker(plugins: Sequence[str], begun: Any) -> None:
    global _begun
    _begun = begun
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    collect_seldom()
    import_plugins(plugins)
    # What is imported stays, and need not be looked through again and again.
    gc.freeze()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
