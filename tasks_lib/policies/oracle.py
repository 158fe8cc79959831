"""The oracle: hands in the output made from the truth."""

from tasks_lib.family import Family
from tasks_lib.policies.base import Policy, submit_only
from tasks_lib.records import Attempt, TaskInstance, policy_spec


class Oracle:
    """Deserves the full score on every instance; whatever it misses is the grader's error."""

    spec = policy_spec("oracle", "oracle")

    def attempt(self, family: Family, instance: TaskInstance, sample: int) -> Attempt:
        return submit_only(family, instance, family.oracle(instance))


def build(rest: str) -> Policy:
    """Build `oracle`."""
    return Oracle()
