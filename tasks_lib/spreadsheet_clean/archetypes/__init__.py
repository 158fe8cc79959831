"""The archetypes that ship: one module each, differing in structure and in what cleaning them takes."""

from tasks_lib.spreadsheet_clean.archetype import Archetype
from tasks_lib.spreadsheet_clean.archetypes import (
    clinic_visits,
    grant_ledger,
    inventory,
    payroll,
    quarterly_finance,
    sensor_readings,
    shipments,
)

ARCHETYPES: dict[str, Archetype] = {
    module.ARCHETYPE.name: module.ARCHETYPE
    for module in (
        quarterly_finance,
        inventory,
        clinic_visits,
        shipments,
        sensor_readings,
        payroll,
        grant_ledger,
    )
}
