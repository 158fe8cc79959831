"""Chunks that are begun before Prefect asks: worked on once, again where they failed, and none after the end."""

import threading
from typing import Any, cast

import pytest

from flows.chunks import ChunkDone
from flows.head_start import HeadStart
from flows.plan import Chunk, PlannedInstance, PlannedPolicy
from flows.pool import PoolClosedError
from flows.workshop import Workshop

DEADLINE_S = 20
SECONDS = {"quick": 1.0, "slow": 5.0}
"""What a chunk of a family takes, as its worker says."""


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
        return ChunkDone(chunk.key, chunk.label, 1, 0, 0, SECONDS.get(chunk.family, 0.0))

    def close(self) -> None:
        self.closed = True
        self.let.set()

    def wait_until_asked(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.asked) >= count, DEADLINE_S)


def _chunks(*keys: str, family: str = "f", n_rollouts: int = 1) -> list[Chunk]:
    instances = (PlannedInstance(instance_id="i", offset=0),)
    policies = (PlannedPolicy(name="sim/weak", policy_id="sim/weak", samples=n_rollouts),)
    return [Chunk(key=key, family=family, label=key, instances=instances, policies=policies) for key in keys]


def _ahead(shop: Shop, chunks: list[Chunk], at_once: int) -> HeadStart:
    return HeadStart(cast(Workshop, cast(Any, shop)), chunks, at_once)


def test_chunks_are_begun_before_anybody_asks_and_worked_on_once() -> None:
    shop, chunks = Shop(), _chunks("a", "b", "c")
    ahead = _ahead(shop, chunks, 2)
    shop.wait_until_asked(2)
    assert sorted(shop.asked) == ["a", "b"], "two at once, either of which may be heard first"
    shop.let.set()
    assert [ahead.work(chunk).key for chunk in chunks] == ["a", "b", "c"]
    assert sorted(shop.asked) == ["a", "b", "c"]


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


def test_one_chunk_of_each_family_comes_first_and_then_those_that_take_longest() -> None:
    """At the end a worker waits for the other's last chunk, which had better be a quick one."""
    shop = Shop()
    quick, slow = _chunks("q1", "q2", "q3", family="quick"), _chunks("s1", "s2", "s3", family="slow")
    ahead = _ahead(shop, [*quick, *slow], 1)
    shop.let.set()
    shop.wait_until_asked(6)
    assert shop.asked == ["q1", "s1", "s2", "s3", "q2", "q3"]
    assert [chunk.key for chunk in ahead.in_order()] == shop.asked


def test_of_chunks_that_take_as_long_a_rollout_the_largest_comes_first() -> None:
    shop = Shop()
    ahead = _ahead(shop, [*_chunks("a", "b"), *_chunks("large", n_rollouts=3)], 1)
    shop.let.set()
    shop.wait_until_asked(3)
    assert [chunk.key for chunk in ahead.in_order()] == ["a", "b", "large"], "until one is done, as they were given"

    shop, timed = Shop(), _chunks("a", "b", family="slow")
    ahead = _ahead(shop, [*timed, *_chunks("large", family="slow", n_rollouts=3)], 1)
    shop.let.set()
    shop.wait_until_asked(3)
    assert shop.asked == ["a", "large", "b"]


def test_once_the_order_was_told_it_stays() -> None:
    """Also where it turns out that another would have been better: tasks are waiting for their chunks in this one."""
    shop = Shop()
    slow, quick = _chunks("s1", "s2", family="slow"), _chunks("q1", "q2", family="quick")
    ahead = _ahead(shop, [*slow, *quick], 1)
    shop.wait_until_asked(1)
    told = [chunk.key for chunk in ahead.in_order()]
    assert told == ["s1", "q1", "q2", "s2"], "of what was not begun nothing is known, so it comes first"
    shop.let.set()
    shop.wait_until_asked(4)
    assert shop.asked == told
    assert [chunk.key for chunk in ahead.in_order()] == told
