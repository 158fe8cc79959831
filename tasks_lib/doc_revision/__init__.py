"""doc_revision: a draft with seeded problems and the papers it must agree with in, the finished document out."""

from collections.abc import Mapping
from random import Random
from typing import cast

from pydantic import BaseModel

from tasks_lib.doc_revision.archetype import archetype as read_archetype
from tasks_lib.doc_revision.archetype import archetype_names
from tasks_lib.doc_revision.corrupt import OPERATORS
from tasks_lib.doc_revision.environment import RevisionWorld, full_tour
from tasks_lib.doc_revision.generate import generate_instance
from tasks_lib.doc_revision.knobs import DocumentKnobs
from tasks_lib.doc_revision.probes import PROBES
from tasks_lib.doc_revision.slips import with_slips
from tasks_lib.doc_revision.truth import document_truth
from tasks_lib.doc_revision.wording import request_requirements
from tasks_lib.environment import World
from tasks_lib.family import Defect, Family, Operator, Probe, Requirement
from tasks_lib.records import Mode, TaskInstance, ToolCall
from tasks_lib.seeds import stream


class DocRevision(Family):
    """Revising a document: right figures, active voice, one name for one thing, nothing lost, nothing invented."""

    name = "doc_revision"
    template_version = "1"
    knobs = DocumentKnobs
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
            knobs=cast("DocumentKnobs | None", knobs),
            mode=mode,
            split=split,
        )

    def world(self, instance: TaskInstance) -> World:
        return RevisionWorld(instance)

    def tour(self, instance: TaskInstance) -> tuple[ToolCall, ...]:
        return full_tour(instance)

    def oracle(self, instance: TaskInstance) -> str:
        return document_truth(instance).render()

    def defects(self, instance: TaskInstance) -> tuple[Defect, ...]:
        return tuple(
            Defect(problem.problem_id, problem.kind, {"statement": problem.statement}, problem.hardness)
            for problem in document_truth(instance).problems
        )

    def partial(self, instance: TaskInstance, repaired: frozenset[str], slip: float, rng: Random) -> str:
        truth = document_truth(instance)
        left = [problem.problem_id for problem in truth.problems if problem.problem_id not in repaired]
        return truth.written(with_slips(truth, truth.pieces(left), slip, rng))

    def requirements(self, instance: TaskInstance) -> tuple[Requirement, ...]:
        return request_requirements(document_truth(instance).request, instance.prompt)
