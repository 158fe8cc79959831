"""The shape of the project: who may import whom, what a command may load, what must have a test."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

from tests.conftest import ROOT, clean_environment

PACKAGES = ("flows", "graders", "tasks_lib", "warehouse")
VIEWS = sorted(
    path.stem
    for path in (ROOT / "warehouse" / "views").glob("*.sql")
    if not path.stem.startswith("stg_")  # a step of the views that read it, and tested through them
)
LIGHT_VERBS = {
    "help": ["--help"],
    "generate": ["generate", "--family", "spreadsheet_clean", "--n", "1", "--out", "one.jsonl"],
    "lint": ["lint", "one.jsonl"],
    "grade": ["grade", "--instances", "one.jsonl", "--outputs", "outputs.jsonl"],
    "tables": ["tables"],
    "sql": ["sql", "select 1"],
    "verdicts": ["verdicts"],
    "report": ["report"],
    "recompose": ["recompose", "--cap-mode", "hard"],
    "compare": ["compare", "one", "other"],
    "regrade": ["regrade", "one"],
    "gate": ["gate", "--base", "a", "--candidate", "b"],
    "calibrate sample": ["calibrate", "sample", "--dimension", "faithfulness"],
    "calibrate progress": ["calibrate", "progress"],
    "calibrate rate": ["calibrate", "rate", "--set", "set-1"],
    "doctor": ["doctor"],
    "calibrate export": ["calibrate", "export", "--out", "sheets"],
    "calibrate import": ["calibrate", "import", "ratings.csv"],
    "import ratings": ["import", "ratings", "ratings.csv"],
    "calibrate report": ["calibrate", "report"],
    "audit": ["audit", "--family", "spreadsheet_clean", "--n", "1"],
}


def test_imports_point_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """The contracts of pyproject.toml hold: layers, and one home for each outside dependency."""
    monkeypatch.chdir(ROOT)

    assert lint_imports(config_filename="pyproject.toml", no_cache=True) == 0


@pytest.mark.parametrize("verb", LIGHT_VERBS)
def test_verbs_that_orchestrate_nothing_load_no_prefect(verb: str, tmp_path: Path) -> None:
    """A verb that starts no flow does not import Prefect, whether it succeeds or not."""
    script = (
        "import json, sys; from flows.cli import main; main(json.loads(sys.argv[1])); "
        "sys.exit(int(any(name.partition('.')[0] == 'prefect' for name in sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(LIGHT_VERBS[verb])],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    """`assay --help` answers at once: neither Prefect nor Polars nor DuckDB is loaded for it."""
    script = (
        "import sys; from flows.cli import main; main(['--help']); "
        "print(sorted({'prefect', 'polars', 'duckdb', 'pyarrow'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("package", [package for package in PACKAGES if package != "flows"])
def test_only_flows_reads_the_environment_and_the_clock(package: str) -> None:
    """Below flows no module asks for an environment variable, the time of day or a random name."""
    forbidden = {"os.environ", "os.getenv", "time.time", "datetime.now", "datetime.utcnow", "date.today", "uuid.uuid4"}
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in forbidden
    ]

    assert found == []


def test_exceptions_are_caught_wholesale_in_declared_places_only() -> None:
    """Every exception is caught only where a policy or a grader may fail, and where another system's parser may."""
    found = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler) and (node.type is None or ast.unparse(node.type) == "Exception")
    }

    assert found <= {"flows/collect.py", "graders/grading.py", "warehouse/imports/inspect_logs.py"}


def test_there_are_views() -> None:
    """The parametrised test below has something to look at."""
    assert VIEWS


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_has_a_test(view: str) -> None:
    """Some test of the warehouse names the view."""
    tests = [path.read_text() for path in (ROOT / "tests" / "warehouse").rglob("*.py")]

    assert any(view in text for text in tests), f"no test in tests/warehouse mentions {view}"
