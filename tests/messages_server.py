"""A server that speaks the Messages API and does as a test says: answers, faults, limits, batches.

An ASGI app behind uvicorn on a loopback port: clients talk real HTTP to it. It keeps count of everything, so that a
test can say what was asked, how much at a time, and what of it was answered.
"""

import asyncio
import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import uvicorn

from tests.support_waiting import PATIENCE_S, wait_for

Body = Mapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass
class Answer:
    """What a model answers."""

    content: list[dict[str, Any]]
    stop_reason: str = "end_turn"
    input_tokens: int = 100
    output_tokens: int = 20
    cache_read: int = 0
    cache_write: int = 0

    def message(self, number: int, model: str) -> dict[str, Any]:
        return {
            "id": f"msg_{number:06d}", "type": "message", "role": "assistant", "model": model,
            "content": self.content, "stop_reason": self.stop_reason, "stop_sequence": None,
            "usage": {
                "input_tokens": self.input_tokens, "output_tokens": self.output_tokens,
                "cache_read_input_tokens": self.cache_read, "cache_creation_input_tokens": self.cache_write,
            },
        }  # fmt: skip


@dataclass
class Fault:
    """Something that goes wrong: `kind` is a status such as 529, or one of the names in `_faulty`."""

    kind: int | str
    retry_after: float | None = None
    error_type: str | None = None
    text: str = "scripted"


Script = Callable[[Body, int], Answer | Fault]
"""Gets the body of a call and its number, from 0, and says what becomes of it."""


def text(words: str, stop_reason: str = "end_turn") -> Answer:
    """Return an answer in words."""
    return Answer([{"type": "text", "text": words}], stop_reason)


def use(tool: str, stop_reason: str = "tool_use", **arguments: Any) -> Answer:
    """Return an answer that uses one tool."""
    return Answer([{"type": "tool_use", "id": f"toolu_{tool}", "name": tool, "input": arguments}], stop_reason)


def turns(body: Body) -> int:
    """Return how many answers a conversation holds so far."""
    return sum(message["role"] == "assistant" for message in body["messages"])


def first_words(body: Body) -> str:
    """Return the task of a conversation."""
    content = body["messages"][0]["content"]
    return content if isinstance(content, str) else "".join(block.get("text", "") for block in content)


def observations(body: Body) -> list[str]:
    """Return what the tools said so far."""
    return [
        block["content"]
        for message in body["messages"]
        if isinstance(message["content"], list)
        for block in message["content"]
        if block["type"] == "tool_result"
    ]


@dataclass
class Rate:
    """So many requests in so many seconds, told in the headers and held."""

    limit: int
    window_s: float
    used: int = 0
    ends_at: float = 0.0

    def take(self) -> bool:
        """Count a request; False where it is one too many."""
        now = time.time()
        if now >= self.ends_at:
            self.used, self.ends_at = 0, now + self.window_s
        self.used += 1
        return self.used <= self.limit

    def headers(self) -> dict[str, str]:
        reset = datetime.fromtimestamp(self.ends_at, UTC).isoformat().replace("+00:00", "Z")
        return {
            "anthropic-ratelimit-requests-limit": str(self.limit),
            "anthropic-ratelimit-requests-remaining": str(max(0, self.limit - self.used)),
            "anthropic-ratelimit-requests-reset": reset,
        }


@dataclass
class Batch:
    """A batch of calls as the server keeps it."""

    batch_id: str
    requests: list[dict[str, Any]]
    looks_until_ended: int = 1
    cancelled: bool = False


