"""A report from a warehouse file: ask, select, write."""

from dataclasses import replace
from pathlib import Path

from flows.report.data import ReportData, Snapshot, read_data
from flows.report.page import Written, write_report
from flows.report.texts import BUDGET_BYTES, Texts, select_texts
from flows.summary import summarise
from warehouse import Warehouse
from warehouse.location import Location


def read_report(db: Location, run_id: str) -> ReportData:
    """Return the rows that a report of this run shows, without texts."""
    summary = summarise(db, run_id)
    with Warehouse.open(db, read_only=True) as warehouse:
        return read_data(Snapshot(warehouse, run_id), summary.breaches(), summary.unmeasured(), summary.trust)


def report(db: Location, run_id: str, out: Path, budget: int = BUDGET_BYTES) -> Written:
    """Write the report of a run as one HTML file.

    Args:
        db: the warehouse file.
        run_id: a run of it.
        out: the file to write; one that is there is replaced.
        budget: bytes that outputs and transcripts may take.

    Raises:
        InputError: the file cannot be written.
    """
    summary = summarise(db, run_id)
    with Warehouse.open(db, read_only=True) as warehouse:
        snapshot = Snapshot(warehouse, run_id)
        data = read_data(snapshot, summary.breaches(), summary.unmeasured(), summary.trust)
        texts = select_texts(snapshot, budget)
    return write_report(with_cases(data, texts), texts, out)


def with_cases(data: ReportData, texts: Texts) -> ReportData:
    """Add which rollouts of probes and operators can be looked at in the page."""
    return replace(data, tables={**data.tables, "shown_cases": texts.cases})
