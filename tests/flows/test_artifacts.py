"""Artifacts: names are text whatever they look like, tables have a size, a report's folder shows reports alone."""

import urllib.error
import urllib.request
from pathlib import Path

import polars as pl
import pytest

from flows.artifacts.changes import Changes
from flows.artifacts.markdown import plain, rows
from flows.artifacts.tables import MOST_ROWS, table
from flows.chunks import ChunkDone
from flows.errors import InputError, SettingsError
from flows.report.shelf import Shelf, served_shelf, shelf_of
from flows.settings import Settings, read_settings
from tests.support_waiting import PATIENCE_S


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("sim/weak", "sim/weak"),
        ("a|b", r"a\|b"),
        ("`x`", r"\`x\`"),
        ("<img src=x>", r"\<img src\=x\>"),
        ("[a](http://b.c)", r"\[a\]\(http\://b\.c\)"),
        ("www.b.c a@b.c", r"www\.b\.c a\@b\.c"),
        ("two\nlines\x00\u202eand", "two lines and"),
        ("*bold* _it_ # ~no~ \\", r"\*bold\* \_it\_ \# \~no\~ \\"),
        ("&lt;", r"\&lt\;"),
    ],
)
def test_plain_takes_the_meaning_of_every_mark(name: str, shown: str) -> None:
    """Nothing of a name is a table, a link, an entity, markup or another line."""
    assert plain(name) == shown


def test_rows_keep_their_columns() -> None:
    """A bar in a name adds no column, and a long name is cut."""
    lines = rows(("verdict", "groups"), [("a|b", 3), ("x" * 500, 1)])

    assert lines[:3] == ["| verdict | groups |", "| --- | ---: |", r"| a\|b | 3 |"]
    assert len(lines[3]) < 200


def test_table_of_a_thousand_rows_stays_small() -> None:
    """The first rows, and one that says how many more there are and where; no number that JSON lacks."""
    frame = pl.DataFrame({"name": [f"i{at}" for at in range(1000)], "mean": [float("nan"), 1 / 3] * 500})

    shown = table(frame, "assay sql ...")
    assert len(shown) == MOST_ROWS + 1
    assert shown[:2] == [{"name": "i0", "mean": None}, {"name": "i1", "mean": 0.3333}]
    assert shown[-1] == {"name": f"{1000 - MOST_ROWS} more rows: assay sql ...", "mean": None}


def test_line_of_a_chunk_says_what_it_cost() -> None:
    """Counts, seconds and dollars; without a model no dollars; of a failure its kind and not its text."""
    free = ChunkDone("k", "fam sim/weak 4 rollouts", 4, 1, 2, 0.25, "ValueError: the output was: 42", worker="m 7")
    paid = ChunkDone("k", "fam m 4 rollouts", 4, 0, 0, 2.0, n_calls=4, cost_usd=0.0125, n_unpriced=1, worker="m 7")

    assert free.line() == "fam sim/weak 4 rollouts: 3 graded, 1 lost, 2 not applicable, 0.2 s, by m 7"
    assert "0.0125 US dollars and 1 calls without a known price" in paid.line()
    assert free.kind_of_error() == "ValueError"
    assert ChunkDone("k", "l", 1, 1, 0, 1.0, "my words: x").kind_of_error() == "a failure"


def _changes(**row: object) -> Changes:
    grader = {
        "family": "fam", "kind": "probe", "name": "ec|ho", "dimension": "composite", "held_before": True,
        "holds": False, "method": "paired", "n_before": 9, "n_after": 9, "broken_before": 0, "broken_after": 2,
        "status": "regressed", "is_declared": False, "graders_before": "g 1", "graders": "g 2", "may_be": "grader",
    }  # fmt: skip
    verdicts = pl.DataFrame(schema={"status": pl.String})
    return Changes("r", "nightly", "q", verdicts, pl.DataFrame([{**grader, **row}]))


def test_changes_say_what_may_have_caused_them() -> None:
    """Another version; or nothing but code, where all that is recorded is the same."""
    (said,) = _changes().sentences()
    assert said == (
        r"**fam**: probe ec\|ho regressed: is paid without the work on 2 of 9 instances, before on 0 of 9. "
        "The runs differ in: grader (g 1 -> g 2)."
    )
    (said,) = _changes(may_be="", graders="g 1").sentences()
    assert "changed without a new version" in said


def test_changes_never_call_noise_a_regression() -> None:
    """What chance explains is told as what it is, a declared limit not at all."""
    (said,) = _changes(status="unclear", may_be="instances").sentences()
    assert "proves no change" in said
    assert "regressed" not in said
    assert _changes(is_declared=True).sentences() == []
    assert _changes(status="unclear", held_before=False).sentences() == []


def test_shelf_shows_reports_and_nothing_else(tmp_path: Path) -> None:
    """A list, each report as HTML; no file beside it, none above it, none through a link."""
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "r 1.html").write_text("<p>one</p>")
    (folder / "notes.txt").write_text("secret")
    (tmp_path / "outside.html").write_text("secret")
    (folder / "link.html").symlink_to(tmp_path / "outside.html")
    with served_shelf(folder) as url:
        with urllib.request.urlopen(f"{url}/r%201.html", timeout=PATIENCE_S) as answer:  # noqa: S310
            assert answer.read() == b"<p>one</p>"
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert answer.headers["x-content-type-options"] == "nosniff"
        with urllib.request.urlopen(f"{url}/", timeout=PATIENCE_S) as answer:  # noqa: S310
            listed = answer.read().decode()
        foreign = (
            "notes.txt",
            "link.html",
            "../outside.html",
            "%2e%2e/outside.html",
            "..%2foutside.html",
            "/etc/passwd",
        )
        for path in foreign:
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"{url}/{path}", timeout=PATIENCE_S)  # noqa: S310
        with pytest.raises(InputError, match="name another port"), served_shelf(folder, int(url.rpartition(":")[2])):
            pass
    assert "r%201.html" in listed
    assert "notes" not in listed
    assert "link" not in listed


def test_reports_are_for_deployments_or_whoever_asks(tmp_path: Path) -> None:
    """Beside the warehouse by default; a run by hand writes none unless a folder is named."""
    db = tmp_path / "a.duckdb"
    assert shelf_of(Settings(db=db), None) is None
    assert shelf_of(Settings(db=db), "nightly") == Shelf(tmp_path / "reports", None)
    assert shelf_of(Settings(db=db, reports=tmp_path / "r"), None) == Shelf(tmp_path / "r", None)


@pytest.mark.parametrize("url", ["file:///tmp", "http://user:password@host", "http://host/?key=1", "javascript:x"])
def test_reports_url_is_an_address(url: str) -> None:
    """No file, no password, no parameter, nothing that runs."""
    with pytest.raises(SettingsError, match="reports-url"):
        read_settings(None, {"reports_url": url})
