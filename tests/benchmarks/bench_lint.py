"""How long the lint takes. Run with `make bench`; it prints, and asserts only what would be a fault on any machine."""

import time

import pytest

from flows.lint import examine_set
from tasks_lib import family

TOO_SLOW_S = 0.05
"""For one instance; meant to be a tenth of that."""


@pytest.mark.bench
@pytest.mark.parametrize("name", ["spreadsheet_clean", "doc_revision", "citation_grounding"])
def test_lint_rate(name: str) -> None:
    """Milliseconds for an instance in a set of 300, the comparison of all pairs included."""
    instances = list(family(name).instances(300, seed=77))
    start = time.process_time()
    examine_set(instances)
    each = (time.process_time() - start) / 300

    print(f"\n{name}: lint {1000 * each:.1f} ms per instance")
    assert each < TOO_SLOW_S
