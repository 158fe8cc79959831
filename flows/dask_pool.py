"""Work handed to a Dask cluster: each piece is one Prefect task that a worker runs.

A worker that dies takes nothing with it: Dask gives its pieces to the others, and a shard is there whole or not at all.
A piece that kills one worker after the other, or hangs in two, is given up.
"""

import pickle
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from distributed import KilledWorker
from prefect import task
from prefect.cache_policies import NO_CACHE

from flows import dask_worker
from flows.dask_cluster import connected
from flows.dask_worker import STARTED, Preparation
from flows.errors import InputError
from flows.pool import OverdueError, PoolClosedError, WorkersLostError

if TYPE_CHECKING:
    from flows.plan import RunPlan

P = ParamSpec("P")
T = TypeVar("T")

TURN_S = 0.5
GRACE_S = 20.0
"""Between the end of a worker that took too long and what is heard of it."""
PATIENCE_S = 60.0
"""A cluster that has had no worker for so long is given up."""


@task(name="work on a chunk", task_run_name="{label}", cache_policy=NO_CACHE, persist_result=False)
def on_worker(label: str, call_id: str, payload: bytes, timeout_s: float) -> Any:
    """Do a piece of work that was packed up."""
    return dask_worker.do(call_id, payload, timeout_s)


class DaskPool:
    """Hands work to a cluster, from several threads, each of which is inside the flow of the run."""

    reads_spool = False

    def __init__(self, client: Any, address: str, timeout_s: float, patience_s: float = PATIENCE_S) -> None:
        self.address, self._client, self._timeout_s, self._patience_s = address, client, timeout_s, patience_s
        self._starts: dict[str, list[float]] = defaultdict(list)
        self._ends: dict[str, threading.Event] = {}
        self._closed, self._lost = False, ""
        self._done = threading.Event()
        self._client.subscribe_topic(STARTED, self._note_start)
        threading.Thread(target=self._watch, name="dask-workers", daemon=True).start()

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Have a worker do something and wait for it.

        Raises:
            OverdueError: it took too long, twice.
            WorkersLostError: it took one worker after the other with it, or there are none left.
            PoolClosedError: the pool was closed before or meanwhile.
        """
        if self._closed:
            raise PoolClosedError
        call_id = secrets.token_hex(8)
        payload = pickle.dumps((work, args, kwargs), protocol=pickle.HIGHEST_PROTOCOL)
        future = cast(Any, on_worker.submit(_label(work, args), call_id, payload, self._timeout_s))
        wrapped, ended = future.wrapped_future, threading.Event()
        self._ends[call_id] = ended
        wrapped.add_done_callback(lambda _: ended.set())
        try:
            self._wait(call_id, ended)
            return cast(T, self._result(future, wrapped))
        except BaseException:
            with suppress(OSError, TimeoutError):
                wrapped.cancel(force=True)
            raise
        finally:
            self._ends.pop(call_id, None)
            self._starts.pop(call_id, None)

    def close(self) -> None:
        """Give up whatever is under way; a worker that is not ours finishes the chunk it is at."""
        self._closed = True
        self._done.set()
        for ended in list(self._ends.values()):
            ended.set()

    def n_threads(self) -> int:
        """Return how many pieces the cluster works on at once."""
        return int(sum(self._client.nthreads().values()))

    def _wait(self, call_id: str, ended: threading.Event) -> None:
        while not ended.wait(TURN_S):
            if self._lost:
                raise WorkersLostError(self._lost)
            if self._times_overdue(call_id) > 1:
                raise OverdueError(self._timeout_s)
        if self._closed:
            raise PoolClosedError

    def _result(self, future: Any, wrapped: Any) -> Any:
        if wrapped.status == "finished":
            return future.result()
        try:
            wrapped.result(timeout=GRACE_S)
        except KilledWorker:
            raise WorkersLostError(
                "worker processes died again and again over the same chunk (out of memory?)"
            ) from None
        raise WorkersLostError(f"{self.address}: the cluster let go of a chunk ({wrapped.status})")

    def _times_overdue(self, call_id: str) -> int:
        """Return how often a piece was begun and not finished in time.

        The worker ends itself when the time is over, and Dask has the piece begun elsewhere.
        """
        starts = [*self._starts.get(call_id, ())]
        if not starts:
            return 0
        ends = [*starts[1:], time.monotonic() - GRACE_S]
        return sum(end - start >= self._timeout_s for start, end in zip(starts, ends, strict=True))

    def _note_start(self, event: Any) -> None:
        call_id = event[1]["call_id"]
        if call_id in self._ends:
            self._starts[call_id].append(time.monotonic())

    def _watch(self) -> None:
        """Notice when there is nobody left who works."""
        last = time.monotonic()
        while not self._done.wait(2):
            with suppress(OSError, TimeoutError, RuntimeError):
                if self._client.nthreads():
                    last = time.monotonic()
            if time.monotonic() - last > self._patience_s:
                self._lost = f"{self.address}: no worker has been there for {self._patience_s:.0f} s"
                return


@contextmanager
def dask_pool(address: str, plan: "RunPlan", timeout_s: float) -> Iterator[DaskPool]:
    """Make the workers of a cluster ready for a run, and hand work to them.

    Raises:
        InputError: nobody answers at the address, or a worker lacks a plugin.
    """
    with connected(address) as client, ExitStack() as afterwards:
        name = f"taskassay-{plan.run_id}"
        try:
            client.register_plugin(Preparation(name, plan.plugins), name=name)
        except (ImportError, InputError) as error:
            raise InputError(f"{address}: a worker cannot be made ready ({error}); install the plugin there") from None
        afterwards.callback(_quietly, client.unregister_worker_plugin, name)
        pool = DaskPool(client, address, timeout_s)
        afterwards.callback(pool.close)
        yield pool


def _quietly(call: Callable[..., object], *args: object) -> None:
    """Do something that no longer matters where the cluster is gone."""
    with suppress(OSError, TimeoutError, RuntimeError, ValueError):
        call(*args)


def _label(work: Callable[..., object], args: tuple[object, ...]) -> str:
    chunk = getattr(args[0], "chunk", None) if args else None
    return getattr(chunk, "label", getattr(work, "__name__", "work"))
