"""Reading files of JSON lines that people bring: every mistake is told with file, line and field."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

R = TypeVar("R", bound=BaseModel)


class BadLinesError(ValueError):
    """A file of JSON lines that cannot be used; the text says file, line, field and what to do."""


def read_lines(path: Path, record: type[R], hint: str) -> Iterator[tuple[int, R]]:
    """Yield the records of a file with the numbers of their lines, from 1; empty lines are passed over.

    Args:
        path: the file, UTF-8.
        record: what each line must be.
        hint: how to make such a file, for who brings another one.

    Raises:
        BadLinesError: not text, not JSON lines, a missing or unknown field, or nothing at all.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # splitlines() also breaks at U+2028
    except (OSError, UnicodeDecodeError) as error:
        raise BadLinesError(f"{path}: cannot be read as UTF-8 text ({error})") from None
    filled = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not filled:
        raise BadLinesError(f"{path}: is empty; {hint}")
    for number, line in filled:
        yield number, _parse(path, number, line, record, hint)


def refuse_repeats(path: Path, records: Iterator[tuple[int, R]], name: Callable[[R], str], hint: str) -> Iterator[R]:
    """Pass the records on, and refuse a second one of the same name.

    Raises:
        BadLinesError: two records share a name.
    """
    first: dict[str, int] = {}
    for number, record in records:
        called = name(record)
        if called in first:
            raise BadLinesError(
                f"{path}, line {number}: {called} stands there twice, first on line {first[called]}; {hint}"
            )
        first[called] = number
        yield record


def _parse(path: Path, number: int, line: str, record: type[R], hint: str) -> R:
    try:
        fields = json.loads(line)
    except ValueError as error:
        raise BadLinesError(f"{path}, line {number}: not JSON ({error}); {hint}") from None
    try:
        return record.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "line"
        raise BadLinesError(f"{path}, line {number}, field {place!r}: {first['msg'].lower()}; {hint}") from None
