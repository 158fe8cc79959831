"""Every run is apart: a second run in the file changes no figure of the first."""

import polars as pl
import pytest

from tests.warehouse.rows import RUN, Lab
from warehouse.definitions import views

OF_RUNS = [name for name, view in views().items() if {"run_id", "rollout_id"} & set(view.columns)]
"""Views that say of which run, or of which rollout, they speak."""


def lab_of_one_run() -> Lab:
    """Return groups, flags, ladders, probes and a judge in one run."""
    lab = Lab()
    lab.rubric(a=1.0, b=3.0)
    lab.cap("too_long", 0.3)
    for index in range(3):
        instance = f"i{index}"
        for policy, shift in (("sim/weak", 0.0), ("sim/strong", 0.1)):
            rewards = [0.1 * index + shift + step for step in (0.1, 0.3, 0.12, 0.5)]
            lab.group(rewards, [*rewards[:2], 0.4, *rewards[3:]], instance=instance, policy=policy, lost=1, planned=5)
            for sample in range(4):
                lab.score(f"{instance}/{policy}/{sample}", "a", 0.1 * sample)
                lab.judge(f"{instance}/{policy}/{sample}", "b", [0.2 * sample, 0.5])
        for name in ("praise", "praise@honest"):
            lab.probe(name, "attack", {instance: 0.1})
            lab.judge(f"{instance}/probe/{name}/0", "b", [0.5])
        lab.probe("echo", "zero", {instance: 0.1})
        lab.operator("drop", "degrade", a="moves")
        lab.ladder("drop", [1, 0.9, 0.8], {"a": [1, 0.5, 0], "b": [1, 1, 1]}, instance=instance)
    return lab


@pytest.fixture(scope="module")
def labs() -> tuple[Lab, Lab]:
    """One run alone, and the same run beside another with the same policies on the same instances."""
    alone, together = lab_of_one_run(), lab_of_one_run()
    together.repeat_run("run-2")
    return alone, together


def comparable(frame: pl.DataFrame) -> list[str]:
    """Return the rows as text, with figures to nine digits, in an order of their own."""
    rounded = frame.with_columns(pl.selectors.float().round(9))
    return sorted(str(row) for row in rounded.iter_rows())


@pytest.mark.parametrize("name", OF_RUNS)
def test_second_run_changes_nothing(name: str, labs: tuple[Lab, Lab]) -> None:
    """The rows of the first run are those it had alone; the second, its twin, has as many."""
    alone, together = (lab.warehouse.view(name) for lab in labs)

    is_first = pl.col("run_id") == RUN if "run_id" in alone.columns else ~pl.col("rollout_id").str.starts_with("again/")
    assert comparable(together.filter(is_first)) == comparable(alone)
    assert together.height == 2 * alone.height
