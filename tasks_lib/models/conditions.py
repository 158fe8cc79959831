"""The conditions that a model is called under, and how they are written: `<model>:effort=low:thinking=adaptive`."""

import re
from typing import Any, TypeVar, get_args

from pydantic import Field, ValidationError

from tasks_lib.models.messages import Effort
from tasks_lib.records import Record

_OPTION = re.compile(r"([a-z_]+)=([^:]*)$")


class BadConditionsError(ValueError):
    """Conditions that cannot be used; the text says which and how they are written."""


class Conditions(Record):
    """What a model is called with, beside what it is asked."""

    model: str = Field(min_length=1)
    effort: Effort | None = None
    """None: the model's own default."""
    thinking: str | None = Field(default=None, pattern=r"^(adaptive|disabled|between_tools|\d+)$")
    """A number is a budget of tokens; None: the model's own default."""
    max_tokens: int = Field(default=16_000, ge=1, le=128_000)
    """Of one answer, thinking included."""

    @property
    def thinking_parameter(self) -> dict[str, Any] | None:
        """Thinking in the API's form."""
        if self.thinking is None:
            return None
        if self.thinking.isdigit():
            return {"type": "enabled", "budget_tokens": int(self.thinking)}
        return {"type": self.thinking}


C = TypeVar("C", bound=Conditions)


def read_conditions(kind: type[C], text: str, hidden: frozenset[str] = frozenset()) -> C:
    """Read `<model>:name=value:...`.

    Args:
        kind: which conditions there are.
        text: what was written.
        hidden: fields that are not for writing.

    Raises:
        BadConditionsError: an unknown condition, or a value out of range.
    """
    model, options = text, {}
    while ":" in model and (found := _OPTION.match(model.rpartition(":")[2])):
        model = model.rpartition(":")[0]
        options[found[1]] = found[2]
    known = [name for name in kind.model_fields if name != "model" and name not in hidden]
    for name in options:
        if name not in known:
            raise BadConditionsError(f"unknown condition {name!r}; known: {', '.join(known)}")
    try:
        return kind.model_validate({"model": model, **options})
    except ValidationError as error:
        first = error.errors()[0]
        wanted = {
            "effort": "|".join(get_args(Effort)), "thinking": "adaptive|disabled|between_tools|<tokens>",
        }  # fmt: skip
        written = ":".join(["<model>", *(f"{name}={wanted.get(name, '<number>')}" for name in known)])
        raise BadConditionsError(f"{first['loc'][0]}: {first['msg'].lower()}; write anthropic/{written}") from None
