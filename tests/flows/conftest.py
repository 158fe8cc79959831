"""What the tests of flows share: the command, here and not in a process of its own, which costs a second a time."""

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from flows.cli import main
from tests.conftest import Assay, assay_in_a_process, clean_environment
from tests.flows.stricter import STRICTER
from warehouse import Warehouse


@pytest.fixture(scope="session")
def _empty_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "assay.duckdb"
    with Warehouse.open(path):
        return path


@pytest.fixture(scope="module", autouse=True)
def _new_warehouses_are_copies(_empty_warehouse: Path) -> Iterator[None]:
    """Begin a new warehouse, where this process makes one, as a copy of an empty one: making all views takes long.

    Processes of their own and the tests of the warehouse make theirs from nothing.
    """
    as_it_is = Warehouse.open

    def opened(place: Any, *, read_only: bool = False, **more: Any) -> Warehouse:
        if isinstance(place, Path) and not read_only and not place.exists() and place.parent.is_dir():
            shutil.copy(_empty_warehouse, place)
        return as_it_is(place, read_only=read_only, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Warehouse, "open", opened)
        yield


@pytest.fixture
def assay(tmp_path: Path) -> Assay:
    """Run the command in a folder of its own; with `env` or a plugin new to this process also in a process of its own.

    What a plugin registers stays registered for as long as its process lives.
    """
    return assay_here(tmp_path)


def assay_here(folder: Path) -> Assay:
    """Return what runs the command in this process, in a folder, as fixture `assay` does."""
    in_a_process = assay_in_a_process(folder)

    def run(
        *arguments: str, env: Mapping[str, str] | None = None, timeout: float = 240
    ) -> "subprocess.CompletedProcess[str]":
        if env is not None or not _plugins(arguments) <= sys.modules.keys() - {STRICTER}:
            return in_a_process(*arguments, env=env, timeout=timeout)
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(folder)
            patch.setattr(sys, "path", [*sys.path])
            _only(patch, clean_environment())
            status = main(arguments)
        return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())

    return run


def _plugins(arguments: Sequence[str]) -> set[str]:
    return {name for option, name in pairwise(arguments) if option == "--plugin"}


def _only(patch: pytest.MonkeyPatch, variables: Mapping[str, str]) -> None:
    for name in os.environ.keys() - variables.keys():
        patch.delenv(name)
