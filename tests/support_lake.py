"""Runs to load into a lake, a process that loads one, and what must hold of a lake afterwards.

As a program: `python -m tests.support_lake LAKE SHARDS RUN DATA_PATH` says `ready`, waits for a line, and loads.
"""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.conftest import clean_environment
from warehouse import Warehouse
from warehouse.definitions import tables
from warehouse.estimates import refresh
from warehouse.location import Lake, Location, parse_location
from warehouse.shards import Shards
from warehouse.store import LOADED_TABLES

POLICIES = ("sim/a", "sim/b")
DIMENSIONS = ("one", "two", "three")
N_INSTANCES = 4


def lake_of(connection: str, files: Path | str | None) -> Lake:
    """Return the lake of a catalogue in PostgreSQL."""
    lake = parse_location(f"ducklake:postgres:{connection}", None if files is None else str(files))
    assert isinstance(lake, Lake)
    return lake


def write_run(folder: Path, run_id: str, n_samples: int, n_shards: int = 4) -> Shards:
    """Write the shards of a run: 8 groups of `n_samples` rollouts with three scores and a composite each."""
    shards = Shards(str(folder))
    for number in range(n_shards):
        shards.write(f"{run_id}-{number}", _rows(run_id, range(number, n_samples, n_shards)))
    return shards


def expected_rows(n_samples: int) -> dict[str, int]:
    """Return how many rows a run has, by table."""
    rollouts = N_INSTANCES * len(POLICIES) * n_samples
    groups = N_INSTANCES * len(POLICIES)
    return {"planned": groups, "rollout": rollouts, "score": 3 * rollouts, "composite": rollouts}


def load(place: Location, shards: Shards, run_id: str) -> dict[str, int]:
    """Load a run as the program does: what it shares with others, what is its own, and what follows from all."""
    with Warehouse.open(place, beside_others=True) as warehouse:
        warehouse.merge("run", [_run(run_id, "running")])
        warehouse.merge_all({"policy": _policies(), "threshold": [{"run_id": run_id, "name": "a", "value": 1.0}]})
        warehouse.merge("instance", [_instance(number) for number in range(N_INSTANCES)])
        added = warehouse.load(shards)
        warehouse.merge("run", [_run(run_id, "completed")])
        refresh(warehouse, [run_id])
    return added


def loader(place: str, shards: Shards, run_id: str, data_path: str = "") -> "subprocess.Popen[str]":
    """Start a process that is ready to load, and begins at `begin`."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support_lake", place, shards.place, run_id, data_path],
        env=clean_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def begin(processes: Iterable["subprocess.Popen[str]"]) -> None:
    """Wait until all are ready, and let them begin at once."""
    processes = list(processes)
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


def repeated_keys(warehouse: Warehouse) -> dict[str, int]:
    """Return how many rows too many every table has; tables where no key is there twice are left out."""
    counts = (
        f"select '{name}' as name, count(*) - count(distinct ({', '.join(definition.grain)})) as n from {name}"  # noqa: S608
        for name, definition in tables().items()
    )
    found = warehouse.sql(" union all ".join(counts))
    return {name: n for name, n in found.iter_rows() if n}


def rows_of(warehouse: Warehouse, run_id: str) -> dict[str, int]:
    """Return how many rows a run has in the tables that shards fill; of those without a run, by their rollouts."""
    found = {}
    for name in ("planned", "rollout"):
        query = f"select count(*) as n from {name} where run_id = ?"  # noqa: S608 - names of ours
        found[name] = warehouse.sql(query, [run_id])["n"][0]
    for name in ("score", "composite"):
        query = f"select count(*) as n from {name} where starts_with(rollout_id, ?)"  # noqa: S608 - names of ours
        found[name] = warehouse.sql(query, [f"{run_id}/"])["n"][0]
    assert set(found) <= set(LOADED_TABLES)
    return found


def _rows(run_id: str, samples: range) -> dict[str, list[dict[str, Any]]]:
    rollouts = list(_rollouts(run_id, samples))
    scores = [_score(row["rollout_id"], name) for row in rollouts for name in DIMENSIONS]
    composites = [_composite(row["rollout_id"]) for row in rollouts]
    # The same rows in every shard, and each must count once: two chunks of a run that was taken up may overlap.
    planned = [
        {"run_id": run_id, "instance_id": f"i{instance}", "policy_id": policy, "n_samples": 1, "n_not_applicable": 0}
        for instance in range(N_INSTANCES)
        for policy in POLICIES
    ]
    return {"planned": planned, "rollout": rollouts, "score": scores, "composite": composites}


def _rollouts(run_id: str, samples: range) -> Iterator[dict[str, Any]]:
    for instance in range(N_INSTANCES):
        for policy in POLICIES:
            for sample in samples:
                yield {
                    "rollout_id": f"{run_id}/{instance}/{policy}/{sample}", "run_id": run_id,
                    "instance_id": f"i{instance}", "policy_id": policy, "sample": sample, "status": "completed",
                    "output": "text " * 40, "transcript": [], "steps": 1, "input_tokens": 1, "output_tokens": 1,
                    "cached_tokens": 0, "cost_usd": 0.0, "latency_s": 0.1, "error": None,
                }  # fmt: skip


def _score(rollout_id: str, dimension: str) -> dict[str, Any]:
    return {
        "rollout_id": rollout_id, "dimension": dimension, "grader_id": "g", "replicate": 0, "family": "fam",
        "low": 0.5, "high": 0.5, "state": "assessed", "source": "deterministic", "reason": "because",
        "evidence": {}, "grader_version": "1",
    }  # fmt: skip


def _composite(rollout_id: str) -> dict[str, Any]:
    halves = ("uncapped_low", "uncapped_high", "low", "high", "mid", "additive_mid", "reward")
    return {
        "rollout_id": rollout_id, "rubric_id": "fam-1", "work_low": 1.0, "work_high": 1.0, "cap": 1.0, "flags": [],
        "assessed_weight": 1.0, "ready": True, **dict.fromkeys(halves, 0.5),
    }  # fmt: skip


def _policies() -> list[dict[str, Any]]:
    return [{"policy_id": name, "name": name, "kind": "simulated", "regime": {}} for name in POLICIES]


def _instance(number: int) -> dict[str, Any]:
    return {
        "instance_id": f"i{number}", "family": "fam", "template_version": "1", "archetype": "a", "seed": number,
        "difficulty": 0.5, "knobs": {}, "mode": "single", "split": "train", "prompt": "do", "materials": {},
        "truth": {},
    }  # fmt: skip


def _run(run_id: str, status: str) -> dict[str, Any]:
    return {
        "run_id": run_id, "config": {}, "config_hash": "c", "taskset_hash": "t", "code_version": "1",
        "started_at": datetime(2026, 1, 1, tzinfo=UTC), "ended_at": None, "status": status, "n_planned": 1,
    }  # fmt: skip


if __name__ == "__main__":
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    added = load(parse_location(sys.argv[1], sys.argv[4] or None), Shards(sys.argv[2]), sys.argv[3])
    sys.stdout.write(f"{sum(added.values())}\n")
