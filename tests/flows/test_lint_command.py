"""`assay lint`, and the lint of every generated set, as real processes."""

import json
from pathlib import Path

import pytest

from tests.conftest import TINY, Assay
from tests.flows.tiny_family import TinyUpper

LEAKY = "tests.flows.leaky_family"


def _write(path: Path, *prompts: str) -> None:
    """Write instances of the tiny family, one for each prompt; an empty prompt leaves the family's own."""
    made = [
        instance.model_copy(update={"prompt": prompt or instance.prompt})
        for instance, prompt in zip(TinyUpper().instances(len(prompts)), prompts, strict=True)
    ]
    path.write_text("".join(f"{instance.model_dump_json()}\n" for instance in made))


def test_lint_of_a_generated_set_is_clean(assay: Assay) -> None:
    """`generate` says that it found nothing, and so does `lint`, with how varied the prompts are."""
    made = assay("generate", "--family", "spreadsheet_clean", "--n", "14", "--out", "t.jsonl")
    assert made.returncode == 0, made.stderr
    assert "Lint: nothing found" in made.stdout

    done = assay("lint", "t.jsonl", "--strict")

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "14 instances: nothing found" in done.stdout
    assert "spreadsheet_clean: 14 prompts in" in done.stdout


def test_lint_shows_errors_and_exits_1(assay: Assay, tmp_path: Path) -> None:
    """Rule, severity, instance, place, span, text and what to do, in 80 columns; what is too much is counted."""
    prompt = (
        "Please put the words of words.txt in upper case on one line. Your answer will be graded by /home/ines/g.py."
    )
    _write(tmp_path / "t.jsonl", *[prompt] * 5)

    done = assay("lint", "t.jsonl", "--plugin", TINY)

    assert done.returncode == 1, done.stderr
    assert done.stderr == ""
    for text in (
        "error  evaluation_context  5", "tiny_upper-", "prompt  61-87  Your answer will be graded",
        "and in 2 more places", "error  path  5", "/home/ines/g.py", "5 instances: 10 errors",
    ):  # fmt: skip
        assert text in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines())


def test_warnings_exit_0_unless_strict(assay: Assay, tmp_path: Path) -> None:
    """A warning is shown; only --strict makes a failure of it."""
    _write(tmp_path / "t.jsonl", "Put the words of words.txt in upper case on one line. Sort them.")

    for arguments, status in (((), 0), (("--strict",), 1)):
        done = assay("lint", "t.jsonl", "--plugin", TINY, *arguments)
        assert done.returncode == status, done.stderr
        assert "warning  asked_not_graded  1" in done.stdout
        assert "1 instances: 1 warning" in done.stdout


def test_lint_prints_json(assay: Assay, tmp_path: Path) -> None:
    """Every finding with its fields, and the shapes of every family."""
    _write(tmp_path / "t.jsonl", "Put the words of words.txt in upper case on one line, TODO.", "")

    done = assay("lint", "t.jsonl", "--plugin", TINY, "--json")

    assert done.returncode == 1, done.stderr
    answer = json.loads(done.stdout)
    (finding,) = answer["findings"]
    assert set(finding) == {"rule", "severity", "instance_id", "place", "span", "text", "message"}
    assert (finding["rule"], finding["text"], finding["span"]) == ("pointer", "TODO", [54, 58])
    assert answer["shapes"][0]["prompts"] == 2


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read"),
        ("", "is empty"),
        ("{}\n", "t.jsonl, line 1, field"),
        ("[1\n", "not JSON"),
        ("tiny", "unknown family 'tiny_upper'"),
    ],
)
def test_bad_input_is_one_line(content: str | None, told: str, assay: Assay, tmp_path: Path) -> None:
    """Exit status 2, and a line that says file, line and what to do."""
    if content == "tiny":
        _write(tmp_path / "t.jsonl", "")
    elif content is not None:
        (tmp_path / "t.jsonl").write_text(content)

    done = assay("lint", "t.jsonl", env={})  # a process in which no test has registered a family

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("assay: ")
    assert done.stderr.count("\n") == 1
    assert told in done.stderr


def test_generate_shows_findings_without_failing(assay: Assay, tmp_path: Path) -> None:
    """The file is written, the findings are printed, the exit status is 0."""
    done = assay("generate", "--plugin", LEAKY, "--family", "leaky_upper", "--n", "3", "--out", "t.jsonl")

    assert done.returncode == 0, done.stderr
    assert "error  evaluation_context  3" in done.stdout
    assert "Lint: 3 errors" in done.stdout
    assert len((tmp_path / "t.jsonl").read_text().splitlines()) == 3


def test_a_run_says_in_one_line_how_much_was_found(assay: Assay) -> None:
    """Once, on standard error, and only where there is something."""
    done = assay("audit", "--plugin", LEAKY, "--family", "leaky_upper", "--n", "4")

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == "assay: lint: 4 errors in 4 instances; `assay lint` shows those of a file\n"
