"""Prefect's Dask runner, with the surroundings of a run sent and set up once and not for every task.

As it comes, each submission writes down all of Prefect's settings, and each task on a worker reads them, opens a client
of its own and loads its certificates: 0.1-0.2 s a task on either side. Here a worker keeps them.
"""

import pickle
from collections.abc import Iterable
from contextlib import ExitStack
from contextvars import Context, copy_context
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

import cloudpickle  # type: ignore[import-untyped]
from distributed import Client
from prefect.client.schemas.objects import State
from prefect.context import SyncClientContext, hydrated_context, serialize_context
from prefect.task_engine import run_task_sync
from prefect.tasks import Task
from prefect_dask.task_runners import DaskTaskRunner, PrefectDaskFuture


class ClusterRunner(DaskTaskRunner):
    """Runs the tasks of one flow on a cluster; parameters are data, no futures."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._surroundings: bytes | None = None

    def submit(  # type: ignore[override]
        self,
        task: "Task[Any, Any]",
        parameters: dict[str, Any],
        wait_for: Iterable[Any] | None = None,
        dependencies: dict[str, Any] | None = None,
    ) -> "PrefectDaskFuture[Any]":
        """Have a worker run a task."""
        assert not wait_for, "tasks of this runner wait for nothing"
        if self._surroundings is None:
            # Without the task that this is called from, where models are called: its parameters stay here.
            self._surroundings = cloudpickle.dumps({**serialize_context(), "task_run_context": {}})
        run_id = uuid4()
        # Not the method of Prefect's client: that one writes everything down again.
        future = Client.submit(
            self.client,
            run_on_worker,
            self._surroundings,
            cloudpickle.dumps(task),
            run_id,
            parameters,
            key=f"{task.name}-{run_id}",
            pure=False,
        )
        return PrefectDaskFuture(wrapped_future=future, task_run_id=run_id)


def run_on_worker(surroundings: bytes, task: bytes, run_id: UUID, parameters: dict[str, Any]) -> State[Any]:
    """Run a task where its flow seems to be."""
    state = (
        _inside(surroundings)
        .copy()
        .run(
            run_task_sync,
            _unpacked(task),
            task_run_id=run_id,
            parameters=parameters,
            return_type="state",
            dependencies={},
        )
    )
    assert isinstance(state, State)
    return state


@lru_cache(maxsize=1)
def _inside(surroundings: bytes) -> Context:
    """Return a context in which the flow of a run is under way; it lasts as long as the process."""

    def enter() -> None:
        stack = ExitStack()
        stack.enter_context(hydrated_context(pickle.loads(surroundings)))  # noqa: S301 - Dask runs what it is sent
        stack.enter_context(SyncClientContext.get_or_create())
        _kept.append(stack)

    context = copy_context()
    context.run(enter)
    return context


_kept: list[ExitStack] = []
"""Surroundings that are never left: whoever leaves them must do so in the context that entered them."""


@lru_cache(maxsize=16)
def _unpacked(task: bytes) -> "Task[Any, Any]":
    unpacked = pickle.loads(task)  # noqa: S301 - Dask runs what it is sent
    assert isinstance(unpacked, Task)
    return unpacked
