"""Values written into queries, and frames handed over once: what the engine reads is what was handed in."""

import subprocess
import sys

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse import Warehouse
from warehouse.binding import register_once, written_out

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)

ASKING = """
import sys
from pathlib import Path
from warehouse import Warehouse
with Warehouse.open(Path(sys.argv[1])) as warehouse:
    warehouse.merge("family", [{"family": "f", "template_version": "1", "floor": 0.1}])
    assert warehouse.sql("select family from family where family = ?", ["f"]).height == 1
    warehouse.replace("calibration_state", [{"inputs": "x"}])
assert "pandas" not in sys.modules
"""


@given(TEXT, st.lists(TEXT, max_size=4), st.text("'\"?$1-/*\\ ", max_size=10).map(lambda text: text.replace('"', "")))
@settings(max_examples=100, deadline=None)
def test_a_value_comes_out_as_it_went_in(text: str, texts: list[str], around: str) -> None:
    """Whatever quotes and signs it has, and whatever else stands in the query in quotes or as a comment."""
    quoted = around.replace("'", "''")
    query = f'select \'{quoted}\' as a, ? as b, ?::varchar[] as c, "{around}x" from (select 1 as "{around}x") -- ?'  # noqa: S608
    written = written_out(query, [text, texts])

    assert written is not None
    with duckdb.connect() as connection:
        assert connection.execute(written).fetchall() == [(around, text, texts, 1)]


def test_numbered_values_may_come_twice() -> None:
    """Before and behind letters of several bytes."""
    written = written_out("select 'ä?', $2 as é, $1, $2 from t where x = $10", [str(n) for n in range(1, 11)])
    assert written is None, "the third to the ninth are not asked for"
    assert written_out("select 'ä?', $2 as é, $1, $2", ["a", "b"]) == "select 'ä?', 'b' as é, 'a', 'b'"


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("select ?", [1]),
        ("select ?", ["a\0"]),
        ("select ?", [None]),
        ("select ?", []),
        ("select ?", ["a", "b"]),
        ("select $2", ["a"]),
        ("select $name", ["a"]),
        ("select ?1", ["a"]),
        ("select ?", [["a", 1]]),
    ],
)
def test_everything_else_is_left_to_the_engine(query: str, values: list[object]) -> None:
    """Other types, other ways of asking, too few and too many."""
    assert written_out(query, values) is None


def test_a_frame_is_read_as_it_is() -> None:
    """Texts, numbers, nothing; then it is spent."""
    frame = pl.DataFrame({"a": ["x", None, "ü"], "b": [1, None, 2**40], "c": [0.1, None, -0.0]})
    with duckdb.connect() as connection:
        register_once(connection, "incoming", frame)
        assert connection.execute("select * from incoming").fetchall() == frame.rows()
        with pytest.raises(duckdb.Error):
            connection.execute("select * from incoming")


def test_writing_and_asking_import_no_pandas(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Half a second of every command."""
    place = tmp_path_factory.mktemp("w") / "w.duckdb"
    Warehouse.open(place).close()
    done = subprocess.run([sys.executable, "-c", ASKING, str(place)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
