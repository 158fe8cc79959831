"""The verb `calibrate progress`: how far people are with rating."""

import shlex
from typing import Annotated

import typer

from flows.commands import options

PROGRESS = """
    select calibration_progress.*
    from calibration_progress
    join calibration_set using (set_id)
    order by calibration_set.created_at, set_id, rater = 'all', rater
"""


def progress(
    set_id: Annotated[str | None, typer.Option("--set", help="Only this calibration set.")] = None,
    db: options.Db = None,
    as_json: options.AsJson = False,
) -> None:
    """Say how far each rater of each calibration set is."""
    from flows import console
    from flows.calibration.upkeep import bring_up_to_date
    from flows.commands.query import existing
    from flows.errors import InputError
    from warehouse import Warehouse

    path = existing(db)
    bring_up_to_date(path)
    with Warehouse.open(path, read_only=True) as warehouse:
        found = warehouse.sql(PROGRESS)
    if set_id is not None:
        known = ", ".join(found["set_id"].unique(maintain_order=True)) or "none"
        found = found.filter(set_id=set_id)
        if found.is_empty():
            raise InputError(f"{path}: there is no calibration set {set_id!r}; sets: {known}")
    if as_json:
        console.print_json(found)
        return
    if found.is_empty():
        console.line("No calibration set was drawn yet.")
        console.next_steps(f"assay calibrate sample --db {shlex.quote(str(path))} --dimension ...")
        return
    for (name, dimension), rows in found.group_by("set_id", "dimension", maintain_order=True):
        console.headline(f"{name}: {dimension}")
        console.print_frame(
            rows,
            {
                "rater": "rater", "n_assigned": "asked for", "n_rated": "rated", "n_cannot_assess": "cannot assess",
                "n_left": "left", "last_rated_at": "last",
            },
        )  # fmt: skip
    console.next_steps(f"assay calibrate rate --set {found['set_id'][-1]} --db {shlex.quote(str(path))}")
