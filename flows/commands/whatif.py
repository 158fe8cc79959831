"""The verbs that ask what would be otherwise, and what has become so: `recompose`, `compare`, `regrade`."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from flows.commands import options

if TYPE_CHECKING:
    import polars as pl

    from flows.what_if.compare import Comparison
    from flows.what_if.recompose import Recomposed
    from flows.what_if.regrade import LeftOut, Regraded

SHOWN = 30
"""Rows of one table that are printed; the rest is in --json."""


def recompose(
    run: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="The run (default: the latest).", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All runs of the warehouse.")] = False,
    rubric: Annotated[
        Path | None, typer.Option("--rubric", help="A rubric file (TOML) in the place of its family's.")
    ] = None,
    weight: Annotated[
        list[str] | None,
        typer.Option("--weight", metavar="DIMENSION=WEIGHT", help="Another weight; 0 leaves it out; repeatable."),
    ] = None,
    cap: Annotated[
        list[str] | None,
        typer.Option("--cap", metavar="FLAG=CEILING", help="Another ceiling; 1 costs nothing; repeatable."),
    ] = None,
    cap_mode: Annotated[
        Literal["scaled", "hard"] | None, typer.Option("--cap-mode", help="scaled multiplies, hard cuts off.")
    ] = None,
    work_base: Annotated[
        float | None, typer.Option("--work-base", help="What is left where no defect was dealt with, 0..1.")
    ] = None,
    save: Annotated[
        bool, typer.Option("--save", help="Also keep the new composites beside the run's own, which stay.")
    ] = False,
    db: options.Db = None,
    as_json: options.AsJson = False,
) -> None:
    """What if these weights or caps: past rewards put together again; nothing is graded or collected."""
    from flows import console
    from flows.commands.query import existing, latest
    from flows.errors import InputError
    from flows.what_if.recompose import Change
    from flows.what_if.recompose import recompose as work_out

    if every and run is not None:
        raise InputError(f"--all takes all runs; leave out {run}, or --all")
    path = existing(db)
    change = Change(rubric, _numbers("--weight", weight), _numbers("--cap", cap), cap_mode, work_base)
    found = work_out(path, None if every else run or latest(path), change, save=save)
    if as_json:
        console.print_json(_as_json(found))
        return
    _show(found)
    db_option = f"--db {shlex.quote(str(path))}"
    if save:
        rubrics = ", ".join(f"'{name}'" for name in sorted({new.rubric_id for new in found.rubrics}))
        console.next_steps(f'assay sql {db_option} "from composite where rubric_id in ({rubrics})"')
    else:
        of_run = "" if found.run_id is None else f"--run {found.run_id} "
        console.next_steps("add --save to keep these composites", f"assay verdicts {of_run}{db_option}")


def compare(
    first: Annotated[str, typer.Argument(metavar="RUN", help="The run before.")],
    second: Annotated[str, typer.Argument(metavar="RUN", help="The run after.")],
    policy: Annotated[
        list[str] | None,
        typer.Option("--policy", metavar="A=B", help="Hold policy A of the first run against B; repeatable."),
    ] = None,
    dimension: Annotated[
        str | None, typer.Option("--dimension", help="This dimension only; `composite` is the reward.")
    ] = None,
    plugin: options.Plugins = None,
    db: options.Db = None,
    as_json: options.AsJson = False,
) -> None:
    """Split every change between two runs: task mix, grader or judge, policy, and what is left open."""
    from flows import console
    from flows.commands.query import existing
    from flows.pool import import_plugins
    from flows.what_if.compare import compare_runs

    import_plugins(options.names(plugin) or ())
    path = existing(db)
    found = compare_runs(path, first, second, _mapping(policy), dimension)
    if as_json:
        console.print_json(
            {"first": first, "second": second, "trust": found.trust.as_json(),
             "changes": [split.as_row() for split in found.splits],
             "unmatched": list(found.unmatched)}
        )  # fmt: skip
        return
    _show_comparison(found)
    db_option = f"--db {shlex.quote(str(path))}"
    console.next_steps(
        f"assay compare {first} {second} --json {db_option}", f"assay verdicts --run {second} {db_option}"
    )


def _mapping(given: list[str] | None) -> dict[str, str]:
    from flows.errors import InputError

    found: dict[str, str] = {}
    for text in given or ():
        one, separator, other = (part.strip() for part in text.partition("="))
        if separator and not (one and other):
            raise InputError(f"--policy {text!r}: write A=B, or A alone for the policy of that name in both runs")
        found[one] = other or one
    return found


def _show_comparison(found: "Comparison") -> None:
    from flows import console, views

    views.show_trust(found.trust)
    console.line(f"{found.first} -> {found.second}: changes of means, and where from")
    has_open_question = any(abs(split.found.parts.inseparable) > 0 for split in found.splits)
    headings = ["", "before", "change", "tasks", "grader", "policy"]
    headings += (["either"] if has_open_question else []) + ["open", "n"]
    for pair in dict.fromkeys(split.pair for split in found.splits):
        own = [split for split in found.splits if split.pair == pair]
        console.headline(f"{pair.family}, {pair.name}")
        rows = []
        for split in own:
            parts = split.found.parts
            changes = [split.found.change, parts.task_mix, parts.grader, parts.policy]
            changes += ([parts.inseparable] if has_open_question else []) + [parts.unassessed]
            rows.append(
                ["reward" if split.dimension == "composite" else split.dimension, f"{split.found.before:.3f}"]
                + [_signed(change) for change in changes]
                + [f"{split.found.n_shared:,}"]
            )
        console.print_rows(headings, rows, right=[False] + [True] * (len(headings) - 1))
        sentence = own[0].sentence()
        console.paragraph(sentence[:1].upper() + sentence[1:])
    console.line()
    for text in found.unmatched:
        console.line(f"  not compared: {text}")
    console.paragraph(
        "tasks: instances that only one run has; open: what is proven grows as less is left unassessed; n: shared "
        "instances." + (" either: policy or grader, not separable." if has_open_question else "")
    )


def regrade(
    run: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="The run whose rollouts are graded again.", show_default=False)
    ] = None,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="RUN", help="Take up a regrade that broke off.")
    ] = None,
    trust: options.Trust = None,
    workers: options.Workers = None,
    chunk_size: options.ChunkSize = None,
    plugin: options.Plugins = None,
    db: options.Db = None,
    as_json: options.AsJson = False,
) -> None:
    """Grade what a run collected again, with the graders and rubrics as they are now, as a run of its own.

    Nothing is collected and no judge is asked: what judges said is carried over, and nothing is spent. It counts where
    the judge is calibrated by now.
    """
    from flows import console
    from flows.errors import InputError
    from flows.runs import Place
    from flows.settings import read_settings
    from flows.what_if.regrade import begin_regrade, finish_regrade

    if (run is None) == (resume is None):
        raise InputError("name a run to grade again, or --resume RUN to take up a regrade; one of the two")
    for option, given in (("--plugin", plugin), ("--trust", trust)):
        if resume is not None and given:
            raise InputError(f"--resume does what the regrade was planned to do; leave out {option}")
    settings = read_settings(
        None,
        {"workers": workers, "chunk_size": chunk_size, "plugins": options.names(plugin), "db": db, "trust": trust},
    )
    left_out: tuple[LeftOut, ...] = ()
    if run is not None:
        place, left_out = begin_regrade(settings, run)
    else:
        assert resume is not None
        place = Place(settings.db, resume, "regrade", settings.runs)
    found = finish_regrade(place, settings)
    if as_json:
        console.print_json(_regraded_as_json(found, left_out))
        return
    _show_regraded(found, left_out)
    db_option = f"--db {shlex.quote(str(settings.db))}"
    console.next_steps(
        f"assay compare {found.source} {found.run_id} {db_option}",
        f"assay verdicts --run {found.run_id} {db_option}",
    )


def _show_regraded(found: "Regraded", left_out: "tuple[LeftOut, ...]") -> None:
    from flows import console, views

    views.show_trust(found.trust)
    console.paragraph(
        f"Run {found.run_id}: the {found.n_rollouts:,} graded rollouts of run {found.source} graded again, "
        f"{found.n_changed:,} rewards changed. Nothing was collected or spent; "
        + (f"{found.n_verdicts:,} scores of judges were carried over." if found.n_verdicts else "no judge was asked."),
        indent=0,
    )
    for one in left_out:
        console.line(f"  left out: {one.n_rollouts:,} rollouts of {one.family}: {one.why}")
    console.headline("Graders and rubrics")
    for row in (*found.versions, *found.rubrics):
        what = row.get("grader_id", "rubric")
        same = row["before"] == row["after"]
        said = (
            f"{row['after'] or 'none'}, as before" if same else f"{row['before'] or 'none'} -> {row['after'] or 'none'}"
        )
        console.line(f"  {row['family']}, {what}: {said}")
    if found.changes is not None:
        _show_means(found.changes)
    if found.largest.height:
        console.headline("Largest changes of single rewards")
        console.print_frame(found.largest.drop("family"))
    console.line()


def _show_means(changes: "Comparison") -> None:
    from flows import console

    moved = [split for split in changes.splits if abs(split.found.change) >= 0.0005]
    console.headline("Means over instances")
    if not moved:
        console.line("  all as before")
        return
    rows = [
        [split.pair.family, split.pair.name, "reward" if split.dimension == "composite" else split.dimension,
         f"{split.found.before:.3f}", f"{split.found.after:.3f}", _signed(split.found.change)]
        for split in moved
    ]  # fmt: skip
    headings = ["family", "policy", "dimension", "before", "after", "change"]
    console.print_rows(headings, rows, right=[False] * 3 + [True] * 3)
    if len(moved) < len(changes.splits):
        console.line(f"  {len(changes.splits) - len(moved):,} more did not change")


def _regraded_as_json(found: "Regraded", left_out: "tuple[LeftOut, ...]") -> dict[str, Any]:
    return {
        "source": found.source,
        "run_id": found.run_id,
        "n_rollouts": found.n_rollouts,
        "n_changed": found.n_changed,
        "n_verdicts": found.n_verdicts,
        "trust": found.trust.as_json(),
        "versions": list(found.versions),
        "rubrics": list(found.rubrics),
        "means": [split.as_row() for split in found.changes.splits] if found.changes is not None else [],
        "largest": found.largest.to_dicts(),
        "left_out": [{"family": one.family, "n_rollouts": one.n_rollouts, "why": one.why} for one in left_out],
    }


def _signed(change: float) -> str:
    """Return a change with its sign, none for what is 0 to three decimals."""
    return f"{change:+.3f}" if abs(change) >= 0.0005 else "0.000"


def _numbers(option: str, given: list[str] | None) -> dict[str, float]:
    """Return name -> number of options such as `case=0.5`."""
    from flows.errors import InputError

    found: dict[str, float] = {}
    for text in given or ():
        name, _, number = text.rpartition("=")
        try:
            found[name.strip()] = float(number)
        except ValueError:
            name = ""
        if not name:
            raise InputError(f"{option} {text!r}: write NAME=NUMBER, such as {option} some_name=0.5")
    return found


def _show(found: "Recomposed") -> None:
    import polars as pl

    from flows import console, views

    views.show_trust(found.trust)
    of = "all runs" if found.run_id is None else f"run {found.run_id}"
    changed = sorted({new.family for new in found.rubrics})
    console.paragraph(
        f"What if, {of}: {found.n_rollouts:,} rollouts of {', '.join(changed)} put together again, "
        f"{found.n_changed:,} rewards would be other ones",
        indent=0,
    )
    if found.unused_thresholds:
        console.paragraph(
            f"Not answered here, since graders read them: thresholds {', '.join(found.unused_thresholds)}. "
            "`assay regrade` grades again."
        )
    runs = {"run_id": "run"} if found.run_id is None else {}
    means = found.means.filter(pl.col("family").is_in(changed)).with_columns(
        # Adding 0 takes the sign from a zero.
        ((pl.col("after") - pl.col("before")).round(3) + 0.0).alias("change"),
        pl.when(pl.col("rank_before") == pl.col("rank_after"))
        .then(pl.col("rank_before").cast(pl.String))
        .otherwise(pl.format("{} -> {}", "rank_before", "rank_after"))
        .alias("rank"),
    )
    _table(
        "Mean reward",
        means,
        {**runs, "family": "family", "policy": "policy", "n_instances": "instances", "before": "before",
         "after": "after", "change": "change", "rank": "rank"},
    )  # fmt: skip
    moved = found.verdicts.filter(pl.col("before").ne_missing(pl.col("after")))
    total = int(found.verdicts["groups"].sum())
    console.headline(f"Verdicts: {int(moved['groups'].sum()):,} of {total:,} would be another one")
    if moved.height:
        _table(None, moved, {"family": "family", "before": "from", "after": "to", "groups": "groups"})
    _show_probes(found.probes, runs)
    order = found.order.filter(pl.col("violations_before").ne_missing(pl.col("violations_after")))
    if order.height:
        columns = {"n_pairs": "pairs", "violations_before": "before", "violations_after": "after"}
        _table("Ladders: pairs in which worse work earns more", order, {**runs, "family": "family", **columns})
    elif found.order.height:
        wrong = int(found.order["violations_before"].sum())
        console.line(f"\nLadders: worse work earns more in {wrong:,} pairs, before and after")
    if found.saved:
        console.line()
        console.paragraph(
            f"Kept under {', '.join(sorted({new.rubric_id for new in found.rubrics}))}; what the runs themselves show "
            "stays.",
            indent=0,
        )
    console.line()


def _show_probes(probes: "pl.DataFrame", runs: dict[str, str]) -> None:
    import polars as pl

    from flows import console

    lost = probes.filter(held=True)
    rising, gaining = lost.filter(kind="zero"), lost.filter(pl.col("kind") != "zero")
    shared = {**runs, "family": "family", "probe": "probe"}
    if not lost.height:
        console.line("\nProbes: none that is unpaid now would be paid")
    if rising.height:
        columns = {**shared, "max_before": "before", "max_after": "after", "floor": "floor"}
        _table("Probes that would rise above the floor: best reward without the work", rising, columns)
    if gaining.height:
        columns = {**shared, "kind": "kind", "lift_before": "before", "lift_after": "after"}
        _table("Probes that would gain by their trick: most on any instance", gaining, columns)
    if cured := probes.filter(holds=True)["probe"].to_list():
        console.line(f"No longer paid: {', '.join(cured)}")


def _table(heading: str | None, frame: "pl.DataFrame", columns: dict[str, str]) -> None:
    from flows import console

    if heading is not None:
        console.headline(heading)
    console.print_frame(frame.head(SHOWN), columns)
    if frame.height > SHOWN:
        console.line(f"{frame.height - SHOWN:,} more in --json")


def _as_json(found: "Recomposed") -> dict[str, Any]:
    return {
        "run_id": found.run_id,
        "trust": found.trust.as_json(),
        "rubrics": [
            {"run_id": new.run_id, "family": new.family, "rubric_id": new.rubric_id, "content": new.content}
            for new in found.rubrics
        ],
        "n_rollouts": found.n_rollouts,
        "n_changed": found.n_changed,
        "means": found.means.to_dicts(),
        "verdicts": found.verdicts.to_dicts(),
        "probes": found.probes.to_dicts(),
        "order": found.order.to_dicts(),
        "unused_thresholds": list(found.unused_thresholds),
        "saved": found.saved,
    }
