"""How far a stage of a run is, as a bar in the UI: moved at most ten times, since each move is a request."""

from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

STEP = 10
"""Percent between two moves."""


class Stage:
    """The bar of one stage; `Stage("load", "...")` has the key `progress-load`."""

    def __init__(self, name: str, description: str, total: int = 1) -> None:
        """Show an empty bar; with nothing to do, a full one."""
        self._total, self._done, self._shown = total, 0, 0 if total else 100
        made = create_progress_artifact(float(self._shown), key=f"progress-{name}", description=description)
        assert isinstance(made, UUID)  # a coroutine only where it is called from one
        self._bar = made

    def advance(self, by: int = 1) -> None:
        """Count what is done; the bar follows when that shows."""
        self._done += by
        percent = min(100, 100 * self._done // max(1, self._total))
        if percent >= self._shown + STEP or (percent == 100 and self._shown < 100):
            self._shown = percent
            update_progress_artifact(self._bar, float(percent))
