"""`assay calibrate sample` and `progress`: what they print, as JSON, and what they refuse."""

import json
import shlex
from pathlib import Path

import pytest

from tests.conftest import Assay
from tests.support_sampling import DIMENSION, populate, rate
from warehouse import Warehouse

SAMPLE = ("calibrate", "sample", "--db", "a.duckdb", "--dimension", DIMENSION)


@pytest.fixture(scope="module")
def bytes_of_one(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A warehouse file with a population, made once."""
    path = tmp_path_factory.mktemp("sample") / "a.duckdb"
    with Warehouse.open(path) as warehouse:
        populate(warehouse)
    return path.read_bytes()


@pytest.fixture
def db(bytes_of_one: bytes, tmp_path: Path) -> Path:
    """A copy of its own for every test, where the command is run."""
    path = tmp_path / "a.duckdb"
    path.write_bytes(bytes_of_one)
    return path


def test_a_table_that_fits_and_what_to_type_next(assay: Assay, db: Path) -> None:
    """Strata, the sum, how it was shared and dealt; no line of prose or table is wider than 80."""
    done = assay(*SAMPLE, "--n", "40", "--raters", "anna,ben,cem")

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    (total,) = [line.split() for line in lines if line.startswith("all ")]
    assert total[3:5] == ["180", "40"]
    assert "Dealt out: anna 28, ben 28, cem 28; 4 items to all of them." in done.stdout
    assert "Bands: what code proves; no judge was asked." in done.stdout
    next_steps = [line for line in lines if "assay calibrate" in line]
    assert len(next_steps) == 2
    assert max(len(line) for line in lines if line not in next_steps) <= 80


def test_again_is_harmless_and_said(assay: Assay, db: Path) -> None:
    """The same command: the same set; another seed leaves out what stands in it."""
    first = assay(*SAMPLE, "--n", "40", "--json")
    again = assay(*SAMPLE, "--n", "40")
    other = assay(*SAMPLE, "--n", "40", "--seed", "1")

    assert f"Calibration set {json.loads(first.stdout)['set_id']}" in again.stdout
    assert "nothing was changed" in again.stdout
    assert "Left out: 40 in earlier sets" in " ".join(other.stdout.split())


def test_json_has_all_of_the_set(assay: Assay, db: Path) -> None:
    """Head, strata with weights, and who rates how many."""
    done = assay(*SAMPLE, "--n", "40", "--raters", "anna", "--json")

    told = json.loads(done.stdout)
    assert (told["is_new"], told["n_items"], told["n_frame"], told["assigned"]) == (True, 40, 180, {"anna": 40})
    assert sum(stratum["n_sampled"] * stratum["weight"] for stratum in told["strata"]) == pytest.approx(180)


def test_more_than_there_are_is_said(assay: Assay, db: Path) -> None:
    """All are taken; there is no allocation to tell of."""
    done = assay(*SAMPLE, "--n", "500")

    assert "500 were asked for; these are all there are" in done.stdout
    assert "Allocation" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--dimension", "nope"), "no rollout has a score on a dimension 'nope'"),
        (("--policy", "sim/strng"), "did you mean 'sim/strong'"),
        (("--raters", "a,b", "--raters-per-item", "3"), "there are 2 raters"),
        (("--tail-from", "0.5"), "the tail begins where a band does"),
        (("--db", "none.duckdb"), "there is no warehouse"),
    ],
)
def test_bad_input_is_one_line(assay: Assay, db: Path, arguments: tuple[str, ...], told: str) -> None:
    """Exit status 2, what is wrong, and nothing written."""
    before = db.read_bytes()

    done = assay(*SAMPLE, *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert db.read_bytes() == before


def test_progress(assay: Assay, db: Path) -> None:
    """Before there is a set, and by set and rater once there are."""
    nothing = assay("calibrate", "progress", "--db", "a.duckdb")
    set_id = json.loads(assay(*SAMPLE, "--n", "10", "--raters", "anna,ben", "--json").stdout)["set_id"]
    with Warehouse.open(db) as warehouse:
        drawn = warehouse.sql("select rollout_id from calibration_item order by all")["rollout_id"].to_list()
        rate(warehouse, drawn[:3], lambda _: 0.5, "anna")

    shown = assay("calibrate", "progress", "--db", "a.duckdb", "--set", set_id)
    rows = json.loads(assay("calibrate", "progress", "--db", "a.duckdb", "--json").stdout)
    unknown = assay("calibrate", "progress", "--db", "a.duckdb", "--set", "x")

    assert "No calibration set was drawn yet." in nothing.stdout
    assert {row["rater"]: (row["n_assigned"], row["n_rated"], row["n_left"]) for row in rows} == {
        "anna": (10, 3, 7), "ben": (10, 0, 10), "all": (20, 3, 17),
    }  # fmt: skip
    assert f"{set_id}: faithfulness" in shown.stdout
    assert (unknown.returncode, f"there is no calibration set 'x'; sets: {set_id}" in unknown.stderr) == (2, True)


def test_what_to_type_next_can_be_typed(assay: Assay, db: Path) -> None:
    """A warehouse with a space and a quote in its name stands there as a shell takes it."""
    db.rename(db.with_name("anna's set.duckdb"))
    done = assay(*("anna's set.duckdb" if word == "a.duckdb" else word for word in SAMPLE), "--n", "40")

    (first, second) = [line for line in done.stdout.splitlines() if "assay calibrate" in line]
    for line in (first, second):
        assert "anna's set.duckdb" in shlex.split(line)
