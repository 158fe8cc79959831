"""Simulated policies: offline stand-ins of known skill, never presented as a model.

A simulated policy of skill s repairs a defect of hardness h with probability 1 / (1 + exp(h - s)) and
damages work with a probability that grows along the task. Its true skill is known, so an estimate
of difficulty can be checked against it.
"""

import math

from tasks_lib.environment import SUBMIT, Episode
from tasks_lib.family import Family
from tasks_lib.policies.base import Policy
from tasks_lib.records import Attempt, TaskInstance, ToolCall, policy_spec
from tasks_lib.seeds import stream

SKILLS = {"weak": -0.6, "mid": 0.8, "strong": 2.4}
"""Logits. Chosen so that the span covers a middling instance: about a third, two thirds and nine tenths
of its defects repaired."""


def repair_probability(skill: float, hardness: float) -> float:
    """Return the probability, 0..1, that a policy of `skill` logits repairs a defect of `hardness` logits."""
    return 1 / (1 + math.exp(hardness - skill))


def slip_probability(skill: float) -> float:
    """Return the probability, 0..1, that a unit of work late in a long task is damaged."""
    return 0.12 * repair_probability(-skill, 0.0)


def expected_repairs(family: Family, instance: TaskInstance, skill: float) -> float:
    """Return the share, 0..1, of an instance's defects that a policy of `skill` repairs on average."""
    defects = family.defects(instance)
    return sum(repair_probability(skill, defect.hardness) for defect in defects) / max(1, len(defects))


class SimulatedPolicy:
    """Looks at all the evidence through the tools, then hands in what its skill makes of it."""

    def __init__(self, label: str, skill: float) -> None:
        self.skill = skill
        self.spec = policy_spec(f"sim/{label}", "simulated", {"skill": skill, "version": 1})

    def attempt(self, family: Family, instance: TaskInstance, sample: int) -> Attempt:
        rng = stream(instance.instance_id, self.spec.policy_id, sample)
        episode = Episode(family.world(instance), keep_observations=False)
        for call in family.tour(instance):
            episode.call(call)

        repaired = frozenset(
            defect.defect_id
            for defect in family.defects(instance)
            if rng.random() < repair_probability(self.skill, defect.hardness)
        )
        output = family.partial(instance, repaired, slip_probability(self.skill), rng)
        episode.call(ToolCall(tool=SUBMIT, arguments={"text": output}))
        return episode.attempt()


def build(rest: str) -> Policy:
    """Build `sim/weak`, `sim/mid`, `sim/strong`, or `sim/<share>` with 0 < share < 1.

    A share is the probability of repairing a defect of hardness 0.
    """
    if rest in SKILLS:
        return SimulatedPolicy(rest, SKILLS[rest])
    try:
        share = float(rest)
    except ValueError:
        share = math.nan
    if not 0 < share < 1:
        from tasks_lib.registry import UnknownNameError

        known = ", ".join(SKILLS)
        raise UnknownNameError(f"unknown policy 'sim/{rest}'; known skills: {known}, or a share such as sim/0.35")
    return SimulatedPolicy(rest, round(math.log(share / (1 - share)), 6))
