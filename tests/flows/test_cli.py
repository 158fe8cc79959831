"""The verbs that start no flow: as the command does them, where it matters as real processes."""

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import TINY, Assay, assay_in_a_process
from tests.flows.tiny_family import TinyUpper


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse that holds an audit of the tiny family."""
    folder = tmp_path_factory.mktemp("audited")
    done = assay_in_a_process(folder)("audit", "--plugin", TINY, "--family", "tiny_upper", "--n", "8")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "assay.duckdb"


@pytest.fixture
def audited(audit: Path, assay: Assay, tmp_path: Path) -> Assay:
    """A folder whose assay.duckdb is a copy of it."""
    shutil.copy(audit, tmp_path / "assay.duckdb")
    return assay


def test_audit_prints_the_report_card(assay: Assay, tmp_path: Path) -> None:
    """Oracle, probes, confusion, order and known limits are shown; nothing is left over beside the warehouse."""
    done = assay("audit", "--plugin", TINY, "--family", "tiny_upper", "--n", "8")

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    for text in ("the oracle earns at least 1.0000 on 8", "echo", "lower_some", "How many spaces stand", "Next: "):
        assert text in done.stdout
    assert "\x1b[" not in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines() if "assay sql" not in line)
    assert [path.name for path in tmp_path.iterdir()] == ["assay.duckdb"]


def test_audit_of_a_bad_grader_exits_1(assay: Assay) -> None:
    """A grader that pays for nothing is found out: exit status 1, and the breach is named."""
    done = assay("audit", "--plugin", "tests.flows.gullible_family", "--family", "gullible_upper", "--n", "4", "--json")

    assert done.returncode == 1, done.stderr
    breaches = json.loads(done.stdout)["breaches"]
    assert any("probe echo" in breach for breach in breaches)
    assert any("drop_some" in breach for breach in breaches)


@pytest.mark.parametrize("arguments", [("tables",), ("sql", "select 1 as one"), ("verdicts",), ("doctor",)])
def test_json_is_printed_for_programs(arguments: tuple[str, ...], audited: Assay) -> None:
    """Every verb whose output is a table prints it as JSON too."""
    done = audited(*arguments, "--json")

    assert done.returncode == 0, done.stderr
    assert isinstance(json.loads(done.stdout), list)


def test_sql_reads_only(audited: Assay) -> None:
    """A statement that would change the warehouse is refused in one line."""
    done = audited("sql", "delete from rollout")

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    count = audited("sql", "select count(*) as n from rollout", "--json")
    assert json.loads(count.stdout)[0]["n"] > 0


def test_sql_error_is_one_line(audited: Assay) -> None:
    """A mistake in a query is told in one line."""
    done = audited("sql", "select nothing from nowhere")

    assert done.returncode == 2
    assert done.stderr.startswith("assay: ")
    assert done.stderr.count("\n") == 1


def test_tables_say_what_they_answer(audited: Assay) -> None:
    """The list of tables and views says what each is for."""
    done = audited("tables")

    assert "task_verdict" in done.stdout
    assert "rollout" in done.stdout


def test_generate_is_the_same_in_another_process(assay: Assay, tmp_path: Path) -> None:
    """Same seed, same bytes, whatever PYTHONHASHSEED is."""
    for seed, name in (("0", "a.jsonl"), ("4242", "b.jsonl")):
        done = assay(
            "generate", "--family", "spreadsheet_clean", "--n", "14", "--seed", "7", "--out", name,
            env={"PYTHONHASHSEED": seed},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "Next: " in done.stdout

    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    assert len((tmp_path / "a.jsonl").read_text().splitlines()) == 14


def test_generate_reads_env_file_and_aliases(assay: Assay, tmp_path: Path) -> None:
    """`.env` is read, and --limit is --n."""
    (tmp_path / ".env").write_text(f"ASSAY_PLUGINS={TINY}\nASSAY_FAMILIES=tiny_upper\n")

    done = assay("generate", "--limit", "3", "--out", "out.jsonl")

    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 3


def test_grade_prints_a_row_per_output(assay: Assay, tmp_path: Path) -> None:
    """Outputs of another system are graded; half in upper case earns less than all of it."""
    instance = next(TinyUpper().instances(1))
    (tmp_path / "i.jsonl").write_text(instance.model_dump_json() + "\n")
    words = instance.truth["words"]
    half = [word if at % 2 else word.lower() for at, word in enumerate(words)]
    records = [
        {"instance_id": instance.instance_id, "policy": "mine", "sample": 0, "output": " ".join(words)},
        {"instance_id": instance.instance_id, "policy": "mine", "sample": 1, "output": " ".join(half)},
        {"instance_id": instance.instance_id, "policy": "yours", "sample": 0, "output": ""},
    ]
    (tmp_path / "o.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))

    done = assay("grade", "--plugin", TINY, "--instances", "i.jsonl", "--outputs", "o.jsonl", "--json")

    assert done.returncode == 0, done.stderr
    graded = json.loads(done.stdout)
    rewards = [row["reward"] for row in graded]
    # Half of the words in upper case: words 1, case 0.5, work 0.5 -> (0.2 + 0.8 x 0.5) x 0.75 = 0.45.
    assert rewards == pytest.approx([1.0, 0.45, 0.0])
    assert [row["policy"] for row in graded] == ["mine", "mine", "yours"]
    assert graded[2]["flags"] == "empty_output"
    assert {path.name for path in tmp_path.iterdir()} == {"i.jsonl", "o.jsonl"}


def test_grade_keeps_rows_where_asked(assay: Assay, tmp_path: Path) -> None:
    """With --db the graded outputs can be queried afterwards."""
    instance = next(TinyUpper().instances(1))
    (tmp_path / "i.jsonl").write_text(instance.model_dump_json() + "\n")
    record = {"instance_id": instance.instance_id, "policy": "mine", "output": "x"}
    (tmp_path / "o.jsonl").write_text(json.dumps(record))

    done = assay("grade", "--plugin", TINY, "--instances", "i.jsonl", "--outputs", "o.jsonl", "--db", "kept.duckdb")

    assert done.returncode == 0, done.stderr
    asked = assay("sql", "--db", "kept.duckdb", "select policy_id, output from rollout", "--json")
    assert json.loads(asked.stdout) == [{"policy_id": "mine", "output": "x"}]


def test_output_into_a_closed_pipe_is_no_error(audited: Assay, tmp_path: Path) -> None:
    """`assay tables | head -1` ends quietly."""
    import subprocess
    import sys

    from tests.conftest import clean_environment

    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m flows.cli tables | head -1 >/dev/null"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""
