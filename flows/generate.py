"""Generating: instances of the chosen families, and writing them to a file whole or not at all."""

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from flows.errors import InputError
from flows.settings import Settings
from tasks_lib.family import Family
from tasks_lib.records import TaskInstance, canonical_json


def generate_instances(settings: Settings, families: Iterable[Family], split: str = "train") -> Iterator[TaskInstance]:
    """Yield `settings.n` instances of every family."""
    for family in families:
        yield from family.instances(settings.n, settings.seed, settings.difficulty, split=split)


def instances_from_table(table: Path, settings: Settings) -> Iterator[TaskInstance]:
    """Yield instances of spreadsheet_clean made from a person's own clean table.

    Raises:
        InputError: the table cannot be used.
    """
    from tasks_lib.spreadsheet_clean.from_table import BadTableError
    from tasks_lib.spreadsheet_clean.from_table import instances_from_table as from_table

    try:
        yield from from_table(table, settings.n, settings.seed, settings.difficulty)
    except BadTableError as error:
        raise InputError(str(error)) from None


def write_lines(path: Path, records: Iterable[TaskInstance]) -> int:
    """Write records as JSON lines; the file appears when the last line stands.

    Returns:
        How many lines were written.
    """
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}; make it first")
    handle, unfinished = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    count = 0
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            for record in records:
                file.write(canonical_json(record.model_dump(mode="json")) + "\n")
                count += 1
            file.flush()
            os.fsync(file.fileno())
        Path(unfinished).chmod(0o644)
        Path(unfinished).replace(path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
    return count


def archetypes(instances: Sequence[TaskInstance]) -> dict[str, int]:
    """Return how many instances there are of each archetype."""
    counts: dict[str, int] = {}
    for instance in instances:
        counts[instance.archetype] = counts.get(instance.archetype, 0) + 1
    return counts
