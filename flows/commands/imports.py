"""The verbs that bring in what was recorded elsewhere: `import scores`, `inspect`, `verifiers` and `ratings`."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands import options
from flows.commands.import_ratings import ratings

if TYPE_CHECKING:
    from flows.imports import Imported
    from flows.settings import Settings
    from warehouse.imports import Reading, Recording

Ranges = Annotated[
    list[str] | None,
    typer.Option("--range", metavar="DIM=WORST:BEST", help="Units of a dimension that is not in 0..1; repeatable."),
]
Weights = Annotated[
    list[str] | None,
    typer.Option("--weight", metavar="DIM=WEIGHT", help="How dimensions add up to the reward; repeatable."),
]

_NUMBER = r"(-?(?:[0-9]+[.]?[0-9]*|[.][0-9]+)(?:e-?[0-9]+)?)"

app = typer.Typer(help="Bring in scores, Inspect logs, verifiers results or ratings that were recorded elsewhere.")
app.command()(ratings)


@app.command()
def scores(
    file: Annotated[Path, typer.Argument(help="JSON lines, .csv or .parquet: a row per attempt and dimension.")],
    family: Annotated[
        str | None, typer.Option("--family", "-f", help="Kind of task, where the rows do not say it.")
    ] = None,
    ranges: Ranges = None,
    weights: Weights = None,
    span: options.Span = None,
    db: options.Db = None,
    as_json: options.AsJson = False,
) -> None:
    """Import per-sample scores of any harness: instance, policy, sample, dimension, score (or low and high).

    Further columns: family, status (completed, refused, truncated, step_limit, error), error, output, prompt, grader,
    source (deterministic or judge), replicate, reason, split, and for checkpoints parent, intervention, step.
    """
    from warehouse.imports.score_files import read_score_file

    reading, settings = _reading(ranges, weights, span, db)
    _import([read_score_file(file, family)], reading, settings, as_json)


@app.command()
def inspect(
    logs: Annotated[list[Path], typer.Argument(help="Eval logs, .eval or .json.")],
    ranges: Ranges = None,
    weights: Weights = None,
    span: options.Span = None,
    db: options.Db = None,
    as_json: options.AsJson = False,
) -> None:
    """Import eval logs of Inspect AI; each log is a run of its own."""
    from warehouse.imports.inspect_logs import read_inspect_log

    reading, settings = _reading(ranges, weights, span, db)
    _import([read_inspect_log(log) for log in logs], reading, settings, as_json)


@app.command()
def verifiers(
    folder: Annotated[Path, typer.Argument(help="A folder that holds results.jsonl or traces.jsonl.")],
    ranges: Ranges = None,
    weights: Weights = None,
    span: options.Span = None,
    db: options.Db = None,
    as_json: options.AsJson = False,
) -> None:
    """Import saved evaluation results of verifiers."""
    from warehouse.imports.verifiers_results import read_verifiers_results

    reading, settings = _reading(ranges, weights, span, db)
    _import([read_verifiers_results(folder)], reading, settings, as_json)


def _reading(
    ranges: list[str] | None, weights: list[str] | None, span: list[str] | None, db: str | None
) -> "tuple[Reading, Settings]":
    from flows.errors import InputError
    from flows.settings import read_settings
    from warehouse.imports import Reading

    named = options.names(span) or ()
    if len(named) == 1:
        raise InputError("--span: name two policies at least, the weakest first")
    ends = _parsed("--range", ranges, f"{_NUMBER}:{_NUMBER}", "DIM=WORST:BEST, such as quality=0:10")
    shares = _parsed("--weight", weights, _NUMBER, "DIM=WEIGHT, such as quality=0.7")
    reading = Reading(
        ranges={name: (float(worst), float(best)) for name, worst, best in ends},
        weights={name: float(weight) for name, weight in shares},
        span=named,
    )
    return reading, read_settings(None, {"db": db})


def _parsed(option: str, values: list[str] | None, form: str, wanted: str) -> list[tuple[str, ...]]:
    from flows.errors import InputError

    parsed = []
    for value in values or []:
        found = re.fullmatch(f"(.+)={form}", value)
        if found is None:
            raise InputError(f"{option}: {value!r} cannot be read; write {wanted}")
        parsed.append(found.groups())
    return parsed


def _import(recordings: "list[Recording]", reading: "Reading", settings: "Settings", as_json: bool) -> None:
    from flows import console
    from flows.imports import import_recording
    from flows.places import db_option_if_needed

    imported = [import_recording(settings.db, recording, reading) for recording in recordings]
    if as_json:
        console.print_json([asdict(one) for one in imported])
        return
    for one in imported:
        _show(one)
    db = db_option_if_needed(settings.db)
    run = imported[-1].run_id
    console.next_steps(f"assay verdicts --run {run}{db}", f'assay sql "from dimension_spread"{db}', f"assay tables{db}")


def _show(one: "Imported") -> None:
    from flows import console

    console.line(
        f"Run {one.run_id} ({one.made_by}): {one.n_attempts:,} attempts of {', '.join(one.policies) or 'nobody'} on "
        f"{one.n_instances:,} instances of {', '.join(one.families) or 'nothing'}"
    )
    console.line(f"  dimensions: {', '.join(one.dimensions) or 'none'}")
    if one.n_errors:
        console.line(f"  lost to errors, never a zero: {one.n_errors:,}")
    if one.n_graded_here:
        console.line(f"  graded again here, from what was handed in: {one.n_graded_here:,}")
    for mean in one.means:
        again = "no score to check it" if mean.recomputed is None else f"{mean.recomputed:.6g} worked out again"
        mark = "" if mean.agrees else "  !"
        console.line(f"  mean of {mean.dimension}: {mean.reported:.6g} reported, {again}{mark}")
    for reason, count in one.unused.items():
        console.line(f"  not used: {count:,} x {reason}")
    if not one.added.get("rollout"):
        console.line("  was there already: nothing was added")
