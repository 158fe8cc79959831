"""Shipments: local times that must become UTC by port, tonnes and pounds, free text full of commas."""

from random import Random

from tasks_lib.spreadsheet_clean.archetype import AltUnit, Archetype, RawColumn, Row
from tasks_lib.spreadsheet_clean.archetypes.draw import comment, later, lexicon, maybe, number, pick

_OFFSETS = {"Rotterdam": 1, "Santos": -3, "Busan": 9, "Durban": 2, "Halifax": -4, "Mumbai": 4}
"""Whole hours ahead of UTC, as the dictionary of the file states them (no summer time)."""
_MASS = (
    AltUnit(1e-3, decimals=3, templates=("{} t",), words=("t", "tonnes"), explain="1 t is 1000 kg"),
    AltUnit(2.20462, decimals=0, templates=("{} lb", "{} lbs"), words=("lb", "lbs"), explain="1 kg is 2.20462 lb"),
)
_MONEY = (
    AltUnit(
        1e-3,
        decimals=2,
        templates=("${}K", "{} kUSD"),
        words=("K", "kUSD"),
        explain="K and kUSD are thousands of US dollars",
    ),
)


def _draw(rng: Random, n: int) -> list[Row]:
    numbers = rng.sample(range(100000, 999999), n)
    rows = []
    for tracking in numbers:
        left = later("2025-01-01T00:00Z", minutes=5 * rng.randrange(105_000))
        rows.append(
            {
                "tracking": f"SH{tracking}",
                "shipper": pick(rng, "shippers"),
                "origin": pick(rng, "ports"),
                "carrier": pick(rng, "carriers"),
                "departed_utc": left,
                "gross_kg": number(rng, 120, 24_000, 0),
                "declared_usd": number(rng, 900, 480_000, 0),
                "contents": maybe(rng, f"{pick(rng, 'items')}, {pick(rng, 'items').lower()}", 0.1),
                "notes": comment(rng),
            }
        )
    return rows


def _twin(row: Row, k: int) -> Row:
    return {**row, "tracking": f"{row['tracking']}-{k}"}


def _decoy(row: Row, rng: Random) -> Row:
    return {**row, "shipper": pick(rng, "shipper_decoys")}


ARCHETYPE = Archetype(
    name="shipments",
    file_name="shipments_raw.csv",
    columns=(
        RawColumn("tracking", "code", "tracking number", ("Tracking no", "AWB"), key=True,
                  pattern=r"SH\d{6}(-\d+)*", group="Consignment"),
        RawColumn("shipper", "text", "company that ships", ("From company", "Customer"), group="Consignment"),
        RawColumn("origin", "enum", "port of departure", ("Port", "POL"), group="Consignment",
                  variants={port: (port.upper(), f"Port of {port}") for port in lexicon()["ports"]}),
        RawColumn("carrier", "enum", "shipping line", ("Line", "Vessel operator"), group="Consignment",
                  variants={name: (name.upper(), name.split()[0][:4] + ".") for name in lexicon()["carriers"]}),
        RawColumn("departed_utc", "datetime", "departure in UTC, written 2025-03-04T10:00Z",
                  ("Departed", "ETD local"), group="Times", utc_offset=lambda row: _OFFSETS[row["origin"]],
                  utc_note="Departure times in the file are local time of the port, without summer time: "
                  + ", ".join(f"{port} UTC{offset:+d}" for port, offset in _OFFSETS.items()) + "."),
        RawColumn("gross_kg", "decimal", "gross weight, in kilograms", ("Gross", "Weight"), unit="kg", alts=_MASS,
                  group="Cargo"),
        RawColumn("declared_usd", "decimal", "declared value, in US dollars", ("Value", "Declared"), unit="USD",
                  alts=_MONEY, currency="$", group="Cargo"),
        RawColumn("contents", "text", "what is inside", ("Goods", "Cargo"), group="Cargo"),
        RawColumn("notes", "text", "remarks", ("Comment", "Remarks"), missing=("n/a", "-"), group="Cargo"),
    ),
    draw=_draw, twin=_twin, decoy=_decoy,
    openings=(
        "Customs wants the shipment list in UTC and in kilograms, and the agents each report as they please.",
        "The port agents' shipment reports are in one file now. Please make one clean list of it.",
        "Could you sort out this shipment file? The dashboard rejects it line after line.",
    ),
    titles=("Shipments by port agent", "combined from agents' mails"),
    remarks=("agent reports by phone", "next vessel", "weights as per bill of lading", "end of agent list"),
    subtotal_of="gross_kg",
)  # fmt: skip
