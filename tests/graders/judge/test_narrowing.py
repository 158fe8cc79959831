"""A judge narrows what code left open and can do nothing else: laws of the arithmetic, for every judge there may be."""

from hypothesis import given
from hypothesis import strategies as st

from graders.addressing import ADDRESSES_JUDGE
from graders.composite import compose
from graders.grading import Graded, grader
from graders.interval import UNASSESSED, Interval, exactly
from graders.judge.conclusion import concluded
from graders.judge.narrowing import hull, mean, narrowed
from graders.rubric import Rubric
from tasks_lib.records import Composite
from tests.support_judges import graded_from, verdict_score

RUBRIC = grader("doc_revision").rubric
SHARES = st.one_of(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), st.floats(0, 1))
INTERVALS = st.tuples(SHARES, SHARES).map(lambda ends: Interval(min(ends), max(ends)))
POINTS = st.sampled_from([exactly(level / 4) for level in range(5)])
REPEATS = st.lists(st.one_of(POINTS, st.just(UNASSESSED)), min_size=1, max_size=4)
PANELS = st.lists(REPEATS, max_size=3)
CODE = st.fixed_dictionaries(dict.fromkeys(RUBRIC.weights, INTERVALS))
FLAGS = st.lists(st.sampled_from([*sorted(RUBRIC.caps), ADDRESSES_JUDGE]), unique=True).map(tuple)
VERDICTS = st.dictionaries(st.sampled_from(sorted(RUBRIC.weights)), PANELS)


def judged(graded: Graded, verdicts: dict[str, list[list[Interval]]]) -> Graded:
    """Let judges say something about a graded rollout."""
    scores = [
        verdict_score("r", dimension, repeat.low, repeat.high, f"judge/{number}", replicate)
        for dimension, panel in verdicts.items()
        for number, repeats in enumerate(panel)
        for replicate, repeat in enumerate(repeats)
    ]
    return concluded(graded, RUBRIC, scores)


def composite(graded: Graded) -> Composite:
    """Return the composite, which is there."""
    assert graded.composite is not None
    return graded.composite


@given(INTERVALS, PANELS)
def test_a_judge_never_leaves_what_code_left_open(code: Interval, panel: list[list[Interval]]) -> None:
    """The result lies within the code's interval, whatever was said."""
    result = narrowed(code, panel)

    assert code.low <= result.low <= result.high <= code.high


@given(INTERVALS, REPEATS, REPEATS)
def test_a_second_judge_never_makes_a_verdict_surer(code: Interval, one: list[Interval], two: list[Interval]) -> None:
    """A panel is the spread of its members: it holds what each of them says alone."""
    alone, together = narrowed(code, [one]), narrowed(code, [one, two])

    assert together.low <= alone.low <= alone.high <= together.high


@given(INTERVALS)
def test_a_judge_without_a_verdict_changes_nothing(code: Interval) -> None:
    """Refused, malformed, late: what code left open stays open."""
    assert narrowed(code, [[UNASSESSED]]) == code
    assert narrowed(code, []) == code


@given(REPEATS)
def test_a_call_without_a_verdict_is_never_a_number(repeats: list[Interval]) -> None:
    """The mean of repeats is as open as the share of them that gave no verdict."""
    without = sum(repeat == UNASSESSED for repeat in repeats)

    assert abs(mean(repeats).high - mean(repeats).low - without / len(repeats)) < 1e-12


@given(st.lists(INTERVALS, min_size=1), st.lists(INTERVALS, min_size=1))
def test_bounds_stay_ordered(one: list[Interval], two: list[Interval]) -> None:
    """Means, hulls and what is moved into a frame are intervals within 0..1."""
    for result in (mean(one), hull(one), hull(one).within(hull(two))):
        assert 0 <= result.low <= result.high <= 1


