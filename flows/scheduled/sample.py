"""The flow `calibration-sample`: what came since the last set is drawn from, so that people always have some to rate.

Each set is drawn only from rollouts that no earlier set of the dimension could have drawn: the frames of the sets are
parts of all rollouts, and their weights add up to how many there are. A flow run that is repeated, by a retry or by
hand, finds the set that it drew and draws no second one.
"""

from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.runtime import flow_run
from prefect.tasks import exponential_backoff

from flows.calibration.frame import FrameRequest
from flows.calibration.sample import DrawnSet, NothingToDrawError, SampleRequest, draw_set, find_set
from flows.flow_names import PROJECT, tag_flow_run
from flows.scheduled.flow_runs import moment_of_flow_run, told_in_words
from flows.scheduled.parameters import Db, Sample, warehouse_of
from tasks_lib.seeds import derive
from warehouse.errors import LockedError
from warehouse.location import Location

NAME = "calibration-sample"
SECONDS = 3600
STRATA_ARTIFACT = "calibration-strata"
COLUMNS = ("quality_band", "policy", "width", "n_frame", "n_sampled", "inclusion_probability", "weight")


def _name() -> str:
    asked = Sample.model_validate(flow_run.parameters["sample"])
    return f"{NAME} {asked.dimension}: n={asked.n}"


@flow(
    name=NAME, flow_run_name=_name, timeout_seconds=SECONDS, persist_result=True, result_serializer="json",
)  # fmt: skip
@told_in_words
def calibration_sample(sample: Sample, db: Db = None) -> dict[str, Any] | State[Any]:
    """Draw a calibration set of what came since the last one.

    Args:
        sample: What people are given to rate.
        db: The warehouse; empty: ASSAY_DB of the machine that does the work.

    Returns:
        set_id (None where nothing came), is_new, n_items and n_frame.
    """
    tag_flow_run([PROJECT, f"dimension:{sample.dimension}"])
    name = f"{sample.dimension}-{sample.label or moment_of_flow_run()}"
    request = SampleRequest(
        frame=FrameRequest(
            dimension=sample.dimension, family=sample.family, policies=tuple(sample.policies), judge=sample.judge,
            only_new=True,
        ),
        n=sample.n,
        seed=derive("calibration sample", name) % 2**32,
        raters=tuple(sample.raters),
        raters_per_item=sample.raters_per_item,
        share_by_all=sample.share_by_all,
        tail_factor=sample.tail_factor,
        name=name,
    )  # fmt: skip
    drawn = draw_new(warehouse_of(db), request)
    _leave_artifacts(name, drawn)
    if drawn is None:
        return {"set_id": None, "is_new": False, "n_items": 0, "n_frame": 0}
    return {
        "set_id": drawn.set_id, "is_new": drawn.is_new, "n_items": drawn.n_items, "n_frame": drawn.head["n_frame"],
    }  # fmt: skip


def _is_locked(_task: Any, _run: TaskRun, state: State[Any]) -> bool:
    return isinstance(state.result(raise_on_failure=False), LockedError)


@task(
    name="draw", retries=5, retry_delay_seconds=exponential_backoff(2), retry_jitter_factor=0.5,
    retry_condition_fn=_is_locked, cache_policy=NO_CACHE, persist_result=False,
)  # fmt: skip
def draw_new(db: Location, request: SampleRequest) -> DrawnSet | None:
    """Draw the set unless it is there; None where there is nothing to draw. Waits for whoever has the file open."""
    assert request.name is not None
    found = find_set(db, request.name)
    if found is not None:
        return found
    try:
        return draw_set(db, request)
    except NothingToDrawError as reason:
        get_run_logger().info("%s", reason)
        return None


def _leave_artifacts(name: str, drawn: DrawnSet | None) -> None:
    if drawn is None:
        text = f"# {name}\n\nNothing to draw: no rollout came since the last set."
    else:
        rows = drawn.strata.select(COLUMNS).to_dicts()
        create_table_artifact(rows, key=STRATA_ARTIFACT, description=f"Strata of calibration set {drawn.set_id}")
        text = _markdown(drawn)
    create_markdown_artifact(text, key=NAME, description=f"Calibration set {name}")


def _markdown(drawn: DrawnSet) -> str:
    head = drawn.head
    dealt = ", ".join(f"{rater} {n:,}" for rater, n in drawn.assigned.items()) or "open to anyone"
    return "\n".join(
        [
            f"# {drawn.set_id}",
            "",
            f"{drawn.n_items:,} of {head['n_frame']:,} rollouts of {head['family']} to rate on {head['dimension']}; "
            f"{dealt}.",
            "",
            "| band | policy | left open | rollouts | drawn | weight |",
            "|---|---|---|---:|---:|---:|",
            *(
                f"| {row['quality_band']} | {row['policy'] or 'several'} | {row['width'] or 'several'} | "
                f"{row['n_frame']:,} | {row['n_sampled']:,} | {_number(row['weight'])} |"
                for row in drawn.strata.iter_rows(named=True)
            ),
        ]
    )


def _number(weight: float | None) -> str:
    return "-" if weight is None else f"{weight:.2f}"
