"""The SQL files: one object each, with a header that says its question, grain and columns.

-- group_spread: do rollouts of one instance differ enough to learn from?
-- grain: run_id, instance_id, policy_id
-- reads: rollout, composite
--   run_id   run that produced the group
"""

from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from importlib.resources import files
from typing import Literal


@dataclass(frozen=True)
class Definition:
    """One table or view as its file describes it."""

    name: str
    kind: Literal["table", "view"]
    question: str
    grain: tuple[str, ...]
    reads: tuple[str, ...]
    columns: tuple[str, ...]
    """Names in order, as the header lists them."""
    sql: str


def parse(name: str, kind: Literal["table", "view"], sql: str) -> Definition:
    """Read the header of one file."""
    question = ""
    grain: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    columns: list[str] = []
    for line in sql.splitlines():
        if not line.startswith("--"):
            break
        text = line[2:]
        if text.startswith(f" {name}: "):
            question = text.removeprefix(f" {name}: ").strip()
        elif text.startswith(" grain:"):
            grain = _names(text)
        elif text.startswith(" reads:"):
            reads = _names(text)
        elif text.startswith("   ") and not text.startswith("    "):
            columns.append(text.split()[0])
    return Definition(name, kind, question, grain, reads, tuple(columns), sql)


@cache
def tables() -> dict[str, Definition]:
    """Return every table by name."""
    return _read("schema", "table")


@cache
def views() -> dict[str, Definition]:
    """Return every view by name, each after the views it reads."""
    found = _read("views", "view")
    # Lists, not sets: the order is the same in every process.
    reads = {name: [read for read in view.reads if read in found] for name, view in found.items()}
    order = TopologicalSorter(reads).static_order()
    return {name: found[name] for name in order}


def _read(folder: str, kind: Literal["table", "view"]) -> dict[str, Definition]:
    root = files("warehouse") / folder
    names = sorted(file.name.removesuffix(".sql") for file in root.iterdir() if file.name.endswith(".sql"))
    return {name: parse(name, kind, (root / f"{name}.sql").read_text(encoding="utf-8")) for name in names}


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.partition(":")[2].split(",") if name.strip())
