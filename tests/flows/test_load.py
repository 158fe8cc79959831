"""Whether a warehouse holds all of a run."""

from pathlib import Path

from flows.load import is_completed


def test_a_file_with_nothing_in_it_holds_no_completed_run(tmp_path: Path) -> None:
    """A run killed at its very beginning leaves one, and is taken up again."""
    (tmp_path / "a.duckdb").touch()
    assert not is_completed(tmp_path / "a.duckdb", "r")
