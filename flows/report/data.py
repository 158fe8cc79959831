"""Everything the report shows, asked of the warehouse once: rows by the name of the view or query they came from.

Nothing is computed here. What the page writes is what SQL returned; the page only formats it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from flows.report.queries import COUNTED, OF_ALL_RUNS, OF_GROUPS, OF_TEXTS, VIEWS
from flows.trust import NO_JUDGES, Told
from warehouse import Warehouse
from warehouse.definitions import Definition, tables, views

Row = dict[str, Any]


@dataclass(frozen=True)
class ReportData:
    """The rows of one run."""

    run_id: str
    tables: Mapping[str, tuple[Row, ...]]
    """Name of a view or query -> its rows, in the order SQL gave them."""
    breaches: tuple[str, ...] = ()
    """What does not hold, one sentence each."""
    unmeasured: tuple[str, ...] = ()
    """What the audit would have measured, a few words each; a run without it has breached nothing."""
    trust: Told = NO_JUDGES
    """What has to be said about the judges."""

    def rows(self, name: str, **where: Any) -> tuple[Row, ...]:
        """Return the rows of a table that have these values; none where the warehouse has no such view."""
        found = self.tables.get(name, ())
        return tuple(row for row in found if all(row[key] == value for key, value in where.items()))

    def one(self, name: str, **where: Any) -> Row:
        """Return the first such row; an empty one where there is none."""
        found = self.rows(name, **where)
        return found[0] if found else {}

    def label(self, policy_id: str) -> str:
        """Return how the page calls a policy: by its name, where that is enough to tell it apart."""
        return str(self.one("run_policies", policy_id=policy_id).get("label", policy_id))

    def values(self, name: str, column: str, **where: Any) -> tuple[Any, ...]:
        """Return the different values of a column, in the order of the rows."""
        return tuple(dict.fromkeys(row[column] for row in self.rows(name, **where)))

    def as_json(self) -> dict[str, Any]:
        """Return what `--json` prints and the page holds: table -> columns and rows of plain values."""
        return {
            name: {
                "columns": list(rows[0]) if rows else [],
                "rows": [[_plain(value) for value in row.values()] for row in rows],
            }
            for name, rows in self.tables.items()
        } | {
            "breaches": {"columns": ["breach"], "rows": [[breach] for breach in self.breaches]},
            "trust": {"columns": ["mark"], "rows": [[mark] for mark in self.trust.marks]},
        }


def known() -> Mapping[str, Definition]:
    """Return what a warehouse of this version can be asked: views, and tables that estimators fill."""
    return tables() | views()


class Snapshot:
    """The views of one run, each worked out once; what is counted over them reads these rows."""

    def __init__(self, warehouse: Warehouse, run_id: str) -> None:
        self.run_id = run_id
        self._warehouse = warehouse
        self._frames = {
            name: warehouse.sql(f"select * from {name} where run_id = ?", [run_id])  # noqa: S608 - names of ours
            for name in (*VIEWS, *OF_TEXTS)
            if name in known()
        }

    def view(self, name: str) -> pl.DataFrame:
        """Return the rows of the run in the order of the view's grain; of groups only, where the page shows only those.

        A view that describes no run is returned whole.
        """
        frame = self._frames[name] if name in self._frames else self._warehouse.view(name)
        if name in OF_GROUPS:
            groups = self._frames["task_verdict"]["policy_id"].unique()
            frame = frame.filter(pl.col("policy_id").is_in(groups.implode()))
        return frame.sort(known()[name].grain)

    def sql(self, query: str, params: Sequence[Any] = ()) -> pl.DataFrame:
        """Ask about the run, which is `$1`; other parameters follow."""
        return self._warehouse.sql(query, [self.run_id, *params], self._frames)


def read_data(
    snapshot: Snapshot, breaches: Iterable[str] = (), unmeasured: Iterable[str] = (), trust: Told = NO_JUDGES
) -> ReportData:
    """Ask all that the report shows of one run.

    Args:
        snapshot: the run.
        breaches: what does not hold, as `RunSummary.breaches` says it.
        unmeasured: what was not looked at, as `RunSummary.unmeasured` says it; no breach here.
        trust: what has to be said about the judges.
    """
    missing = tuple(unmeasured)
    shown = {name: columns for name, columns in (VIEWS | OF_ALL_RUNS).items() if name in known()}
    rows = {name: tuple(snapshot.view(name).select(columns).to_dicts()) for name, columns in shown.items()}
    rows |= {name: tuple(snapshot.sql(query).to_dicts()) for name, query in COUNTED.items()}
    return ReportData(snapshot.run_id, rows, tuple(each for each in breaches if each not in missing), missing, trust)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; a number that is none (a correlation without variation) is unknown."""
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value


def script_json(value: Any) -> str:
    """Return JSON that cannot end the <script> it stands in: `<`, `>`, `&` and U+2028/9 are escapes."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
