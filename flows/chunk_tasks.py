"""The chunks of a run as Prefect tasks: driven by threads of this process, worked on by its workers or by a cluster."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextvars import copy_context
from time import perf_counter
from typing import Any, Generic, ParamSpec, TypeVar

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.futures import PrefectConcurrentFuture, PrefectFuture
from prefect.tasks import exponential_backoff

from flows.artifacts import Stage
from flows.chunks import ChunkDone
from flows.flow_names import tags_of_chunk
from flows.head_start import HeadStart
from flows.plan import Chunk, RunPlan
from flows.waiting import as_done
from flows.workshop import Workshop
from tasks_lib.models.failures import RunStoppedError

P = ParamSpec("P")
T = TypeVar("T")
Watch = Callable[[ChunkDone], None]
"""Is told of every finished chunk."""


def work_in_threads(plan: RunPlan, todo: Sequence[Chunk], shop: Workshop | HeadStart, watch: Watch) -> None:
    """Have the flow's thread runner drive the chunks, one task each."""
    if plan.batch:
        bar = _batches_bar(plan)
        for answered in _tasks_as_done([answer_in_batches.submit(shop, _Quoted(todo))]):
            answered.result()
            bar.advance()
    progress = _Progress(plan, todo, watch)
    futures = [_named(chunk, plan).submit(shop, _Quoted(chunk)) for chunk in todo]
    for future in _tasks_as_done(futures):
        progress.note(future.result())
    progress.close()


def work_on_cluster(
    plan: RunPlan, todo: Sequence[Chunk], shop: Workshop | HeadStart, n_threads: int, watch: Watch
) -> None:
    """Drive the chunks from threads of this process; what they hand to the workshop's pool are the tasks.

    A chunk for which models are called is a task here, too, since that is done here.
    """

    def drive(chunk: Chunk) -> ChunkDone:
        work = _named(chunk, plan) if plan.calls_models else collect_and_grade.fn
        return work(shop, _Quoted(chunk))

    with ThreadPoolExecutor(n_threads) as threads:
        try:
            if plan.batch:
                bar = _batches_bar(plan)
                for answered in as_done([_submit_inside(threads, answer_in_batches, shop, _Quoted(todo))]):
                    answered.result()
                    bar.advance()
            progress = _Progress(plan, todo, watch)
            for future in as_done([_submit_inside(threads, drive, chunk) for chunk in todo]):
                progress.note(future.result())
            progress.close()
        except RunStoppedError:
            # Calls under way are paid for: they come to an end, and no further ones are made.
            threads.shutdown(cancel_futures=True)
            raise
        except BaseException:
            shop.close()
            threads.shutdown(wait=False, cancel_futures=True)
            raise


class _Quoted(Generic[T]):
    """Keeps Prefect from walking through something in search of futures."""

    def __init__(self, content: T) -> None:
        self.content = content


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
    log.info("%s", done.line())
    if done.n_errors:
        log.warning(
            "%d lost, the first to %s; causes are in column error of table rollout and in reason of score",
            done.n_errors,
            done.kind_of_error(),
        )
    return done


class _Progress:
    """Tells the UI, the log and whoever watches how far the chunks are."""

    def __init__(self, plan: RunPlan, todo: Sequence[Chunk], watch: Watch) -> None:
        self._sizes = {chunk.key: chunk.n_rollouts for chunk in todo}
        what = f"Run {plan.run_id}: rollouts collected, graded, judged"
        self._bar = Stage("collect-and-grade", what, sum(self._sizes.values()))
        self._watch = watch
        self._finished: list[ChunkDone] = []
        self._started = perf_counter()

    def note(self, done: ChunkDone) -> None:
        """Take note of a finished chunk."""
        self._finished.append(done)
        self._watch(done)
        self._bar.advance(self._sizes[done.key])

    def close(self) -> None:
        """Say in one line what all of them came to."""
        n_calls = sum(done.n_calls for done in self._finished)
        dollars = sum(done.cost_usd for done in self._finished)
        get_run_logger().info(
            "collect and grade: %s chunks, %s rollouts, %s lost, %.1f s%s",
            f"{len(self._finished):,}",
            f"{sum(done.n_rollouts for done in self._finished):,}",
            f"{sum(done.n_errors for done in self._finished):,}",
            perf_counter() - self._started,
            f", {dollars:.4f} US dollars for {n_calls:,} calls" if n_calls else "",
        )


def _named(chunk: Chunk, plan: RunPlan) -> Any:
    return collect_and_grade.with_options(task_run_name=chunk.label, tags=tags_of_chunk(plan, chunk))


def _batches_bar(plan: RunPlan) -> Stage:
    return Stage("batches", f"Run {plan.run_id}: calls of models and judges, answered in batches")


def _submit_inside(threads: ThreadPoolExecutor, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
    """Have a thread do something inside the flow that is under way here."""
    context = copy_context()
    return threads.submit(lambda: context.run(work, *args, **kwargs))


def _tasks_as_done(futures: Iterable[PrefectFuture[T]]) -> Iterator[PrefectFuture[T]]:
    """Yield the futures of the thread runner as they are done."""
    by_wrapped = {future.wrapped_future: future for future in futures if isinstance(future, PrefectConcurrentFuture)}
    for wrapped in as_done(by_wrapped):
        yield by_wrapped[wrapped]
