"""All that calibration says: the rows of its result tables, from one state of the warehouse."""

from typing import TYPE_CHECKING, Any

from warehouse.calibration.agreement import agreement_rows
from warehouse.calibration.drift import drift_rows
from warehouse.calibration.mapping import map_rows
from warehouse.calibration.quality import quality_rows
from warehouse.calibration.reliability import reliability_rows

if TYPE_CHECKING:
    from warehouse.store import Warehouse

Rows = dict[str, list[dict[str, Any]]]
"""Table -> its rows."""


def calibration_rows(warehouse: "Warehouse") -> Rows:
    """Return the rows of every result table of calibration."""
    return {
        **reliability_rows(warehouse),
        "judge_agreement": agreement_rows(warehouse),
        **map_rows(warehouse),
        "mean_quality": quality_rows(warehouse),
        "judge_drift": drift_rows(warehouse),
    }
