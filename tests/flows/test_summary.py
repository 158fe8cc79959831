"""What is said about a run: what holds, what does not, and how it fits a terminal."""

import io
from contextlib import redirect_stdout

import polars as pl
import pytest

from flows import summary, views
from flows.summary import NO_CONFUSION, NO_ORDER, NO_PROBES, RunSummary
from warehouse import Warehouse

VERDICTS = {
    "family": pl.String, "policy": pl.String, "verdict": pl.String, "resolved": pl.Boolean, "groups": pl.Int64,
}  # fmt: skip
DIFFICULTY = {
    "family": pl.String, "weak_policy": pl.String, "strong_policy": pl.String, "n_instances": pl.Int64,
    "weak_mean": pl.Float64, "strong_mean": pl.Float64, "p10": pl.Float64, "median": pl.Float64, "p90": pl.Float64,
    "discrimination": pl.Float64,
}  # fmt: skip
SEPARATION = {
    "family": pl.String, "lower": pl.String, "higher": pl.String, "is_whole_span": pl.Boolean, "n_instances": pl.Int64,
    "lower_mean": pl.Float64, "higher_mean": pl.Float64, "gap": pl.Float64, "ci_low": pl.Float64, "ci_high": pl.Float64,
    "separation": pl.String,
}  # fmt: skip
ORACLE = {"family": pl.String, "n": pl.Int64, "min_reward": pl.Float64}
LIMITS = {
    "family": pl.String, "name": pl.String, "text": pl.String, "shown_by": pl.String, "excuses": pl.List(pl.String),
}  # fmt: skip


def _summary(**rows: list[tuple[object, ...]]) -> RunSummary:
    given: dict[str, list[tuple[object, ...]]] = {
        "verdicts": [
            ("f", "sim/weak", "trainable", True, 20),
            ("f", "sim/weak", "no_signal", False, 10),
            ("f", "sim/strong", "trainable", True, 5),
        ],
        "probes": [("f", "echo", "zero", 0.2, 0.1, 0.25, None, 0.4, 0.0, True)],
        "confusion": [("f", "drop_rows", "data_preservation", "moves", 90, 1.0, 0.3, True)],
        "monotonicity": [("f", "drop_rows", "composite", 40, 0, 0.0, 1.0)],
        "difficulty": [("f", "sim/weak", "sim/strong", 30, 0.4, 0.9, 0.1, 0.3, 0.6, 0.5)],
        "separation": [("f", "sim/weak", "sim/strong", True, 30, 0.4, 0.9, 0.5, 0.45, 0.55, "separate")],
        "oracle": [("f", 30, 1.0)],
        "limits": [],
        **rows,
    }
    schemas = {
        "verdicts": VERDICTS, "probes": NO_PROBES.schema, "confusion": NO_CONFUSION.schema,
        "monotonicity": NO_ORDER.schema,
        "difficulty": DIFFICULTY, "separation": SEPARATION, "oracle": ORACLE, "limits": LIMITS,
    }  # fmt: skip
    frames = {name: pl.DataFrame(given[name], schema=schema, orient="row") for name, schema in schemas.items()}
    return RunSummary(run_id="r", counts={}, **frames)


@pytest.mark.parametrize(
    ("query", "frame"),
    [(summary.PROBES, NO_PROBES), (summary.CONFUSION, NO_CONFUSION), (summary.MONOTONICITY, NO_ORDER)],
    ids=["probes", "confusion", "order"],
)
def test_what_nobody_attempted_has_the_columns_of_the_question(query: str, frame: pl.DataFrame) -> None:
    """A run of groups alone is not asked about probes and ladders, and says of them what the question would."""
    with Warehouse.in_memory() as warehouse:
        assert warehouse.sql(query, ["r"]).equals(frame)
        assert warehouse.sql(query, ["r"]).schema == frame.schema


def _shown(summary: RunSummary) -> str:
    text = io.StringIO()
    with redirect_stdout(text):
        views.show_run(summary)
        views.show_limits(summary)
    return text.getvalue()


def test_summary_with_everything_in_order_has_no_breaches() -> None:
    """What holds is not reported."""
    assert _summary().breaches() == []


def test_summary_of_nothing_does_not_hold() -> None:
    """An audit that measured nothing has proven nothing."""
    breaches = _summary(oracle=[], probes=[], confusion=[]).breaches()

    assert breaches == ["oracle: nothing was measured", "probes: nothing was measured", "ladders: nothing was measured"]


