"""Deployments: what is deployed, by which command, with which changes, and what is refused."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.errors import SettingsError
from flows.scheduled.deployments import DEPLOYMENTS, chosen
from tests.conftest import ROOT, TINY, Assay, clean_environment
from tests.support_prefect import Json, PrefectApi

pytestmark = [pytest.mark.services, pytest.mark.flow, pytest.mark.xdist_group("flow")]

DOCS = (ROOT / "docs" / "flows.md").read_text(encoding="utf-8")


def test_prefect_yaml_says_what_is_deployed() -> None:
    """The file for `prefect deploy --all` and what the commands deploy are the same."""
    content = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    told = {deployment["name"]: deployment for deployment in content["deployments"]}

    assert list(told) == [standing.name for standing in DEPLOYMENTS]
    for standing in DEPLOYMENTS:
        limit = None if standing.limit is None else {"limit": standing.limit, "collision_strategy": standing.collision}
        assert told[standing.name] == {
            "name": standing.name,
            "entrypoint": f"{standing.file}:{standing.function}",
            "description": standing.description,
            "tags": standing.tags,
            **({"schedules": [{"cron": standing.cron, "timezone": standing.timezone}]} if standing.cron else {}),
            **({"parameters": dict(standing.parameters)} if standing.parameters else {}),
            **({"concurrency_limit": limit} if limit else {}),
            "work_pool": {"name": "assay"},
        }
        assert f"| `{standing.name}` |" in DOCS


def test_deployed_by_prefect_and_by_assay_they_are_the_same(
    api: PrefectApi, prefect_api: dict[str, str], assay: Assay
) -> None:
    """`prefect deploy --all` takes the file as it is; `assay deploy` says so when there is no pool, and agrees."""
    missing = assay("deploy", "--work-pool", "nobodys", env=prefect_api)
    assert missing.returncode == 2
    assert "there is no work pool 'nobodys' on the server" in missing.stderr
    assert "prefect work-pool create nobodys --type process" in missing.stderr

    api.ask("work_pools/", {"name": "assay", "type": "process", "base_job_template": {}})
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"],
        cwd=ROOT, env=clean_environment(prefect_api), capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    by_prefect = [_compared(api.deployment(_full_name(standing))) for standing in DEPLOYMENTS]
    same = assay("deploy", env=prefect_api)
    assert same.returncode == 0, same.stderr
    assert "prefect worker start --pool assay" in same.stdout
    assert [_compared(api.deployment(_full_name(standing))) for standing in DEPLOYMENTS] == by_prefect
    assert by_prefect[0]["work_pool_name"] == "assay"

    for standing in DEPLOYMENTS:  # the same names are served elsewhere
        api.ask(f"deployments/{api.deployment(_full_name(standing))['id']}", method="DELETE")


def test_what_cannot_be_deployed_is_told_in_one_line(assay: Assay, tmp_path: Path) -> None:
    """An unknown name, moment, parameter or value, and no server: what is wrong, and what to do."""
    files = {
        "value": "[nightly-evaluation.parameters.tasks]\nn = 0\n",
        "name": "[nightly-evaluation.parameters]\ntask = {}\n",
        "secret": "[promotion-gate.parameters]\ndb = 'ducklake:postgres:dbname=a password=hunter2'\n",
        "both": "[grader-audit]\ncron = '0 1 * * *'\nevery_s = 60\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    wrong: tuple[tuple[Json, str], ...] = (
        ({"names": ["nightly-evaluations"]}, "did you mean 'nightly-evaluation'?"),
        ({"crons": ["grader-audit=at four"]}, "grader-audit: 'at four UTC' is no schedule"),
        ({"timezone": "Berlin"}, "a place such as Europe/Berlin"),
        ({"file": tmp_path / "value"}, "'tasks.n': input should be greater than or equal to 1, got 0"),
        ({"file": tmp_path / "name"}, "unknown parameter 'task'; did you mean 'tasks'?"),
        ({"file": tmp_path / "both"}, "say cron or every_s, not both"),
        ({"file": tmp_path / "none"}, "there is no such file"),
        ({"file": tmp_path / "secret"}, "no place for a password; leave it out, and set PGPASSWORD or write a .pgpass"),
    )
    for given, told in wrong:
        with pytest.raises(SettingsError, match=re.escape(told)) as refused:
            chosen(**{"names": (), **given})
        assert "hunter2" not in str(refused.value)

    none = assay("serve", env={"PREFECT_HOME": str(tmp_path)})
    assert (none.returncode, none.stderr.count("\n")) == (2, 1)
    assert "schedules need a Prefect server that stays" in none.stderr


def test_file_of_deployments_changes_what_it_names(tmp_path: Path) -> None:
    """A group of parameters, a cron, a limit: the rest stays; the command line comes last."""
    (tmp_path / "team.toml").write_text(
        "[grader-audit]\nevery_s = 900\nlimit = 2\n[grader-audit.parameters.audited]\nn = 5\n"
    )
    asked = chosen(
        ["grader-audit", "promotion-gate"], file=tmp_path / "team.toml", timezone="Europe/Berlin",
        place={"db": "/data/a.duckdb", "plugins": [TINY]},
    )  # fmt: skip
    audit, gate = asked
    assert (audit.when, audit.limit, gate.when) == ("every 900 s", 2, "when asked for")
    assert audit.parameters == {"audited": {"n": 5}, "place": {"db": "/data/a.duckdb", "plugins": [TINY]}}
    assert gate.parameters == {"db": "/data/a.duckdb"}
    (audit,) = chosen(["grader-audit"], file=tmp_path / "team.toml", crons=["grader-audit=0 1 * * *"], paused=True)
    assert (audit.when, audit.paused) == ("0 1 * * * UTC", True)


def test_parameters_are_a_form() -> None:
    """Every field of every flow has a title, a description and a type that a form can show; nothing is free JSON."""
    for standing in DEPLOYMENTS:
        schema = standing.flow.parameters.model_dump()
        groups = [group["properties"] for group in (schema["definitions"] or {}).values()]
        assert groups
        for name, field in (item for group in groups for item in group.items()):
            assert field.get("title"), name
            assert field.get("description"), name
            assert {"type", "enum", "anyOf", "$ref"} & set(field), name
            kinds = [part.get("type") for part in field.get("anyOf", [field])]
            assert "object" not in kinds, name
        plain = [field for field in schema["properties"].values() if "$ref" not in field]
        assert all(field["description"] for field in plain)


def _full_name(standing: Any) -> str:
    return f"{standing.flow.name}/{standing.name}"


def _compared(deployment: Json) -> Json:
    """Return what two ways of deploying must agree on."""
    fields = (
        "name", "description", "tags", "parameters", "parameter_openapi_schema", "work_pool_name", "paused",
        "enforce_parameter_schema", "concurrency_options",
    )  # fmt: skip
    limit = (deployment["global_concurrency_limit"] or {}).get("limit")
    schedules = [(one["schedule"]["cron"], one["schedule"]["timezone"]) for one in deployment["schedules"]]
    return {**{name: deployment[name] for name in fields}, "limit": limit, "schedules": schedules}
