"""Inventory: one part number a line, mixed measures of mass and of count, stock categories."""

from random import Random

from tasks_lib.spreadsheet_clean.archetype import AltUnit, Archetype, RawColumn, Row
from tasks_lib.spreadsheet_clean.archetypes.draw import comment, day, maybe, number, pick, whole

_MASS = (
    AltUnit(1000.0, decimals=0, templates=("{} g",), words=("g", "grams"), explain="1 kg is 1000 g"),
    AltUnit(2.20462, decimals=2, templates=("{} lb", "{} lbs"), words=("lb", "lbs", "pounds"),
            explain="1 kg is 2.20462 lb"),
)  # fmt: skip
_COUNT = (
    AltUnit(1 / 12, decimals=0, templates=("{} dz", "{} dozen"), words=("dz", "dozen"), explain="a dozen (dz) is 12"),
)


def _draw(rng: Random, n: int) -> list[Row]:
    numbers = sorted(rng.sample(range(1000, 9999), n))
    return [
        {
            "sku": f"PX-{part}",
            "item": f"{pick(rng, 'items')} {pick(rng, 'item_suffixes')}",
            "status": rng.choice(("in stock", "low", "discontinued")),
            "quantity": whole(rng, 12, 2400),
            "unit_weight_kg": number(rng, 0.4, 38, 3),
            "unit_cost_eur": number(rng, 0.8, 940, 2),
            "counted_on": maybe(rng, day(rng, 2025), 0.1),
            "notes": comment(rng),
        }
        for part in numbers
    ]


def _twin(row: Row, k: int) -> Row:
    return {**row, "sku": f"{row['sku']}-{k}"}


def _decoy(row: Row, rng: Random) -> Row:
    return {**row, "item": pick(rng, "item_decoys")}


ARCHETYPE = Archetype(
    name="inventory",
    file_name="stock_count.csv",
    columns=(
        RawColumn("sku", "code", "part number", ("Part no.", "Article"), key=True, pattern=r"PX-\d{4}(-\d+)*",
                  group="Part"),
        RawColumn("item", "text", "description", ("Description", "Part name"), group="Part"),
        RawColumn("status", "enum", "stock status", ("State", "Avail."), group="Part",
                  variants={"in stock": ("In Stock", "instock", "available"), "low": ("LOW", "low stock"),
                            "discontinued": ("disc.", "Discontinued", "obsolete")}),
        RawColumn("quantity", "integer", "pieces on the shelf", ("Qty", "Count"), unit="pieces", alts=_COUNT,
                  group="Count"),
        RawColumn("unit_weight_kg", "decimal", "mass of one piece, in kilograms", ("Weight", "Mass/pc"), unit="kg",
                  decimals=3, alts=_MASS, group="Measures"),
        RawColumn("unit_cost_eur", "decimal", "cost of one piece, in euros", ("Cost", "EUR/pc"), decimals=2,
                  currency="€", group="Measures"),
        RawColumn("counted_on", "date", "day of the last count", ("Last count", "Counted"), group="Count"),
        RawColumn("notes", "text", "remarks", ("Comment", "Remarks"), missing=("n/a", "-"), group="Count"),
    ),
    draw=_draw, twin=_twin, decoy=_decoy,
    openings=(
        "The warehouse sent their stock count and every shelf seems to have used its own conventions.",
        "I have to load the stock count into the parts database this afternoon, and as it stands it won't go in.",
        "Please tidy up the stock list from the warehouse so that purchasing can work with it.",
    ),
    titles=("Stock count, main warehouse", "Sheets 1 to 4, typed from paper"),
    remarks=("shelf checked twice", "next aisle", "counted by evening shift", "end of sheet"),
    subtotal_of="quantity",
)  # fmt: skip
