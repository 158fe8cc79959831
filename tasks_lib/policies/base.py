"""What every policy is: a spec and a way to attempt an instance."""

from typing import Protocol

from tasks_lib.environment import SUBMIT, Episode
from tasks_lib.family import Family
from tasks_lib.records import Attempt, PolicySpec, TaskInstance, ToolCall


class NotApplicableError(Exception):
    """The policy has nothing to offer on this instance (a ladder whose damage has no target there)."""


class Policy(Protocol):
    """Someone who attempts instances. Must be cheap to build: workers build policies from their names."""

    spec: PolicySpec

    def attempt(self, family: Family, instance: TaskInstance, sample: int) -> Attempt:
        """Attempt one instance; the same (instance, sample) gives the same attempt for code policies.

        Raises:
            NotApplicableError: the policy does not apply to this instance.
        """
        ...


def submit_only(family: Family, instance: TaskInstance, output: str) -> Attempt:
    """Hand in an output that needed no look at the materials, through the world like anybody else."""
    episode = Episode(family.world(instance), keep_observations=False)
    episode.call(ToolCall(tool=SUBMIT, arguments={"text": output}))
    return episode.attempt()
