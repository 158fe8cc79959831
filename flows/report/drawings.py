"""The charts as pages take them, kept beside Python's compiled modules: to compile them anew takes three seconds."""

import hashlib
import json
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_name("charts.py")
COMPILERS = ("altair", "vl-convert-python")


@dataclass(frozen=True)
class Drawings:
    """What a page needs to draw."""

    runtime: str
    """The JavaScript that draws compiled charts."""
    specs: dict[str, Any]
    """Name of a chart -> its compiled Vega specification."""


def chart_specs(names: Iterable[str]) -> dict[str, Any]:
    """Return the compiled Vega specification of each chart."""
    specs = drawings().specs
    return {name: specs[name] for name in sorted(set(names))}


def runtime() -> str:
    """Return the JavaScript that draws compiled charts."""
    return drawings().runtime


@cache
def drawings() -> Drawings:
    """Return what was kept, if it comes from the same program and compilers; else compile, and keep that."""
    kept = Path(cache_from_source(str(PROGRAM))).with_suffix(".json")
    source = hashlib.sha256(PROGRAM.read_bytes()).hexdigest()
    made_from = {"program": source, **{name: version(name) for name in COMPILERS}}
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        found = json.loads(kept.read_text(encoding="utf-8"))
        if found.pop("made_from") == made_from:
            return Drawings(**found)
    made = _compiled()
    if not sys.dont_write_bytecode:
        _keep(kept, json.dumps({"made_from": made_from, **asdict(made)}))
    return made


def _compiled() -> Drawings:
    from flows.report import charts

    return Drawings(charts.runtime(), charts.chart_specs(charts.CHARTS))


def _keep(path: Path, text: str) -> None:
    """Write a file at once or not at all; where that is not allowed, do without it, as Python does."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            unfinished.write_text(text, encoding="utf-8")
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)  # where the disk was full
