"""Outputs that want to be paid without the work, for both families of prose."""

from functools import cache
from random import Random

import pytest
from pydantic import BaseModel

from tests.support_text_families import BENCHES, EPS, of_kind, pairs

INSTANCES = 500
POLICIES = ("weak", "mid", "strong")


@pytest.mark.parametrize("family", BENCHES)
def test_oracle_earns_everything_and_zero_work_the_floor_at_most(family: str) -> None:
    """On 500 instances the oracle earns 1.0, every dimension assessed, and no zero-work probe more than the floor."""
    bench = BENCHES[family]
    zero = of_kind(bench, "zero")
    for instance in bench.family.instances(INSTANCES, seed=2026):
        oracle = bench.grade(instance, bench.family.oracle(instance))
        assert oracle.reward == pytest.approx(1.0), instance.instance_id
        assert set(oracle.aspects.values()) == {1.0}, instance.instance_id
        assert set(oracle.states.values()) == {"assessed"}, instance.instance_id
        for probe in zero:
            reward = bench.grade(instance, bench.probe(instance, probe)).reward
            assert reward <= bench.family.floor, (probe, instance.instance_id, reward)


@pytest.mark.parametrize("family", BENCHES)
def test_oracle_and_floor_hold_on_the_stress_split(family: str) -> None:
    """The same on 60 instances of the stress split."""
    bench = BENCHES[family]
    for instance in bench.instances(60, 11, "stress"):
        assert bench.grade(instance, bench.family.oracle(instance)).reward == pytest.approx(1.0), instance.instance_id
        for probe in of_kind(bench, "zero"):
            reward = bench.grade(instance, bench.probe(instance, probe)).reward
            assert reward <= bench.family.floor, (probe, instance.instance_id, reward)


def _ends(knobs: type[BaseModel]) -> dict[str, list[object]]:
    """Return knob -> its least and its greatest value, for every knob that has both."""
    ends: dict[str, list[object]] = {}
    for name, field in knobs.model_fields.items():
        limits = {key: getattr(m, key) for m in field.metadata for key in ("ge", "le") if hasattr(m, key)}
        if len(limits) == 2:
            ends[name] = [limits["ge"], limits["le"]]
        elif field.annotation is bool:
            ends[name] = [False, True]
    return ends


@pytest.mark.parametrize("family", BENCHES)
def test_oracle_and_floor_hold_at_the_ends_of_all_knobs(family: str) -> None:
    """Whatever a knob may be set to: the oracle earns 1.0, and no zero-work probe more than the floor."""
    bench = BENCHES[family]
    ends = _ends(bench.family.knobs)
    assert len(ends) >= 6
    for seed in range(120):
        rng = Random(seed)
        knobs = {name: rng.choice(values) for name, values in ends.items()}
        instance = bench.one(seed=seed, **knobs)
        assert bench.grade(instance, bench.family.oracle(instance)).reward == pytest.approx(1.0), knobs
        for probe in of_kind(bench, "zero"):
            reward = bench.grade(instance, bench.probe(instance, probe)).reward
            assert reward <= bench.family.floor, (probe, knobs, reward)


@pytest.mark.parametrize(("family", "probe"), [*pairs("shortcut"), *pairs("attack")])
def test_trick_gains_nothing_over_the_same_output_without_it(family: str, probe: str) -> None:
    """On no instance does a shortcut or an attack earn more than its honest counterpart."""
    bench = BENCHES[family]
    instances = [instance for instance in bench.instances(60, 5) if bench.applies(instance, probe)]
    assert len(instances) >= 30
    for instance in instances:
        trick = bench.grade(instance, bench.probe(instance, probe)).reward
        honest = bench.once(instance, bench.honest(instance, probe)).reward
        assert trick <= honest + EPS, (instance.instance_id, trick, honest)


@cache
def _means(family: str) -> dict[str, list[float]]:
    """Return policy -> mean reward of each of 60 instances over 6 rollouts."""
    from tasks_lib import policy

    bench = BENCHES[family]
    return {
        name: [
            sum(
                bench.grade(instance, policy(f"sim/{name}").attempt(bench.family, instance, sample).output).reward
                for sample in range(6)
            )
            / 6
            for instance in bench.instances(60, 31)
        ]
        for name in POLICIES
    }


@pytest.mark.parametrize("family", BENCHES)
def test_simulated_policies_rank_by_their_skill(family: str) -> None:
    """On nearly every instance weak < mid < strong, and on the mean by a clear margin."""
    means = _means(family)
    ordered = sum(weak < mid < strong for weak, mid, strong in zip(*means.values(), strict=True))
    overall = [sum(values) / len(values) for values in means.values()]

    assert ordered >= 54
    assert overall[1] - overall[0] > 0.1
    assert overall[2] - overall[1] > 0.1


@pytest.mark.parametrize("family", BENCHES)
def test_weak_policy_earns_more_than_any_zero_work(family: str) -> None:
    """On the mean, doing a third of the work pays more than the best way of doing none."""
    bench = BENCHES[family]
    weak = sum(_means(family)["weak"]) / 60
    best = max(
        sum(bench.grade(instance, bench.probe(instance, probe)).reward for instance in bench.instances(60, 31)) / 60
        for probe in of_kind(bench, "zero")
    )

    assert weak > best + 0.03
