"""What flow runs and task runs are called and tagged with, so that people and limits find them."""

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

import tasks_lib
from flows.plan import Chunk, RunPlan
from tasks_lib.policies.base import ModelPolicy

PROJECT = "taskassay"
"""On every flow run."""
SHOWN = 3
"""Names that stand in the name of a flow run; the rest are counted."""


def name_of_run(plan: RunPlan) -> str:
    """Return what the flow run of a run is called: which families, who, how many, which run."""
    return f"evaluate {few(plan.families)}: {few(_who(plan))}, n={_instances_per_family(plan)} ({plan.run_id})"


def tags_of(plan: RunPlan) -> set[str]:
    """Return the tags of the flow run of a run."""
    return {
        PROJECT,
        *(f"family:{name}" for name in plan.families),
        *(f"policy:{name}" for name in _who(plan)),
        *(f"judge:{name}" for name in plan.judges),
    }


def tags_of_chunk(chunk: Chunk, judges: Collection[str]) -> set[str]:
    """Return the tags of the task run of a chunk: the models that are called for it, which a limit may be set on."""
    called = [
        planned.name for planned in chunk.policies if isinstance(tasks_lib.policy(planned.name), ModelPolicy)
    ] + list(judges)
    return {f"model:{name.partition(':')[0]}" for name in called}


def tag_flow_run(tags: Iterable[str]) -> None:
    """Add tags to the flow run that is under way."""
    from prefect.client.orchestration import get_client
    from prefect.runtime import flow_run

    with get_client(sync_client=True) as client:
        client.update_flow_run(UUID(str(flow_run.id)), tags=sorted({*flow_run.tags, *tags}))


def few(names: Sequence[str]) -> str:
    """Return the first names of a list, and how many there are beside them."""
    more = f" +{len(names) - SHOWN}" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"


def _who(plan: RunPlan) -> list[str]:
    groups = [spec.name for spec in plan.policies if spec.kind in ("model", "simulated", "replay")]
    return groups or ["oracle, ladders, probes"]


def _instances_per_family(plan: RunPlan) -> int:
    """Return how many instances a family has; the most where they differ."""
    seen: dict[str, set[str]] = {}
    for chunk in plan.chunks:
        seen.setdefault(chunk.family, set()).update(place.instance_id for place in chunk.instances)
    return max(len(instances) for instances in seen.values())
