"""Working on one chunk: collect, grade, write the shard. Runs in a worker process and knows nothing of Prefect.

Where judges take part, a chunk is worked on in two parts, and they are asked between them by the parent process, which
holds the limits.
"""

import os
import platform
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tasks_lib
from flows.collect import collect_rollout
from flows.plan import Chunk, PlannedPolicy
from flows.supplies import Supplies
from flows.trust import Trust
from graders.grading import Graded, grade_rollout, grader
from graders.judge.asking import Answered
from graders.judge.conclusion import concluded
from tasks_lib.records import Record, Rollout
from warehouse.shards import Shards


@dataclass(frozen=True)
class Work:
    """What a worker is told about a chunk. It says where everything is, so it can be worked on in any process."""

    run_id: str
    chunk: Chunk
    supplies: Supplies
    shards: Shards


@dataclass(frozen=True)
class ChunkDone:
    """What a worker reports back; the rows themselves are in the shard."""

    key: str
    label: str
    n_rollouts: int
    n_errors: int
    """Attempts that were lost, and outputs whose grader failed."""
    n_not_applicable: int
    seconds: float
    first_error: str | None = None
    n_shown: int = 0
    """Rollouts that the progress bar has counted already, one by one."""
    n_calls: int = 0
    """Rollouts of models, and calls of judges."""
    cost_usd: float = 0.0
    """US dollars of those whose price is known."""
    n_unpriced: int = 0
    """Those whose price is not."""
    worker: str = ""
    """Machine and process that wrote the shard."""

    def line(self) -> str:
        """Say what was done in one line, without a word of what was asked or answered."""
        unpriced = f" and {self.n_unpriced:,} calls without a known price" if self.n_unpriced else ""
        cost = f", {self.cost_usd:.4f} US dollars{unpriced}" if self.n_calls else ""
        return (
            f"{self.label}: {self.n_rollouts - self.n_errors:,} graded, {self.n_errors:,} lost, "
            f"{self.n_not_applicable:,} not applicable, {self.seconds:.1f} s{cost}, by {self.worker}"
        )

    def kind_of_error(self) -> str:
        """Return what kind of failure came first; its text may quote what was answered, and stays in the warehouse."""
        kind = (self.first_error or "").partition(":")[0]
        return kind if kind.isidentifier() else "a failure"


@dataclass(frozen=True)
class Examined:
    """A chunk of which everything is collected and graded by code: one list per instance and policy, in their order."""

    groups: Sequence[Sequence[Rollout | None]]
    """None stands for "not applicable"."""
    graded: Sequence[Sequence[Graded | None]]
    seconds: float


class _Shard:
    """The rows of a chunk."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Record | dict[str, Any]]] = defaultdict(list)
        self.n_errors = self.n_not_applicable = 0
        self.first_error: str | None = None

    def add_group(self, run_id: str, instance_id: str, planned: PlannedPolicy, n_not_applicable: int) -> None:
        """Take down what was planned."""
        self.n_not_applicable += n_not_applicable
        self.rows["planned"].append(
            {
                "run_id": run_id,
                "instance_id": instance_id,
                "policy_id": planned.policy_id,
                "n_samples": planned.samples,
                "n_not_applicable": n_not_applicable,
            }
        )

    def add(self, rollout: Rollout, graded: Graded) -> None:
        """Take down a rollout and what it was found to be worth."""
        self.rows["rollout"].append(rollout)
        self.rows["score"] += graded.scores
        self.rows["facet"] += graded.facets
        if graded.composite is not None:
            self.rows["composite"].append(graded.composite)
            return
        self.n_errors += 1
        cause = rollout.error or next(
            (score.reason for score in graded.scores if score.state == "error"), "no cause given"
        )
        self.first_error = self.first_error or cause

    def costs(self, of_models: bool) -> list[float | None]:
        """Return what each call cost, in US dollars: of judges, and of the policies where those are models."""
        costs = [row["cost_usd"] for row in self.rows["judge_call"] if isinstance(row, dict)]
        return costs + [row.cost_usd for row in self.rows["rollout"] if of_models and isinstance(row, Rollout)]


def work_chunk(work: Work, groups: Sequence[Sequence[Rollout]] | None = None) -> ChunkDone:
    """Attempt and grade everything in a chunk and write its shard, whole or not at all.

    Args:
        work: the chunk.
        groups: what models left on it, where that was collected already.
    """
    return conclude_chunk(work, examine_chunk(work, groups), {}, groups is not None)


def regrade_chunk(work: Work, trust: Trust) -> ChunkDone:
    """Grade what another run has collected and write the shard.

    What judges said of it then is said of it now; whether that counts is decided anew.
    """
    source = work.supplies.source()
    examined = examine_chunk(work, source.groups)
    answered = {rollout_id: Answered(trust.marked(scores)) for rollout_id, scores in source.verdicts.items()}
    return conclude_chunk(work, examined, answered)


def examine_chunk(work: Work, groups: Sequence[Sequence[Rollout | None]] | None = None) -> Examined:
    """Attempt everything in a chunk, unless that was done, and let code grade it."""
    started = time.perf_counter()
    collected = _collected(work) if groups is None else groups
    graded = [
        [None if rollout is None else grade_rollout(work.supplies.instance(place), rollout) for rollout in rollouts]
        for (place, _), rollouts in zip(work.chunk.places(), collected, strict=True)
    ]
    return Examined(collected, graded, time.perf_counter() - started)


def conclude_chunk(
    work: Work, examined: Examined, answered: Mapping[str, Answered], is_shown: bool = False
) -> ChunkDone:
    """Narrow what judges were asked about and write the shard, whole or not at all.

    Args:
        work: the chunk.
        examined: what code found.
        answered: rollout -> what judges left of it; a rollout about which nobody was asked is not in it.
        is_shown: the progress bar has counted the rollouts already, one by one.
    """
    started, chunk = time.perf_counter(), work.chunk
    shard, rubric = _Shard(), grader(chunk.family).rubric
    for (place, planned), rollouts, grades in zip(chunk.places(), examined.groups, examined.graded, strict=True):
        shard.add_group(work.run_id, place.instance_id, planned, sum(rollout is None for rollout in rollouts))
        for rollout, graded in zip(rollouts, grades, strict=True):
            if rollout is not None and graded is not None:
                said = answered.get(rollout.rollout_id, Answered())
                shard.add(rollout, concluded(graded, rubric, said.scores))
                shard.rows["judge_call"] += said.calls
    work.shards.write(chunk.key, shard.rows)
    n_rollouts = len(shard.rows["rollout"])
    costs = shard.costs(of_models=is_shown)
    return ChunkDone(
        key=chunk.key,
        label=chunk.label,
        n_rollouts=n_rollouts,
        n_errors=shard.n_errors,
        n_not_applicable=shard.n_not_applicable,
        seconds=examined.seconds + time.perf_counter() - started,
        first_error=shard.first_error,
        n_shown=n_rollouts if is_shown else 0,
        n_calls=len(costs),
        cost_usd=sum(cost for cost in costs if cost is not None),
        n_unpriced=costs.count(None),
        worker=f"{platform.node()} {os.getpid()}",
    )


def _collected(work: Work) -> list[list[Rollout | None]]:
    family, supplies = tasks_lib.family(work.chunk.family), work.supplies
    return [
        [
            collect_rollout(work.run_id, family, supplies.policy(planned.name), supplies.instance(place), sample)
            for sample in range(planned.samples)
        ]
        for place, planned in work.chunk.places()
    ]
