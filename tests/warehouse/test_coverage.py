"""coverage, spend and default_threshold: what is settled, what judges did, what it cost, which numbers decide."""

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


def test_coverage_takes_graders_together() -> None:
    """A judge settles what code left open, repeats of it are averaged, and a judge beside code is no mixture."""
    lab = Lab()
    lab.group([0.5])
    lab.score("i1/sim/mid/0", "a", 0.0, 1.0)
    lab.score("i1/sim/mid/0", "a", 0.4, grader_id="judge", source="judge", grader_version="2")
    lab.score("i1/sim/mid/0", "a", 0.6, grader_id="judge", source="judge", grader_version="2", replicate=1)

    row = lab.one("coverage")
    # Until there were judges, any second version was a mixture.
    assert (row["n"], row["share_assessed"], row["is_mixed"]) == (1, 1, False)
    assert lab.one("stg_score")["low"] == pytest.approx(0.5)
    assert Lab().view("coverage") == []


@pytest.mark.parametrize("sample", [0, 1])
@pytest.mark.parametrize("source", ["deterministic", "judge"])
def test_coverage_says_when_versions_of_one_grader_mix(source: str, sample: int) -> None:
    """Versions 1 and 2 of one grader, on one rollout or on two; the other dimension stays clean."""
    lab = Lab()
    lab.group([0.5, 0.5])
    for replicate, version in enumerate("12"):
        rollout_id = f"i1/sim/mid/{sample * replicate}"
        lab.score(rollout_id, "a", 0.5, source=source, replicate=replicate, grader_version=version)
    lab.score("i1/sim/mid/0", "b", 0.5, grader_id="other", grader_version="3")

    assert [row["is_mixed"] for row in lab.view("coverage")] == [True, False]


def test_coverage_says_what_became_of_the_judges() -> None:
    """Seven calls of two judges, four without a verdict; what follows the colon does not tell reasons apart."""
    lab = Lab()
    lab.group([0.5] * 3)
    lab.judge("i1/sim/mid/0", "a", [0.4, None], reason="timeout: no answer")
    lab.judge("i1/sim/mid/0", "a", [None, 0.4], reason="timeout: 30 s", judge="judge/two")
    lab.judge("i1/sim/mid/1", "a", [None, 1.0], reason="quote_not_found")
    lab.score("i1/sim/mid/2", "a", 0.0, 1.0, grader_id="judge/two", source="judge", state="error", reason='odd "word"')
    # Code that settles nothing or fails is not a judge without a verdict.
    lab.score("i1/sim/mid/0", "a", 0.0, 1.0, reason="unread")
    lab.score("i1/sim/mid/1", "b", 0.0, 1.0, state="error", reason="ValueError: x")

    row, code_only = lab.one("coverage", dimension="a"), lab.one("coverage", dimension="b")
    assert (row["n"], row["n_judge_calls"], row["share_without_verdict"]) == (3, 7, pytest.approx(4 / 7))
    # The most frequent first, then by the alphabet.
    assert row["reasons"] == '{"timeout":2,"odd \\"word\\"":1,"quote_not_found":1}'
    assert (code_only["n_judge_calls"], code_only["share_without_verdict"], code_only["reasons"]) == (0, None, None)


def test_coverage_of_judges_that_all_answered_has_no_reasons() -> None:
    """Two verdicts: a share of 0 and nothing to explain; an empty reason is unspecified, not lost."""
    lab = Lab()
    lab.group([0.5])
    lab.judge("i1/sim/mid/0", "a", [0.4, 0.6])
    lab.judge("i1/sim/mid/0", "b", [None], reason="")

    answered, silent = lab.one("coverage", dimension="a"), lab.one("coverage", dimension="b")
    assert (answered["n_judge_calls"], answered["share_without_verdict"], answered["reasons"]) == (2, 0, None)
    assert (silent["share_without_verdict"], silent["reasons"]) == (1, '{"unspecified":1}')


def test_stg_score_of_graders_that_contradict_each_other() -> None:
    """Code proves at least .7, another grader or a judge says at most .4: the proof stands."""
    for source in ("deterministic", "judge"):
        lab = Lab()
        lab.group([0.5])
        lab.score("i1/sim/mid/0", "a", 0.7, 1.0)
        lab.score("i1/sim/mid/0", "a", 0.0, 0.4, grader_id="judge", source=source)

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


def test_spend_tells_judges_of_one_model_apart() -> None:
    """Conditions are part of a judge; where a call does not name it, its model stands for it."""
    lab = Lab()
    lab.group([0.5])
    lab.judge("i1/sim/mid/0", "a", [0.4, 0.6, None], judge="judge/m:effort=low")
    lab.call("i1/sim/mid/0", "a", 0.4, judge="judge/m:effort=high", latency_s=None)
    lab.call("i1/sim/mid/0", "a", 0.4, judge=None, replicate=1)

    found = {row["spender"]: (row["calls"], row["latency_s"]) for row in lab.view("spend") if row["kind"] == "judge"}
    assert found == {"judge/m:effort=low": (3, 4.5), "judge/m:effort=high": (1, None), "judge-model": (1, 1.5)}


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
