"""What the tests of flows share: the command, here and not in a process of its own, which costs a second a time."""

import io
import os
import subprocess
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from flows.cli import main
from tests.conftest import Assay, assay_in_a_process, clean_environment


@pytest.fixture
def assay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Assay:
    """Run the command in a folder of its own; with `env` or a plugin also in a process of its own.

    What a plugin registers stays registered for as long as its process lives.
    """
    in_a_process = assay_in_a_process(tmp_path)

    def run(
        *arguments: str, env: Mapping[str, str] | None = None, timeout: float = 240
    ) -> "subprocess.CompletedProcess[str]":
        if env is not None or "--plugin" in arguments:
            return in_a_process(*arguments, env=env, timeout=timeout)
        out, err = io.StringIO(), io.StringIO()
        with monkeypatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(tmp_path)
            _only(patch, clean_environment())
            status = main(arguments)
        return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())

    return run


def _only(patch: pytest.MonkeyPatch, variables: Mapping[str, str]) -> None:
    for name in os.environ.keys() - variables.keys():
        patch.delenv(name)
