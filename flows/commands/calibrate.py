"""The verbs that hold judges against people."""

import shlex
from typing import TYPE_CHECKING

import typer

from flows.commands import options
from flows.commands.calibrate_export import export
from flows.commands.calibrate_import import import_
from flows.commands.calibrate_progress import progress
from flows.commands.calibrate_rate import rate
from flows.commands.calibrate_report import report
from flows.commands.calibrate_sample import sample

if TYPE_CHECKING:
    from flows.calibration.seed import SeedCalibration

app = typer.Typer(help="Hold judges against what people say.")


@app.callback()
def calibrate() -> None:
    """Hold judges against what people say."""


@app.command()
def seed(
    judge: options.Judges = None,
    family: options.Families = None,
    judge_replicates: options.JudgeReplicates = None,
    batch: options.Batch = None,
    max_cost_usd: options.MaxCost = None,
    max_tokens: options.MaxTokens = None,
    concurrency: options.Concurrency = None,
    config: options.Config = None,
    db: options.Db = None,
    as_json: options.AsJson = False,
) -> None:
    """Seed calibration: hand-made examples with the level that their author expects.

    It finds a judge that cannot be used. Exit status 1 where one is excluded on some dimension.
    """
    from flows import console
    from flows.calibration.seed import calibrate_on_seed
    from flows.errors import SettingsError
    from flows.settings import read_settings

    settings = read_settings(
        config,
        {
            "judges": options.names(judge), "families": options.names(family), "judge_replicates": judge_replicates,
            "batch": batch, "max_cost_usd": max_cost_usd, "max_tokens": max_tokens, "concurrency": concurrency,
            "db": db,
        },
    )  # fmt: skip
    if not settings.judges:
        raise SettingsError("no judge is named; add --judge anthropic/<model>")
    found = calibrate_on_seed(settings)
    if as_json:
        console.print_json(
            {"run_id": found.run_id, "kind": "seed calibration", "dimensions": found.summary.to_dicts(),
             "disagreements": found.disagreements.to_dicts()}
        )  # fmt: skip
    else:
        _show(found, str(settings.db))
    if found.has_excluded:
        raise typer.Exit(1)


def _show(found: "SeedCalibration", db: str) -> None:
    import polars as pl

    from flows import console

    console.headline("Seed calibration: hand-made examples, the level expected by their author")
    for grader_id in found.summary["grader_id"].unique(maintain_order=True):
        console.line(f"  {grader_id}")
        columns = {
            "dimension": "dimension", "n": "n", "agreement": "same level", "ci_low": "from", "ci_high": "to",
            "within_one": "within one", "bias": "bias", "mae": "MAE", "status": "status",
        }  # fmt: skip
        console.print_frame(found.summary.filter(grader_id=grader_id), columns)
        missed = found.disagreements.filter(grader_id=grader_id)
        if missed.height:
            console.line(f"  {missed.height} it saw otherwise (level: mean of its repeats; - no verdict)")
            shown = missed.with_columns(pl.col("dimension").str.replace_all("_", " "))
            console.print_frame(shown, {"example": "example", "dimension": "dimension", "expected": "expected",
                                        "level": "level", "reason": "reason"})  # fmt: skip
    console.line(
        "  same level: share of the examples, with its 95 % interval; from 0.80 calibrated, below 0.70 excluded"
    )
    console.line("  A seed shows which judge is of no use. That one can be trusted takes ratings of your own rollouts.")
    console.next_steps(f"assay sql --db {shlex.quote(db)} \"from judge_call where outcome <> 'level'\"")


app.command()(progress)
app.command()(rate)
app.command()(sample)
app.command()(export)
app.command("import")(import_)
app.command()(report)
