"""The conditions of a promotion gate: what stands in their file.

Three kinds, told apart by `kind`; the default file, `published.toml`, explains them. Knows nothing of how they are
measured.
"""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from flows.errors import InputError

# Strict: `true` is no number. A limit outside what a score can be would always hold, or never: percent, most likely.
Number = Annotated[float, Field(strict=True)]
Score = Annotated[float, Field(strict=True, ge=0, le=1)]
Change = Annotated[float, Field(strict=True, ge=-1, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Where(_Part):
    """What a counted rollout must have on one dimension."""

    dimension: str = Field(min_length=1)
    at_least: Score | None = None
    below: Score | None = None

    @model_validator(mode="after")
    def _check(self) -> "Where":
        if self.at_least is None and self.below is None:
            raise ValueError("say at_least or below")
        if self.at_least is not None and self.below is not None and self.at_least >= self.below:
            raise ValueError("nothing is at_least that much and below this; at_least must be the smaller number")
        return self


class _Condition(_Part):
    name: str = Field(min_length=1)
    split: str | None = None
    """None: the default of the gate."""


class MeanCondition(_Condition):
    """The mean of a dimension over instances, or how it changed."""

    kind: Literal["mean"]
    dimension: str = Field(min_length=1)
    at_least: Score | None = None
    change_at_least: Change | None = None
    on: Literal["estimate", "lower"] = "estimate"

    @model_validator(mode="after")
    def _check(self) -> "MeanCondition":
        if (self.at_least is None) == (self.change_at_least is None):
            raise ValueError("say either at_least or change_at_least")
        return self


class CountCondition(_Condition):
    """How many rollouts have certain scores, or how much that changed."""

    kind: Literal["count"]
    where: tuple[Where, ...] = Field(min_length=1)
    at_most: Annotated[Number, Field(ge=0)] | None = None
    change_at_most: Number | None = None

    @model_validator(mode="after")
    def _check(self) -> "CountCondition":
        if (self.at_most is None) == (self.change_at_most is None):
            raise ValueError("say either at_most or change_at_most")
        return self


class BestGainCondition(_Condition):
    """The largest change of a mean among several dimensions."""

    kind: Literal["best_gain"]
    dimensions: tuple[str, ...] = Field(min_length=1)
    change_at_least: Change
    on: Literal["estimate", "lower"] = "estimate"


Condition = Annotated[MeanCondition | CountCondition | BestGainCondition, Field(discriminator="kind")]
_CONDITIONS = TypeAdapter(Annotated[tuple[Condition, ...], Field(min_length=1)])


def read_conditions(path: Path | None) -> tuple[Condition, ...]:
    """Read a file of conditions; None: those that come with the program.

    Raises:
        InputError: no such file, no TOML, or a condition that cannot be meant.
    """
    place = str(path or "the default conditions")
    try:
        text = (path or files("flows.gate") / "published.toml").read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except FileNotFoundError:
        raise InputError(f"{place}: there is no such file; --conditions wants a TOML file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{place}: cannot be read as TOML ({error})") from None
    for name in content:
        if name != "condition":
            raise InputError(f"{place}: unknown field {name!r}; every condition is a [[condition]]")
    try:
        conditions = _CONDITIONS.validate_python(content.get("condition", ()))
    except ValidationError as error:
        raise InputError(f"{place}: {_told(error)}") from None
    names = [condition.name for condition in conditions]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(f"{place}: two conditions are named {twice[0]!r}; every one needs its own name")
    return conditions


def needed(condition: Condition) -> str:
    """Return what a condition asks for, in a few words."""
    if isinstance(condition, CountCondition):
        if condition.change_at_most is not None:
            return f"change <= {condition.change_at_most:+g}"
        return f"<= {condition.at_most:g}"
    on = " (lower bound)" if condition.on == "lower" else ""
    if isinstance(condition, MeanCondition) and condition.at_least is not None:
        return f">= {condition.at_least:g}{on}"
    return f"change >= {condition.change_at_least:+g}{on}"


def _told(error: ValidationError) -> str:
    """Return the first mistake of a file of conditions: which condition, which field, what."""
    first: Any = error.errors()[0]
    place = [part for part in first["loc"] if part not in ("mean", "count", "best_gain")]
    said = first["msg"].removeprefix("Value error, ")
    said = said[0].lower() + said[1:]
    if not place or not isinstance(place[0], int):
        return f"holds no [[condition]] ({said})"
    if first["type"].startswith("union_tag"):
        return f"condition {place[0] + 1}, field 'kind': write mean, count or best_gain"
    field = ".".join(str(part + 1) if isinstance(part, int) else part for part in place[1:])
    return f"condition {place[0] + 1}{f', field {field!r}' if field else ''}: {said}"
