"""Chunks that are begun before Prefect asks: worked on once, again where they failed, and none after the end."""

import threading
from typing import Any, cast

import pytest

from flows.chunks import ChunkDone
from flows.head_start import HeadStart
from flows.plan import Chunk
from flows.pool import PoolClosedError
from flows.workshop import Workshop

DEADLINE_S = 20


class Shop:
    """A workshop that notes what it is asked for, and works when it is let."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.let, self.closed = threading.Event(), False
        self.failures: list[Exception] = []
        self._changed = threading.Condition()

    def work(self, chunk: Chunk) -> ChunkDone:
        with self._changed:
            self.asked.append(chunk.key)
            self._changed.notify_all()
        assert self.let.wait(DEADLINE_S)
        if self.failures:
            raise self.failures.pop()
        return ChunkDone(chunk.key, chunk.label, 1, 0, 0, 0.0)

    def close(self) -> None:
        self.closed = True
        self.let.set()

    def wait_until_asked(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.asked) >= count, DEADLINE_S)


def _chunks(*keys: str) -> list[Chunk]:
    return [Chunk(key=key, family="f", label=key, instances=(), policies=()) for key in keys]


def _ahead(shop: Shop, chunks: list[Chunk], at_once: int) -> HeadStart:
    return HeadStart(cast(Workshop, cast(Any, shop)), chunks, at_once)


def test_chunks_are_begun_before_anybody_asks_and_worked_on_once() -> None:
    shop, chunks = Shop(), _chunks("a", "b", "c")
    ahead = _ahead(shop, chunks, 2)
    shop.wait_until_asked(2)
    assert shop.asked == ["a", "b"]
    shop.let.set()
    assert [ahead.work(chunk).key for chunk in chunks] == ["a", "b", "c"]
    assert shop.asked == ["a", "b", "c"]


def test_a_chunk_that_failed_ahead_fails_whoever_asks_and_is_worked_on_when_asked_again() -> None:
    shop, (chunk,) = Shop(), _chunks("a")
    shop.failures = [OSError("a worker died")]
    ahead = _ahead(shop, [chunk], 1)
    shop.let.set()
    with pytest.raises(OSError, match="a worker died"):
        ahead.work(chunk)
    assert ahead.work(chunk).key == "a"
    assert shop.asked == ["a", "a"]


def test_a_chunk_that_was_not_begun_ahead_is_worked_on_when_asked_for() -> None:
    shop, (begun, other) = Shop(), _chunks("a", "b")
    shop.let.set()
    assert _ahead(shop, [begun], 1).work(other).key == "b"


def test_closing_closes_the_workshop_and_begins_nothing_more() -> None:
    shop, chunks = Shop(), _chunks("a", "b")
    ahead = _ahead(shop, chunks, 1)
    shop.wait_until_asked(1)
    ahead.close()
    assert shop.closed
    with pytest.raises(PoolClosedError):
        ahead.work(chunks[1])
    assert shop.asked == ["a"]
