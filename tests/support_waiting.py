"""How tests wait: for something to happen, not for a time; and longer than a machine may stand still."""

import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 180.0
"""Seconds that what takes a moment may take: a shared machine, or its disk, can stand still for half a minute."""


def wait_for(look: Callable[[], Any], seconds: float = PATIENCE_S, every_s: float = 0.2) -> Any:
    """Look until something is there, and return it.

    Args:
        look: returns something true when it is there; an assertion in it that fails ends the wait.
        seconds: how long to wait at most.
        every_s: seconds between two looks.

    Raises:
        TimeoutError: it did not come.
    """
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() >= deadline:
            raise TimeoutError(f"nothing came within {seconds:.0f} s; the last look: {found!r}")
        time.sleep(every_s)
    return found
