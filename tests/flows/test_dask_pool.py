"""What is said of a cluster that cannot be used, or no longer: without one, by what its client would answer."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flows.errors import InputError, PipelineError
from flows.pool import WorkersLostError
from flows.runs import Place, _explained
from flows.settings import read_settings
from warehouse.shards import Shards

pytest.importorskip("distributed")
from flows import dask_cluster, dask_pool, dask_worker
from flows.dask_cluster import connected, require_fit_workers, require_server_for_all
from flows.dask_worker import Seen

ADDRESS = "tcp://10.0.0.1:8786"
WORKER = "tcp://10.0.0.2:40001"


class Workers:
    """A client of a cluster of one worker, which looks around here; `change` is how it differs."""

    def __init__(self, change: Callable[[Seen], Any] = lambda seen: seen) -> None:
        self._change = change

    def run(self, look: Callable[..., Seen], *arguments: Any, on_error: str) -> dict[str, Any]:
        assert (look, on_error) == (dask_worker.look_around, "return")
        return {WORKER: self._change(look(*arguments))}


def test_a_worker_that_is_as_it_should_be_leaves_nothing(tmp_path: Path) -> None:
    """What it wrote to find out is removed."""
    require_fit_workers(Workers(), ADDRESS, Shards(str(tmp_path)), None)
    assert Shards(str(tmp_path)).keys() == set()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda seen: replace(seen, versions={**seen.versions, "prefect": "3.0.0"}), "has prefect 3.0.0, this process"),
        (lambda seen: replace(seen, versions={**seen.versions, "taskassay": None}), "has taskassay (none), this"),
        (lambda seen: replace(seen, python="3.9"), "has Python 3.9, this process has"),
        (lambda seen: replace(seen, trial="elsewhere"), "of its own; name one that all machines share"),
        (lambda seen: replace(seen, no_shards="disk full"), "cannot leave shards: disk full"),
        (lambda _: ModuleNotFoundError("No module named 'flows'"), "cannot be used (No module named 'flows'); install"),
    ],
)
def test_a_worker_that_cannot_be_used_is_named(tmp_path: Path, change: Callable[[Seen], Any], told: str) -> None:
    """Another version, nothing installed, a place that this process does not see: which worker, what, what to do."""
    with pytest.raises(InputError) as refused:
        require_fit_workers(Workers(change), ADDRESS, Shards(str(tmp_path)), None)
    assert WORKER in str(refused.value)
    assert told in str(refused.value)


def test_a_server_that_a_worker_does_not_reach_is_named(tmp_path: Path) -> None:
    """Nobody listens there."""
    with pytest.raises(InputError, match=r"does not reach the Prefect server http://127.0.0.1:9/api .*refused"):
        require_fit_workers(Workers(), ADDRESS, Shards(str(tmp_path)), "http://127.0.0.1:9/api")


@pytest.mark.parametrize(
    ("api_url", "told"),
    [(None, "would be started on this machine alone"), ("http://127.0.0.1:4200/api", "is on this machine alone")],
)
def test_a_server_of_this_machine_is_none_for_workers_elsewhere(api_url: str | None, told: str) -> None:
    """They could not reach it, whether it is there or would be started."""
    with pytest.raises(InputError, match=told):
        require_server_for_all(ADDRESS, api_url)
    require_server_for_all("tcp://127.0.0.1:8786", api_url)
    require_server_for_all(ADDRESS, "http://10.0.0.3:4200/api")


def test_nobody_at_the_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """In bounded time, with what to start."""
    monkeypatch.setattr(dask_cluster, "CONNECT_S", 0.5)
    told = "no Dask scheduler answers at tcp://127.0.0.1:9 .*start one with `dask scheduler`"
    with pytest.raises(InputError, match=told), connected("tcp://127.0.0.1:9"):
        pass


def test_a_cluster_that_has_lost_all_workers_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Work that nobody takes up any more ends within the patience, with the command that goes on."""
    cancelled = threading.Event()
    never = SimpleNamespace(
        add_done_callback=lambda _: None, cancel=lambda force: cancelled.set() if force else None, status="pending"
    )
    handed = SimpleNamespace(submit=lambda *_: SimpleNamespace(wrapped_future=never))
    monkeypatch.setattr(dask_pool, "on_worker", handed)
    client = SimpleNamespace(subscribe_topic=lambda *_: None, nthreads=dict)
    pool = dask_pool.DaskPool(client, ADDRESS, timeout_s=3600, patience_s=0.1)
    place = Place(read_settings(None, {"db": str(tmp_path / "w.duckdb")}).db, "r")

    with pytest.raises(PipelineError) as broken_off:
        _explained(place, pool.run, print, "never")
    pool.close()

    assert f"{ADDRESS}: no worker has been there for 0 s" in str(broken_off.value)
    assert "assay run --resume r --db" in str(broken_off.value)
    assert cancelled.is_set()


def test_a_chunk_that_takes_every_worker_with_it_is_given_up() -> None:
    """Dask lets go of it after some workers; the run says what it may be."""
    from distributed import KilledWorker

    def result(timeout: float) -> Any:
        raise KilledWorker("chunk", None, 3)

    client = SimpleNamespace(subscribe_topic=lambda *_: None, nthreads=lambda: {WORKER: 1})
    pool = dask_pool.DaskPool(client, ADDRESS, timeout_s=3600)
    with pytest.raises(WorkersLostError, match=r"over the same chunk .out of memory"):
        pool._result(None, SimpleNamespace(status="error", result=result))
    pool.close()


def test_the_form_of_a_scheduled_flow_says_where_work_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in the form counts; what is left empty is as the environment of the machine has it."""
    from flows.scheduled.parameters import Machines, settings_of

    monkeypatch.setenv("ASSAY_SHARDS", "s3://runs/nightly")
    monkeypatch.setenv("ASSAY_CHUNK_TIMEOUT_S", "60")
    settings = settings_of([Machines(runner="dask", dask_address=ADDRESS, workers=3, chunk_timeout_s=5)])
    assert (settings.runner, settings.dask_address, settings.workers) == ("dask", ADDRESS, 3)
    assert (settings.shards, settings.chunk_timeout_s) == ("s3://runs/nightly", 5.0)
