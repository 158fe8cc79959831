"""Measuring primitives for tables: reading a delivered file, cells, numbers, and whose row is whose.

Knows nothing of weights or rewards. Everything here is exact and deterministic.
"""

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from tasks_lib.spreadsheet_clean.table import Column, TableTruth

_NUMBER = re.compile(r"-?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?Z", re.ASCII)
_FIGURE = re.compile(r"\d[\d,. ]*", re.ASCII)
_FRACTION = re.compile(r"(\d{1,9}) ?/ ?(\d{1,9})", re.ASCII)
_COMMA_NUMBER = re.compile(r"(\d+|\d{1,3}(\.\d{3})+),\d+", re.ASCII)
_FENCE = re.compile(r"\A\s*```[a-zA-Z]*\n(.*)\n```\s*\Z", re.DOTALL)
_SEPARATORS = (",", ";", "\t", "|")
_SEEN_TEXTS = 2**14
"""Texts of cells whose readings are kept: outputs for one task have most of their cells in common."""
_HEADER_WITHIN = 8
"""Lines from the top among which the headings are looked for."""


class DeliveredRow(NamedTuple):
    """One readable line below the headings."""

    line: int
    fields: tuple[str, ...]
    cells: Mapping[str, str]
    """Wanted column -> text; a wanted column the file does not have is absent."""
    others: tuple[str, ...]
    """Filled cells that stand under no heading of the request, nor of the raw file."""
    surplus: int
    """Fields more than there are headings; negative where there are fewer."""

    @property
    def ragged(self) -> bool:
        return self.surplus != 0

    def at(self, place: int) -> str:
        """Return the field at a place; empty where the line ends before it."""
        return self.fields[place] if place < len(self.fields) else ""


@dataclass(frozen=True)
class DeliveredTable:
    """A delivered file as far as it can be read."""

    header: tuple[str, ...]
    columns: tuple[str, ...]
    """Wanted columns that are there, once each."""
    rows: tuple[DeliveredRow, ...]
    broken_lines: int
    """Lines whose quotes do not balance: nothing on them can be trusted."""
    lines_above: int
    """Lines above the headings."""
    comma_separated: bool

    @property
    def other_columns(self) -> int:
        """Headings nobody asked for, and copies of those that stand there twice."""
        return len(self.header) - len(self.columns)

    def place_of(self, heading: str) -> int | None:
        """Return where a heading stands; None where it does not, or more than once."""
        return self.header.index(heading) if self.header.count(heading) == 1 else None


def read_table(text: str, truth: TableTruth) -> DeliveredTable | None:
    """Read a delivered file line by line; None where no line of it holds at least half of the headings.

    The headings may be the wanted ones or those of the raw file. A record is a line: no cell of these
    tables may hold a line break, so one unbalanced quote spoils one line and not the rest of the file.
    One code fence around the whole text is taken off.
    """
    fenced = _FENCE.match(text)
    lines = (fenced.group(1) if fenced else text).lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    found = _find_header(lines, truth)
    if found is None:
        return None
    at, separator, header = found
    places = {name: header.index(name) for name in truth.header if header.count(name) == 1}
    # A column that is still under the raw file's heading is that column, and no remark beside the record.
    still_raw = {raw.strip() for name, raw in zip(truth.header, truth.raw_header, strict=True) if name not in places}
    known = {*places.values(), *(at for at, name in enumerate(header) if name in still_raw)}
    all_known = len(known) == len(header)

    rows, broken = [], 0
    for number, line in enumerate(lines[at + 1 :], start=at + 2):
        if not line:
            continue
        fields = _fields(line, separator)
        if fields is None:
            broken += 1
            continue
        rows.append(
            DeliveredRow(
                line=number,
                fields=tuple(fields),
                cells={name: fields[place] if place < len(fields) else "" for name, place in places.items()},
                others=()
                if all_known and len(fields) <= len(header)
                else tuple(cell for place, cell in enumerate(fields) if place not in known and cell),
                surplus=len(fields) - len(header),
            )
        )
    return DeliveredTable(tuple(header), tuple(places), tuple(rows), broken, at, separator == ",")


def _find_header(lines: Sequence[str], truth: TableTruth) -> tuple[int, str, list[str]] | None:
    for at, line in enumerate(lines[:_HEADER_WITHIN]):
        for separator in _SEPARATORS:
            header = [cell.strip() for cell in _fields(line, separator) or ()]
            known = sum(
                header.count(name) == 1 or raw.strip() in header
                for name, raw in zip(truth.header, truth.raw_header, strict=True)
            )
            if 2 * known >= len(truth.header):
                return at, separator, header
    return None


