"""What an archetype declares: its columns, how their cells go wrong, and how it asks for help.

An archetype is a kind of spreadsheet with a structure of its own. It declares columns with the units,
dates and spellings that occur in them; `mess.py` turns those declarations into recorded defects.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from tasks_lib.spreadsheet_clean.table import Column, ColumnType

Row = dict[str, str]
"""Column name -> canonical text of the cell; "" where it is empty."""


@dataclass(frozen=True)
class AltUnit:
    """Another unit in which a column's values occur.

    The number written is `scale * value + offset`, rounded to `decimals`; the value is what converting
    that number back gives, so nothing is asked for that the file does not hold.
    """

    scale: float
    offset: float = 0.0
    decimals: int = 2
    templates: tuple[str, ...] = ("{}",)
    """How a cell shows it: `${}M`. A bare `{}` says nothing, and the heading or the dictionary must."""
    words: tuple[str, ...] = ()
    explain: str = ""
    """The sentence of the data dictionary that makes the conversion possible."""


@dataclass(frozen=True)
class UnitRule:
    """A unit that follows from another column of the record and is written nowhere in the cell."""

    alt: AltUnit
    applies: Callable[[Row], bool]
    explain: str


@dataclass(frozen=True)
class RawColumn:
    """A wanted column together with the ways in which the file gets it wrong."""

    name: str
    type: ColumnType
    meaning: str
    headings: tuple[str, ...]
    """Headings used in the file instead of the wanted name."""
    key: bool = False
    unit: str | None = None
    decimals: int = 0
    alts: tuple[AltUnit, ...] = ()
    rule: UnitRule | None = None
    currency: str = ""
    """Currency sign that may stand before a number."""
    signed: bool = False
    """Negative values occur, so an accountant's parentheses can."""
    variants: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Category -> other spellings of it."""
    pattern: str | None = None
    missing: tuple[str, ...] = ("n/a", "-", "?")
    missing_code: str | None = None
    """A number that stands for "not recorded", explained in the dictionary only."""
    day_first: Callable[[Row], bool] | None = None
    """Dates with slashes: which order this record's system writes; None: the whole file writes day first."""
    day_first_note: str = ""
    utc_offset: Callable[[Row], int] | None = None
    """Datetimes: hours that the record's local time is ahead of UTC."""
    utc_note: str = ""
    group: str = ""
    """What a merged heading line says above this column."""
    mergeable: bool = False
    """A label that a merged cell may show on the first line of its block only."""

    def column(self, allowed: Sequence[str]) -> Column:
        """Return what graders need to know of the column."""
        alts = [*self.alts, *([self.rule.alt] if self.rule else [])]
        return Column(
            name=self.name,
            type=self.type,
            key=self.key,
            unit=self.unit,
            decimals=self.decimals,
            allowed=tuple(allowed),
            pattern=self.pattern,
            readings=tuple((alt.scale, alt.offset) for alt in alts),
            unit_words=tuple(sorted({word for alt in alts for word in alt.words})),
        )


@dataclass(frozen=True)
class Archetype:
    """A kind of spreadsheet."""

    name: str
    file_name: str
    columns: tuple[RawColumn, ...]
    draw: Callable[[Random, int], list[Row]]
    """(stream, n) -> n records with different keys, in file order."""
    twin: Callable[[Row, int], Row]
    """A record that looks like the given one and is another; `k` numbers the twins."""
    decoy: Callable[[Row, Random], Row]
    """The record rewritten so that it looks like a total or a remark, and is a record."""
    openings: tuple[str, ...]
    titles: tuple[str, ...]
    remarks: tuple[str, ...]
    """Lines a person typed between the records."""
    subtotal_of: str
    """Column whose values a subtotal line adds up."""
    exact_values: bool = False
    """True for a person's own records: a value is never moved to make a conversion come out even."""
