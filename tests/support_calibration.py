"""A warehouse with a small calibration set, written without the sampler: real instances, outputs and rubric."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import tasks_lib
from flows.calibration.sheet import Item, item_id_of
from graders.judge.rubric import judge_rubrics
from tasks_lib.records import PolicySpec, policy_spec
from warehouse import Warehouse

SET = "set-1"
FAMILY = "doc_revision"
DIMENSION = "faithfulness"
AT = datetime(2026, 1, 2, tzinfo=UTC)


def write_set(
    db: Path, n_items: int = 6, raters: Sequence[str] = ("anna", "ben"), outputs: Sequence[str] | None = None
) -> list[Item]:
    """Write a set that every rater rates whole, and return its items in the order in which raters get them.

    Args:
        db: where.
        n_items: rollouts, one on each of as many instances.
        raters: who rates.
        outputs: what was handed in; None: the drafts as they were.
    """
    policy: PolicySpec = policy_spec("secret-policy", "model", {})
    rubric = judge_rubrics(FAMILY)[DIMENSION]
    instances = list(tasks_lib.family(FAMILY).instances(n=n_items, seed=0))
    rows: dict[str, list[Any]] = {name: [] for name in ("rollout", "calibration_item", "calibration_frame")}
    items = []
    for place, instance in enumerate(instances):
        output = outputs[place] if outputs else next(iter(instance.materials.values()))
        rollout_id = f"rollout-{place}"
        item = Item(item_id_of(SET, rollout_id, DIMENSION), rollout_id, instance.prompt, instance.materials, output)
        items.append(item)
        rows["rollout"].append(
            {
                "rollout_id": rollout_id, "run_id": "run-1", "instance_id": instance.instance_id,
                "policy_id": policy.policy_id, "sample": 0, "status": "completed", "output": output,
                "transcript": [], "steps": 0, "input_tokens": 0, "output_tokens": 0, "cached_tokens": 0,
                "cost_usd": 0.0, "latency_s": 0.0, "error": None,
            }
        )  # fmt: skip
        rows["calibration_frame"].append({"set_id": SET, "rollout_id": rollout_id, "stratum": "all"})
        rows["calibration_item"].append(
            {
                "set_id": SET, "rollout_id": rollout_id, "dimension": DIMENSION, "stratum": "all",
                "inclusion_probability": 1.0, "weight": 1.0, "raters_wanted": len(raters),
                "item_id": item.item_id, "text_hash": item.text_hash,
            }
        )  # fmt: skip
    with Warehouse.open(db) as warehouse:
        warehouse.merge_all(
            {
                **rows,
                "instance": instances,
                "policy": [policy],
                "calibration_set": [
                    {
                        "set_id": SET, "dimension": DIMENSION, "family": FAMILY, "judge": None, "grader_version": None,
                        "rubric": rubric.model_dump(mode="json"), "rubric_hash": rubric.rubric_hash, "top": rubric.top,
                        "seed": 0, "n_wanted": n_items, "n_frame": n_items, "n_already_rated": 0, "frame_hash": "f",
                        "allocation": "power", "tail_from": 0.9, "tail_factor": 1.0, "raters": list(raters),
                        "raters_per_item": len(raters), "share_by_all": 1.0, "config": {}, "created_at": AT,
                    }
                ],
                "calibration_stratum": [
                    {
                        "set_id": SET, "stratum": "all", "policy": None, "quality_band": "unknown", "width": None,
                        "n_frame": n_items, "n_sampled": n_items, "sigma": 0.2, "sigma_source": "assumed",
                        "inclusion_probability": 1.0,
                    }
                ],
                "calibration_assignment": [
                    {"set_id": SET, "item_id": item.item_id, "rater": rater, "place": place}
                    for rater in raters
                    for place, item in enumerate(items)
                ],
            }
        )  # fmt: skip
    return items
