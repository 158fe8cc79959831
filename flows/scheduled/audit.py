"""The flow `grader-audit`: oracle, ladders and probes only. What does not hold ends it in the state `Breached`.

With `only_if_changed` it looks first whether any grader is another than at the last audit, which takes a moment: run
often, it audits soon after a rubric or a grader has changed, and does nothing otherwise.
"""

import json
from typing import Any

import polars as pl
from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

import tasks_lib
from flows.artifacts.markdown import plain, rows
from flows.artifacts.summary import plain_mark
from flows.few import few
from flows.flow_names import PROJECT, tag_flow_run
from flows.places import is_there
from flows.pool import import_plugins
from flows.scheduled.flow_runs import assay, told_in_words, unlocked
from flows.scheduled.pages import report_of, show_link
from flows.scheduled.parameters import Audited, AuditJudging, Limits, Machines, Place, settings_of
from flows.settings import Settings
from flows.summary import RunSummary
from graders.grading import grader
from graders.judge.judge import judge
from warehouse import Warehouse

NAME = "grader-audit"
SECONDS = 24 * 3600
BREACHED = "Breached"
"""Name of the state of an audit that found something; of the type Failed."""
UNCHANGED = "Unchanged"
"""Name of the state of an audit that had nothing to do."""
EQUAL = 1e-9
"""Two rewards closer than this are equal."""
SHOWN_BREACHES = 3
"""Breaches that the message of the state names; all are in the artifact."""

# What graded the latest completed run of every family in which its oracle took part.
LAST_AUDITED = """
    with audited as (
        select run.run_id, run.started_at, run.config, instance.family, instance.template_version, rollout.rollout_id
        from run
        join rollout using (run_id)
        join instance using (instance_id)
        join policy using (policy_id)
        where run.status = 'completed' and policy.kind = 'oracle'
        qualify run.started_at = max(run.started_at) over (partition by instance.family)
    )
    select distinct
        audited.family,
        audited.template_version,
        composite.rubric_id,
        score.grader_version,
        cast(audited.config -> 'judges' as varchar) as judges
    from audited
    join composite using (rollout_id)
    join score using (rollout_id)
    where score.source = 'deterministic'
"""


def _name() -> str:
    said = flow_run.parameters
    if said.get("resume"):
        return f"{NAME} goes on with {said['resume']}"
    audited = Audited.model_validate(said["audited"])
    changed = ", if changed" if said.get("only_if_changed") else ""
    return f"{NAME} {few(audited.families) or 'all families'}: n={audited.n}{changed}"


@flow(
    name=NAME, flow_run_name=_name, timeout_seconds=SECONDS, persist_result=True, result_serializer="json",
)  # fmt: skip
@told_in_words
def grader_audit(
    audited: Audited = Audited(),  # noqa: B008 - frozen
    judging: AuditJudging = AuditJudging(),  # noqa: B008 - frozen
    limits: Limits = Limits(),  # noqa: B008 - frozen
    place: Place = Place(),  # noqa: B008 - frozen
    machines: Machines = Machines(),  # noqa: B008 - frozen
    only_if_changed: bool = False,
    resume: str | None = None,
) -> dict[str, Any] | State[Any]:
    """Report on the graders. Ends in the state Breached when something does not hold, else Completed or Unchanged.

    Args:
        audited: Which graders, and on what.
        judging: Judges to audit as well.
        limits: How models are called, and what that may cost.
        place: Where it is kept, and in what portions it is worked on.
        machines: Which processes and machines do the work.
        only_if_changed: Do nothing where graders, rubrics and tasks are those of the last audit in the warehouse.
        resume: An audit that broke off, to go on with instead of beginning one.

    Returns:
        run_id (None where nothing was done), changed (families), breaches (all of them) and counts.
    """
    settings = settings_of((audited, judging, limits, place, machines), audit=True, policies=(), span=())
    settings = settings.model_copy(update={"weak": None, "strong": None})
    changed = unlocked(lambda: changed_families(settings))
    tag_flow_run([PROJECT, *(f"changed:{name}" for name in changed)])
    if only_if_changed and resume is None:
        if not changed:
            get_run_logger().info("every grader is the one of the last audit; nothing to do")
            nothing: dict[str, Any] = {"run_id": None, "changed": [], "breaches": [], "counts": {}}
            return Completed(name=UNCHANGED, message="every grader is the one of the last audit", data=nothing)
        settings = settings.model_copy(update={"families": tuple(changed)})
        get_run_logger().info("changed since the last audit: %s", ", ".join(changed))
    run, summary = assay(settings, resume, limits.tries)
    breaches = summary.breaches()
    create_markdown_artifact(as_markdown(summary, breaches), key=NAME, description=f"Audit {run.run_id}")
    show_link(report_of(run, settings), run.run_id)
    answer = {
        "run_id": run.run_id,
        "changed": changed,
        "breaches": breaches,
        "counts": {name: summary.counts[name] for name in ("rollouts", "instances", "errors")},
    }
    if not breaches:
        return answer
    for breach in breaches:
        get_run_logger().error("%s", breach)
    return Failed(name=BREACHED, message=_told(breaches), data=answer)


