"""Damage with a known effect: nested corruptions of the oracle, neutral rewrites, and one compensation.

Each operator draws one list of places per instance and applies the first 1, 2, 4 or 8 of them, so a
higher severity contains the lower one. Next to each stands what it must do to every dimension and
facet; whatever is not named there must stay still.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from random import Random

from tasks_lib.family import Expectation, Operator
from tasks_lib.records import TaskInstance
from tasks_lib.spreadsheet_clean.table import (
    JUNK_KINDS,
    Column,
    Line,
    Sheet,
    TableTruth,
    group_thousands,
    table_truth,
)

_DIGIT_WORDS = {
    "0": "zero", "1": "one", "2": "two", "3": "three", "4": "four", "5": "five", "6": "six", "7": "seven",
    "8": "eight", "9": "nine", ".": "point", "-": "minus",
}  # fmt: skip

ASPECTS = (
    "data_preservation", "data_preservation.row_recall", "data_preservation.row_precision",
    "format_validity", "format_validity.parses", "format_validity.rectangular", "format_validity.types",
    "format_validity.headings",
    "unit_consistency", "unit_consistency.value", "unit_consistency.unit",
    "completeness", "completeness.columns", "completeness.cells",
)  # fmt: skip
"""Dimensions and their facets, as `dimension` or `dimension.facet`."""

Corruption = Callable[[TableTruth, Random, int], Sheet | None]
"""(truth, stream, dose) -> the oracle's sheet with the first `dose` corruptions; None: not applicable."""


def dose_of(severity: int) -> int:
    """Return how many corruptions a severity of 1..4 applies: 1, 2, 4, 8."""
    return 1 << (severity - 1)


def _one_each(severity: int) -> int:
    """Return the dose of operators on columns, of which there are few: 1, 2, 3, 4."""
    return severity


def _expect(moves: str = "", may: str = "") -> Mapping[str, Expectation]:
    expected: dict[str, Expectation] = dict.fromkeys(ASPECTS, "still")
    expected |= dict.fromkeys(_aspects(moves), "moves")
    expected |= dict.fromkeys(_aspects(may), "may")
    return expected


def _aspects(short: str) -> list[str]:
    """Expand `data(row_recall) unit(*)` style shorthand: `dp`, `dp.row_recall` and so on."""
    names = {"dp": "data_preservation", "fv": "format_validity", "uc": "unit_consistency", "co": "completeness"}
    expanded = []
    for word in short.split():
        dimension, dot, facet = word.partition(".")
        expanded.append(f"{names[dimension]}{dot}{facet}")
    assert set(expanded) <= set(ASPECTS), short
    return expanded


_ROWS_LOST = "dp dp.row_recall fv fv.types uc uc.value uc.unit co co.cells"
"""A lost record is lost for every dimension: if it were not, deleting it would repair it."""


def _degrade(
    name: str,
    summary: str,
    corrupt: Corruption,
    moves: str,
    may: str = "",
    dose_of: Callable[[int], int] = dose_of,
) -> Operator:
    def apply(instance: TaskInstance, severity: int, rng: Random) -> str | None:
        truth = table_truth(instance)
        state = rng.getstate()
        sheet = corrupt(truth, rng, dose_of(severity))
        if sheet is None:
            return None
        text = sheet.text()
        if severity > 1:
            rng.setstate(state)
            milder = corrupt(truth, rng, dose_of(severity - 1))
            if milder is not None and milder.text() == text:
                return None  # no places left: the rung would repeat the one below
        return text

    return Operator(name, "degrade", summary, apply, _expect(moves, may))


def _neutral(name: str, summary: str, rewrite: Callable[[TableTruth, Random], str]) -> Operator:
    def apply(instance: TaskInstance, severity: int, rng: Random) -> str | None:
        return rewrite(table_truth(instance), rng)

    return Operator(name, "neutral", summary, apply, _expect())


def _oracle(truth: TableTruth) -> Sheet:
    return truth.render(())


