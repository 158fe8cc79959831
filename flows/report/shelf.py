"""The shelf: the folder where flows leave reports, and a small server that shows it and nothing else.

A page that came over HTTP may not lead to a file, so what the Prefect UI is to link has to be served. Loopback alone by
default: a report holds outputs of policies, and whoever reads it needs no password.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import quote

from flows.errors import InputError

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from flows.settings import Settings
    from warehouse.location import Location

HOST = "127.0.0.1"
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


@dataclass(frozen=True)
class Shelved:
    """A report that lies there."""

    path: Path
    url: str | None
    """Where it can be opened; None: nobody said where the folder is served."""


@dataclass(frozen=True)
class Shelf:
    """Where reports go."""

    folder: Path
    url: str | None = None
    """Where the folder is served, such as `http://127.0.0.1:8091`."""

    def put(self, db: "Location", run_id: str) -> Shelved:
        """Write the report of a run.

        Raises:
            InputError: the folder or the file cannot be written.
            WarehouseError: the warehouse cannot be read.
        """
        from flows.report.write import report

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{self.folder}: the folder of reports cannot be made ({error})") from None
        return self._shelved(report(db, run_id, self._file(run_id)).path)

    def find(self, run_id: str) -> Shelved | None:
        """Return the report of a run, if it lies there."""
        path = self._file(run_id)
        return self._shelved(path) if path.exists() else None

    def _file(self, run_id: str) -> Path:
        return self.folder / f"{run_id}.html"

    def _shelved(self, path: Path) -> Shelved:
        return Shelved(path, self.url and f"{self.url.rstrip('/')}/{quote(path.name)}")


def shelf_of(settings: "Settings", deployment: str | None) -> Shelf | None:
    """Return where the report of a run goes; None: it belongs to no deployment, and nobody asked for reports."""
    from flows.places import folder_of

    if deployment is None and settings.reports is None and settings.reports_url is None:
        return None
    return Shelf(settings.reports or folder_of(settings.db) / "reports", settings.reports_url)


def shelf_app(folder: Path) -> "Starlette":
    """Return the pages: a list of reports at `/`, each under its name. No other file is shown, no folder entered."""
    from html import escape

    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import HTMLResponse, PlainTextResponse, Response
    from starlette.routing import Route

    def reports() -> dict[str, Path]:
        """Only what lies in the folder itself: a link could lead out of it."""
        if not folder.is_dir():
            return {}
        return {path.name: path for path in folder.glob("*.html") if path.is_file() and not path.is_symlink()}

    def listing(_request: Request) -> Response:
        names = sorted(reports(), reverse=True)
        rows = "".join(f'<li><a href="{quote(name)}">{escape(name)}</a></li>' for name in names)
        page = f"<!doctype html><meta charset=utf-8><title>Reports</title><h1>Reports</h1><ul>{rows}</ul>"
        return HTMLResponse(page, headers=HEADERS)

    def one(request: Request) -> Response:
        # Looked up among the names there are: whatever else is asked for leads nowhere.
        path = reports().get(request.path_params["name"])
        if path is None:
            return PlainTextResponse("there is no such report\n", status_code=404, headers=HEADERS)
        return HTMLResponse(path.read_bytes(), headers=HEADERS)

    return Starlette(routes=[Route("/", listing), Route("/{name}", one)])


@contextmanager
def served_shelf(folder: Path, port: int = 0, host: str = HOST) -> Iterator[str]:
    """Serve a folder of reports for as long as the context lasts.

    Args:
        folder: the folder; it may be made later.
        port: where to listen; 0: any that is free.
        host: loopback unless you mean others to read the reports.

    Yields:
        The address.

    Raises:
        InputError: the port is taken.
    """
    import socket

    import uvicorn

    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise InputError(f"reports cannot be served at {host}:{port} ({error.strerror}); name another port") from None
    listener.listen()
    config = uvicorn.Config(
        shelf_app(folder), log_level="error", access_log=False, lifespan="off", ws="none", server_header=False
    )
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()
