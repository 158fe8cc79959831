"""A population to sample from, written without a run: scores, difficulties and, if wanted, a judge's verdicts."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from tasks_lib.records import policy_spec
from warehouse import Warehouse

FAMILY = "doc_revision"
DIMENSION = "faithfulness"
JUDGE = "anthropic/judge"
VERSION = "rubric-1"
POLICIES = ("sim/weak", "sim/mid", "sim/strong")
Said = Callable[[int, str, int], tuple[float, float]]
"""Number of the instance, policy, sample -> what code proves."""


def plain(instance: int, policy: str, sample: int) -> tuple[float, float]:
    """Better policies are better; one rollout in seven is left open by a half, one in eleven altogether."""
    skill = POLICIES.index(policy) if policy in POLICIES else 0
    value = min(1.0, 0.2 * (1 + skill) + 0.1 * ((instance * 5 + sample * 3) % 6))
    if (instance + sample) % 11 == 0:
        return 0.0, 1.0
    return (value / 2, min(1.0, value / 2 + 0.5)) if (instance + sample) % 7 == 0 else (value, value)


def populate(
    warehouse: Warehouse, n_instances: int = 20, n_samples: int = 3, *, run: str = "run-1", said: Said = plain,
    policies: Sequence[str] = POLICIES, status: str = "completed", first: int = 0,
) -> None:  # fmt: skip
    """Add a run of so many rollouts of each policy on each instance, with a score and an output."""
    places = [
        (instance, policy, sample)
        for instance in range(first, first + n_instances)
        for policy in policies
        for sample in range(n_samples)
    ]
    ids = [rollout_id(instance, policy, sample, run) for instance, policy, sample in places]
    intervals = [said(*place) for place in places]
    warehouse.merge_all(
        {
            "run": [run_row(run, status)],
            "policy": [policy_spec(name, "simulated", {}) for name in policies],
            "instance": [instance_row(instance, n_instances) for instance in range(first, first + n_instances)],
            "rollout": pl.DataFrame(
                {
                    "rollout_id": ids,
                    "instance_id": [f"i{instance}" for instance, _, _ in places],
                    "policy_id": [policy for _, policy, _ in places],
                    "sample": [sample for _, _, sample in places],
                    "output": [f"Output of {name}." for name in ids],
                }
            ).with_columns(
                pl.lit(run).alias("run_id"),
                pl.lit("completed").alias("status"),
                pl.lit("[]").alias("transcript"),
                *(pl.lit(0).alias(name) for name in ("steps", "input_tokens", "output_tokens", "cached_tokens")),
                pl.lit(0.0).alias("latency_s"),
            ),
            "score": score_rows(ids, intervals),
        }
    )


def judged(
    warehouse: Warehouse, verdict: Callable[[str], float | None], *, judge: str = JUDGE, version: str = VERSION
) -> None:
    """Have a judge give every rollout a verdict; None: it gave none."""
    ids = warehouse.sql("select rollout_id from rollout order by rollout_id")["rollout_id"].to_list()
    values = [verdict(name) for name in ids]
    intervals = [(0.0, 1.0) if value is None else (value, value) for value in values]
    warehouse.merge("score", score_rows(ids, intervals, grader=judge, source="judge", version=version))


def rate(warehouse: Warehouse, rollout_ids: Sequence[str], score: Callable[[str], float | None], *raters: str) -> None:
    """Have people rate rollouts."""
    warehouse.merge(
        "rating",
        [
            {"rollout_id": name, "dimension": DIMENSION, "rater": rater, "score": score(name)}
            for name in rollout_ids
            for rater in raters or ("ann",)
        ],
    )


def rollout_id(instance: int, policy: str, sample: int, run: str = "run-1") -> str:
    """Return the key of a rollout."""
    return f"{run}/{instance}/{policy}/{sample}"


def run_row(run: str, status: str = "completed", **config: Any) -> dict[str, Any]:
    """Return a row of table run; `run-2` began after `run-1`."""
    began = datetime(2026, 1, int(run.rsplit("-", 1)[1]), tzinfo=UTC)
    return {
        "run_id": run, "config": config, "config_hash": "c", "taskset_hash": "t", "code_version": "1",
        "started_at": began, "status": status, "n_planned": 0,
    }  # fmt: skip


def instance_row(instance: int, of: int, **more: Any) -> dict[str, Any]:
    """Return a row of table instance, the harder the higher its number."""
    row = {
        "instance_id": f"i{instance}", "family": FAMILY, "template_version": "1", "archetype": "plain", "seed": 0,
        "difficulty": instance / max(of, instance + 1), "knobs": {}, "mode": "multi", "split": "train", "prompt": "Do.",
        "materials": {"draft.md": "A draft."}, "truth": {},
    }  # fmt: skip
    return {**row, **more}


def score_rows(
    ids: Sequence[str], intervals: Sequence[tuple[float, float]], *, grader: str = "code",
    source: str = "deterministic", version: str = "1", family: str = FAMILY, dimension: str = DIMENSION,
) -> pl.DataFrame:  # fmt: skip
    """Return rows of table score."""
    low, high = pl.col("low"), pl.col("high")
    state = pl.when(low == high).then(pl.lit("assessed")).when((low == 0) & (high == 1)).then(pl.lit("unassessed"))
    return pl.DataFrame(
        {"rollout_id": ids, "low": [low for low, _ in intervals], "high": [high for _, high in intervals]}
    ).with_columns(
        state.otherwise(pl.lit("partial")).alias("state"),
        *(
            pl.lit(value).alias(name)
            for name, value in {
                "dimension": dimension, "grader_id": grader, "replicate": 0, "family": family, "source": source,
                "reason": "r", "evidence": "{}", "grader_version": version,
            }.items()
        ),
    )  # fmt: skip
