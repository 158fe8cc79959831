"""What the tests of calibration share: a warehouse with a set, made once and copied."""

import shutil
from pathlib import Path

import pytest

from flows.calibration.sheet import Item
from tests.support_calibration import write_set


@pytest.fixture(scope="session")
def _set_made_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Item]]:
    path = tmp_path_factory.mktemp("set") / "assay.duckdb"
    return path, write_set(path)


@pytest.fixture
def db(_set_made_once: tuple[Path, list[Item]], tmp_path: Path) -> Path:
    """A warehouse of one's own with the set that `items` are of; raters anna and ben."""
    return Path(shutil.copy(_set_made_once[0], tmp_path / "assay.duckdb"))


@pytest.fixture
def items(_set_made_once: tuple[Path, list[Item]]) -> list[Item]:
    """The items of the set."""
    return _set_made_once[1]