def _fields(line: str, separator: str) -> list[str] | None:
    """Split one line; None where its quoting is broken or it holds a NUL."""
    if "\0" in line:
        return None
    if '"' not in line:
        return line.split(separator)
    if line.count('"') % 2:
        return None
    try:
        return next(csv.reader([line], delimiter=separator, strict=True))
    except csv.Error:
        return None


@lru_cache(_SEEN_TEXTS)
def read_number(text: str) -> float | None:
    """Return a plain number (commas between groups of three allowed), or None."""
    return float(text.replace(",", "")) if _NUMBER.fullmatch(text) else None


def read_figures(text: str) -> list[float]:
    """Return every number that stands in a free text: with a decimal point, a decimal comma, or as a fraction."""
    found = []
    for figure in _FIGURE.findall(text):
        bare = figure.strip(" .,").replace(" ", "")
        readings = {bare}
        if _COMMA_NUMBER.fullmatch(bare):
            readings.add(bare.replace(".", "").replace(",", "."))
        found += [number for reading in readings if (number := read_number(reading)) is not None]
    found += [int(above) / int(below) for above, below in _FRACTION.findall(text) if int(below)]
    return found


def same_number(found: float, wanted: float, decimals: int) -> bool:
    """Tell whether two numbers agree to within half a unit of the last wanted decimal."""
    return abs(found - wanted) <= 0.51 * 10.0**-decimals


def is_other_unit(found: float, gold: float, column: Column) -> bool:
    """Tell whether a number is the gold value read in one of the column's other units."""
    for scale, offset in column.readings:
        reading = scale * gold + offset
        if abs(reading - gold) > 10.0**-column.decimals and abs(found - reading) <= max(
            0.006 * abs(reading), 0.51 * 10.0**-column.decimals * min(1.0, scale)
        ):
            return True
    return False


def has_type(text: str, column: Column) -> bool:
    """Tell whether a filled cell parses as its column's type."""
    if column.numeric:
        number = read_number(text)
        return number is not None and (column.type == "decimal" or number.is_integer())
    if column.type == "date":
        return _is_date(text)
    if column.type == "datetime":
        return _is_time(text)
    if text != text.strip():
        return False
    if column.allowed:
        return text in column.allowed
    return column.shape is None or column.shape.fullmatch(text) is not None


@lru_cache(_SEEN_TEXTS)
def _is_date(text: str) -> bool:
    return _DATE.fullmatch(text) is not None and _parses(date.fromisoformat, text)


@lru_cache(_SEEN_TEXTS)
def _is_time(text: str) -> bool:
    return _UTC.fullmatch(text) is not None and _parses(datetime.fromisoformat, text[:-1])


