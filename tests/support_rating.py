"""The rating page as a real process, and a set to rate."""

import json
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import clean_environment
from tests.support_calibration import SET
from tests.support_waiting import PATIENCE_S


@dataclass
class Server:
    """`assay calibrate rate` under way."""

    process: "subprocess.Popen[str]"
    links: dict[str, str]
    """Rater -> URL."""

    @property
    def port(self) -> int:
        return int(next(iter(self.links.values())).split("/")[2].rpartition(":")[2])

    def kill(self) -> None:
        """End it as a power failure would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate(timeout=PATIENCE_S)

    def stop(self) -> str:
        """Press Ctrl-C, and return what it says then."""
        self.process.send_signal(signal.SIGINT)
        said, errors = self.process.communicate(timeout=PATIENCE_S)
        assert self.process.returncode == 0, errors
        return said


@contextmanager
def rating(db: Path, *arguments: str) -> Iterator[Server]:
    """Serve a set; the process is ended in the end, whatever happens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "calibrate", "rate", "--set", SET, "--db", str(db), *arguments],
        env=clean_environment({"COLUMNS": "200"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    links = {}
    for line in process.stdout:
        words = line.split()
        if len(words) == 2 and words[1].startswith("http://"):
            links[words[0]] = words[1]
        if "Ctrl-C" in line:
            break
    else:
        raise AssertionError(process.stderr.read())
    try:
        yield Server(process, links)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate(timeout=PATIENCE_S)


@dataclass
class Reply:
    """What the server said."""

    status: int
    body: str
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(url: str, method: str = "GET", body: Any = None, headers: Mapping[str, str | None] | None = None) -> Reply:
    """Speak to the server as its own page does; `headers` say what is different, None what is left out.

    Args:
        url: where.
        method: how.
        body: bytes as they are, anything else as JSON.
        headers: beside those that a browser sends.
    """
    origin = "/".join(url.split("/")[:3])
    sent: dict[str, str | None] = {"Content-Type": "application/json", "Origin": origin, **(headers or {})}
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310
        url, data, {name: value for name, value in sent.items() if value is not None}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as reply:  # noqa: S310
            return Reply(reply.status, reply.read().decode(), dict(reply.headers))
    except urllib.error.HTTPError as error:
        return Reply(error.code, error.read().decode(), dict(error.headers))


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
