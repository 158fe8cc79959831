"""A Dask cluster of processes on this machine, and a line between a run and its scheduler that can be listened to."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from tests.conftest import clean_environment
from tests.support_waiting import PATIENCE_S, wait_for


class Cluster:
    """A scheduler, and workers that are started when they are wanted; each is a process in a folder of its own."""

    def __init__(self, folder: Path, env: Mapping[str, str], ending: ExitStack) -> None:
        self._folder, self._env, self._ending = folder, env, ending
        self._place = folder / "scheduler.json"
        self.workers: list[subprocess.Popen[bytes]] = []
        self._start("scheduler", "--port", "0", "--no-dashboard")
        wait_for(lambda: self._place.exists() and self._place.read_text().endswith("}"))
        self.address = str(json.loads(self._place.read_text())["address"])

    def add_workers(self, n: int) -> None:
        """Start workers and wait until they are there."""
        import distributed

        self.workers += [
            self._start("worker", "--nthreads", "1", "--no-nanny", "--no-dashboard", name=f"worker-{number}")
            for number in range(len(self.workers), len(self.workers) + n)
        ]
        with distributed.Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(sum(one.poll() is None for one in self.workers), timeout=PATIENCE_S)

    def _start(self, program: str, *arguments: str, name: str = "scheduler") -> "subprocess.Popen[bytes]":
        cwd = self._folder / name
        cwd.mkdir(parents=True)
        started = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{program}", "--scheduler-file", str(self._place),
             "--host", "127.0.0.1", *arguments],
            cwd=cwd, env=clean_environment(self._env), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._ending.callback(started.wait, 30)
        self._ending.callback(started.kill)
        return started


@contextmanager
def cluster_of(folder: Path, env: Mapping[str, str]) -> Iterator[Cluster]:
    """Run a scheduler without workers for as long as the context lasts."""
    with ExitStack() as ending:
        yield Cluster(folder, env, ending)


class Line:
    """Passes on what is sent to an address, and keeps what callers said."""

    def __init__(self, address: str) -> None:
        self._far = urlsplit(address)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._heard: list[bytes] = []
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def heard(self) -> bytes:
        """Everything that callers sent so far."""
        return b"".join(self._heard)

    def close(self) -> None:
        """Take no more callers."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection((str(self._far.hostname), int(self._far.port or 0)))
                threading.Thread(target=self._pass_on, args=(near, far, self._heard.append), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(far, near, len), daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, sink: socket.socket, note: Callable[[bytes], object]) -> None:
        with suppress(OSError):
            while sent := source.recv(1 << 16):
                note(sent)
                sink.sendall(sent)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def line_to(address: str) -> Iterator[Line]:
    """Put a line between callers and an address for as long as the context lasts."""
    line = Line(address)
    try:
        yield line
    finally:
        line.close()
