"""Calls as policies and judges make them: answered once, within limits and budget, tried again where that can help."""

import asyncio
import random
from collections.abc import Callable, Mapping

from tasks_lib.models.budget import Budget, Most
from tasks_lib.models.circuit import Circuit
from tasks_lib.models.client import MessagesClient
from tasks_lib.models.failures import CallFailedError, RunStoppedError
from tasks_lib.models.ledger import Ledger
from tasks_lib.models.limits import Limits
from tasks_lib.models.messages import Reply, Request
from tasks_lib.models.prices import PriceTable, estimated_tokens
from tasks_lib.models.throttle import Throttle


class Caller:
    """Answers calls for one run."""

    def __init__(
        self,
        client: MessagesClient,
        ledger: Ledger,
        prices: PriceTable,
        budget: Budget,
        limits: Limits,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._say = say
        self._client, self._ledger, self._prices, self._budget, self._limits = client, ledger, prices, budget, limits
        self._throttles: dict[str, Throttle] = {}
        self._circuits: dict[str, Circuit] = {}
        self._failed: dict[str, CallFailedError] = {}
        self._stopped: RunStoppedError | None = None
        self._jitter = random.Random()
        for reply in ledger.replies():
            budget.add(reply.cost_usd, reply.usage.total_tokens)

    async def ask(self, call_id: str, request: Request) -> Reply:
        """Answer a call: from the ledger where it was answered before, else by the model.

        Args:
            call_id: what the call is for; the same call of the same run has the same one.
            request: what to ask.

        Raises:
            CallFailedError: the call failed, also when tried again.
            RunStoppedError: no further calls are made in this run.
        """
        kept = self._ledger.get(call_id, request.digest)
        if kept is not None:
            return kept
        if call_id in self._failed:
            raise self._failed[call_id]
        return await self._tried(call_id, request)

    def refuse(self, failed: Mapping[str, CallFailedError]) -> None:
        """Take note of calls that failed for good elsewhere, in a batch: they are not made again."""
        self._failed.update(failed)

    def stop(self, reason: RunStoppedError) -> None:
        """Make no further calls; those under way end and are kept."""
        self._stopped = self._stopped or reason

    async def _tried(self, call_id: str, request: Request) -> Reply:
        """Make a call until it is answered or its failure stands.

        A rate limit is no fault of the call, so it takes none of its tries: it is waited for, as long as an outage is.
        """
        loop = asyncio.get_running_loop()
        failures, waits = 0, 0
        limited_since: float | None = None
        while True:
            if self._stopped is not None:
                raise self._stopped
            try:
                return await self._attempt_when_up(call_id, request)
            except CallFailedError as failure:
                if failure.kind == "rate_limit":
                    limited_since = limited_since or loop.time()
                    is_over = loop.time() - limited_since > self._limits.outage_s
                else:
                    limited_since = None
                    failures += 1
                    is_over = not failure.passing or failures > self._limits.retries
                if is_over:
                    raise
                await asyncio.sleep(self._wait(waits, failure.retry_after))
                waits += 1

    async def _attempt_when_up(self, call_id: str, request: Request) -> Reply:
        """Make an attempt when the model is there; a failed trial of one that is not is nobody's attempt."""
        throttle, circuit = self._throttle(request.model), self._circuit(request.model)
        while True:
            async with throttle.slot(throttle.need(request.size_bytes, request.max_tokens)) as number:
                is_trial = await circuit.passed()
                try:
                    return await self._attempt(call_id, request, number)
                except CallFailedError:
                    if not (is_trial and circuit.is_open):
                        raise
                finally:
                    if is_trial:
                        circuit.trial_ended()

    async def _attempt(self, call_id: str, request: Request, number: int) -> Reply:
        throttle, circuit = self._throttle(request.model), self._circuit(request.model)
        most = Most(
            usd=self._prices.most_usd(request.model, request.size_bytes, request.max_tokens),
            tokens=estimated_tokens(request.size_bytes) + request.max_tokens,
        )
        if self._stopped is not None:
            raise self._stopped
        try:
            async with self._budget.held(most) as held:
                reply = await self._sent(request, throttle, number)
                held.cost_usd, held.tokens = reply.cost_usd, reply.usage.total_tokens
                self._ledger.add(call_id, request.digest, reply)
        except CallFailedError as failure:
            self._take_note(throttle, circuit, failure)
            raise
        except RunStoppedError as stop:
            self.stop(stop)
            raise
        circuit.succeeded()
        throttle.count_output(reply.usage.output_tokens)
        return reply

    async def _sent(self, request: Request, throttle: Throttle, number: int) -> Reply:
        loop = asyncio.get_running_loop()
        started = loop.time()
        reply = await self._client.send(request, lambda headers: throttle.tell(number, headers))
        cost = self._prices.cost_usd(request.model, reply.usage)
        return reply.model_copy(update={"seconds": loop.time() - started, "cost_usd": cost})

    def _take_note(self, throttle: Throttle, circuit: Circuit, failure: CallFailedError) -> None:
        if failure.kind == "rate_limit" and failure.retry_after is not None:
            throttle.pause(min(failure.retry_after, self._limits.longest_wait_s))
        try:
            circuit.failed(failure)
        except RunStoppedError as stop:
            self.stop(stop)
            raise

    def _wait(self, attempt: int, retry_after: float | None) -> float:
        """Return seconds to wait: twice as long each time, spread by a half either way, never less than asked for."""
        own: float = self._limits.first_wait_s * 2.0 ** min(attempt, 20) * self._jitter.uniform(0.5, 1.5)
        return min(max(own, retry_after or 0.0), self._limits.longest_wait_s)

    def _throttle(self, model: str) -> Throttle:
        return self._throttles.setdefault(model, Throttle(self._limits.concurrency))

    def _circuit(self, model: str) -> Circuit:
        return self._circuits.setdefault(
            model, Circuit(model, self._limits.outage_s, self._limits.first_pause_s, self._say)
        )
