"""How long 100,000 ratings take from sheets to the warehouse, and back into another from an archive."""

import csv
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.calibration.answers import take_in
from flows.calibration.archive import restore, write_archive
from flows.calibration.formats import format_named
from flows.calibration.formats.csv import guarded
from flows.calibration.formats.table import laid_out
from flows.calibration.sheet import item_id_of, read_sheet, text_hash
from graders.judge.rubric import judge_rubrics
from tests.support_calibration import DIMENSION, FAMILY, SET, write_set
from warehouse import Warehouse
from warehouse.estimates import refresh_calibration

pytestmark = pytest.mark.bench
N_ITEMS, RATERS, BUDGET_S = 20_000, ("anna", "ben", "cleo", "dan", "eve"), 5.0
OUTPUT = "A sentence of what was handed in, again and again. " * 6


def _large_set(db: Path) -> None:
    """Write a set of one instance's rollouts, with outputs that differ."""
    write_set(db, 1, RATERS)
    rubric = judge_rubrics(FAMILY)[DIMENSION]
    ids = [f"other-{place}" for place in range(N_ITEMS)]
    with Warehouse.open(db) as warehouse:
        prompt = "Please shorten this."
        warehouse.sql("update instance set prompt = ?, materials = '{}'", [prompt])
        warehouse.sql("delete from calibration_item")
        warehouse.sql("delete from calibration_assignment")
        rollout = warehouse.view("rollout").to_dicts()[0]
        warehouse.merge(
            "rollout",
            [{**rollout, "rollout_id": one, "output": f"{one} {OUTPUT}", "sample": n} for n, one in enumerate(ids)],
        )
        warehouse.merge(
            "calibration_item",
            [
                {
                    "set_id": SET, "rollout_id": one, "dimension": DIMENSION, "stratum": "all",
                    "inclusion_probability": 1.0, "weight": 1.0, "raters_wanted": len(RATERS),
                    "item_id": item_id_of(SET, one, DIMENSION), "text_hash": text_hash(prompt, {}, f"{one} {OUTPUT}"),
                }
                for one in ids
            ],
        )  # fmt: skip
        warehouse.merge(
            "calibration_assignment",
            [
                {"set_id": SET, "item_id": item_id_of(SET, one, DIMENSION), "rater": rater, "place": place}
                for rater in RATERS
                for place, one in enumerate(ids)
            ],
        )
    assert rubric.top == 4


def _one_file(db: Path, path: Path) -> None:
    """Write the sheets of all raters into one CSV file, filled in."""
    with Warehouse.open(db, read_only=True) as warehouse:
        sheet = read_sheet(warehouse, SET)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        for place, rater in enumerate(RATERS):
            headings, cells = laid_out(sheet, rater)
            level, question = headings.index("level"), headings.index("levels")
            if place == 0:
                rows.writerow(headings)
            for number, row in enumerate(cells):
                row[level] = str((number + place) % 5)
                row[question] = ""
                rows.writerow([guarded(cell) for cell in row])


def _seconds(what: str, work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    taken = time.perf_counter() - begun
    print(f"{what}: {taken:.2f} s, {datetime.now(UTC):%H:%M}")
    return taken


def test_100_000_ratings_come_in_within_five_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From one CSV file with all texts, and again, when all are known; then as an archive.

    The budget is for ratings that are committed; figures are worked out from them after that, and are timed apart.
    """
    db, path = tmp_path / "assay.duckdb", tmp_path / "all.csv"
    _large_set(db)
    _one_file(db, path)

    figures: list[float] = []

    def timed(warehouse: Warehouse) -> None:
        begun = time.perf_counter()
        refresh_calibration(warehouse)
        figures.append(time.perf_counter() - begun)

    monkeypatch.setattr("flows.calibration.answers.refresh_calibration", timed)

    def bring_in() -> None:
        found = format_named("csv").read(path, {})
        assert not found.refused
        taken = take_in(db, found.answers, path.name)
        assert taken.n_new + taken.n_known == N_ITEMS * len(RATERS)

    total = _seconds("100,000 ratings from CSV, and the figures", bring_in)
    print(f"of it the figures: {figures[0]:.2f} s")
    assert total - figures[0] < BUDGET_S
    assert _seconds("100,000 ratings again", bring_in) < BUDGET_S
    with Warehouse.open(db, read_only=True) as warehouse:
        _seconds("archive written", lambda: write_archive(warehouse, tmp_path / "all.zip"))
    _seconds("archive restored", lambda: restore(tmp_path / "new.duckdb", tmp_path / "all.zip"))
