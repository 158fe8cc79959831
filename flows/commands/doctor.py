"""The verb that looks around: `doctor`."""

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import typer

from flows.access import has_key, recorded_place
from flows.commands import options
from tasks_lib.models.prices import price_table

if TYPE_CHECKING:
    from flows.settings import Settings

PACKAGES = ("taskassay", "prefect", "duckdb", "polars", "pyarrow", "pydantic", "anthropic")
Finding = tuple[str, str, bool | None, str]
"""topic, what, holds (None: neither good nor bad), remark."""


def doctor(config: options.Config = None, db: options.Db = None, as_json: options.AsJson = False) -> None:
    """Say what is configured, what is reachable and what is missing. Exit status 1 when something is wrong."""
    from flows import console
    from flows.settings import read_settings

    settings = read_settings(config, {"db": db})
    findings = [*_packages(), *_registered(settings.plugins), *_warehouse(settings), *_services()]
    bad = [finding for finding in findings if finding[2] is False]
    if as_json:
        names = ("topic", "what", "holds", "remark")
        console.print_json([dict(zip(names, finding, strict=True)) for finding in findings])
    else:
        marks = {True: "ok", False: "NO", None: "-"}
        rows = ((topic, what, marks[holds], remark) for topic, what, holds, remark in findings)
        console.print_rows(["topic", "what", "", "remark"], rows, [False] * 4)
        console.next_steps("assay demo" if not bad else f"see to: {bad[0][0]} {bad[0][1]}: {bad[0][3]}")
    if bad:
        raise typer.Exit(1)


def _packages() -> Iterator[Finding]:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    yield "python", python, (3, 11) <= sys.version_info[:2] < (3, 14), "3.11 to 3.13 are supported"
    for name in PACKAGES:
        try:
            yield "package", f"{name} {version(name)}", True, ""
        except PackageNotFoundError:
            yield "package", name, False, "is not installed; pip install -c constraints.txt -e ."


def _registered(plugins: tuple[str, ...]) -> Iterator[Finding]:
    import tasks_lib
    from flows.pool import import_plugins
    from graders.grading import graders

    import_plugins(plugins)
    known = graders()
    for name, family in sorted(tasks_lib.families().items()):
        remark = f"{len(family.archetypes)} archetypes, {len(family.operators)} operators, {len(family.probes)} probes"
        yield "family", name, name in known, remark if name in known else "has no grader"


def _warehouse(settings: "Settings") -> Iterator[Finding]:
    from flows.places import db_option, is_there, runs_folder
    from flows.plan import unfinished_runs
    from warehouse import Warehouse, WarehouseError

    db = settings.db
    try:
        if is_there(db):
            with Warehouse.open(db, read_only=True) as warehouse:
                runs = warehouse.sql("select count(*) as n from run", [])["n"][0]
            yield "warehouse", str(db), True, f"{runs} runs"
        else:
            yield "warehouse", str(db), None, "is not there yet; the first run makes it"
    except WarehouseError as error:
        yield "warehouse", str(db), False, str(error)
    for run_id in unfinished_runs(runs_folder(db, settings.runs)):
        yield "unfinished run", run_id, None, f"assay run --resume {run_id} {db_option(db)}"


def _services() -> Iterator[Finding]:
    url = os.environ.get("PREFECT_API_URL")
    if url:
        reachable = _answers(f"{url}/health")
        yield "prefect server", url, reachable, "" if reachable else "does not answer; `prefect server start`"
    else:
        yield "prefect server", "PREFECT_API_URL is not set", None, "each run starts one of its own (10-20 s)"
    server = recorded_place() or "the official API"
    state = "a key is set" if has_key() else "ANTHROPIC_API_KEY is not set"
    yield "models", f"{server}: {state}", None, "needed for anthropic/... policies and judges only"
    prices = price_table()
    yield "models", f"prices of {len(prices.models)} models", None, f"as of {prices.date}; others cost `unknown`"


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 (the user's own setting)
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False
    return True
