"""Slots of sentence templates: what a `{name}` in a template file stands for in one instance.

A template file declares its slots once; an instance draws every slot once, so that `{spend}` is the same figure
wherever it is named. Figures and dates of one instance all differ, so that a swapped one is a wrong one.
"""

import re
import tomllib
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from random import Random
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SLOT = re.compile(r"\{(\w+)\}")
_TRIES = 400


class _Slot(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NameSlot(_Slot):
    """An organisation, product or place with a full name and another one that people use."""

    kind: Literal["name"]
    values: tuple[tuple[str, str], ...]


class TermSlot(_Slot):
    """A term and its acronym."""

    kind: Literal["term"]
    values: tuple[tuple[str, str], ...]


class WordSlot(_Slot):
    """A person, or any other words, put in as they stand."""

    kind: Literal["person", "word"]
    values: tuple[str, ...]


class FigureSlot(_Slot):
    """A figure, drawn from low to high by step and written with its sign or unit word."""

    kind: Literal["money", "percent", "count"]
    low: float
    high: float
    step: float
    unit: Literal["million", "thousand", ""] = ""
    label: tuple[str, ...] = ()
    """What a metrics sheet calls it: plainly, and in other words. Empty: no sheet holds it."""


class DateSlot(_Slot):
    """A day, from low to high."""

    kind: Literal["date"]
    low: date
    high: date


Slot = Annotated[NameSlot | TermSlot | WordSlot | FigureSlot | DateSlot, Field(discriminator="kind")]


class Value(BaseModel):
    """What a slot stands for in one instance."""

    model_config = ConfigDict(frozen=True)

    kind: str
    text: str
    """As it stands in a sentence."""
    other: str = ""
    """The alias of a name, the acronym of a term."""
    figure: str = ""
    """The bare figure or ISO date, as a sheet holds it."""
    unit: str = ""
    label: tuple[str, ...] = ()


@cache
def template_names(package: str) -> tuple[str, ...]:
    """Return the names of the template files in a package's `templates` folder, sorted."""
    entries = (files(package) / "templates").iterdir()
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in entries if entry.name.endswith(".toml")))


@cache
def read_template(package: str, name: str) -> Mapping[str, Any]:
    """Return one template file of a package's `templates` folder.

    Raises:
        ValueError: no template file of that name.
    """
    known = template_names(package)
    if name not in known:
        raise ValueError(f"unknown archetype {name!r}; known archetypes: {', '.join(known)}")
    return tomllib.loads((files(package) / "templates" / f"{name}.toml").read_text(encoding="utf-8"))


def draw_values(slots: Mapping[str, Slot], rng: Random) -> dict[str, Value]:
    """Draw every slot; no two figures, dates, names or words of an instance are the same."""
    values: dict[str, Value] = {}
    taken: set[str] = set()
    for name, slot in slots.items():
        values[name] = draw_value(slot, rng, taken)
    return values


def draw_value(slot: Slot, rng: Random, taken: set[str]) -> Value:
    """Draw one slot so that none of its words or figures is among those taken, and take them.

    Raises:
        ValueError: the range holds too few values.
    """
    for _ in range(_TRIES):
        value = _draw(slot, rng)
        marks = _marks(value)
        if not marks & taken:
            taken |= marks
            return value
    raise ValueError(f"slot of kind {slot.kind!r} has too few values for one instance: {slot!r}")


def fill(template: str, values: Mapping[str, Value]) -> str:
    """Put values into a template; the first letter of the sentence is capital.

    Raises:
        KeyError: the template names a slot that was not drawn.
    """
    text = SLOT.sub(lambda match: values[match.group(1)].text, template)
    return text[:1].upper() + text[1:]


def slots_in(template: str) -> tuple[str, ...]:
    """Return the slot names of a template in order."""
    return tuple(SLOT.findall(template))


def _draw(slot: Slot, rng: Random) -> Value:
    if isinstance(slot, NameSlot | TermSlot):
        text, other = rng.choice(slot.values)
        return Value(kind=slot.kind, text=text, other=other)
    if isinstance(slot, WordSlot):
        return Value(kind=slot.kind, text=rng.choice(slot.values))
    if isinstance(slot, DateSlot):
        day = slot.low + timedelta(days=rng.randrange((slot.high - slot.low).days + 1))
        return Value(kind="date", text=f"{day.day} {day:%B} {day.year}", figure=day.isoformat())
    return _figure(slot, slot.low + slot.step * rng.randrange(round((slot.high - slot.low) / slot.step) + 1))


def _figure(slot: FigureSlot, number: float) -> Value:
    decimals = max(0, -_exponent(slot.step))
    plain = f"{number:.{decimals}f}"
    grouped = f"{number:,.{decimals}f}"
    if slot.kind == "percent":
        text, unit = f"{plain}%", "%"
    elif slot.kind == "money":
        text, unit = f"${grouped}{' ' + slot.unit if slot.unit else ''}", f"$ {slot.unit}".strip()
    else:
        text, unit = grouped, ""
    return Value(kind=slot.kind, text=text, figure=plain, unit=unit, label=slot.label)


def _exponent(step: float) -> int:
    digits = f"{step:.6f}".rstrip("0").partition(".")[2]
    return -len(digits)


def _marks(value: Value) -> set[str]:
    if value.figure:
        # The bare figure, whatever its unit: 42% and 42 sites in one text would hide a swap.
        return {value.figure if value.kind == "date" else f"{float(value.figure):g}"}
    return {word for word in (value.text, value.other) if word}


__all__ = [
    "SLOT", "DateSlot", "FigureSlot", "NameSlot", "Slot", "TermSlot", "Value", "WordSlot", "draw_value", "draw_values",
    "fill", "read_template", "slots_in",
]  # fmt: skip
