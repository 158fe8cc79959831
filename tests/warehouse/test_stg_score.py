"""stg_score: code proves a frame, judges narrow what it leaves open, and nothing else moves it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from random import Random
from statistics import fmean
from typing import Any

import pytest

from tests.warehouse.rows import Lab

HERE = "i1/sim/mid/0"


def one_rollout() -> Lab:
    """Return a warehouse with one rollout."""
    lab = Lab()
    lab.group([0.5])
    return lab


@pytest.mark.parametrize(
    ("code", "verdicts", "expected"),
    [
        # Code proves at least .7, a judge says .4: the proof stands.
        ((0.7, 1.0), [0.4], (0.7, 0.7, "assessed")),
        # Within the frame the judge decides; beyond it, its end does.
        ((0.2, 0.8), [0.6], (0.6, 0.6, "assessed")),
        ((0.2, 0.8), [0.9], (0.8, 0.8, "assessed")),
        # Repeats are averaged: (.4 + .6) / 2.
        ((0.0, 1.0), [0.4, 0.6], (0.5, 0.5, "assessed")),
        # One of three without a verdict is [0, 1]: low (.6 + .6 + 0) / 3, high (.6 + .6 + 1) / 3.
        ((0.0, 1.0), [0.6, 0.6, None], (0.4, 2.2 / 3, "partial")),
        # The same in a frame of [.5, .6]: neither end may leave it.
        ((0.5, 0.6), [0.6, 0.6, None], (0.5, 0.6, "partial")),
        # No verdict at all leaves what code left.
        ((0.2, 0.8), [None, None], (0.2, 0.8, "partial")),
        ((0.0, 1.0), [None], (0.0, 1.0, "unassessed")),
        # A judge has nothing to add to what is settled.
        ((0.3, 0.3), [1.0], (0.3, 0.3, "assessed")),
        # Without code the frame is [0, 1].
        (None, [0.4, 0.5], (0.45, 0.45, "assessed")),
        (None, [None], (0.0, 1.0, "unassessed")),
    ],
)
def test_stg_score_of_code_and_a_judge(
    code: tuple[float, float] | None, verdicts: Sequence[float | None], expected: tuple[float, float, str]
) -> None:
    """The judge's mean interval, clipped into the frame of code."""
    lab = one_rollout()
    if code is not None:
        lab.score(HERE, "a", *code)
    lab.judge(HERE, "a", verdicts)

    row = lab.one("stg_score")
    assert (row["low"], row["high"], row["state"]) == (
        pytest.approx(expected[0]),
        pytest.approx(expected[1]),
        expected[2],
    )
    assert (row["frame_low"], row["frame_high"]) == (code or (0.0, 1.0))


def test_stg_score_of_a_panel_is_its_hull() -> None:
    """Judges with means .4 and .7: both stay possible, whatever the code leaves open beyond them."""
    lab = one_rollout()
    lab.score(HERE, "a", 0.1, 0.9)
    lab.judge(HERE, "a", [0.3, 0.5], judge="judge/one")
    lab.judge(HERE, "a", [0.7], judge="judge/two")

    row = lab.one("stg_score")
    assert (row["low"], row["high"], row["state"]) == (pytest.approx(0.4), pytest.approx(0.7), "partial")


def test_stg_score_of_a_panel_that_agrees_is_assessed() -> None:
    """.1 + .2 + .3 and .3 + .2 + .1 differ in the last bit; a width of rounding is no width."""
    lab = one_rollout()
    lab.judge(HERE, "a", [0.1, 0.2, 0.3], judge="judge/one")
    lab.judge(HERE, "a", [0.3, 0.2, 0.1], judge="judge/two")

    row = lab.one("stg_score")
    assert (row["low"], row["state"]) == (pytest.approx(0.2), "assessed")


def test_stg_score_is_an_error_only_where_everything_failed() -> None:
    """A failed judge beside code that looked, or a failed grader beside a judge that did, is no error."""
    lab = Lab()
    lab.group([0.5] * 4)
    failed = {"state": "error"}
    for sample, (code, judge) in enumerate(((True, True), (False, True), (True, False))):
        rollout_id = f"i1/sim/mid/{sample}"
        lab.score(rollout_id, "a", 0.0, 1.0, **(failed if code else {}))
        lab.score(rollout_id, "a", 0.0, 1.0, grader_id="judge", source="judge", **(failed if judge else {}))
    lab.score("i1/sim/mid/3", "a", 0.0, 1.0, **failed)
    lab.judge("i1/sim/mid/3", "a", [0.4])

    states = [lab.one("stg_score", rollout_id=f"i1/sim/mid/{sample}")["state"] for sample in range(4)]
    assert states == ["error", "unassessed", "unassessed", "assessed"]


