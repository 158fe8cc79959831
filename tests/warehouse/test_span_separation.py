"""span_separation: are the policies that a difficulty is quoted against different, and in the order named?"""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.warehouse.rows import FAMILY, RUBRIC, RUN, Lab, recycled

UNIT = st.floats(min_value=0, max_value=1)


def _lab(means: Mapping[str, Sequence[float]], span: Sequence[str] | None = None) -> Lab:
    """Return a warehouse in which each policy has one graded rollout on each instance, with the given reward."""
    names = list(means)
    lab = Lab(weak=names[0], strong=names[-1])
    if span is not None:
        config = {"weak": span[0], "strong": span[-1], "span": list(span)}
        lab.add(
            "run", run_id=RUN, config=config, config_hash="c", taskset_hash="t", code_version="1",
            started_at=datetime(2026, 1, 1, tzinfo=UTC), ended_at=None, status="completed", n_planned=0,
        )  # fmt: skip
    for at in range(max(len(rewards) for rewards in means.values())):
        lab.add(
            "instance", instance_id=f"i{at:03d}", family=FAMILY, template_version="1", archetype="a", seed=at,
            difficulty=None, knobs={}, mode="multi", split="train", prompt="p", materials={}, truth={},
        )  # fmt: skip
    for name, rewards in means.items():
        lab.add("policy", policy_id=f"{name}#1", name=name, kind="simulated", regime={"of": name}, parent=None,
                intervention=None, step=None)  # fmt: skip
        for at, reward in enumerate(rewards):
            _add_rollout(lab, f"{name}#1", f"i{at:03d}", reward)
    return lab


def _add_rollout(lab: Lab, policy_id: str, instance_id: str, reward: float, sample: int = 0) -> None:
    place = f"{policy_id}-{instance_id}-{sample}"
    lab.add(
        "rollout", rollout_id=place, run_id=RUN, instance_id=instance_id, policy_id=policy_id, sample=sample,
        status="completed", output="", transcript=[], steps=0, input_tokens=0, output_tokens=0, cached_tokens=0,
        cost_usd=0.0, latency_s=0.0, error=None,
    )  # fmt: skip
    lab.add(
        "composite", rollout_id=place, rubric_id=RUBRIC, uncapped_low=reward, uncapped_high=reward, low=reward,
        high=reward, mid=reward, additive_mid=reward, work_low=0.0, work_high=1.0, cap=1.0, flags=[],
        assessed_weight=1.0, ready=True, reward=reward,
    )  # fmt: skip


def _whole(lab: Lab) -> dict[str, Any]:
    return lab.one("span_separation", is_whole_span=True)


@settings(deadline=None, max_examples=25)
@given(pairs=st.lists(st.tuples(UNIT, UNIT), min_size=2, max_size=45))
def test_span_separation_is_the_paired_interval(pairs: list[tuple[float, float]]) -> None:
    """Gap and interval are those of a paired t interval at 95 %, for any number of instances."""
    with recycled():
        row = _whole(_lab({"a": [low for low, _ in pairs], "b": [high for _, high in pairs]}))
    gaps = [high - low for low, high in pairs]
    mean = sum(gaps) / len(gaps)
    error = stats.sem(gaps)
    half = stats.t.ppf(0.975, len(gaps) - 1) * error

    assert row["gap"] == pytest.approx(mean, abs=1e-9)
    assert row["ci_low"] == pytest.approx(mean - half, abs=0.003 * error + 1e-9)
    assert row["ci_high"] == pytest.approx(mean + half, abs=0.003 * error + 1e-9)


@pytest.mark.parametrize(
    ("weak", "strong", "separation"),
    [
        ([0.1, 0.2, 0.3, 0.2], [0.6, 0.7, 0.8, 0.8], "separate"),
        ([0.6, 0.7, 0.8, 0.8], [0.1, 0.2, 0.3, 0.2], "reversed"),
        ([0.1, 0.9, 0.2, 0.8], [0.9, 0.1, 0.8, 0.2], "not_separate"),
        ([0.5, 0.5], [0.5, 0.5], "not_separate"),
        ([0.1], [0.9], "unknown"),
    ],
)
def test_span_separation_says_what_it_is(weak: list[float], strong: list[float], separation: str) -> None:
    """Above 0, below 0, around 0, or one instance only, from which nothing follows."""
    row = _whole(_lab({"a": weak, "b": strong}))

    assert row["separation"] == separation
    assert (row["lower_policy"], row["higher_policy"]) == ("a#1", "b#1")
    assert (row["lower_regime"], row["higher_regime"]) == ('{"of":"a"}', '{"of":"b"}')


def test_span_separation_looks_at_neighbours_and_the_whole() -> None:
    """Three policies in order are two pairs of neighbours and the span itself."""
    rng = random.Random(3)
    means = {name: [min(1.0, base + rng.random() / 10) for _ in range(8)] for name, base in
             (("a", 0.1), ("b", 0.5), ("c", 0.45))}  # fmt: skip
    rows = _lab(means, span=("a", "b", "c")).view("span_separation")

    assert {(row["lower_policy"][0], row["higher_policy"][0], row["is_whole_span"]) for row in rows} == {
        ("a", "b", False), ("b", "c", False), ("a", "c", True),
    }  # fmt: skip
    assert {row["lower_policy"][0]: row["separation"] for row in rows if not row["is_whole_span"]}["a"] == "separate"


def test_span_separation_without_anchors_has_no_row() -> None:
    """One policy alone, or an anchor that never took part, is no comparison."""
    assert _lab({"a": [0.5, 0.5]}).view("span_separation") == []
    assert _lab({"a": [0.5], "b": [0.6]}, span=("a", "nobody")).view("span_separation") == []


def test_span_separation_takes_the_instances_that_both_attempted() -> None:
    """An instance that only one of them has says nothing about the difference; lost rollouts are left out."""
    lab = _lab({"a": [0.1, 0.2, 0.3], "b": [0.5, 0.6]})
    lab.add(
        "rollout", rollout_id="lost", run_id=RUN, instance_id="i002", policy_id="b#1", sample=0, status="error",
        output="", transcript=[], steps=0, input_tokens=0, output_tokens=0, cached_tokens=0, cost_usd=None,
        latency_s=0.0, error="gone",
    )  # fmt: skip

    row = _whole(lab)
    assert (row["n_instances"], row["gap"]) == (2, pytest.approx(0.4))


def test_difficulty_and_health_quote_the_regime() -> None:
    """A difficulty is always for a policy in a regime, and says which."""
    lab = _lab({"a": [0.1] * 3, "b": [0.9] * 3})

    assert {(row["weak_regime"], row["strong_regime"]) for row in lab.view("difficulty")} == {
        ('{"of":"a"}', '{"of":"b"}')
    }
    assert {(row["policy"], row["regime"]) for row in lab.view("taskset_health")} == {
        ("a", '{"of":"a"}'), ("b", '{"of":"b"}'),
    }  # fmt: skip
