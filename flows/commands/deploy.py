"""The verbs that set flows up to run by themselves: `serve` and `deploy`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands import options

if TYPE_CHECKING:
    from flows.scheduled.deployments import Standing

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME]...", help="Which deployments, such as nightly-evaluation (default: all)."),
]
File = Annotated[
    Path | None,
    typer.Option("--deployments", help="A TOML file with a table for each deployment: cron, parameters, ..."),
]
Crons = Annotated[
    list[str] | None,
    typer.Option("--cron", metavar="NAME=CRON", help="When one runs, such as 'grader-audit=0 4 * * 0'."),
]
Timezone = Annotated[
    str | None, typer.Option("--timezone", help="Where the clock stands, such as Europe/Berlin (UTC).")
]
REPORTS_PORT = 8091
"""Always the same, so that a link of last night opens after a restart."""
ReportsPort = Annotated[
    int | None,
    typer.Option(
        "--reports-port", min=0, max=65_535, help=f"Where reports are served, on loopback ({REPORTS_PORT}); 0: any."
    ),
]
Pause = Annotated[bool, typer.Option("--pause", help="Schedules wait until somebody sets them going in the UI.")]


def serve(
    names: Names = None,
    deployments: File = None,
    cron: Crons = None,
    timezone: Timezone = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Flow runs at the same time (2).")] = None,
    pause: Pause = False,
    reports_port: ReportsPort = None,
    plugin: options.Plugins = None,
    db: options.Db = None,
) -> None:
    """Run the scheduled flows from here: stays, and starts what is due or asked for. Ctrl-C ends it."""
    # Who serves wants to see what the flows say.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "INFO")
    _require_server()
    from prefect import serve as serve_deployments

    from flows import console
    from flows.scheduled.deployments import as_prefect

    standing = _chosen(names, deployments, cron, timezone, pause, plugin, db)
    for one in standing:
        console.say(f"{one.name}: {one.when}{', paused' if one.paused else ''}")
    with _reports_served(db, reports_port):
        console.say("serving; runs are started from here until Ctrl-C")
        serve_deployments(*(as_prefect(one) for one in standing), limit=limit or 2, print_starting_message=False)


def deploy(
    names: Names = None,
    work_pool: Annotated[str, typer.Option("--work-pool", help="The work pool whose workers do the work.")] = "assay",
    deployments: File = None,
    cron: Crons = None,
    timezone: Timezone = None,
    pause: Pause = False,
    plugin: options.Plugins = None,
    db: options.Db = None,
) -> None:
    """Deploy the scheduled flows to a work pool. Workers need this program installed, with the same plugins."""
    _require_server()
    from flows import console
    from flows.scheduled.deployments import as_prefect

    standing = _chosen(names, deployments, cron, timezone, True if pause else None, plugin, db)
    kind = _kind_of_pool(work_pool)
    for one in standing:
        as_prefect(one, work_pool).apply()
        console.line(f"{one.flow.name}/{one.name}: {one.when}{', paused' if one.paused else ''}")
    console.next_steps(f"prefect worker start --pool {work_pool} --type {kind}")


@contextmanager
def _reports_served(db: str | None, port: int | None) -> Iterator[None]:
    """Serve the reports of all runs that are started from here, on loopback, so that the links to them open.

    Nothing is served where somebody else does so already: where `reports_url` is set and no port was named.

    Raises:
        InputError: the port is taken.
    """
    from flows import console
    from flows.report.shelf import served_shelf, shelf_of
    from flows.settings import read_settings

    settings = read_settings(None, {"db": db})
    if settings.reports_url is not None and port is None:
        yield
        return
    shelf = shelf_of(settings, "serve")
    assert shelf is not None
    folder = shelf.folder.resolve()
    with served_shelf(folder, REPORTS_PORT if port is None else port) as url:
        # Flow runs are processes of their own, and take their settings from the environment.
        told = {"ASSAY_REPORTS": str(folder), "ASSAY_REPORTS_URL": settings.reports_url or url}
        before = {name: os.environ.get(name) for name in told}
        os.environ.update(told)
        console.say(f"reports: {url}")
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value


def _chosen(
    names: list[str] | None,
    file: Path | None,
    crons: list[str] | None,
    timezone: str | None,
    paused: bool | None,
    plugins: list[str] | None,
    db: str | None,
) -> "list[Standing]":
    from flows.scheduled.deployments import chosen

    place: dict[str, Any] = {}
    if db is not None:
        place["db"] = _as_parameter(db)
    if given := options.names(plugins):
        place["plugins"] = list(given)
    return chosen(names or (), file=file, crons=crons or (), timezone=timezone, paused=paused, place=place)


def _as_parameter(db: str) -> str:
    """Return a warehouse as the parameter of a deployment, which everybody may read who reaches the server.

    Raises:
        SettingsError: a password is in it.
    """
    from flows.scheduled.parameters import refuse_password
    from warehouse.location import Lake, parse_location

    refuse_password(db)
    location = parse_location(db)
    return db if isinstance(location, Lake) else str(location.resolve())


def _require_server() -> None:
    """Find out whether there is a Prefect server that outlives this command.

    Raises:
        InputError: there is none.
    """
    from flows.errors import InputError
    from flows.prefect_runtime import configured_api_url, require_server

    if configured_api_url() is None:
        raise InputError(
            "schedules need a Prefect server that stays: start one with `prefect server start`, then set "
            "PREFECT_API_URL=http://127.0.0.1:4200/api"
        )
    require_server()


def _kind_of_pool(name: str) -> str:
    """Return the type of a work pool.

    Raises:
        InputError: there is no such pool.
    """
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    from flows.errors import InputError

    with get_client(sync_client=True) as client:
        try:
            return str(client.read_work_pool(name).type)
        except ObjectNotFound:
            known = ", ".join(sorted(pool.name for pool in client.read_work_pools())) or "none"
            raise InputError(
                f"--work-pool: there is no work pool {name!r} on the server (it has: {known}); make it with "
                f"`prefect work-pool create {name} --type process`"
            ) from None
