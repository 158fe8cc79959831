"""Orchestration and the user's entry points. `evaluate` is the Python one; it is loaded when it is first asked for."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flows.api import Run, evaluate

__all__ = ["Run", "evaluate"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from flows import api

        return getattr(api, name)
    raise AttributeError(f"module 'flows' has no attribute {name!r}")
