"""What happens on a worker of a Dask cluster. Loads no Prefect before its switches are set."""

import faulthandler
import os
import pickle
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from distributed import Worker, WorkerPlugin, get_worker

from flows.pool import import_plugins
from flows.prefect_runtime import prefer_settings
from flows.server_health import no_answer
from warehouse.errors import ShardError
from warehouse.shards import Shards

STARTED = "taskassay-started"
"""The topic under which a worker says which call it has begun."""
MUST_AGREE = ("taskassay", "distributed", "cloudpickle", "prefect")
"""Packages of which two versions on one cluster do not understand each other."""


class Preparation(WorkerPlugin):
    """Makes a worker ready for the chunks of one run, also one that joins later or starts anew."""

    def __init__(self, name: str, plugins: Sequence[str]) -> None:
        self.name, self._plugins = name, tuple(plugins)

    def setup(self, worker: Worker) -> None:
        """Set Prefect's switches and import the plugins."""
        prefer_settings()
        import_plugins(self._plugins)


@dataclass(frozen=True)
class Seen:
    """What a worker finds where it is."""

    python: str
    versions: dict[str, str | None]
    """Package -> version; None: it is not installed."""
    no_server: str | None
    """Why the Prefect server does not answer from there; None: it does, or nobody asked."""
    no_shards: str | None
    """Why a shard cannot be written from there; None: it can, or nobody asked."""
    trial: str
    """Key of the shard that was written to find that out."""


def own_versions() -> tuple[str, dict[str, str | None]]:
    """Return the version of Python, and of the packages that have to agree."""
    return f"{sys.version_info.major}.{sys.version_info.minor}", {name: _version(name) for name in MUST_AGREE}


def look_around(trial: str, shards: Shards | None, api_url: str | None) -> Seen:
    """Find out whether chunks can be worked on here.

    Args:
        trial: beginning of the key of a shard that is written as a trial.
        shards: where; None: nowhere.
        api_url: the Prefect server; None: do not ask.
    """
    key = f"{trial}-{os.getpid()}-{time.monotonic_ns()}"
    no_shards = None
    try:
        if shards is not None:
            shards.write(key, {"planned": []})
    except ShardError as error:
        no_shards = str(error)
    python, versions = own_versions()
    return Seen(python, versions, None if api_url is None else no_answer(api_url), no_shards, key)


def do(call_id: str, payload: bytes, timeout_s: float) -> Any:
    """Do a piece of work that was packed up with `pickle`.

    Args:
        call_id: under what the beginning is announced.
        payload: a function and its arguments.
        timeout_s: seconds after which this process ends, whatever else it does.
    """
    get_worker().log_event(STARTED, {"call_id": call_id})
    with _ended_after(timeout_s):
        work, args, kwargs = pickle.loads(payload)  # noqa: S301 - Dask itself runs what it is sent
        return work(*args, **kwargs)


_deadlines: list[float] = []
_lock = threading.Lock()


@contextmanager
def _ended_after(seconds: float) -> Iterator[None]:
    """End this process when something takes too long.

    A thread cannot be ended, and one that hangs in C code, such as a regular expression that never comes to an end,
    lets no other thread do anything about it. The timer of `faulthandler` asks nobody.
    """
    deadline = time.monotonic() + seconds
    with _lock:
        _deadlines.append(deadline)
        _set_timer()
    try:
        yield
    finally:
        with _lock:
            _deadlines.remove(deadline)
            _set_timer()


def _set_timer() -> None:
    if _deadlines:
        left = max(min(_deadlines) - time.monotonic(), 0.001)
        faulthandler.dump_traceback_later(left, exit=True, file=_nowhere())
    else:
        faulthandler.cancel_dump_traceback_later()


_opened: list[Any] = []


def _nowhere() -> Any:
    if not _opened:
        _opened.append(Path(os.devnull).open("w"))  # noqa: SIM115 - open as long as the process
    return _opened[0]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
