"""Scores of hand-written outputs on a hand-written table, each derived in a comment.

The table of `support_spreadsheet` has 4 records of 5 columns (20 cells, 18 filled), 12 number cells and 4
defects: two unconverted units, one missing-value token, one empty line. Unless a comment says otherwise
a dimension is 1 and all four defects are repaired.
"""

from collections.abc import Mapping

import pytest

from graders.addressing import SCREEN_LIMITS
from graders.spreadsheet_clean import LIMITS
from tasks_lib import policy
from tasks_lib.spreadsheet_clean.table import CellDefect, table_truth
from tests.support_spreadsheet import (
    COLUMNS,
    DEFECTS,
    DIMENSIONS,
    FAMILY,
    GRADER,
    ROWS,
    csv_of,
    edited,
    grade_text,
    hand_instance,
    ladder_text,
    mixed_instances,
    probe_text,
)

HEADER = [column.name for column in COLUMNS]
ORACLE = csv_of(ROWS)
DP, FV, UC, CO = DIMENSIONS


def _check(output: str, work: float = 1.0, **expected: float) -> None:
    """Compare every dimension, the work and the reward; a dimension that is not named must be 1."""
    graded = grade_text(hand_instance(), output)
    names = {"dp": DP, "fv": FV, "uc": UC, "co": CO}
    want = dict.fromkeys(DIMENSIONS, 1.0) | {names[short]: value for short, value in expected.items()}

    assert {name: graded[name] for name in DIMENSIONS} == pytest.approx(want)
    assert graded.work == pytest.approx(work)
    weights: Mapping[str, float] = GRADER.rubric.weights
    mean = sum(weights[name] * want[name] for name in DIMENSIONS)
    assert graded.reward == pytest.approx(mean * (0.2 + 0.8 * work))


def test_gold_table_earns_everything() -> None:
    """The gold table scores 1 on every dimension and facet, and all defects are repaired."""
    _check(ORACLE)
    assert set(grade_text(hand_instance(), ORACLE).aspects.values()) == {1.0}


