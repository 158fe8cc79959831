"""Runs from beginning to end: begin one, take one up again, with Prefect or without.

The order is what makes a run safe: everything that can be wrong with the input is found first; then the plan is
written; then work begins, and each finished chunk is kept; then all of it is loaded at once.
"""

import fcntl
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import tasks_lib
from flows import console
from flows.checks import require_callable_models, require_free_shards, require_known_thresholds
from flows.chunks import ChunkDone
from flows.clock import new_run_id, now
from flows.early_workers import workers_for
from flows.errors import InputError, InterruptedRunError, PassingError, PipelineError
from flows.generate import generate_instances
from flows.head_start import HeadStart
from flows.lint import say_findings
from flows.load import discard_spool, is_completed, load_run, prepare_load, register_run
from flows.model_host import ModelHost
from flows.places import db_option, is_there, require_usable, runs_folder
from flows.plan import (
    Chunk,
    RunPlan,
    all_instances,
    chosen_families,
    make_plan,
    place_of_shards,
    read_plan,
    run_shards,
    write_plan,
)
from flows.pool import InProcess, OverdueError, Pool, WorkerPool, WorkersLostError, import_plugins
from flows.settings import Settings
from flows.summary import RunSummary, summarise
from flows.trust import current_trust
from flows.waiting import as_done
from flows.workshop import Workshop
from graders.grading import grader, graders
from tasks_lib.family import Family
from tasks_lib.models.failures import BudgetReachedError, OutageError, RunStoppedError
from tasks_lib.records import TaskInstance
from warehouse import Warehouse
from warehouse.errors import LockedError, ShardError
from warehouse.estimates import prepare_refresh
from warehouse.location import Location
from warehouse.shards import Shards

if TYPE_CHECKING:
    from flows.dask_pool import DaskPool

P = ParamSpec("P")
T = TypeVar("T")

THREADS_FOR_MODELS = 4
"""Chunks of models that are under way beside those that workers are busy with."""
TRIES = 4
"""A chunk whose worker dies this often is not the victim of an accident."""


@dataclass(frozen=True)
class Place:
    """Where a run lives."""

    db: Location
    run_id: str
    verb: str = "run"
    """The command that takes it up again."""
    runs: Path | None = None
    """Folder of the runs that are not finished; None: where that of `db` is."""

    @property
    def spool(self) -> Path:
        return runs_folder(self.db, self.runs) / self.run_id

    @property
    def resume_command(self) -> str:
        return f"assay {self.verb} --resume {self.run_id} {db_option(self.db)}"


def begin_run(
    settings: Settings,
    instances: Iterable[TaskInstance] | None = None,
    run_id: str | None = None,
    *,
    lint: bool = False,
    deployment: str | None = None,
) -> Place:
    """Plan a run and register it; nothing is written unless everything about it is in order.

    Args:
        settings: what to do.
        instances: what to attempt; None: generate them.
        run_id: its name; None: a new one.
        lint: also say, in one line, how much is wrong with the instances, if anything is.
        deployment: name of the scheduled deployment that the run belongs to; None: somebody starts it by hand.

    Raises:
        LookupError, InputError, WarehouseError: the input cannot be used.
    """
    import_plugins(settings.plugins)
    place = Place(settings.db, run_id or new_run_id(), runs=settings.runs)
    require_usable(settings.db)
    require_known_thresholds(settings)
    given = None if instances is None else list(instances)
    families = chosen_families(settings) if given is None else _families_of(given)
    for name in families:
        grader(name)
    asked = list(generate_instances(settings, families.values())) if given is None else given
    require_callable_models(settings, asked)
    plan, lines = make_plan(
        settings.model_copy(update={"plugins": plugins_needed(settings, families.values())}),
        list(families.values()),
        asked,
        run_id=place.run_id,
        generated=given is None,
        code_version=version("taskassay"),
        started_at=now(),
        known_policies=_known_policies(settings.db) if settings.checkpoints else None,
        trust=current_trust(settings.db, settings.trust) if settings.judges else None,
        deployment=deployment,
    )
    require_free_shards(settings.shards, run_shards(place.spool, plan))
    write_plan(place.spool, plan, lines)
    register_run(place.db, place.spool, plan)
    if lint:
        say_findings(asked)
    return place


