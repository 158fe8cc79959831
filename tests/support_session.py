"""Many commands in one process: importing what a run needs takes longer than a small run.

As a program: reads a JSON array of arguments from every line, runs that command, and writes a line of JSON about it.
"""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from tests.conftest import clean_environment
from tests.support_waiting import PATIENCE_S


class Session:
    """A process that runs commands, one after another."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def begin(self, *arguments: str) -> None:
        """Begin a command; `end` says what came of it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(arguments) + "\n")
        self._process.stdin.flush()

    def end(self) -> "subprocess.CompletedProcess[str]":
        """Wait until the command that was begun has ended."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self._process.communicate()[1]
        return subprocess.CompletedProcess([], **json.loads(line))

    def __call__(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        self.begin(*arguments)
        return self.end()


@contextmanager
def session(folder: Path, env: Mapping[str, str]) -> Iterator[Session]:
    """Start a process that runs commands in a folder, and see to it that it ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support_session"],
        cwd=folder, env=clean_environment(env), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Session(process)
        process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        process.wait()


def _serve() -> None:
    from flows.cli import main

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is written there is no answer
    for line in sys.stdin:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            status = main(json.loads(line))
        answers.write(json.dumps({"returncode": status, "stdout": out.getvalue(), "stderr": err.getvalue()}) + "\n")
        answers.flush()


if __name__ == "__main__":
    _serve()
