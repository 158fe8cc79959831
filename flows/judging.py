"""Judging: what code left open of a chunk is asked of the judges, between the two parts of the work on it."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import tasks_lib
from flows.chunks import Examined
from flows.model_host import ModelHost
from flows.plan import Chunk, PlannedPolicy, RunPlan
from flows.supplies import read_once
from graders.judge.asking import Answered, Arm, Case, judged_dimensions
from tasks_lib.family import Family
from tasks_lib.models.messages import Request
from tasks_lib.policies.probe import HONEST
from tasks_lib.records import TaskInstance


class Judging:
    """Asks the judges of one run."""

    def __init__(self, spool: Path, plan: RunPlan, models: ModelHost) -> None:
        self._spool, self._models, self._panel, self._trust = spool, models, plan.panel, plan.trust

    def is_needed(self, chunk: Chunk) -> bool:
        """Tell whether judges have a say about a chunk."""
        return bool(self._panel.judges) and bool(judged_dimensions(chunk.family))

    def judge(self, chunk: Chunk, examined: Examined) -> dict[str, Answered]:
        """Ask everything about a chunk and wait for the answers.

        Returns:
            Rollout -> what the judges left of it and whether that counts, for those about which there was something to
            ask.

        Raises:
            PoolClosedError, RunStoppedError: no further calls are made; what was answered is in the ledger.
        """
        cases = dict(self._cases(chunk, examined))
        portions: dict[tuple[object, ...], dict[str, Request]] = defaultdict(dict)
        for case in cases.values():
            for question in case.questions:
                portions[question.beginning][question.call_id] = question.request()
        replies = self._models.ask(portions.values()) if portions else {}
        answered = {rollout_id: case.answered(replies) for rollout_id, case in cases.items()}
        return {
            rollout_id: Answered(self._trust.marked(found.scores), found.calls)
            for rollout_id, found in answered.items()
        }

    def calls(self, chunk: Chunk, examined: Examined) -> dict[str, Request]:
        """Return every call that `judge` makes about a chunk."""
        return {
            question.call_id: question.request()
            for _, case in self._cases(chunk, examined)
            for question in case.questions
        }

    def _cases(self, chunk: Chunk, examined: Examined) -> Iterator[tuple[str, Case]]:
        family = tasks_lib.family(chunk.family)
        for (place, planned), rollouts, grades in zip(chunk.places(), examined.groups, examined.graded, strict=True):
            instance = read_once(self._spool, place)
            arm = _arm(family, planned, instance)
            for rollout, graded in zip(rollouts, grades, strict=True):
                if rollout is not None and graded is not None:
                    case = self._panel.case(instance, rollout, graded, arm)
                    if case.questions or case.unasked:
                        yield rollout.rollout_id, case


def _arm(family: Family, planned: PlannedPolicy, instance: TaskInstance) -> Arm | None:
    """Return what a policy tests about a judge: an attack, or the same output without it; None: nothing."""
    provider, _, exploit = planned.name.partition("/")
    probe = family.probes.get(exploit.removesuffix(HONEST)) if provider == "probe" else None
    if probe is None or probe.kind != "attack":
        return None
    plants = probe.materials is not None and not exploit.endswith(HONEST)
    return Arm(probe.materials(instance) if plants and probe.materials else None)
