"""Generated instances: solvable, honest about what is wrong, the same everywhere, and different enough."""

import csv
import hashlib
import io
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tasks_lib import family
from tasks_lib.records import TaskInstance
from tasks_lib.spreadsheet_clean.archetypes import ARCHETYPES
from tasks_lib.spreadsheet_clean.knobs import SpreadsheetKnobs
from tasks_lib.spreadsheet_clean.table import JUNK_KINDS, raw_file, table_truth
from tests.support_spreadsheet import FAMILY, grade_text, mixed_instances, one_instance, probe_text

ROOT = Path(__file__).parents[2]
ZERO = [name for name, probe in FAMILY.probes.items() if probe.kind == "zero"]

CALM: dict[str, Any] = {
    "rows": 30, "unit_mix": 0.05, "date_formats": 1, "blank_rows": 0, "annotation_rows": 0, "near_duplicates": 0,
    "exact_duplicates": 0, "renamed_headers": 0, "whitespace": 0, "ragged": 0, "thousands": 0, "number_styles": 0,
    "missing_tokens": 0, "label_variants": 0, "decoys": 0,
}  # fmt: skip
"""Every density at its least, so that a test can turn one knob and see its effect alone."""


def _raw(instance: TaskInstance) -> str:
    return raw_file(instance)


def _raw_lines(instance: TaskInstance) -> list[list[str]]:
    return list(csv.reader(io.StringIO(_raw(instance)), delimiter=instance.knobs["separator"]))


def _kinds(instance: TaskInstance) -> Counter[str]:
    return Counter(defect.kind for defect in table_truth(instance).defects)


def test_oracle_earns_everything_and_zero_work_the_floor_at_most() -> None:
    """On 2,000 instances over all archetypes and difficulties the oracle earns 1.0 and no zero-work probe over .25."""
    for instance in FAMILY.instances(2000, seed=2026):
        oracle = grade_text(instance, FAMILY.oracle(instance))
        assert oracle.reward == 1.0, instance.instance_id
        assert set(oracle.aspects.values()) == {1.0}, instance.instance_id
        for probe in ZERO:
            reward = grade_text(instance, probe_text(instance, probe)).reward
            assert reward <= FAMILY.floor, (probe, instance.instance_id, reward)


def test_oracle_and_floor_hold_on_the_stress_split() -> None:
    """The same on 140 instances of the stress split, with every zero-work probe."""
    for instance in mixed_instances(140, 11, "stress"):
        assert grade_text(instance, FAMILY.oracle(instance)).reward == 1.0, instance.instance_id
        for probe in ZERO:
            reward = grade_text(instance, probe_text(instance, probe)).reward
            assert reward <= FAMILY.floor, (probe, instance.instance_id, reward)


