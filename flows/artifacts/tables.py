"""Rows of an artifact: few enough to load at once, figures short enough to read."""

from typing import Any

import polars as pl

MOST_ROWS = 100
DECIMALS = 4


def table(frame: pl.DataFrame, more: str) -> list[dict[str, Any]]:
    """Return the first rows of a frame as an artifact takes them.

    Args:
        frame: rows, the most important first.
        more: where the rest is; a last row says so where there is one.
    """
    shown = [{name: _cell(value) for name, value in row.items()} for row in frame.head(MOST_ROWS).iter_rows(named=True)]
    left = frame.height - len(shown)
    if left > 0:
        shown.append({**dict.fromkeys(frame.columns), frame.columns[0]: f"{left:,} more rows: {more}"})
    return shown


def _cell(value: Any) -> Any:
    """Return a value as JSON has it; a number that is none is unknown."""
    if isinstance(value, float):
        return round(value, DECIMALS) if value == value and abs(value) != float("inf") else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