def _parses(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


def canonical(text: str, column: Column) -> str:
    """Return the form in which two spellings of one cell meet: numbers as numbers, times to the minute."""
    if column.numeric:
        number = read_number(text)
        return text if number is None else repr(round(number, column.decimals))
    if column.type == "datetime" and has_type(text, column):
        return datetime.fromisoformat(text[:-1]).strftime("%Y-%m-%dT%H:%MZ")
    return text


@dataclass(frozen=True)
class Matching:
    """Which delivered line is which record."""

    rows: Mapping[int, DeliveredRow]
    """Gold row -> delivered row; every delivered row is used once at most."""
    contested: frozenset[int]
    """Gold rows of which there are lines too many."""


class KnownKeys:
    """The records of a truth by their keys, which every output for it is held against."""

    def __init__(self, truth: TableTruth) -> None:
        self.truth = truth
        self._forms = {
            place: [_key_forms(truth, gold, place) for gold in range(len(truth.rows))]
            for place, column in enumerate(truth.columns)
            if column.key
        }
        self._by_key: dict[tuple[int, ...], Mapping[tuple[str, ...], Sequence[int]]] = {}

    def forms(self, place: int) -> Set[str]:
        """Return every form in which a key column may show a record."""
        return {form for forms in self._forms[place] for form in forms}

    def by_key(self, places: tuple[int, ...]) -> Mapping[tuple[str, ...], Sequence[int]]:
        """Return key -> its records, for the key columns that an output has."""
        if places not in self._by_key:
            records: dict[tuple[str, ...], list[int]] = defaultdict(list)
            for gold, forms in enumerate(zip(*(self._forms[place] for place in places), strict=True)):
                for key in product(*forms):
                    records[key].append(gold)
            self._by_key[places] = records
        return self._by_key[places]


def match_rows(known: KnownKeys, table: DeliveredTable, agreement_min: float) -> Matching:
    """Find for every gold row the delivered line that is that record.

    A line carries a record's key in the wanted form or in the form the raw file has it, so an
    unrepaired record is still the record; and a key column is known by its content where its heading
    is not the wanted one. Among lines with one key the one that agrees most wins. A line that agrees
    with the truth in less than `agreement_min` of the record's other filled cells is a made-up line
    under a copied key, and matches nothing.

    A record that more lines claim to be than there are such records is contested: whoever hands in two
    readings of it has not decided which is right.
    """
    truth = known.truth
    places = {
        place: where for place in range(len(truth.columns)) if (where := _find_column(known, table, place)) is not None
    }
    keys = [place for place in places if truth.columns[place].key]
    others = {place: where for place, where in places.items() if not truth.columns[place].key}
    if not keys:
        return Matching({}, frozenset())

    candidates = known.by_key(tuple(keys))
    key_columns = [(places[place], truth.columns[place]) for place in keys]
    claims: list[tuple[float, int, int]] = []
    for index, delivered in enumerate(table.rows):
        cells = [(delivered.at(where), column) for where, column in key_columns]
        key = tuple([_fold(canonical(cell, column)) for cell, column in cells])
        raw_key = tuple([_fold(cell) for cell, _ in cells])
        for gold in {*candidates.get(key, ()), *candidates.get(raw_key, ())}:
            agreement = _agreement(truth, gold, delivered, others)
            if agreement >= agreement_min:
                claims.append((-agreement, gold, index))

    matched: dict[int, DeliveredRow] = {}
    used: set[int] = set()
    for _, gold, index in sorted(claims):
        if gold not in matched and index not in used:
            matched[gold] = table.rows[index]
            used.add(index)
    return Matching(matched, frozenset(gold for _, gold, index in claims if index not in used))


def _find_column(known: KnownKeys, table: DeliveredTable, place: int) -> int | None:
    """Return where a wanted column stands: by its heading, by the raw file's, or, a key, by what is in it."""
    truth = known.truth
    where = table.place_of(truth.header[place])
    if where is None and truth.raw_header[place] not in truth.header:
        where = table.place_of(truth.raw_header[place].strip())
    if where is None and truth.columns[place].key:
        forms = known.forms(place)
        hits: Counter[int] = Counter()
        for row in table.rows:
            hits.update(at for at, cell in enumerate(row.fields) if _fold(cell) in forms)
        # Only what is there is looked at: a heading line may name thousands of columns that no line has.
        unnamed = [at for at in hits if at < len(table.header) and table.header[at] not in truth.header]
        best = max(unnamed, key=lambda at: (hits[at], -at), default=None)
        where = best if best is not None and 2 * hits[best] > len(table.rows) else None
    return where


def _key_forms(truth: TableTruth, gold: int, place: int) -> set[str]:
    return {_fold(canonical(truth.rows[gold][place], truth.columns[place])), _fold(truth.raw_rows[gold][place])}


@lru_cache(_SEEN_TEXTS)
def _fold(text: str) -> str:
    return " ".join(text.split()).casefold()


def _agreement(truth: TableTruth, gold: int, delivered: DeliveredRow, places: Mapping[int, int]) -> float:
    """Return the share of a record's filled cells, keys aside, that the line has in wanted, raw or other-unit form.

    `places`: place of a wanted column -> where it stands in the line.
    """
    row, raw, fields = truth.rows[gold], truth.raw_rows[gold], delivered.fields
    filled = agreeing = 0
    for place, where in places.items():
        wanted = row[place]
        if not wanted:
            continue
        filled += 1
        cell = fields[where] if where < len(fields) else ""
        if cell == wanted or cell == raw[place]:
            agreeing += 1
            continue
        column = truth.columns[place]
        agreeing += (
            cell_is(cell, wanted, column)
            or _in_other_unit(cell, wanted, column)
            or same_digits(cell, (raw[place], wanted), column)
        )
    return agreeing / filled if filled else 1.0


def same_digits(cell: str, forms: Sequence[str], column: Column) -> bool:
    """Tell whether a number was taken over with only its dressing changed, or half of it."""
    if not column.numeric:
        return False
    digits = _digits(cell)
    return bool(digits) and digits in [_digits(form) for form in forms]


@lru_cache(_SEEN_TEXTS)
def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _in_other_unit(cell: str, wanted: str, column: Column) -> bool:
    if not column.numeric:
        return False
    number = read_number(cell)
    return number is not None and is_other_unit(number, float(wanted), column)


def cell_is(cell: str, wanted: str, column: Column) -> bool:
    """Tell whether a delivered cell is the gold cell; empty is only equal to empty."""
    if cell == wanted:
        return True
    if not cell or not wanted:
        return False
    if column.numeric:
        number = read_number(cell)
        return number is not None and same_number(number, float(wanted), column.decimals)
    return column.type == "datetime" and canonical(cell, column) == wanted
