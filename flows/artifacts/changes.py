"""What is otherwise than in the previous run, in sentences: only what the instances of both prove."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from flows.artifacts.markdown import plain
from warehouse import Warehouse
from warehouse.location import Location

PREVIOUS = "select deployment, previous_run_id from previous_run where run_id = ?"

VERDICTS = """
    select
        family, policy, verdict, method, n_before, n_after, share_before, share_after, n_into, n_out_of, status, may_be
    from verdict_change
    where run_id = ?
    order by p_holm, family, policy, verdict
"""

GRADERS = """
    select
        family, kind, name, dimension, held_before, holds, method, n_before, n_after, broken_before, broken_after,
        status, is_declared, graders_before, graders, may_be
    from grader_change
    where run_id = ? and status <> 'same'
    order by family, kind <> 'oracle', kind <> 'probe', broken_after desc, name, dimension
"""

WHAT = {
    "oracle": "the oracle falls short of 1",
    "probe": "is paid without the work",
    "operator": "does not do what is expected of it",
    "order": "worse scores higher",
}
"""What an instance that breaks it shows."""


@dataclass(frozen=True)
class Changes:
    """What is otherwise."""

    run_id: str
    deployment: str | None
    previous: str | None
    """The run it is held against; None: there is none."""
    verdicts: pl.DataFrame
    """Rows of verdict_change."""
    graders: pl.DataFrame
    """Rows of grader_change, but for what is the same."""

    def regressed(self) -> list[str]:
        """Return, a sentence each, what graders held and hold no longer; declared limits are left out."""
        return [
            f"{_which(row)} regressed: {_on_how_many(row)}. {_cause(row)}"
            for row in self._graders("regressed", "mixed")
            if not row["is_declared"]
        ]

    def moved(self) -> list[str]:
        """Return, a sentence each, which verdicts became more or less frequent."""
        rows = self.verdicts.filter(pl.col("status").is_in(["rose", "fell"]))
        return [_verdict(row) for row in rows.iter_rows(named=True)]

    def open(self) -> list[str]:
        """Return, a sentence each, what does not hold now and did before, though chance could explain that."""
        return [
            f"{_which(row)} held before and does not now: {_on_how_many(row)}. That alone proves no change, since the "
            f"runs differ in: {row['may_be'] or 'nothing'}."
            for row in self._graders("unclear")
            if row["held_before"] and row["holds"] is False and not row["is_declared"]
        ]

    def mended(self) -> list[str]:
        """Return, a sentence each, what holds again."""
        return [f"{_which(row)} holds better: {_on_how_many(row)}. {_cause(row)}" for row in self._graders("mended")]

    def sentences(self) -> list[str]:
        """Return all of it, what is worst first."""
        return [*self.regressed(), *self.moved(), *self.open(), *self.mended()]

    def _graders(self, *status: str) -> Iterator[dict[str, Any]]:
        return self.graders.filter(pl.col("status").is_in(list(status))).iter_rows(named=True)


def read_changes(db: Location, run_id: str) -> Changes:
    """Ask a warehouse what is otherwise than in the previous run.

    Raises:
        WarehouseError: it cannot be read.
    """
    with Warehouse.open(db, read_only=True) as warehouse:
        found = warehouse.sql(PREVIOUS, [run_id]).row(0, named=True)
        previous = found["previous_run_id"]
        # Without a previous run there is nothing to work out.
        asked = [run_id if previous is not None else None]
        return Changes(
            run_id, found["deployment"], previous, warehouse.sql(VERDICTS, asked), warehouse.sql(GRADERS, asked)
        )


def _which(row: Mapping[str, Any]) -> str:
    name = "" if row["kind"] == "oracle" else f" {plain(row['name'])}"
    of_the_reward = " on the reward" if row["kind"] == "operator" else ""
    dimension = of_the_reward if row["dimension"] == "composite" else f" on {plain(row['dimension'])}"
    return f"**{plain(row['family'])}**: {row['kind']}{name}{dimension}"


def _on_how_many(row: Mapping[str, Any]) -> str:
    return (
        f"{WHAT[row['kind']]} on {row['broken_after']:,} of {row['n_after']:,} instances, before on "
        f"{row['broken_before']:,} of {row['n_before']:,}"
    )


def _cause(row: Mapping[str, Any]) -> str:
    """Say what may have caused a change of a grader."""
    if not row["may_be"]:
        return (
            "Instances, versions and thresholds are the same: the code of grader, family or program changed without a "
            "new version."
        )
    versions = f" ({plain(row['graders_before'])} -> {plain(row['graders'])})"
    is_other = row["graders_before"] != row["graders"]
    return f"The runs differ in: {row['may_be']}{versions if is_other else ''}."


def _verdict(row: Mapping[str, Any]) -> str:
    turned = f" ({row['n_into']:,} turned into it, {row['n_out_of']:,} away)" if row["method"] == "paired" else ""
    same = "the same instances" if row["method"] == "paired" else "other instances"
    return (
        f"**{plain(row['family'])}**, {plain(row['policy'])}: {row['verdict']} {row['status']} from "
        f"{row['share_before']:.0%} to {row['share_after']:.0%} of {row['n_after']:,} instances{turned}, {same}. "
        f"May be due to: {row['may_be']}."
    )
