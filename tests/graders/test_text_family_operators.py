"""Damage with a known effect, for both families of prose: what moves, what stays still, what may never rise."""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import pytest

from tests.support_families import Bench, Graded
from tests.support_text_families import BENCHES, EPS, pairs

INSTANCES = 60
ALL = [(name, operator) for name, bench in BENCHES.items() for operator in bench.family.operators]
Rungs = tuple[Graded | None, ...]


@cache
def _rungs(family: str, operator: str) -> tuple[tuple[str, Rungs], ...]:
    """Grade severities 0 to 4 of one operator; None where a rung does not apply."""
    bench = BENCHES[family]
    instances = (*bench.instances(INSTANCES, 21), *bench.instances(INSTANCES // 3, 22, "stress"))
    return tuple((instance.instance_id, bench.rungs(instance, operator)) for instance in instances)


def _steps(rungs: Rungs) -> Iterator[tuple[Graded, Graded]]:
    """Pairs of neighbouring rungs, severity 0 included."""
    return pairwise([rung for rung in rungs if rung is not None])


def _blind(bench: Bench, operator: str) -> set[str]:
    """Return what a declared limit excuses for an operator."""
    return {name for limit in bench.grader.limits if limit.shown_by == operator for name in limit.excuses}


@pytest.mark.parametrize(("family", "operator"), ALL)
def test_operator_moves_what_it_declares_and_leaves_the_rest_still(family: str, operator: str) -> None:
    """At severity 2 and above: a `moves` aspect falls in 95 % of the rungs, a `still` one stays in 98 %."""
    bench = BENCHES[family]
    expect = bench.family.operators[operator].expect
    wrong: Counter[str] = Counter()
    n = 0
    for _, rungs in _rungs(family, operator):
        start = rungs[0]
        assert start is not None
        for rung in rungs[2:]:
            if rung is None:
                continue
            n += 1
            for aspect, expected in expect.items():
                change = rung[aspect] - start[aspect]
                wrong[f"{aspect} moves"] += expected == "moves" and change >= -EPS
                wrong[f"{aspect} still"] += expected == "still" and abs(change) > EPS

    assert n >= 5
    for dimension in _blind(bench, operator) - {"composite"}:
        missed = [name for name in wrong if name.split(" ")[0].split(".")[0] == dimension]
        assert sum(wrong.pop(name) for name in missed), f"no longer blind in {dimension}: take out the limit"
    share = {"moves": 0.05, "still": 0.02}
    assert {name: count / n for name, count in wrong.items() if count > share[name.split()[1]] * n} == {}


@pytest.mark.parametrize(("family", "operator"), pairs("degrade"))
def test_composite_falls_with_every_step_of_damage(family: str, operator: str) -> None:
    """No rung earns more than the one below it, and every one earns less than the undamaged output."""
    for name, rungs in _rungs(family, operator):
        for milder, worse in _steps(rungs):
            assert worse.reward <= milder.reward + EPS, name
        assert rungs[0] is not None
        for rung in rungs[1:]:
            assert rung is None or rung.reward < rungs[0].reward - EPS, name


@pytest.mark.parametrize(("family", "operator"), pairs("compensation"))
def test_leaving_out_what_is_difficult_raises_no_dimension(family: str, operator: str) -> None:
    """Deleting what was left undone raises neither a dimension nor the composite."""
    fell = 0
    for name, rungs in _rungs(family, operator):
        start = rungs[0]
        assert start is not None
        for rung in rungs[1:]:
            if rung is None:
                continue
            for dimension in (*BENCHES[family].dimensions, "composite"):
                assert rung[dimension] <= start[dimension] + EPS, (name, dimension)
            fell += rung.reward < start.reward - EPS
    assert fell


@pytest.mark.parametrize(("family", "operator"), pairs("neutral"))
def test_neutral_rewrite_changes_nothing_at_all(family: str, operator: str) -> None:
    """Every dimension, facet, the work and the reward of a neutral rewrite are those of the oracle; and it rewrites."""
    bench, changed, n = BENCHES[family], 0, 0
    if _blind(bench, operator):
        pytest.skip("a declared limit, held above")
    for instance, (name, rungs) in zip(bench.instances(INSTANCES, 21), _rungs(family, operator), strict=False):
        for rung in rungs[1:]:
            assert rung is None or rung == rungs[0], name
        text = bench.ladder(instance, operator, 1)
        n += text is not None
        changed += text is not None and text != bench.family.oracle(instance)
    assert n
    assert changed >= 0.4 * n
