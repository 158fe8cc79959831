"""Artifacts of a run: what its page in the Prefect UI shows. Keys are lower case with dashes."""

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from flows.plan import RunPlan
from flows.summary import RunSummary


def create_artifacts(plan: RunPlan, summary: RunSummary) -> None:
    """Leave the verdicts, the probes and a summary with the flow run."""
    marks = "".join(f"; {mark}" for mark in summary.trust.marks)
    create_table_artifact(
        summary.verdicts.to_dicts(), key="verdicts", description=f"Groups by verdict, run {plan.run_id}{marks}"
    )
    create_table_artifact(
        summary.probes.to_dicts(),
        key="probes",
        description=f"What probes earn against the floor, run {plan.run_id}{marks}",
    )
    if summary.judges.height:
        create_table_artifact(
            summary.judges.to_dicts(), key="judges", description=f"What judges were asked, run {plan.run_id}"
        )
    create_markdown_artifact(_markdown(plan, summary), key="run-summary", description=f"Run {plan.run_id}{marks}")


def _markdown(plan: RunPlan, summary: RunSummary) -> str:
    counts = summary.counts
    held = summary.probes.filter(summary.probes["holds"]).height if summary.probes.height else 0
    lines = [
        f"# Run {plan.run_id}",
        "",
        *(f"**{mark}**\n" for mark in summary.trust.marks),
        *(f"{note}\n" for note in summary.trust.notes),
        f"{counts['rollouts']:,} rollouts of {len(plan.policies)} policies on {counts['instances']:,} instances of "
        f"{', '.join(plan.families)}; {counts['errors']:,} lost to errors.",
        "",
        "| verdict | groups |",
        "|---|---:|",
        *(f"| {name} | {n} |" for name, n in summary.verdict_totals().items()),
        "",
        f"Probes that are not paid: {held} of {summary.probes.height}.",
    ]
    return "\n".join(lines)
