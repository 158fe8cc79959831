"""Ladders: the oracle damaged by one operator at a rising severity."""

from tasks_lib.family import Family
from tasks_lib.policies.base import NotApplicableError, Policy, submit_only
from tasks_lib.records import Attempt, TaskInstance, policy_spec
from tasks_lib.seeds import stream

SEVERITIES = (0, 1, 2, 3, 4)
"""0 is the undamaged output that the operator starts from."""


class LadderPolicy:
    """Hands in the output of one operator at one severity; severity 0 is what the operator starts from."""

    def __init__(self, operator: str, severity: int) -> None:
        self.operator, self.severity = operator, severity
        self.spec = policy_spec(
            f"ladder/{operator}@{severity}", "ladder", {"operator": operator, "severity": severity}
        ).model_copy(update={"policy_id": f"ladder/{operator}@{severity}"})

    def attempt(self, family: Family, instance: TaskInstance, sample: int) -> Attempt:
        operator = family.operators.get(self.operator)
        if operator is None:
            raise NotApplicableError(f"family {family.name} has no operator {self.operator!r}")

        # The stream does not name the severity: every rung draws the same list of corruptions, and a
        # higher rung applies a longer beginning of it. That is what makes the ladder nested.
        rng = stream(instance.instance_id, "ladder", self.operator, sample)
        if self.severity == 0:
            output = operator.baseline(instance, rng) if operator.baseline else family.oracle(instance)
        else:
            damaged = operator.apply(instance, self.severity, rng)
            if damaged is None:
                raise NotApplicableError(f"{self.operator} has no target on {instance.instance_id}")
            output = damaged
        return submit_only(family, instance, output)


def build(rest: str) -> Policy:
    """Build `ladder/<operator>@<severity>`."""
    operator, _, severity = rest.partition("@")
    if severity not in {"0", "1", "2", "3", "4"}:
        from tasks_lib.registry import UnknownNameError

        raise UnknownNameError(f"unknown policy 'ladder/{rest}'; write ladder/<operator>@<severity 0 to 4>")
    return LadderPolicy(operator, int(severity))
