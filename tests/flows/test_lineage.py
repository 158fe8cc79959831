"""Checkpoints of a run: whose child each is, and what is refused."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.api import evaluate
from flows.errors import SettingsError
from flows.lineage import with_descent
from flows.plan import make_plan
from flows.settings import Checkpoint, Settings
from tasks_lib.records import PolicySpec, policy_spec
from tests.conftest import TINY as PLUGIN
from tests.flows.tiny_family import TinyUpper

HERE = {
    "lab/a": policy_spec("lab/a", "model", {"temperature": 1}),
    "lab/b": policy_spec("lab/b", "model", {"temperature": 1}),
    "lab/b:cold": policy_spec("lab/b", "model", {"temperature": 0}),
}


def _parents(checkpoints: dict[str, str], known: dict[str, str] | None = None) -> dict[str, PolicySpec]:
    given = {name: Checkpoint(parent=parent, intervention="sft", step=7) for name, parent in checkpoints.items()}
    return with_descent(HERE, given, known or {})


def test_parent_of_the_run_is_told_by_its_identifier() -> None:
    """The name becomes the policy_id; who is not named stays as it was."""
    described = _parents({"lab/b:cold": "lab/a"})

    child = described["lab/b:cold"]
    assert (child.parent, child.intervention, child.step) == (HERE["lab/a"].policy_id, "sft", 7)
    assert child.policy_id == HERE["lab/b:cold"].policy_id
    assert described["lab/a"] == HERE["lab/a"]


def test_parent_of_an_earlier_run() -> None:
    """By identifier or by a name that one policy of the warehouse has; one of the run itself comes first."""
    assert _parents({"lab/a": "old"}, {"old#1": "old"})["lab/a"].parent == "old#1"
    assert _parents({"lab/a": "old#2"}, {"old#1": "old", "old#2": "old"})["lab/a"].parent == "old#2"
    assert _parents({"lab/b:cold": "lab/a"}, {"lab/a#9": "lab/a"})["lab/b:cold"].parent == HERE["lab/a"].policy_id


@pytest.mark.parametrize(
    ("checkpoints", "told"),
    [
        ({"lab/c": "lab/a"}, r"\[checkpoints.\"lab/c\"\]: no such policy takes part; did you mean"),
        ({"lab/a": "lab/z"}, "neither takes part in the run nor is in the warehouse"),
        ({"lab/a": "lab/b"}, "the parent 'lab/b' is several policies; name one: lab/b#"),
        ({"lab/a": "twice"}, "several policies; name one: twice#1, twice#2"),
        ({"lab/a": "lab/a"}, "descends from itself"),
        ({"lab/a": HERE["lab/b:cold"].policy_id, "lab/b:cold": "lab/a"}, "descends from itself"),
    ],
)
def test_descent_that_cannot_be_meant(checkpoints: dict[str, str], told: str) -> None:
    """What is wrong, where, and what to write; in one line."""
    with pytest.raises(SettingsError, match=told) as caught:
        _parents(checkpoints, {"twice#1": "twice", "twice#2": "twice", "probe/echo": "probe/echo"})
    assert "\n" not in str(caught.value)
    assert "probe/echo" not in str(caught.value)


def test_name_of_several_policies_of_the_run_is_refused() -> None:
    """`lab/b` takes part in two regimes: the exact name says which one; as the settings have it, it is one."""
    specs = {"x": HERE["lab/b"], "y": HERE["lab/b:cold"]}
    with pytest.raises(SettingsError, match="'lab/b' is several policies of the run; name one: x, y"):
        with_descent(specs, {"lab/b": Checkpoint(parent="old")}, {"old": "old"})


def test_run_of_checkpoints_has_a_trajectory(tmp_path: Path) -> None:
    """A parent of the run, and in a second run one of the warehouse; what is not known is refused before any work."""
    common: dict[str, Any] = {"prefect": False, "audit": False, "db": tmp_path / "a.duckdb", "plugins": [PLUGIN]}
    instances = list(TinyUpper().instances(12))
    descent = {"sim/mid": {"parent": "sim/weak", "step": 1}}
    evaluate(instances, ["sim/weak", "sim/mid"], 4, checkpoints=descent, **common)
    run = evaluate(instances, ["sim/strong"], 4, checkpoints={"sim/strong": {"parent": "sim/mid"}}, **common)
    with pytest.raises(SettingsError, match="sim/middle"):
        evaluate(instances, ["sim/strong"], 4, checkpoints={"sim/strong": {"parent": "sim/middle"}}, **common)

    rows = run.sql(
        "select policy, split_part(parent, '#', 1), split_part(base, '#', 1), n_rollouts, status is null "
        "from trajectory where dimension = 'composite' order by policy"
    ).rows()
    assert rows == [
        ("sim/mid", "sim/weak", "sim/weak", 48, False),
        ("sim/strong", "sim/mid", "sim/weak", 48, False),
        ("sim/weak", None, None, 48, True),
    ]


def test_plan_records_the_descent() -> None:
    """In the policies of the run and in its configuration; the oracle and the ladders have none."""
    family = TinyUpper()
    settings = Settings(
        families=("tiny_upper",), n=2, group=2, policies=("sim/weak", "sim/strong"),
        checkpoints={"sim/strong": Checkpoint(parent="sim/weak", intervention="sft", step=100)},
    )  # fmt: skip
    instances, at = list(family.instances(2)), datetime(2026, 1, 1, tzinfo=UTC)
    plan, _ = make_plan(settings, [family], instances, run_id="r", code_version="0", started_at=at)

    policies = {spec.name: spec for spec in plan.policies}
    assert (policies["sim/strong"].parent, policies["sim/strong"].step) == (policies["sim/weak"].policy_id, 100)
    assert {name for name, spec in policies.items() if spec.parent} == {"sim/strong"}
    assert plan.config["checkpoints"]["sim/strong"]["intervention"] == "sft"
