"""The verbs that go by files: `generate`, `lint`, `grade`."""

import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands import options

if TYPE_CHECKING:
    import polars as pl

    from flows.settings import Settings
    from tasks_lib.records import TaskInstance

GRADED = """
    select
        rollout.instance_id,
        policy.name as policy,
        rollout.sample,
        composite.reward,
        composite.ready,
        array_to_string(composite.flags::varchar[], ' ') as flags,
        composite.high,
        composite.work_low as work
    from rollout
    join policy using (policy_id)
    join stg_attempt using (rollout_id)
    left join composite
        on composite.rollout_id = rollout.rollout_id and composite.rubric_id = stg_attempt.rubric_id
    where rollout.run_id = ?
    order by rollout.instance_id, policy.name, rollout.sample
"""


def generate(
    family: options.Families = None,
    n: options.Number = None,
    seed: options.Seed = None,
    difficulty: options.Difficulty = None,
    mode: options.Mode = None,
    out: Annotated[Path | None, typer.Option("--out", help="File of JSON lines to write.")] = None,
    split: Annotated[
        str, typer.Option("--split", help="Label of the set, such as train, heldout or stress.")
    ] = "train",
    from_table: Annotated[
        Path | None,
        typer.Option("--from-table", help="Make spreadsheet_clean instances of your own clean table (CSV)."),
    ] = None,
    from_document: Annotated[
        Path | None,
        typer.Option("--from-document", help="Make a doc_revision instance of your own folder: draft, papers, truth."),
    ] = None,
    from_brief: Annotated[
        Path | None,
        typer.Option("--from-brief", help="Make a citation_grounding instance of your own: brief, sources, truth."),
    ] = None,
    config: options.Config = None,
    plugin: options.Plugins = None,
    as_json: options.AsJson = False,
) -> None:
    """Write task instances to a file of JSON lines."""
    from flows import console
    from flows.generate import archetypes, generate_instances, instances_of_ones_own, write_lines
    from flows.lint import as_json as to_json
    from flows.lint import counts, examine_set, show
    from flows.plan import chosen_families
    from flows.pool import import_plugins
    from flows.settings import read_settings

    settings = read_settings(
        config,
        {
            "families": options.names(family), "n": n, "seed": seed, "difficulty": difficulty, "mode": mode,
            "plugins": options.names(plugin),
        },
    )  # fmt: skip
    import_plugins(settings.plugins)
    families = chosen_families(settings)
    own = _ones_own(settings, from_table, from_document, from_brief)
    target = out or Path(f"{own[0] if own else '-'.join(families)}.jsonl")
    if own is None:
        made = list(generate_instances(settings, families.values(), split))
    else:
        made = list(instances_of_ones_own(*own, settings))
    count = write_lines(target, made)
    kinds = dict(sorted(archetypes(made).items()))
    examination = examine_set(made)
    if as_json:
        lint_of = to_json(examination)
        console.print_json({"file": str(target), "n_instances": count, "archetypes": kinds, "lint": lint_of})
        return
    listed = ", ".join(f"{name} {number}" for name, number in kinds.items())
    console.line(f"{count:,} instances in {target}: {listed}")
    if examination.findings:
        show(examination)
    console.line(f"Lint: {counts(examination)}")
    console.next_steps(f"assay run --instances {target}", f"assay grade --instances {target} --outputs OUTPUTS.jsonl")


def lint(
    file: Annotated[Path, typer.Argument(help="The instances, JSON lines as `generate` writes them.")],
    strict: Annotated[bool, typer.Option("--strict", help="Exit status 1 for warnings, too.")] = False,
    plugin: options.Plugins = None,
    as_json: options.AsJson = False,
) -> None:
    """Look for leakage, misalignment and sameness in instances. Exit status 1 when there is an error."""
    from flows import console
    from flows.lint import as_json as to_json
    from flows.lint import counts, examine_set, show
    from flows.plan import parse_instances
    from flows.pool import import_plugins
    from flows.settings import read_settings

    settings = read_settings(None, {"plugins": options.names(plugin)})
    import_plugins(settings.plugins)
    asked = parse_instances(file)
    examination = examine_set(asked)
    if as_json:
        console.print_json(to_json(examination))
    else:
        show(examination)
        console.line(f"\n{len(asked):,} instances: {counts(examination)}")
        console.next_steps(_after_lint(file, examination.count("error")))
    if examination.count("error") or (strict and examination.findings):
        raise typer.Exit(1)