_DIGEST = """
import hashlib
from tasks_lib import family, policy
f = family("spreadsheet_clean")
h = hashlib.sha256()
for split in ("train", "stress"):
    for i in f.instances(40, 9, split=split):
        h.update(i.model_dump_json().encode())
        for name in ("sim/mid", "ladder/alter_values@3", "probe/other_instance"):
            h.update(policy(name).attempt(f, i, 1).output.encode())
print(h.hexdigest())
"""


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_same_seed_gives_same_bytes_in_another_process(hash_seed: str) -> None:
    """Instances, and what code policies hand in, are byte for byte the same under another PYTHONHASHSEED."""
    done = subprocess.run(
        [sys.executable, "-c", _DIGEST],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    here = hashlib.sha256()
    from tasks_lib import policy

    for split in ("train", "stress"):
        for instance in FAMILY.instances(40, 9, split=split):
            here.update(instance.model_dump_json().encode())
            for name in ("sim/mid", "ladder/alter_values@3", "probe/other_instance"):
                here.update(policy(name).attempt(FAMILY, instance, 1).output.encode())

    assert done.stdout.strip() == here.hexdigest()


def test_longer_set_begins_with_the_shorter_one() -> None:
    """Asking for more instances of a seed changes none of the first ones."""
    assert [i.instance_id for i in FAMILY.instances(10, 3)] == [i.instance_id for i in FAMILY.instances(25, 3)][:10]


def test_ids_are_unique_over_500_instances() -> None:
    """No two of 500 instances share an identifier, and each names the family."""
    ids = [instance.instance_id for instance in mixed_instances(500, 8)]

    assert len(set(ids)) == 500
    assert all(re.fullmatch(r"spreadsheet_clean-[0-9a-f]{12}", name) for name in ids)


def test_every_archetype_appears_and_is_built_differently() -> None:
    """At least six archetypes appear; each has columns, units and a request of its own."""
    instances = mixed_instances(70, 5)
    by_archetype = {name: [i for i in instances if i.archetype == name] for name in FAMILY.archetypes}

    assert len(by_archetype) >= 6
    assert {len(found) for found in by_archetype.values()} == {70 // len(by_archetype)}
    headers = {table_truth(found[0]).header for found in by_archetype.values()}
    shapes = {
        tuple((column.type, column.key, bool(column.readings)) for column in table_truth(found[0]).columns)
        for found in by_archetype.values()
    }
    readings = {
        frozenset(reading for column in table_truth(found[0]).columns for reading in column.readings)
        for found in by_archetype.values()
    }
    assert len(headers) == len(shapes) == len(by_archetype)
    assert len(readings) >= 6


def test_archetypes_differ_in_what_has_to_be_done() -> None:
    """Somewhere a date order follows from another column, somewhere times are local, somewhere headings merge."""
    columns = [column for archetype in ARCHETYPES.values() for column in archetype.columns]

    assert any(column.day_first for column in columns)
    assert any(column.utc_offset for column in columns)
    assert any(column.rule for column in columns)
    assert any(column.mergeable for column in columns)
    assert any(column.missing_code for column in columns)
    assert any(column.signed for column in columns)


def test_unknown_archetype_lists_what_exists() -> None:
    """An archetype nobody wrote is refused with the names there are."""
    with pytest.raises(ValueError, match=r"unknown archetype 'zoo'; known archetypes: .*quarterly_finance"):
        FAMILY.generate(1, archetype="zoo")


def test_archetype_follows_from_the_seed_unless_named() -> None:
    """The same seed picks the same archetype, and forty seeds pick them all."""
    picked = [FAMILY.generate(seed).archetype for seed in range(40)]

    assert picked == [FAMILY.generate(seed).archetype for seed in range(40)]
    assert set(picked) == set(FAMILY.archetypes)


# --- knobs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        ("rows", 5), ("rows", 501), ("unit_mix", 0.04), ("unit_mix", 1.01), ("date_formats", 0), ("date_formats", 5),
        ("blank_rows", -0.1), ("blank_rows", 0.31), ("annotation_rows", 0.31), ("separator", ":"),
        ("near_duplicates", 0.51), ("exact_duplicates", 0.31), ("renamed_headers", 1.1), ("merged_cells", -0.1),
        ("whitespace", 1.1), ("ragged", 2), ("thousands", -1), ("number_styles", 1.5), ("missing_tokens", 1.5),
        ("label_variants", -0.5), ("decoys", 1.1), ("page_lines", 9), ("page_lines", 201), ("colour", "red"),
    ],
)  # fmt: skip
def test_knob_out_of_range_is_refused(knob: str, value: object) -> None:
    """A knob outside its range, or one that does not exist, is an error that names it."""
    with pytest.raises(ValidationError, match=knob):
        SpreadsheetKnobs.model_validate({knob: value})


def test_every_knob_is_described() -> None:
    """Every knob has a sentence of its own below it in the source, the separator included."""
    source = (ROOT / "tasks_lib/spreadsheet_clean/knobs.py").read_text(encoding="utf-8")
    for name in SpreadsheetKnobs.model_fields:
        assert re.search(rf'^    {name}: .*\n    """[A-Z].*\."""$', source, re.MULTILINE), name


@pytest.mark.parametrize("rows", [6, 17, 120, 500])
def test_rows_knob_sets_the_number_of_records(rows: int) -> None:
    """The gold table holds as many records as asked for, whether repeats stay or go."""
    for remove in (True, False):
        for archetype in FAMILY.archetypes:
            instance = one_instance(4, archetype, rows=rows, remove_duplicates=remove, exact_duplicates=0.1)
            # Repeats that stay are rounded twice: a record more or less is no harm.
            assert abs(len(table_truth(instance).rows) - rows) <= (0 if remove else 1), archetype


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separator_knob_sets_the_separator(separator: str) -> None:
    """The raw file is separated as asked; every separator but the comma is a recorded defect."""
    instance = one_instance(4, "inventory", **CALM, separator=separator)

    assert {len(line) for line in _raw_lines(instance)} == {len(table_truth(instance).header)}
    assert _kinds(instance)["separator"] == (separator != ",")


