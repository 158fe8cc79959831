"""Rubrics: a family's dimensions, weights, caps and thresholds, read from a TOML file.

A rubric is identified by the hash of its content, so that scores under different rubrics never mix.
"""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from tasks_lib.records import Record, content_hash

Share = Annotated[float, Field(ge=0, le=1)]


class BadRubricError(ValueError):
    """A rubric file that cannot be used; the text says file, field and what to do."""


class Rubric(Record):
    """How the dimensions of one family are put together."""

    family: str
    weights: dict[str, Annotated[float, Field(gt=0)]]
    """Dimension -> weight."""
    caps: dict[str, Share]
    """Flag -> ceiling of the composite."""
    cap_mode: Literal["scaled", "hard"] = "scaled"
    """`scaled` multiplies by the ceiling and keeps the order below it; `hard` takes the minimum."""
    work_base: Share = 0.2
    """What is left of the composite when none of the recorded defects was dealt with."""
    ready_at: Share = 0.8
    """Share of the weight that must be assessed before a reward may be trained on."""
    thresholds: dict[str, float] = Field(default_factory=dict)
    """Numbers that the family's grader reads."""

    @model_validator(mode="after")
    def _has_weights(self) -> "Rubric":
        if not self.weights:
            raise ValueError("a rubric needs at least one dimension in [weights]")
        return self

    @property
    def rubric_id(self) -> str:
        return f"{self.family}-{content_hash(self.model_dump(), length=8)}"


def read_rubric(path: Path) -> Rubric:
    """Read a rubric file.

    Raises:
        BadRubricError: not TOML, or a field is missing, unknown or out of range.
    """
    try:
        return Rubric.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadRubricError(f"{path}: cannot be read as TOML ({error})") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "rubric"
        raise BadRubricError(f"{path}, field {place!r}: {first['msg'].lower()}") from None


def builtin_rubric(family: str) -> Rubric:
    """Return the rubric that ships for a family of this project."""
    return read_rubric(Path(str(files("graders") / "rubrics" / f"{family}.toml")))
