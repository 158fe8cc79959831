"""Making a clean table messy: every change is recorded as a defect with its kind, place and hardness.

Values may be adjusted on the way: where a number is written in another unit, the gold value becomes
what converting the written number back gives, so the file always holds what is asked for.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from tasks_lib.spreadsheet_clean.archetype import AltUnit, Archetype, RawColumn, Row
from tasks_lib.spreadsheet_clean.knobs import SpreadsheetKnobs
from tasks_lib.spreadsheet_clean.table import COSMETIC, CellDefect, group_thousands, restyle

HARDNESS = {
    "blank_row": -2.0,
    "repeated_header": -1.0,
    "annotation_row": -0.6,
    "subtotal_row": -0.2,
    "duplicate": 0.4,
    "header": -3.5,
    "merged_header": -1.5,
    "preamble": -2.0,
    "separator": -2.5,
    "ragged": -0.6,
    "merged_cell": 0.3,
    "whitespace": -1.0,
    "label": 0.2,
    "missing_token": -0.2,
    "missing_code": 0.9,
    "number_style": 0.1,
    "unit": 0.2,
    "unit_heading": 0.7,
    "unit_rule": 1.5,
    "date_style": -0.3,
    "date_order": 1.2,
    "local_time": 1.0,
    COSMETIC: 0.0,
}
"""Logits, by what it takes to see and repair a defect: what the dictionary alone explains is hardest."""

_DATE_STYLES = ("%d/%m/%Y", "%d %b %Y", "%b %d, %Y", "%d.%m.%Y")


@dataclass
class Mess:
    """A table on its way from clean to messy."""

    archetype: Archetype
    knobs: SpreadsheetKnobs
    rows: list[Row]
    defects: list[CellDefect] = field(default_factory=list)
    headings: dict[str, str] = field(default_factory=dict)
    """Column -> heading in the file, where it is not the wanted name."""
    facts: list[str] = field(default_factory=list)
    """Sentences the dictionary needs so that every defect can be repaired."""
    merged: set[tuple[int, str]] = field(default_factory=set)
    added: int = 0
    """Defects recorded so far, those taken back included, so that no two share an identifier."""

    def add(self, kind: str, row: int | None, column: int | None, shown: Any, *, hardness: str = "") -> None:
        """Record one defect; late places in long tables are a little harder."""
        extra = 0.0
        if row is not None:
            extra = 0.35 * math.log(len(self.rows) / 20) + 0.4 * row / max(1, len(self.rows))
        self.defects.append(
            CellDefect(
                defect_id=f"d{self.added:04d}",
                kind=kind,
                row=row,
                column=column,
                shown=shown,
                hardness=round(HARDNESS[hardness or kind] + extra, 3),
            )
        )
        self.added += 1


def make_messy(archetype: Archetype, rows: list[Row], knobs: SpreadsheetKnobs, rng: Random) -> Mess:
    """Apply every kind of mess that the knobs ask for."""
    mess = Mess(archetype, knobs, rows)
    _merge_cells(mess, rng)
    for index, column in enumerate(archetype.columns):
        if column.type in {"integer", "decimal"}:
            _mix_units(mess, index, column, rng)
    _ensure_a_unit(mess, rng)
    for index, column in enumerate(archetype.columns):
        _mess_up_column(mess, index, column, rng)
    _rename_headings(mess, rng)
    _repeat_kept_lines(mess, rng)
    _add_lines(mess, rng)
    _make_lines_ragged(mess, rng)
    _mess_up_file(mess)
    return mess


def _merge_cells(mess: Mess, rng: Random) -> None:
    for index, column in enumerate(mess.archetype.columns):
        if not column.mergeable or not mess.knobs.merged_cells:
            continue
        merging = False
        for row in range(1, len(mess.rows)):
            if mess.rows[row][column.name] != mess.rows[row - 1][column.name]:
                merging = False
                continue
            # A block is merged as a whole: the choice falls on its second line.
            if not merging and (row < 2 or mess.rows[row - 2][column.name] != mess.rows[row][column.name]):
                merging = rng.random() < mess.knobs.merged_cells
            if merging:
                mess.merged.add((row, column.name))
                mess.add("merged_cell", row, index, "")
        if any(name == column.name for _, name in mess.merged):
            mess.facts.append(f"An empty {column.name} cell means the same {column.name} as the record above.")


def _mix_units(mess: Mess, index: int, column: RawColumn, rng: Random) -> None:
    heading = None
    if column.alts and rng.random() < 0.5 * mess.knobs.unit_mix:
        heading = rng.choice(column.alts)
        mess.headings[column.name] = f"{rng.choice(column.headings)} ({heading.words[0]})"
        mess.facts.append(
            f"{column.name}: numbers without a unit of their own are in the unit of the heading ({heading.explain})."
        )
    used: set[AltUnit] = set()
    for row, record in enumerate(mess.rows):
        if not record[column.name]:
            continue
        if column.rule and column.rule.applies(record):
            _write_in(mess, row, index, column, column.rule.alt, "{}", "unit_rule")
        elif column.alts and rng.random() < mess.knobs.unit_mix * (0.4 if heading else 1.0):
            alt = rng.choice([alt for alt in column.alts if alt.templates != ("{}",)])
            if _write_in(mess, row, index, column, alt, rng.choice(alt.templates), "unit"):
                used.add(alt)
        elif heading:
            _write_in(mess, row, index, column, heading, "{}", "unit_heading")
    mess.facts.extend(f"{column.name}: {alt.explain}." for alt in column.alts if alt in used)
    if column.rule:
        mess.facts.append(f"{column.rule.explain} {column.rule.alt.explain}.")


def _write_in(mess: Mess, row: int, index: int, column: RawColumn, alt: AltUnit, template: str, hardness: str) -> bool:
    """Write a cell in another unit and make its gold value what that number converts back to."""
    value = float(mess.rows[row][column.name])
    shown = f"{alt.scale * value + alt.offset:.{alt.decimals}f}"
    back = (float(shown) - alt.offset) / alt.scale
    gold = f"{back:.{column.decimals}f}"
    tie = abs(abs(back * 10**column.decimals) % 1 - 0.5) < 1e-6
    # A zero, or a temperature of -40, is the same number in both units: nothing is left to convert.
    same = abs(float(shown) - float(gold)) <= 10.0**-column.decimals
    if mess.archetype.exact_values and (float(gold) != value or same):
        return False
    if not mess.archetype.exact_values and (float(gold) == 0 or same or tie):
        # Nothing left to convert, or the two rounding conventions would disagree: move off that value.
        mess.rows[row][column.name] = f"{value + 7 * 10**-column.decimals:.{column.decimals}f}"
        return _write_in(mess, row, index, column, alt, template, hardness)
    if not mess.archetype.exact_values:
        mess.rows[row][column.name] = gold
    mess.add("unit", row, index, [shown, template], hardness=hardness)
    return True


def _ensure_a_unit(mess: Mess, rng: Random) -> None:
    if any(defect.kind == "unit" for defect in mess.defects):
        return
    places = [
        (row, index, column)
        for index, column in enumerate(mess.archetype.columns)
        for row in range(len(mess.rows))
        if column.alts and mess.rows[row][column.name]
    ]
    for row, index, column in rng.sample(places, len(places)):
        alt = rng.choice(column.alts)
        if _write_in(mess, row, index, column, alt, rng.choice(alt.templates), "unit"):
            mess.facts.append(f"{column.name}: {alt.explain}.")
            return


def _mess_up_column(mess: Mess, index: int, column: RawColumn, rng: Random) -> None:
    in_units = {defect.row: defect for defect in mess.defects if defect.kind == "unit" and defect.column == index}
    used_code = used_slash = used_local = False
    for row, record in enumerate(mess.rows):
        value = record[column.name]
        if (row, column.name) in mess.merged:
            continue
        if not value:
            used_code |= _hide_missing(mess, row, index, column, rng)
        elif column.type in {"integer", "decimal"}:
            written, template = in_units[row].shown if row in in_units else (value, "{}")
            _style_number(mess, row, index, column, written, template, rng)
        elif column.type == "date":
            used_slash |= _write_date(mess, row, index, column, rng)
        elif column.type == "datetime":
            used_local |= _write_local_time(mess, row, index, column, rng)
        else:
            _misspell(mess, row, index, column, rng)
    if used_code:
        mess.facts.append(f"{column.name}: {column.missing_code} stands for not recorded.")
    if used_slash:
        mess.facts.append(column.day_first_note or f"{column.name}: dates with slashes have the day first.")
    if used_local:
        mess.facts.append(f"{column.utc_note} Times that end in Z are UTC already.")


def _hide_missing(mess: Mess, row: int, index: int, column: RawColumn, rng: Random) -> bool:
    if rng.random() >= mess.knobs.missing_tokens:
        return False
    coded = column.missing_code is not None and rng.random() < 0.5
    token = column.missing_code if coded else rng.choice(column.missing)
    mess.add("missing_token", row, index, token, hardness="missing_code" if coded else "")
    return coded


def _style_number(
    mess: Mess, row: int, index: int, column: RawColumn, written: str, template: str, rng: Random
) -> None:
    styles = []
    # A comma with three digits behind it could be read as a thousands separator.
    if "." in written and len(written.partition(".")[2]) != 3:
        styles.append("comma")
    if column.currency and template == "{}":
        styles.append(column.currency)
    if written.startswith("-"):
        styles.append("accounting")
    if styles and rng.random() < mess.knobs.number_styles * (3 if "accounting" in styles else 1):
        style = rng.choice(styles)
        if restyle(written, style) != written:
            mess.add("number_style", row, index, style)
    elif group_thousands(written) != written and rng.random() < mess.knobs.thousands:
        mess.add(COSMETIC, row, index, True)


def _write_date(mess: Mess, row: int, index: int, column: RawColumn, rng: Random) -> bool:
    moment = date.fromisoformat(mess.rows[row][column.name])
    style = rng.choice(_DATE_STYLES[: mess.knobs.date_formats])
    by_rule = style == "%d/%m/%Y" and column.day_first is not None
    if by_rule and column.day_first is not None and not column.day_first(mess.rows[row]):
        style = "%m/%d/%Y"
    mess.add("date_style", row, index, moment.strftime(style), hardness="date_order" if by_rule else "")
    return "/" in style


def _write_local_time(mess: Mess, row: int, index: int, column: RawColumn, rng: Random) -> bool:
    if rng.random() < 0.1 or column.utc_offset is None:
        return False
    record = mess.rows[row]
    moment = datetime.fromisoformat(record[column.name].removesuffix("Z"))
    local = moment + timedelta(hours=column.utc_offset(record))
    style = rng.choice(("%Y-%m-%d %H:%M", "%d %b %Y %H:%M", "%d.%m.%Y %H:%M")[: mess.knobs.date_formats])
    mess.add("date_style", row, index, local.strftime(style), hardness="local_time")
    return True


def _misspell(mess: Mess, row: int, index: int, column: RawColumn, rng: Random) -> None:
    spellings = column.variants.get(mess.rows[row][column.name], ())
    if spellings and rng.random() < mess.knobs.label_variants:
        mess.add("label", row, index, rng.choice(spellings))
    if rng.random() < mess.knobs.whitespace:
        mess.add("whitespace", row, index, list(rng.choice((("  ", ""), ("", " "), (" ", "  "), ("", "   ")))))


def _rename_headings(mess: Mess, rng: Random) -> None:
    for index, column in enumerate(mess.archetype.columns):
        if column.name not in mess.headings and rng.random() < mess.knobs.renamed_headers:
            mess.headings[column.name] = rng.choice(column.headings)
        if column.name in mess.headings:
            mess.add("header", None, index, mess.headings[column.name])


def _repeat_kept_lines(mess: Mess, rng: Random) -> None:
    """Repeat whole records that are real: they get the defects of their originals and gold rows of their own."""
    if mess.knobs.remove_duplicates:
        return
    missing = mess.knobs.rows - len(mess.rows)  # the records drawn leave room for the repeats
    repeats = sorted(rng.sample(range(len(mess.rows)), max(0, missing)))
    # A line below a merged cell must not be repeated apart from its block, so a repeat follows its original.
    new_place = {row: row + sum(1 for earlier in repeats if earlier < row) for row in range(len(mess.rows))}
    moved = [_replace_row(defect, new_place[defect.row] if defect.row is not None else None) for defect in mess.defects]
    for row in repeats:
        for defect in [defect for defect in mess.defects if defect.row == row]:
            moved.append(_replace_row(defect, new_place[row] + 1, f"{defect.defect_id}r"))
    for row in reversed(repeats):
        mess.rows.insert(row + 1, dict(mess.rows[row]))
    mess.defects = moved


def _replace_row(defect: CellDefect, row: int | None, defect_id: str | None = None) -> CellDefect:
    return CellDefect(defect_id or defect.defect_id, defect.kind, row, defect.column, defect.shown, defect.hardness)


def _add_lines(mess: Mess, rng: Random) -> None:
    """Add the lines that are no records: empty ones, remarks, subtotals, repeated headings, repeats."""
    knobs, rows, width = mess.knobs, len(mess.rows), len(mess.archetype.columns)
    for row in _places(rng, knobs.blank_rows, rows):
        mess.add("blank_row", row, None, [""] * width)
    for row in _places(rng, knobs.annotation_rows * 0.6, rows):
        mess.add("annotation_row", row, None, [rng.choice(mess.archetype.remarks), *[""] * (width - 1)])
    for row in _places(rng, knobs.annotation_rows * 0.4, rows):
        mess.add("subtotal_row", row, None, _subtotal(mess, row, rng))
    if rows > 60 and knobs.annotation_rows:
        shown = [mess.headings.get(column.name, column.name) for column in mess.archetype.columns]
        mess.add("repeated_header", rows // 2, None, shown)
    if knobs.remove_duplicates:
        for row in sorted(rng.sample(range(1, rows + 1), _count(knobs.exact_duplicates, rows))):
            mess.add("duplicate", row, None, None)


def _subtotal(mess: Mess, row: int, rng: Random) -> list[str]:
    names = [column.name for column in mess.archetype.columns]
    values = [float(record[mess.archetype.subtotal_of] or 0) for record in mess.rows[max(0, row - 8) : row]]
    line = [""] * len(names)
    line[0] = rng.choice(("Subtotal", "Total", "Sum", "TOTAL so far"))
    line[names.index(mess.archetype.subtotal_of)] = f"{sum(values):.0f}"
    return line


def _make_lines_ragged(mess: Mess, rng: Random) -> None:
    for row in _places(rng, mess.knobs.ragged, len(mess.rows), first=0):
        if row < len(mess.rows):
            last_is_empty = not mess.rows[row][mess.archetype.columns[-1].name]
            mess.add("ragged", row, None, -1 if last_is_empty and rng.random() < 0.5 else rng.choice((1, 2)))
    # Cutting a line short must not be undone by a token in its last cell.
    last = len(mess.archetype.columns) - 1
    cut = {defect.row for defect in mess.defects if defect.kind == "ragged" and defect.shown < 0}
    mess.defects = [
        defect
        for defect in mess.defects
        if not (defect.row in cut and defect.column == last and defect.kind == "missing_token")
    ]


def _mess_up_file(mess: Mess) -> None:
    if mess.knobs.preamble:
        mess.add("preamble", None, None, [[title] for title in mess.archetype.titles])
    if mess.knobs.merged_header:
        groups = [column.group for column in mess.archetype.columns]
        mess.add("merged_header", None, None, [_first_of_each(groups)])
    if mess.knobs.separator != ",":
        mess.add("separator", None, None, mess.knobs.separator)


def _first_of_each(groups: Sequence[str]) -> list[str]:
    return [group if index == 0 or groups[index - 1] != group else "" for index, group in enumerate(groups)]


def _count(share: float, rows: int) -> int:
    return min(rows, round(share * rows))


def _places(rng: Random, share: float, rows: int, first: int = 1) -> Iterable[int]:
    """Draw the gold rows before which a line stands; a line may follow the last one."""
    return sorted(
        rng.sample(range(first, rows + 1), min(rows, round(share * rows + rng.random() * 0.999 * (share > 0))))
    )
