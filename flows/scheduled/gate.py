"""The flow `promotion-gate`: may a candidate take the place of a base? It ends in the state `Promote` or `Hold`."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from flows.artifacts.markdown import rows
from flows.artifacts.summary import plain_mark
from flows.errors import InputError
from flows.flow_names import PROJECT, tag_flow_run
from flows.gate.conditions import read_conditions
from flows.gate.decision import Outcome, Verdict, decide
from flows.gate.evidence import runs_compared
from flows.places import is_there
from flows.scheduled.flow_runs import told_in_words, unlocked
from flows.scheduled.parameters import Candidate, Db, warehouse_of
from flows.trust import told
from warehouse import Warehouse

NAME = "promotion-gate"
SECONDS = 3600
PROMOTE, HOLD = "Promote", "Hold"
"""Names of the states that a gate ends in; both of the type Completed: the question was answered."""
HOLDS = {True: "yes", False: "NO", None: "unknown"}


def _name() -> str:
    candidate = Candidate.model_validate(flow_run.parameters["candidate"])
    return f"{NAME} {candidate.candidate} against {candidate.base}"


@flow(
    name=NAME, flow_run_name=_name, timeout_seconds=SECONDS, persist_result=True, result_serializer="json",
)  # fmt: skip
@told_in_words
def promotion_gate(candidate: Candidate, db: Db = None) -> State[Any]:
    """Decide whether a candidate may take the place of a base. What cannot be measured holds it: it is never a pass.

    Args:
        candidate: Who would take whose place, and by which conditions.
        db: The warehouse; empty: ASSAY_DB of the machine that does the work.

    Returns:
        The state Promote or Hold, with verdict, sentence, marks and conditions.
    """
    conditions = read_conditions(Path(candidate.conditions) if candidate.conditions else None)
    location = warehouse_of(db)
    if not unlocked(lambda: is_there(location)):
        raise InputError(f"{location}: there is no warehouse; run nightly-evaluation first, or name another")
    with unlocked(lambda: Warehouse.open(location, read_only=True)) as warehouse:
        verdict = decide(
            warehouse, candidate.base, candidate.candidate, conditions,
            family=candidate.family, split=candidate.split, runs=candidate.runs,
        )  # fmt: skip
        compared = runs_compared(warehouse, verdict.base, verdict.candidate, verdict.family, candidate.runs)
        marks = told(warehouse, compared).marks
    _leave_artifacts(verdict, marks)
    name = PROMOTE if verdict.promote else HOLD
    tag_flow_run([PROJECT, f"gate:{name.lower()}"])
    get_run_logger().info("%s", verdict.sentence)
    answer = {
        "verdict": name.lower(),
        "sentence": verdict.sentence,
        "marks": list(marks),
        "conditions": [asdict(outcome) for outcome in verdict.outcomes],
    }
    return Completed(name=name, message=verdict.sentence, data=answer)


def _leave_artifacts(verdict: Verdict, marks: tuple[str, ...]) -> None:
    said = "".join(f"; {mark}" for mark in marks)
    create_table_artifact(
        [_row(outcome) for outcome in verdict.outcomes], key="gate-conditions",
        description=f"{verdict.candidate} against {verdict.base}{said}",
    )  # fmt: skip
    create_markdown_artifact(_markdown(verdict, marks), key=NAME, description=verdict.sentence)


def _markdown(verdict: Verdict, marks: tuple[str, ...]) -> str:
    """Put the decision into words: the sentence, what has to be said about judges, and each condition."""
    told_of = [
        (HOLDS[outcome.holds], outcome.name, outcome.needed, _figure(outcome.base), _figure(outcome.candidate),
         outcome.detail)
        for outcome in verdict.outcomes
    ]  # fmt: skip
    return "\n".join(
        [
            f"# {plain_mark(verdict.sentence)}",
            "",
            *(f"**{plain_mark(mark)}**\n" for mark in marks),
            *rows(("holds", "condition", "needed", "base", "candidate", "remark"), list(told_of)),
        ]
    )


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _row(outcome: Outcome) -> dict[str, Any]:
    return {
        "condition": outcome.name, "base": outcome.base, "candidate": outcome.candidate, "needed": outcome.needed,
        "holds": HOLDS[outcome.holds], "low": outcome.low, "high": outcome.high, "instances": outcome.n_instances,
        "to decide": outcome.n_to_decide, "remark": outcome.detail,
    }  # fmt: skip