def test_merged_header_knob_adds_a_line_above() -> None:
    """Two heading lines: groups above, headings below."""
    plain, merged = (one_instance(4, "payroll", **CALM, merged_header=on) for on in (False, True))

    assert len(_raw_lines(merged)) == len(_raw_lines(plain)) + 1
    assert _raw_lines(merged)[1:] == _raw_lines(plain)
    assert "" in _raw_lines(merged)[0]
    assert _kinds(merged)["merged_header"] == 1


def test_preamble_knob_adds_title_lines() -> None:
    """Title lines stand above the headings and are one recorded defect."""
    instance = one_instance(4, "payroll", **CALM, preamble=True)

    titles = [[title] for title in ARCHETYPES["payroll"].titles]
    assert _raw_lines(instance)[: len(titles)] == titles
    assert _kinds(instance)["preamble"] == 1


def test_remove_duplicates_on_makes_repeats_defects() -> None:
    """With the request to drop repeats, the file holds them, the gold table does not, and the request says so."""
    instance = one_instance(4, "inventory", **{**CALM, "exact_duplicates": 0.1}, remove_duplicates=True)
    truth = table_truth(instance)

    # 10 % of 30 records.
    assert _kinds(instance)["duplicate"] == 3
    assert len(set(truth.rows)) == len(truth.rows) == 30
    assert len(_raw_lines(instance)) == 1 + 30 + 3
    assert re.search(r"keep it once|one copy is enough", instance.prompt)


def test_remove_duplicates_off_keeps_both_in_the_gold_table() -> None:
    """With repeats declared real, the gold table holds both of each, next to each other, and the request says so."""
    instance = one_instance(4, "inventory", **{**CALM, "exact_duplicates": 0.1}, remove_duplicates=False)
    rows = table_truth(instance).rows

    assert _kinds(instance)["duplicate"] == 0
    assert len(rows) == 30
    twice = [row for row, count in Counter(rows).items() if count == 2]
    assert len(twice) == 3
    assert all(rows.index(row) + 1 < len(rows) and rows[rows.index(row) + 1] == row for row in twice)
    assert len(_raw_lines(instance)) == 1 + 30
    assert re.search(r"keep both|All of them stay", instance.prompt)


def test_near_duplicates_knob_adds_records_that_differ_in_their_key() -> None:
    """Twins agree with another record in most cells, and no two records share a key."""
    for archetype in FAMILY.archetypes:
        instance = one_instance(4, archetype, **{**CALM, "near_duplicates": 0.3})
        truth = table_truth(instance)
        keys = [tuple(c for c, column in zip(row, truth.columns, strict=True) if column.key) for row in truth.rows]
        others = [
            tuple(c for c, column in zip(row, truth.columns, strict=True) if not column.key) for row in truth.rows
        ]

        assert len(set(keys)) == 30, archetype
        alike = sum(
            sum(a == b for a, b in zip(one, other, strict=True)) >= len(one) // 2
            for place, one in enumerate(others)
            for other in others[place + 1 :]
        )
        # 30 % of 30 records are twins, each of at least one other.
        assert alike >= 9, archetype


@pytest.mark.parametrize(
    ("knob", "value", "kind", "archetype"),
    [
        ("unit_mix", 1.0, "unit", "inventory"),
        ("blank_rows", 0.3, "blank_row", "inventory"),
        ("annotation_rows", 0.3, "annotation_row", "inventory"),
        ("annotation_rows", 0.3, "subtotal_row", "inventory"),
        ("renamed_headers", 1.0, "header", "inventory"),
        ("merged_cells", 1.0, "merged_cell", "quarterly_finance"),
        ("whitespace", 1.0, "whitespace", "inventory"),
        ("ragged", 1.0, "ragged", "inventory"),
        ("thousands", 1.0, "thousands", "quarterly_finance"),
        ("number_styles", 1.0, "number_style", "quarterly_finance"),
        ("missing_tokens", 1.0, "missing_token", "clinic_visits"),
        ("label_variants", 1.0, "label", "clinic_visits"),
    ],
)
def test_density_knob_takes_effect(knob: str, value: float, kind: str, archetype: str) -> None:
    """Turning one knob up from its least makes many more of its kind of defect."""
    calm = _kinds(one_instance(4, archetype, **CALM))[kind]
    turned = _kinds(one_instance(4, archetype, **{**CALM, knob: value}))[kind]

    assert turned >= calm + 3


