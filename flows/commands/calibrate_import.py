"""The verb `calibrate import`: what raters filled in, checked, into the warehouse."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from flows.commands import options

if TYPE_CHECKING:
    from flows.calibration.answers import Refused, TakenIn

Replace = Annotated[
    bool, typer.Option("--replace", help="Let a rating take the place of a different one of the same rater.")
]


def import_(
    files: Annotated[list[Path], typer.Argument(help="What raters saved, or an archive of `export --all`.")],
    rater: Annotated[
        list[str] | None,
        typer.Option(
            "--rater",
            metavar="[NAME IN FILE=]RATER",
            help="Who rated, where a file does not say, or says it otherwise; repeatable.",
        ),
    ] = None,
    file_format: Annotated[
        Literal["csv", "xlsx", "label_studio", "argilla"] | None,
        typer.Option("--format", help="Tool that saved the files (default: by their endings).", show_default=False),
    ] = None,
    replace: Replace = False,
    db: options.Db = None,
    as_json: options.AsJson = False,
) -> None:
    """Import ratings from the files of `calibrate export`, filled in; what is wrong is refused, the rest kept.

    Exit status 1 where answers were refused; 2 where a file cannot be read, and nothing was taken from any.
    """
    from flows.calibration.answers import TakenIn, take_in_all
    from flows.calibration.archive import is_archive, restore
    from flows.calibration.formats import format_named, format_of
    from flows.calibration.upkeep import bring_up_to_date
    from flows.settings import read_settings

    settings = read_settings(None, {"db": db})
    names = _raters(rater)
    archives = [path for path in files if is_archive(path)]
    readers = {path: format_named(file_format) if file_format else format_of(path) for path in files
               if path not in archives}  # fmt: skip
    found = {path: reader.read(path, names) for path, reader in readers.items()}
    bring_up_to_date(settings.db)
    taken = [restore(settings.db, path, replace=replace) for path in archives]
    if found:
        answers = [(path.name, read.answers) for path, read in found.items()]
        taken.append(take_in_all(settings.db, answers, replace=replace))
    unusable = [refused for read in found.values() for refused in read.refused]
    all_taken = TakenIn(
        n_new=sum(one.n_new for one in taken),
        n_known=sum(one.n_known for one in taken),
        n_changed=sum(one.n_changed for one in taken),
        refused=[*unusable, *(refused for one in taken for refused in one.refused)],
    )
    tell(all_taken, sum(read.n_blank for read in found.values()), as_json)


def tell(taken: "TakenIn", n_blank: int, as_json: bool) -> None:
    """Say what became of answers; ends with exit status 1 where some were refused."""
    from flows import console

    if as_json:
        console.print_json(
            {
                "n_new": taken.n_new, "n_known": taken.n_known, "n_changed": taken.n_changed, "n_blank": n_blank,
                "refused": [{"place": refused.place, "reason": refused.reason} for refused in taken.refused],
            }
        )  # fmt: skip
    else:
        _show(taken, n_blank, taken.refused)
    if taken.refused:
        raise typer.Exit(1)


def _show(taken: "TakenIn", n_blank: int, refused: "Sequence[Refused]") -> None:
    from flows import console

    console.line(f"{taken.n_new:,} ratings added")
    for count, what in (
        (taken.n_changed, "took the place of what the same rater said before"),
        (taken.n_known, "were there already"),
        (n_blank, "items not rated yet"),
        (len(refused), "refused; all others were kept"),
    ):
        if count:
            console.line(f"  {count:,} {what}")
    if refused:
        console.print_rows(
            ["where", "why it was refused"], [(one.place, one.reason) for one in refused], right=[False, False]
        )


def _raters(given: list[str] | None) -> Mapping[str, str]:
    """Return name in the file -> rater; under "" the rater of files that name nobody."""
    from flows.calibration.answers import tidy_name
    from flows.errors import InputError

    names: dict[str, str] = {}
    for value in given or []:
        said, _, rater = value.rpartition("=")
        key, name = tidy_name(said), tidy_name(rater)
        if not name or key in names:
            raise InputError(f"--rater: {value!r} cannot be read; write one NAME, or NAME IN FILE=RATER for each")
        names[key] = name
    return names