def finish_with_prefect(
    place: Place, settings: Settings, *, lint: bool = False, early: WorkerPool | None = None
) -> RunSummary:
    """Do what is left of a run as a Prefect flow, and return its answers.

    Args:
        place: the run.
        settings: of them only those count that say how a run is done, not what it does.
        lint: also say, in one line, how much is wrong with the instances, if anything is.
        early: workers that were started already, for the local runner.

    Raises:
        PipelineError, InterruptedRunError: it broke off or was stopped; what is done is kept.
    """
    summary = _explained(place, _with_prefect, place, settings, lint, early)
    discard_spool(place.spool)
    return summary


def finish_without_prefect(place: Place, settings: Settings) -> RunSummary:
    """Do what is left of a run in worker processes alone; the same chunks, the same shards, the same rows.

    Raises:
        PipelineError, InterruptedRunError: it broke off or was stopped; what is done is kept.
    """
    _explained(place, _without_prefect, place, settings)
    discard_spool(place.spool)
    return summarise(place.db, place.run_id)


def _with_prefect(place: Place, settings: Settings, lint: bool, early: WorkerPool | None) -> RunSummary:
    from flows.prefect_runtime import prefect_server

    log = place.spool / "prefect-server.log"
    with (
        _exclusive(place) as plan,
        prefect_server(log, console.say) as wait,
        _pool(plan, settings, run_shards(place.spool, plan), early) as (pool, cluster),
        console.progress_bar(_left_to_do(place, plan)) as bar,
        _workshop(place, plan, pool, settings, bar) as shop,
        _head_start(todo := _todo(place, plan), plan, pool, shop) as ahead,
    ):
        if lint:
            say_findings(list(all_instances(place.spool)))
        # While workers are busy. What is imported takes a second, and a server of our own several to start.
        prepare_load(place.spool)
        if not isinstance(pool, InProcess):
            prepare_refresh()
        from flows.pipeline import run_pipeline
        from flows.report.shelf import shelf_of

        wait()
        n_threads = _threads(plan, settings) if cluster is None else 2 * cluster.n_threads() + THREADS_FOR_MODELS
        address = None if cluster is None else cluster.address
        shelf = shelf_of(settings, plan.deployment)
        if isinstance(ahead, HeadStart):
            todo = ahead.in_order()  # else the first tasks would wait for what is worked on last
        return run_pipeline(place.spool, place.db, ahead, todo, n_threads, _watch(bar), cluster=address, shelf=shelf)


@contextmanager
def _head_start(todo: Sequence[Chunk], plan: RunPlan, pool: Pool, shop: Workshop) -> Iterator[Workshop | HeadStart]:
    """Have workers begin at once, where there are any, unless a model takes part."""
    if plan.calls_models or not isinstance(pool, WorkerPool):
        yield shop
        return
    ahead = HeadStart(shop, todo, pool.workers)
    try:
        yield ahead
    finally:
        ahead.stop()


def _todo(place: Place, plan: RunPlan) -> list[Chunk]:
    """Return the chunks that are left, the largest first: at the end a worker waits for the other's last chunk."""
    finished = run_shards(place.spool, plan).keys()
    left = [chunk for chunk in plan.chunks if chunk.key not in finished]
    return sorted(left, key=lambda chunk: chunk.n_rollouts, reverse=True)


def _without_prefect(place: Place, settings: Settings) -> None:
    with _exclusive(place) as plan, _local_pool(plan, settings) as pool:
        todo = _todo(place, plan)
        with (
            console.progress_bar(_left_to_do(place, plan)) as bar,
            _workshop(place, plan, pool, settings, bar) as shop,
        ):
            shop.prepare(todo)
            _work_all(todo, shop, _threads(plan, settings), _watch(bar))
            bar.stage("loading")
            load_run(place.db, place.spool, plan)


