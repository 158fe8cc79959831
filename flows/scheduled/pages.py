"""What the page of a scheduled flow run shows of the run that it did: the summary, and the link to the report.

The flow `evaluate`, which a scheduled flow run starts, leaves both with itself; whoever opens the page of the night
should not have to look for it.
"""

from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterKey,
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
)
from prefect.client.schemas.sorting import ArtifactSort
from prefect.runtime import deployment, flow_run

from flows.report.shelf import Shelved, shelf_of
from flows.runs import Place
from flows.settings import Settings

SUMMARY = "run-summary"
"""Key under which the flow `evaluate` leaves its summary."""


def report_of(run: Place, settings: Settings) -> Shelved | None:
    """Return the report that the run has left on the shelf; None: none."""
    shelf = shelf_of(settings, deployment.name)
    return shelf.find(run.run_id) if shelf else None


def show_link(report: Shelved | None, run_id: str) -> None:
    """Leave the link to the report with this flow run, where the report is served."""
    if report is not None and report.url is not None:
        text = f"Report of run {run_id}"
        create_link_artifact(report.url, text, key=f"{flow_run.flow_name}-report", description=text)


def show_summary(key: str, run_id: str) -> None:
    """Leave the summary of the run with this flow run; nothing where the run was done by another flow run."""
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[SUMMARY])),
            flow_run_filter=FlowRunFilter(
                parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[flow_run.id]),
            ),
            sort=ArtifactSort.CREATED_DESC,
            limit=1,
        )
    if found:
        create_markdown_artifact(str(found[0].data), key=key, description=f"Summary of run {run_id}")