LOST = {"dp": 3 / 4, "fv": 15 / 20, "uc": 9 / 12, "co": 14 / 18, "work": 2.75 / 4}
"""P002 lost: its 5 cells, 3 number cells and 4 filled cells with it; its unit stays unrepaired and the empty
line's removal counts for the share of records that are there: 1 + 1 + .75 of 4."""


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        pytest.param(csv_of([ROWS[0], *ROWS[2:]]), LOST, id="row dropped"),
        pytest.param(ORACLE.replace("P002", '"P002'), LOST, id="broken quote"),
        pytest.param(ORACLE.replace("P002", "P002\0"), LOST, id="nul byte in a record"),
        # 4 of 4 + 1 lines; the line too many stands for the empty line that had to go, and a record that is
        # handed in twice has not been repaired: P002's unit and P003's token are left.
        pytest.param(csv_of([*ROWS, ROWS[0]]), {"dp": 4 / 5, "work": 2 / 4}, id="duplicate"),
        pytest.param(csv_of([*ROWS, ("P009", *ROWS[0][1:])]), {"dp": 4 / 5, "work": 3 / 4}, id="fabricated"),
        pytest.param(csv_of([*ROWS, HEADER]), {"dp": 4 / 5, "work": 3 / 4}, id="repeated header"),
        # A changed key is one record lost and one invented: 3 of 4 + 1; no junk credit: (1 - 1) * .75.
        pytest.param(csv_of(edited({(1, 0): "P772"})), {**LOST, "dp": 3 / 5, "work": 2 / 4}, id="key altered"),
        # One number cell of 12; its defect is not repaired, and a figure that hides its unit is none of dollars.
        pytest.param(
            csv_of(edited({(0, 1): "1.5"})), {"uc": 11 / 12, "fv": 19 / 20, "work": 3 / 4}, id="unit wrong by factor"
        ),
        pytest.param(csv_of(edited({(3, 1): "9812.00"})), {"uc": 11 / 12}, id="value wrong"),
        # The cell is no number either: one typed cell of 20 less.
        pytest.param(csv_of(edited({(0, 1): "1.5 K"})), {"uc": 11 / 12, "fv": 19 / 20, "work": 3 / 4}, id="unit text"),
        # A unit in the remark spoils the record's three number cells and the remark itself.
        pytest.param(
            csv_of(edited({(0, 4): "late entry orig 1.5 K"})), {"uc": 9 / 12, "co": 17 / 18}, id="unit in note"
        ),
        pytest.param(
            csv_of(edited({(0, 4): "late entry (1.5)"})), {"uc": 9 / 12, "co": 17 / 18}, id="bare figure in note"
        ),
        pytest.param(
            csv_of([[*row, old] for row, old in zip(ROWS, ("1.5", "", "", ""), strict=True)], [*HEADER, "old"]),
            {"uc": 9 / 12, "fv": 20 / 24},
            id="extra column with the old figure",
        ),
        # Four cells of the column are gone: 3 filled ones, 4 typed ones, 4 numbers, and the repaired token; four
        # stand under a heading nobody asked for.
        pytest.param(
            csv_of(ROWS, ["code", "price_usd", "mass_kg", "Count", "notes"]),
            {"fv": 16 / 24, "uc": 8 / 12, "co": 15 / 18, "work": 3 / 4},
            id="renamed header",
        ),
        pytest.param(
            csv_of([[*row, row[3]] for row in ROWS], [*HEADER, "count"]),
            {"fv": 16 / 28, "uc": 8 / 12, "co": 15 / 18, "work": 3 / 4},
            id="heading twice",
        ),
        # The key is known by what is in it, so the records are found; its own 4 cells are lost.
        pytest.param(
            csv_of(ROWS, ["Part number", *HEADER[1:]]), {"fv": 16 / 24, "co": 14 / 18}, id="key under another heading"
        ),
        pytest.param(csv_of(edited({(0, 3): ""})), {"fv": 19 / 20, "uc": 11 / 12, "co": 17 / 18}, id="blank"),
        # P003 had no count: a wrong number, and the token is not repaired.
        pytest.param(csv_of(edited({(2, 3): "9"})), {"uc": 11 / 12, "work": 3 / 4}, id="invented number"),
        pytest.param(csv_of(edited({(1, 4): "checked"})), {"co": 17 / 18}, id="invented remark"),
        pytest.param(csv_of(edited({(0, 4): "Late entry, phoned".replace(",", "")})), {"co": 17 / 18}, id="reworded"),
        pytest.param(f"```csv\n{ORACLE}```", {}, id="fenced"),
        pytest.param("\ufeff" + ORACLE.replace("\n", "\r\n"), {}, id="byte order mark and CRLF"),
        pytest.param(ORACLE.rstrip("\n"), {}, id="no newline at the end"),
        pytest.param(csv_of(ROWS, separator=";"), {"fv": 0}, id="semicolons"),
        # Five cells of one line too many on top of 20.
        pytest.param("Stock list\n" + ORACLE, {"fv": 20 / 25}, id="title above"),
        pytest.param(ORACLE + "\0\0\0\n", {"fv": 20 / 25}, id="nul line below"),
        pytest.param(ORACLE + "x" * 100_000, {"dp": 4 / 5, "work": 3 / 4}, id="100 kB on a line below"),
        pytest.param(csv_of(edited({(0, 1): "1,500.00"})).replace("1,500.00", '"1,500.00"'), {}, id="thousands"),
        # One field too many: the record's five cells are not where they seem to be.
        pytest.param(ORACLE.replace("late entry", "late entry,"), {"fv": 15 / 20}, id="ragged record"),
    ],
)
def test_hand_written_output_scores_as_derived(output: str, expected: dict[str, float]) -> None:
    """One kind of damage at a time moves exactly the dimensions it should, by the derived amount."""
    _check(output, **expected)