@contextmanager
def _exclusive(place: Place) -> Iterator[RunPlan]:
    """Keep a second process from taking up the same run; the lock ends with the process that holds it.

    Raises:
        InputError: another process works on the run.
    """
    plan = read_plan(place.spool)
    with (place.spool / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"run {place.run_id} is under way in another process; wait for it, or stop it") from None
        run_shards(place.spool, plan).sweep()
        import_plugins([name for name in plan.plugins if name != "__main__"])
        yield plan


def completed_run(place: Place) -> RunSummary | None:
    """Return the answers of a run that is complete already, else None."""
    if not is_completed(place.db, place.run_id):
        return None
    discard_spool(place.spool)
    return summarise(place.db, place.run_id)


def _known_policies(db: Location) -> dict[str, str]:
    """Return name by policy_id of the policies that a warehouse holds; none where there is no warehouse yet."""
    if not is_there(db):
        return {}
    with Warehouse.open(db, read_only=True) as warehouse:
        return dict(warehouse.sql("select policy_id, name from policy").iter_rows())


def plugins_needed(settings: Settings, families: Iterable[Family]) -> tuple[str, ...]:
    """Return the modules that a worker must import: the plugins, and where decorated families stand."""
    installed = ("tasks_lib", "graders", "flows")
    own = [type(family).__module__ for family in families]
    own += [type(graders()[family.name]).__module__ for family in families]
    own = [name for name in own if name.partition(".")[0] not in installed]
    return tuple(dict.fromkeys((*settings.plugins, *own)))


def _families_of(instances: Sequence[TaskInstance]) -> dict[str, Family]:
    return {name: tasks_lib.family(name) for name in sorted({instance.family for instance in instances})}


@contextmanager
def _pool(
    plan: RunPlan, settings: Settings, shards: Shards, early: WorkerPool | None
) -> "Iterator[tuple[WorkerPool | InProcess, None] | tuple[DaskPool, DaskPool]]":
    """Provide whoever does the work, and name them again where they are a cluster.

    Raises:
        InputError: the cluster cannot be used.
    """
    if settings.runner == "local":
        with _local_pool(plan, settings, early) as pool:
            yield pool, None
        return
    if "__main__" in plan.plugins:
        raise InputError(
            "--runner dask: what is defined in a notebook or script cannot be found by other processes; put it into a "
            "module and name that as a plugin"
        )
    from flows.dask_cluster import own_cluster, require_packages

    require_packages()
    require_runner(settings, shards)
    with ExitStack() as cluster:
        address = settings.dask_address or cluster.enter_context(own_cluster(settings.workers))
        from flows.dask_pool import dask_pool

        hands = cluster.enter_context(dask_pool(address, plan, settings.chunk_timeout_s))
        yield hands, hands


def require_runner(settings: Settings, shards: Shards | None = None) -> None:
    """Find out before any work whether chunks can be worked on where the settings want it.

    Args:
        settings: names the runner.
        shards: of a run that is there already; None: of one that is about to begin.

    Raises:
        InputError, ShardError: they cannot.
    """
    if settings.runner == "local":
        return
    from flows.dask_cluster import require_cluster
    from flows.prefect_runtime import configured_api_url

    if shards is None:
        shards = Shards(
            place_of_shards(settings.shards, "trial") or str(runs_folder(settings.db, settings.runs).resolve())
        )
    require_cluster(settings.dask_address, shards, configured_api_url())


def _local_pool(plan: RunPlan, settings: Settings, early: WorkerPool | None = None) -> WorkerPool | InProcess:
    # What is defined in a notebook or script can only be used by the process it is defined in.
    if plan.n_rollouts <= InProcess.WORTHWHILE_UP_TO or "__main__" in plan.plugins:
        return InProcess(settings.chunk_timeout_s)
    if early is not None and set(plan.plugins) <= set(early.plugins):
        return early
    return workers_for(settings, plan.plugins)