def _after_lint(file: Path, n_errors: int) -> str:
    return f"mend these, then: assay lint {file}" if n_errors else f"assay run --instances {file}"


def grade(
    instances: Annotated[
        Path, typer.Option("--instances", help="The instances, JSON lines as `generate` writes them.")
    ],
    outputs: Annotated[
        Path,
        typer.Option("--outputs", help='The outputs, JSON lines: {"instance_id", "policy", "sample", "output"}.'),
    ],
    db: Annotated[str | None, typer.Option("--db", help="Also keep the result in this warehouse.")] = None,
    judge: options.Judges = None,
    judge_replicates: options.JudgeReplicates = None,
    trust: options.Trust = None,
    max_cost_usd: options.MaxCost = None,
    workers: options.Workers = None,
    plugin: options.Plugins = None,
    as_json: options.AsJson = False,
) -> None:
    """Grade outputs that another system produced; prints a row per output."""
    from flows.plan import parse_instances
    from flows.pool import import_plugins
    from flows.settings import read_settings

    settings = read_settings(
        None,
        {
            "workers": workers, "plugins": options.names(plugin), "db": db, "judges": options.names(judge),
            "judge_replicates": judge_replicates, "max_cost_usd": max_cost_usd, "trust": trust,
        },
    )  # fmt: skip
    import_plugins(settings.plugins)
    asked = parse_instances(instances)
    names = _replay_names(instances, outputs, asked)
    settings = settings.model_copy(update={"policies": names, "audit": False, "weak": None, "strong": None})
    if db is not None:
        _grade_into(settings, asked, as_json, kept=True)
        return
    with tempfile.TemporaryDirectory(prefix="assay-grade-") as folder:
        _grade_into(settings.model_copy(update={"db": Path(folder) / "grade.duckdb"}), asked, as_json, kept=False)


def _grade_into(settings: "Settings", asked: "list[TaskInstance]", as_json: bool, kept: bool) -> None:
    from flows import console, views
    from flows.runs import begin_run, finish_without_prefect
    from warehouse import Warehouse

    place = begin_run(settings, asked)
    summary = finish_without_prefect(place, settings)
    with Warehouse.open(settings.db, read_only=True) as warehouse:
        graded = warehouse.sql(GRADED, [place.run_id])
    if as_json:
        console.print_json(summary.trust.marking(graded))
        return
    views.show_trust(summary.trust)
    console.print_result(graded)
    views.show_judges(summary)
    _close(graded, settings, kept)


def _close(graded: "pl.DataFrame", settings: "Settings", kept: bool) -> None:
    from flows import console

    scored = graded["reward"].drop_nulls()
    mean = f"mean reward {sum(scored) / len(scored):.4f}" if len(scored) else "none could be graded"
    console.line(f"{graded.height:,} outputs, {mean}" + (f", in {settings.db}" if kept else ""))
    if kept:
        console.next_steps(f"assay verdicts --db {shlex.quote(str(settings.db))}")
    else:
        console.next_steps("add --db FILE.duckdb to keep this and query it with `assay sql`")


def _replay_names(instances: Path, outputs: Path, asked: "list[TaskInstance]") -> tuple[str, ...]:
    from flows.errors import InputError
    from tasks_lib.policies.replay import read_outputs

    known = {instance.instance_id for instance in asked}
    records = read_outputs(outputs.resolve())
    for record in records:
        if record.instance_id not in known:
            raise InputError(
                f"{outputs}: instance {record.instance_id!r} (policy {record.policy}, sample {record.sample}) "
                f"is not in {instances}"
            )
    return tuple(f"replay:{outputs.resolve()}:{name}" for name in sorted({record.policy for record in records}))


def _ones_own(
    settings: "Settings", table: Path | None, document: Path | None, brief: Path | None
) -> tuple[str, Path] | None:
    """Return the family and the path of a person's own material, or None where none was named."""
    from flows.errors import InputError

    named = [
        (option, family, path)
        for option, family, path in (
            ("--from-table", "spreadsheet_clean", table),
            ("--from-document", "doc_revision", document),
            ("--from-brief", "citation_grounding", brief),
        )
        if path is not None
    ]
    if not named:
        return None
    if len(named) > 1:
        raise InputError(f"{' and '.join(option for option, _, _ in named)} cannot go together; give one of them")
    option, family, path = named[0]
    if settings.families not in ((), (family,)):
        raise InputError(f"{option} makes {family} instances, not {', '.join(settings.families)}")
    return family, path
