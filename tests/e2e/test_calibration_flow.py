"""The flow `calibration-sample`: each run draws from what came since, once, and leaves its strata as artifacts."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import clean_environment
from tests.support_prefect import PrefectApi
from tests.support_sampling import DIMENSION, populate
from warehouse import Warehouse

PROGRAM = """
import json, sys
from pathlib import Path
from flows.scheduled.sample import calibration_sample
from tests.support_sampling import populate
from warehouse import Warehouse
answers = [calibration_sample(**asked) for asked in json.loads(sys.argv[1])]
with Warehouse.open(Path(sys.argv[2])) as warehouse:
    populate(warehouse, 10, run="run-2", first=40)
answers.append(calibration_sample(**json.loads(sys.argv[3])))
print(json.dumps(answers))
"""


@pytest.mark.flow
def test_every_set_is_of_what_came_since(prefect_api: dict[str, str], tmp_path: Path) -> None:
    """A set, the same again by its label, nothing new, and after another run one of that run alone."""
    db = tmp_path / "a.duckdb"
    with Warehouse.open(db) as warehouse:
        populate(warehouse)
    sample = {"dimension": DIMENSION, "n": 30, "raters": ["anna", "ben"]}
    asked = {"db": str(db), "sample": sample}
    labelled = {"db": str(db), "sample": {**sample, "label": "one"}}

    before = [labelled, labelled, asked]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(before), str(db), json.dumps(asked)],
        env=clean_environment(prefect_api), capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, repeated, nothing, second = json.loads(done.stdout.splitlines()[-1])

    assert first == {"set_id": "faithfulness-one", "is_new": True, "n_items": 30, "n_frame": 180}
    assert repeated == {**first, "is_new": False}
    assert nothing == {"set_id": None, "is_new": False, "n_items": 0, "n_frame": 0}
    assert (second["is_new"], second["n_items"], second["n_frame"]) == (True, 30, 90)
    with Warehouse.open(db, read_only=True) as warehouse:
        weights = warehouse.sql("select sum(weight) as w from calibration_item")["w"][0]
        dealt = warehouse.sql("select count(*) as n from calibration_assignment")["n"][0]
    assert weights == pytest.approx(270)
    assert dealt == 120
    strata = _artifacts(prefect_api, "calibration-strata")
    assert len(strata) == 3
    assert sum(row["n_sampled"] for row in json.loads(strata[0]["data"])) == 30
    assert any("Nothing to draw" in one["data"] for one in _artifacts(prefect_api, "calibration-sample"))


def _artifacts(prefect_api: dict[str, str], key: str) -> list[dict[str, Any]]:
    """Return the artifacts of a key, as the server keeps them."""
    found: list[dict[str, Any]] = PrefectApi(prefect_api).ask(
        "artifacts/filter", {"artifacts": {"key": {"any_": [key]}}}
    )
    return found
