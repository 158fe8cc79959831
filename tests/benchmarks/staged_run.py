"""`assay run ...` with its stages timed: `python -m tests.benchmarks.staged_run STAGES.json run ...`.

Writes, for every stage of the parent process in the order in which they began: when it began, how long it took, and
the CPU seconds that the whole process used meanwhile, other threads included, workers and server not. A stage within
another has a greater depth. Beside them stand the CPU seconds of this process and of those that it has waited for.
"""

import functools
import importlib
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

STAGES = {
    "flows.runs": ("begin_run", "make_plan", "register_run", "prepare_load", "say_findings", "discard_spool"),
    "flows.pipeline": ("work_in_threads", "load_run", "summarise", "read_changes", "create_artifacts"),
    "flows.load": ("catalogue", "refresh"),
    "flows.prefect_runtime": ("_require_answer", "_wait_for", "_flush", "_stop"),
    "warehouse.estimates": ("_knob_effects", "checkpoint_changes", "refresh_calibration"),
    "warehouse.store": (
        "Warehouse.open",
        "Warehouse._create",
        "Warehouse.load",
        "Warehouse.merge",
        "Warehouse.merge_files",
        "Warehouse.close",
    ),
    "flows.artifacts.progress": ("Stage.__init__", "Stage.advance"),
}
"""Module -> functions and methods of it that are timed; one that is no longer there is left out."""
LATE = ("flows.pipeline", "flows.artifacts.progress")
"""Modules that load Prefect: timed from when the run itself loads them. The others are when its workers are started."""


@dataclass
class Timed:
    """What one call of a stage took."""

    stage: str
    depth: int
    began_s: float
    wall_s: float = 0.0
    cpu_s: float = 0.0


_started = time.perf_counter()
_stages: list[Timed] = []
_depth = 0


@contextmanager
def _stage(name: str) -> Iterator[None]:
    global _depth
    timed = Timed(name, _depth, time.perf_counter() - _started)
    _stages.append(timed)
    cpu, _depth = time.process_time(), _depth + 1
    try:
        yield
    finally:
        _depth -= 1
        timed.wall_s, timed.cpu_s = time.perf_counter() - _started - timed.began_s, time.process_time() - cpu


def _timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with _stage(name):
            return function(*args, **kwargs)

    return call


def _time(module: str) -> None:
    """Have the stages of a module timed."""
    for path in STAGES[module]:
        owner: Any = importlib.import_module(module)
        *within, name = path.split(".")
        for part in within:
            owner = getattr(owner, part)
        found = vars(owner).get(name)
        if isinstance(found, classmethod):
            setattr(owner, name, classmethod(_timed(path, found.__func__)))
        elif found is not None:
            setattr(owner, name, _timed(path, found))


def _time_when_loaded() -> None:
    """Time everything when the run comes to it: what it loads when counts."""
    import flows.commands.run

    begin = flows.commands.run._begin

    def begin_and_time(*args: Any) -> Any:
        with _stage("more imports"):
            import flows.runs  # noqa: F401
        for module in STAGES:
            if module not in LATE:
                _time(module)
        _time_with_prefect()
        return begin(*args)

    flows.commands.run._begin = begin_and_time


def _time_with_prefect() -> None:
    import flows.prefect_runtime

    provided = flows.prefect_runtime.prefect_server

    @contextmanager
    def prefect_server(*args: Any) -> Iterator[Callable[[], None]]:
        with provided(*args) as wait:

            def wait_and_time() -> None:
                wait()
                for module in LATE:
                    _time(module)

            yield wait_and_time

    flows.prefect_runtime.prefect_server = prefect_server


def main() -> None:
    """Run, and write what each stage took."""
    out = Path(sys.argv.pop(1))
    with _stage("imports"):
        import flows.cli
    _time_when_loaded()
    try:
        with _stage("all"):
            flows.cli.main()
    finally:
        waited = resource.getrusage(resource.RUSAGE_CHILDREN)
        figures = {
            "parent_cpu_s": time.process_time(),
            "children_cpu_s": waited.ru_utime + waited.ru_stime,
            "stages": [asdict(one) for one in _stages],
        }
        out.write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