@dataclass
class MessagesServer:
    """The server and what it counts. Use `serving`."""

    script: Script = lambda body, number: text("hello")
    fault_share: float = 0.0
    faults: tuple[Fault, ...] = ()
    rate: Rate | None = None
    extra_headers: Callable[[], dict[str, str]] = dict
    """Made for every call when it is answered."""
    seconds: float = 0.0
    """How long every answer takes."""
    slow_s: float = 5.0
    """How long a slow answer takes beyond what its caller waits for."""
    patience_s: float = 0.0
    """How long callers wait for an answer, or a little less."""
    seed: int = 0
    batch_looks: int = 1
    batch_script: Callable[[str, Body], dict[str, Any]] | None = None
    """custom id, parameters -> result; None: what the script answers."""

    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answered: int = 0
    """Calls that got a whole, good answer."""
    outcomes: Counter[str] = field(default_factory=Counter)
    over_limit: int = 0
    most_under_way: int = 0
    batches: dict[str, Batch] = field(default_factory=dict)
    batch_submissions: int = 0
    after_batch_stored: Callable[[], None] | None = None
    """Called when a batch is there and its answer is not yet sent: the moment to kill the client."""

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._under_way: set[int] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path, method = scope["path"], scope["method"]
        sent = await _body(receive)
        self.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})
        if path == "/v1/messages" and method == "POST":
            await self._counted(sent, receive, send)
        elif path == "/v1/messages/batches" and method == "POST":
            await self._make_batch(sent, send)
        elif path == "/v1/messages/batches":
            await self._list_batches(scope, send)
        elif path.startswith("/v1/messages/batches/"):
            await self._batch(path.removeprefix("/v1/messages/batches/"), send)
        else:
            await _json(send, 404, _error("not_found_error", path))

    async def _counted(self, sent: bytes, receive: Receive, send: Send) -> None:
        body = json.loads(sent)
        number = len(self.bodies)
        self.bodies.append(body)
        self._under_way.add(number)
        self.most_under_way = max(self.most_under_way, len(self._under_way))
        try:
            await asyncio.sleep(self.seconds)
            line = _Line(send, lambda: self._under_way.discard(number))
            answering = asyncio.ensure_future(self._message(body, number, line))
            # Who hangs up is no longer waiting: the call is over when either side says so.
            gone = asyncio.ensure_future(_hung_up(receive))
            await asyncio.wait({answering, gone}, return_when=asyncio.FIRST_COMPLETED)
            answering.cancel()
            gone.cancel()
        finally:
            self._under_way.discard(number)

    async def _message(self, body: dict[str, Any], number: int, send: "_Line") -> None:
        headers = self.extra_headers()
        if self.rate is not None:
            within = self.rate.take()
            headers |= self.rate.headers()
            if not within:
                self.over_limit += 1
                wait = {"retry-after": str(max(0.0, self.rate.ends_at - time.time()))}
                await _json(send, 429, _error("rate_limit_error", "too many"), headers | wait)
                return
        what = self._chance.choice(self.faults) if self._chance.random() < self.fault_share else None
        outcome = what or self.script(body, number)
        if isinstance(outcome, Fault):
            self.outcomes[str(outcome.kind)] += 1
            await self._faulty(outcome, body, number, send, headers)
            return
        message = outcome.message(number, body["model"])
        # Counted before it is sent: an answer may have arrived when the client is killed.
        self.answered += 1
        self.outcomes["answered"] += 1
        if body.get("stream"):
            await _stream(send, message, headers)
        else:
            await _json(send, 200, message, headers | {"request-id": f"req_{number}"})

    async def _faulty(self, fault: Fault, body: Body, number: int, send: "_Line", headers: dict[str, str]) -> None:
        good = text("unheard").message(number, body["model"])
        if isinstance(fault.kind, int):
            kind = fault.error_type or _TYPES.get(fault.kind, "api_error")
            wait = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
            await _json(send, fault.kind, _error(kind, fault.text), headers | wait)
        elif fault.kind == "html":
            await _raw(send, 502, b"<html><body>Bad gateway</body></html>", {"content-type": "text/html"})
        elif fault.kind == "cut_json":
            await _raw(send, 200, json.dumps(good).encode()[:40], {"content-type": "application/json"})
        elif fault.kind == "plain_text":
            await _raw(send, 200, b"please log in to the network", {"content-type": "text/plain"})
        elif fault.kind == "no_content":
            await _json(send, 200, {"id": "msg", "type": "message", "role": "assistant", "model": body["model"]})
        elif fault.kind == "drop":
            send.abort()
        elif fault.kind == "half_body":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5000")]})
            await send({"type": "http.response.body", "body": b'{"id": "msg_', "more_body": True})
            send.abort()
        elif fault.kind == "slow":
            # Nobody waits any longer after `patience_s`, though it takes a while until that is heard here.
            await asyncio.sleep(self.patience_s)
            self._under_way.discard(number)
            await asyncio.sleep(self.slow_s)
            await _json(send, 200, good)
        elif fault.kind == "echo_key":
            told = self.headers[-1].get("authorization", "")
            await _json(send, 400, _error("invalid_request_error", f"bad header {told}"))
        elif fault.kind == "odd_events":
            names = ("message_start", "content_block_delta", "message_stop")
            odd = "".join(f'event: {name}\ndata: {{"type": "{name}"}}\n\n' for name in names).encode()
            await _raw(send, 200, odd, {"content-type": "text/event-stream"})
        elif fault.kind == "cut_stream":
            await _stream(send, good, headers, stop_after=3)
        elif fault.kind == "ended_stream":
            await _stream(send, good, headers, stop_after=4, politely=True)
        elif fault.kind == "error_in_stream":
            await _stream(send, good, headers, stop_after=3, then=_error("overloaded_error", "full"))
        else:
            raise AssertionError(fault.kind)

    async def _make_batch(self, sent: bytes, send: Send) -> None:
        requests = json.loads(sent)["requests"]
        self.batch_submissions += 1
        batch_id = f"msgbatch_{len(self.batches):03d}"
        self.batches[batch_id] = Batch(batch_id, requests, self.batch_looks)
        if self.after_batch_stored is not None:
            self.after_batch_stored()
            await asyncio.sleep(2)
        await _json(send, 200, self._batch_fields(self.batches[batch_id]))

    async def _list_batches(self, scope: Scope, send: Send) -> None:
        newest_first = [self._batch_fields(batch) for batch in reversed(self.batches.values())]
        query = dict(part.split("=") for part in scope["query_string"].decode().split("&") if "=" in part)
        ids = [fields["id"] for fields in newest_first]
        start = ids.index(query["after_id"]) + 1 if "after_id" in query else 0
        page = newest_first[start : start + int(query.get("limit", "20"))]
        more = start + len(page) < len(newest_first)
        await _json(
            send, 200,
            {"data": page, "has_more": more, "first_id": None, "last_id": page[-1]["id"] if page else None},
        )  # fmt: skip

    async def _batch(self, rest: str, send: Send) -> None:
        batch = self.batches.get(rest.removesuffix("/results"))
        if batch is None:
            await _json(send, 404, _error("not_found_error", rest))
        elif rest.endswith("/results"):
            lines = [json.dumps(self._result(batch, request)) for request in batch.requests]
            self._chance.shuffle(lines)
            await _raw(send, 200, ("\n".join(lines) + "\n").encode(), {"content-type": "application/x-jsonl"})
        else:
            batch.looks_until_ended -= 1
            await _json(send, 200, self._batch_fields(batch))

    def _result(self, batch: Batch, request: dict[str, Any]) -> dict[str, Any]:
        name, params = request["custom_id"], request["params"]
        if batch.cancelled:
            result: dict[str, Any] = {"type": "canceled"}
        elif self.batch_script is not None:
            result = self.batch_script(name, params)
        else:
            outcome = self.script(params, 0)
            assert isinstance(outcome, Answer)
            result = {"type": "succeeded", "message": outcome.message(0, params["model"])}
        return {"custom_id": name, "result": result}

    def _batch_fields(self, batch: Batch) -> dict[str, Any]:
        ended = batch.looks_until_ended <= 0
        n = len(batch.requests)
        counts = {
            "processing": 0 if ended else n,
            "succeeded": n if ended else 0,
            "errored": 0,
            "canceled": 0,
            "expired": 0,
        }
        return {
            "id": batch.batch_id, "type": "message_batch", "processing_status": "ended" if ended else "in_progress",
            "request_counts": counts, "created_at": "2026-11-20T00:00:00Z", "expires_at": "2026-11-21T00:00:00Z",
            "ended_at": "2026-11-20T00:10:00Z" if ended else None, "cancel_initiated_at": None, "archived_at": None,
            "results_url": f"{self.url}/v1/messages/batches/{batch.batch_id}/results" if ended else None,
        }  # fmt: skip


