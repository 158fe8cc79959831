"""What is listed: the words, patterns and shapes of `addressing.toml`, which describes how they are written.

Known limit. The file is trusted: a pattern that names a class which a language lacks is an error on import.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_DATA: Mapping[str, Any] = tomllib.loads(Path(__file__).with_name("addressing.toml").read_text(encoding="utf-8"))

LANGUAGES: Mapping[str, Mapping[str, str]] = _DATA["language"]
"""Language -> class -> words with blanks between."""
IN_EVERY_LANGUAGE: Mapping[str, Sequence[str]] = _DATA["every"]
"""Kind of sign -> patterns."""
IN_ENGLISH: Mapping[str, Sequence[str]] = _DATA["patterns"]["en"]
IN_OTHER_LANGUAGES: Mapping[str, Sequence[str]] = _DATA["other"]
CONFUSABLES: Sequence[str] = _DATA["letters"]["confusables"].split()
"""Pairs: a letter of another script, and the Latin one that it looks like."""
_SHAPES: Mapping[str, Sequence[str]] = _DATA["shapes"]


def listed(shape: str) -> Sequence[str]:
    """Return a list of names that make up a shape."""
    return _SHAPES[shape]


def any_listed(*shapes: str) -> str:
    """Return a regular expression for any name of these lists, the longest first."""
    names = [name for shape in shapes for name in listed(shape)]
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
