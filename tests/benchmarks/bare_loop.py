"""The same work as a run, without all that makes it one: a loop over two spawned processes, results kept in memory.

`python -m tests.benchmarks.bare_loop tasks.jsonl [--audit]`: no plan, no Prefect, no shards, no warehouse. One piece of
work is one instance with everybody who attempts it. Prints the number of rollouts.
"""

import argparse
import multiprocessing
from functools import cache
from pathlib import Path

import tasks_lib
from flows.collect import collect_rollout
from flows.settings import DEFAULT_POLICIES
from graders.grading import Graded, grade_rollout
from tasks_lib.jsonl import read_lines
from tasks_lib.policies.base import ModelPolicy, Policy
from tasks_lib.records import Rollout, TaskInstance

GROUP = 16
PROCESSES = 2
KEPT: list[tuple[Rollout, Graded]] = []
"""What one process has done; it stays there."""


@cache
def _built(name: str) -> Policy:
    policy = tasks_lib.policy(name)
    assert not isinstance(policy, ModelPolicy)
    return policy


def _attempt_all(work: tuple[TaskInstance, tuple[tuple[str, int], ...]]) -> int:
    instance, policies = work
    family = tasks_lib.family(instance.family)
    before = len(KEPT)
    for name, samples in policies:
        for sample in range(samples):
            rollout = collect_rollout("bare", family, _built(name), instance, sample)
            if rollout is not None:
                KEPT.append((rollout, grade_rollout(instance, rollout)))
    return len(KEPT) - before


def _everybody(family: str, *, audit: bool) -> tuple[tuple[str, int], ...]:
    names = [(name, GROUP) for name in DEFAULT_POLICIES]
    if audit:
        from flows.plan import audit_policies  # loads what a bare loop need not wait for

        names += [(name, 1) for name in audit_policies(tasks_lib.family(family))]
    return tuple(names)


def main() -> None:
    """Attempt and grade all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("tasks", type=Path)
    parser.add_argument("--audit", action="store_true")
    said = parser.parse_args()
    instances = [instance for _, instance in read_lines(said.tasks, TaskInstance, "one instance a line")]
    policies = {name: _everybody(name, audit=said.audit) for name in {instance.family for instance in instances}}
    work = [(instance, policies[instance.family]) for instance in instances]
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        print(sum(pool.imap_unordered(_attempt_all, work)))


if __name__ == "__main__":
    main()
