"""What waits to be counted: answers in the journals of the rating page, and figures that are older than the ratings.

Called before anything reads ratings or asks who is calibrated. Where nothing waits, the warehouse is only looked into.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from flows.calibration.answers import TakenIn
from flows.calibration.journal import take_in_journals
from warehouse import NoWarehouseError, Warehouse
from warehouse.estimates import is_calibration_current, refresh_calibration
from warehouse.location import Location


@dataclass(frozen=True)
class Upkeep:
    """What was done."""

    taken: TakenIn
    """From the journals of the rating page."""
    refreshed: Mapping[str, int]
    """Table of calibration -> its rows; empty where the figures were up to date."""


def bring_up_to_date(db: Location) -> Upkeep:
    """Take in what raters answered on the page, and work out the figures of calibration where they are out of date.

    Where there is no warehouse, or nothing in it yet, nothing waits.

    Raises:
        WarehouseError: the warehouse is in use, or cannot be read or written; the journals keep all answers.
    """
    try:
        taken = take_in_journals(db)
        with Warehouse.open(db, read_only=True) as warehouse:
            is_current = is_calibration_current(warehouse)
    except NoWarehouseError:
        return Upkeep(TakenIn(0, 0, 0, ()), {})
    if is_current:
        return Upkeep(taken, {})
    with Warehouse.open(db) as warehouse:
        return Upkeep(taken, refresh_calibration(warehouse))
