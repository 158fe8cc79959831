"""The evaluate flow: chunks -> collect and grade -> shards -> one loader -> analysis -> artifacts.

One Prefect task is one chunk. Its thread hands the chunk to the workshop, where a worker process writes the shard; what
travels back are counts. A shard that is there is a chunk that is done, so a run taken up again does the rest.
"""

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, Generic, TypeVar, cast

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.exceptions import TerminationSignal
from prefect.flow_engine import FlowRunTimeoutError
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, get_current_settings, temporary_settings
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from prefect.tasks import exponential_backoff

from flows.artifacts import Stage, create_artifacts
from flows.artifacts.changes import read_changes
from flows.chunk_tasks import Watch, work_in_threads, work_on_cluster
from flows.flow_names import name_of_run, tag_flow_run, tags_of
from flows.head_start import HeadStart
from flows.load import load_run, note_stopped
from flows.plan import Chunk, RunPlan, read_plan
from flows.pool import OverdueError, WorkersLostError
from flows.report.shelf import Shelf
from flows.summary import RunSummary, summarise
from flows.workshop import Workshop
from warehouse.errors import LockedError
from warehouse.location import Location

T = TypeVar("T")
STOPPED = (KeyboardInterrupt, TerminationSignal, FlowRunTimeoutError)
"""How a run is stopped from outside: Ctrl-C; cancelled in the UI or its machine shut down; past its time."""


def run_pipeline(
    spool: Path,
    location: Location,
    shop: Workshop | HeadStart,
    todo: Sequence[Chunk],
    workers: int,
    watch: Watch,
    *,
    cluster: str | None = None,
    shelf: Shelf | None = None,
) -> RunSummary:
    """Run what is left of a plan as one Prefect flow.

    Args:
        spool: folder of the run.
        location: the warehouse.
        shop: where chunks are worked on; it may have begun.
        todo: the chunks that were left when the run was taken up. Each becomes a task, finished by now or not.
        workers: chunks that are under way at once.
        watch: is told of every finished chunk.
        cluster: address of the Dask cluster that the workshop uses; None: it uses none.
        shelf: where the report goes; None: none is written.
    """
    plan = read_plan(spool)

    def work_and_load() -> RunSummary:
        """Work on the chunks that are left, load, analyse."""
        try:
            tag_flow_run(tags_of(plan))
            _say_plan(plan, todo)
            if cluster is None:
                work_in_threads(plan, todo, shop, watch)
            else:
                work_on_cluster(plan, todo, shop, workers, watch)
        except (OverdueError, WorkersLostError):
            shop.close()
            raise
        except STOPPED:
            with _deaf_to_termination():
                # The threads wait for the workshop, and Prefect waits for the threads.
                shop.close()
                note_stopped(location, plan)
            raise
        load(spool, location)
        return analyse(spool, location, shelf)

    # A flow that runs tasks on a cluster travels there with each of them; what it does here stays here.
    here = _Here(work_and_load)

    @flow(
        name="evaluate",
        flow_run_name=name_of_run(plan),
        task_runner=_task_runner(workers, cluster),
        persist_result=False,
        validate_parameters=False,
    )
    def evaluate(run_id: str, db: str, n_rollouts: int) -> Any:
        """Work on the chunks that are left, load, analyse."""
        return here.content()

    with _without_heartbeats():
        return cast(RunSummary, evaluate(plan.run_id, str(location), plan.n_rollouts))


@contextmanager
def _without_heartbeats() -> Iterator[None]:
    """Leave out the heartbeats of the flow run, unless somebody asked for them.

    At its end a flow waits up to a second for the thread that sends them. Whoever started a run by hand sees it end,
    and a deployment's flow, within which others run, has a heart of its own.
    """
    is_asked_for = "heartbeat_frequency" in get_current_settings().flows.model_fields_set
    with temporary_settings({} if is_asked_for else {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield


@contextmanager
def _deaf_to_termination() -> Iterator[None]:
    """See to the end of a run undisturbed: whoever ends it may say so twice, and within a moment it does end."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are for the main thread
        return
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _task_runner(workers: int, cluster: str | None) -> TaskRunner[Any]:
    if cluster is None:
        return ThreadPoolTaskRunner(max_workers=workers)
    from flows.dask_runner import ClusterRunner

    return ClusterRunner(address=cluster)


def _say_plan(plan: RunPlan, todo: Sequence[Chunk]) -> None:
    done = len(plan.chunks) - len(todo)
    text = f"{len(plan.chunks):,} chunks, {plan.n_rollouts:,} rollouts planned, {done:,} chunks done already"
    get_run_logger().info("plan: %s; run %s", text, plan.run_id)
    Stage("plan", f"Run {plan.run_id}: {text}").advance()


class _Here(Generic[T]):
    """Holds something that stays in this process: whoever unpacks it elsewhere finds nothing in it."""

    def __init__(self, content: T) -> None:
        self.content = content

    def __reduce__(self) -> tuple[type["_Here[None]"], tuple[None]]:
        return _Here, (None,)


def _is_locked(_task: Any, _run: TaskRun, state: State[Any]) -> bool:
    return isinstance(state.result(raise_on_failure=False), LockedError)


@task(
    name="load",
    retries=3,
    retry_delay_seconds=exponential_backoff(1),
    retry_jitter_factor=0.5,
    retry_condition_fn=_is_locked,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def load(spool: Path, db: Location) -> dict[str, int]:
    """Merge all shards into the warehouse in one transaction."""
    started, plan = perf_counter(), read_plan(spool)
    bar = Stage("load", f"Run {plan.run_id}: shards into the warehouse")
    added = load_run(db, spool, plan)
    bar.advance()
    rows = ", ".join(f"{n:,} {table}" for table, n in added.items())
    get_run_logger().info("load: rows added: %s; %.1f s", rows or "none", perf_counter() - started)
    return added


@task(name="analyse", cache_policy=NO_CACHE, persist_result=False)
def analyse(spool: Path, db: Location, shelf: Shelf | None = None) -> RunSummary:
    """Ask the warehouse what the run says, write its report, and leave both as artifacts."""
    started, plan, log = perf_counter(), read_plan(spool), get_run_logger()
    bar = Stage("analyse", f"Run {plan.run_id}: verdicts, changes, report", total=3)
    summary = summarise(db, plan.run_id)
    bar.advance()
    changes = read_changes(db, plan.run_id)
    bar.advance()
    report = shelf.put(db, plan.run_id) if shelf else None
    create_artifacts(plan, summary, changes, report)
    bar.advance()
    log.info("analyse: %.1f s", perf_counter() - started)
    for sentence in changes.regressed():
        log.warning("since run %s: %s", changes.previous, sentence)
    counts = summary.counts
    log.info(
        "run %s: %s rollouts, %s lost, verdicts %s; report: %s",
        plan.run_id, f"{counts['rollouts']:,}", f"{counts['errors']:,}", summary.verdict_totals(),
        (report.url or report.path) if report else f"assay report {plan.run_id}",
    )  # fmt: skip
    return summary