@contextmanager
def _workshop(place: Place, plan: RunPlan, pool: Pool, settings: Settings, bar: console.ChunkBar) -> Iterator[Workshop]:
    def show(chunk: Chunk) -> None:
        bar.advance(_who(chunk.label), 1)

    with ModelHost(place.spool, plan, settings, show) as models:
        yield Workshop(place.spool, plan, pool, models)


def _threads(plan: RunPlan, settings: Settings) -> int:
    """Return how many chunks are under way at once: models wait for the network, while workers want to be busy."""
    return settings.workers + (THREADS_FOR_MODELS if plan.calls_models else 0)


def _left_to_do(place: Place, plan: RunPlan) -> int:
    return sum(chunk.n_rollouts for chunk in _todo(place, plan))


def _watch(bar: console.ChunkBar) -> Callable[[ChunkDone], None]:
    return lambda done: bar.advance(_who(done.label), done.n_rollouts + done.n_not_applicable - done.n_shown)


def _who(label: str) -> str:
    """Return a chunk's label without the number of its rollouts."""
    return label.rsplit(" ", 2)[0]


def _work_all(todo: Sequence[Chunk], shop: Workshop, n_threads: int, watch: Callable[[ChunkDone], None]) -> None:
    with ThreadPoolExecutor(n_threads) as threads:
        futures: list[Future[ChunkDone]] = [threads.submit(_work_one, chunk, shop) for chunk in todo]
        try:
            for future in as_done(futures):
                watch(future.result())
        except RunStoppedError:
            # Calls under way are paid for. They end by themselves, and soon, since no further ones are made.
            threads.shutdown(cancel_futures=True)
            raise
        except BaseException:
            shop.close()
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def _work_one(chunk: Chunk, shop: Workshop) -> ChunkDone:
    for _ in range(TRIES - 1):
        try:
            return shop.work(chunk)
        except BrokenProcessPool:
            continue
    return shop.work(chunk)


def _explained(place: Place, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do something and, where it breaks off, say how to take the run up again."""
    try:
        return work(*args, **kwargs)
    except BrokenProcessPool:
        raise PipelineError(
            f"worker processes died again and again (out of memory?); finished chunks are kept, go on with fewer: "
            f"{place.resume_command} --workers 1"
        ) from None
    except OverdueError as error:
        raise PipelineError(
            f"{error}; see what hangs there, or give it longer; finished chunks are kept, go on with: "
            f"{place.resume_command} --chunk-timeout {2 * error.seconds:g}"
        ) from None
    except WorkersLostError as error:
        raise PipelineError(f"{error}; finished chunks are kept, go on with: {place.resume_command}") from None
    except (LockedError, ShardError) as error:
        kind = PassingError if isinstance(error, LockedError) else PipelineError
        raise kind(f"{error}; all shards are kept, load them with: {place.resume_command}") from None
    except OSError as error:
        raise PipelineError(f"{error}; finished chunks are kept, go on with: {place.resume_command}") from error
    except RunStoppedError as stop:
        kind = PassingError if isinstance(stop, OutageError) else PipelineError
        raise kind(_told_what_is_there(place, stop)) from None
    except KeyboardInterrupt:
        kept = len(run_shards(place.spool, read_plan(place.spool)).keys())
        raise InterruptedRunError(
            f"stopped; {kept} finished chunks are kept, go on with: {place.resume_command}"
        ) from None


def _told_what_is_there(place: Place, stop: RunStoppedError) -> str:
    """Load what is finished of a run that makes no further calls, and say how to go on."""
    plan = read_plan(place.spool)
    loaded = load_run(place.db, place.spool, plan, status="cancelled")
    more = " with a larger --max-cost-usd or --max-tokens" if isinstance(stop, BudgetReachedError) else ""
    return (
        f"{stop}; {loaded.get('rollout', 0):,} of {plan.n_rollouts:,} rollouts are loaded and every answer is kept, "
        f"go on{more}: {place.resume_command}"
    )