def _with_rows(sheet: Sheet, rows: Sequence[Sequence[str]]) -> Sheet:
    return Sheet(sheet.header, tuple(Line(tuple(row), None) for row in rows))


def _rows(sheet: Sheet) -> list[list[str]]:
    return [list(line.cells) for line in sheet.lines]


def _shuffled(rng: Random, items: Sequence[int]) -> list[int]:
    return rng.sample(items, len(items))


def _edit_cells(
    truth: TableTruth, rng: Random, dose: int, columns: Sequence[int], edit: Callable[[int, int, Random], str | None]
) -> Sheet | None:
    """Edit one cell in each of `dose` records; `edit` returns None where a cell is no target.

    A record is a target where at least two more cells beside its key are filled, so that it stays
    recognisable as the record it is.
    """
    sheet = _oracle(truth)
    rows = _rows(sheet)
    edited = 0
    for row in _shuffled(rng, range(len(rows))):
        cell_rng = Random(rng.getrandbits(64))
        if not _is_recognisable(truth, row):
            continue
        for place in _shuffled(cell_rng, columns):
            new = edit(row, place, cell_rng)
            if new is not None and new != rows[row][place]:
                rows[row][place] = new
                edited += 1
                break
        if edited == dose:
            break
    return _with_rows(sheet, rows) if edited else None


def _is_recognisable(truth: TableTruth, row: int) -> bool:
    filled = sum(bool(truth.rows[row][place]) for place, column in enumerate(truth.columns) if not column.key)
    return filled >= 3


def _places(truth: TableTruth, wanted: Callable[[Column], bool]) -> list[int]:
    return [place for place, column in enumerate(truth.columns) if wanted(column)]


# --- records ---------------------------------------------------------------------------------------


