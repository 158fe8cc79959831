"""What the tests of the lint share: a family of memos in which everything that can leak is set by hand."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from tasks_lib.environment import World
from tasks_lib.family import Defect, Family, Requirement
from tasks_lib.lint import Finding, GradedNames, lint
from tasks_lib.records import TaskInstance, ToolCall

DRAFT = "The depot moved nine hundred pallets in March. Costs fell by a tenth. The north gate stays shut until June."
FINISHED = DRAFT.replace(
    "Costs fell by a tenth.",
    "Costs rose by a fifth because two lorries broke down in the first week and hire was dear.",
)
GRADED = GradedNames(
    dimensions=("fact_accuracy", "style"),
    facets={"fact_accuracy": ("figures_kept", "names")},
    flags=("empty_output", "over_length"),
)


class Memo(Family):
    """A draft with one wrong sentence; everything about it stands in the truth."""

    name = "memo"
    template_version = "1"
    archetypes = ("plain",)
    operators: Mapping[str, Any] = {}
    probes: Mapping[str, Any] = {}

    def generate(self, seed: int, **chosen: Any) -> TaskInstance:
        raise NotImplementedError

    def world(self, instance: TaskInstance) -> World:
        raise NotImplementedError

    def tour(self, instance: TaskInstance) -> tuple[ToolCall, ...]:
        return ()

    def oracle(self, instance: TaskInstance) -> str:
        return str(instance.truth["finished"])

    def defects(self, instance: TaskInstance) -> tuple[Defect, ...]:
        return (Defect("w0001", "wrong_cause", {"sentence": 2}, 0.0),)

    def partial(self, instance: TaskInstance, repaired: frozenset[str], slip: float, rng: Random) -> str:
        return str(instance.truth["draft"])

    def requirements(self, instance: TaskInstance) -> tuple[Requirement, ...]:
        return tuple(Requirement(*fields) for fields in instance.truth["requirements"])


COVERED = (("facts", ("against the ledger",), ("fact_accuracy", "style", "over_length")),)


def memo(
    prompt: str = "Please set the memo right against the ledger.",
    materials: Mapping[str, str] | None = None,
    *,
    draft: str = DRAFT,
    finished: str = FINISHED,
    requirements: Sequence[Any] = COVERED,
    name: str = "memo-1",
) -> TaskInstance:
    """Build an instance whose prompt and materials are clean unless a test says otherwise."""
    return TaskInstance(
        instance_id=name, family="memo", template_version="1", archetype="plain", seed=0, knobs={}, prompt=prompt,
        materials={"memo.md": draft, "ledger.csv": "month,pallets\nMarch,900\n", **(materials or {})},
        truth={"draft": draft, "finished": finished, "requirements": requirements},
    )  # fmt: skip


def found(*instances: TaskInstance, rule: str | None = None) -> list[Finding]:
    """Lint instances of the memo family, and pick one rule."""
    findings = lint(instances, {"memo": GRADED}, {"memo": Memo()})
    return [finding for finding in findings if rule in (None, finding.rule)]


def only(findings: Sequence[Finding]) -> Finding:
    """Return the one finding there is."""
    assert len(findings) == 1, findings
    return findings[0]