def test_number_styles_knob_writes_decimal_commas() -> None:
    """Numbers with a decimal comma appear, and the dictionary says how to read them."""
    instance = one_instance(4, "quarterly_finance", **{**CALM, "number_styles": 1.0, "unit_mix": 0.6}, separator=";")

    assert "comma" in [d.shown for d in table_truth(instance).defects if d.kind == "number_style"]
    assert re.search(r"\d,\d", _raw(instance))
    assert "decimal comma" in instance.materials["data_dictionary.md"]


def test_decoys_knob_makes_records_that_look_like_totals() -> None:
    """Real records whose text reads like a total or a remark are in the gold table."""
    instance = one_instance(4, "quarterly_finance", **{**CALM, "decoys": 0.5})

    looks = [row for row in table_truth(instance).rows if re.search(r"(?i)total|note|sum", " ".join(row))]
    assert len(looks) >= 10


def test_date_formats_knob_sets_how_many_there_are() -> None:
    """One way of writing dates at 1, four at 4."""

    def shapes(formats: int) -> set[str]:
        instance = one_instance(4, "clinic_visits", **{**CALM, "date_formats": formats, "rows": 60})
        shown = [d.shown for d in table_truth(instance).defects if d.kind == "date_style"]
        return {re.sub(r"[A-Za-z]+", "A", re.sub(r"\d+", "0", text)) for text in shown}

    assert len(shapes(1)) == 1
    assert len(shapes(4)) == 4


def test_page_lines_knob_sets_the_page() -> None:
    """A page shows as many lines as asked for."""
    instance = one_instance(4, "inventory", **CALM, page_lines=10)
    reads = [call for call in FAMILY.tour(instance) if call.arguments.get("file") == next(iter(instance.materials))]

    # 30 records and the heading line on pages of ten.
    assert len(reads) == 4


def test_difficulty_turns_the_knobs_up() -> None:
    """From easy to hard the table grows from 8 to 160 records and holds more defects."""
    easy, hard = (FAMILY.generate(7, difficulty=d, archetype="inventory") for d in (0.0, 1.0))

    # round(8 * 20**d): 8 and 160; repeats that stay are rounded twice.
    assert abs(len(table_truth(easy).rows) - 8) <= 1
    assert abs(len(table_truth(hard).rows) - 160) <= 1
    assert len(table_truth(hard).real_defects) > 10 * len(table_truth(easy).real_defects)


# --- what the request and the files say ------------------------------------------------------------


def test_stress_split_holds_only_real_records() -> None:
    """15 records or more, nothing in the file to drop, and repeats declared real."""
    for instance in mixed_instances(70, 6, "stress"):
        truth = table_truth(instance)
        assert len(truth.rows) >= 15
        assert not JUNK_KINDS & set(_kinds(instance)), instance.instance_id
        assert instance.knobs["remove_duplicates"] is False
        above = 2 * instance.knobs["preamble"] + instance.knobs["merged_header"]
        assert len(_raw_lines(instance)) == len(truth.rows) + 1 + above


def test_request_has_no_word_of_evaluation() -> None:
    """Neither request nor dictionary betrays that anybody looks at the result but a colleague."""
    word = re.compile(
        r"\b(tests?|grade[dr]?s?|grading|rollouts?|judged?s?|benchmarks?|scores?d?|rewards?)\b", re.IGNORECASE
    )
    for instance in (*mixed_instances(140, 12), *mixed_instances(70, 12, "stress")):
        # A line item of the data is called Total Rewards programme; that is what decoys are for.
        assert not word.search(instance.prompt), instance.prompt
        assert not word.search(instance.materials["data_dictionary.md"])


def test_request_states_every_column_and_rule() -> None:
    """Every wanted heading stands on a line of its own, with its decimals; every rule is stated."""
    for instance in mixed_instances(70, 13):
        prompt = instance.prompt
        for column in table_truth(instance).columns:
            line = next(line for line in prompt.splitlines() if line.startswith(f"- {column.name}: "))
            if column.type == "integer":
                assert "whole number" in line
            if column.type == "decimal":
                assert "decimals)" in line
            if column.type == "date":
                assert "2025-03-04" in prompt
        assert re.search(r"exactly these headings", prompt)
        assert re.search(r"real record|whatever is not a record", prompt)
        assert re.search(r"resemble|Similar lines|look alike", prompt)
        assert re.search(r"keep it once|one copy is enough|keep both|All of them stay", prompt)
        assert re.search(r"decimal point", prompt)
        assert re.search(r"[Nn]o unit|Units, symbols", prompt)
        assert re.search(r"nothing was recorded|Not recorded means", prompt)
        assert re.search(r"[Oo]rder", prompt)
        assert re.search(r"stay as they are|Don't reword", prompt)
        assert "comma-separated" in prompt
        if any(column.type == "enum" for column in table_truth(instance).columns):
            assert "spelling" in prompt


