"""The tiny family with a grader whose version stands in a file of the working folder, as if somebody edited it.

`2` is a grader of another version; `broken` one under which doing nothing is paid.
"""

from pathlib import Path

from tests.flows import tiny_family

VERSION = Path("version.txt")

if VERSION.exists():
    tiny_family.TinyGrader.version = VERSION.read_text(encoding="utf-8").strip()
    if tiny_family.TinyGrader.version == "broken":
        tiny_family.TinyUpper.floor = 0.0
