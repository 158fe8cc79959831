"""The evaluate flow: chunks -> collect and grade -> shards -> one loader -> analysis -> artifacts.

One Prefect task is one chunk. Its thread hands the chunk to the workshop, where a worker process writes the shard; what
travels back are counts. A shard that is there is a chunk that is done, so a run taken up again does the rest.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from time import perf_counter
from typing import Any, Generic, TypeVar

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.futures import PrefectConcurrentFuture, PrefectFuture
from prefect.task_runners import ThreadPoolTaskRunner

from flows.artifacts import Stage, create_artifacts
from flows.artifacts.changes import read_changes
from flows.chunks import ChunkDone
from flows.load import load_run
from flows.plan import Chunk, RunPlan, read_plan, run_shards
from flows.report.shelf import Shelf
from flows.summary import RunSummary, summarise
from flows.waiting import as_done
from flows.workshop import Workshop
from warehouse.errors import LockedError
from warehouse.location import Location

T = TypeVar("T")
Watch = Callable[[ChunkDone], None]
"""Is told of every finished chunk."""


def run_pipeline(
    spool: Path, location: Location, shop: Workshop, workers: int, watch: Watch, shelf: Shelf | None = None
) -> RunSummary:
    """Run everything that is left of a plan as one Prefect flow; its report goes to the shelf, if there is one."""
    plan = read_plan(spool)

    @flow(
        name="evaluate",
        flow_run_name=f"evaluate {', '.join(plan.families)} {plan.run_id}",
        task_runner=ThreadPoolTaskRunner(max_workers=workers),  # type: ignore[arg-type]
        persist_result=False,
        validate_parameters=False,
    )
    def evaluate(run_id: str, db: str, n_rollouts: int) -> RunSummary:
        """Work on the chunks that are left, load, analyse."""
        finished = run_shards(spool, plan).keys()
        todo = [chunk for chunk in plan.chunks if chunk.key not in finished]
        _say_plan(plan, todo)
        try:
            if plan.batch:
                _answer_all(run_id, todo, shop)
            _work_all(run_id, todo, shop, watch)
        except KeyboardInterrupt:
            # The threads wait for the workshop, and Prefect waits for the threads.
            shop.close()
            raise
        load(spool, location)
        return analyse(spool, location, shelf)

    return evaluate(plan.run_id, str(location), plan.n_rollouts)


def _say_plan(plan: RunPlan, todo: Sequence[Chunk]) -> None:
    done = len(plan.chunks) - len(todo)
    text = f"{len(plan.chunks):,} chunks, {plan.n_rollouts:,} rollouts planned, {done:,} chunks done already"
    get_run_logger().info("plan: %s; run %s", text, plan.run_id)
    Stage("plan", f"Run {plan.run_id}: {text}").advance()


def _answer_all(run_id: str, todo: Sequence[Chunk], shop: Workshop) -> None:
    bar = Stage("batches", f"Run {run_id}: calls of models and judges, answered in batches")
    for answered in _as_done([answer_in_batches.submit(shop, _Quoted(todo))]):
        answered.result()
        bar.advance()


def _work_all(run_id: str, todo: Sequence[Chunk], shop: Workshop, watch: Watch) -> None:
    sizes = {chunk.key: chunk.n_rollouts for chunk in todo}
    bar = Stage("collect-and-grade", f"Run {run_id}: rollouts collected, graded, judged", sum(sizes.values()))
    futures = [collect_and_grade.with_options(task_run_name=chunk.label).submit(shop, _Quoted(chunk)) for chunk in todo]
    started, finished = perf_counter(), []
    for future in _as_done(futures):
        done = future.result()
        finished.append(done)
        watch(done)
        bar.advance(sizes[done.key])
    get_run_logger().info("collect and grade: %s", _together(finished, perf_counter() - started))


def _together(finished: Sequence[ChunkDone], seconds: float) -> str:
    n_calls = sum(done.n_calls for done in finished)
    spent = f", {sum(done.cost_usd for done in finished):.4f} US dollars for {n_calls:,} calls" if n_calls else ""
    return (
        f"{len(finished):,} chunks, {sum(done.n_rollouts for done in finished):,} rollouts, "
        f"{sum(done.n_errors for done in finished):,} lost, {seconds:.1f} s{spent}"
    )


def _as_done(futures: Iterable[PrefectFuture[T]]) -> Iterator[PrefectFuture[T]]:
    """Yield the futures of the thread runner as they are done."""
    by_wrapped = {future.wrapped_future: future for future in futures if isinstance(future, PrefectConcurrentFuture)}
    for wrapped in as_done(by_wrapped):
        yield by_wrapped[wrapped]


class _Quoted(Generic[T]):
    """Keeps Prefect from walking through something in search of futures."""

    def __init__(self, content: T) -> None:
        self.content = content


def _worker_died(_task: Any, _run: TaskRun, state: State[Any]) -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, BrokenProcessPool)


@task(name="answer in batches", cache_policy=NO_CACHE, persist_result=False)
def answer_in_batches(shop: Workshop, todo: _Quoted[Sequence[Chunk]]) -> int:
    """Have all calls of models answered in batches, before the chunks are worked on."""
    answered = shop.prepare(todo.content)
    get_run_logger().info("%d calls answered in batches", answered)
    return answered


@task(
    name="collect and grade",
    retries=3,
    retry_condition_fn=_worker_died,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def collect_and_grade(shop: Workshop, quoted: _Quoted[Chunk]) -> ChunkDone:
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


def _is_locked(_task: Any, _run: TaskRun, state: State[Any]) -> bool:
    return isinstance(state.result(raise_on_failure=False), LockedError)


@task(
    name="load",
    retries=3,
    retry_delay_seconds=2,
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
