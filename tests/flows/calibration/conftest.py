"""What the tests of calibration share: warehouses in memory that are emptied and handed on."""

from collections.abc import Iterator

import pytest

from tests.warehouse.rows import recycled, taken
from warehouse import Warehouse


@pytest.fixture
def empty() -> Iterator[Warehouse]:
    """An empty warehouse in memory."""
    with recycled():
        yield taken()
