"""The words of a task: the request of a colleague and the data dictionary that lies beside the file.

The request states everything that is asked for; the dictionary states what is needed to do it.
"""

from random import Random

from tasks_lib.records import Mode
from tasks_lib.spreadsheet_clean.archetype import Archetype, RawColumn
from tasks_lib.spreadsheet_clean.mess import Mess

_RECORDS = (
    "One line for every real record and no others: titles, empty lines, subtotals and typed-in remarks go.",
    "Keep each real record as one line. Headings, blanks, subtotals and remarks between the records are not records.",
    "Every record stays, one line each; whatever is not a record (titles, empty lines, totals, remarks) leaves.",
)
_LOOKALIKES = (
    "Records that merely resemble each other are different records, and a name with 'total' in it is still a name.",
    "Similar lines are not the same line. Some names look like totals or remarks and are neither.",
    "Do not merge records because they look alike, and do not drop one because its text reads like a total.",
)
_DROP_REPEATS = (
    "A line that stands there twice, equal in every cell, was entered twice: keep it once.",
    "Exact repeats of a whole line are entry mistakes, so one copy is enough.",
)
_KEEP_REPEATS = (
    "Where a whole line repeats, it happened twice: keep both.",
    "Lines that repeat exactly are real repeats. All of them stay.",
)
_NUMBERS = (
    "Numbers as plain numbers with a decimal point, converted to the unit given for the column and rounded to its "
    "decimals. No unit, currency sign or original figure beside them, neither in the cell nor in the notes.",
    "In number columns only the number (decimal point), in the column's unit, rounded as listed. Units, symbols and "
    "the old figures must not show up anywhere else either, so not in the notes.",
)
_EMPTY = (
    "Leave a cell empty where nothing was recorded, and fill nothing in.",
    "Not recorded means an empty cell; please don't guess.",
)
_TEXT = (
    "Texts stay as they are apart from stray spaces at the ends.",
    "Don't reword texts or notes; only trim spaces around them.",
)
_DATES = "Dates as 2025-03-04."
_ORDER = (
    "Order of lines and columns doesn't matter.",
    "You may put lines and columns in any order.",
)


def request_text(archetype: Archetype, mess: Mess, materials: dict[str, str], mode: Mode, rng: Random) -> str:
    """Write the request: what is wanted, column by column, and every rule that the result must obey."""
    repeats = _DROP_REPEATS if mess.knobs.remove_duplicates else _KEEP_REPEATS
    rules = [_RECORDS, _LOOKALIKES, repeats, _NUMBERS, _EMPTY, _TEXT, _ORDER]
    lines = [rng.choice(wordings) for wordings in rules]
    if any(column.type == "date" for column in archetype.columns):
        lines.insert(4, _DATES)
    if any(column.variants for column in archetype.columns):
        lines.insert(4, "Categories in the spelling of the dictionary.")
    closing = (
        f"Everything is in {archetype.file_name}; {[*materials][1]} explains units, codes and spellings. "
        "Hand in the finished file as comma-separated text."
    )
    parts = [
        rng.choice(archetype.openings),
        "The columns, with exactly these headings on the first line:\n" + _columns(archetype),
        "\n".join(f"- {line}" for line in lines),
        closing,
    ]
    if mode == "single":
        parts += [f"--- {name} ---\n{text}" for name, text in materials.items()]
    return "\n\n".join(parts)


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
