"""A run in a page of Markdown: what changed since the last one first, then what it was, counted, spent and found."""

from collections.abc import Sequence

from flows.artifacts.changes import Changes
from flows.artifacts.markdown import plain, rows
from flows.plan import RunPlan
from flows.summary import RunSummary

MOST_SENTENCES = 12
"""Of each kind; the rest is counted."""


def as_markdown(plan: RunPlan, summary: RunSummary, changes: Changes, where: str) -> str:
    """Put a run into words.

    Args:
        plan: what was to be done.
        summary: what came of it.
        changes: what is otherwise than in the previous run.
        where: a line, in Markdown, about where the report is.
    """
    lines = [
        f"# Run {plain(plan.run_id)}",
        "",
        *(f"**{plain_mark(mark)}**\n" for mark in summary.trust.marks),
        *_changed(changes),
        *_needs_a_person(summary, changes),
        "## What it was",
        "",
        _totals(plan, summary),
        "",
        *_spent(plan, summary),
        where,
        "",
        *rows(("verdict", "groups"), list(summary.verdict_totals().items())),
        "",
        *_probes(summary),
        *(f"{plain_mark(note)}\n" for note in summary.trust.notes),
    ]
    return "\n".join(lines)


def plain_mark(mark: str) -> str:
    """Return a sentence of ours with names in it, whole: marks of trust must be read to their end."""
    return " ".join(plain(word) for word in mark.split())


def _changed(changes: Changes) -> list[str]:
    series = f"deployment {plain(changes.deployment)}" if changes.deployment else "this configuration"
    if changes.previous is None:
        return [f"The first completed run of {series}: there is nothing to compare it with.", ""]
    found = changes.sentences()
    head = [f"## Since run {plain(changes.previous)} of {series}", ""]
    if not found:
        return [*head, "No change that the instances of both runs prove.", ""]
    return [*head, *_listed(found, f"from grader_change where run_id = '{changes.run_id}'"), ""]


def _needs_a_person(summary: RunSummary, changes: Changes) -> list[str]:
    missing = summary.unmeasured()
    found = [plain_mark(breach) for breach in summary.breaches() if breach not in missing]
    if summary.counts["errors"]:
        found.append(
            f"{summary.counts['errors']:,} of {summary.counts['rollouts']:,} rollouts were lost to errors; the causes "
            "are in column `error` of table `rollout`, of graders in `reason` of `score`"
        )
    if not found:
        return []
    return ["## What needs a person", "", *_listed(found, f"assay report {changes.run_id}"), ""]


def _totals(plan: RunPlan, summary: RunSummary) -> str:
    counts = summary.counts
    families = ", ".join(plain(name) for name in plan.families)
    return (
        f"{counts['rollouts']:,} rollouts of {len(plan.policies):,} policies on {counts['instances']:,} instances of "
        f"{families}; {counts['errors']:,} lost to errors."
    )


def _spent(plan: RunPlan, summary: RunSummary) -> list[str]:
    if not plan.calls_models:
        return []
    unpriced = f", {summary.spend['n_unpriced']:,} calls without a known price" if summary.spend["n_unpriced"] else ""
    return [f"Spent on models and judges: {summary.spend['known_usd']:.4f} US dollars{unpriced}.", ""]


def _probes(summary: RunSummary) -> list[str]:
    if not summary.probes.height:
        return ["No probes took part.", ""]
    held = summary.probes.filter(summary.probes["holds"].fill_null(False)).height
    return [f"Probes that are not paid: {held:,} of {summary.probes.height:,}.", ""]


def _listed(sentences: Sequence[str], more: str) -> list[str]:
    left = len(sentences) - MOST_SENTENCES
    rest = [f"- {left:,} more: `{more}`"] if left > 0 else []
    return [*(f"- {sentence}" for sentence in sentences[:MOST_SENTENCES]), *rest]
