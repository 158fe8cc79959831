"""Workers before there is a plan: whoever needs them gets them, nobody else, and they end with the context."""

import os
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from flows.early_workers import WHAT_THEY_DO, early_workers
from flows.errors import InputError
from flows.settings import Settings
from tests.support_waiting import PATIENCE_S


def _modules() -> set[str]:
    return set(sys.modules)


def test_they_are_there_with_what_a_chunk_takes_and_end_whatever_happens() -> None:
    """A plan that cannot be made leaves no process behind."""
    settings = Settings(families=("spreadsheet_clean",), n=30, workers=2)
    with suppress(InputError), early_workers(settings, None) as pool:
        assert pool is not None
        worker = psutil.Process(pool.run(os.getpid))
        assert WHAT_THEY_DO in pool.run(_modules)
        raise InputError("no such thing")
    assert psutil.wait_procs([worker], timeout=PATIENCE_S)[1] == []


@pytest.mark.parametrize(
    ("changed", "lines"),
    [
        ({"n": 2}, None),
        ({"n": 30, "runner": "dask"}, None),
        ({"n": 30, "policies": ()}, None),
        ({"n": 30}, 4),
        ({"n": 30}, 0),
    ],
)
def test_a_run_that_may_do_without_gets_none(changed: dict[str, object], lines: int | None, tmp_path: Path) -> None:
    """Two instances, another runner, nobody to attempt it, a short file, none at all; 48 rollouts an instance."""
    path = None if lines is None else tmp_path / "tasks.jsonl"
    if path and lines:
        path.write_text("{}\n" * lines)
    settings = Settings(families=("spreadsheet_clean",), workers=1).model_copy(update=changed)
    with early_workers(settings, path) as pool:
        assert pool is None


def test_five_instances_of_a_file_are_enough(tmp_path: Path) -> None:
    """240 rollouts, and a process is started for them."""
    (tmp_path / "tasks.jsonl").write_text("{}\n" * 5)
    with early_workers(Settings(families=("spreadsheet_clean",), workers=1), tmp_path / "tasks.jsonl") as pool:
        assert pool is not None


def test_a_plugin_that_is_not_there_is_told_before_any_worker_is_started() -> None:
    """Each worker would say so, in twenty lines."""
    settings = Settings(n=30, plugins=("no_such_plugin",))
    with pytest.raises(InputError, match="no_such_plugin"), early_workers(settings, None):
        pytest.fail("it began")
