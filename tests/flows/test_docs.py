"""The worked example of the documentation does what the text says."""

import json
import re
from pathlib import Path

import pytest

from flows.settings import NOT_OF_THE_WORK, Settings
from tasks_lib.policies.anthropic import Regime
from tests.conftest import ROOT, Assay, clean_environment

TEXT = (ROOT / "docs" / "families.md").read_text(encoding="utf-8")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Save the module of the text where the command is run, and return the variables that make it importable."""
    found = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(found) == 1
    (tmp_path / "name_list.py").write_text(found[0], encoding="utf-8")
    return {"PYTHONPATH": f"{tmp_path}:{clean_environment()['PYTHONPATH']}"}


def test_own_family_of_the_text_passes_its_audit(assay: Assay, env: dict[str, str]) -> None:
    """The module is complete as printed, and everything about its grader holds."""
    done = assay("audit", "--plugin", "name_list", "--family", "name_list", env=env)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Everything holds" in done.stdout
    for name in ("hedge", "shuffle", "any_order"):
        assert name in done.stdout


def test_own_family_of_the_text_is_graded_from_files(assay: Assay, env: dict[str, str], tmp_path: Path) -> None:
    """Instances go to a file and outputs come from one: the finished list earns 1, the list as it was .25 at most."""
    own = ("--plugin", "name_list")
    made = assay("generate", *own, "--family", "name_list", "--n", "1", "--out", "i.jsonl", env=env)
    assert made.returncode == 0, made.stderr
    instance = json.loads((tmp_path / "i.jsonl").read_text(encoding="utf-8"))
    finished = "\n".join(f"{given} {surname}" for given, surname in instance["truth"]["names"])
    rows = [
        {"instance_id": instance["instance_id"], "policy": policy, "sample": 0, "output": output}
        for policy, output in (("a-finished", finished), ("b-untouched", instance["materials"]["names.txt"]))
    ]
    (tmp_path / "o.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")

    graded = assay("grade", *own, "--instances", "i.jsonl", "--outputs", "o.jsonl", "--json", env=env)

    assert graded.returncode == 0, graded.stderr
    first, second = json.loads(graded.stdout)
    assert first["reward"] == 1.0
    assert second["reward"] <= 0.25


def test_models_text_names_every_setting_of_models() -> None:
    """The table of settings is the settings' own: names and defaults."""
    text = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    table = dict(re.findall(r"^\| `(\w+)` \| ([\w,]+) \|", text, re.MULTILINE))
    places = {"db", "data_path", "runs", "shards", "reports", "reports_url"}
    workers = {"workers", "runner", "dask_address", "chunk_timeout_s"}
    of_models = (NOT_OF_THE_WORK | {"batch"}) - places - workers

    assert set(table) - set(Regime.model_fields) == set(of_models) - {"max_tokens"}
    for name in of_models - {"prices"}:
        default = Settings.model_fields[name].default
        told = {None: "none", False: "no"}.get(default, f"{default:g}" if isinstance(default, float) else str(default))
        assert f"| `{name}` | {told} |" in text, name
    for name in set(Regime.model_fields) - {"model", "instructions"}:
        assert f"| `{name}` |" in text, name
