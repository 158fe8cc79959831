"""A head start: workers begin while Prefect is being imported and its server starts, and stay ahead of it.

Every chunk is a Prefect task all the same. The task of one that was begun ahead waits for its result instead of having
it worked on, so workers are never idle for the sake of the states that are told to the server. Only chunks of code:
calls of models begin when Prefect is there.
"""

import math
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor

from flows.chunks import ChunkDone
from flows.plan import Chunk
from flows.pool import PoolClosedError
from flows.workshop import Workshop

Kind = tuple[str, str]
"""Family and first policy: chunks that share them share all policies, and a rollout takes about as long in each."""


class HeadStart:
    """Has chunks worked on before anybody asks for them.

    One of each kind comes first; then those that seem to take longest, as far as finished ones tell, so that the worker
    that ends last has a short one.
    """

    def __init__(self, shop: Workshop, todo: Iterable[Chunk], at_once: int) -> None:
        """Begin with the first chunks, so many at a time, and return at once."""
        self._shop = shop
        self._waiting = list(todo)
        self._taken: list[Chunk] = []
        self._is_settled = False
        self._seconds: dict[Kind, float] = {}
        """What a rollout takes at best, 0 until one chunk is done: a worker's first ones take longer than others."""
        self._lock = threading.Lock()
        self._futures: dict[str, Future[ChunkDone]] = {chunk.key: Future() for chunk in self._waiting}
        self._told: set[str] = set()
        self._threads = ThreadPoolExecutor(at_once)
        for _ in self._futures:
            self._threads.submit(self._work_on_next)

    def in_order(self) -> list[Chunk]:
        """Return all chunks in the order in which they are begun, which stays what it is from now on."""
        with self._lock:
            if not self._is_settled:
                self._is_settled = True
                self._waiting.sort(key=self._expected_s, reverse=True)
            return [*self._taken, *self._waiting]

    def prepare(self, todo: Sequence[Chunk]) -> int:
        """Do what is done for all chunks at once; as for `Workshop.prepare`."""
        return self._shop.prepare(todo)

    def work(self, chunk: Chunk) -> ChunkDone:
        """Return what became of a chunk that was begun ahead, or work on it now; as for `Workshop.work`."""
        # Once: where it failed and is tried again, it is worked on again.
        if chunk.key in self._told or chunk.key not in self._futures:
            return self._shop.work(chunk)
        self._told.add(chunk.key)
        try:
            return self._futures[chunk.key].result()
        except CancelledError:
            raise PoolClosedError from None

    def close(self) -> None:
        """End at once whatever is under way."""
        self.stop()
        self._shop.close()

    def stop(self) -> None:
        """Begin nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for future in self._futures.values():
            future.cancel()

    def _work_on_next(self) -> None:
        chunk = self._take()
        future = self._futures[chunk.key]
        if not future.set_running_or_notify_cancel():
            return
        try:
            done = self._shop.work(chunk)
            self._note(chunk, done)
            future.set_result(done)
        except BaseException as error:  # noqa: BLE001 - goes to whoever waits for the result
            future.set_exception(error)

    def _take(self) -> Chunk:
        with self._lock:
            chunk = self._waiting[0] if self._is_settled else max(self._waiting, key=self._expected_s)
            self._waiting.remove(chunk)
            self._taken.append(chunk)
            self._seconds.setdefault(_kind(chunk), 0.0)
            return chunk

    def _note(self, chunk: Chunk, done: ChunkDone) -> None:
        kind, seconds = _kind(chunk), done.seconds / chunk.n_rollouts
        with self._lock:
            self._seconds[kind] = min(seconds, self._seconds[kind] or seconds)

    def _expected_s(self, chunk: Chunk) -> float:
        """Return the seconds that a chunk seems to take; of a kind that was not begun yet, infinity."""
        return self._seconds.get(_kind(chunk), math.inf) * chunk.n_rollouts


def _kind(chunk: Chunk) -> Kind:
    return chunk.family, chunk.policies[0].policy_id
