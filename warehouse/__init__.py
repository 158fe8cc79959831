"""What is kept and what it answers: schema, views, loading, and the estimators SQL cannot say.

Knows nothing of how an output is scored or of who orchestrates; reads neither clock nor environment.
"""

from typing import TYPE_CHECKING, Any

from warehouse.errors import NoWarehouseError, WarehouseError

if TYPE_CHECKING:
    from warehouse.store import Warehouse

__all__ = ["NoWarehouseError", "Warehouse", "WarehouseError"]


def __getattr__(name: str) -> Any:
    # The engine is loaded when a warehouse is wanted: a verb that only reads settings does without.
    if name == "Warehouse":
        from warehouse.store import Warehouse

        return Warehouse
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
