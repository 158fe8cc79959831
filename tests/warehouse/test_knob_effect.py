"""knob_effect: which knobs make instances hard, by run, and what is not estimated."""

import math
import random
from typing import Any

import pytest

from tests.warehouse.rows import FAMILY, RUN, Lab
from warehouse.estimates import refresh


def attempts(lab: Lab, n: int, slope: float, run: str = RUN) -> None:
    """Add n instances with a knob that shifts the log odds of the reward by `slope` a unit, for two policies."""
    rng = random.Random(5)
    with lab.together():
        for place in range(n):
            instance = f"{run}-{place}"
            x = rng.gauss(0, 2)
            lab.add(
                "instance", instance_id=instance, family=FAMILY, template_version="1", archetype="plain", seed=0,
                difficulty=0.5, knobs={"length": x, "always": 3, "separator": ",", "kinds": ["a"]}, mode="multi",
                split="train", prompt="p", materials={}, truth={},
            )  # fmt: skip
            for policy, skill in (("sim/weak", -1.0), ("sim/strong", 1.0)):
                lab.add("policy", policy_id=policy, name=policy, kind="simulated", regime={})
                for sample in range(2):
                    key = f"{instance}/{policy}/{sample}"
                    lab.rollout(instance, policy, sample, run_id=run, rollout_id=key)
                    lab.composite(key, 1 / (1 + math.exp(-(skill + slope * x + rng.gauss(0, 0.3)))))


def effects(lab: Lab, **where: Any) -> dict[str, dict[str, Any]]:
    """Return the rows by knob."""
    return {row["knob"]: row for row in lab.view("knob_effect") if all(row[key] == v for key, v in where.items())}


def test_knob_effect_finds_the_slope_and_says_what_it_cannot() -> None:
    """A slope of -.5 a unit, which is -1 a standard deviation; a knob that never changes has a reason, text no row."""
    lab = Lab()
    attempts(lab, 60, -0.5)
    refresh(lab.warehouse)
    found = effects(lab)

    assert set(found) == {"length", "always"}
    assert found["length"]["coefficient_per_unit"] == pytest.approx(-0.5, abs=0.05)
    assert found["length"]["ci_low"] < found["length"]["coefficient_per_sd"] < found["length"]["ci_high"] < 0
    assert (found["length"]["n_instances"], found["length"]["reason"]) == (60, None)
    assert found["length"]["p_holm"] < 0.001
    assert (found["always"]["coefficient_per_sd"], found["always"]["reason"]) == (None, "the knob never changes")


def test_knob_effect_of_few_instances_is_none() -> None:
    """Fewer than ten instances a knob say nothing, and it is said."""
    lab = Lab()
    attempts(lab, 9, -0.5)
    refresh(lab.warehouse)

    assert "9 instances for 1 knobs" in effects(lab)["length"]["reason"]


def test_knob_effect_is_of_each_run_alone() -> None:
    """A run is worked out by itself, and another one that was not touched keeps its rows."""
    lab = Lab()
    lab.add("run", **{**lab.view("run")[0], "run_id": "run-2", "config": {}})
    attempts(lab, 40, -0.5)
    attempts(lab, 40, 0.5, "run-2")
    refresh(lab.warehouse)
    lab.warehouse.sql("update composite set low = .5, high = .5, reward = .5")
    refresh(lab.warehouse, ["run-2"])

    assert effects(lab, run_id=RUN)["length"]["coefficient_per_unit"] < 0
    assert effects(lab, run_id="run-2")["length"]["reason"] == "no policy's reward varies"
    lab.warehouse.sql("update run set status = 'cancelled' where run_id = 'run-2'")
    refresh(lab.warehouse, [])
    assert {row["run_id"] for row in lab.view("knob_effect")} == {RUN}
