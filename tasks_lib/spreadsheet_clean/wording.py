"""The words of a task: the request of a colleague and the data dictionary that lies beside the file.

The request states everything that is asked for; the dictionary states what is needed to do it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from random import Random

from tasks_lib.family import Requirement
from tasks_lib.records import Mode
from tasks_lib.spreadsheet_clean.archetype import Archetype, RawColumn
from tasks_lib.spreadsheet_clean.mess import Mess


@dataclass(frozen=True)
class Rule:
    """A rule of the request, in its wordings, and what looks at it."""

    name: str
    wordings: tuple[str, ...]
    graded_by: tuple[str, ...]
    """Empty for a permission."""


_RECORDS = Rule(
    "records",
    (
        "One line for every real record and no others: titles, empty lines, subtotals and typed-in remarks go.",
        "Keep each real record as one line. Headings, blanks, subtotals and remarks between the records are not "
        "records.",
        "Every record stays, one line each; whatever is not a record (titles, empty lines, totals, remarks) leaves.",
    ),
    ("data_preservation.row_recall", "data_preservation.row_precision"),
)
_LOOKALIKES = Rule(
    "lookalikes",
    (
        "Records that merely resemble each other are different records, and a name with 'total' in it is still a name.",
        "Similar lines are not the same line. Some names look like totals or remarks and are neither.",
        "Do not merge records because they look alike, and do not drop one because its text reads like a total.",
    ),
    ("data_preservation.row_recall",),
)
_DROP_REPEATS = Rule(
    "repeats that go",
    (
        "A line that stands there twice, equal in every cell, was entered twice: keep it once.",
        "Exact repeats of a whole line are entry mistakes, so one copy is enough.",
    ),
    ("data_preservation.row_precision",),
)
_KEEP_REPEATS = Rule(
    "repeats that stay",
    (
        "Where a whole line repeats, it happened twice: keep both.",
        "Lines that repeat exactly are real repeats. All of them stay.",
    ),
    ("data_preservation.row_recall",),
)
_NUMBERS = Rule(
    "numbers",
    (
        "Numbers as plain numbers with a decimal point, converted to the unit given for the column and rounded to its "
        "decimals. No unit, currency sign or original figure beside them, neither in the cell nor in the notes.",
        "In number columns only the number (decimal point), in the column's unit, rounded as listed. Units, symbols "
        "and the old figures must not show up anywhere else either, so not in the notes.",
    ),
    ("unit_consistency.value", "unit_consistency.unit", "format_validity.types"),
)
_EMPTY = Rule(
    "empty cells",
    (
        "Leave a cell empty where nothing was recorded, and fill nothing in.",
        "Not recorded means an empty cell; please don't guess.",
    ),
    ("completeness.cells",),
)
_TEXT = Rule(
    "texts",
    (
        "Texts stay as they are apart from stray spaces at the ends.",
        "Don't reword texts or notes; only trim spaces around them.",
    ),
    ("completeness.cells",),
)
_DATES = Rule("dates", ("Dates as 2025-03-04.",), ("format_validity.types",))
_CATEGORIES = Rule("categories", ("Categories in the spelling of the dictionary.",), ("format_validity.types",))
_ORDER = Rule(
    "order",
    (
        "Order of lines and columns doesn't matter.",
        "You may put lines and columns in any order.",
    ),
    (),
)


_COLUMNS = "The columns, with exactly these headings on the first line:"
_HAND_IN = "Hand in the finished file as comma-separated text."


def request_text(archetype: Archetype, mess: Mess, materials: dict[str, str], mode: Mode, rng: Random) -> str:
    """Write the request: what is wanted, column by column, and every rule that the result must obey."""
    types = {column.type for column in archetype.columns}
    rules = _rules(types, any(column.variants for column in archetype.columns), mess.knobs.remove_duplicates)
    lines = [rng.choice(rule.wordings) if len(rule.wordings) > 1 else rule.wordings[0] for rule in rules]
    closing = (
        f"Everything is in {archetype.file_name}; {[*materials][1]} explains units, codes and spellings. {_HAND_IN}"
    )
    parts = [
        rng.choice(archetype.openings),
        f"{_COLUMNS}\n{_columns(archetype)}",
        "\n".join(f"- {line}" for line in lines),
        closing,
    ]
    if mode == "single":
        parts += [f"--- {name} ---\n{text}" for name, text in materials.items()]
    return "\n\n".join(parts)


def request_requirements(
    prompt: str, openings: Sequence[str], types: Collection[str], drop_repeats: bool
) -> tuple[Requirement, ...]:
    """Return what a request asks for, in the wording it uses.

    Args:
        prompt: the request.
        openings: every way in which it may open.
        types: the types of the wanted columns.
        drop_repeats: whether repeated lines have to go.
    """
    columns = next((part for part in prompt.split("\n\n") if part.startswith(_COLUMNS)), _COLUMNS)
    rules = _rules(types, "enum" in types, drop_repeats)
    return (
        Requirement(
            "one clean file",
            (_found(openings, prompt), _HAND_IN),
            ("format_validity.parses", "format_validity.rectangular", "csv_not_parseable"),
        ),
        Requirement("columns", (columns,), ("format_validity.headings", "completeness.columns")),
        *(Requirement(rule.name, (_found(rule.wordings, prompt),), rule.graded_by) for rule in rules if rule.graded_by),
    )


def _rules(types: Collection[str], categories: bool, drop_repeats: bool) -> list[Rule]:
    """Return the rules of a request in order."""
    return [
        _RECORDS,
        _LOOKALIKES,
        _DROP_REPEATS if drop_repeats else _KEEP_REPEATS,
        _NUMBERS,
        *([_CATEGORIES] if categories else []),
        *([_DATES] if "date" in types else []),
        _EMPTY,
        _TEXT,
        _ORDER,
    ]


def _found(wordings: Sequence[str], prompt: str) -> str:
    """Return the wording that a request uses; the first where it uses none."""
    return next((wording for wording in wordings if wording in prompt), wordings[0])


def dictionary_text(archetype: Archetype, mess: Mess) -> str:
    """Write the data dictionary: how the file's headings map, and every fact needed to read its cells."""
    lines = [f"# About {archetype.file_name}", "", "## Headings in the file", ""]
    for column in archetype.columns:
        heading = mess.headings.get(column.name)
        lines.append(f"- {column.name}: " + (f'headed "{heading}"' if heading else "headed as wanted"))
    lines += ["", "## Spellings", ""]
    for column in archetype.columns:
        for label, spellings in column.variants.items():
            lines.append(f"- {column.name}: {label} (also written {', '.join(spellings)})")
    lines += ["", "## Reading the cells", ""]
    lines += [f"- {fact}" for fact in dict.fromkeys(mess.facts)]
    if any(defect.kind == "number_style" for defect in mess.defects):
        lines.append("- Some offices write a decimal comma and a space between thousands: 1 234,5 is 1234.5.")
        lines.append("- A number in parentheses is negative.")
    tokens = sorted({token for column in archetype.columns for token in column.missing})
    lines.append(f"- Not recorded: an empty cell, or one of {'  '.join(tokens)}")
    return "\n".join(lines) + "\n"


def _columns(archetype: Archetype) -> str:
    return "\n".join(f"- {column.name}: {column.meaning}{_precision(column)}" for column in archetype.columns)


def _precision(column: RawColumn) -> str:
    if column.type == "integer":
        return " (whole number)"
    if column.type == "decimal":
        return f" ({column.decimals} decimals)" if column.decimals else " (no decimals)"
    return ""
