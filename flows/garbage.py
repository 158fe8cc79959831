"""How often Python looks for garbage that refers to itself."""

import gc

COLLECT_AFTER = 50_000
"""New objects after which it looks. Imports, and the work on a chunk, make many and hardly a cycle among them: with the
default of 700 a sixth of the time of a large import goes into looking."""


def collect_seldom() -> None:
    """Look less often from now on, in all of this process."""
    gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])
