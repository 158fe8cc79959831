"""The later version of the tiny grader, for as long as a test needs it."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager

from graders import grading, register_grader

STRICTER = "tests.flows.stricter_family"
"""The plugin; importing it installs the later version for good, so tests of this process do not."""


@contextmanager
def stricter_grader() -> Iterator[None]:
    """Have the later version of the tiny grader installed for a while."""
    kept = dict(grading._graders)
    register_grader(importlib.import_module(STRICTER).StricterGrader)
    try:
        yield
    finally:
        grading._graders.clear()
        grading._graders.update(kept)
