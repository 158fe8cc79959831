"""A head start: workers begin while Prefect is being imported and its server starts, and stay ahead of it.

Every chunk is a Prefect task all the same. The task of one that was begun ahead waits for its result instead of having
it worked on, so workers are never idle for the sake of the states that are told to the server. Only chunks of code:
calls of models begin when Prefect is there.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor

from flows.chunks import ChunkDone
from flows.plan import Chunk
from flows.pool import PoolClosedError
from flows.workshop import Workshop


class HeadStart:
    """Has chunks worked on before anybody asks for them."""

    def __init__(self, shop: Workshop, todo: Iterable[Chunk], at_once: int) -> None:
        """Begin with the first chunks, so many at a time, and return at once."""
        self._shop = shop
        self._threads = ThreadPoolExecutor(at_once)
        self._begun: dict[str, Future[ChunkDone]] = {
            chunk.key: self._threads.submit(shop.work, chunk) for chunk in todo
        }

    def prepare(self, todo: Sequence[Chunk]) -> int:
        """Do what is done for all chunks at once; as for `Workshop.prepare`."""
        return self._shop.prepare(todo)

    def work(self, chunk: Chunk) -> ChunkDone:
        """Return what became of a chunk that was begun ahead, or work on it now; as for `Workshop.work`."""
        # Once: where it failed and is tried again, it is worked on again.
        begun = self._begun.pop(chunk.key, None)
        if begun is None:
            return self._shop.work(chunk)
        try:
            return begun.result()
        except CancelledError:
            raise PoolClosedError from None

    def close(self) -> None:
        """End at once whatever is under way."""
        self.stop()
        self._shop.close()

    def stop(self) -> None:
        """Begin nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
