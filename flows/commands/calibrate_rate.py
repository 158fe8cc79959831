"""The verb that lets people rate in a browser: `calibrate rate`."""

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands import options

if TYPE_CHECKING:
    from flows.calibration.page.serve import Session


def rate(
    set_id: Annotated[str, typer.Option("--set", help="The calibration set to rate.")],
    rater: Annotated[
        list[str] | None, typer.Option("--rater", help="Who rates; repeatable (default: all it was dealt out to).")
    ] = None,
    port: Annotated[int, typer.Option("--port", help="Port on this machine; 0: any that is free.")] = 0,
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the links in the browser.")] = False,
    db: options.Db = None,
) -> None:
    """Rate a calibration set in the browser: a page for each rater, on this machine only, until Ctrl-C.

    Every answer is on the disk before the page says saved. The warehouse is free while people rate.
    """
    from flows import console
    from flows.calibration.page.serve import rate as serve
    from flows.commands.query import existing

    path = existing(db)

    def show(links: Mapping[str, str]) -> None:
        console.line(f"Set {set_id}: a link for each rater; who has one answers under that name")
        for name, link in links.items():
            console.line(f"  {name}  {link}")
        console.line("Every answer is saved at once. Ctrl-C when done.")
        if open_browser:
            import webbrowser

            for link in links.values():
                webbrowser.open(link)

    session = serve(path, set_id, options.names(rater) or (), port, show)
    _show(session)
    console.next_steps(f"assay calibrate report --db {shlex.quote(str(path))}")


def _show(session: "Session") -> None:
    from flows import console

    console.line()
    for rater, (answered, dealt) in session.answered.items():
        console.line(f"  {rater}: {answered:,} of {dealt:,} answered")
    if session.taken is None:
        console.paragraph(
            f"Not yet among the ratings: {session.why_not}. The answers are safe in {session.journal}; the next "
            "`assay calibrate` verb takes them in."
        )
        return
    taken = session.taken
    console.line(f"  ratings: {taken.n_new:,} new, {taken.n_changed:,} changed, {taken.n_known:,} known")
    for refused in taken.refused:
        console.line(f"  NOT taken: {refused.place}: {refused.reason}")
