"""The verb that decides: `gate`."""

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands import options

if TYPE_CHECKING:
    from flows.gate.decision import Outcome

HOLD = 3
"""The exit status of a candidate that is not to be promoted."""
_PICKED = ", the best; its interval is wider than 90 %, since the best was picked"
WORDS = {True: "yes", False: "NO", None: "unknown"}


def gate(
    base: Annotated[str, typer.Option("--base", help="The policy in place: a name or policy_id.")],
    candidate: Annotated[str, typer.Option("--candidate", help="The policy that would take its place.")],
    conditions: Annotated[
        Path | None, typer.Option("--conditions", help="A TOML file of conditions (default: the published five).")
    ] = None,
    family: Annotated[
        str | None, typer.Option("--family", "-f", help="Kind of task, where both attempted several.")
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", help="Where conditions are measured that name no split of their own.")
    ] = None,
    run: Annotated[
        list[str] | None, typer.Option("--run", help="Only these runs; repeatable (default: all completed).")
    ] = None,
    db: options.Db = None,
    as_json: options.AsJson = False,
) -> None:
    """Decide whether a candidate may take the place of a base. Exit status 0: promote, 3: hold.

    What cannot be measured holds the candidate: it is never a pass.
    """
    from flows import console, views
    from flows.commands.query import existing
    from flows.gate.conditions import read_conditions
    from flows.gate.decision import decide
    from flows.gate.evidence import runs_compared
    from flows.trust import told
    from warehouse import Warehouse

    asked = read_conditions(conditions)
    path = existing(db)
    with Warehouse.open(path, read_only=True) as warehouse:
        verdict = decide(
            warehouse, base, candidate, asked, family=family, split=split, runs=options.names(run) or ()
        )  # fmt: skip
        compared = runs_compared(warehouse, verdict.base, verdict.candidate, verdict.family, options.names(run) or ())
        trust = told(warehouse, compared)
    if as_json:
        fields = {name: value for name, value in asdict(verdict).items() if name != "outcomes"}
        console.print_json(
            {
                "verdict": "promote" if verdict.promote else "hold", "sentence": verdict.sentence, **fields,
                "trust": trust.as_json(),
                "conditions": [asdict(outcome) for outcome in verdict.outcomes],
            }
        )  # fmt: skip
    else:
        views.show_trust(trust)
        console.headline(f"{verdict.candidate} against {verdict.base}, {verdict.family or 'nothing in common'}")
        console.print_rows(
            ["condition", "base", "candidate", "needed", "holds", "90 % interval", "instances", "to decide"],
            [_row(outcome) for outcome in verdict.outcomes],
            [False, True, True, False, False, False, True, True],
        )
        picked = {one.name for one in asked if one.kind == "best_gain" and len(one.dimensions) > 1}
        for outcome in verdict.outcomes:
            if outcome.detail:
                is_picked = outcome.name in picked and outcome.low is not None
                console.paragraph(f"{outcome.name}: {outcome.detail}{_PICKED if is_picked else ''}")
        console.line(f"\n{verdict.sentence}")
        console.next_steps(f'assay sql --db {shlex.quote(str(path))} "from trajectory"')
    if not verdict.promote:
        raise typer.Exit(HOLD)


def _row(outcome: "Outcome") -> list[str]:
    number = "{:g}" if outcome.kind == "count" else "{:.4f}"
    interval = "-" if outcome.low is None else f"{outcome.low:+.3f} to {outcome.high:+.3f}"
    return [
        outcome.name,
        "-" if outcome.base is None else number.format(outcome.base),
        "-" if outcome.candidate is None else number.format(outcome.candidate),
        outcome.needed,
        WORDS[outcome.holds],
        interval,
        f"{outcome.n_instances:,}",
        "-" if outcome.n_to_decide is None else f"{outcome.n_to_decide:,}",
    ]
