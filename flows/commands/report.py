"""The verb that writes the report: `report`."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from flows.commands import options
from flows.commands.query import existing, latest, require_run

OUT = Path("report.html")


def report(
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The file to write (default: report.html).")] = None,
    run: Annotated[str | None, typer.Option("--run", help="The run (default: the latest).")] = None,
    db: options.Db = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the data of the page; write one only with --out.")
    ] = False,
) -> None:
    """Write one HTML file that says which tasks teach, which graders lie, and why; it works offline."""
    from flows import console, views
    from flows.report import write as reports
    from flows.trust import told_of_file

    path = existing(db)
    run_id = run or latest(path)
    require_run(run_id, path)

    if as_json:
        console.print_json(reports.read_report(path, run_id).as_json())
    if as_json and out is None:
        return
    written = reports.report(path, run_id, out or OUT)
    if as_json:
        return
    views.show_trust(told_of_file(path, [run_id]))
    console.line(f"Run {run_id}: {written.path}, {written.n_bytes / 1e6:.1f} MB, one file that needs no network")
    console.line("Open it in a browser.")
    console.next_steps(f"assay verdicts --db {shlex.quote(str(path))} --run {run_id}")
