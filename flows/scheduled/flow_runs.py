"""What the scheduled flows have in common: one run for one flow run, failures told in words, tries for what may pass.

A flow run and its run belong together by name: whoever repeats the flow run, by a retry of Prefect's or from its page
in the UI, takes up the run that it began.
"""

import random
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from prefect import get_run_logger
from prefect.client.schemas.objects import State
from prefect.runtime import deployment, flow_run
from prefect.states import Failed

from flows.errors import PassingError, PipelineError, input_errors
from flows.flow_names import tag_flow_run, tags_of
from flows.places import require_usable
from flows.plan import PLAN_FILE, read_plan
from flows.runs import Place, begin_run, completed_run, finish_with_prefect, require_runner
from flows.settings import Settings
from flows.summary import RunSummary
from warehouse.errors import LockedError

P = ParamSpec("P")
T = TypeVar("T")

REFUSED = "Refused"
"""Name of the state of a flow run whose parameters cannot be used; nothing was written."""
RESUMABLE = "Resumable"
"""Name of the state of a flow run that broke off, or found the warehouse in use; a retry takes it up again."""
FIRST_WAIT_S = 60.0
TRIES_OF_A_LOCK = 6
FIRST_WAIT_OF_A_LOCK_S = 2.0
JITTER = 0.25
"""Share of a wait that chance adds: flows that broke off together do not come back together."""


def told_in_words(work: Callable[P, T]) -> Callable[P, T | State[Any]]:
    """Let a flow end in a failed state whose name and message say what is wrong, where that is known."""

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> T | State[Any]:
        try:
            return work(*args, **kwargs)
        except (PipelineError, LockedError) as error:
            return _failed(RESUMABLE, error)
        except input_errors() as error:
            return _failed(REFUSED, error)

    return run


def _failed(name: str, error: Exception) -> State[Any]:
    get_run_logger().error("%s", error)
    return Failed(name=name, message=str(error))


def assay(settings: Settings, resume: str | None, tries: int) -> tuple[Place, RunSummary]:
    """Do the run of this flow run: begin it, or take it up where it was left.

    Args:
        settings: what to do.
        resume: a run that broke off, to be taken up in its stead; None: the one of this flow run.
        tries: how often to take up what breaks off for a reason that may pass, 1 and up.

    Raises:
        InputError, LookupError, WarehouseError: the parameters cannot be used; nothing was written.
        PipelineError: it broke off; what is done is kept.
    """
    place = Place(settings.db, resume or run_of_flow_run(), runs=settings.runs)
    summary = unlocked(lambda: completed_run(place))
    if summary is not None:
        get_run_logger().info("run %s is complete already; nothing was left to do", place.run_id)
        return place, summary
    if resume is None and not (place.spool / PLAN_FILE).exists():
        require_runner(settings)
        place = unlocked(lambda: begin_run(settings, run_id=place.run_id, deployment=deployment.name))
    else:
        unlocked(lambda: require_usable(settings.db))
        get_run_logger().info("run %s is taken up again", place.run_id)
    plan = read_plan(place.spool)
    tag_flow_run(tags_of(plan))
    return place, patiently(lambda: _finished(place, settings), tries)


def _finished(place: Place, settings: Settings) -> RunSummary:
    """Do what is left of a run. Whatever is wrong from here on, there is something to go on with: nothing is refused.

    Raises:
        PipelineError, LockedError: it broke off; what is done is kept.
    """
    try:
        return finish_with_prefect(place, settings)
    except (PipelineError, LockedError):
        raise
    except input_errors() as error:  # a key that is gone, a run that another process holds, a full disk
        raise PipelineError(f"{error}; what is done is kept, go on with: {place.resume_command}") from None


def patiently(work: Callable[[], T], tries: int, first_wait_s: float = FIRST_WAIT_S) -> T:
    """Do something that may fail for a while: further tries after one, two, four ... times the first wait.

    Raises:
        PassingError: it failed every time.
        Exception: it failed in a way that no waiting helps against.
    """
    for number in range(tries - 1):
        try:
            return work()
        except (PassingError, LockedError) as error:
            wait = first_wait_s * 2**number * (1 + JITTER * random.random())
            get_run_logger().warning("%s; tried again in %.0f s", error, wait)
            time.sleep(wait)
    return work()


def unlocked(work: Callable[[], T]) -> T:
    """Do something with a warehouse; wait for whoever has it open, which is seldom for long.

    Raises:
        LockedError: it was open for longer than a minute.
    """
    return patiently(work, TRIES_OF_A_LOCK, FIRST_WAIT_OF_A_LOCK_S)


def run_of_flow_run() -> str:
    """Return the name of the run that belongs to this flow run: when it was to start, and the end of its id."""
    return f"{flow_run.scheduled_start_time:%Y%m%d-%H%M%S}-{UUID(str(flow_run.id)).hex[-8:]}"


def moment_of_flow_run() -> str:
    """Return when this flow run was to start: the same for every try of it."""
    return f"{flow_run.scheduled_start_time:%Y%m%d-%H%M%S}"
