"""Sensor readings: a time series keyed by device and time; devices changed unit and say so nowhere in the cells."""

from random import Random

from tasks_lib.spreadsheet_clean.archetype import AltUnit, Archetype, RawColumn, Row, UnitRule
from tasks_lib.spreadsheet_clean.archetypes.draw import comment, later, maybe, number

_FAHRENHEIT = AltUnit(1.8, 32.0, decimals=1, words=("F", "°F"), explain="°C is (°F - 32) / 1.8")
_PRESSURE = (
    AltUnit(0.145038, decimals=2, templates=("{} psi",), words=("psi",), explain="1 kPa is 0.145038 psi"),
    AltUnit(0.01, decimals=3, templates=("{} bar",), words=("bar",), explain="1 bar is 100 kPa"),
)
_FLOW = (AltUnit(1 / 60, decimals=3, templates=("{} l/s",), words=("l/s",), explain="1 l/s is 60 l/min"),)
_CHANGED = "2025-05-10T00:00Z"


def _drifted(row: Row) -> bool:
    return row["device"] in {"P-04", "P-07"} and row["read_at"] >= _CHANGED


def _draw(rng: Random, n: int) -> list[Row]:
    start = later("2025-05-08T00:00Z", minutes=15 * rng.randrange(96))
    devices = ("P-02", "P-04", "P-07", "P-11")
    return [
        {
            "device": devices[index % len(devices)],
            "read_at": later(start, minutes=max(5, 5760 // n) * (index // len(devices)) // 5 * 5),
            "temperature_c": number(rng, 4, 88, 1),
            "pressure_kpa": maybe(rng, number(rng, 110, 990, 1), 0.08),
            "flow_l_min": maybe(rng, number(rng, 6, 240, 1), 0.12),
            "valve": rng.choice(("open", "closed", "partial")),
            "notes": comment(rng, 0.15),
        }
        for index in range(n)
    ]


def _twin(row: Row, k: int) -> Row:
    return {**row, "read_at": later(row["read_at"], minutes=k)}


def _decoy(row: Row, rng: Random) -> Row:
    return {**row, "notes": "total flow since reset"}


ARCHETYPE = Archetype(
    name="sensor_readings",
    file_name="readings_dump.csv",
    columns=(
        RawColumn("device", "code", "device", ("Probe", "Dev"), key=True, pattern=r"P-\d\d", group="Source"),
        RawColumn("read_at", "datetime", "time of the reading in UTC, written 2025-03-04T10:00Z",
                  ("Time", "Timestamp"), key=True, group="Source", utc_offset=lambda row: 2,
                  utc_note="The logger writes plant time, which is UTC+2 all year."),
        RawColumn("temperature_c", "decimal", "temperature, in degrees Celsius", ("T", "Temp"), unit="C",
                  decimals=1, group="Values",
                  rule=UnitRule(_FAHRENHEIT, _drifted,
                                "Devices P-04 and P-07 have reported degrees Fahrenheit since 2025-05-10 00:00 UTC.")),
        RawColumn("pressure_kpa", "decimal", "pressure, in kPa", ("P", "Press."), unit="kPa", decimals=1,
                  alts=_PRESSURE, missing_code="-999", group="Values"),
        RawColumn("flow_l_min", "decimal", "flow, in litres a minute", ("Flow", "Q"), unit="l/min", decimals=1,
                  alts=_FLOW, missing_code="-1", group="Values"),
        RawColumn("valve", "enum", "valve position", ("Valve pos", "V"), group="Values",
                  variants={"open": ("OPEN", "o", "100%"), "closed": ("CLOSED", "cl", "0%"),
                            "partial": ("PART", "part.")}),
        RawColumn("notes", "text", "remarks", ("Comment", "Remarks"), missing=("n/a", "-"), group="Values"),
    ),
    draw=_draw, twin=_twin, decoy=_decoy,
    openings=(
        "The plant logger dump needs cleaning before I can plot anything from it.",
        "I pulled the readings off the plant logger. They are a mess, and somewhere the probes changed their unit.",
        "Please make the logger file usable: the trend viewer only accepts one unit a column.",
    ),
    titles=("logger dump pump house 2", "firmware mixed, see dictionary"),
    remarks=("logger restarted", "maintenance window", "--- file 2 ---", "clock checked"),
    subtotal_of="flow_l_min",
)  # fmt: skip
