"""`assay calibrate report`: what people and judges say of the same rollouts, and what would decide about a judge."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Assay
from tests.warehouse import rows
from tests.warehouse.rows import JUDGE, RATERS, Lab, drawn_set, recycled
from warehouse import Warehouse
from warehouse.estimates import is_calibration_current

LEVELS = np.array([0.0, 0.25, 0.5, 0.75, 1.0])


def write(db: Path, n: int = 60, n_rated: int = 60, n_wrong: int = 0) -> None:
    """Write a warehouse with a calibration set of n rollouts, some rated, some wrongly judged."""
    rng = np.random.default_rng(0)
    with Warehouse.open(db) as warehouse, recycled():
        # The rows of a lab, in a file.
        rows._emptied.append(warehouse)
        lab = Lab()
        with lab.together():
            for at in range(n):
                policy = ("sim/weak", "sim/strong")[at % 2]
                lab.place(f"i{at}", policy)
                lab.rollout(f"i{at}", policy, 0, rollout_id=f"r{at}")
                truth = float(rng.choice(LEVELS))
                lab.judge(f"r{at}", "tone", [1 - truth if at < n_wrong and truth != 0.5 else truth])
                if at < n_rated:
                    lab.rating(f"r{at}", "tone", [truth] * 2, RATERS[:2])
        drawn_set(lab, "set-1", "tone", {f"r{at}": "one" for at in range(n)}, {"one": 3 * n}, tail_factor=2.0)
        rows._emptied[:] = [each for each in rows._emptied if each is not warehouse]
        rows._in_use.remove(warehouse)


def test_report_works_out_says_and_keeps(assay: Assay, tmp_path: Path) -> None:
    """Figures that nobody worked out yet are worked out, kept, and printed within 80 columns."""
    write(tmp_path / "assay.duckdb")
    with Warehouse.open(tmp_path / "assay.duckdb", read_only=True) as warehouse:
        assert not is_calibration_current(warehouse)

    done = assay("calibrate", "report")

    assert done.returncode == 0, done.stderr
    assert f"{JUDGE}, version 1: CALIBRATED" in done.stdout
    for said in (
        "120 ratings of 60 rollouts by 2 people", "60 of 60 items rated; from 0.9 up oversampled 2 times",
        "design-weighted", "alpha, ordinal 1.00", "Mean quality of the frame of set-1", "sim/strong", "map: identity",
        "Next: assay sql",
    ):  # fmt: skip
        assert said in done.stdout, said
    assert not [line for line in done.stdout.splitlines() if len(line) > 80 and not line.startswith(("Next", "     "))]
    with Warehouse.open(tmp_path / "assay.duckdb", read_only=True) as warehouse:
        assert is_calibration_current(warehouse)


def test_json_holds_every_figure(assay: Assay, tmp_path: Path) -> None:
    """Of each judge its decision, bands, map and points; of the dimension people, quality and drift."""
    write(tmp_path / "assay.duckdb", n_rated=20)

    told = json.loads(assay("calibrate", "report", "--json").stdout)

    (dimension,) = told["dimensions"]
    (judge,) = dimension["judges"]
    assert told["is_current"]
    assert (judge["status"], judge["n"], judge["weighting"], judge["n_to_decide"]) == ("uncalibrated", 20, "design", 10)
    assert judge["bands"][0]["quality_band"] == "all"
    assert judge["map"]["method"] is None
    assert {row["domain"] for row in dimension["mean_quality"]} == {"all", "sim/weak", "sim/strong"}
    assert dimension["rater_reliability"]
    assert [row["kind"] for row in dimension["drift"]] == ["policies"]


def test_undecided_says_how_many_more(assay: Assay, tmp_path: Path) -> None:
    """20 rated: 10 more are needed at least, and the next step draws them."""
    write(tmp_path / "assay.duckdb", n_rated=20)

    said = assay("calibrate", "report", "--dimension", "tone", "--judge", "judge/").stdout

    assert "20 rollouts have a verdict and a rating; 30 are needed" in said
    assert "assay calibrate sample --db assay.duckdb --dimension tone --n 10" in said


def test_sample_is_labelled(assay: Assay, tmp_path: Path) -> None:
    """One rating of a rollout that no set drew: nothing is weighted any more, and it is said."""
    write(tmp_path / "assay.duckdb")
    with Warehouse.open(tmp_path / "assay.duckdb") as warehouse:
        warehouse.sql("delete from calibration_item where rollout_id = 'r0'")

    said = " ".join(assay("calibrate", "report").stdout.split())

    assert "sample, not weighted" in said
    assert "tail-enriched" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--dimension", "length"), "nobody has rated 'length'; there are ratings of: tone"),
        (("--judge", "other"), "no rated rollout was judged by 'other'"),
    ],
)
def test_what_is_not_there_is_named(assay: Assay, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    """One line and exit status 2."""
    write(tmp_path / "assay.duckdb", n=3, n_rated=3)

    done = assay("calibrate", "report", *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_without_ratings_it_says_how_to_get_them(assay: Assay, tmp_path: Path) -> None:
    """Exit status 2, and what to type."""
    write(tmp_path / "assay.duckdb", n=3, n_rated=0)

    done = assay("calibrate", "report")

    assert done.returncode == 2
    assert "nobody has rated anything yet" in done.stderr
    assert "assay calibrate sample" in done.stderr
