"""Warehouses that reports are tested on: one of every section, in which every text is an attempt to run a script."""

import json
from pathlib import Path
from typing import Any

from flows.report.data import Snapshot, read_data
from flows.report.page import write_report
from flows.report.texts import select_texts
from flows.report.write import with_cases
from tests.warehouse.rows import FAMILY, RUN, Lab
from warehouse.estimates import refresh_calibration

ATTACK = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
"""What would rename the page, were it taken for markup; from a script element, from an attribute, from text."""
TRUTH = "what only graders may see"


def hostile(kind: str) -> str:
    """Return an attack that says where it stood."""
    return f"{kind} {ATTACK}"


def hostile_lab() -> Lab:
    """A run with groups of several verdicts, probes, ladders and ratings; names, texts and evidence are attacks."""
    lab = Lab(weak=hostile("weak"), strong=hostile("strong"))
    lab.rubric(**{"a": 1.0, hostile("dimension"): 3.0})
    for at in range(3):
        instance = f"{hostile('instance')} {at}"
        lab.add("instance", **_instance(instance, at))
        for policy in (hostile("weak"), hostile("strong")):
            rewards = [0.1 + 0.05 * at, 0.5, 0.9, 0.3, 0.3, 0.7] if at else [0.3] * 6
            lab.group(rewards, [reward + 0.05 for reward in rewards], instance=instance, policy=policy, planned=6)
            _texts(lab, instance, policy)
        lab.probe(hostile("probe"), "zero", {instance: 0.4})
        lab.operator(hostile("operator"), "degrade", a="moves")
        lab.ladder(hostile("operator"), [1, 0.9, 0.95], {"a": [1, 0.5, 0.6]}, instance=instance)
    lab.add(
        "known_limit", family=FAMILY, name=hostile("limit"), text=hostile("limit text"), shown_by=hostile("probe"),
        excuses=(),
    )  # fmt: skip
    refresh_calibration(lab.warehouse)
    return lab


def _instance(instance: str, at: int) -> dict[str, Any]:
    return {
        "instance_id": instance, "family": FAMILY, "template_version": "1", "archetype": hostile("archetype"),
        "seed": at, "difficulty": 0.2 + 0.3 * at, "knobs": {}, "mode": "multi", "split": hostile("split"),
        "prompt": hostile("prompt"), "materials": {hostile("file"): hostile("material")}, "truth": {"answer": TRUTH},
    }  # fmt: skip


def _texts(lab: Lab, instance: str, policy: str) -> None:
    """Give the rollouts of a group scores with evidence that stands in their output, `o`, or would run."""
    with lab.together():
        for sample in range(6):
            rollout_id = f"{instance}/{policy}/{sample}"
            for dimension in ("a", hostile("dimension")):
                lab.score(
                    rollout_id, dimension, 0.2, 0.6, reason=hostile("reason"), evidence={"found": hostile("evidence")}
                )
                lab.rating(rollout_id, dimension, [0.2, 0.3])
                lab.judge(rollout_id, dimension, [0.1 * sample], judge=hostile("judge"))
    output = f"before {hostile('evidence')} after\u2028{hostile('output')}"
    step = {
        "tool": hostile("tool"), "arguments": {"x": hostile("argument")}, "observation": hostile("observation"),
        "observation_chars": 3, "is_error": False, "said": hostile("said"), "thinking": hostile("thinking"),
    }  # fmt: skip
    lab.warehouse.sql(
        "update rollout set output = $1, transcript = $2 where instance_id = $3 and policy_id = $4",
        [output, json.dumps([step]), instance, policy],
    )


def lab_page(lab: Lab, path: Path, breaches: tuple[str, ...] = ()) -> Path:
    """Write the report of a lab's run."""
    snapshot = Snapshot(lab.warehouse, RUN)
    texts = select_texts(snapshot)
    return write_report(with_cases(read_data(snapshot, breaches), texts), texts, path).path
