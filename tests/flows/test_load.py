"""What a warehouse knows of a run: that it has begun, and whether all of it is there."""

from pathlib import Path

import pytest

from flows.load import is_completed
from flows.places import runs_folder
from flows.plan import PLAN_FILE
from flows.pool import import_plugins
from flows.runs import begin_run
from flows.settings import Settings
from tests.conftest import TINY, held_by_another
from warehouse import Warehouse
from warehouse.errors import LockedError


def test_a_file_with_nothing_in_it_holds_no_completed_run(tmp_path: Path) -> None:
    """A run killed at its very beginning leaves one, and is taken up again."""
    (tmp_path / "a.duckdb").touch()
    assert not is_completed(tmp_path / "a.duckdb", "r")


def test_a_run_that_cannot_be_registered_leaves_nothing_and_can_be_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody opens the warehouse after it was looked at: a second try with the same name is not refused."""
    db = tmp_path / "a.duckdb"
    Warehouse.open(db).close()
    import_plugins([TINY])
    settings = Settings(db=db, families=("tiny_upper",), n=1, plugins=(TINY,))
    monkeypatch.setattr("flows.runs.require_usable", lambda _: None)

    with held_by_another(db), pytest.raises(LockedError):
        begin_run(settings, run_id="r")

    assert not runs_folder(db).exists()
    assert (begin_run(settings, run_id="r").spool / PLAN_FILE).exists()