def test_summary_names_every_breach() -> None:
    """Oracle, floor, expectation and order each have their line."""
    summary = _summary(
        oracle=[("f", 30, 0.97)],
        probes=[
            ("f", "echo", "zero", 0.3, 0.1, 0.25, None, 0.4, 0.1, False),
            ("f", "overfit", "shortcut", 0.6, 0.5, 0.25, 0.125, 0.4, 0.7, False),
        ],
        confusion=[
            ("f", "drop_rows", "unit_consistency", "still", 90, 0.2, 0.1, False),
            ("f", "drop_rows", "completeness", "may", 90, 0.5, 0.1, None),
            ("f", "drop_rows", "completness", "moves", 0, None, None, None),
            ("f", "delete_hard", "composite", "no_gain", 90, 0.1, -0.1, False),
            ("f", "never_applies", "completeness", "moves", 0, None, None, None),
        ],
        monotonicity=[("f", "drop_rows", "composite", 40, 3, 0.075, 0.9)],
    )

    assert summary.breaches() == [
        "f: the oracle earns 0.970 on some instance, not 1",
        "f: probe echo earns 0.300, the floor is 0.25",
        "f: probe overfit gains 0.125 over the same output without the trick",
        "f: drop_rows should lower completness, which the grader never scored",
        "f: drop_rows should leave alone unit_consistency, which moved in 20% of the instances",
        "f: delete_hard should not raise composite, which rose in 10% of the instances",
        "f: drop_rows: worse scored higher in 3 of 40 pairs",
    ]


def test_summary_known_limit_is_no_breach() -> None:
    """A blind spot that the grader declares, and the probe that shows it, is listed but not held against it."""
    summary = _summary(
        probes=[("f", "echo", "zero", 0.3, 0.1, 0.25, None, 0.4, 0.1, False)],
        limits=[("f", "echo_pays", "An echo is paid a little.", "echo", ["reward"])],
    )

    assert summary.breaches() == []
    assert "echo_pays" in _shown(summary)


def test_summary_known_limit_excuses_nothing_else() -> None:
    """A limit excuses the dimension it names: another breach of the same operator, or of a probe, is reported."""
    summary = _summary(
        probes=[("f", "echo", "zero", 0.3, 0.1, 0.25, None, 0.4, 0.1, False)],
        confusion=[
            ("f", "spell_out", "unit", "moves", 90, 0.0, 0.0, False),
            ("f", "spell_out", "rows", "still", 90, 0.5, 0.1, False),
        ],
        limits=[
            ("f", "in_words", "Words are not read.", "spell_out", ["unit"]),
            ("f", "echo_is_odd", "Shown, and nothing is wrong with it.", "echo", []),
        ],
    )

    assert summary.breaches() == [
        "f: probe echo earns 0.300, the floor is 0.25",
        "f: spell_out should leave alone rows, which moved in 50% of the instances",
    ]


def test_summary_reports_a_limit_that_is_gone() -> None:
    """A blind spot must stay blind or be taken off the list: a grader that sees it now says so."""
    summary = _summary(
        confusion=[("f", "spell_out", "unit", "moves", 90, 1.0, 0.2, True)],
        limits=[
            ("f", "in_words", "Words are not read.", "spell_out", ["unit"]),
            ("f", "echo_pays", "An echo is paid a little.", "echo", ["reward"]),
        ],
    )

    assert summary.breaches() == [
        "f: limit echo_pays excuses echo (reward), which holds; take it out",
        "f: limit in_words excuses spell_out (unit), which holds; take it out",
    ]


def test_summary_reports_a_trick_that_was_compared_with_nothing() -> None:
    """A shortcut without a counterpart has been measured against nothing, which is no pass."""
    summary = _summary(probes=[("f", "overfit", "shortcut", 0.6, 0.5, 0.25, None, 0.4, 0.7, None)])

    assert summary.breaches() == ["f: probe overfit has no output without the trick to be compared with"]


def test_summary_counts_groups_by_verdict() -> None:
    """Totals over policies, the most frequent first."""
    assert _summary().verdict_totals() == {"trainable": 25, "no_signal": 10}


def test_summary_fits_eighty_columns() -> None:
    """Tables of a family with long names stay readable in a narrow terminal, without colour when not on one."""
    dimensions = ("data_preservation", "format_validity", "unit_consistency", "completeness")
    summary = _summary(
        confusion=[
            ("spreadsheet_clean", "swap_two_columns_of_values", name, "moves", 90, 1.0, 0.3, name != "completeness")
            for name in dimensions
        ],
        probes=[
            (
                "spreadsheet_clean",
                "keep_half_and_duplicate_hide_unit",
                "shortcut",
                0.2,
                0.1,
                0.25,
                -0.1,
                None,
                None,
                True,
            )
        ],
    )

    shown = _shown(summary)
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert "\x1b" not in shown
    assert "!100% v" in shown


def test_summary_without_anchors_says_so() -> None:
    """Where an anchor did not take part the difficulty is not known."""
    unknown = ("f", None, None, 30, None, None, None, None, None, None)

    assert "Difficulty of f: not known, an anchor is missing" in _shown(_summary(difficulty=[unknown]))


def test_summary_says_when_the_anchors_do_not_separate() -> None:
    """What cannot be told apart, what stands in the wrong order, and nothing where all is well."""
    alike = ("f", "a", "b", True, 30, 0.4, 0.41, 0.01, -0.02, 0.04, "not_separate")
    wrong = ("f", "b", "c", False, 30, 0.5, 0.4, -0.1, -0.12, -0.08, "reversed")
    shown = _shown(_summary(separation=[alike, wrong]))

    assert "f: the anchors do not separate\n  a and b cannot be told apart: gap 0.010" in shown
    assert "f: within the span, b and c stand in the wrong order\n  b earns more than c" in shown
    assert max(len(line) for line in shown.splitlines() if line.startswith("  ")) <= 80
    assert "separate" not in _shown(_summary())
