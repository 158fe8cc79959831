"""spreadsheet_clean: a messy table and a data dictionary in, one tidy comma-separated table out."""

from collections.abc import Mapping
from random import Random
from typing import cast

from pydantic import BaseModel

from tasks_lib.environment import World
from tasks_lib.family import Defect, Family, Operator, Probe, Requirement
from tasks_lib.records import Mode, TaskInstance, ToolCall
from tasks_lib.seeds import stream
from tasks_lib.spreadsheet_clean.archetypes import ARCHETYPES
from tasks_lib.spreadsheet_clean.corrupt import OPERATORS
from tasks_lib.spreadsheet_clean.environment import SpreadsheetWorld, full_tour
from tasks_lib.spreadsheet_clean.from_table import openings
from tasks_lib.spreadsheet_clean.generate import generate_instance
from tasks_lib.spreadsheet_clean.knobs import SpreadsheetKnobs
from tasks_lib.spreadsheet_clean.probes import PROBES
from tasks_lib.spreadsheet_clean.slips import with_slips
from tasks_lib.spreadsheet_clean.table import table_truth
from tasks_lib.spreadsheet_clean.wording import request_requirements


class SpreadsheetClean(Family):
    """Cleaning a table: units, dates, codes, headings, and nothing real lost."""

    name = "spreadsheet_clean"
    template_version = "1"
    knobs = SpreadsheetKnobs
    archetypes = tuple(ARCHETYPES)
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
        if archetype not in ARCHETYPES:
            raise ValueError(f"unknown archetype {archetype!r}; known archetypes: {', '.join(ARCHETYPES)}")
        return generate_instance(
            self.name,
            self.template_version,
            ARCHETYPES[archetype],
            seed,
            difficulty=difficulty,
            knobs=cast("SpreadsheetKnobs | None", knobs),
            mode=mode,
            split=split,
        )

    def world(self, instance: TaskInstance) -> World:
        return SpreadsheetWorld(instance)

    def tour(self, instance: TaskInstance) -> tuple[ToolCall, ...]:
        return full_tour(instance)

    def oracle(self, instance: TaskInstance) -> str:
        return table_truth(instance).sound.text()

    def defects(self, instance: TaskInstance) -> tuple[Defect, ...]:
        return tuple(
            Defect(defect.defect_id, defect.kind, {"row": defect.row, "column": defect.column}, defect.hardness)
            for defect in table_truth(instance).real_defects
        )

    def partial(self, instance: TaskInstance, repaired: frozenset[str], slip: float, rng: Random) -> str:
        truth = table_truth(instance)
        left = [defect.defect_id for defect in truth.real_defects if defect.defect_id not in repaired]
        return with_slips(truth, truth.render(left), slip, rng).text()

    def requirements(self, instance: TaskInstance) -> tuple[Requirement, ...]:
        known = ARCHETYPES.get(instance.archetype)
        return request_requirements(
            instance.prompt,
            known.openings if known else openings(instance.archetype),
            [column.type for column in table_truth(instance).columns],
            instance.knobs["remove_duplicates"],
        )
