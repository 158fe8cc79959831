"""The evaluate flow: chunks -> collect and grade -> shards -> one loader -> analysis -> artifacts.

One Prefect task is one chunk. Its thread hands the chunk to the workshop, where a worker process writes the shard; what
travels back are counts. A shard that is there is a chunk that is done, so a run taken up again does the rest.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextvars import copy_context
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar, cast
from uuid import UUID

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.exceptions import TerminationSignal
from prefect.flow_engine import FlowRunTimeoutError
from prefect.futures import PrefectConcurrentFuture, PrefectFuture
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from prefect.tasks import exponential_backoff

from flows.artifacts import create_artifacts
from flows.chunks import ChunkDone
from flows.flow_names import name_of_run, tag_flow_run, tags_of, tags_of_chunk
from flows.head_start import HeadStart
from flows.load import load_run, note_stopped
from flows.plan import Chunk, RunPlan, read_plan
from flows.pool import OverdueError, WorkersLostError
from flows.summary import RunSummary, summarise
from flows.waiting import as_done
from flows.workshop import Workshop
from tasks_lib.models.failures import RunStoppedError
from warehouse.errors import LockedError
from warehouse.location import Location

P = ParamSpec("P")
T = TypeVar("T")
STOPPED = (KeyboardInterrupt, TerminationSignal, FlowRunTimeoutError)
"""How a run is stopped from outside: Ctrl-C; cancelled in the UI or its machine shut down; past its time."""
Watch = Callable[[ChunkDone], None]
"""Is told of every finished chunk."""


def run_pipeline(
    spool: Path,
    location: Location,
    shop: Workshop | HeadStart,
    todo: Sequence[Chunk],
    workers: int,
    watch: Watch,
    cluster: str | None = None,
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
    """
    plan = read_plan(spool)

    def work_and_load(n_rollouts: int) -> RunSummary:
        """Work on the chunks that are left, load, analyse."""
        tag_flow_run(tags_of(plan))
        get_run_logger().info("%d of %d chunks to do, %d rollouts in all", len(todo), len(plan.chunks), n_rollouts)
        try:
            if cluster is not None:
                _work_all_on_cluster(plan, todo, shop, workers, watch)
            else:
                if plan.batch:
                    for answered in _as_done([answer_in_batches.submit(shop, _Quoted(todo))]):
                        answered.result()
                _work_all(plan, todo, shop, watch)
        except (OverdueError, WorkersLostError):
            shop.close()
            raise
        except STOPPED:
            # The threads wait for the workshop, and Prefect waits for the threads.
            shop.close()
            note_stopped(location, plan)
            raise
        load(spool, location)
        return analyse(spool, location)

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
        return here.content(n_rollouts)

    return cast(RunSummary, evaluate(plan.run_id, str(location), plan.n_rollouts))


def _task_runner(workers: int, cluster: str | None) -> TaskRunner[Any]:
    if cluster is None:
        return ThreadPoolTaskRunner(max_workers=workers)
    from flows.dask_runner import ClusterRunner

    return ClusterRunner(address=cluster)


def _work_all(plan: RunPlan, todo: Sequence[Chunk], shop: Workshop | HeadStart, watch: Watch) -> None:
    progress = create_progress_artifact(0.0, key="progress", description=f"Chunks of run {plan.run_id}")
    assert isinstance(progress, UUID)  # a coroutine only where it is called from one
    futures = [
        collect_and_grade.with_options(task_run_name=chunk.label, tags=tags_of_chunk(chunk, plan.judges)).submit(
            shop, _Quoted(chunk)
        )
        for chunk in todo
    ]
    shown = 0
    for count, future in enumerate(_as_done(futures), start=1):
        watch(future.result())
        percent = 100 * count // len(todo)
        if percent >= shown + 5:
            shown = percent
            update_progress_artifact(progress, float(percent))