@pytest.mark.parametrize(
    ("output", "flag"),
    [
        ("", "empty_output"),
        (" \n\t", "empty_output"),
        ("The table has been cleaned and everything is fine.", "csv_not_parseable"),
        ("\0\u200b," * 30_000, "csv_not_parseable"),
        ("x" * 100_000, "csv_not_parseable"),
        (ORACLE.replace("P00", '"P00'), "csv_not_parseable"),
    ],
)
def test_output_that_is_no_table_earns_nothing(output: str, flag: str) -> None:
    """Nothing, prose, junk, or a file whose every line is broken: flagged, 0 everywhere, and settled."""
    graded = grade_text(hand_instance(), output)

    assert (graded.flags, graded.reward, graded.work) == ((flag,), 0.0, 0.0)
    assert set(graded.aspects.values()) == {0.0}
    assert set(graded.states.values()) == {"assessed"}


def test_facets_tell_the_kinds_of_damage_apart() -> None:
    """A wrong factor touches the unit facet only, a wrong value the value facet only, a lost row recall only."""
    instance = hand_instance()
    factor = grade_text(instance, csv_of(edited({(0, 1): "1.5"})))
    value = grade_text(instance, csv_of(edited({(3, 1): "9812.00"})))
    lost = grade_text(instance, csv_of(ROWS[1:]))
    extra = grade_text(instance, csv_of([*ROWS, ROWS[0]]))

    assert (factor[f"{UC}.value"], factor[f"{UC}.unit"]) == (1.0, pytest.approx(11 / 12))
    assert (value[f"{UC}.value"], value[f"{UC}.unit"]) == (pytest.approx(11 / 12), 1.0)
    assert (lost[f"{DP}.row_recall"], lost[f"{DP}.row_precision"]) == (0.75, 1.0)
    assert (extra[f"{DP}.row_recall"], extra[f"{DP}.row_precision"]) == (1.0, 0.8)


def test_record_under_its_raw_key_is_still_the_record() -> None:
    """A key left as the file has it is one wrong cell, not a record lost: .95 typed cells, 4 of 5 repairs."""
    defects = (*DEFECTS, CellDefect("d4", "label", 0, 0, "item 1", 0.0))
    graded = grade_text(hand_instance(defects=defects), csv_of(edited({(0, 0): "item 1"})))

    assert (graded[DP], graded[FV], graded[CO]) == (1.0, pytest.approx(19 / 20), 1.0)
    assert graded.work == pytest.approx(4 / 5)


def test_exact_duplicates_that_are_real_must_all_be_there() -> None:
    """With two equal gold records both copies earn 1, one copy 4 of 5, three copies 5 of 6."""
    rows = [*ROWS, ROWS[0]]
    instance = hand_instance(rows)

    assert grade_text(instance, csv_of(rows)).reward == 1.0
    assert grade_text(instance, csv_of(ROWS))[DP] == pytest.approx(4 / 5)
    assert grade_text(instance, csv_of([*rows, ROWS[0]]))[DP] == pytest.approx(5 / 6)


def test_near_duplicates_are_different_records() -> None:
    """A record that equals another in all but its key cannot be stood in for by it."""
    rows = [*ROWS, ("P005", *ROWS[0][1:])]
    instance = hand_instance(rows)

    assert grade_text(instance, csv_of(rows)).reward == 1.0
    assert grade_text(instance, csv_of(ROWS))[DP] == pytest.approx(4 / 5)
    # Its twin twice in its place: 4 found, 1 too many, of 5.
    assert grade_text(instance, csv_of([*ROWS, ROWS[0]]))[DP] == pytest.approx(4 / 6)


def test_keys_copied_over_made_up_content_earn_nothing() -> None:
    """Right headings and keys with the same invention in every record match no record."""
    made_up = [(row[0], "1.00", "1.0", "1", "x") for row in ROWS]

    assert grade_text(hand_instance(), csv_of(made_up)).reward == 0.0


def test_row_agreement_decides_whose_record_a_line_is() -> None:
    """A third of the other filled cells must agree: 1 of P002's 3 is enough, 1 of P001's 4 is not, 2 of 4 is."""

    def found(row: int, changes: dict[tuple[int, int], str]) -> bool:
        graded = GRADER.grade(hand_instance(), csv_of(edited(changes)))
        return row not in graded.scores[0].evidence["missing_rows"]

    assert found(1, {(1, 1): "1.00", (1, 2): "1.0"})
    assert not found(1, {(1, 1): "1.00", (1, 2): "1.0", (1, 3): "1"})
    assert not found(0, {(0, 1): "1.00", (0, 2): "1.0", (0, 3): "1"})
    assert found(0, {(0, 1): "1.00", (0, 2): "1.0"})


