"""Probes: exploits that try to be paid without the work."""

from tasks_lib.family import Family
from tasks_lib.policies.base import NotApplicableError, Policy, submit_only
from tasks_lib.records import Attempt, TaskInstance, policy_spec
from tasks_lib.seeds import stream

HONEST = "@honest"


class ProbePolicy:
    """Hands in the output of one exploit of the family, or the same output without the trick."""

    def __init__(self, exploit: str, *, honest: bool = False) -> None:
        self.exploit, self.honest = exploit, honest
        self.spec = policy_spec(f"probe/{exploit}{HONEST if honest else ''}", "probe")

    def attempt(self, family: Family, instance: TaskInstance, sample: int) -> Attempt:
        probe = family.probes.get(self.exploit)
        if probe is None:
            raise NotApplicableError(f"family {family.name} has no probe {self.exploit!r}")
        produce = probe.honest if self.honest else probe.apply
        if produce is None:
            raise NotApplicableError(f"probe {self.exploit!r} of family {family.name} has no honest counterpart")
        # One stream for both, so that the trick is the only difference.
        rng = stream(instance.instance_id, "probe", self.exploit, sample)
        return submit_only(family, instance, produce(instance, rng))


def build(rest: str) -> Policy:
    """Build `probe/<exploit>`, or `probe/<exploit>@honest`: what it is compared with."""
    return ProbePolicy(rest.removesuffix(HONEST), honest=rest.endswith(HONEST))