def changed_families(settings: Settings) -> list[str]:
    """Return the families whose grader, rubric, tasks or judges are others than at their last audit, or had none.

    Raises:
        LookupError: a family or its grader is not registered.
    """
    import_plugins(settings.plugins)
    names = settings.families or tuple(sorted(tasks_lib.families()))
    judged = [judge(name).grader_id for name in settings.judges]
    present = {
        name: (tasks_lib.family(name).template_version, grader(name).rubric.rubric_id, grader(name).version, judged)
        for name in names
    }
    last = _last_audited(settings)
    return [name for name in names if last.get(name) != present[name]]


def _last_audited(settings: Settings) -> dict[str, tuple[str, str, str, list[str]]]:
    """Return what graded the last audit of every family; one that was graded by several counts as none."""
    if not is_there(settings.db):
        return {}
    with Warehouse.open(settings.db, read_only=True) as warehouse:
        rows = warehouse.sql(LAST_AUDITED).rows()
    families = [row[0] for row in rows]
    return {
        family: (template_version, rubric_id, version, [judge(name).grader_id for name in json.loads(judges or "[]")])
        for family, template_version, rubric_id, version, judges in rows
        if families.count(family) == 1
    }


def _told(breaches: list[str]) -> str:
    few_of_them = "; ".join(breaches[:SHOWN_BREACHES])
    more = f"; and {len(breaches) - SHOWN_BREACHES} more" if len(breaches) > SHOWN_BREACHES else ""
    what = "1 thing does not hold" if len(breaches) == 1 else f"{len(breaches)} things do not hold"
    return f"{what}: {few_of_them}{more}"


def as_markdown(summary: RunSummary, breaches: list[str]) -> str:
    """Put an audit into words: all that does not hold, then how much of what was looked at holds."""
    broken = [f"- {plain_mark(breach)}" for breach in breaches] or ["Nothing."]
    held = rows(("family", "what was looked at", "holds", "of"), _looked_at(summary))
    lines = [f"# Audit {plain(summary.run_id)}", "", "## What does not hold", "", *broken, ""]
    lines += ["## What was looked at", "", *held, ""]
    return "\n".join([*lines, "What a grader declares as a known limit counts as not held here, and not at all above."])


def _looked_at(summary: RunSummary) -> list[tuple[object, ...]]:
    """Return family, what, how many of them hold, how many there are."""
    expected = summary.confusion.filter(pl.col("agrees").is_not_null())
    ladders = summary.monotonicity.filter(pl.col("n_pairs") > 0)
    found: list[tuple[object, ...]] = [
        (family, "oracle earns 1", int(reward >= 1 - EQUAL), 1) for family, _, reward in summary.oracle.iter_rows()
    ]
    for what, frame, holds in (
        ("probes are not paid", summary.probes, pl.col("holds").fill_null(value=False)),
        ("damage moves what it should", expected, pl.col("agrees")),
        ("worse never scores higher", ladders, pl.col("n_violations") == 0),
    ):
        counted = frame.group_by("family").agg(held=holds.sum(), n=pl.len())
        found += [(family, what, held, n) for family, held, n in counted.iter_rows()]
    return sorted(found, key=lambda row: str(row[0]))