@contextmanager
def serving(server: MessagesServer) -> Iterator[MessagesServer]:
    """Serve on a port of its own for as long as the context lasts."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(server, log_level="critical", http="h11", ws="none", lifespan="off", timeout_keep_alive=30)
    web = uvicorn.Server(config)
    thread = threading.Thread(target=web.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    wait_for(lambda: web.started, every_s=0.01)
    try:
        yield server
    finally:
        web.should_exit = web.force_exit = True
        thread.join(PATIENCE_S)
        listener.close()


_TYPES = {
    400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
    413: "request_too_large", 429: "rate_limit_error", 500: "api_error", 529: "overloaded_error",
}  # fmt: skip


def _error(kind: str, words: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": words}}


async def _body(receive: Receive) -> bytes:
    parts = b""
    while True:
        message = await receive()
        parts += message.get("body", b"")
        if not message.get("more_body"):
            return parts


class _Line:
    """What a call is answered on. A call is over before its last byte is out: its caller may be quicker than we are."""

    def __init__(self, send: Send, ending: Callable[[], None]) -> None:
        self._send, self._ending = send, ending

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self._ending()
        await self._send(message)

    def abort(self) -> None:
        """Drop the connection."""
        self._ending()
        self._send.__self__.transport.abort()  # type: ignore[attr-defined]


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _json(send: Send, status: int, value: Any, headers: Mapping[str, str] | None = None) -> None:
    await _raw(send, status, json.dumps(value).encode(), {"content-type": "application/json", **(headers or {})})


async def _raw(send: Send, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    lines = [(name.encode(), value.encode()) for name, value in headers.items()]
    lines.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})


async def _stream(
    send: "_Line",
    message: dict[str, Any],
    headers: Mapping[str, str],
    *,
    stop_after: int | None = None,
    politely: bool = False,
    then: dict[str, Any] | None = None,
) -> None:
    lines = [(name.encode(), value.encode()) for name, value in headers.items()]
    lines.append((b"content-type", b"text/event-stream"))
    await send({"type": "http.response.start", "status": 200, "headers": lines})
    for count, event in enumerate(_events(message)):
        if count == stop_after:
            break
        await _event(send, event)
    if then is not None:
        await _event(send, then)
    if stop_after is not None and not politely and then is None:
        send.abort()
        return
    await send({"type": "http.response.body", "body": b""})


async def _event(send: Send, event: dict[str, Any]) -> None:
    line = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
    await send({"type": "http.response.body", "body": line, "more_body": True})


def _events(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    usage = message["usage"]
    empty = {**message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    yield {"type": "message_start", "message": empty}
    for index, block in enumerate(message["content"]):
        if block["type"] == "tool_use":
            yield {"type": "content_block_start", "index": index, "content_block": {**block, "input": {}}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        else:
            yield {"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}}
            delta = {"type": "text_delta", "text": block["text"]}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {
        "type": "message_delta", "delta": {"stop_reason": message["stop_reason"], "stop_sequence": None},
        "usage": {"output_tokens": usage["output_tokens"]},
    }  # fmt: skip
    yield {"type": "message_stop"}
