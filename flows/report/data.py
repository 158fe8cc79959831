"""Everything the report shows, asked of the warehouse once: rows by the name of the view or query they came from.

Nothing is computed here. What the page writes is what SQL returned; the page only formats it.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flows.report.queries import COUNTED, OF_ALL_RUNS, OF_GROUPS, VIEWS
from warehouse import Warehouse
from warehouse.definitions import views

Row = dict[str, Any]


@dataclass(frozen=True)
class ReportData:
    """The rows of one run."""

    run_id: str
    tables: Mapping[str, tuple[Row, ...]]
    """Name of a view or query -> its rows, in the order SQL gave them."""
    breaches: tuple[str, ...] = ()
    """What does not hold, one sentence each."""

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
        } | {"breaches": {"columns": ["breach"], "rows": [[breach] for breach in self.breaches]}}


def read_data(warehouse: Warehouse, run_id: str, breaches: Iterable[str] = ()) -> ReportData:
    """Ask a warehouse all that the report shows of one run.

    Args:
        warehouse: open, for reading at least.
        run_id: a run of it.
        breaches: what does not hold, as `RunSummary.breaches` says it.
    """
    known = views()
    asked = {
        **{name: _of_run(name, columns) for name, columns in VIEWS.items() if name in known},
        **{name: _of_all(name, columns) for name, columns in OF_ALL_RUNS.items() if name in known},
        **COUNTED,
    }
    tables = {name: tuple(_ask(warehouse, query, run_id)) for name, query in asked.items()}
    return ReportData(run_id, tables, tuple(breaches))


def _of_run(view: str, columns: Iterable[str]) -> str:
    grain = ", ".join(views()[view].grain)
    groups = "and policy_id in (select policy_id from policy where kind in ('model', 'simulated', 'replay'))"
    narrowed = groups if view in OF_GROUPS else ""
    return f"select {', '.join(columns)} from {view} where run_id = $run {narrowed} order by {grain}"  # noqa: S608


def _of_all(view: str, columns: Iterable[str]) -> str:
    grain = ", ".join(views()[view].grain)
    return f"select {', '.join(columns)} from {view} order by {grain}"  # noqa: S608 - names of ours


def _ask(warehouse: Warehouse, query: str, run_id: str) -> list[Row]:
    if "$run" not in query:
        return warehouse.sql(query).to_dicts()
    return warehouse.sql(query.replace("$run", "$1"), [run_id]).to_dicts()


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
