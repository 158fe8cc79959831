"""Bad input ends with one clear line on standard error, exit status 2, and nothing written."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import TINY, Assay, held_by_another
from tests.flows.tiny_family import TinyUpper

Prepare = Callable[[Path], None]


def _nothing(_folder: Path) -> None:
    pass


def _write(name: str, content: bytes | str) -> Prepare:
    def prepare(folder: Path) -> None:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return prepare


def _instances_and_outputs(outputs: str) -> Prepare:
    def prepare(folder: Path) -> None:
        instances = [instance.model_dump_json() for instance in TinyUpper().instances(10)]
        (folder / "instances.jsonl").write_text("\n".join(instances))
        ids = [json.loads(line)["instance_id"] for line in instances]
        good = [json.dumps({"instance_id": name, "policy": "p", "output": "x"}) for name in ids[:6]]
        (folder / "outputs.jsonl").write_text("\n".join([*good, outputs.replace("ID", ids[6])]))

    return prepare


GRADE = ("grade", "--plugin", TINY, "--instances", "instances.jsonl", "--outputs", "outputs.jsonl")

CASES: dict[str, tuple[tuple[str, ...], Prepare, list[str]]] = {
    "unknown verb": (("frobnicate",), _nothing, ["No such command 'frobnicate'"]),
    "unknown option": (("run", "--grup", "3"), _nothing, ["No such option", "--grup"]),
    "option of the wrong type": (("run", "--n", "many"), _nothing, ["--n", "integer"]),
    "missing argument": (("sql",), _nothing, ["Missing argument"]),
    "value out of range": (("run", "--n", "0"), _nothing, ["--n", "greater than or equal to 1"]),
    "difficulty the wrong way round": (("run", "--difficulty", "0.8:0.2"), _nothing, ["--difficulty", "LOW:HIGH"]),
    "unknown family": (("run", "--family", "crosswords"), _nothing, ["'crosswords'", "known families:"]),
    "unknown family to generate": (("generate", "--family", "crosswords"), _nothing, ["known families:"]),
    "unknown policy": (("run", "--policy", "sim/genius"), _nothing, ["sim/genius", "weak, mid, strong"]),
    "unknown probe": (
        ("run", "--plugin", TINY, "--family", "tiny_upper", "--policy", "probe/bribe"),
        _nothing,
        ["known probes: echo, empty"],
    ),
    "unknown plugin": (("run", "--plugin", "no_such_module"), _nothing, ["plugin 'no_such_module'"]),
    "typo in the settings": (
        ("run", "--config", "assay.toml"),
        _write("assay.toml", "grup = 4\n"),
        ["assay.toml", "'grup'", "did you mean 'group'?"],
    ),
    "settings that are no TOML": (("run", "--config", "a.toml"), _write("a.toml", b"\xff\x00"), ["a.toml", "TOML"]),
    "typo in a threshold": (
        ("run", "--config", "assay.toml"),
        _write("assay.toml", "[thresholds]\nmin_grade = 4\n"),
        ["'min_grade'", "did you mean 'min_graded'?"],
    ),
    "threshold that cannot be": (
        ("run", "--config", "assay.toml"),
        _write("assay.toml", "[thresholds]\ntraining_group = 1\n"),
        ["training_group", "2 or more"],
    ),
    "missing settings file": (("run", "--config", "a.toml"), _nothing, ["a.toml", "no such file"]),
    "foreign database": (
        ("run", "--db", "notes.duckdb"),
        _write("notes.duckdb", "these are my notes, not a database\n" * 200),
        ["notes.duckdb"],
    ),
    "foreign database to ask": (("tables", "--db", "n.duckdb"), _write("n.duckdb", "notes\n" * 999), ["n.duckdb"]),
    "folder that does not exist": (("run", "--db", "nowhere/a.duckdb"), _nothing, ["nowhere", "no folder"]),
    "no warehouse yet": (("verdicts",), _nothing, ["assay.duckdb", "assay demo"]),
    "run that does not exist": (("run", "--resume", "yesterday"), _nothing, ["yesterday", "no plan"]),
    "resume with other work": (("run", "--resume", "r", "--n", "3"), _nothing, ["--resume", "leave out --n"]),
    "outputs with a missing field": (
        GRADE,
        _instances_and_outputs('{"instance_id": "ID", "policy": "p"}'),
        ["outputs.jsonl, line 7", "'output'"],
    ),
    "outputs of an unknown instance": (
        GRADE,
        _instances_and_outputs('{"instance_id": "elsewhere", "policy": "p", "output": ""}'),
        ["outputs.jsonl", "'elsewhere'", "instances.jsonl"],
    ),
    "outputs that are no JSON": (GRADE, _instances_and_outputs("{"), ["outputs.jsonl, line 7", "not JSON"]),
    "instances with a missing field": (
        ("run", "--instances", "i.jsonl"),
        _write("i.jsonl", '{"instance_id": "x"}\n'),
        ["i.jsonl, line 1", "'family'"],
    ),
    "table that is a binary file": (
        ("generate", "--from-table", "photo.csv", "--out", "out.jsonl"),
        _write("photo.csv", bytes(range(256)) * 40),
        ["photo.csv"],
    ),
    "out file in a missing folder": (
        ("generate", "--family", "spreadsheet_clean", "--n", "1", "--out", "nowhere/out.jsonl"),
        _nothing,
        ["nowhere", "no folder"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_one_line_exit_2_and_nothing_written(case: str, assay: Assay, tmp_path: Path) -> None:
    """Every mistake is told in one line that says what and where; no file appears or changes."""
    arguments, prepare, expected = CASES[case]
    prepare(tmp_path)
    before = _snapshot(tmp_path)

    done = assay(*arguments)

    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("assay: ")
    assert done.stderr.count("\n") == 1, done.stderr
    for text in expected:
        assert text in done.stderr
    assert _snapshot(tmp_path) == before


@pytest.mark.parametrize("verb", [("run", "--family", "spreadsheet_clean", "--n", "1"), ("sql", "select 1")])
def test_locked_database_is_refused_before_any_work(verb: tuple[str, ...], assay: Assay, tmp_path: Path) -> None:
    """A database that another process writes to is told at once; the file stays as it is."""
    with held_by_another(tmp_path / "held.duckdb"):
        done = assay(*verb, "--db", "held.duckdb")

    assert done.returncode == 2
    assert done.stderr.startswith("assay: ")
    assert "held.duckdb" in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert not list(tmp_path.glob("*.runs"))


def _snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()} | {
        str(path.relative_to(folder)): b"" for path in folder.rglob("*") if path.is_dir()
    }