def rows_of(rng: Random) -> list[dict[str, Any]]:
    """Return random rows of one dimension: up to two graders of code and three judges, with repeats."""
    rows = []
    for grader in range(rng.randint(0, 2)):
        for replicate in range(rng.randint(1, 2)):
            ends = sorted(rng.choice((0.0, 0.25, 0.5, 0.75, 1.0)) for _ in range(2))
            state = "error" if rng.random() < 0.2 else None
            low, high = (0.0, 1.0) if state else ends
            rows.append(row_of("deterministic", f"code-{grader}", replicate, low, high, state))
    for judge in range(rng.randint(0 if rows else 1, 3)):
        share = rng.choice((0.0, 0.4, 1.0))
        for replicate in range(rng.randint(1, 4)):
            if rng.random() < share:
                state = rng.choice(("unassessed", "error"))
                rows.append(row_of("judge", f"judge/{judge}", replicate, 0.0, 1.0, state))
            else:
                level = rng.randint(0, 3) / 3
                rows.append(row_of("judge", f"judge/{judge}", replicate, level, level, "assessed"))
    return rows


def row_of(source: str, grader_id: str, replicate: int, low: float, high: float, state: str | None) -> dict[str, Any]:
    """Return one row; without a state it is that of the interval."""
    by_interval = "assessed" if low == high else "unassessed" if (low, high) == (0, 1) else "partial"
    return {
        "source": source, "grader_id": grader_id, "replicate": replicate, "low": low, "high": high,
        "state": state or by_interval,
    }  # fmt: skip


def combined(rows: Sequence[dict[str, Any]]) -> tuple[float, float, str]:
    """Return low, high and state by the rule, step by step."""
    graders: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        graders[row["source"], row["grader_id"]].append(row)

    def means(source: str, end: str) -> list[float]:
        return [fmean(row[end] for row in found) for key, found in graders.items() if key[0] == source]

    def extreme(best: Any, values: Iterable[float], otherwise: float) -> float:
        return float(best(values, default=otherwise))

    code_low = extreme(max, means("deterministic", "low"), 0.0)
    code_high = max(code_low, extreme(min, means("deterministic", "high"), 1.0))
    low = min(max(extreme(min, means("judge", "low"), 0.0), code_low), code_high)
    high = min(max(extreme(max, means("judge", "high"), 1.0), code_low), code_high)
    if all(row["state"] == "error" for row in rows):
        return low, high, "error"
    if high - low < 1e-9:
        return low, high, "assessed"
    return low, high, "unassessed" if (low, high) == (0, 1) else "partial"


def test_stg_score_by_the_rule_on_random_rows() -> None:
    """Six hundred dimensions with random graders, judges, repeats and failures, against plain Python."""
    rng, lab, expected = Random(11), Lab(), {}
    with lab.together():
        for index in range(600):
            rows = rows_of(rng)
            expected[f"r{index}"] = combined(rows)
            for row in rows:
                lab.score(f"r{index}", "a", **row)

    found = {row["rollout_id"]: row for row in lab.view("stg_score")}
    assert set(found) == set(expected)
    for name, (low, high, state) in expected.items():
        row = found[name]
        assert (row["low"], row["high"], row["state"]) == (pytest.approx(low), pytest.approx(high), state), name
        assert row["frame_low"] <= row["low"] <= row["high"] <= row["frame_high"]
    # The random rows do reach every state.
    assert {state for _, _, state in expected.values()} == {"assessed", "partial", "unassessed", "error"}


@pytest.mark.parametrize(
    ("code", "verdicts", "expected"),
    [
        ((0.2, 0.8), [(0.5, True)], (0.5, 0.5, "assessed")),
        ((0.2, 0.8), [(0.5, None)], (0.5, 0.5, "assessed")),  # a file from before anybody asked
        ((0.2, 0.8), [(0.5, False)], (0.2, 0.8, "partial")),
        # A panel of which one member counts is that member: no hull with the other.
        ((0.0, 1.0), [(0.25, False), (0.75, True)], (0.75, 0.75, "assessed")),
        ((0.0, 1.0), [(0.25, False), (0.75, False)], (0.0, 1.0, "unassessed")),
        # Where no code looked and nobody counts nothing is known, and nobody failed.
        (None, [(0.5, False)], (0.0, 1.0, "unassessed")),
        (None, [(None, False)], (0.0, 1.0, "unassessed")),
    ],
)
def test_only_trusted_judges_narrow(
    code: tuple[float, float] | None,
    verdicts: Sequence[tuple[float | None, bool | None]],
    expected: tuple[float, float, str],
) -> None:
    """A verdict that is not trusted is there and changes nothing."""
    lab = one_rollout()
    if code is not None:
        lab.score(HERE, "a", *code)
    for number, (value, is_trusted) in enumerate(verdicts):
        ends = (0.0, 1.0) if value is None else (value, value)
        state = "error" if value is None else "assessed"
        lab.score(HERE, "a", *ends, grader_id=f"judge/{number}", source="judge", state=state, is_trusted=is_trusted)

    row = lab.one("stg_score")
    assert (row["low"], row["high"], row["state"]) == expected


def test_a_judge_that_does_not_count_does_not_hide_that_code_failed() -> None:
    """Code failed and the only judge does not count: everybody who counts failed. With one that does, it is known."""
    for is_trusted, state in ((False, "error"), (True, "assessed")):
        lab = one_rollout()
        lab.score(HERE, "a", 0.0, 1.0, state="error")
        lab.score(HERE, "a", 0.5, grader_id="judge/m", source="judge", is_trusted=is_trusted)
        assert lab.one("stg_score")["state"] == state
