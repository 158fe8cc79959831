"""Violations, the smallest detectable dose and compensation, by hand and by the notes' examples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.stats.ladders import compensation_index, smallest_detectable_dose, violation_rate
from warehouse.stats.shares import wilson


def test_one_violation_in_ten_pairs() -> None:
    """The statistics notes, 4.3: 1, .9, .95, .7, .6 rises once, by .05."""
    found = violation_rate([[1, 0.9, 0.95, 0.7, 0.6]])

    assert (found.n_pairs, found.n_violations, found.rate) == (10, 1, 0.1)
    assert found.largest == pytest.approx(0.05)
    # One of one instance violates: nothing below 1 is ruled out.
    assert (found.n_violating, found.n_instances, found.upper) == (1, 1, 1.0)


def test_the_bound_is_over_instances_not_pairs() -> None:
    """59 clean instances of ten pairs each prove 5 %, not 590 pairs half a per cent; two ladders of one count once."""
    clean = [[1, 0.8, 0.6, 0.4, 0.2]] * 59

    found = violation_rate(clean)
    assert (found.n_pairs, found.rate, found.largest) == (590, 0, 0)
    assert found.upper == pytest.approx(0.05, abs=5e-4)
    assert violation_rate(clean * 2, [f"i{index}" for index in range(59)] * 2).upper == found.upper


def test_what_is_not_known_is_counted_apart() -> None:
    """Of three rungs with one unknown one pair is left, and two are undetermined; a lone rung compares nothing."""
    found = violation_rate([[1.0, None, 0.5], [None, None], [0.7]])

    assert (found.n_pairs, found.n_undetermined, found.n_instances) == (1, 3, 1)
    nothing = violation_rate([[0.7]])
    assert (nothing.rate, nothing.upper, nothing.n_instances) == (None, None, 0)
    assert violation_rate([]).rate is None


def test_a_rise_within_the_quantum_is_none() -> None:
    """Rounding, or for a judge what its noise makes."""
    assert violation_rate([[0.3, 0.1 + 0.2]]).n_violations == 0
    assert violation_rate([[0.3, 0.35]], quantum=0.1).n_violations == 0


def test_the_first_dose_that_is_always_seen() -> None:
    """1: 10 of 40, 2: 38 of 40 (lower end .83), 4: 40 of 40."""
    found = smallest_detectable_dose({1: (10, 40), 2: (38, 40), 4: (40, 40)})

    assert (found.dose, found.reason) == (2, None)
    assert found.lower == pytest.approx({dose: wilson(k, 40)[0] for dose, k in ((1, 10), (2, 38), (4, 40))})
    assert found.lower[2] == pytest.approx(0.835, abs=5e-4)


def test_a_dose_is_not_detected_where_a_heavier_one_is_missed() -> None:
    """40 of 40 at dose 1 is worth nothing where dose 2 shows in half."""
    found = smallest_detectable_dose({1: (40, 40), 2: (20, 40), 4: (40, 40)})
    assert found.dose == 4

    blind_after = smallest_detectable_dose({1: (40, 40), 2: (20, 40)})
    assert (blind_after.dose, blind_after.reason) == (
        None,
        "a heavier dose than the one detected is missed: see dose 2",
    )


def test_heavy_doses_on_few_instances_contradict_nothing() -> None:
    """Ladders run out of targets: 5 of 5 at dose 8 proves little, and does not take dose 2 back."""
    assert smallest_detectable_dose({1: (0, 40), 2: (40, 40), 8: (5, 5)}).dose == 2


@pytest.mark.parametrize(
    ("detections", "told"),
    [
        ({}, "no dose was measured"),
        ({1: (0, 0)}, "no dose was measured"),
        ({1: (15, 15)}, "too few instances"),
        ({1: (0, 40), 2: (30, 40)}, "the heaviest dose, 2, showed in 30 of 40"),
    ],
)
def test_why_there_is_no_dose(detections: dict[float, tuple[int, int]], told: str) -> None:
    """Nothing measured, too few, never seen. 16 of 16 is the least that can prove 0.8."""
    found = smallest_detectable_dose(detections)

    assert found.dose is None
    assert found.reason is not None
    assert told in found.reason
    assert smallest_detectable_dose({1: (16, 16)}).dose == 1


def test_deleting_the_bad_rows_pays() -> None:
    """The statistics notes, 4.3: of 12 rows two bad ones are deleted; kappa 9/7, composite .925 to .9417.

    They were bad on unit and format. Divided by the twelve rows expected nothing would rise: the composite would fall.
    """
    weights = {"preservation": 0.35, "unit": 0.25, "format": 0.2, "completeness": 0.2}
    before = {"preservation": 1, "unit": 10 / 12, "format": 10 / 12, "completeness": 1}
    after = {"preservation": 10 / 12, "unit": 1, "format": 1, "completeness": 1}
    found = compensation_index(before, after, weights)

    assert found.index == pytest.approx(9 / 7)
    assert found.is_paying
    assert sum(weights[name] * before[name] for name in weights) == pytest.approx(0.925)
    assert 0.925 + found.gained - found.lost == pytest.approx(0.9417, abs=5e-5)

    expected = {"preservation": 10 / 12, "unit": 10 / 12, "format": 10 / 12, "completeness": 10 / 12}
    repaired = compensation_index(before, expected, weights)
    assert (repaired.index, repaired.is_paying) == (0, False)


def test_what_loses_nothing_has_no_index() -> None:
    """Rising for free pays; not moving is blindness, not payment; weights are shares of their sum."""
    free = compensation_index({"a": 0.5}, {"a": 0.8}, {"a": 2})
    assert (free.index, free.is_paying, free.reason) == (None, True, "no dimension fell")
    assert free.gained == pytest.approx(0.3)
    still = compensation_index({"a": 0.5}, {"a": 0.5}, {"a": 2})
    assert (still.index, still.is_paying, still.reason) == (None, False, "no dimension moved")


SCORE = st.floats(0, 1)


@given(SCORE, SCORE, SCORE, SCORE, st.floats(0.1, 5))
def test_it_pays_exactly_where_the_composite_does_not_fall(
    a: float, b: float, c: float, d: float, weight: float
) -> None:
    """Gained less lost is the change of the weighted mean."""
    found = compensation_index({"x": a, "y": b}, {"x": c, "y": d}, {"x": 1, "y": weight})

    assert found.gained - found.lost == pytest.approx((c - a + weight * (d - b)) / (1 + weight), abs=1e-9)
    if found.index is not None and abs(found.index - 1) > 1e-6:
        assert found.is_paying is (found.index > 1)


def test_bad_input_is_told() -> None:
    """Names, severity 0, counts, shares."""
    with pytest.raises(ValueError, match="not everywhere: b"):
        compensation_index({"a": 1}, {"a": 1}, {"a": 1, "b": 1})
    with pytest.raises(ValueError, match="one above 0"):
        compensation_index({"a": 1}, {"a": 1}, {"a": 0})
    with pytest.raises(ValueError, match="severity 0 is what the others are compared with"):
        smallest_detectable_dose({0: (1, 1)})
    with pytest.raises(ValueError, match="a share of 2 in 1"):
        smallest_detectable_dose({1: (2, 1)})
    with pytest.raises(ValueError, match=r"give a share such as 0\.8"):
        smallest_detectable_dose({1: (1, 1)}, at_least=80)
    with pytest.raises(ValueError, match="ladders 1, instances 2"):
        violation_rate([[1.0]], ["a", "b"])
