"""The page over HTTP: one secret link a rater, nothing for anybody else, nothing from or to any other site.

What keeps others out: the server listens on loopback only; a link has a secret that no other local page can guess; the
Host must be ours, so that a foreign name that was made to point here (DNS rebinding) reaches nothing; a change must
come from our own Origin, in JSON, with a method that browsers ask leave for. There are no cookies to be ridden on.
Should some text become markup after all, the policy lets it neither run nor load anything.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from importlib.resources import files

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flows.calibration.journal import AnswerNotSavedError
from flows.calibration.page.desk import BadAnswerError, Desk, UnknownItemError

BODY_BYTES = 65_536
"""An answer is far smaller."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
TYPES = {"page.html": "text/html", "page.js": "text/javascript", "page.css": "text/css"}
LINK_ENDED = "this link is not one of this server; open the one that `assay calibrate rate` printed"


def rating_app(desk: Desk, tokens: Mapping[str, str], port: int) -> ASGIApp:
    """Return the server of a desk.

    Args:
        desk: the set and its answers.
        tokens: secret of a link -> rater.
        port: where it listens, which is part of its name.
    """
    assets = {name: (files("flows.calibration.page") / name).read_bytes() for name in TYPES}

    def asset(name: str) -> Response:
        return Response(assets[name], media_type=TYPES[name])

    def rater_of(request: Request) -> str:
        rater = tokens.get(request.path_params["token"])
        if rater is None:
            raise HTTPException(403, LINK_ENDED)
        return rater

    async def page(request: Request) -> Response:
        rater_of(request)
        return asset("page.html")

    async def script(request: Request) -> Response:
        return asset("page.js")

    async def style(request: Request) -> Response:
        return asset("page.css")

    async def sheet(request: Request) -> Response:
        return JSONResponse(desk.overview(rater_of(request)))

    async def item(request: Request) -> Response:
        return JSONResponse(desk.item(rater_of(request), request.path_params["item"]))

    async def answer(request: Request) -> Response:
        rater, item_id = rater_of(request), request.path_params["item"]
        if request.method == "DELETE":
            await run_in_threadpool(desk.withdraw, rater, item_id)
            return JSONResponse({"saved": True, "answer": None})
        given = await _json(request)
        said = await run_in_threadpool(desk.answer, rater, item_id, given)
        return JSONResponse({"saved": True, "answer": said.as_json()})

    app = Starlette(
        routes=[
            Route("/page.js", script),
            Route("/page.css", style),
            Route("/r/{token}/", page),
            Route("/r/{token}/sheet", sheet),
            Route("/r/{token}/items/{item}", item),
            Route("/r/{token}/answers/{item}", answer, methods=["PUT", "DELETE"]),
        ],
        exception_handlers={
            HTTPException: _refuse,
            UnknownItemError: _refuse,
            BadAnswerError: _refuse,
            AnswerNotSavedError: _refuse,
        },
    )
    return _guarded(app, port)


async def _json(request: Request) -> object:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "an answer comes as application/json")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES:
            raise HTTPException(413, f"an answer has at most {BODY_BYTES:,} bytes")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BadAnswerError("an answer is JSON") from None


STATUS: dict[type[Exception], int] = {UnknownItemError: 404, BadAnswerError: 422, AnswerNotSavedError: 503}


async def _refuse(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)
    return JSONResponse({"error": str(error)}, STATUS[type(error)])


def _guarded(app: ASGIApp, port: int) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """Answer our own page only, and send the headers that keep a browser from more than it is meant to do."""
    hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
    if port == 80:
        hosts |= {"127.0.0.1", "localhost"}

    def why_not(scope: Scope) -> str | None:
        given = Request(scope).headers
        host, origin = given.get("host", ""), given.get("origin")
        if host not in hosts:
            return f"this server is not {host!r}"
        if origin is None and scope["method"] not in {"GET", "HEAD"}:
            return "a change comes from the page of this server"
        if origin is not None and origin != f"http://{host}":
            return f"nothing is taken from {origin!r}"
        if given.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return "nothing is taken from another site"
        return None

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        refusal = why_not(scope)
        if refusal is None:
            await app(scope, receive, send_with_headers)
        else:
            await PlainTextResponse(refusal, 403)(scope, receive, send_with_headers)

    return guarded
