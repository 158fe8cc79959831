"""The tiny family with a policy that hangs as long as the file that HANGS_WHILE names is there.

It hangs in C code, as a regular expression that never comes to an end does: no other thread of its process gets a turn.
"""

import os
import re
from pathlib import Path

from tasks_lib import register_policy
from tasks_lib.family import Family
from tasks_lib.policies.base import Policy, submit_only
from tasks_lib.records import Attempt, TaskInstance, policy_spec
from tests.flows import tiny_family  # noqa: F401 - registers the family

ENDLESS = re.compile(r"(a+)+$")


class Hanging:
    """Hands in what the oracle does, sooner or later."""

    spec = policy_spec("hanging/while", "simulated")

    def attempt(self, family: Family, instance: TaskInstance, sample: int) -> Attempt:
        if Path(os.environ.get("HANGS_WHILE", "/no/such/file")).exists():
            ENDLESS.match("a" * 64 + "b")
        return submit_only(family, instance, family.oracle(instance))


@register_policy("hanging")
def build_hanging(rest: str) -> Policy:
    """Build `hanging/while`."""
    return Hanging()
