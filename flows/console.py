"""The terminal: tables with aligned numbers, a progress bar where somebody looks, JSON where a program does.

Results go to standard output, everything about the work to standard error. Colour and bold type only on a terminal and
without NO_COLOR. Texts that others wrote are shown, never obeyed: a rollout may hold escape codes.
"""

import json
import math
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

if TYPE_CHECKING:
    import polars as pl

GAP = 2
"""Columns between two columns of a table."""
MARKS = {True: "yes", False: "NO", None: "-"}
_PICTURES = {
    **{code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"},
    0x7F: 0x2421,
    **dict.fromkeys(range(0x80, 0xA0), 0xFFFD),
}
"""Control characters, and how they are shown: a terminal would obey them."""


def out(*, stderr: bool = False, soft_wrap: bool = False) -> Console:
    """Return the console of results. Made anew, so that it follows a redirected standard output."""
    console = Console(stderr=stderr, highlight=False, soft_wrap=soft_wrap)
    # rich takes NO_COLOR at its word and still sends escape codes for bold type.
    return (
        Console(stderr=stderr, highlight=False, soft_wrap=soft_wrap, color_system=None) if console.no_color else console
    )


def say(text: str) -> None:
    """Say one line about the work, on standard error."""
    out(stderr=True, soft_wrap=True).print(_text(f"assay: {text}"))


def headline(text: str) -> None:
    """Print a heading above a table."""
    out().print(_text(f"\n{text}", style="bold"))


def alarm(text: str) -> None:
    """Print what nobody may overlook."""
    for part in textwrap.wrap(text, out().width):
        out().print(_text(part, style="bold red"))


def line(text: str = "") -> None:
    """Print one line of the result: whole into a pipe, on a terminal broken between words."""
    console = out(soft_wrap=True)
    console.print(_text(_broken(text, console.width) if console.is_terminal else text))


def _broken(text: str, room: int) -> str:
    """Break lines between words; what follows is indented a little further."""
    return "\n".join(
        textwrap.fill(
            part,
            room,
            subsequent_indent=" " * (len(part) - len(part.lstrip()) + GAP),
            break_long_words=False,
            break_on_hyphens=False,
        )
        for part in text.split("\n")
    )


def _text(text: str, style: str = "") -> Text:
    """Return a text to print as it is, with what would steer a terminal made visible."""
    return Text(text.translate(_PICTURES), style=style)


def paragraph(text: str, indent: int = 2) -> None:
    """Print a few sentences, broken between words."""
    for part in textwrap.wrap(text, out().width - indent):
        line(f"{' ' * indent}{part}")


def next_steps(*commands: str) -> None:
    """Close a command with what to type next; never broken, so that it can be copied."""
    label = "Next:"
    for command in commands:
        out(soft_wrap=True).print(_text(f"{label} {command}"))
        label = "     "


def print_result(frame: "pl.DataFrame") -> None:
    """Print what somebody asked for: whole into a pipe; on a terminal the columns that fit, the rest by name."""
    console = out()
    cells = {name: [cell_text(value) for value in frame[name]] for name in frame.columns}
    widths = {name: max(len(name), 1, *map(len, column)) for name, column in cells.items()}
    if not console.is_terminal:
        console.width = sum(widths.values()) + GAP * len(widths) + 1
    fitting = _that_fit(widths, console.width)
    right = [frame.schema[name].is_numeric() for name in fitting]
    rows = list(zip(*(cells[name] for name in fitting), strict=True))
    console.print(_table(fitting, rows, right, keep_headings=True))
    if hidden := [name for name in frame.columns if name not in fitting]:
        line(f"not shown, for want of room: {', '.join(hidden)} (--json shows all)")


def _that_fit(widths: Mapping[str, int], room: int) -> list[str]:
    """Return the first columns that fit; a long text gives way to half of the room before one is left out."""
    fitting: list[str] = []
    for name, width in widths.items():
        room -= min(width, max(len(name), room // 2)) + GAP
        if room < 0 and fitting:
            break
        fitting.append(name)
    return fitting


def print_frame(frame: "pl.DataFrame", names: Mapping[str, str] | None = None) -> None:
    """Print a frame; `names` picks the columns, in order, and says how they are headed."""
    names = names or {name: name for name in frame.columns}
    numeric = {name for name in names if frame.schema[name].is_numeric()}
    print_rows(
        [names[name] for name in names],
        ([cell_text(row[name]) for name in names] for row in frame.iter_rows(named=True)),
        right=[name in numeric for name in names],
    )


def print_rows(headings: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[bool]) -> None:
    """Print rows of text under headings."""
    out().print(_table(headings, list(rows), right))


def _table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], *, keep_headings: bool = False
) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for place, (heading, is_right) in enumerate(zip(headings, right, strict=True)):
        # Numbers are never broken, headings only between words.
        whole = [heading] if keep_headings else heading.split()
        whole += [row[place] for row in rows if is_right]
        width = max((len(text) for text in whole), default=1)
        table.add_column(
            heading,
            justify="right" if is_right else "left",
            overflow="fold",
            min_width=width,
            width=width if is_right else None,
        )
    for row in rows:
        table.add_row(*(_text(cell, style="bold red" if cell == MARKS[False] else "") for cell in row))
    return table


def print_json(value: Any) -> None:
    """Print a value as JSON, a frame as a list of its rows; infinity and not-a-number, which JSON lacks, are null."""
    if hasattr(value, "to_dicts"):
        value = value.to_dicts()
    sys.stdout.write(json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False, default=_plain) + "\n")


def cell_text(value: Any) -> str:
    """Return a value as a table shows it."""
    if value is None or isinstance(value, bool):
        return MARKS[value]
    if isinstance(value, int | Decimal):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 1000 else f"{value:,.1f}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {cell_text(part)}" for name, part in value.items())
    if isinstance(value, list) or hasattr(value, "to_list"):
        return ", ".join(map(cell_text, value))
    return str(value)


class ChunkBar:
    """A bar that counts rollouts; silent where standard error is no terminal."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task("starting", total=total)

    def advance(self, label: str, count: int) -> None:
        """Count finished work and say what it was."""
        self._progress.update(self._task, advance=count, description=label)

    def stage(self, label: str) -> None:
        """Say what is going on."""
        self._progress.update(self._task, description=label)


@contextmanager
def progress_bar(total: int) -> Iterator[ChunkBar]:
    """Show a bar on standard error while work is done."""
    console = out(stderr=True)
    with Progress(
        TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis")),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        yield ChunkBar(progress, total)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _finite(part) for name, part in value.items()}
    return [_finite(part) for part in value] if isinstance(value, list | tuple) else value


def _plain(value: Any) -> Any:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, Decimal):  # a sum of whole numbers arrives as one
        return int(value) if value == value.to_integral_value() else float(value)
    return str(value)
