"""Probes: exploits that try to be paid without the work."""

from tasks_lib.family import Family
from tasks_lib.policies.base import NotApplicable, Policy, submit_only
from tasks_lib.records import Attempt, TaskInstance, policy_spec
from tasks_lib.seeds import stream


class ProbePolicy:
    """Hands in the output of one exploit of the family."""

    def __init__(self, exploit: str) -> None:
        self.exploit = exploit
        self.spec = policy_spec(f"probe/{exploit}", "probe")

    def attempt(self, family: Family, instance: TaskInstance, sample: int) -> Attempt:
        probe = family.probes.get(self.exploit)
        if probe is None:
            raise NotApplicable(f"family {family.name} has no probe {self.exploit!r}")
        rng = stream(instance.instance_id, "probe", self.exploit, sample)
        return submit_only(family, instance, probe.apply(instance, rng))


def build(rest: str) -> Policy:
    """Build `probe/<exploit>`."""
    return ProbePolicy(rest)
