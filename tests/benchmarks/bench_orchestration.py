"""What the orchestration of a run costs: `assay run` beside a bare loop over two processes, on the same rollouts.

Run with `python -m pytest tests/benchmarks/bench_orchestration.py -m bench -s`, on a machine that does nothing else;
ORCHESTRATION_TIMES=n repeats each measurement n times (3), and `-k groups-alone` takes the first mix only. Whole
processes are timed, taking turns. Where others use the cores, too, wall times say little and CPU seconds more; both
are printed, with the load that was met, and below them what the stages of each run against the running server took.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import assay_in_a_process, clean_environment

TIMES = int(os.environ.get("ORCHESTRATION_TIMES", "3"))
MOST_OVERHEAD = 0.15
"""Of the wall time of a run against a running server, what may go to anything but the work."""
SHOWN_FROM_S = 0.05
"""Seconds below which a stage is not shown."""
FAMILIES = ("citation_grounding", "doc_revision", "spreadsheet_clean")


@dataclass(frozen=True)
class Mix:
    """A set of about 16,000 rollouts: three families, sim/weak, sim/mid and sim/strong in groups of 16."""

    name: str
    n: int
    """Instances per family."""
    audit: bool


MIXES = (
    # 3 families x 111 instances x 3 policies x 16 rollouts = 15,984.
    Mix("groups alone", 111, audit=False),
    # 3 x 20 instances x (3 x 16 rollouts) and 20 x (238 + 244 + 207) of oracle, ladders and probes: 16,660 planned, of
    # which about 900 ladders and probes do not apply.
    Mix("groups and audit", 20, audit=True),
)


@dataclass(frozen=True)
class Took:
    """What one process and all that it started used."""

    wall_s: float
    cpu_s: float
    server_cpu_s: float
    """Of it, what a server used that was there before."""
    load: float
    """How many processes wanted a core when it ended, as the kernel averages over a minute."""


@pytest.fixture(scope="module", params=MIXES, ids=lambda mix: mix.name.replace(" ", "-"))
def tasks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Mix, Path]:
    """The instances of a mix."""
    mix = request.param
    folder = tmp_path_factory.mktemp("tasks")
    assay = assay_in_a_process(folder)
    named = [part for name in FAMILIES for part in ("--family", name)]
    done = assay("generate", *named, "--n", str(mix.n), "--out", "tasks.jsonl")
    assert done.returncode == 0, done.stderr
    return mix, folder / "tasks.jsonl"


def _timed(folder: Path, command: Sequence[str], env: dict[str, str], server: "psutil.Process | None" = None) -> Took:
    figures = folder / "figures.json"
    before = _cpu_s(server)
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.timed", str(figures), sys.executable, *command],
        cwd=folder, env=clean_environment(env), capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    took = json.loads(figures.read_text())
    of_server = _cpu_s(server) - before
    return Took(took["wall_s"], took["cpu_s"] + of_server, of_server, os.getloadavg()[0])


def _cpu_s(server: "psutil.Process | None") -> float:
    if server is None:
        return 0.0
    used = server.cpu_times()
    return used.user + used.system


def _run(tasks: Path, db: str, mix: Mix) -> list[str]:
    audit = "--audit" if mix.audit else "--no-audit"
    of_stages = str(Path(db).with_suffix(".json"))
    return [
        "-m", "tests.benchmarks.staged_run", of_stages,
        "run", "--instances", str(tasks), audit, "--workers", "2", "--db", db, "--json",
    ]  # fmt: skip


@pytest.mark.bench
@pytest.mark.timeout(3600)
def test_the_overhead_of_a_run(tasks: tuple[Mix, Path], prefect_api: dict[str, str], tmp_path: Path) -> None:
    """A bare loop, a run against a server that is there already, and one that starts its own, in turns."""
    mix, path = tasks
    (server,) = [child for child in psutil.Process().children() if "flows.embedded_server" in child.cmdline()]
    own = {"PREFECT_HOME": str(tmp_path / "home")}
    bare = ["-m", "tests.benchmarks.bare_loop", str(path), *(["--audit"] if mix.audit else [])]
    took: dict[str, list[Took]] = {"bare loop": [], "run, server there": [], "run, own server": []}
    for turn in range(TIMES):
        took["bare loop"].append(_timed(tmp_path, bare, {}))
        took["run, server there"].append(_timed(tmp_path, _run(path, f"there{turn}.duckdb", mix), prefect_api, server))
        took["run, own server"].append(_timed(tmp_path, _run(path, f"own{turn}.duckdb", mix), own))
    _show(mix, took)
    for turn, run in enumerate(took["run, server there"]):
        _show_stages(run, json.loads((tmp_path / f"there{turn}.json").read_text()))
    share = 1 - _median(took["bare loop"], "wall_s") / _median(took["run, server there"], "wall_s")
    assert share <= MOST_OVERHEAD


def _show(mix: Mix, took: dict[str, list[Took]]) -> None:
    print(f"\n{mix.name}: {TIMES} times each, medians (least to most)")
    base = {what: _median(took["bare loop"], what) for what in ("wall_s", "cpu_s")}
    for name, times in took.items():
        parts = [f"{name:20}"]
        for what in ("wall_s", "cpu_s"):
            values = [getattr(one, what) for one in times]
            middle = statistics.median(values)
            overhead = f"{1 - base[what] / middle:6.1%} of it overhead" if name != "bare loop" else " " * 23
            parts.append(f"{what[:-2]:4} {middle:6.2f} s ({min(values):.2f} to {max(values):.2f}){overhead}")
        parts.append("load " + ", ".join(f"{one.load:.1f}" for one in times))
        print("  ".join(parts))


def _show_stages(run: Took, figures: dict[str, Any]) -> None:
    """Print what the stages of one run took, but for what is over at once."""
    print(
        f"\nrun, server there: {run.wall_s:.2f} s; CPU seconds: workers {figures['children_cpu_s']:.2f}, "
        f"own process {figures['parent_cpu_s']:.2f}, server {run.server_cpu_s:.2f}\n  began    took     CPU"
    )
    for stage in figures["stages"]:
        if stage["wall_s"] >= SHOWN_FROM_S:
            times = f"{stage['began_s']:7.2f} {stage['wall_s']:7.2f} {stage['cpu_s']:7.2f}"
            print(f"{times}  {'  ' * stage['depth']}{stage['stage']}")


def _median(times: Sequence[Took], what: str) -> float:
    return statistics.median(getattr(one, what) for one in times)
