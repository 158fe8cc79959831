"""citation_grounding: a brief without references and the sources in, the brief with every claim referenced out."""

from collections.abc import Mapping
from random import Random
from typing import cast

from pydantic import BaseModel

from tasks_lib.citation_grounding.archetype import archetype as read_archetype
from tasks_lib.citation_grounding.archetype import archetype_names
from tasks_lib.citation_grounding.corrupt import OPERATORS
from tasks_lib.citation_grounding.environment import CitationWorld, full_tour
from tasks_lib.citation_grounding.generate import generate_instance
from tasks_lib.citation_grounding.knobs import CitationKnobs
from tasks_lib.citation_grounding.probes import PROBES
from tasks_lib.citation_grounding.slips import attempt
from tasks_lib.citation_grounding.truth import brief_truth
from tasks_lib.citation_grounding.wording import request_requirements
from tasks_lib.environment import World
from tasks_lib.family import Defect, Family, Operator, Probe, Requirement
from tasks_lib.records import Mode, TaskInstance, ToolCall
from tasks_lib.seeds import stream


class CitationGrounding(Family):
    """Referencing a brief: the source that says it behind each claim, and nothing claimed beyond the sources."""

    name = "citation_grounding"
    template_version = "1"
    knobs = CitationKnobs
    archetypes = archetype_names()
    operators: Mapping[str, Operator] = OPERATORS
    probes: Mapping[str, Probe] = PROBES

    def generate(
        self,
        seed: int,
        *,
        difficulty: float | None = 0.5,
        knobs: BaseModel | None = None,
        archetype: str | None = None,
        mode: Mode = "multi",
        split: str = "train",
    ) -> TaskInstance:
        if archetype is None:
            archetype = stream(seed, "archetype").choice(self.archetypes)
        return generate_instance(
            self.name,
            self.template_version,
            read_archetype(archetype),
            seed,
            difficulty=difficulty,
            knobs=cast("CitationKnobs | None", knobs),
            mode=mode,
            split=split,
        )

    def world(self, instance: TaskInstance) -> World:
        return CitationWorld(instance)

    def tour(self, instance: TaskInstance) -> tuple[ToolCall, ...]:
        return full_tour(instance)

    def oracle(self, instance: TaskInstance) -> str:
        truth = brief_truth(instance)
        return truth.written(truth.deliveries())

    def defects(self, instance: TaskInstance) -> tuple[Defect, ...]:
        return tuple(
            Defect(claim.claim_id, claim.duty, {"claim": claim.claim_id}, claim.hardness)
            for claim in brief_truth(instance).claims
        )

    def partial(self, instance: TaskInstance, repaired: frozenset[str], slip: float, rng: Random) -> str:
        truth = brief_truth(instance)
        return truth.written(attempt(truth, repaired, slip, rng))

    def requirements(self, instance: TaskInstance) -> tuple[Requirement, ...]:
        return request_requirements(brief_truth(instance).request, instance.prompt)
