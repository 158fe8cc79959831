"""What an author leaves behind by mistake: paths of a machine, names for the answer, templates that were not filled."""

import re
from collections.abc import Iterator

from tasks_lib.lint.finding import Finding
from tasks_lib.lint.reading import Place, Reading
from tasks_lib.lint.vocabulary import phrases

_FOLDERS = (
    "home", "Users", "root", "tmp", "var", "usr", "opt", "etc", "mnt", "srv", "private", "workspace", "data",
)  # fmt: skip
_PATH = re.compile(
    r"file://[^\s\"'<>]*"
    rf"|(?<![\w/.:~])/(?:{'|'.join(_FOLDERS)})/[\w.@+/-]+"
    r"|(?<![\w~])~/[\w.@+/-]+"
    r"|\b[A-Z]:\\[\w.@+\\ -]+"
)
_ROOTS = ("file://", "~/", ":\\", *(f"/{folder}/" for folder in _FOLDERS))
"""One of these stands in every path; dates and units have strokes, too."""
_ANSWER_STEMS = ("answer", "expected", "gold", "ground", "hidden", "model", "oracle", "reference")
_PLACEHOLDER = re.compile(
    r"\{\{[^{}\n]{1,40}\}\}|\$\{\w+\}|\{[A-Za-z_]\w*\}|%\(\w+\)s"
    r"|<[A-Z]{4,}(?:[ _-][A-Z]+)*>"
    r"|(?i:\blorem ipsum\b)|(?i:\[(?:insert|fill in|your) [^\]\n]{1,40}\])"
)
_BRACKET = re.compile(r"[{<%\[]|(?i:lorem)")
_NO_VALUE = re.compile(r"\b(?:nan|NaN)\b|(?<=[a-z,(] )None\b(?! of\b)|[$€£]None\b|\bNone(?=%| (?:million|percent)\b)")
_PROSE_WORDS = 5
"""Words of a line from which it is prose: in a cell of a table `nan` is one more way of writing nothing."""


def paths(reading: Reading) -> Iterator[Finding]:
    """Find paths of the author's machine: absolute ones, home directories, `file://`. An error in a prompt."""
    for place in reading.places:
        if not any(root in place.text for root in _ROOTS):
            continue
        for match in _PATH.finditer(place.text):
            if not reading.is_content(place, match[0]):
                yield reading.finding(
                    "path", reading.severity(place), place, match.span(),
                    "is a path of somebody's machine; name the file as the policy sees it",
                )  # fmt: skip


def answer_words(reading: Reading) -> Iterator[Finding]:
    """Find what authors call the answer (oracle, gold rows, answer key), also in the names of files."""
    tells = phrases("artefact", "answer")
    for place in reading.places:
        for match in tells.finditer(place.text) if place.has_word_from(_ANSWER_STEMS) else ():
            if not reading.is_content(place, match[0]):
                yield reading.finding(
                    "answer_word", reading.severity(place), place, match.span(),
                    "is an author's word for the answer; the policy should not know that there is one",
                )  # fmt: skip
        if place is not reading.prompt and (match_in_name := tells.search(re.sub(r"[_\-.]+", " ", place.name))):
            yield Finding(
                "answer_word", "error", reading.instance.instance_id, place.name, (0, 0), match_in_name[0],
                "the name of the file says that it is the answer; take it out of the materials, or rename it",
            )  # fmt: skip


def placeholders(reading: Reading) -> Iterator[Finding]:
    """Find slots of a template that nobody filled, and `None` or `nan` where prose should have a value."""
    for place in reading.places:
        for match in _PLACEHOLDER.finditer(place.text) if _BRACKET.search(place.text) else ():
            yield reading.finding(
                "placeholder",
                reading.severity(place),
                place,
                match.span(),
                "is a slot that was not filled; fill it or take it out",
            )
        for match in _NO_VALUE.finditer(place.text) if place.has_word_from(("nan", "none")) else ():
            if place is reading.prompt or _is_prose(place, match.start()):
                yield reading.finding(
                    "placeholder",
                    reading.severity(place),
                    place,
                    match.span(),
                    "is a missing value printed as it is; give the value",
                )


def _is_prose(place: Place, at: int) -> bool:
    start = place.text.rfind("\n", 0, at) + 1
    line = place.text[start:].partition("\n")[0]
    return len(line.split()) >= _PROSE_WORDS and not re.search(r"[;|\t]|,\S", line)
