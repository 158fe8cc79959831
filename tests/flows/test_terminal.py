"""What verbs print: JSON for programs, plain text into pipes, 80 columns and a closing line on a terminal."""

import fcntl
import json
import os
import pty
import re
import struct
import termios
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import polars as pl
import pytest

from flows import console
from flows.calibration.seed import SeedCalibration
from flows.cli import main
from flows.commands import calibrate, run
from flows.settings import read_settings
from flows.summary import summarise
from tests.support_waiting import PATIENCE_S
from warehouse import Warehouse

COLUMNS = 80
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
SEED = SeedCalibration(
    "run-1",
    pl.DataFrame(
        {
            "grader_id": ["judge/anthropic/model:effort=low"], "dimension": ["faithfulness"], "n": [29],
            "agreement": [0.5], "ci_low": [0.3], "ci_high": [0.7], "within_one": [0.9], "bias": [0.1], "mae": [0.2],
            "status": ["excluded"],
        }
    ),
    pl.DataFrame(
        {
            "grader_id": ["judge/anthropic/model:effort=low"], "example": ["harbour_report_half_done"],
            "dimension": ["faithfulness"], "expected": [4], "level": [2.5], "reason": ["two claims are not in it"],
        }
    ),
)  # fmt: skip
VERBS = {
    "audit": ["audit", "--family", "spreadsheet_clean", "--n", "1", "--workers", "1", "--db", "other.duckdb"],
    "generate": ["generate", "--family", "spreadsheet_clean", "--n", "2", "--out", "again.jsonl"],
    "lint": ["lint", "tasks.jsonl"],
    "grade": ["grade", "--instances", "tasks.jsonl", "--outputs", "outputs.jsonl", "--workers", "1"],
    "import": ["import", "scores", "a_file_of_scores_with_quite_a_long_name.jsonl", "--family", "of_my_own"],
    "tables": ["tables"],
    "sql": ["sql", "from grader_confusion"],
    "verdicts": ["verdicts"],
    "verdicts by instance": ["verdicts", "--by", "instance"],
    "doctor": ["doctor"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a warehouse, instances, outputs of a policy, and scores of another system."""
    made = tmp_path_factory.mktemp("terminal")
    before = Path.cwd()
    os.chdir(made)
    try:
        assert main(["generate", "--family", "spreadsheet_clean", "--n", "2", "--out", "tasks.jsonl"]) == 0
        tasks = [json.loads(text) for text in Path("tasks.jsonl").read_text(encoding="utf-8").splitlines()]
        outputs = [
            {"instance_id": task["instance_id"], "policy": "mine", "sample": sample, "output": "date,amount\n"}
            for task in tasks
            for sample in range(8)
        ]
        Path("outputs.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in outputs), encoding="utf-8")
        scores = [
            {"instance": f"q{at}", "policy": policy, "sample": sample, "dimension": name, "score": sample / 8}
            for at in range(2)
            for policy in ("a-checkpoint", "another-checkpoint")
            for sample in range(8)
            for name in ("facts", "a_dimension_with_a_long_name")
        ]
        Path(VERBS["import"][2]).write_text("".join(f"{json.dumps(row)}\n" for row in scores), encoding="utf-8")
        assert main(["audit", "--family", "spreadsheet_clean", "--n", "1"]) == 0
        assert main(["grade", "--instances", "tasks.jsonl", "--outputs", "outputs.jsonl", "--db", "assay.duckdb"]) == 0
    finally:
        os.chdir(before)
    return made


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Work in the folder, without the settings of whoever runs the tests."""
    monkeypatch.chdir(folder)
    for name in ("NO_COLOR", "FORCE_COLOR", "ASSAY_DB", "PREFECT_API_URL", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", str(COLUMNS))


def on_terminal(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> str:
    """Return what is printed where standard output is a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    monkeypatch.setenv("TERM", "xterm-256color")
    read: list[bytes] = []

    def reader() -> None:
        # The end of a terminal is an error on Linux, and nothing to read elsewhere.
        try:
            while part := os.read(ours, 65536):
                read.append(part)
        except OSError:
            pass

    thread = Thread(target=reader)
    thread.start()
    with os.fdopen(theirs, "w", encoding="utf-8") as screen, monkeypatch.context() as patched:
        patched.setattr("sys.stdout", screen)
        work()
    thread.join(timeout=PATIENCE_S)
    os.close(ours)
    return b"".join(read).decode().replace("\r\n", "\n")


def show_runs() -> None:
    """Show every run of the warehouse as `run` and `demo` do."""
    db = Path("assay.duckdb")
    with Warehouse.open(db, read_only=True) as warehouse:
        known = warehouse.view("run")["run_id"].to_list()
    for run_id in known:
        run._show(summarise(db, run_id), read_settings(None, {"db": db}), as_json=False)


def require_readable(printed: str) -> None:
    """Every line fits, but for commands, which are to be copied; the last lines say what to type next."""
    told, found, steps = ESCAPE.sub("", printed).rpartition("Next: ")
    assert found
    assert all(text.startswith("      ") for text in steps.splitlines()[1:])
    commands = ("Next: ", "      assay ")
    assert [text for text in told.splitlines() if len(text) > COLUMNS and not text.startswith(commands)] == []


@pytest.mark.parametrize("verb", VERBS)
def test_json_is_all_there_is(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json standard output is one JSON value, strictly: no NaN, no line beside it."""
    assert main([*VERBS[verb], "--json"]) == 0

    def refused(constant: str) -> None:
        raise AssertionError(constant)

    assert json.loads(capsys.readouterr().out, parse_constant=refused)


@pytest.mark.parametrize("verb", VERBS)
def test_pipe_gets_plain_text(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """No escape codes where nobody looks, and what to type next."""
    assert main(VERBS[verb]) == 0

    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "\nNext: " in printed


@pytest.mark.parametrize("no_color", [None, "1"])
@pytest.mark.parametrize("verb", VERBS)
def test_terminal_of_80_columns(verb: str, no_color: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing runs over the edge; with NO_COLOR there is not one escape code, bold included."""
    if no_color:
        monkeypatch.setenv("NO_COLOR", no_color)
    printed = on_terminal(monkeypatch, lambda: main(VERBS[verb]))

    require_readable(printed)
    assert not (no_color and "\x1b" in printed)


@pytest.mark.parametrize("show", [show_runs, lambda: calibrate._show(SEED, "assay.duckdb")], ids=["run", "seed"])
@pytest.mark.parametrize("no_color", [None, "1"])
def test_terminal_of_verbs_that_need_a_server(
    show: Callable[[], None], no_color: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `run`, `demo` and `calibrate seed` print at their end, by the same rules."""
    if no_color:
        monkeypatch.setenv("NO_COLOR", no_color)
    printed = on_terminal(monkeypatch, show)

    require_readable(printed)
    assert ("\x1b[1m" in printed) is (no_color is None)


def test_numbers_stand_under_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    """Numbers end in one column, under the end of their heading; text begins in one; thousands are set apart."""
    console.print_result(pl.DataFrame({"who": ["a", "bcd"], "n": [12345, 7], "mean": [0.5, 1.25]}))

    printed = [text.rstrip() for text in capsys.readouterr().out.splitlines() if text]
    assert printed == [
        "who       n   mean",
        "──────────────────",
        "a    12,345  0.500",
        "bcd       7  1.250",
    ]  # fmt: skip


def test_what_others_wrote_does_not_steer_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Escape codes and markup of an output are shown as text: in tables, in lines, into pipes and on terminals."""
    query = "select chr(27) || '[31mred' || chr(155) || '2J' || chr(13) as output, '[bold]' as markup"
    assert main(["sql", query]) == 0
    console.line("\x1b[2Jgone")
    piped = capsys.readouterr().out
    seen = on_terminal(monkeypatch, lambda: main(["sql", query]))

    for printed in (piped, seen):
        assert "\u241b[31mred\ufffd2J\u240d" in printed
        assert "[bold]" in printed
        assert not {"\x1b[31m", "\x1b[2J", "\x9b"} & {*re.findall(r"\x1b\[\w+|\x9b", printed)}
    assert "\u241b[2Jgone" in piped


def test_values_of_every_kind_are_shown_and_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Lists, structs, no number and no end; a list is its members, not the repr of a column."""
    query = "select ['a', 'b'] as l, {'x': 1.25} as s, 'nan'::double as n, [1.0, '-inf'::double] as e, 2::hugeint as h"
    assert main(["sql", query]) == 0
    printed = capsys.readouterr().out
    assert main(["sql", query, "--json"]) == 0

    assert "a, b  x 1.25" in printed
    assert json.loads(capsys.readouterr().out) == [
        {"l": ["a", "b"], "s": {"x": 1.25}, "n": None, "e": [1.0, None], "h": 2}
    ]


def test_type_that_cannot_be_shown_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """The difference of two times is an interval, which no frame holds: one line, exit status 2, no traceback."""
    assert main(["sql", "select ended_at - started_at as took from run"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["sql", "select (ended_at - started_at)::varchar as took from run"]) == 0


def test_columns_without_room_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal a wide answer shows what fits and names the rest, in lines that fit, too."""
    printed = on_terminal(monkeypatch, lambda: main(["sql", "from cap_impact"]))

    require_readable(printed)
    assert "not shown, for want of room" in printed
    assert "destroyed_pair_rate" in printed