@given(CODE, INTERVALS, FLAGS, VERDICTS)
def test_a_verdict_only_narrows_the_composite(
    code: dict[str, Interval], work: Interval, flags: tuple[str, ...], verdicts: dict[str, list[list[Interval]]]
) -> None:
    """Reward never leaves what code had proven possible; flags, cap and work stay; what was settled stays settled."""
    before = composite(graded_from("r", "doc_revision", code, work=work, flags=flags))
    after = composite(judged(graded_from("r", "doc_revision", code, work=work, flags=flags), verdicts))

    assert before.low - 1e-12 <= after.low <= after.high <= before.high + 1e-12
    assert (after.flags, after.cap, after.work_low, after.work_high) == (
        before.flags, before.cap, before.work_low, before.work_high,
    )  # fmt: skip
    assert after.assessed_weight >= before.assessed_weight - 1e-12


@given(CODE, VERDICTS, st.sampled_from(sorted(RUBRIC.weights)))
def test_a_proven_violation_is_never_lifted(
    code: dict[str, Interval], verdicts: dict[str, list[list[Interval]]], dimension: str
) -> None:
    """A dimension that code has settled earns the same under every judge, the most generous included."""
    settled = {**code, dimension: exactly(code[dimension].low)}
    generous = {**verdicts, dimension: [[exactly(1.0)]]}

    plain = composite(judged(graded_from("r", "doc_revision", settled), verdicts | {dimension: []}))
    bribed = composite(judged(graded_from("r", "doc_revision", settled), generous))

    assert (plain.low, plain.high) == (bribed.low, bribed.high)


@given(CODE, INTERVALS, FLAGS, st.sampled_from(sorted(RUBRIC.weights)), INTERVALS)
def test_the_composite_is_monotone_in_every_input(
    code: dict[str, Interval], work: Interval, flags: tuple[str, ...], dimension: str, other: Interval
) -> None:
    """A dimension or the work raised at both ends never lowers the composite at either."""
    raised = Interval(max(code[dimension].low, other.low), max(code[dimension].high, other.high))
    more_work = Interval(max(work.low, other.low), max(work.high, other.high))

    before = compose("r", RUBRIC, code, work, flags)
    for after in (
        compose("r", RUBRIC, {**code, dimension: raised}, work, flags),
        compose("r", RUBRIC, code, more_work, flags),
    ):
        assert after.low >= before.low - 1e-12
        assert after.high >= before.high - 1e-12


@given(CODE, CODE, INTERVALS, FLAGS)
def test_a_cap_is_a_ceiling_and_keeps_the_order_below_it(
    one: dict[str, Interval], two: dict[str, Interval], work: Interval, flags: tuple[str, ...]
) -> None:
    """A capped composite is never above its ceiling, and two of them stand in the order they had without the cap."""
    ceiling = min((RUBRIC.caps.get(flag, 1.0) for flag in flags), default=1.0)
    capped = [compose("r", RUBRIC, code, work, flags) for code in (one, two)]
    free = [compose("r", RUBRIC, code, work, ()) for code in (one, two)]

    assert all(found.high <= ceiling + 1e-12 for found in capped)
    if free[0].low <= free[1].low:
        assert capped[0].low <= capped[1].low + 1e-12


@given(CODE, FLAGS)
def test_a_flag_that_is_only_recorded_costs_nothing(code: dict[str, Interval], flags: tuple[str, ...]) -> None:
    """An output that addresses whoever grades is marked, unless the rubric puts a ceiling on that."""
    work = exactly(1.0)
    without = tuple(flag for flag in flags if flag != ADDRESSES_JUDGE)
    strict = Rubric(**{**RUBRIC.model_dump(), "caps": {**RUBRIC.caps, ADDRESSES_JUDGE: 0.0}})

    recorded = compose("r", RUBRIC, code, work, (*without, ADDRESSES_JUDGE))
    assert (recorded.low, recorded.high) == (
        compose("r", RUBRIC, code, work, without).low, compose("r", RUBRIC, code, work, without).high,
    )  # fmt: skip
    assert ADDRESSES_JUDGE in recorded.flags
    assert compose("r", strict, code, work, (*without, ADDRESSES_JUDGE)).high == 0.0
