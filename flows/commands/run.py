"""The verbs that assay: `run`, `demo`, `audit`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands import options

if TYPE_CHECKING:
    from flows.pool import WorkerPool
    from flows.runs import Place
    from flows.settings import Settings
    from flows.summary import RunSummary

FRAMES = (
    "verdicts", "probes", "confusion", "monotonicity", "difficulty", "separation", "oracle", "limits", "judges",
    "flips", "lift", "spent",
)  # fmt: skip
"""What of a summary is printed as JSON."""
DEMO_DB = Path("demo-output/assay.duckdb")


def run(
    config: options.Config = None,
    family: options.Families = None,
    n: options.Number = None,
    seed: options.Seed = None,
    difficulty: options.Difficulty = None,
    policy: options.Policies = None,
    group: options.Group = None,
    mode: options.Mode = None,
    span: options.Span = None,
    judge: options.Judges = None,
    judge_replicates: options.JudgeReplicates = None,
    trust: options.Trust = None,
    batch: options.Batch = None,
    max_cost_usd: options.MaxCost = None,
    max_tokens: options.MaxTokens = None,
    concurrency: options.Concurrency = None,
    instances: Annotated[
        Path | None, typer.Option("--instances", help="Attempt these instances (JSON lines) instead of generated ones.")
    ] = None,
    audit: Annotated[
        bool | None, typer.Option("--audit/--no-audit", help="Also grade oracle, ladders and probes (default: yes).")
    ] = None,
    chunk_size: options.ChunkSize = None,
    workers: options.Workers = None,
    runner: options.Runner = None,
    dask_address: options.DaskAddress = None,
    shards: options.ShardPlace = None,
    chunk_timeout: options.ChunkTimeout = None,
    plugin: options.Plugins = None,
    resume: Annotated[str | None, typer.Option("--resume", metavar="RUN", help="Take up a run that broke off.")] = None,
    run_id: Annotated[str | None, typer.Option("--run-id", hidden=True)] = None,
    db: options.Db = None,
    data_path: options.DataPath = None,
    as_json: options.AsJson = False,
) -> None:
    """Assay: generate instances, collect groups of rollouts, grade, load, and answer."""
    from flows.early_workers import early_workers
    from flows.errors import InputError
    from flows.settings import read_settings

    work = {
        "families": options.names(family), "n": n, "seed": seed, "difficulty": difficulty,
        "policies": options.names(policy), "group": group, "chunk_size": chunk_size, "shards": shards,
        "plugins": options.names(plugin), "audit": audit, "mode": mode, "span": options.names(span), "batch": batch,
        "judges": options.names(judge), "judge_replicates": judge_replicates, "trust": trust,
    }  # fmt: skip
    how = {
        "max_cost_usd": max_cost_usd, "max_tokens": max_tokens, "concurrency": concurrency, "workers": workers,
        "runner": runner, "dask_address": dask_address, "chunk_timeout_s": chunk_timeout,
    }  # fmt: skip
    settings = read_settings(config, {**work, **how, "db": db, "data_path": data_path})
    if resume is None:
        with early_workers(settings, instances) as early:
            place = _begin(settings, instances, run_id)
            _show(_work(place, settings, lint=True, early=early), settings, as_json)
        return
    given = [name for name, value in {**work, "instances": instances}.items() if value is not None]
    if given:
        options_given = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise InputError(f"--resume does what the run was planned to do; leave out {options_given}")
    _take_up(settings, resume, as_json)


def demo(
    n: options.Number = None,
    workers: options.Workers = None,
    db: options.Db = None,
    as_json: options.AsJson = False,
) -> None:
    """Show it all, offline: three simulated policies, oracle, ladders, probes; tables and what to type next."""
    from flows import console
    from flows.early_workers import early_workers
    from flows.settings import DEFAULT_POLICIES, Settings, read_settings

    if db is None:
        DEMO_DB.parent.mkdir(exist_ok=True)
    # The demonstration is the same everywhere: of the environment and .env only the worker count is taken.
    chosen = read_settings(None, {"workers": workers, "n": n, "span": (), "db": db or str(DEMO_DB)})
    settings = Settings(
        db=chosen.db, families=(), n=n or 30, seed=0, difficulty=(0.0, 1.0), policies=DEFAULT_POLICIES,
        group=16, audit=True, weak=None, strong=None, chunk_size=500, workers=chosen.workers, thresholds={}, plugins=(),
    )  # fmt: skip
    console.say("three simulated policies (not models) on generated tasks; nothing leaves this machine")
    with early_workers(settings, None) as early:
        place = _begin(settings, None, None)
        summary = _work(place, settings, lint=True, early=early)
    report = _write_report(place)
    _show(summary, settings, as_json, report)


def audit(
    config: options.Config = None,
    family: options.Families = None,
    n: options.Number = None,
    seed: options.Seed = None,
    difficulty: options.Difficulty = None,
    chunk_size: options.ChunkSize = None,
    workers: options.Workers = None,
    judge: options.Judges = None,
    judge_replicates: options.JudgeReplicates = None,
    trust: options.Trust = None,
    max_cost_usd: options.MaxCost = None,
    max_tokens: options.MaxTokens = None,
    concurrency: options.Concurrency = None,
    plugin: options.Plugins = None,
    db: options.Db = None,
    data_path: options.DataPath = None,
    as_json: options.AsJson = False,
) -> None:
    """Report on the graders: oracle, ladders and probes only. Exit status 1 when something does not hold.

    With --judge, also on the judge: what it says of each attack, and of the same output without it.
    """
    from flows import console, views
    from flows.runs import begin_run, finish_without_prefect
    from flows.settings import read_settings

    settings = read_settings(
        config,
        {
            "families": options.names(family), "n": n, "seed": seed, "difficulty": difficulty, "db": db,
            "chunk_size": chunk_size, "workers": workers, "plugins": options.names(plugin),
            "audit": True, "policies": (), "judges": options.names(judge), "judge_replicates": judge_replicates,
            "judge_scope": "attacks", "max_cost_usd": max_cost_usd, "max_tokens": max_tokens,
            "concurrency": concurrency, "trust": trust, "data_path": data_path,
        },
    )  # fmt: skip
    place = begin_run(settings.model_copy(update={"weak": None, "strong": None}), lint=True)
    summary = finish_without_prefect(place, settings)
    breaches = summary.breaches()
    if as_json:
        console.print_json({**_as_json(summary), "breaches": breaches})
    else:
        views.show_trust(summary.trust)
        views.show_report_card(summary)
        views.show_judges(summary)
        views.show_lift(summary)
        views.show_limits(summary)
        _show_breaches(breaches)
        console.next_steps(*_next(settings, 'sql "from grader_confusion"', 'sql "from probe_floor"', "tables"))
    if breaches:
        raise typer.Exit(1)


def _begin(settings: "Settings", instances: Path | None, run_id: str | None) -> "Place":
    from flows.plan import parse_instances
    from flows.pool import import_plugins
    from flows.prefect_runtime import require_server
    from flows.runs import begin_run, require_runner

    import_plugins(settings.plugins)
    given = parse_instances(instances) if instances else None
    require_server()
    require_runner(settings)
    return begin_run(settings, given, run_id)


def _take_up(settings: "Settings", run_id: str, as_json: bool) -> None:
    from flows import console
    from flows.places import require_usable
    from flows.runs import Place, completed_run

    place = Place(settings.db, run_id, runs=settings.runs)
    summary = completed_run(place)
    if summary is None:
        require_usable(settings.db)
        _show(_work(place, settings), settings, as_json)
        return
    console.say(f"run {run_id} is complete already; nothing was left to do")
    _show(summary, settings, as_json)


def _work(
    place: "Place", settings: "Settings", *, lint: bool = False, early: "WorkerPool | None" = None
) -> "RunSummary":
    from flows.runs import finish_with_prefect

    return finish_with_prefect(place, settings, lint=lint, early=early)


def _write_report(place: "Place") -> Path:
    """Write the report beside the warehouse."""
    from flows.places import folder_of
    from flows.report.write import report

    return report(place.db, place.run_id, folder_of(place.db) / "report.html").path


def _show(summary: "RunSummary", settings: "Settings", as_json: bool, report: Path | None = None) -> None:
    from flows import console, views

    if as_json:
        console.print_json(_as_json(summary))
        return
    counts = summary.counts
    views.show_run(summary)
    console.line()
    lost = f", {counts['errors']:,} lost to errors ({counts['first_error']})" if counts["errors"] else ""
    console.line(
        f"Run {summary.run_id}: {counts['rollouts']:,} rollouts on {counts['instances']:,} instances{lost}, "
        f"in {settings.db}"
    )
    if report is not None:
        console.line(f"Report: {report}, one page to open in a browser; it needs no network")
    page = () if report is not None else ("report --out report.html",)
    console.next_steps(*_next(settings, *page, "verdicts --by instance", 'sql "from taskset_health"', "tables"))


def _show_breaches(breaches: list[str]) -> None:
    from flows import console

    if not breaches:
        console.line("\nEverything holds: oracle, floor, expectations, order.")
        return
    console.headline("1 thing does not hold" if len(breaches) == 1 else f"{len(breaches)} things do not hold")
    for breach in breaches:
        console.line(f"  {breach}")


def _next(settings: "Settings", *commands: str) -> tuple[str, ...]:
    from flows.places import db_option_if_needed

    return tuple(f"assay {command}{db_option_if_needed(settings.db)}" for command in commands)


def _as_json(summary: "RunSummary") -> dict[str, Any]:
    return {
        "run_id": summary.run_id,
        "counts": summary.counts,
        "trust": summary.trust.as_json(),
        **{name: getattr(summary, name).to_dicts() for name in FRAMES},
    }
