"""Damage with a known effect: what each operator must move, must leave still, and must never raise."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import combinations, pairwise

import pytest

from tasks_lib.records import TaskInstance
from tasks_lib.spreadsheet_clean.corrupt import ASPECTS
from tasks_lib.spreadsheet_clean.table import raw_file
from tests.support_spreadsheet import (
    BENCH,
    DIMENSIONS,
    FAMILY,
    GRADER,
    Graded,
    csv_of,
    grade_text,
    ladder_text,
    mixed_instances,
    one_instance,
)

EPS = 1e-9
OPERATORS = FAMILY.operators
DEGRADE = [name for name, operator in OPERATORS.items() if operator.kind == "degrade"]
NEUTRAL = [name for name, operator in OPERATORS.items() if operator.kind == "neutral"]


BLIND = {"figure_spelled_out": ("unit_consistency", "unit_consistency.unit")}
"""Operator -> aspects that should move and do not, each a declared limit of the grader."""


def _instances() -> tuple[TaskInstance, ...]:
    return (*mixed_instances(84, 21), *mixed_instances(42, 22, "stress"))


@cache
def _rungs(operator: str) -> tuple[tuple[str, tuple[Graded | None, ...]], ...]:
    """Grade severities 0 to 4 of one operator on 126 instances; None where a rung does not apply."""
    return tuple((instance.instance_id, BENCH.rungs(instance, operator)) for instance in _instances())


def _steps(rungs: tuple[Graded | None, ...]) -> Iterator[tuple[Graded, Graded]]:
    """Pairs of neighbouring rungs, severity 0 included."""
    return pairwise([rung for rung in rungs if rung is not None])


@pytest.mark.parametrize("operator", OPERATORS)
def test_operator_moves_what_it_declares_and_leaves_the_rest_still(operator: str) -> None:
    """At severity 2 and above: every `moves` aspect falls in 99 % of instances, every `still` one stays in 99 %."""
    expect = OPERATORS[operator].expect
    wrong: Counter[str] = Counter()
    n = 0
    for _, rungs in _rungs(operator):
        start = rungs[0]
        assert start is not None
        for rung in rungs[2:]:
            if rung is None:
                continue
            n += 1
            for aspect in ASPECTS:
                change = rung[aspect] - start[aspect]
                wrong[aspect] += expect[aspect] == "moves" and change >= -EPS
                wrong[aspect] += expect[aspect] == "still" and abs(change) > EPS

    assert set(expect) == set(ASPECTS)
    for aspect in BLIND.get(operator, ()):
        assert wrong.pop(aspect) == n, "no longer blind: take the limit out"
    # Not applicable is allowed, but an operator that applies almost nowhere proves nothing.
    assert n >= 0.4 * 3 * len(_instances())
    assert {aspect: count for aspect, count in wrong.items() if count > 0.01 * n} == {}


@pytest.mark.parametrize("operator", [*DEGRADE, "delete_defect_rows"])
def test_composite_falls_with_every_step_of_damage(operator: str) -> None:
    """No rung earns more than the one below it, on any instance; every applicable rung earns less than the start."""
    for name, rungs in _rungs(operator):
        for milder, worse in _steps(rungs):
            assert worse.reward <= milder.reward + EPS, name
        assert rungs[0] is not None
        for rung in rungs[1:]:
            if rung is not None:
                assert rung.reward < rungs[0].reward - EPS, name


@pytest.mark.parametrize("operator", [*DEGRADE, "delete_defect_rows"])
def test_no_dimension_rises_with_damage(operator: str) -> None:
    """No dimension of any rung is above the rung below it, so damage buys nothing anywhere."""
    for name, rungs in _rungs(operator):
        for milder, worse in _steps(rungs):
            for dimension in DIMENSIONS:
                assert worse[dimension] <= milder[dimension] + EPS, (name, dimension)


@pytest.mark.parametrize("operator", NEUTRAL)
def test_neutral_rewrite_changes_nothing_at_all(operator: str) -> None:
    """Every dimension, facet, the work and the composite of a neutral rewrite are those of the oracle."""
    for name, rungs in _rungs(operator):
        start = rungs[0]
        assert start is not None
        for rung in rungs[1:]:
            assert rung == start, name


def test_neutral_rewrites_do_rewrite() -> None:
    """A neutral rewrite that changed no byte would prove nothing: each changes a good part of the outputs."""
    for operator in NEUTRAL:
        changed = sum(ladder_text(i, operator, 1) != FAMILY.oracle(i) for i in mixed_instances(84, 21))
        assert changed > 0.4 * 84, operator


def test_deleting_defective_records_never_pays() -> None:
    """STATISTICS 4.3: the compensation index, gains over losses, is below 1 (here: 0)."""
    weights = GRADER.rubric.weights
    for name, rungs in _rungs("delete_defect_rows"):
        start = rungs[0]
        assert start is not None
        for rung in rungs[1:]:
            if rung is None:
                continue
            change = {d: rung[d] - start[d] for d in DIMENSIONS}
            gains = sum(weights[d] * max(0.0, change[d]) for d in DIMENSIONS)
            losses = sum(weights[d] * max(0.0, -change[d]) for d in DIMENSIONS)
            assert losses > EPS, name
            assert gains / losses < 1, name
            assert gains <= EPS, name
            assert rung.reward < start.reward, name


def test_leaving_all_defects_ends_at_the_raw_file() -> None:
    """The last rung of leave_defects is the raw file to the byte, so the ladder spans all that a policy can do."""
    for instance in mixed_instances(21, 21):
        assert ladder_text(instance, "leave_defects", 4) == raw_file(instance)


# --- nestedness ------------------------------------------------------------------------------------


def _records(text: str) -> list[tuple[str, ...]]:
    return [tuple(line) for line in csv.reader(io.StringIO(text))][1:]


def _damage(operator: str, instance: TaskInstance, severity: int) -> Counter[tuple[object, ...]]:
    """Return the set of places that a rung damages."""
    gold = _records(FAMILY.oracle(instance))
    text = ladder_text(instance, operator, severity)
    assert text is not None
    rows = _records(text)
    if operator == "drop_rows":
        return Counter(gold) - Counter(rows)
    if operator == "duplicate_rows":
        return Counter(rows) - Counter(gold)
    return Counter(
        (r, c) for r, (old, new) in enumerate(zip(gold, rows, strict=True)) for c in range(len(old)) if old[c] != new[c]
    )


@pytest.mark.parametrize("operator", ["drop_rows", "duplicate_rows", "alter_values", "blank_cells", "leave_unit"])
def test_higher_severity_contains_the_lower(operator: str) -> None:
    """Severities damage 1, 2, 4 and 8 places, and each damages every place of the one before."""
    for archetype in FAMILY.archetypes:
        instance = one_instance(6, archetype, rows=40)
        damage = [_damage(operator, instance, severity) for severity in (1, 2, 3, 4)]
        assert [sum(places.values()) for places in damage] == [1, 2, 4, 8], archetype
        for less, more in pairwise(damage):
            assert not less - more, archetype


# --- two operators together ------------------------------------------------------------------------

ON_CELLS = (
    "alter_values", "scale_values", "leave_unit", "leave_unit_text", "unit_in_note", "swap_columns", "alter_text",
    "blank_cells", "invent_values",
)  # fmt: skip
ON_LINES = ("drop_rows", "duplicate_rows", "fabricate_rows", "keep_junk")


def _joined(instance: TaskInstance, one: str, other: str) -> str | None:
    """Apply two operators to one output: edits, lines left out or added; None where one would undo the other."""
    texts = [ladder_text(instance, operator, 2) for operator in (one, other)]
    if texts[0] is None or texts[1] is None:
        return None
    gold = _records(FAMILY.oracle(instance))
    cells, dropped, added = [list(row) for row in gold], set[int](), list[tuple[str, ...]]()
    touched: Counter[tuple[int, int]] = Counter()
    for operator, text in sorted(zip((one, other), texts, strict=True), key=lambda pair: pair[0] not in ON_CELLS):
        rows = _records(text)
        if operator in ON_CELLS:
            for r, row in enumerate(rows):
                for c, cell in enumerate(row):
                    if cell != gold[r][c]:
                        cells[r][c] = cell
                        touched[r, c] += 1
        elif operator == "drop_rows":
            left = iter([*rows, ()])
            head = next(left)
            for r, row in enumerate(gold):
                if head == row:
                    head = next(left)
                else:
                    dropped.add(r)
        else:
            # A copy is a copy of what stands there after the edits, or it would bring the record back.
            added += [tuple(cells[gold.index(row)]) if row in gold else row for row in rows[len(gold) :]]
    if max(touched.values(), default=0) > 1 or any(tuple(cells[r]) in added for r in dropped):
        return None  # the one would undo the other
    buffer = io.StringIO()
    body = [row for r, row in enumerate(cells) if r not in dropped]
    csv.writer(buffer, lineterminator="\n").writerows([*body, *added])
    header = FAMILY.oracle(instance).splitlines()[0]
    return f"{header}\n{buffer.getvalue()}"


@pytest.mark.parametrize("one", [*ON_CELLS, *ON_LINES])
def test_two_damages_earn_no_more_than_either(one: str) -> None:
    """No pair of operators masks each other: together they earn at most what the worse one earns alone."""
    pairs = [pair for pair in combinations((*ON_CELLS, *ON_LINES), 2) if pair[0] == one]
    for instance in (*mixed_instances(21, 23), *mixed_instances(7, 24, "stress")):
        alone = {
            name: grade_text(instance, text).reward
            for name in {name for pair in pairs for name in pair}
            if (text := ladder_text(instance, name, 2)) is not None
        }
        for pair in pairs:
            joined = _joined(instance, *pair)
            if joined is not None:
                assert grade_text(instance, joined).reward <= min(alone[n] for n in pair) + EPS, (pair, instance)


def test_csv_of_writes_what_the_oracle_writes() -> None:
    """The helper that hand-written tests use and the renderer write the same file."""
    from tests.support_spreadsheet import ROWS, hand_instance

    assert csv_of(ROWS) == FAMILY.oracle(hand_instance())
