"""Options that several verbs share."""

from pathlib import Path
from typing import Annotated

import typer

Db = Annotated[
    Path | None,
    typer.Option("--db", help="The warehouse file (default: ASSAY_DB, else assay.duckdb).", show_default=False),
]
Config = Annotated[
    Path | None, typer.Option("--config", help="A TOML file of settings; the command line overrules it.")
]
Families = Annotated[
    list[str] | None, typer.Option("--family", "-f", help="A family to assay; may be repeated (default: all).")
]
Plugins = Annotated[
    list[str] | None,
    typer.Option("--plugin", help="A module that registers families, graders or policies of your own."),
]
Number = Annotated[int | None, typer.Option("--n", "--limit", help="Instances per family.")]
Seed = Annotated[int | None, typer.Option("--seed", help="Everything random follows from it.")]
Difficulty = Annotated[str | None, typer.Option("--difficulty", help="Range of difficulty, LOW:HIGH within 0..1.")]
Policies = Annotated[
    list[str] | None,
    typer.Option("--policy", "-p", help="Who attempts: sim/weak, sim/0.35, replay:FILE.jsonl, ...; may be repeated."),
]
Group = Annotated[int | None, typer.Option("--group", "--epochs", help="Rollouts per policy and instance.")]
ChunkSize = Annotated[int | None, typer.Option("--chunk-size", help="Rollouts per chunk.")]
Workers = Annotated[int | None, typer.Option("--workers", help="Worker processes (default: one per core).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]


def names(values: list[str] | None) -> tuple[str, ...] | None:
    """Return the names given with a repeated option, each possibly a list with commas; None where there are none."""
    if not values:
        return None
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip())
