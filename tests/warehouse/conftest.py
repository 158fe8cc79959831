"""What the tests of the warehouse share."""

from collections.abc import Iterator

import pytest

from tests.warehouse.rows import recycled


@pytest.fixture(autouse=True)
def _empty_again() -> Iterator[None]:
    """Hand the warehouses of a test on, emptied."""
    with recycled():
        yield
