"""The composite: weighted mean, work factor, caps; worked examples and what must hold for all inputs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.composite import compose
from graders.interval import UNASSESSED, Interval, exactly
from graders.rubric import Rubric
from tasks_lib.records import Composite

RUBRIC = Rubric(family="f", weights={"a": 0.35, "b": 0.25, "c": 0.40}, caps={"hard": 0.3, "other": 0.5, "none": 0.0})
HARD = RUBRIC.model_copy(update={"cap_mode": "hard"})
ALL = exactly(1.0)
UNIT = st.floats(0, 1)
INTERVALS = st.tuples(UNIT, UNIT).map(lambda ends: Interval(min(ends), max(ends)))
THREE = st.fixed_dictionaries({"a": INTERVALS, "b": INTERVALS, "c": INTERVALS})
FLAGS = st.lists(st.sampled_from(["hard", "other", "none"]), unique=True, max_size=3)
MODES = st.sampled_from([RUBRIC, HARD])


def _example(**changes: Interval) -> Composite:
    """STATISTICS 0.4: a = 1 (.35), b = .8 (.25), c unassessed (.40)."""
    return compose("r", RUBRIC, {"a": exactly(1.0), "b": exactly(0.8), "c": UNASSESSED, **changes}, ALL, ())


def test_worked_example_with_an_unassessed_dimension() -> None:
    """.35 + .20 = .55 is proven, .40 more not ruled out; the midpoint formula says .75; .60 is assessed."""
    composite = _example()

    assert composite.low == composite.reward == pytest.approx(0.55)
    assert composite.high == pytest.approx(0.95)
    assert composite.mid == pytest.approx(0.75)
    assert composite.additive_mid == pytest.approx(0.75)
    assert composite.assessed_weight == pytest.approx(0.60)
    assert not composite.ready


def test_ready_from_four_fifths_of_the_weight() -> None:
    """.35 + .40 = .75 is not enough; .8 exactly is, although .35 + .25 + .2 is not .8 in binary."""
    weights = {"a": 0.35, "b": 0.25, "c": 0.2, "d": 0.2}
    rubric = RUBRIC.model_copy(update={"weights": weights})
    known = {"a": ALL, "b": ALL, "c": ALL, "d": UNASSESSED}

    assert compose("r", rubric, known, ALL, ()).ready
    assert not _example(b=UNASSESSED, c=ALL).ready
    assert _example(c=exactly(0.0)).ready


def test_partial_dimension_is_not_assessed() -> None:
    """A dimension narrowed at one end only adds to the low end and not to the assessed weight."""
    composite = _example(c=Interval(0.5, 1.0))

    assert composite.low == pytest.approx(0.75)
    assert composite.assessed_weight == pytest.approx(0.60)


@pytest.mark.parametrize(("work", "expected"), [(0.0, 0.2), (0.25, 0.4), (0.5, 0.6), (1.0, 1.0)])
def test_work_factor_takes_the_preservation_points_back(work: float, expected: float) -> None:
    """With full dimensions the reward is .2 + .8 x work."""
    full = {"a": ALL, "b": ALL, "c": ALL}

    assert compose("r", RUBRIC, full, exactly(work), ()).reward == pytest.approx(expected)


def test_work_that_is_not_known_widens_the_composite() -> None:
    """Full dimensions under unknown work lie between .2 and 1."""
    composite = compose("r", RUBRIC, {"a": ALL, "b": ALL, "c": ALL}, UNASSESSED, ())

    assert (composite.low, composite.high) == (pytest.approx(0.2), pytest.approx(1.0))


def test_echo_of_the_worked_table_falls_to_the_work_base() -> None:
    """STATISTICS 5.5: preservation 1, format .5, units 8/12, completeness 1 are .79167, and .15833 with no work."""
    rubric = Rubric(family="f", weights={"p": 0.35, "f": 0.25, "u": 0.25, "c": 0.15}, caps={})
    echo = {"p": ALL, "f": exactly(0.5), "u": exactly(8 / 12), "c": ALL}
    composite = compose("r", rubric, echo, exactly(0.0), ())

    # .35 + .125 + .16667 + .15 under this project's weights.
    assert composite.additive_mid == pytest.approx(0.791667, abs=1e-6)
    assert composite.reward == pytest.approx(0.158333, abs=1e-6)


def test_scaled_caps_multiply_and_hard_caps_take_the_least() -> None:
    """.55 under ceilings .3 and .5: scaled .0825, hard .3; the additive formula is capped hard in both."""
    parts = {"a": ALL, "b": exactly(0.8), "c": exactly(0.0)}
    scaled, hard = (compose("r", rubric, parts, ALL, ("hard", "other")) for rubric in (RUBRIC, HARD))

    assert (scaled.reward, scaled.cap) == (pytest.approx(0.0825), pytest.approx(0.15))
    assert (hard.reward, hard.cap) == (pytest.approx(0.3), 0.3)
    assert scaled.additive_mid == hard.additive_mid == 0.3
    assert scaled.uncapped_low == hard.uncapped_low == pytest.approx(0.55)
    assert scaled.flags == ("hard", "other")


def test_missing_dimension_and_unknown_flag_are_errors() -> None:
    """A dimension without an interval, or a flag without a ceiling, is never silently passed over."""
    with pytest.raises(KeyError, match="c"):
        compose("r", RUBRIC, {"a": ALL, "b": ALL}, ALL, ())
    with pytest.raises(KeyError, match="surprise"):
        compose("r", RUBRIC, {"a": ALL, "b": ALL, "c": ALL}, ALL, ("surprise",))


@given(THREE, INTERVALS, FLAGS, MODES)
def test_composite_ends_are_in_order_and_below_the_ceiling(
    parts: dict[str, Interval], work: Interval, flags: list[str], rubric: Rubric
) -> None:
    """0 <= low <= mid <= high <= the least ceiling, for all inputs in both modes."""
    composite = compose("r", rubric, parts, work, flags)

    assert 0 <= composite.low <= composite.mid <= composite.high <= 1
    assert composite.high <= min((rubric.caps[flag] for flag in flags), default=1.0)
    assert composite.uncapped_low <= composite.uncapped_high
    assert composite.reward == composite.low


@given(THREE, INTERVALS, FLAGS, MODES, st.data())
def test_composite_is_monotone_in_every_input(
    parts: dict[str, Interval], work: Interval, flags: list[str], rubric: Rubric, data: st.DataObject
) -> None:
    """Raising a dimension or the work, or dropping a flag, lowers no end."""
    before = compose("r", rubric, parts, work, flags)
    name = data.draw(st.sampled_from(["a", "b", "c", "work", "flag"]))
    old = work if name in {"work", "flag"} else parts[name]
    low = data.draw(st.floats(old.low, 1))
    better = Interval(low, data.draw(st.floats(max(low, old.high), 1)))
    if name == "work":
        after = compose("r", rubric, parts, better, flags)
    elif name == "flag":
        after = compose("r", rubric, parts, work, flags[1:])
    else:
        after = compose("r", rubric, {**parts, name: better}, work, flags)

    assert after.low >= before.low - 1e-12
    assert after.high >= before.high - 1e-12


@given(THREE, THREE, INTERVALS)
def test_scaled_cap_keeps_the_order_below_it(
    one: dict[str, Interval], other: dict[str, Interval], work: Interval
) -> None:
    """Two outputs under one cap stand in the order they had without it; no pair is destroyed."""
    free = [compose("r", RUBRIC, parts, work, ()).low for parts in (one, other)]
    capped = [compose("r", RUBRIC, parts, work, ("hard",)).low for parts in (one, other)]

    assert capped[0] - capped[1] == pytest.approx(0.3 * (free[0] - free[1]), abs=1e-12)
