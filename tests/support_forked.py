"""The command as a process of its own, forked from one that has loaded what a command loads: that takes 3 s each time.

What is forked has its own id, memory, folder, environment and exit status; nothing of the project has run in it, only
been imported. Tests of how a command starts, and some that kill and interrupt it, start it from nothing.
"""

import atexit
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Never

from flows.prefect_runtime import prefer_settings
from tests.support_waiting import PATIENCE_S

ROOT = Path(__file__).parents[1]
ALWAYS = (
    "anyio._backends._asyncio", "cloudpickle", "duckdb", "flows.cli", "flows.report.write", "flows.runs",
    "flows.summary", "flows.views", "graders.citation_grounding", "graders.doc_revision", "graders.spreadsheet_clean",
    "numpy", "polars", "polars._utils.parquet", "rich._emoji_codes", "scipy.special", "scipy.stats",
    "tasks_lib.citation_grounding", "tasks_lib.doc_revision", "tasks_lib.policies.ladder", "tasks_lib.policies.oracle",
    "tasks_lib.policies.probe", "tasks_lib.policies.replay", "tasks_lib.policies.simulated",
    "tasks_lib.spreadsheet_clean", "warehouse.stats.knobs",
)  # fmt: skip
WITH_PREFECT = (
    "encodings.idna", "fastapi", "flows.pipeline", "prefect.events.worker", "prefect.logging.handlers",
    "prefect.task_engine", "prefect.utilities.visualization", "pydantic.v1",
)  # fmt: skip
"""Only where the variables of Prefect are those of the commands: it reads them when it is imported."""
CLIENT = "anthropic"
"""Only once a command comes with a key for it: it takes a second and a half, and most commands call no model."""
WITH_CLIENT = ("httpcore2", "opentelemetry.propagate", "tasks_lib.models.ledger")
"""What it loads with its first call, and what of the project does not load it."""
ITS_OWN = ("ASSAY_", "ANTHROPIC_", "ATTEMPTS_", "AWS_", "HANGS_", "PYTEST_")
"""Variables that nothing reads on import, of what is loaded here: a command may have its own."""


class Forking:
    """A process that forks commands, for one setting of the variables that are read on import."""

    def __init__(self, place: Path, environment: Mapping[str, str]) -> None:
        """Make ready to start it, when the first command is run.

        Args:
            place: name of its socket, which is not there yet.
            environment: all variables of the process.
        """
        self._place, self._environment = place, environment
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def key(environment: Mapping[str, str]) -> frozenset[tuple[str, str]]:
        """Return what has to be the same for a command to be forked."""
        return frozenset(item for item in environment.items() if not item[0].startswith(ITS_OWN))

    def _start(self) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support_forked", str(self._place)],
            cwd=ROOT, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        return process

    def begin(
        self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], *, leads: bool = True
    ) -> "Forked":
        """Begin a command.

        Args:
            arguments: of the command.
            folder: in which it works.
            environment: all of its variables.
            leads: it leads a process group of its own, and can be killed with all that belong to it.
        """
        if self._process is None:
            self._process = self._start()
        line = socket.socket(socket.AF_UNIX)
        line.connect(str(self._place))
        out, err = TemporaryFile(), TemporaryFile()  # noqa: SIM115  closed with what holds them
        asked = {
            "arguments": list(arguments), "folder": str(folder), "environment": dict(environment), "leads": leads,
        }  # fmt: skip
        socket.send_fds(line, [b"+"], [out.fileno(), err.fileno()])
        line.sendall(json.dumps(asked).encode() + b"\n")
        return Forked(line, out, err)

    def run(
        self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], timeout: float
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command as `subprocess.run` does; raises `TimeoutExpired` after ending it."""
        process = self.begin(arguments, folder, environment, leads=False)
        try:
            out, err = process.communicate(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        return subprocess.CompletedProcess(arguments, process.wait(), out, err)

    def end(self) -> None:
        """End it; commands that still run go on."""
        if self._process is not None:
            # Not for the end of its output: a command that hangs has that open, too, and would hold up the session.
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.close()
            self._process.wait(timeout=PATIENCE_S)
            self._process.stdout.close()


class Forked:
    """A command that was forked; what `subprocess.Popen` offers, as far as tests ask for it."""

    def __init__(self, line: socket.socket, out: IO[bytes], err: IO[bytes]) -> None:
        self._line, self._out, self._err = line, out, err
        self._answers = line.makefile("rb")
        self.pid = int(self._answers.readline())
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Return its status when it has ended; raises `TimeoutExpired` where it does not in so many seconds."""
        if self.returncode is None:
            if not select.select([self._line], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("assay", timeout or 0)
            self.returncode = int(self._answers.readline())
            self._answers.close()
            self._line.close()
        return self.returncode

    def poll(self) -> int | None:
        """Return its status, or None while it is at work."""
        with suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def send_signal(self, number: int) -> None:
        """Send a signal, if it is still there."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it, if it is still there."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end, and return what it wrote."""
        self.wait(timeout)
        return _text(self._out), _text(self._err)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def serve(place: str) -> None:
    """Fork a command for everyone who connects, until standard input ends."""
    prefer_settings()
    for name in (*ALWAYS, *(WITH_PREFECT if "PREFECT_API_URL" in os.environ else ())):
        import_module(name)
    del sys.modules["flows.cli"]  # each command begins there
    assert threading.active_count() == 1, "threads do not come along in a fork"
    gc.collect()
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(place)
        listener.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            _reap()
            line, _ = listener.accept()
            _, files, _, _ = socket.recv_fds(line, 1, 2)
            asked = json.loads(line.makefile("rb").readline())
            if "ANTHROPIC_API_KEY" in asked["environment"] and f"{CLIENT}.types" not in sys.modules:
                _load_client()
            if os.fork() == 0:
                listener.close()
                _attend(line, asked, files)
            line.close()
            for file in files:
                os.close(file)


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _load_client() -> None:
    """Load the client of the models, all but its beginning: a command reads ANTHROPIC_LOG there, at its own time."""
    for name in (CLIENT, *WITH_CLIENT):
        import_module(name)
    assert threading.active_count() == 1, "threads do not come along in a fork"
    gc.collect()
    gc.freeze()
    del sys.modules[CLIENT]


def _attend(line: socket.socket, asked: dict[str, Any], files: list[int]) -> Never:
    """Run the command that is asked for in a process of its own, and answer with its id and its status."""
    command = os.fork()
    if command == 0:
        line.close()
        _become(asked, files)
    line.sendall(f"{command}\n".encode())
    status = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
    line.sendall(f"{status}\n".encode())
    os._exit(0)


def _become(asked: dict[str, Any], files: list[int]) -> Never:
    """Be the command: its folder, variables, arguments and output."""
    for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), *files)):
        os.dup2(file, number)
        os.close(file)
    if asked["leads"]:
        os.setsid()
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.path[0] = asked["folder"]
    sys.argv = ["assay", *asked["arguments"]]
    status = 0
    try:
        runpy.run_module("flows.cli", run_name="__main__", alter_sys=True)
    except SystemExit as leave:
        status = leave.code if isinstance(leave.code, int) else 1
    except BaseException:  # noqa: BLE001  what an interpreter does at its end
        traceback.print_exc()
        status = 1
    # An interpreter's end without that of the libraries: some wait there for threads that a fork does not have.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    serve(sys.argv[1])
