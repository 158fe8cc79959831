"""coverage and spend: what is settled, and what it cost. default_threshold: which numbers decide."""

import pytest

from tests.warehouse.rows import RUN, Lab


def test_coverage_shares_of_states() -> None:
    """One of each state; a failed grader is an error, not an unassessed dimension."""
    lab = Lab()
    lab.group([0.5] * 4)
    lab.score("i1/sim/mid/0", "a", 0.5)
    lab.score("i1/sim/mid/1", "a", 0.2, 0.6)
    lab.score("i1/sim/mid/2", "a", 0.0, 1.0)
    lab.score("i1/sim/mid/3", "a", 0.0, 1.0, state="error")

    row = lab.one("coverage")
    assert (row["n"], row["is_mixed"]) == (4, False)
    shares = [row[f"share_{state}"] for state in ("assessed", "partial", "unassessed", "error")]
    assert shares == [0.25] * 4
    assert row["mean_width"] == pytest.approx((0 + 0.4 + 1 + 1) / 4)


def test_coverage_takes_graders_together_and_says_when_versions_mix() -> None:
    """A judge settles what code left open, and repeats of it are averaged first."""
    lab = Lab()
    lab.group([0.5])
    lab.score("i1/sim/mid/0", "a", 0.0, 1.0)
    lab.score("i1/sim/mid/0", "a", 0.4, grader_id="judge", grader_version="2")
    lab.score("i1/sim/mid/0", "a", 0.6, grader_id="judge", grader_version="2", replicate=1)

    row = lab.one("coverage")
    assert (row["n"], row["share_assessed"], row["is_mixed"]) == (1, 1, True)
    assert lab.one("stg_score")["low"] == pytest.approx(0.5)
    assert Lab().view("coverage") == []


def test_stg_score_of_graders_that_contradict_each_other() -> None:
    """Code proves at least .7, a judge says at most .4: the proof stands."""
    lab = Lab()
    lab.group([0.5])
    lab.score("i1/sim/mid/0", "a", 0.7, 1.0)
    lab.score("i1/sim/mid/0", "a", 0.0, 0.4, grader_id="judge")

    row = lab.one("stg_score")
    assert (row["low"], row["high"], row["state"]) == (0.7, 0.7, "assessed")


def test_spend_adds_up_policies_and_judges() -> None:
    """Three rollouts of 50 cents, one without a known price, and one call of a judge."""
    lab = Lab()
    lab.group([0.5, 0.5], lost=1)
    lab.rollout("i1", "sim/mid", 3, cost_usd=None)
    lab.add(
        "judge_call", call_id="c", rollout_id="i1/sim/mid/0", dimension="a", model="judge-1", rubric_hash="h",
        input_tokens=100, output_tokens=20, cached_tokens=0, cost_usd=0.25, verdict={"score": 3}, quotes_verified=True,
    )  # fmt: skip

    policy, judge = lab.one("spend", kind="policy"), lab.one("spend", kind="judge")
    assert (policy["calls"], policy["known_usd"], policy["n_unpriced"]) == (4, 1.5, 1)
    # One call without a known price: nobody knows what all of them cost.
    assert policy["cost_usd"] is None
    assert (policy["input_tokens"], policy["output_tokens"], policy["cached_tokens"]) == (40, 20, 4)
    assert policy["latency_s"] == 8
    assert (judge["spender"], judge["calls"], judge["cost_usd"], judge["latency_s"]) == ("judge-1", 1, 0.25, None)


def test_spend_without_a_price_is_unknown_not_free() -> None:
    """No price known: null. No rows: no rows."""
    lab = Lab()
    lab.place("i1", "model")
    lab.rollout("i1", "model", 0, cost_usd=None)

    assert lab.one("spend")["cost_usd"] is None
    assert Lab().view("spend") == []


def test_default_threshold_is_overruled_per_run() -> None:
    """A run's own number counts for that run, defaults for the rest."""
    lab = Lab()
    lab.add("threshold", run_id=RUN, name="training_group", value=8.0)
    lab.place("i1", "sim/mid")
    lab.rollout("i1", "sim/mid", 0, run_id="run-2")

    groups = {row["run_id"]: row["training_group"] for row in lab.view("stg_threshold")}
    assert groups == {RUN: 8, "run-2": 16}


def test_every_default_threshold_is_in_force() -> None:
    """A threshold that is listed but never handed on would be a switch without a wire."""
    lab = Lab()

    listed = {row["name"]: row["value"] for row in lab.view("default_threshold")}
    in_force = lab.one("stg_threshold")
    assert in_force.pop("run_id") == RUN
    assert in_force == listed
