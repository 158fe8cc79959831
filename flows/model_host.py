"""Where models are called from: one event loop in a thread of the parent process, for all chunks of a run.

Limits, budget and circuit hold for the run as a whole, so they live in one place; grading, which is what takes a
processor, stays with the workers. Every answer is in the ledger of the run before it is used.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import tasks_lib
from flows import console
from flows.access import read_access
from flows.collect import collect_model_rollout
from flows.errors import SettingsError
from flows.plan import Chunk, RunPlan, read_instance
from flows.pool import PoolClosedError
from flows.settings import Settings
from tasks_lib.models.access import Access
from tasks_lib.models.budget import Budget
from tasks_lib.models.failures import CallFailedError
from tasks_lib.models.messages import Reply, Request
from tasks_lib.models.prices import PriceTable, price_table
from tasks_lib.policies.base import ModelPolicy
from tasks_lib.records import Rollout, TaskInstance, rollout_id

if TYPE_CHECKING:
    from tasks_lib.models.batches import Batches
    from tasks_lib.models.caller import Caller
    from tasks_lib.models.client import MessagesClient
    from tasks_lib.models.ledger import Ledger

T = TypeVar("T")
LEDGER_FILE = "calls.jsonl"
OPEN_ATTEMPTS_PER_SLOT = 2
"""Attempts under way for every call that may be: some wait before they try again."""


class ModelHost:
    """Collects the rollouts of models. Use as a context manager."""

    def __init__(self, spool: Path, plan: RunPlan, settings: Settings, show: Callable[[Chunk], None]) -> None:
        """Prepare; nothing is called and no thread is started before the first rollout.

        Args:
            spool: folder of the run, where the ledger is.
            plan: the run.
            settings: limits and budget.
            show: is told of every finished attempt.
        """
        self._spool, self._plan, self._settings, self._show = spool, plan, settings, show
        # Attempts are brought to an end before others are begun: a run that stops leaves few of them half done, and
        # the calls of one group come close together, which is what a cache lives on.
        self._at_once = OPEN_ATTEMPTS_PER_SLOT * settings.concurrency
        self._open_attempts: dict[str, asyncio.Semaphore] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._under_way: set[Future[Any]] = set()
        self._client: MessagesClient
        self._ledger: Ledger
        self._caller: Caller
        self._batches: Batches

    def __enter__(self) -> "ModelHost":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @staticmethod
    def is_needed(chunk: Chunk) -> bool:
        """Tell whether a chunk holds rollouts of models."""
        return any(isinstance(tasks_lib.policy(policy.name), ModelPolicy) for policy in chunk.policies)

    def collect(self, chunk: Chunk) -> list[list[Rollout]]:
        """Collect all rollouts of a chunk and wait for them.

        Returns:
            One list per instance and policy, in the order in which a worker would make them.

        Raises:
            PoolClosedError: the run was stopped before.
            RunStoppedError: no further calls are made; what was answered is in the ledger.
        """
        return self._wait_for(lambda: self._collect(chunk))

    def answer_in_batches(self, chunks: Iterable[Chunk]) -> int:
        """Have every call of some chunks answered in batches, so that collecting them makes none.

        Returns:
            How many calls there are.

        Raises:
            RunStoppedError: no further calls are made; what was answered is in the ledger.
        """
        calls = {
            f"{self._place(instance.instance_id, policy, sample)}-0": request
            for chunk in chunks
            for instance in (read_instance(self._spool, place) for place in chunk.instances)
            for policy, samples in _models(chunk)
            for request in [policy.opening(tasks_lib.family(chunk.family), instance)]
            for sample in range(samples)
        }
        return self.answer_calls_in_batches(calls)

    def answer_calls_in_batches(self, calls: Mapping[str, Request]) -> int:
        """Have calls answered in batches, so that asking them makes none, and return how many there are.

        Raises:
            RunStoppedError: no further calls are made; what was answered is in the ledger.
        """
        if calls:
            self._wait_for(lambda: self._answer_in_batches(calls))
        return len(calls)

    def ask(self, portions: Iterable[Mapping[str, Request]]) -> dict[str, Reply | CallFailedError]:
        """Have calls answered, each by name.

        Args:
            portions: calls that begin alike belong together: the first of them is answered before the others are
                made, so that these find the shared part in the cache.

        Returns:
            Call -> its answer, or why there is none.

        Raises:
            PoolClosedError: the run was stopped before.
            RunStoppedError: no further calls are made; what was answered is in the ledger.
        """
        return self._wait_for(lambda: self._ask(portions))

    def close(self) -> None:
        """End calls under way and close the ledger; harmless when repeated."""
        with self._lock:
            self._closed = True
            loop, self._loop = self._loop, None
        if loop is None or self._thread is None:
            return
        for future in list(self._under_way):
            future.cancel()
        with suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(self._client.close(), loop).result(5)
        _end(loop, self._thread)
        self._ledger.close()

    async def _collect(self, chunk: Chunk) -> list[list[Rollout]]:
        instances = [read_instance(self._spool, place) for place in chunk.instances]
        return await all_groups(
            [
                [self._attempt(chunk, policy, instance, sample) for sample in range(samples)]
                for instance in instances
                for policy, samples in _models(chunk)
            ]
        )

    async def _attempt(self, chunk: Chunk, policy: ModelPolicy, instance: TaskInstance, sample: int) -> Rollout:
        turn = self._open_attempts.setdefault(policy.spec.policy_id, asyncio.Semaphore(self._at_once))
        async with turn:
            rollout = await collect_model_rollout(
                self._plan.run_id, tasks_lib.family(chunk.family), policy, instance, sample, self._caller.ask
            )
        self._show(chunk)
        return rollout

    async def _ask(self, portions: Iterable[Mapping[str, Request]]) -> dict[str, Reply | CallFailedError]:
        async def answer(call_id: str, request: Request) -> tuple[str, Reply | CallFailedError]:
            try:
                return call_id, await self._caller.ask(call_id, request)
            except CallFailedError as failure:
                return call_id, failure

        async def one_portion(calls: Mapping[str, Request]) -> list[tuple[str, Reply | CallFailedError]]:
            (first, *others) = calls.items()
            begun = await answer(*first)
            return [begun, *(found for [found] in await all_groups([[answer(*call)] for call in others]))]

        answered = await all_groups([[one_portion(calls)] for calls in portions if calls])
        return dict(pair for [portion] in answered for pair in portion)

    async def _answer_in_batches(self, calls: Mapping[str, Request]) -> None:
        self._caller.refuse(await self._batches.answer(calls))

    def _place(self, instance_id: str, policy: ModelPolicy, sample: int) -> str:
        return rollout_id(self._plan.run_id, instance_id, policy.spec.policy_id, sample)

    def _wait_for(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        loop = self._started()
        future = asyncio.run_coroutine_threadsafe(work(), loop)
        self._under_way.add(future)
        try:
            return future.result()
        finally:
            self._under_way.discard(future)

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._closed:  # chunks that were waiting when the run was stopped
                raise PoolClosedError
            if self._loop is None:
                loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=loop.run_forever, name="models", daemon=True)
                self._thread.start()
                try:
                    access = read_access(next(iter(self._plan.called)), self._settings.api_key_block)
                    asyncio.run_coroutine_threadsafe(self._open(access), loop).result()
                except BaseException:
                    _end(loop, self._thread)
                    raise
                self._loop = loop
            return self._loop

    async def _open(self, access: Access) -> None:
        # Imported here: most runs call no model, and the client takes seconds to load.
        from tasks_lib.models.batches import Batches
        from tasks_lib.models.caller import Caller
        from tasks_lib.models.client import MessagesClient
        from tasks_lib.models.ledger import Ledger

        settings, called = self._settings, self._plan.called
        budget = self._plan.budget.raised_by(settings.max_cost_usd, settings.max_tokens)
        prices = price_table(settings.prices)
        if budget.max_cost_usd is not None:
            require_prices(called, prices)
        self._client = MessagesClient(access, timeout_s=settings.timeout_s)
        self._ledger = Ledger(self._spool / LEDGER_FILE, time.monotonic)
        spendable = Budget(budget.max_cost_usd, budget.max_tokens)
        self._caller = Caller(self._client, self._ledger, prices, spendable, settings.call_limits, console.say)
        self._batches = Batches(self._client, self._ledger, prices, spendable, settings.batch_limits, console.say)


def require_prices(called: Mapping[str, str], prices: PriceTable) -> None:
    """Refuse a budget in dollars for models whose price is not known: it would hold nothing back.

    Args:
        called: name of a policy or judge -> its model.
        prices: what is known.

    Raises:
        SettingsError: a model has no price.
    """
    for name, model in called.items():
        if not prices.knows(model):
            raise SettingsError(
                f"setting 'max_cost_usd': the price of {name} is not known; put it into a file and name that with "
                "the setting prices, or give max_tokens"
            )


def _end(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    if not thread.is_alive():
        loop.close()


def _models(chunk: Chunk) -> list[tuple[ModelPolicy, int]]:
    built = [(tasks_lib.policy(planned.name), planned.samples) for planned in chunk.policies]
    return [(policy, samples) for policy, samples in built if isinstance(policy, ModelPolicy)]


async def all_groups(groups: Sequence[Sequence[Coroutine[Any, Any, T]]]) -> list[list[T]]:
    """Run everything at once; where one stops the run, wait until the others have ended, too.

    What is under way when a run stops is paid for: it is waited for, and its answers are kept.
    """
    tasks = [[asyncio.ensure_future(work) for work in group] for group in groups]
    flat = [task for group in tasks for task in group]
    try:
        await asyncio.gather(*flat, return_exceptions=True)
    except asyncio.CancelledError:
        for task in flat:
            task.cancel()
        raise
    return [[task.result() for task in group] for group in tasks]