def _work_all_on_cluster(
    plan: RunPlan, todo: Sequence[Chunk], shop: Workshop | HeadStart, n_threads: int, watch: Watch
) -> None:
    """Drive the chunks from threads of this process; what they hand to the workshop's pool are the tasks.

    A chunk for which models are called is a task here, too, since that is done here.
    """

    def drive(chunk: Chunk) -> ChunkDone:
        if plan.calls_models:
            tags = tags_of_chunk(chunk, plan.judges)
            return collect_and_grade.with_options(task_run_name=chunk.label, tags=tags)(shop, _Quoted(chunk))
        return collect_and_grade.fn(shop, _Quoted(chunk))

    progress = create_progress_artifact(0.0, key="progress", description=f"Chunks of run {plan.run_id}")
    assert isinstance(progress, UUID)  # a coroutine only where it is called from one
    with ThreadPoolExecutor(n_threads) as threads:
        try:
            if plan.batch:
                for answered in as_done([_submit_inside(threads, answer_in_batches, shop, _Quoted(todo))]):
                    answered.result()
            shown = 0
            futures = [_submit_inside(threads, drive, chunk) for chunk in todo]
            for count, future in enumerate(as_done(futures), start=1):
                watch(future.result())
                percent = 100 * count // len(todo)
                if percent >= shown + 5:
                    shown = percent
                    update_progress_artifact(progress, float(percent))
        except RunStoppedError:
            # Calls under way are paid for: they come to an end, and no further ones are made.
            threads.shutdown(cancel_futures=True)
            raise
        except BaseException:
            shop.close()
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def _submit_inside(threads: ThreadPoolExecutor, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
    """Have a thread do something inside the flow that is under way here."""
    context = copy_context()
    return threads.submit(lambda: context.run(work, *args, **kwargs))


def _as_done(futures: Iterable[PrefectFuture[T]]) -> Iterator[PrefectFuture[T]]:
    """Yield the futures of the thread runner as they are done."""
    by_wrapped = {future.wrapped_future: future for future in futures if isinstance(future, PrefectConcurrentFuture)}
    for wrapped in as_done(by_wrapped):
        yield by_wrapped[wrapped]


class _Quoted(Generic[T]):
    """Keeps Prefect from walking through something in search of futures."""

    def __init__(self, content: T) -> None:
        self.content = content


class _Here(Generic[T]):
    """Holds something that stays in this process: whoever unpacks it elsewhere finds nothing in it."""

    def __init__(self, content: T) -> None:
        self.content = content

    def __reduce__(self) -> tuple[type["_Here[None]"], tuple[None]]:
        return _Here, (None,)


def _worker_died(_task: Any, _run: TaskRun, state: State[Any]) -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, BrokenProcessPool)


@task(name="answer in batches", cache_policy=NO_CACHE, persist_result=False)
def answer_in_batches(shop: Workshop | HeadStart, todo: _Quoted[Sequence[Chunk]]) -> int:
    """Have all calls of models answered in batches, before the chunks are worked on."""
    answered = shop.prepare(todo.content)
    get_run_logger().info("%d calls answered in batches", answered)
    return answered


@task(
    name="collect and grade",
    retries=3,
    retry_delay_seconds=exponential_backoff(0.5),
    retry_jitter_factor=0.5,
    retry_condition_fn=_worker_died,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def collect_and_grade(shop: Workshop | HeadStart, quoted: _Quoted[Chunk]) -> ChunkDone:
    """Have one chunk worked on; when a worker dies, the chunk is done again from the start."""
    done = shop.work(quoted.content)
    log = get_run_logger()
    log.info("%s: %d graded, %d lost, %.1f s", done.label, done.n_rollouts - done.n_errors, done.n_errors, done.seconds)
    if done.first_error:
        log.warning("first of %d failures: %s", done.n_errors, done.first_error)
    return done


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
    added = load_run(db, spool, read_plan(spool))
    get_run_logger().info("rows added: %s", added)
    return added


@task(name="analyse", cache_policy=NO_CACHE, persist_result=False)
def analyse(spool: Path, db: Location) -> RunSummary:
    """Ask the warehouse what the run says, and leave it as artifacts."""
    plan = read_plan(spool)
    summary = summarise(db, plan.run_id)
    create_artifacts(plan, summary)
    return summary
