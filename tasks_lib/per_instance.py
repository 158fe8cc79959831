"""Remembering what was made of an instance, for the many rollouts of a group."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, wraps
from typing import TypeVar

from tasks_lib.records import TaskInstance

T = TypeVar("T")
_KEPT = 128
"""Instances remembered: rollouts come instance by instance, and what goes over a small set again finds all of it."""


@dataclass(frozen=True)
class _Key:
    """An instance as a cache key: the same id has the same content."""

    instance: TaskInstance = field(compare=False)
    instance_id: str


def once_per_instance(build: Callable[[TaskInstance], T]) -> Callable[[TaskInstance], T]:
    """Decorate a pure function of an instance so that it is worked out once for each of the latest instances."""

    @lru_cache(maxsize=_KEPT)
    def remembered(key: _Key) -> T:
        return build(key.instance)

    @wraps(build)
    def read(instance: TaskInstance) -> T:
        return remembered(_Key(instance, instance.instance_id))

    return read
