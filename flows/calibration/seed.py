"""Seed calibration: judges held against the hand-made examples, as a run of their own."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from flows.errors import InputError
from flows.load import discard_spool
from flows.places import runs_folder
from flows.runs import begin_run, finish_without_prefect
from flows.settings import Settings
from graders.judge.asking import judged_dimensions
from graders.judge.seed_examples import (
    SEED_RATER,
    SeedExample,
    agrees,
    seed_examples,
    seed_families,
    seed_instance,
    status_of,
)
from tasks_lib.policies.replay import RecordedOutput
from tasks_lib.records import TaskInstance, canonical_json, content_hash
from warehouse import Warehouse
from warehouse.stats.shares import wilson

POLICY = "seed examples"
SAID = """
    select
        rollout.rollout_id,
        rollout.instance_id,
        rollout.sample,
        score.dimension,
        score.grader_id,
        avg(score.low) as low,
        avg(score.high) as high,
        any_value(score.reason) filter (score.state <> 'assessed') as reason
    from score
    join rollout using (rollout_id)
    where rollout.run_id = ? and score.source = 'judge'
    group by all
"""


@dataclass(frozen=True)
class SeedCalibration:
    """How a run of the seed examples went."""

    run_id: str
    summary: pl.DataFrame
    """grader_id, family, dimension, n, agreement, ci_low, ci_high, within_one, bias, mae, n_without_verdict, status."""
    disagreements: pl.DataFrame
    """grader_id, family, dimension, example, expected, level, reason, why."""

    @property
    def has_excluded(self) -> bool:
        """Whether a judge fails on some dimension."""
        return "excluded" in self.summary["status"]


def calibrate_on_seed(settings: Settings) -> SeedCalibration:
    """Have judges judge the seed examples, and hold them against their author.

    Args:
        settings: judges, repeats, families (none: all that have examples), limits, budget, warehouse.

    Raises:
        InputError, LookupError, WarehouseError: the input cannot be used.
        PipelineError, InterruptedRunError: it broke off or was stopped; what was answered is kept.
    """
    families = [name for name in seed_families() if not settings.families or name in settings.families]
    if not families:
        raise InputError(f"there are no seed examples of {', '.join(settings.families)}; there are of: {_known()}")
    examples = [example for family in families for example in seed_examples(family)]
    instances = {(e.family, e.case): seed_instance(e.family, e.case) for e in examples}
    placed = _placed(examples, instances)
    outputs = _write_outputs(runs_folder(settings.db, settings.runs), placed)
    settings = settings.model_copy(
        update={
            "policies": (f"replay:{outputs}",), "audit": False, "judge_scope": "all", "span": (),
            "weak": None, "strong": None, "families": (),
        }
    )  # fmt: skip
    place = begin_run(settings, list(instances.values()))
    finish_without_prefect(place, settings)
    outputs.unlink(missing_ok=True)
    discard_spool(place.spool)
    with Warehouse.open(settings.db) as warehouse:
        said = warehouse.sql(SAID, [place.run_id])
        compared = _compared(said, placed)
        warehouse.merge("rating", _ratings(compared))
    return SeedCalibration(place.run_id, _summary(compared), _disagreements(compared))


def _known() -> str:
    return ", ".join(seed_families())


def _placed(
    examples: Iterable[SeedExample], instances: dict[tuple[str, str], TaskInstance]
) -> dict[tuple[str, int], SeedExample]:
    """Return the place of every example in a run: instance and sample."""
    placed: dict[tuple[str, int], SeedExample] = {}
    for example in examples:
        instance_id = instances[example.family, example.case].instance_id
        placed[instance_id, sum(other == instance_id for other, _ in placed)] = example
    return placed


def _write_outputs(folder: Path, placed: dict[tuple[str, int], SeedExample]) -> Path:
    records = [
        RecordedOutput(instance_id=instance_id, policy=POLICY, sample=sample, output=example.output)
        for (instance_id, sample), example in placed.items()
    ]
    lines = "".join(f"{canonical_json(record.model_dump(mode='json'))}\n" for record in records)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder.resolve() / f"seed-{content_hash(lines)}.jsonl"
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_text(lines, encoding="utf-8")
    unfinished.replace(path)
    return path


def _compared(said: pl.DataFrame, placed: dict[tuple[str, int], SeedExample]) -> list[dict[str, Any]]:
    """Return one row for every judge, example and dimension with an expected level."""
    rows = []
    for row in said.iter_rows(named=True):
        example = placed[row["instance_id"], row["sample"]]
        expected = example.levels.get(row["dimension"])
        if expected is None:
            continue
        top = judged_dimensions(example.family)[row["dimension"]].top
        level = row["low"] * top if row["high"] - row["low"] < 1e-9 else None
        rows.append({**row, "example": example, "expected": expected, "top": top, "level": level})
    return rows


def _summary(compared: list[dict[str, Any]]) -> pl.DataFrame:
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in compared:
        groups.setdefault((row["grader_id"], row["example"].family, row["dimension"]), []).append(row)
    return pl.DataFrame([_measured(*key, rows) for key, rows in sorted(groups.items())], infer_schema_length=None)


def _measured(grader_id: str, family: str, dimension: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Measure one judge on one dimension; where it gave no verdict it did not agree."""
    given = [row for row in rows if row["level"] is not None]
    gaps = [(row["level"] - row["expected"]) / row["top"] for row in given]
    n_agreed = sum(agrees(row["level"], row["expected"]) for row in given)
    low, high = wilson(n_agreed, len(rows))
    return {
        "grader_id": grader_id,
        "family": family,
        "dimension": dimension,
        "n": len(rows),
        "agreement": n_agreed / len(rows),
        "ci_low": low,
        "ci_high": high,
        "within_one": sum(abs(row["level"] - row["expected"]) <= 1 for row in given) / len(rows),
        "bias": sum(gaps) / len(gaps) if gaps else None,
        "mae": sum(map(abs, gaps)) / len(gaps) if gaps else None,
        "n_without_verdict": len(rows) - len(given),
        "status": status_of(n_agreed / len(rows)),
    }


def _disagreements(compared: list[dict[str, Any]]) -> pl.DataFrame:
    rows = [
        {
            "grader_id": row["grader_id"],
            "family": row["example"].family,
            "dimension": row["dimension"],
            "example": row["example"].name,
            "expected": row["expected"],
            "level": row["level"],
            "reason": row["reason"],
            "why": row["example"].why,
        }
        for row in compared
        if row["level"] is None or not agrees(row["level"], row["expected"])
    ]
    types = {"grader_id": pl.String, "family": pl.String, "dimension": pl.String, "example": pl.String,
             "expected": pl.Int64, "level": pl.Float64, "reason": pl.String, "why": pl.String}  # fmt: skip
    return pl.DataFrame(rows, schema=types).sort("grader_id", "family", "dimension", "example")


def _ratings(compared: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what the author expects as ratings: the split of their instances says that they are seed examples."""
    return [
        {
            "rollout_id": row["rollout_id"],
            "dimension": row["dimension"],
            "rater": SEED_RATER,
            "score": row["expected"] / row["top"],
            "raw_value": str(row["expected"]),
            "scale": f"0..{row['top']}",
            "note": row["example"].why,
        }
        for row in compared
    ]
