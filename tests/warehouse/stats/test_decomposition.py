"""Where a change of a mean came from: parts that add up, and each part alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from warehouse.stats.decomposition import Measured, Parts, decompose

SHARES = st.floats(0, 1)
MEASURED = st.builds(
    lambda ends, crossed: Measured(min(ends), max(ends), crossed), st.tuples(SHARES, SHARES), st.none() | SHARES
)
RUNS = st.dictionaries(st.sampled_from("abcdefghijklmno"), MEASURED, min_size=1)


def exactly(value: float, crossed: float | None = None) -> Measured:
    """Something settled."""
    return Measured(value, value, crossed)


def near(**parts: float) -> Parts:
    """Parts that are 0 but for those named."""
    names = ("task_mix", "grader", "policy", "inseparable", "unassessed")
    return Parts(**{name: pytest.approx(parts.get(name, 0.0), abs=1e-12) for name in names})


@given(before=RUNS, after=RUNS)
def test_parts_add_up_to_the_change(before: dict[str, Measured], after: dict[str, Measured]) -> None:
    """Whatever was measured, in whatever instances, nothing is lost and nothing is counted twice."""
    found = decompose(before, after)

    assert found.parts.total == pytest.approx(found.change, abs=1e-12)
    assert found.n_separable <= found.n_shared <= min(found.n_before, found.n_after)
    if found.n_shared == 0:
        assert found.parts == near(task_mix=found.change)


@given(run=RUNS)
def test_a_run_does_not_differ_from_itself(run: dict[str, Measured]) -> None:
    """Under the same grader nothing has changed, part by part."""
    same = {name: Measured(one.low, one.high, one.mid) for name, one in run.items()}

    assert decompose(same, same).parts == near()


@given(run=RUNS, other=RUNS)
def test_turned_round_the_change_turns_its_sign(run: dict[str, Measured], other: dict[str, Measured]) -> None:
    """Under one grader every part is the opposite of itself when the runs change places."""
    one, two = ({k: Measured(m.low, m.high, m.mid) for k, m in measured.items()} for measured in (run, other))

    there, back = decompose(one, two).parts, decompose(two, one).parts
    assert back == near(
        task_mix=-there.task_mix, grader=-there.grader, policy=-there.policy, unassessed=-there.unassessed
    )


def test_each_part_alone() -> None:
    """By hand: a change of one kind is told as that kind."""
    # Same instance, better output, same grader: the earlier output is worth under it what it was.
    assert decompose({"a": exactly(0.2, 0.2)}, {"a": exactly(0.5, 0.5)}).parts == near(policy=0.3)
    # Same output, stricter grader.
    assert decompose({"a": exactly(0.6, 0.4)}, {"a": exactly(0.4)}).parts == near(grader=-0.2)
    # Both: 0.6 is worth 0.4 now (-0.2), and the new output earns 0.7 (+0.3).
    assert decompose({"a": exactly(0.6, 0.4)}, {"a": exactly(0.7)}).parts == near(grader=-0.2, policy=0.3)
    # The other way round: the new output would have been worth 0.9 then (+0.3); the grader took 0.2.
    assert decompose({"a": exactly(0.6)}, {"a": exactly(0.7, 0.9)}).parts == near(grader=-0.2, policy=0.3)
    # Nobody knows.
    assert decompose({"a": exactly(0.6)}, {"a": exactly(0.7)}).parts == near(inseparable=0.1)
    # An easy instance more: the mean goes from 0.2 to (0.2 + 1) / 2.
    assert decompose({"a": exactly(0.2, 0.2)}, {"a": exactly(0.2), "b": exactly(1)}).parts == near(task_mix=0.4)
    # From [0.2, 0.8] to 0.5: no better, but half a width of 0.3 less is open.
    assert decompose({"a": Measured(0.2, 0.8, 0.5)}, {"a": exactly(0.5)}).parts == near(unassessed=0.3)


def test_a_mix_by_hand() -> None:
    """Three instances, one of them new, one inseparable."""
    # a: 0.5 -> 0.7, worth 0.4 under the later grader: grader -0.1, policy +0.3.
    # b: 0.3 -> 0.5, not separable: +0.2. Shared means: 0.4 -> 0.6. c is new at 0.9: the mean after is 0.7.
    found = decompose(
        {"a": exactly(0.5, 0.4), "b": exactly(0.3)}, {"a": exactly(0.7), "b": exactly(0.5), "c": exactly(0.9)}
    )

    assert (found.before, found.after) == (pytest.approx(0.4), pytest.approx(0.7))
    assert found.parts == near(task_mix=0.1, grader=-0.05, policy=0.15, inseparable=0.1)
    assert (found.n_before, found.n_after, found.n_shared, found.n_separable) == (2, 3, 2, 1)
    assert (found.policy_low, found.policy_high) == (None, None)


def test_the_interval_is_the_paired_t_interval() -> None:
    """Against scipy's one-sample t interval of the differences."""
    gains = [0.1, 0.0, -0.05, 0.2, 0.15, 0.1, 0.05, 0.0, 0.3, -0.1, 0.12]
    before = {str(place): exactly(0.4, 0.4) for place in range(len(gains))}
    after = {str(place): exactly(0.4 + gain) for place, gain in enumerate(gains)}

    found = decompose(before, after)

    low, high = stats.ttest_1samp(gains, 0).confidence_interval(0.95)
    assert (found.policy_low, found.policy_high) == (pytest.approx(low), pytest.approx(high))
    assert found.parts.policy == pytest.approx((low + high) / 2)
    # An instance on which nobody knows adds nothing to the part: 11 of 12 count.
    wider = decompose({**before, "x": exactly(0.1)}, {**after, "x": exactly(0.9)})
    assert wider.policy_high == pytest.approx(high * 11 / 12)
    # Below ten no interval is claimed.
    few = [str(place) for place in range(9)]
    assert decompose({k: before[k] for k in few}, {k: after[k] for k in few}).policy_low is None


def test_nothing_measured_is_no_zero() -> None:
    """A policy that one of the runs lacks has no change."""
    with pytest.raises(ValueError, match="both runs"):
        decompose({}, {"a": exactly(1.0)})
