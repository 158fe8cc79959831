"""The knobs of messiness: what can be turned to make a table harder to clean.

Every knob can be set by hand; `from_difficulty` turns them all together.
"""

from random import Random
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Density = Annotated[float, Field(ge=0, le=1)]
Separator = Literal[",", ";", "\t", "|"]


class SpreadsheetKnobs(BaseModel):
    """How a clean table is made messy. Densities are shares of the places where a thing can happen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int = Field(default=24, ge=6, le=500)
    """Real records in the table."""
    unit_mix: float = Field(default=0.35, ge=0.05, le=1)
    """Share of measured cells written in another unit than the wanted one, where the archetype mixes by cell."""
    date_formats: int = Field(default=2, ge=1, le=4)
    """Different ways of writing a date in the file; 1 still is not the wanted way."""
    blank_rows: float = Field(default=0.05, ge=0, le=0.3)
    """Empty lines per real record."""
    annotation_rows: float = Field(default=0.08, ge=0, le=0.3)
    """Subtotals, remarks and section headings per real record."""
    separator: Separator = ","
    """What stands between the fields of the raw file."""
    near_duplicates: float = Field(default=0.08, ge=0, le=0.5)
    """Share of records that look like another one and must be kept."""
    exact_duplicates: float = Field(default=0.04, ge=0, le=0.3)
    """Lines that stand there twice, per real record."""
    remove_duplicates: bool = True
    """True: the request asks to drop repeated lines. False: it says that repeats are real, and they are."""
    renamed_headers: Density = 0.5
    """Share of columns whose heading in the file is not the wanted name."""
    merged_header: bool = False
    """Two heading lines, the upper one as merged cells leave it."""
    preamble: bool = False
    """Title lines above the headings."""
    merged_cells: Density = 0.0
    """Share of repeated group labels left empty, as merged cells leave them."""
    whitespace: Density = 0.1
    """Share of text cells with stray spaces."""
    ragged: Density = 0.04
    """Share of lines with too many or too few fields."""
    thousands: Density = 0.3
    """Share of numbers from 1,000 up written with a thousands separator (harmless: it may stay)."""
    number_styles: Density = 0.1
    """Share of numbers with a decimal comma, an accountant's parentheses, or a currency sign."""
    missing_tokens: Density = 0.5
    """Share of empty cells that hold a token such as `n/a` instead."""
    label_variants: Density = 0.15
    """Share of category cells in a spelling of their own."""
    decoys: Density = 0.05
    """Share of real records that look like a total or a remark."""
    page_lines: int = Field(default=40, ge=10, le=200)
    """Lines that one look at a file shows."""


def from_difficulty(difficulty: float, rng: Random, split: str) -> SpreadsheetKnobs:
    """Map a difficulty in 0..1 to knobs; what is drawn (separator, headings) follows from the stream.

    The `stress` split holds 15 to 40 records, all of them real: nothing in the file may be dropped,
    and much of it looks as if it should be.
    """
    d = difficulty
    stress = split == "stress"
    separators: list[Separator] = [",", ";", "\t", "|"]
    return SpreadsheetKnobs(
        rows=round(15 + 25 * d) if stress else round(8 * 20**d),
        unit_mix=round(0.2 + 0.5 * d, 3),
        date_formats=1 + round(3 * d),
        blank_rows=0.0 if stress else round(0.02 + 0.08 * d, 3),
        annotation_rows=0.0 if stress else round(0.05 + 0.1 * d, 3),
        separator=separators[rng.randrange(4)] if rng.random() < d else ",",
        near_duplicates=0.3 if stress else round(0.04 + 0.12 * d, 3),
        exact_duplicates=0.08 if stress else round(0.02 + 0.08 * d, 3),
        remove_duplicates=False if stress else rng.random() < 0.6,
        renamed_headers=round(0.2 + 0.5 * d, 3),
        merged_header=rng.random() < 0.7 * d,
        preamble=rng.random() < 0.6 * d,
        merged_cells=round(0.8 * d, 3) if rng.random() < 0.5 else 0.0,
        whitespace=round(0.05 + 0.15 * d, 3),
        ragged=round(0.08 * d, 3),
        thousands=0.3,
        number_styles=round(0.04 + 0.16 * d, 3),
        missing_tokens=round(0.3 + 0.5 * d, 3),
        label_variants=round(0.08 + 0.2 * d, 3),
        decoys=0.25 if stress else round(0.02 + 0.08 * d, 3),
    )
