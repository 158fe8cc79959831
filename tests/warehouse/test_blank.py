"""A new warehouse that is kept: what comes of it is what is made anew, and it is never in anybody's way."""

import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from warehouse import Warehouse, blank

MADE = """
    select table_name as name, comment, sql from duckdb_tables() where not internal
    union all select view_name, comment, sql from duckdb_views() where not internal
    union all select constraint_text, table_name, constraint_type from duckdb_constraints()
    union all select version::varchar, null, null from schema_version
    order by all
"""


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which it is kept, which is empty."""
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    monkeypatch.setattr(blank, "FOLDER", tmp_path / "kept")
    return tmp_path / "kept"


@pytest.fixture
def times_made(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files in which tables and views were made."""
    files: list[Path] = []
    make: Callable[[Path], None] = Warehouse._make

    def noted(path: Path) -> None:
        files.append(path)
        make(path)

    monkeypatch.setattr(Warehouse, "_make", noted)
    return files


def _made(path: Path) -> list[tuple[str, str | None, list[str]]]:
    """Return what is in a file: name, comment, the words of its SQL; the engine tells an `exclude` in any order."""
    with Warehouse.open(path, read_only=True) as warehouse:
        rows = warehouse.sql(MADE).rows()
    return [(name, comment, sorted(re.findall(r"\w+", sql or ""))) for name, comment, sql in rows]


def test_a_new_warehouse_is_the_same_whether_it_is_made_or_was_kept(
    kept: Path, times_made: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables, keys, views and versions; it is made once, and what is written to a copy is in no other."""
    for name in ("first.duckdb", "second.duckdb", "third.duckdb"):
        with Warehouse.open(tmp_path / name) as warehouse:
            assert warehouse.sql("select count(*) as n from threshold")["n"].to_list() == [0]
            warehouse.merge("threshold", [{"run_id": "r", "name": name, "value": 1.0}])
    assert len(times_made) == 1
    assert len(list(kept.iterdir())) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"first.duckdb", "second.duckdb", "third.duckdb", "kept"}

    monkeypatch.setattr(blank, "FOLDER", tmp_path / "first.duckdb" / "no folder")
    Warehouse.open(tmp_path / "anew.duckdb").close()
    assert times_made[-1] == tmp_path / "anew.duckdb"
    assert _made(tmp_path / "third.duckdb") == _made(tmp_path / "anew.duckdb")
    assert len(_made(tmp_path / "anew.duckdb")) > 100
    assert (tmp_path / "third.duckdb").stat().st_mode == (tmp_path / "anew.duckdb").stat().st_mode


def _write(place: Path) -> None:
    place.write_text("new")


def _is_new(place: Path) -> None:
    assert place.read_text() == "new"


@pytest.mark.parametrize("damage", [b"", b"no database", None])
def test_a_damaged_one_is_given_to_nobody(
    kept: Path, times_made: list[Path], tmp_path: Path, damage: bytes | None
) -> None:
    """Empty, overwritten, of something else: a warehouse is made as if none were kept, the next one from a new one."""
    Warehouse.open(tmp_path / "first.duckdb").close()
    (found,) = kept.iterdir()
    if damage is None:
        found.unlink()
        duckdb.connect(str(found)).execute("create table theirs (a int)").close()
    else:
        found.write_bytes(damage)
    for name in ("second.duckdb", "third.duckdb", "fourth.duckdb"):
        Warehouse.open(tmp_path / name).close()
        assert _made(tmp_path / name) == _made(tmp_path / "first.duckdb")
    # The first in the kept file's making; the second in place; the third again in a kept file's making.
    assert [path.parent for path in times_made] == [kept, tmp_path, kept]


def test_a_file_that_came_meanwhile_stays(kept: Path, tmp_path: Path) -> None:
    """Two that begin at once: the later one never takes the place of what the earlier one has written by then."""
    path = tmp_path / "both.duckdb"

    def make(place: Path) -> None:
        path.write_text("somebody's")
        _write(place)

    assert not blank.put_blank(path, "kind", make, _is_new)
    assert path.read_text() == "somebody's"
    assert {found.name for found in tmp_path.iterdir()} == {"both.duckdb", "kept"}
    assert [found.name for found in kept.iterdir()] == ["blank-kind.duckdb"]


def test_one_kind_is_kept_and_none_where_python_keeps_nothing(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of a former version of the program goes; who wants no compiled modules gets no file either."""
    for kind in ("older", "newer"):
        assert blank.put_blank(tmp_path / kind, kind, _write, _is_new)
    assert [path.name for path in kept.iterdir()] == ["blank-newer.duckdb"]

    monkeypatch.setattr("sys.dont_write_bytecode", True)
    assert not blank.put_blank(tmp_path / "another", "newest", _write, _is_new)
    assert [path.name for path in kept.iterdir()] == ["blank-newer.duckdb"]
    assert not (tmp_path / "another").exists()


def test_a_log_without_its_file_is_not_taken_for_one_of_a_new_file(kept: Path, tmp_path: Path) -> None:
    """A journal that was left alone is the engine's to judge: no kept file is put beside it."""
    path = tmp_path / "lost.duckdb"
    (tmp_path / "lost.duckdb.wal").write_bytes(b"")
    Warehouse.open(path).close()
    assert not kept.exists()
    assert _made(path)
