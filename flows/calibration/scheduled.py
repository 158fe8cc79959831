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

from flows.calibration.frame import FrameRequest
from flows.calibration.sample import DrawnSet, NothingToDrawError, SampleRequest, draw_set, find_set
from flows.settings import read_settings
from tasks_lib.seeds import derive
from warehouse.errors import LockedError

ARTIFACT = "calibration-sample"
STRATA_ARTIFACT = "calibration-strata"
COLUMNS = ("quality_band", "policy", "width", "n_frame", "n_sampled", "inclusion_probability", "weight")


@flow(name="calibration-sample", persist_result=False)
def calibration_sample(
    db: str,
    dimension: str,
    n: int = 50,
    family: str | None = None,
    judge: str | None = None,
    policies: list[str] | None = None,
    raters: list[str] | None = None,
    raters_per_item: int | None = None,
    share_by_all: float = 0.1,
    tail_factor: float = 2.0,
    label: str | None = None,
) -> dict[str, Any]:
    """Draw a calibration set of what came since the last one.

    Args:
        db: the warehouse file.
        dimension: quality that people are to rate.
        n: items to draw; where fewer came, all of them.
        family: kind of task, where several have the dimension.
        judge: whose verdicts band the rollouts; None: the only judge, if there is one.
        policies: only these; None: models, replays and simulated policies.
        raters: who rates; None: the items are open to anyone.
        raters_per_item: ratings of an item that is not rated by all.
        share_by_all: share of the items that all rate, 0..1.
        tail_factor: how much more of the high-quality tail is drawn, 1 and up.
        label: what tells this set from the others; None: when the flow run was to start.

    Returns:
        set_id (None where nothing came), is_new, n_items and n_frame.

    Raises:
        InputError, WarehouseError: the flow run fails; nothing was written.
    """
    name = f"{dimension}-{label or _slot()}"
    request = SampleRequest(
        frame=FrameRequest(
            dimension=dimension, family=family, policies=tuple(policies or ()), judge=judge, only_new=True
        ),
        n=n,
        seed=derive("calibration sample", name) % 2**32,
        raters=tuple(raters or ()),
        raters_per_item=raters_per_item,
        share_by_all=share_by_all,
        tail_factor=tail_factor,
        name=name,
    )
    drawn = draw_new(db, request)
    _leave_artifacts(name, drawn)
    if drawn is None:
        return {"set_id": None, "is_new": False, "n_items": 0, "n_frame": 0}
    return {
        "set_id": drawn.set_id, "is_new": drawn.is_new, "n_items": drawn.n_items, "n_frame": drawn.head["n_frame"],
    }  # fmt: skip


def _is_locked(_task: Any, _run: TaskRun, state: State[Any]) -> bool:
    return isinstance(state.result(raise_on_failure=False), LockedError)


@task(
    name="draw", retries=5, retry_delay_seconds=10, retry_condition_fn=_is_locked, cache_policy=NO_CACHE,
    persist_result=False,
)  # fmt: skip
def draw_new(db: str, request: SampleRequest) -> DrawnSet | None:
    """Draw the set unless it is there; None where there is nothing to draw. Waits for whoever has the file open."""
    assert request.name is not None
    location = read_settings(None, {"db": db}).db
    found = find_set(location, request.name)
    if found is not None:
        return found
    try:
        return draw_set(location, request)
    except NothingToDrawError as reason:
        get_run_logger().info("%s", reason)
        return None


def _slot() -> str:
    """Return when this flow run was to start: the same for every try of it."""
    return f"{flow_run.scheduled_start_time:%Y%m%d-%H%M%S}"


def _leave_artifacts(name: str, drawn: DrawnSet | None) -> None:
    if drawn is None:
        text = f"# {name}\n\nNothing to draw: no rollout came since the last set."
    else:
        rows = drawn.strata.select(COLUMNS).to_dicts()
        create_table_artifact(rows, key=STRATA_ARTIFACT, description=f"Strata of calibration set {drawn.set_id}")
        text = _markdown(drawn)
    create_markdown_artifact(text, key=ARTIFACT, description=f"Calibration set {name}")


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
