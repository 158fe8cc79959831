"""The flow `nightly-evaluation`: instances, rollouts, grades, warehouse, report, with nobody watching."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from flows.few import few
from flows.scheduled.flow_runs import assay, moment_of_flow_run, told_in_words
from flows.scheduled.pages import report_of, show_link, show_summary
from flows.scheduled.parameters import Attempts, Judging, Limits, Machines, Place, Tasks, settings_of
from tasks_lib.seeds import derive

NAME = "nightly-evaluation"
SECONDS = 24 * 3600
"""A run that takes longer is stopped, and can be taken up again: the next night has its own."""


def _name() -> str:
    said = flow_run.parameters
    if said.get("resume"):
        return f"{NAME} goes on with {said['resume']}"
    tasks, attempts = Tasks.model_validate(said["tasks"]), Attempts.model_validate(said["attempts"])
    who = few([*attempts.policies, *attempts.span]) or "oracle, ladders, probes"
    return f"{NAME} {few(tasks.families) or 'all families'}: {who}, n={tasks.n} x {attempts.group}"


@flow(
    name=NAME, flow_run_name=_name, timeout_seconds=SECONDS, persist_result=True, result_serializer="json",
)  # fmt: skip
@told_in_words
def nightly_evaluation(
    tasks: Tasks = Tasks(),  # noqa: B008 - frozen
    attempts: Attempts = Attempts(),  # noqa: B008 - frozen
    judging: Judging = Judging(),  # noqa: B008 - frozen
    limits: Limits = Limits(),  # noqa: B008 - frozen
    place: Place = Place(),  # noqa: B008 - frozen
    machines: Machines = Machines(),  # noqa: B008 - frozen
    resume: str | None = None,
) -> dict[str, Any] | State[Any]:
    """Let policies attempt instances, grade what they leave, load it, and write the report.

    A retry of this flow run goes on with the run that it began; every finished chunk is kept.

    Args:
        tasks: What is attempted.
        attempts: Who attempts it, and how often.
        judging: Who judges what code leaves open.
        limits: How models are called, and what that may cost.
        place: Where it is kept, and in what portions it is worked on.
        machines: Which processes and machines do the work.
        resume: A run that broke off, to go on with instead of beginning one; then only limits, place and
            machines count.

    Returns:
        run_id, db, counts, verdicts (verdict -> groups), breaches (how many things do not hold) and report (a file, or
        None).
    """
    seed = _seed_of_its_own() if tasks.seed is None else tasks.seed
    settings = settings_of((tasks, attempts, judging, limits, place, machines), seed=seed)
    run, summary = assay(settings, resume, limits.tries)
    report = report_of(run, settings)
    show_summary(NAME, run.run_id)
    show_link(report, run.run_id)
    return {
        "run_id": run.run_id,
        "db": str(run.db),
        "counts": {name: summary.counts[name] for name in ("rollouts", "instances", "errors")},
        "verdicts": summary.verdict_totals(),
        "breaches": len(summary.breaches()) if attempts.audit else None,
        "report": str(report.path.resolve()) if report else None,
    }


def _seed_of_its_own() -> int:
    """Return a seed of this flow run's own: the same for every try of it."""
    return derive("nightly evaluation", moment_of_flow_run()) % 2**32
