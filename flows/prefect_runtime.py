"""Prefect's surroundings: its switches, the server a run talks to, and silence on the terminal.

Must be entered before `prefect` is imported anywhere, since Prefect reads its settings on import.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.errors import InputError, PipelineError
from flows.server_health import no_answer

SWITCHES = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    # The run's own lines go to the terminal; Prefect's go to the server, where the UI shows them.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_CLI_PROMPT": "false",
}
"""What this program prefers; whatever the user set stays."""

HINT = (
    "starting a Prefect server, 10-20 s (to pay that once: `prefect server start`, then "
    "PREFECT_API_URL=http://127.0.0.1:4200/api)"
)


def prefer_settings() -> None:
    """Set Prefect's switches unless the user did."""
    if "PREFECT_LOGGING_LEVEL" in os.environ:
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", os.environ["PREFECT_LOGGING_LEVEL"])
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)


def configured_api_url() -> str | None:
    """Return the server that the environment or the active Prefect profile names."""
    prefer_settings()
    if url := os.environ.get("PREFECT_API_URL"):
        return url
    from prefect.settings import PREFECT_API_URL

    url = PREFECT_API_URL.value()
    return str(url) if url else None


def require_server() -> None:
    """Find out before any work whether the configured server, if one is, answers.

    Raises:
        InputError: it does not.
    """
    if url := configured_api_url():
        _require_answer(url)


def in_flow_run() -> bool:
    """Tell whether this is called from within a flow run; does not load Prefect to find out."""
    if "prefect.context" not in sys.modules:
        return False
    from prefect.context import FlowRunContext

    return FlowRunContext.get() is not None


@contextmanager
def prefect_server(log: Path, say: Callable[[str], None]) -> Iterator[Callable[[], None]]:
    """Provide a Prefect server: the configured one, or one of our own for as long as the context lasts.

    Args:
        log: file for the output of a server of our own; removed when all went well.
        say: gets one line about what is happening.

    Inside of a flow run there is one: that of the flow run, which also sends what is held back when it ends.

    Yields:
        A function that waits until the server answers; work that needs no server can be done before.

    Raises:
        InputError: the configured server does not answer.
    """
    if in_flow_run():
        yield lambda: None
        return
    if url := configured_api_url():
        _require_answer(url)
        try:
            yield lambda: None
        finally:
            _flush()
        return

    say(HINT)
    server, url = _start_server(log)
    os.environ["PREFECT_API_URL"] = url
    _reread_settings()
    try:
        yield lambda: _wait_for(server, url, log)
        log.unlink(missing_ok=True)
    finally:
        _flush()
        del os.environ["PREFECT_API_URL"]
        _stop(server)
        _reread_settings()


def _require_answer(url: str) -> None:
    if reason := no_answer(url):
        raise InputError(
            f"no Prefect server answers at {url} ({reason}); start it with `prefect server start`, or unset "
            "PREFECT_API_URL to have one started for the run"
        )


def _start_server(log: Path) -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        # As Prefect sets them for the server that it embeds: no user interface, only the services a run needs.
        "PREFECT_UI_ENABLED": "0",
        "PREFECT__SERVER_EPHEMERAL": "1",
        "PREFECT__SERVER_FINAL": "1",
    }
    with log.open("wb") as output:
        server = subprocess.Popen(  # noqa: S603 (our own module)
            [sys.executable, "-m", "flows.embedded_server", str(port)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    return server, f"http://127.0.0.1:{port}/api"


def _wait_for(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    seconds = float(os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"])
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise PipelineError(f"the Prefect server did not start: {_last_line(log)} (all of it: {log})")
        try:
            urllib.request.urlopen(f"{url}/health", timeout=5).close()  # noqa: S310 (our own server)
            return
        except OSError:
            time.sleep(0.1)
    raise PipelineError(
        f"the Prefect server did not answer within {seconds:.0f} s (its output: {log}); set "
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS higher, or keep one running with `prefect server start`"
    )


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def _stop(server: subprocess.Popen[bytes]) -> None:
    if server.stdin is not None:
        server.stdin.close()
    try:
        server.wait(timeout=10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _reread_settings() -> None:
    """Tell Prefect, which is imported by now, that its environment has changed."""
    from prefect.context import refresh_global_settings_context

    refresh_global_settings_context()


def _flush() -> None:
    """Send what Prefect still holds back; after this the server may go."""
    if "prefect.events.worker" not in sys.modules:
        return
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    EventsWorker.drain_all(timeout=10)
    APILogWorker.drain_all(timeout=10)
