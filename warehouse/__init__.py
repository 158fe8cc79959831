"""What is kept and what it answers: schema, views, loading, and the estimators SQL cannot say.

Knows nothing of how an output is scored or of who orchestrates; reads neither clock nor environment.
"""

from warehouse.errors import NoWarehouseError, WarehouseError
from warehouse.store import Warehouse

__all__ = ["NoWarehouseError", "Warehouse", "WarehouseError"]