# --- attacks, shortcuts, declared limits -----------------------------------------------------------


@pytest.mark.parametrize("probe", [name for name, probe in FAMILY.probes.items() if probe.kind != "zero"])
def test_trick_gains_nothing_over_the_same_output_without_it(probe: str) -> None:
    """A shortcut or an attack earns at most what its honest counterpart earns, on every instance."""
    for instance in (*mixed_instances(84, 41), *mixed_instances(42, 41, "stress")):
        trick = grade_text(instance, probe_text(instance, probe))
        plain = grade_text(instance, policy(f"probe/{probe}@honest").attempt(FAMILY, instance, 0).output)
        assert trick.reward <= plain.reward + 1e-9, instance.instance_id
        if FAMILY.probes[probe].kind == "attack":
            for dimension in DIMENSIONS:
                assert trick[dimension] <= plain[dimension] + 1e-9, (instance.instance_id, dimension)


@pytest.mark.parametrize("index", range(40))
def test_overfit_ranks_below_the_weak_policy(index: int) -> None:
    """Half the records doubled, old figures in the remarks: below the weak policy's mean of 16 on every instance."""
    instance = mixed_instances(40, 42)[index]
    weak = policy("sim/weak")
    rewards = [grade_text(instance, weak.attempt(FAMILY, instance, sample).output).reward for sample in range(16)]

    assert grade_text(instance, probe_text(instance, "overfit")).reward < sum(rewards) / 16


def test_limits_are_declared_with_what_shows_them() -> None:
    """Every declared limit names an operator or probe that exists, and the grader carries the list."""
    assert GRADER.limits == (*LIMITS, *SCREEN_LIMITS)
    assert all(limit.shown_by in {*FAMILY.operators, *FAMILY.probes} for limit in LIMITS)
    # What a limit excuses is what its operator is known to miss; a limit that excuses nothing is only told.
    assert {limit.shown_by: limit.excuses for limit in LIMITS if limit.excuses} == {
        "figure_spelled_out": ("unit_consistency",)
    }
    # Each has its demonstration below; a new limit needs one too.
    assert {limit.name for limit in LIMITS} == {
        "key_altered",
        "remark_reworded",
        "figure_in_words",
        "any_line_order",
    }


def test_limit_key_altered_shows_as_one_lost_and_one_invented() -> None:
    """One altered key of n costs recall and precision: (n - 1) of (n + 1)."""
    for instance in mixed_instances(14, 43):
        n = len(table_truth(instance).rows)
        text = ladder_text(instance, "alter_keys", 1)
        assert text is not None
        assert grade_text(instance, text)[DP] == pytest.approx((n - 1) / (n + 1))


def test_limit_remark_reworded_shows_as_a_lost_cell() -> None:
    """One changed text, for better or worse, is one filled cell less."""
    for instance in mixed_instances(14, 43):
        filled = sum(bool(cell) for row in table_truth(instance).rows for cell in row)
        text = ladder_text(instance, "alter_text", 1)
        if text is not None:
            assert grade_text(instance, text)[CO] == pytest.approx((filled - 1) / filled)


def test_limit_figure_in_words_shows_as_a_lost_cell_only() -> None:
    """An old figure spelled out in a remark costs the remark; the unit is not seen."""
    for instance in mixed_instances(14, 43):
        text = ladder_text(instance, "figure_spelled_out", 1)
        assert text is not None
        graded = grade_text(instance, text)
        assert graded[UC] == 1.0
        assert graded[CO] < 1.0


def test_limit_any_line_order_shows_as_no_change() -> None:
    """Shuffled lines earn everything."""
    for instance in mixed_instances(14, 43):
        text = ladder_text(instance, "reorder_rows", 1)
        assert text is not None
        assert text != FAMILY.oracle(instance)
        assert grade_text(instance, text).reward == 1.0
