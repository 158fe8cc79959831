"""The verb that looks around: `doctor`."""

import os
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import typer

from flows.access import has_key, recorded_place
from flows.commands import options
from flows.server_health import no_answer
from tasks_lib.models.prices import price_table

if TYPE_CHECKING:
    from flows.settings import Settings

PACKAGES = ("taskassay", "prefect", "duckdb", "polars", "pyarrow", "pydantic", "anthropic")
_HOW = {
    **dict.fromkeys(("prefect-dask", "distributed"), "pip install 'taskassay[dask]'"),
    "s3fs": "pip install 'taskassay[s3]'",
    **{
        f"duckdb-extension-{name}": "pip install 'taskassay[lake]'"
        for name in ("ducklake", "httpfs", "postgres-scanner")
    },
}
"""How packages are installed that not everybody needs."""
Finding = tuple[str, str, bool | None, str]
"""topic, what, holds (None: neither good nor bad), remark."""


def doctor(config: options.Config = None, db: options.Db = None, as_json: options.AsJson = False) -> None:
    """Say what is configured, what is reachable and what is missing. Exit status 1 when something is wrong."""
    from flows import console
    from flows.settings import read_settings

    settings = read_settings(config, {"db": db})
    findings = [
        *_packages((*PACKAGES, *_packages_of(settings))), *_registered(settings.plugins), *_warehouse(settings),
        *_services(), *_shards(settings), *_cluster(settings),
    ]  # fmt: skip
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


def _packages_of(settings: "Settings") -> Iterator[str]:
    """Yield the packages that only these settings need."""
    from warehouse.location import Lake

    if isinstance(settings.db, Lake):
        yield "duckdb-extension-ducklake"
        if settings.db.is_postgres:
            yield "duckdb-extension-postgres-scanner"
        if (settings.db.data_path or "").startswith("s3://"):
            yield "duckdb-extension-httpfs"
    if (settings.shards or "").startswith("s3://"):
        yield "s3fs"
    if settings.runner == "dask" or settings.dask_address:
        yield from ("prefect-dask", "distributed")


def _packages(names: Iterable[str]) -> Iterator[Finding]:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    yield "python", python, (3, 11) <= sys.version_info[:2] < (3, 14), "3.11 to 3.13 are supported"
    for name in names:
        try:
            yield "package", f"{name} {version(name)}", True, ""
        except PackageNotFoundError:
            yield "package", name, False, f"is not installed; {_HOW.get(name, 'pip install -c constraints.txt -e .')}"


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
        reachable = no_answer(url) is None
        yield "prefect server", url, reachable, "" if reachable else "does not answer; `prefect server start`"
    else:
        yield "prefect server", "PREFECT_API_URL is not set", None, "each run starts one of its own (10-20 s)"
    server = recorded_place() or "the official API"
    state = "a key is set" if has_key() else "ANTHROPIC_API_KEY is not set"
    yield "models", f"{server}: {state}", None, "needed for anthropic/... policies and judges only"
    prices = price_table()
    yield "models", f"prices of {len(prices.models)} models", None, f"as of {prices.date}; others cost `unknown`"


def _shards(settings: "Settings") -> Iterator[Finding]:
    """Where chunks leave what they found: only where that is not beside the warehouse, where a run would say so."""
    if settings.shards is None:
        return
    from warehouse.errors import ShardError
    from warehouse.location import without_password
    from warehouse.shards import Shards

    place = without_password(settings.shards)
    try:
        Shards(settings.shards).try_out()
        yield "shards", place, True, "can be written to"
    except ShardError as error:
        yield "shards", place, False, str(error)


def _cluster(settings: "Settings") -> Iterator[Finding]:
    address = settings.dask_address
    if address is None:
        if settings.runner == "dask":
            yield (
                "dask cluster",
                "no address is set",
                None,
                f"each run starts one of its own: {settings.workers} workers",
            )
        return
    from flows.dask_cluster import connected, faults_of_workers, no_workers, require_packages, require_server_for_all
    from flows.errors import InputError
    from warehouse.shards import Shards

    try:
        require_packages()
        url = os.environ.get("PREFECT_API_URL")
        with connected(address) as client:
            n_threads = client.nthreads()
            found = faults_of_workers(client, Shards(settings.shards) if settings.shards else None, url)
        if not found:
            yield "dask cluster", address, False, no_workers(address)
            return
        yield "dask cluster", address, True, f"{len(found)} workers, {sum(n_threads.values())} chunks at once"
        for worker, fault in found.items():
            yield "dask worker", worker, fault is None, fault or "versions agree; reaches what it needs"
        require_server_for_all(address, url)
    except InputError as error:
        yield "dask cluster", address, False, str(error)
