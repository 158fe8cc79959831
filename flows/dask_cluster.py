"""The Dask cluster of a run, one that is there or one of its own, and whether it can be used: before any work."""

import importlib.util
import ipaddress
import logging
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from flows.errors import InputError
from flows.pool import main_hidden
from warehouse.shards import Shards

CONNECT_S = 10
_TRIAL = ".trial-"


def require_packages() -> None:
    """Find out whether Dask is installed.

    Raises:
        InputError: it is not.
    """
    if importlib.util.find_spec("prefect_dask") is None:
        raise InputError("--runner dask: the package prefect-dask is missing; pip install 'taskassay[dask]'")


def require_cluster(address: str | None, shards: Shards, api_url: str | None) -> None:
    """Find out before any work whether a run can use a cluster.

    Args:
        address: its scheduler; None: the run will start a cluster of its own, about which nothing can be said yet.
        shards: where workers will have to write.
        api_url: the Prefect server that is configured; None: the run starts one of its own, on this machine.

    Raises:
        InputError: it cannot; the text says what to do.
    """
    require_packages()
    if address is None:
        return
    require_server_for_all(address, api_url)
    with connected(address) as client:
        require_fit_workers(client, address, shards, api_url)


def require_server_for_all(address: str, api_url: str | None) -> None:
    """Refuse a Prefect server that only this machine reaches for workers that are elsewhere.

    Raises:
        InputError: they could not reach it.
    """
    if is_loopback(address) or (api_url is not None and not is_loopback(api_url)):
        return
    where = "is on this machine alone" if api_url else "would be started on this machine alone"
    raise InputError(
        f"the workers of {address} could not reach the Prefect server, which {where}; start one that they reach "
        "(`prefect server start --host 0.0.0.0`) and set PREFECT_API_URL=http://<this machine>:4200/api"
    )


def require_fit_workers(client: Any, address: str, shards: Shards, api_url: str | None) -> None:
    """Look at every worker that is there: versions, the Prefect server, the place of the shards.

    Raises:
        InputError: there is none, or one that cannot be used.
    """
    found = faults_of_workers(client, shards, api_url)
    if not found:
        raise InputError(f"{address}: {no_workers(address)}")
    for fault in found.values():
        if fault is not None:
            raise InputError(fault)


def no_workers(address: str) -> str:
    """Return what to say of a cluster that has no workers."""
    return f"the cluster has no workers; start some with: dask worker {address}"


def faults_of_workers(client: Any, shards: Shards | None, api_url: str | None) -> dict[str, str | None]:
    """Have every worker of a cluster look around, and return worker -> why it cannot be used; None: it can.

    Args:
        client: of the cluster.
        shards: where workers will have to write; None: nowhere.
        api_url: the Prefect server that they will have to reach; None: none.
    """
    from flows.dask_worker import look_around

    found = client.run(look_around, f"{_TRIAL}{secrets.token_hex(4)}", shards, api_url, on_error="return")
    try:
        return {worker: _fault(worker, seen, shards, api_url) for worker, seen in sorted(found.items())}
    finally:
        for seen in found.values():
            if shards is not None and not isinstance(seen, BaseException):
                shards.forget(seen.trial)


def _fault(worker: str, seen: Any, shards: Shards | None, api_url: str | None) -> str | None:
    from flows.dask_worker import own_versions

    if isinstance(seen, BaseException):
        cause = str(seen).strip().splitlines()[0] if str(seen).strip() else type(seen).__name__
        return f"worker {worker} cannot be used ({cause}); install the same taskassay there as here, with its plugins"
    python, versions = own_versions()
    if other := _difference({"Python": python, **versions}, {"Python": seen.python, **seen.versions}):
        return f"worker {worker} has {other}; install the same version on both"
    if seen.no_server is not None:
        return (
            f"worker {worker} does not reach the Prefect server {api_url} ({seen.no_server}); set PREFECT_API_URL to "
            "an address that all machines reach"
        )
    if seen.no_shards is not None:
        return f"worker {worker} cannot leave shards: {seen.no_shards}"
    if shards is not None and not shards.has(seen.trial):
        return (
            f"worker {worker} writes to a folder {shards.place} of its own; name one that all machines share, or a URL "
            "such as s3://bucket/runs, with --shards"
        )
    return None


def _difference(here: Mapping[str, str | None], there: Mapping[str, str | None]) -> str | None:
    for name, wanted in here.items():
        if there.get(name) != wanted:
            return f"{name} {there.get(name) or '(none)'}, this process has {wanted or '(none)'}"
    return None


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Open a connection to a scheduler.

    Raises:
        InputError: nobody answers there.
    """
    from distributed import Client

    _silence()
    connect: Any = Client
    try:
        client: Any = connect(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        cause = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(
            f"no Dask scheduler answers at {address} ({cause}); start one with `dask scheduler`, or leave out "
            "--dask-address to have a cluster started for the run"
        ) from None
    try:
        yield client
    finally:
        with suppress(OSError, TimeoutError):
            client.close(timeout=5)


@contextmanager
def own_cluster(workers: int) -> Iterator[str]:
    """Run a scheduler and worker processes on this machine, and yield their address.

    The processes end with the context, and with this process, however that ends.
    """
    from distributed import LocalCluster

    _silence()
    start: Any = LocalCluster
    with (
        # Workers are started, and started anew, without running the caller's script again.
        main_hidden(),
        start(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            # Any port: the usual one may be taken, of which Dask would warn.
            dashboard_address="127.0.0.1:0",
            memory_limit=0,
            silence_logs=logging.CRITICAL,
        ) as cluster,
    ):
        yield cluster.scheduler_address


def is_loopback(url: str) -> bool:
    """Tell whether an address leads to this machine only."""
    host = urlsplit(url if "://" in url else f"tcp://{url}").hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _silence() -> None:
    for name in ("distributed", "distributed.worker", "distributed.nanny", "distributed.scheduler", "distributed.core"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
