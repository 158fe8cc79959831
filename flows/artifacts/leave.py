"""Leaving the artifacts of a run with Prefect."""

from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from flows.artifacts.changes import Changes
from flows.artifacts.markdown import plain
from flows.artifacts.summary import as_markdown, plain_mark
from flows.artifacts.tables import table
from flows.plan import RunPlan
from flows.report.shelf import Shelved
from flows.summary import RunSummary


def create_artifacts(plan: RunPlan, summary: RunSummary, changes: Changes, report: Shelved | None = None) -> None:
    """Leave the verdicts, the probes, the judges, a summary and a link to the report with the flow run.

    Args:
        plan: what was to be done.
        summary: what came of it.
        changes: what is otherwise than in the previous run.
        report: where the report lies; None: none was written.
    """
    run = f"run {plain(plan.run_id)}"
    marks = "".join(f"; {plain_mark(mark)}" for mark in summary.trust.marks)
    of_run = f"where run_id = '{plan.run_id}'"
    create_table_artifact(
        table(summary.verdicts, f'assay sql "from task_verdict {of_run}"'),
        key="verdicts",
        description=f"Groups by verdict, {run}{marks}",
    )
    create_table_artifact(
        table(summary.probes, f'assay sql "from probe_floor {of_run}"'),
        key="probes",
        description=f"What probes earn against the floor, {run}{marks}",
    )
    if summary.judges.height:
        create_table_artifact(
            table(summary.judges, f'assay sql "from spend {of_run}"'),
            key="judges",
            description=f"What judges were asked, {run}{marks}",
        )
    if report is not None and report.url is not None:
        create_link_artifact(report.url, f"Report of run {plan.run_id}", key="report", description=f"Report of {run}")
    page = as_markdown(plan, summary, changes, _where(plan, report))
    create_markdown_artifact(page, key="run-summary", description=f"Summary of {run}{marks}")


def _where(plan: RunPlan, report: Shelved | None) -> str:
    if report is None:
        return f"Report: `assay report {plan.run_id}` writes it."
    if report.url is None:
        return f"Report: {plain(report.path.name)} in the folder of reports; with `reports_url` set this is a link."
    return f"[Report](<{report.url}>)"
