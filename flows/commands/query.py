"""The verbs that only ask: `tables`, `sql`, `verdicts`."""

import shlex
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from flows.commands import options

if TYPE_CHECKING:
    from warehouse.location import Location

BY_INSTANCE = """
    select
        task_verdict.instance_id,
        policy.name as policy,
        task_verdict.verdict,
        task_verdict.resolved,
        task_verdict.n,
        task_verdict.mean_reward as mean,
        task_verdict.std_reward as std,
        task_verdict.reason
    from task_verdict join policy using (policy_id)
    where task_verdict.run_id = ? and policy.kind in ('model', 'simulated', 'replay')
    order by policy.name, task_verdict.instance_id
"""


def tables(db: options.Db = None, as_json: options.AsJson = False) -> None:
    """List what the warehouse holds: tables and views, their rows, and the question each answers."""
    from flows import console
    from warehouse import Warehouse

    path = existing(db)
    with Warehouse.open(path, read_only=True) as warehouse:
        described = warehouse.describe()
    if as_json:
        console.print_json(described)
        return
    for kind in described["kind"].unique(maintain_order=True):
        console.headline(f"{kind}s")
        console.print_frame(described.filter(kind=kind), {"name": "name", "n_rows": "rows", "question": "answers"})
    console.next_steps(f'assay sql --db {shlex.quote(str(path))} "from task_verdict limit 10"')


def sql(
    query: Annotated[str, typer.Argument(help="A query; the warehouse is opened for reading only.")],
    db: options.Db = None,
    as_json: options.AsJson = False,
) -> None:
    """Ask the warehouse in SQL."""
    from flows import console
    from warehouse import Warehouse

    path = existing(db)
    with Warehouse.open(path, read_only=True) as warehouse:
        answer = warehouse.sql(query, [])
    if as_json:
        console.print_json(answer)
        return
    if answer.width:
        console.print_result(answer)
        console.line(f"{answer.height:,} row{'' if answer.height == 1 else 's'}")
    else:  # `copy ... to 'FILE'` and its like
        console.line("Done; it has no rows to show.")
    console.next_steps(f"assay tables --db {shlex.quote(str(path))}")


def verdicts(
    run: Annotated[str | None, typer.Option("--run", help="The run (default: the latest).")] = None,
    by: Annotated[Literal["policy", "instance"], typer.Option("--by", help="One row per what.")] = "policy",
    db: options.Db = None,
    as_json: options.AsJson = False,
) -> None:
    """Say of every group of rollouts whether there is something to learn from it."""
    from flows import console, views
    from flows.summary import VERDICTS, summarise
    from flows.trust import told
    from warehouse import Warehouse

    path = existing(db)
    run_id = run or latest(path)
    require_run(run_id, path)
    with Warehouse.open(path, read_only=True) as warehouse:
        answer = warehouse.sql(VERDICTS if by == "policy" else BY_INSTANCE, [run_id])
        trust = told(warehouse, [run_id])
    if as_json:
        console.print_json(trust.marking(answer))
        return
    console.line(f"Run {run_id}")
    views.show_trust(trust)
    if by == "policy":
        views.show_verdicts(summarise(path, run_id))
    else:
        console.print_result(answer.drop("reason"))
        console.line("Why, in a sentence each: --json")
    other = "instance" if by == "policy" else "policy"
    console.next_steps(f"assay verdicts --db {shlex.quote(str(path))} --run {run_id} --by {other}")


def existing(db: str | None) -> "Location":
    """Return the warehouse file that is meant, which must be there.

    Raises:
        InputError: it is not.
    """
    from flows.errors import InputError
    from flows.places import is_there
    from flows.settings import read_settings

    path = read_settings(None, {"db": db}).db
    if not is_there(path):
        raise InputError(f"{path}: there is no warehouse; `assay demo` or `assay run` makes one, --db names another")
    return path


def latest(path: "Location") -> str:
    """Return the latest completed run of a warehouse.

    Raises:
        InputError: it holds none.
    """
    from flows.errors import InputError
    from flows.summary import latest_run

    run_id = latest_run(path)
    if run_id is None:
        raise InputError(f"{path}: holds no completed run; make one with `assay run --db {shlex.quote(str(path))}`")
    return run_id


def require_run(run_id: str, path: "Location") -> None:
    """Make sure that a warehouse holds a run.

    Raises:
        InputError: it does not; the text says how to list those there are.
    """
    from flows.errors import InputError
    from warehouse import Warehouse

    with Warehouse.open(path, read_only=True) as warehouse:
        found = warehouse.sql("select run_id from run where run_id = ?", [run_id]).height
    if not found:
        hint = f"list them: assay sql --db {shlex.quote(str(path))} 'from run'"
        raise InputError(f"{path}: there is no run {run_id!r}; {hint}")
