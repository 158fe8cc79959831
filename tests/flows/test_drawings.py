"""Charts are compiled once for all processes; nothing but the same program and compilers makes do with them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.report import charts, drawings
from tests.conftest import clean_environment

SHOWN = (
    "import hashlib, json, sys\nfrom flows.report import drawings\n"
    "made = json.dumps([drawings.runtime(), drawings.chart_specs(sys.argv[1:])])\n"
    "print(hashlib.sha256(made.encode()).hexdigest(), 'vl_convert' in sys.modules)"
)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of compiled modules that nobody else has."""
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    drawings.drawings.cache_clear()
    yield tmp_path
    drawings.drawings.cache_clear()


def test_a_second_process_takes_what_the_first_compiled(tmp_path: Path) -> None:
    """The same text to the last character, and no compiler is loaded."""
    env = clean_environment({"PYTHONPYCACHEPREFIX": str(tmp_path)})
    first, second = (
        subprocess.run(
            [sys.executable, "-c", SHOWN, *charts.CHARTS], env=env, capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(2)
    )
    assert (first[1], second[1]) == ("True", "False")
    assert first[0] == second[0]


@pytest.mark.parametrize("change", ["program", "altair", "vl-convert-python", None])
def test_what_was_made_from_something_else_is_compiled_anew(
    change: str | None, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another text of the program, another version of a compiler; what is kept then is the new one."""
    made = iter(("old", "new", "never"))
    monkeypatch.setattr(drawings, "_compiled", lambda: drawings.Drawings(next(made), {}))
    assert drawings.runtime() == "old"
    (file,) = kept.rglob("*.json")
    content = json.loads(file.read_text())
    if change is not None:
        content["made_from"][change] += "0"
        file.write_text(json.dumps(content))

    drawings.drawings.cache_clear()
    assert drawings.runtime() == ("old" if change is None else "new")
    drawings.drawings.cache_clear()
    assert drawings.runtime() == ("old" if change is None else "new")


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"made_from": ', "\udcff"])
def test_a_broken_file_is_none(text: str, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stands there, charts are drawn."""
    monkeypatch.setattr(drawings, "_compiled", lambda: drawings.Drawings("made", {"a": {}}))
    drawings.drawings()
    (file,) = kept.rglob("*.json")
    file.write_bytes(text.encode(errors="surrogateescape"))

    drawings.drawings.cache_clear()
    assert drawings.chart_specs(["a", "a"]) == {"a": {}}


def test_nothing_is_kept_where_python_keeps_nothing(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither where Python was told not to write compiled modules, nor where the folder cannot be made."""
    monkeypatch.setattr(drawings, "_compiled", lambda: drawings.Drawings("made", {}))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert drawings.runtime() == "made"
    assert list(kept.iterdir()) == []

    (kept / "file").touch()
    monkeypatch.setattr(sys, "pycache_prefix", str(kept / "file"))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    drawings.drawings.cache_clear()
    assert drawings.runtime() == "made"