def _drop_rows(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    sheet = _oracle(truth)
    gone = set(_shuffled(rng, range(len(sheet.lines)))[: min(dose, len(sheet.lines) - 1)])
    return _with_rows(sheet, [row for place, row in enumerate(_rows(sheet)) if place not in gone])


def _duplicate_rows(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    sheet = _oracle(truth)
    rows = _rows(sheet)
    return _with_rows(sheet, rows + [rows[place] for place in _shuffled(rng, range(len(rows)))[:dose]])


def _drop_and_pad(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    sheet = _oracle(truth)
    rows = _rows(sheet)
    order = _shuffled(rng, range(len(rows)))
    half = len(order) // 2
    # Half of the records may be dropped, the other half is what the copies are made of. A record that is
    # really there twice must not be dropped and padded with its own copy: that would be no damage.
    sources = [rows[place] for place in order[half:]]
    gone = [place for place in order[:half] if rows[place] not in sources][:dose]
    copies = [sources[place % len(sources)] for place in range(len(gone))]
    kept = [row for place, row in enumerate(rows) if place not in gone]
    return _with_rows(sheet, kept + copies) if gone else None


def _fabricate_rows(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    sheet = _oracle(truth)
    rows = _rows(sheet)
    made = [_with_new_key(truth, list(rows[place]), rng) for place in _shuffled(rng, range(len(rows)))[:dose]]
    return _with_rows(sheet, rows + made)


def _alter_keys(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    sheet = _oracle(truth)
    rows = _rows(sheet)
    for place in _shuffled(rng, range(len(rows)))[:dose]:
        rows[place] = _with_new_key(truth, rows[place], rng)
    return _with_rows(sheet, rows)


def _with_new_key(truth: TableTruth, row: list[str], rng: Random) -> list[str]:
    """Give a record a plausible key that no record has, in the wanted form or in the raw file's."""
    keys = _places(truth, lambda column: column.key)
    taken = {tuple(form[place] for place in keys) for form in (*truth.rows, *truth.raw_rows)}
    place = rng.choice(keys)
    new = list(row)
    while tuple(new[key] for key in keys) in taken:
        new[place] = _nudge(new[place], truth.columns[place], rng)
    return new


def _nudge(text: str, column: Column, rng: Random) -> str:
    """Return another plausible value of a column's type."""
    if column.type == "date":
        return (date.fromisoformat(text) + timedelta(days=rng.choice((-5, -3, 4, 9)))).isoformat()
    if column.type == "datetime":
        moved = datetime.fromisoformat(text[:-1]) + timedelta(minutes=rng.choice((-37, 11, 43, 128)))
        return moved.strftime("%Y-%m-%dT%H:%MZ")
    if column.allowed:
        return rng.choice([label for label in column.allowed if label != text] or [text])
    digits = [place for place, letter in enumerate(text) if letter.isdigit()]
    if column.type == "code" and digits:
        place = digits[-1] if column.pattern and "Q" in column.pattern else rng.choice(digits[-4:])
        top = 4 if column.pattern and "Q" in column.pattern else 9
        return f"{text[:place]}{rng.randint(1, top)}{text[place + 1 :]}"
    if column.numeric:
        return f"{float(text or 0) + rng.choice((3, 7, 19)):.{column.decimals}f}"
    return f"{text} {rng.choice(('North', 'B', 'extra', 'two', 'new'))}"


def _keep_junk(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    junk = [defect.shown for defect in truth.real_defects if defect.kind in JUNK_KINDS and defect.shown]
    width = len(truth.columns)
    while len(junk) < 8:
        label = ("Subtotal", "as discussed", "see above", "Total")[len(junk) % 4]
        junk.append([label, *[""] * (width - 1)])
    sheet = _oracle(truth)
    return _with_rows(sheet, [*_rows(sheet), *junk[:dose]])


def _truncate_tail(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    sheet = _oracle(truth)
    rows = _rows(sheet)
    keep = max(1, len(rows) - dose)
    cut = rows[keep][: max(1, len(rows[keep]) // 2)]
    return _with_rows(sheet, [*rows[:keep], cut])


# --- cells -----------------------------------------------------------------------------------------


def _alter_values(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    def edit(row: int, place: int, cell_rng: Random) -> str | None:
        text, column = truth.rows[row][place], truth.columns[place]
        if not text:
            return None
        value = float(text)
        for factor in cell_rng.sample((0.71, 1.13, 1.37, 1.9), 4):
            new = f"{value * factor + 3 * 10.0**-column.decimals:.{column.decimals}f}"
            if not _near_reading(float(new), value, column) and new != text:
                return new
        return None

    return _edit_cells(truth, rng, dose, _places(truth, lambda column: column.numeric and not column.key), edit)


def _near_reading(number: float, value: float, column: Column) -> bool:
    return any(
        abs(number - (scale * value + offset)) <= 0.02 * abs(scale * value + offset)
        for scale, offset in column.readings
    )


def _scale_values(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    def edit(row: int, place: int, cell_rng: Random) -> str | None:
        text = truth.rows[row][place]
        return f"{float(text) * 1000:.{truth.columns[place].decimals}f}" if text and float(text) else None

    return _edit_cells(truth, rng, dose, _unit_places(truth), edit)


def _unit_places(truth: TableTruth) -> list[int]:
    return _places(truth, lambda column: bool(column.readings) and not column.key)


def _leave_unit(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    def edit(row: int, place: int, cell_rng: Random) -> str | None:
        return _in_other_unit(truth, row, place, cell_rng)

    return _edit_cells(truth, rng, dose, _unit_places(truth), edit)


def _in_other_unit(truth: TableTruth, row: int, place: int, rng: Random) -> str | None:
    """Return a cell's value as a plain number in another unit, or None where that is no other number."""
    column, text = truth.columns[place], truth.rows[row][place]
    if not text:
        return None
    value = float(text)
    for scale, offset in rng.sample(column.readings, len(column.readings)):
        reading = scale * value + offset
        written = f"{reading:.0f}" if column.type == "integer" else f"{reading:.6g}"
        off = abs(float(written) - reading) > 0.004 * abs(reading)
        if not off and "e" not in written and abs(reading - value) > 2 * 10.0**-column.decimals:
            return written
    return None


def _leave_unit_text(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    def edit(row: int, place: int, cell_rng: Random) -> str | None:
        column, text = truth.columns[place], truth.rows[row][place]
        word = cell_rng.choice(column.unit_words) if column.unit_words else None
        number = _in_other_unit(truth, row, place, cell_rng)
        return f"{number} {word}" if text and word and number else None

    return _edit_cells(truth, rng, dose, _unit_places(truth), edit)


def _unit_in_note(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    """Convert the cell, and keep the old figure with its unit in a remark."""
    note = _places(truth, lambda column: column.type == "text" and not column.key)[-1:]
    if not note:
        return None
    marked = _places(truth, lambda column: bool(column.readings and column.unit_words) and not column.key)

    def edit(row: int, place: int, cell_rng: Random) -> str | None:
        for source in _shuffled(cell_rng, marked):
            number = _in_other_unit(truth, row, source, cell_rng)
            if number:
                word = cell_rng.choice(truth.columns[source].unit_words)
                return f"{truth.rows[row][place]} orig {number} {word}".strip()
        return None

    return _edit_cells(truth, rng, dose, note, edit)


def _figure_spelled_out(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    """Convert the cell, and keep the old figure in a remark as words, with no unit beside it."""
    note = _places(truth, lambda column: column.type == "text" and not column.key)[-1:]
    if not note:
        return None

    def edit(row: int, place: int, cell_rng: Random) -> str | None:
        for source in _shuffled(cell_rng, _unit_places(truth)):
            number = _in_other_unit(truth, row, source, cell_rng)
            if number:
                words = " ".join(_DIGIT_WORDS[letter] for letter in number)
                return f"{truth.rows[row][place]} was {words}".strip()
        return None

    return _edit_cells(truth, rng, dose, note, edit)


def _swap_columns(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    places = _places(truth, lambda column: column.type == "decimal" and not column.key)
    if len(places) < 2:
        return None
    one, other = rng.sample(places, 2)
    sheet = _oracle(truth)
    rows = _rows(sheet)
    targets = [
        row
        for row in _shuffled(rng, range(len(rows)))
        if rows[row][one] and rows[row][other] and _is_recognisable(truth, row) and _differ(truth, row, one, other)
    ]
    for row in targets[:dose]:
        rows[row][one], rows[row][other] = rows[row][other], rows[row][one]
    return _with_rows(sheet, rows) if targets else None


def _differ(truth: TableTruth, row: int, one: int, other: int) -> bool:
    """Tell whether two cells are far enough apart to be neither each other nor each other in another unit."""
    first, second = float(truth.rows[row][one]), float(truth.rows[row][other])
    apart = abs(first - second) > 2 * 10.0 ** -min(truth.columns[one].decimals, truth.columns[other].decimals)
    return (
        apart
        and not _near_reading(second, first, truth.columns[one])
        and not _near_reading(first, second, truth.columns[other])
    )


def _shift_column(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    """Move one column's values down by a row, one record further with every step."""
    places = _places(truth, lambda column: column.numeric and not column.key)
    place = max(places, key=lambda place: (len({row[place] for row in truth.rows if row[place]}), -place), default=None)
    if place is None:
        return None
    sheet = _oracle(truth)
    rows = _rows(sheet)
    # Values far apart in every unit, so that a record once wrong stays wrong in the same way.
    filled: list[int] = []
    for row in range(len(rows)):
        value = rows[row][place]
        is_target = bool(value) and _is_recognisable(truth, row)
        if is_target and all(_are_apart(value, rows[other][place], truth.columns[place]) for other in filled):
            filled.append(row)
    if len(filled) < 3:
        return None
    start = rng.randrange(max(1, len(filled) - 8))
    window = filled[start : start + dose + 1]
    values = [rows[row][place] for row in window]
    for row, value in zip(window, [*values[1:], values[0]], strict=True):
        rows[row][place] = value
    return _with_rows(sheet, rows)


def _are_apart(one: str, other: str, column: Column) -> bool:
    first, second = float(one), float(other)
    return (
        abs(first - second) > 2 * 10.0**-column.decimals
        and not _near_reading(second, first, column)
        and not _near_reading(first, second, column)
    )


def _alter_text(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    def edit(row: int, place: int, cell_rng: Random) -> str | None:
        text, column = truth.rows[row][place], truth.columns[place]
        if not text:
            return None
        if column.type == "text":
            others = sorted({r[place] for r in truth.rows if r[place]} - {text, truth.raw_rows[row][place].strip()})
            return cell_rng.choice(others) if others else f"{text} indeed"
        new = _nudge(text, column, cell_rng)
        return new if new != truth.raw_rows[row][place].strip() else None

    return _edit_cells(truth, rng, dose, _places(truth, lambda column: not column.numeric and not column.key), edit)


def _blank_cells(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    def edit(row: int, place: int, cell_rng: Random) -> str | None:
        return "" if truth.rows[row][place] else None

    return _edit_cells(truth, rng, dose, _places(truth, lambda column: not column.key), edit)


def _invent_values(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    """Fill number cells where nothing was recorded with what the column usually holds."""

    def edit(row: int, place: int, cell_rng: Random) -> str | None:
        if truth.rows[row][place]:
            return None
        usual = sorted({r[place] for r in truth.rows if r[place]})
        return cell_rng.choice(usual) if usual else None

    return _edit_cells(truth, rng, dose, _places(truth, lambda column: column.numeric and not column.key), edit)


# --- columns and file ------------------------------------------------------------------------------


def _column_order(truth: TableTruth, rng: Random) -> list[int]:
    """Draw columns that may be lost without losing the record: no keys, texts before numbers."""
    texts = _places(truth, lambda column: not column.key and not column.numeric)
    numbers = _places(truth, lambda column: not column.key and column.numeric)
    order = _shuffled(rng, texts) + _shuffled(rng, numbers)
    # Half of the headings must stay, or the file is no longer recognisable as a table at all.
    return order[: len(truth.columns) // 2]


def _rename_header(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    sheet = _oracle(truth)
    header = list(sheet.header)
    for place in _column_order(truth, rng)[:dose]:
        header[place] = header[place].replace("_", " ").title() + " " + "(new)"
    return Sheet(tuple(header), sheet.lines)


def _add_column(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    sheet = _oracle(truth)
    names = [name for name in ("row_ok", "checked", "reviewed", "status_2", "done") if name not in sheet.header]
    rows = [[*row, *["ok"] * dose] for row in _rows(sheet)]
    return Sheet((*sheet.header, *names[:dose]), _with_rows(sheet, rows).lines)


def _drop_column(truth: TableTruth, rng: Random, dose: int) -> Sheet | None:
    sheet = _oracle(truth)
    gone = set(_column_order(truth, rng)[:dose])
    keep = [place for place in range(len(truth.columns)) if place not in gone]
    rows = [[row[place] for place in keep] for row in _rows(sheet)]
    return Sheet(tuple(sheet.header[place] for place in keep), _with_rows(sheet, rows).lines)


def _break_csv(instance: TaskInstance, severity: int, rng: Random) -> str | None:
    """Open a quote that never closes, at the start of `dose` lines."""
    lines = _oracle(table_truth(instance)).text().removesuffix("\n").split("\n")
    places = _shuffled(rng, range(1, len(lines)))
    # Half of the lines stay whole: a file that is mostly broken is another damage, with a cap of its own.
    places = places[: max(1, (len(lines) - 1) // 2)]
    dose = dose_of(severity)
    if severity > 1 and dose_of(severity - 1) >= len(places):
        return None
    for place in places[:dose]:
        lines[place] = f'"{lines[place]}' if lines[place].count('"') % 2 == 0 else lines[place]
    return "\n".join(lines) + "\n"


def _leave_defects(instance: TaskInstance, severity: int, rng: Random) -> str | None:
    """Leave a quarter, half, three quarters, all of the defects: the ladder from the oracle down to the raw file."""
    truth = table_truth(instance)
    cosmetic = [defect.defect_id for defect in truth.defects if defect not in truth.real_defects]
    order = rng.sample([defect.defect_id for defect in truth.real_defects], len(truth.real_defects))
    left = order[: -(-len(order) * severity // 4)]
    return truth.render([*left, *(cosmetic if severity == 4 else ())]).text()


def _delete_defect_rows(instance: TaskInstance, severity: int, rng: Random) -> str | None:
    """Delete exactly the records that were left unrepaired, instead of repairing them."""
    truth = table_truth(instance)
    undone = _undone_rows(truth, rng)
    gone = set(undone[: dose_of(severity)])
    if severity > 1 and len(undone) <= dose_of(severity - 1):
        return None
    sheet = _half_repaired(truth, undone)
    return _with_rows(sheet, [line.cells for line in sheet.lines if line.row not in gone]).text()


def _undone_baseline(instance: TaskInstance, rng: Random) -> str:
    truth = table_truth(instance)
    return _half_repaired(truth, _undone_rows(truth, rng)).text()


def _undone_rows(truth: TableTruth, rng: Random) -> list[int]:
    rows = sorted({defect.row for defect in truth.real_defects if defect.column is not None and defect.row is not None})
    return _shuffled(rng, rows)[: min(8, len(truth.rows) - 1)]


def _half_repaired(truth: TableTruth, undone: Sequence[int]) -> Sheet:
    left = set(undone)
    return truth.render(
        defect.defect_id for defect in truth.defects if defect.column is not None and defect.row in left
    )


# --- neutral rewrites ------------------------------------------------------------------------------


def _reorder_rows(truth: TableTruth, rng: Random) -> str:
    sheet = _oracle(truth)
    rows = _rows(sheet)
    return _with_rows(sheet, rng.sample(rows, len(rows))).text()


def _reorder_columns(truth: TableTruth, rng: Random) -> str:
    sheet = _oracle(truth)
    order = _shuffled(rng, range(len(sheet.header)))
    rows = [[row[place] for place in order] for row in _rows(sheet)]
    return Sheet(tuple(sheet.header[place] for place in order), _with_rows(sheet, rows).lines).text()


def _each_number(truth: TableTruth, write: Callable[[str, Column], str]) -> str:
    sheet = _oracle(truth)
    rows = [
        [
            write(cell, column) if cell and column.numeric else cell
            for cell, column in zip(row, truth.columns, strict=True)
        ]
        for row in _rows(sheet)
    ]
    return _with_rows(sheet, rows).text()


def _thousands(truth: TableTruth, rng: Random) -> str:
    return _each_number(truth, lambda cell, column: group_thousands(cell))


def _trailing_zeros(truth: TableTruth, rng: Random) -> str:
    return _each_number(truth, lambda cell, column: cell + ("0" if "." in cell else ".00"))


def _crlf(truth: TableTruth, rng: Random) -> str:
    return _oracle(truth).text(newline="\r\n")


def _quote_all(truth: TableTruth, rng: Random) -> str:
    sheet = _oracle(truth)
    lines = [sheet.header, *(line.cells for line in sheet.lines)]
    return "\n".join(",".join('"' + cell.replace('"', '""') + '"' for cell in cells) for cells in lines) + "\n"


def _byte_order_mark(truth: TableTruth, rng: Random) -> str:
    return "\ufeff" + _oracle(truth).text()


_ALL = (
    _degrade("drop_rows", "leaves records out", _drop_rows, moves=_ROWS_LOST),
    _degrade("truncate_tail", "ends in the middle of a line", _truncate_tail, moves=_ROWS_LOST,
             may="fv.rectangular fv.parses"),
    _degrade("duplicate_rows", "hands in records twice", _duplicate_rows, moves="dp dp.row_precision"),
    _degrade("drop_and_pad", "leaves records out and copies others to the same count", _drop_and_pad,
             moves=f"{_ROWS_LOST} dp.row_precision"),
    _degrade("fabricate_rows", "adds plausible records that never were", _fabricate_rows,
             moves="dp dp.row_precision"),
    _degrade("keep_junk", "keeps subtotals and remarks as if they were records", _keep_junk,
             moves="dp dp.row_precision"),
    _degrade("alter_keys", "changes what identifies a record", _alter_keys, moves=f"{_ROWS_LOST} dp.row_precision"),
    _degrade("alter_values", "changes numbers", _alter_values, moves="uc uc.value"),
    _degrade("scale_values", "multiplies numbers by 1000", _scale_values, moves="uc",
             may="uc.value uc.unit fv fv.types"),
    _degrade("leave_unit", "leaves numbers in another unit", _leave_unit, moves="uc uc.unit fv fv.types"),
    _degrade("leave_unit_text", "leaves numbers in another unit with the unit beside them", _leave_unit_text,
             moves="uc uc.value uc.unit fv fv.types"),
    _degrade("unit_in_note", "converts the number and keeps the old figure in a remark", _unit_in_note,
             moves="uc uc.unit co co.cells"),
    _degrade("figure_spelled_out", "converts the number and spells the old figure out in a remark",
             _figure_spelled_out, moves="uc uc.unit co co.cells"),
    _degrade("swap_columns", "swaps the values of two columns", _swap_columns, moves="uc uc.value"),
    _degrade("shift_column", "moves a column down by a record", _shift_column, moves="uc uc.value"),
    _degrade("alter_text", "changes names, categories, dates or remarks", _alter_text, moves="co co.cells"),
    _degrade("blank_cells", "empties cells", _blank_cells, moves="co co.cells fv fv.types",
             may="uc uc.value uc.unit"),
    _degrade("invent_values", "fills in numbers where nothing was recorded", _invent_values,
             moves="uc uc.value uc.unit"),
    _degrade("rename_header", "changes headings", _rename_header,
             moves="co co.columns co.cells fv fv.types fv.headings", may="uc uc.value uc.unit", dose_of=_one_each),
    _degrade("add_column", "adds columns nobody asked for", _add_column, moves="fv fv.headings",
             dose_of=_one_each),
    _degrade("drop_column", "leaves columns out", _drop_column, moves="co co.columns co.cells fv fv.types",
             may="uc uc.value uc.unit", dose_of=_one_each),
    Operator("break_csv", "degrade", "opens a quote that never closes", _break_csv,
             _expect(moves=f"{_ROWS_LOST} fv.parses")),
    Operator("leave_defects", "degrade", "repairs ever fewer defects, down to the raw file", _leave_defects,
             _expect(may=" ".join(("dp dp.row_recall dp.row_precision fv fv.parses fv.rectangular fv.types",
                                   "fv.headings uc uc.value uc.unit co co.columns co.cells")))),
    Operator("delete_defect_rows", "compensation", "deletes the records it left unrepaired", _delete_defect_rows,
             _expect(moves="dp dp.row_recall co co.cells",
                     may="fv fv.parses fv.rectangular fv.types uc uc.value uc.unit dp.row_precision"),
             _undone_baseline),
    _neutral("reorder_rows", "another order of records", _reorder_rows),
    _neutral("reorder_columns", "another order of columns", _reorder_columns),
    _neutral("thousands", "1,234 for 1234", _thousands),
    _neutral("trailing_zeros", "12.50 for 12.5", _trailing_zeros),
    _neutral("crlf", "another line ending", _crlf),
    _neutral("quote_all", "quotes around every cell", _quote_all),
    _neutral("byte_order_mark", "a byte order mark in front", _byte_order_mark),
)  # fmt: skip

OPERATORS: Mapping[str, Operator] = {operator.name: operator for operator in _ALL}
