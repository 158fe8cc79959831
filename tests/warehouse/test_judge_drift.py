"""judge_drift: a judge whose model, rubric or policies changed, by how much it moved where that can be told."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from tests.warehouse.rows import FAMILY, RUN, Lab
from warehouse.estimates import refresh_calibration

DAYS = {"run-1": 1, "run-2": 8}


def two_runs(n: int, shift: float, *, scatter: float = 0.05, same_outputs: bool = True, **later: Any) -> Lab:
    """Return a warehouse in which a judge judged outputs on n tasks twice, a week apart, this much higher at last.

    Args:
        n: tasks, one output each.
        shift: mean of later - earlier.
        scatter: standard deviation of each difference.
        same_outputs: whether the second run has the outputs of the first.
        later: what is other about the later scores: grader_id, grader_version.
    """
    lab = Lab()
    rng = np.random.default_rng(n)
    first = rng.uniform(0.4, 0.5, n)
    noise = rng.normal(0, scatter, n)
    # The shift is the planted one to the last digit: the noise has mean 0.
    second = first + shift + noise - noise.mean()
    with lab.together():
        lab.add(
            "run", run_id="run-2", config={}, config_hash="c", taskset_hash="t", code_version="1", status="completed",
            started_at=datetime(2026, 1, DAYS["run-2"], tzinfo=UTC), ended_at=None, n_planned=0,
        )  # fmt: skip
        for at in range(n):
            lab.place(f"i{at}", "sim/mid")
            for run, value in ((RUN, first[at]), ("run-2", second[at])):
                output = f"output {at}" if same_outputs else f"output {at} of {run}"
                lab.rollout(f"i{at}", "sim/mid", 0, run_id=run, rollout_id=f"{run}/{at}", output=output)
                scored = {"grader_id": "judge/one", "grader_version": "1"} | (later if run == "run-2" else {})
                lab.score(f"{run}/{at}", "tone", float(value), source="judge", family=FAMILY, **scored)
            lab.rating(f"{RUN}/{at}", "tone", [float(first[at])])
    return lab


def drifts(lab: Lab) -> dict[str, dict[str, Any]]:
    """Return the rows by kind."""
    refresh_calibration(lab.warehouse)
    return {row["kind"]: row for row in lab.view("judge_drift")}


@pytest.mark.parametrize(
    ("shift", "scatter", "verdict"),
    [
        (0.1, 0.05, "moved"),  # .1 +- 2.02 * .05 / sqrt(40) = .016
        (-0.1, 0.05, "moved"),
        (0.0, 0.05, "same"),  # 90 % interval +- 1.68 * .0079 = .013, within .03
        (0.025, 0.01, "same"),  # there, but too small to matter: to .0277
        (0.02, 0.12, "unknown"),  # +- .038: neither 0 nor .03 can be ruled out
    ],
)
def test_a_new_rubric_is_measured_on_common_outputs(shift: float, scatter: float, verdict: str) -> None:
    """Forty outputs that both versions judged: a shift is found, none is shown to be none, or neither can be told."""
    row = drifts(two_runs(40, shift, scatter=scatter, grader_version="2"))["rubric"]

    assert (row["earlier"], row["later"], row["judge"], row["n_common"], row["basis"]) == (
        "1", "2", "judge/one", 40, "paired",
    )  # fmt: skip
    assert row["shift"] == pytest.approx(shift, abs=1e-9)
    assert row["verdict"] == verdict
    assert row["margin"] == 0.03
    assert "does not carry over" in row["reason"]


def test_another_judge_is_another_model() -> None:
    """A second judge, used after the first: compared with it; used together they are a panel and nothing is said."""
    row = drifts(two_runs(40, 0.1, grader_id="judge/two"))["judge model"]
    assert (row["judge"], row["earlier"], row["later"], row["verdict"]) == (
        "judge/two", "judge/one", "judge/two", "moved",
    )  # fmt: skip

    panel = two_runs(12, 0.1, grader_id="judge/two")
    panel.judge(f"{RUN}/0", "tone", [0.5], judge="judge/two")
    assert "judge model" not in drifts(panel)


def test_another_model_behind_the_same_name() -> None:
    """The server names the model that answered; where it becomes another one the name stays and the judge does not."""
    lab = two_runs(20, 0.1)
    with lab.together():
        for at in range(20):
            for run, model in ((RUN, "model-2026-01"), ("run-2", "model-2026-02")):
                lab.call(
                    f"{run}/{at}", "tone", 0.5, judge="judge/one", verdict={"answered_by": model},
                )  # fmt: skip

    row = drifts(lab)["judge model"]
    assert (row["judge"], row["earlier"], row["later"]) == ("judge/one", "model-2026-01", "model-2026-02")
    assert (row["shift"], row["verdict"], row["n_common"]) == (pytest.approx(0.1), "moved", 20)


def test_without_common_outputs_errors_are_compared() -> None:
    """People rated forty of either side: judge - human was 0 and is .1 now, which is told apart from a paired shift."""
    lab = two_runs(40, 0.1, same_outputs=False, grader_version="2")
    assert drifts(lab)["rubric"]["verdict"] == "unknown"

    first = dict(lab.warehouse.sql("select rollout_id, low from score").iter_rows())
    with lab.together():
        for at in range(40):
            lab.rating(f"run-2/{at}", "tone", [first[f"{RUN}/{at}"]])
    row = drifts(lab)["rubric"]
    assert (row["basis"], row["n_common"], row["verdict"]) == ("bias", 0, "moved")
    assert row["shift"] == pytest.approx(0.1, abs=1e-6)
    assert row["shift_low"] < 0.1 < row["shift_high"]


def test_too_few_are_not_enough() -> None:
    """Nine common outputs: the mean is said, without an interval."""
    row = drifts(two_runs(9, 0.1, grader_version="2"))["rubric"]

    assert (row["shift"], row["shift_low"], row["verdict"]) == (pytest.approx(0.1), None, "unknown")
    assert "10 are needed" in row["reason"]


def test_policies_that_nobody_rated() -> None:
    """Of 40 judged rollouts 10 are by a policy of which none was rated; ladders and probes are no policies here."""
    lab = two_runs(15, 0.0)
    assert drifts(lab)["policies"]["verdict"] == "same"
    with lab.together():
        for policy, kind in (("model/new", "model"), ("probe/echo", "probe")):
            for at in range(10):
                lab.place(f"i{at}", policy, kind)
                lab.judge(lab.rollout(f"i{at}", policy, 0), "tone", [0.5], judge="judge/one")

    row = drifts(lab)["policies"]
    assert (row["earlier"], row["later"], row["verdict"]) == ("sim/mid", "model/new", "unknown")
    assert row["share_unrated"] == pytest.approx(0.25)
    assert "25%" in row["reason"]


def test_nothing_changed_nothing_said() -> None:
    """One judge in one version in two runs: only the policies have a row; without ratings nothing has."""
    lab = two_runs(12, 0.0)
    assert list(drifts(lab)) == ["policies"]
    lab.warehouse.sql("delete from rating")
    assert drifts(lab) == {}