def test_request_states_that_times_are_wanted_in_utc() -> None:
    """Where times are asked for, the request shows how to write them and in which zone."""
    with_times = [i for i in mixed_instances(70, 13) if any(c.type == "datetime" for c in table_truth(i).columns)]

    assert with_times
    for instance in with_times:
        assert re.search(r"UTC", instance.prompt)
        assert re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\dZ", instance.prompt)


def test_recorded_cell_defects_are_visible_in_the_raw_file() -> None:
    """What is recorded as wrong is what the raw file shows: every defective cell differs from the gold one."""
    for instance in (*mixed_instances(105, 14), *mixed_instances(35, 14, "stress")):
        truth = table_truth(instance)
        raw = truth.raw_rows
        cells = {tuple(cell.strip() for cell in line) for line in _raw_lines(instance)}
        broken = {(d.row, d.column) for d in truth.defects if d.row is not None and d.column is not None}
        for row, column in broken:
            assert raw[row][column] != truth.rows[row][column], (instance.instance_id, row, column)
        for row, line in enumerate(raw):
            for column, cell in enumerate(line):
                assert (row, column) in broken or cell == truth.rows[row][column]
            trimmed = [cell.strip() for cell in line]
            while trimmed and not trimmed[-1]:
                trimmed.pop()
            assert any(found[: len(trimmed)] == tuple(trimmed) for found in cells)


def test_every_repair_is_explained() -> None:
    """Units, missing codes, date order, local times, headings and spellings are in request or dictionary."""
    for instance in (*mixed_instances(105, 15), *mixed_instances(35, 15, "stress")):
        told = instance.prompt + instance.materials["data_dictionary.md"]
        dictionary = instance.materials["data_dictionary.md"]
        columns = table_truth(instance).columns
        for defect in table_truth(instance).real_defects:
            column = columns[defect.column] if defect.column is not None else None
            if defect.kind == "unit":
                assert column is not None
                assert any(line.startswith("- ") and column.name in line for line in dictionary.splitlines()), told
                template = defect.shown[1]
                mark = re.sub(r"[{}$\s]", "", template)
                # "lbs" is the plural of the "lb" that the dictionary explains.
                assert mark.removesuffix("s") in told, (instance.instance_id, template)
            elif defect.kind == "missing_token":
                assert f"{defect.shown}" in told
            elif defect.kind == "date_style" and "/" in defect.shown:
                assert re.search(r"day first", told)
            elif defect.kind == "date_style" and column is not None and column.type == "datetime":
                assert "UTC" in told
            elif defect.kind in {"header", "label"}:
                assert defect.shown in dictionary
            elif defect.kind == "merged_cell":
                assert column is not None
                assert f"An empty {column.name} cell means the same" in dictionary
            elif defect.kind == "number_style":
                assert "decimal comma" in dictionary


def test_missing_codes_are_never_values() -> None:
    """A number that stands for not recorded occurs as no gold value of its column."""
    for instance in mixed_instances(140, 16):
        truth = table_truth(instance)
        for place, column in enumerate(ARCHETYPES[instance.archetype].columns):
            if column.missing_code is not None:
                assert column.missing_code not in {row[place] for row in truth.rows}


def test_defects_have_distinct_ids_and_finite_hardness() -> None:
    """A simulated policy repairs defects by identifier, so no two share one."""
    for instance in (*mixed_instances(35, 17), *mixed_instances(35, 17, "stress")):
        defects = FAMILY.defects(instance)
        assert len({defect.defect_id for defect in defects}) == len(defects)
        assert all(-6 < defect.hardness < 6 for defect in defects)
        assert any(defect.kind == "unit" for defect in defects)


def test_family_is_registered_under_its_name() -> None:
    """The installed entry point builds this family."""
    assert family("spreadsheet_clean").name == "spreadsheet_clean"
