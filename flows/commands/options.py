"""Options that several verbs share."""

from pathlib import Path
from typing import Annotated, Literal

import typer

Db = Annotated[
    str | None,
    typer.Option(
        "--db",
        help="The warehouse: a file, or ducklake:postgres:... (default: ASSAY_DB, else assay.duckdb).",
        show_default=False,
    ),
]
DataPath = Annotated[
    str | None,
    typer.Option(
        "--data-path", help="Folder or s3://bucket/prefix of the Parquet files of a lake; named when it is made."
    ),
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
    typer.Option("--policy", "-p", help="Who attempts: anthropic/MODEL, sim/0.35, replay:FILE.jsonl, ...; repeatable."),
]
Mode = Annotated[
    Literal["multi", "single"] | None,
    typer.Option("--mode", help="multi: look through tools; single: all is in the prompt (default: multi)."),
]
Span = Annotated[
    list[str] | None,
    typer.Option("--span", help="Policies from the weakest to the strongest; the ends are the anchors of difficulty."),
]
Batch = Annotated[
    bool | None, typer.Option("--batch/--no-batch", help="Models answer in batches: half the price, within a day.")
]
MaxCost = Annotated[
    float | None, typer.Option("--max-cost-usd", help="Stop before the call that might pass so many US dollars.")
]
MaxTokens = Annotated[
    int | None, typer.Option("--max-tokens", help="Stop before the call that might pass so many tokens.")
]
Concurrency = Annotated[int | None, typer.Option("--concurrency", help="Calls to one model at the same time.")]
Judges = Annotated[
    list[str] | None,
    typer.Option("--judge", help="Who judges: anthropic/MODEL[:effort=low]; several that judge a run are a panel."),
]
JudgeReplicates = Annotated[
    int | None, typer.Option("--judge-replicates", help="Independent calls of each judge about one dimension.")
]
Trust = Annotated[
    Literal["calibrated", "any"] | None,
    typer.Option(
        "--trust",
        help="Whose verdicts narrow rewards: judges calibrated on people's ratings, or any, which is marked.",
    ),
]
Group = Annotated[int | None, typer.Option("--group", "--epochs", help="Rollouts per policy and instance.")]
ChunkSize = Annotated[int | None, typer.Option("--chunk-size", help="Rollouts per chunk.")]
Workers = Annotated[int | None, typer.Option("--workers", help="Worker processes (default: one per core).")]
Runner = Annotated[
    Literal["local", "dask"] | None,
    typer.Option("--runner", help="Where chunks are worked on: in processes here, or on a Dask cluster."),
]
DaskAddress = Annotated[
    str | None,
    typer.Option("--dask-address", help="The scheduler, tcp://HOST:8786 (default: a cluster of its own, here)."),
]
ShardPlace = Annotated[
    str | None,
    typer.Option("--shards", help="Folder or URL (s3://...) that all workers reach: results until they are loaded."),
]
ChunkTimeout = Annotated[
    float | None, typer.Option("--chunk-timeout", help="Seconds a worker may take for a chunk (default: 3600).")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]


def names(values: list[str] | None) -> tuple[str, ...] | None:
    """Return the names given with a repeated option, each possibly a list with commas; None where there are none."""
    if not values:
        return None
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip())
