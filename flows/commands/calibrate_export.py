"""The verb `calibrate export`: a set for the tools that people rate in, or all ratings as one file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from flows.commands import options

if TYPE_CHECKING:
    from flows.calibration.sheet import RatingSheet
    from warehouse import Warehouse


def export(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the files; with --all the file.")],
    set_id: Annotated[
        str | None, typer.Option("--set", help="Calibration set (default: the only one).", show_default=False)
    ] = None,
    file_format: Annotated[
        Literal["csv", "xlsx", "label_studio", "argilla"], typer.Option("--format", help="Tool that people rate in.")
    ] = "xlsx",
    rater: Annotated[
        list[str] | None, typer.Option("--rater", help="Whose file; repeatable (default: all it was dealt to).")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All sets and ratings, with the rollouts they are of, as one archive.")
    ] = False,
    db: options.Db = None,
    as_json: options.AsJson = False,
) -> None:
    """Export a calibration set for rating, one file a rater: blind, each in an order of its own.

    With --all: an archive of all that people said, which `assay calibrate import` restores into any warehouse.
    """
    from flows import console
    from flows.calibration.upkeep import bring_up_to_date
    from flows.places import db_option_if_needed
    from flows.settings import read_settings
    from warehouse import Warehouse

    settings = read_settings(None, {"db": db})
    bring_up_to_date(settings.db)
    with Warehouse.open(settings.db, read_only=True) as warehouse:
        if everything:
            _export_all(warehouse, out, set_id or rater, as_json)
            return
        sheet, written = _export_set(warehouse, set_id, file_format, rater, out)
    if as_json:
        console.print_json({"set_id": sheet.set_id, "files": [str(path) for path in written]})
        return
    console.line(f"Set {sheet.set_id}: {len(sheet.items):,} items to rate on {sheet.dimension.replace('_', ' ')}")
    for path in written:
        console.line(f"  {path}")
    console.line(f"  levels 0 to {sheet.rubric.top}, or 'cannot assess'; leave out what is not rated yet")
    named = db_option_if_needed(settings.db)
    console.next_steps(f"assay calibrate import {_pattern(file_format, out)}{named}")


def _pattern(file_format: str, out: Path) -> str:
    return str(out / f"*.{file_format}") if file_format in ("csv", "xlsx") else "EXPORT.json"


def _export_all(warehouse: "Warehouse", out: Path, chosen: object, as_json: bool) -> None:
    from flows import console
    from flows.calibration.archive import write_archive
    from flows.errors import InputError

    if chosen:
        raise InputError("--all takes everything; leave --set and --rater out")
    archived = write_archive(warehouse, out)
    if as_json:
        console.print_json({"file": str(archived.path), "rows": archived.n_rows})
        return
    rows = archived.n_rows
    console.line(
        f"{archived.path}: {rows['rating']:,} ratings and {rows['calibration_set']:,} calibration sets, with the "
        f"{rows['rollout']:,} rollouts they are of"
    )


def _export_set(
    warehouse: "Warehouse", set_id: str | None, file_format: str, rater: list[str] | None, out: Path
) -> "tuple[RatingSheet, list[Path]]":
    from flows.calibration.answers import tidy_name
    from flows.calibration.formats import format_named
    from flows.calibration.sheet import read_sheet
    from flows.errors import InputError

    sheet = read_sheet(warehouse, set_id or _only_set(warehouse))
    named = [tidy_name(name) for name in options.names(rater) or sheet.raters]
    for name in named:
        if sheet.raters and name not in sheet.raters:
            raise InputError(f"--rater: {name!r} is no rater of {sheet.set_id}; its raters: {', '.join(sheet.raters)}")
    whose: list[str | None] = [*named] or [None]
    paths: list[Path] = []
    for one in whose:
        paths += format_named(file_format).write(sheet, one, out)
    return sheet, list(dict.fromkeys(paths))


def _only_set(warehouse: "Warehouse") -> str:
    from flows.errors import InputError

    known = warehouse.sql("select set_id from calibration_set order by created_at")["set_id"].to_list()
    if len(known) != 1:
        there = f"there are {', '.join(known)}" if known else "there is none; `assay calibrate sample` draws one"
        raise InputError(f"--set: name a calibration set; {there}")
    return str(known[0])
