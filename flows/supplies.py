"""What the work on a chunk begins with: instances, policies, and for a regrade what was collected and said before.

A worker on this machine reads them from the folder of the run. Anywhere else they travel with the chunk, as data: the
lines of its instances, the recorded outputs of its replays. A policy is a name that every process can build it from.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import tasks_lib
from flows.plan import INSTANCES_FILE, Chunk, PlannedInstance, RunPlan, read_instance
from flows.source import Source, read_source
from tasks_lib.policies.base import ModelPolicy, Policy
from tasks_lib.policies.replay import ReplayPolicy
from tasks_lib.records import TaskInstance


class Supplies(Protocol):
    """Gives what a chunk is worked on with."""

    def instance(self, place: PlannedInstance) -> TaskInstance:
        """Return an instance of the chunk."""
        ...

    def policy(self, name: str) -> Policy:
        """Return a policy of the chunk."""
        ...

    def source(self) -> Source:
        """Return what a regrade begins with."""
        ...


@dataclass(frozen=True)
class InSpool:
    """Supplies in the folder of the run."""

    spool: Path
    chunk: Chunk

    def instance(self, place: PlannedInstance) -> TaskInstance:
        """Return an instance of the chunk."""
        return read_once(self.spool, place)

    def policy(self, name: str) -> Policy:
        """Return a policy of the chunk."""
        return _built_once(name)

    def source(self) -> Source:
        """Return what a regrade begins with."""
        return read_source(self.spool, self.chunk)


@dataclass(frozen=True)
class Carried:
    """Supplies that travel with the chunk."""

    lines: Mapping[str, bytes]
    """instance_id -> the instance as JSON."""
    replays: Mapping[str, ReplayPolicy]
    """Name -> policy, with what it recorded on the instances of the chunk and nothing else."""
    collected: Source | None

    def instance(self, place: PlannedInstance) -> TaskInstance:
        """Return an instance of the chunk."""
        return _parsed_once(self.lines[place.instance_id])

    def policy(self, name: str) -> Policy:
        """Return a policy of the chunk."""
        return self.replays[name] if name in self.replays else _built_once(name)

    def source(self) -> Source:
        """Return what a regrade begins with."""
        assert self.collected is not None, "the chunk is no part of a regrade"
        return self.collected


def carry(spool: Path, plan: RunPlan, chunk: Chunk) -> Carried:
    """Pack up everything in the folder of a run that the work on one chunk needs."""
    is_regrade = plan.regraded_from is not None
    replays = {} if is_regrade else dict(_replays(chunk))
    return Carried(dict(_lines(spool, chunk)), replays, read_source(spool, chunk) if is_regrade else None)


def _lines(spool: Path, chunk: Chunk) -> Iterator[tuple[str, bytes]]:
    with (spool / INSTANCES_FILE).open("rb") as lines:
        for place in chunk.instances:
            lines.seek(place.offset)
            yield place.instance_id, lines.readline()


def _replays(chunk: Chunk) -> Iterator[tuple[str, ReplayPolicy]]:
    wanted = {place.instance_id for place in chunk.instances}
    for planned in chunk.policies:
        policy = tasks_lib.policy(planned.name)
        if isinstance(policy, ReplayPolicy):
            yield planned.name, policy.only(wanted)


# A chunk of many policies works through few instances, and the next chunk of a worker is often about the same ones.
@lru_cache(maxsize=256)
def read_once(spool: Path, place: PlannedInstance) -> TaskInstance:
    """Read an instance of a run; the latest ones are remembered."""
    return read_instance(spool, place)


@lru_cache(maxsize=256)
def _parsed_once(line: bytes) -> TaskInstance:
    return TaskInstance.model_validate_json(line)


@lru_cache(maxsize=1024)
def _built_once(name: str) -> Policy:
    policy = tasks_lib.policy(name)
    assert not isinstance(policy, ModelPolicy), "models are called by the parent process"
    return policy
