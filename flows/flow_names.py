"""What flow runs and task runs are called and tagged with, so that people and limits find them."""

from collections.abc import Iterable
from uuid import UUID

from flows.few import few
from flows.plan import Chunk, RunPlan

PROJECT = "taskassay"
"""On every flow run."""


def name_of_run(plan: RunPlan) -> str:
    """Return what the flow run of a run is called: which families, who, how many, which run."""
    who = few(_who(plan)) or "oracle, ladders, probes"
    return f"evaluate {few(plan.families)}: {who}, n={_instances_per_family(plan)} ({plan.run_id})"


def tags_of(plan: RunPlan) -> set[str]:
    """Return the tags of the flow run of a run."""
    return {
        PROJECT,
        *(f"family:{name}" for name in plan.families),
        *(f"policy:{name}" for name in _who(plan)),
        *(f"judge:{name}" for name in plan.judges),
    }


def tags_of_chunk(plan: RunPlan, chunk: Chunk) -> set[str]:
    """Return the tags of the task run of a chunk: the models that are called for it, which a limit may be set on.

    A limit of Prefect's takes no tag with a slash, so that the provider is left out.
    """
    names = {*(policy.name for policy in chunk.policies), *plan.judges}
    return {f"model:{model}" for name, model in plan.called.items() if name in names}


def tag_flow_run(tags: Iterable[str]) -> None:
    """Add tags to the flow run that is under way."""
    from prefect.client.orchestration import get_client
    from prefect.runtime import flow_run

    with get_client(sync_client=True) as client:
        here = UUID(str(flow_run.id))
        client.update_flow_run(here, tags=sorted({*client.read_flow_run(here).tags, *tags}))


def _who(plan: RunPlan) -> list[str]:
    return [spec.name for spec in plan.policies if spec.kind in ("model", "simulated", "replay")]


def _instances_per_family(plan: RunPlan) -> int:
    """Return how many instances a family has; the most where they differ."""
    seen: dict[str, set[str]] = {}
    for chunk in plan.chunks:
        seen.setdefault(chunk.family, set()).update(place.instance_id for place in chunk.instances)
    return max(len(instances) for instances in seen.values())
