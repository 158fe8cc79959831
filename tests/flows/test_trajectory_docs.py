"""The examples of docs/trajectory.md are what the program reads."""

import re
import tomllib
from pathlib import Path

from flows.gate.conditions import read_conditions
from flows.settings import Settings
from tests.conftest import ROOT
from warehouse.stats.equivalence import instances_to_decide

TEXT = (ROOT / "docs" / "trajectory.md").read_text(encoding="utf-8")
SETTINGS, CONDITIONS = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)


def test_settings_of_the_text_are_settings() -> None:
    """A checkpoint with its parent, intervention and step."""
    (checkpoint,) = Settings(**tomllib.loads(SETTINGS)).checkpoints.values()

    assert (checkpoint.parent, checkpoint.intervention, checkpoint.step) == ("anthropic/base", "dpo", 200)


def test_conditions_of_the_text_are_conditions(tmp_path: Path) -> None:
    """One of each kind."""
    (tmp_path / "gate.toml").write_text(CONDITIONS)

    assert [one.kind for one in read_conditions(tmp_path / "gate.toml")] == ["mean", "count", "best_gain"]


def test_instances_of_the_text_are_those_of_the_estimator() -> None:
    """The table, row by row."""
    rows = re.findall(r"^\| (0\.\d+) \| (\d+) \| (\d+) \|$", TEXT, re.MULTILINE)

    assert len(rows) == 4
    for sd, wide, narrow in rows:
        assert (instances_to_decide(float(sd), 0.05), instances_to_decide(float(sd), 0.025)) == (int(wide), int(narrow))
