"""Workers that start before there is a plan: while it is made, they import what they need."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.pool import InProcess, WorkerPool, import_plugins
from flows.settings import Settings

WHAT_THEY_DO = "flows.chunks"
"""The module that each of them imports first."""


def workers_for(settings: Settings, plugins: tuple[str, ...]) -> WorkerPool:
    """Return a pool whose processes have everything that a chunk takes, once they are started."""
    return WorkerPool(settings.workers, (WHAT_THEY_DO, *plugins), settings.chunk_timeout_s)


@contextmanager
def early_workers(settings: Settings, instances: Path | None) -> Iterator[WorkerPool | None]:
    """Start the workers of a run that looks large enough; when it is left, they end, whatever came of the plan.

    Args:
        settings: of the run.
        instances: a file with one instance a line; None: they are generated.

    Raises:
        InputError: a plugin is not there, which would be the end of each worker.
    """
    if settings.runner != "local" or _rollouts_at_least(settings, instances) <= InProcess.WORTHWHILE_UP_TO:
        yield None
        return
    import_plugins(settings.plugins)
    with workers_for(settings, settings.plugins) as pool:
        pool.start()
        yield pool


def _rollouts_at_least(settings: Settings, instances: Path | None) -> int:
    """Return about how many rollouts a run has, at least, as far as that is seen at once.

    Recorded outputs may be fewer than the group; then workers were started in vain.
    """
    n_instances = _lines(instances) if instances else settings.n * max(1, len(settings.families))
    return n_instances * len(settings.policies) * settings.group


def _lines(path: Path) -> int:
    """Return the number of lines; of what cannot be read, which others will say, none."""
    try:
        with path.open("rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    except OSError:
        return 0
