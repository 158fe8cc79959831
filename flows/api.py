"""Assaying from Python: a notebook, a script, a trainer. Everything comes back as Polars frames."""

import asyncio
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from flows.prefect_runtime import require_server
from flows.runs import Place, begin_run, finish_with_prefect, finish_without_prefect, require_runner
from flows.settings import DEFAULT_POLICIES, Settings, read_settings
from flows.summary import RunSummary, summarise
from flows.trust import TrustMode, told_of_file
from tasks_lib.records import TaskInstance
from warehouse import Warehouse
from warehouse.location import Lake, Location

REWARDS = """
    select
        rollout.instance_id,
        policy.name as policy,
        rollout.sample,
        rollout.status,
        composite.reward,
        composite.low,
        composite.high,
        composite.ready
    from rollout
    join policy using (policy_id)
    join stg_attempt using (rollout_id)
    left join composite
        on composite.rollout_id = rollout.rollout_id and composite.rubric_id = stg_attempt.rubric_id
    where rollout.run_id = ? and policy.kind not in ('ladder', 'probe')
    order by rollout.instance_id, policy.name, rollout.sample
"""


@dataclass(frozen=True)
class Run:
    """A finished run and the questions it can be asked."""

    run_id: str
    db: Location
    marks: tuple[str, ...] = ()
    """A sentence each where judges that nobody has calibrated moved the rewards; empty: none did."""
    _folder: "tempfile.TemporaryDirectory[str] | None" = field(default=None, repr=False)
    """Holds a warehouse that nobody asked to keep, until the run is forgotten."""

    @property
    def rewards(self) -> pl.DataFrame:
        """One row per rollout, ladders and probes left out: what was attempted, by whom, and what it earned."""
        return self._ask(REWARDS, [self.run_id])

    @property
    def summary(self) -> RunSummary:
        """The answers that the command line shows."""
        return summarise(self.db, self.run_id)

    def view(self, name: str) -> pl.DataFrame:
        """Return the rows of a view that belong to this run."""
        with Warehouse.open(self.db, read_only=True) as warehouse:
            return warehouse.view(name).filter(pl.col("run_id") == self.run_id)

    def sql(self, query: str, params: Sequence[Any] = ()) -> pl.DataFrame:
        """Ask the whole warehouse in SQL."""
        return self._ask(query, params)

    def report(self, out: Path | str = "report.html") -> Path:
        """Write the run as one HTML page and return its path; a file that is there is replaced.

        Raises:
            InputError: the file cannot be written.
        """
        from flows.report.write import report  # charts and page are loaded when somebody wants them

        return report(self.db, self.run_id, Path(out)).path

    def _ask(self, query: str, params: Sequence[Any]) -> pl.DataFrame:
        with Warehouse.open(self.db, read_only=True) as warehouse:
            return warehouse.sql(query, list(params))


def evaluate(
    instances: Iterable[TaskInstance],
    policies: Sequence[str] = DEFAULT_POLICIES,
    group: int = 16,
    *,
    db: Location | str | None = None,
    audit: bool = True,
    prefect: bool = True,
    trust: TrustMode | None = None,
    workers: int | None = None,
    plugins: Sequence[str] = (),
    thresholds: Mapping[str, float] | None = None,
    **options: Any,
) -> Run:
    """Let policies attempt instances, grade what they leave, and load it.

    Args:
        instances: what to attempt, of one or several families.
        policies: names such as `sim/weak` or `replay:outputs.jsonl`.
        group: rollouts of one policy on one instance.
        db: the warehouse, a file or `ducklake:...`; None: one that lasts as long as the returned run.
        audit: also grade oracle, ladders and probes; some verdicts lean on the oracle.
        prefect: run as a Prefect flow; False does the same work without a server.
        trust: whose verdicts narrow rewards: `calibrated` judges (of `db`; without one there are none), or `any`, and
            then the run says so in `marks`; None: as the environment has it, else `calibrated`.
        workers: worker processes; None: one per core.
        plugins: modules that register families, graders or policies of your own.
        thresholds: numbers of the verdict rules that differ from the defaults.
        options: further settings by name: `span`, `judges`, `judge_replicates`, `max_cost_usd`, `batch`, ...

    Raises:
        LookupError, ValueError, WarehouseError: the input cannot be used; nothing was written.
    """
    folder = tempfile.TemporaryDirectory(prefix="assay-") if db is None else None
    settings = read_settings(
        None,
        {
            "db": Path(folder.name) / "assay.duckdb" if folder else db if isinstance(db, Lake) else str(db),
            **options, "trust": trust, "policies": tuple(policies), "group": group, "audit": audit, "workers": workers,
            "plugins": tuple(plugins) or None, "thresholds": dict(thresholds) if thresholds else None,
        },
    )  # fmt: skip
    if prefect:
        require_server()
        require_runner(settings)
    place = begin_run(settings, instances)
    _outside_loop(finish_with_prefect if prefect else finish_without_prefect, place, settings)
    return Run(place.run_id, place.db, told_of_file(place.db, [place.run_id]).marks, folder)


def _outside_loop(work: Any, place: Place, settings: Settings) -> None:
    """Do blocking work in a thread of its own where an event loop is running, as it is in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        work(place, settings)
        return
    with ThreadPoolExecutor(1) as thread:
        thread.submit(work, place, settings).result()
