"""Payroll: merged headings over hours and money, negative corrections in parentheses, decimal commas."""

from random import Random

from tasks_lib.spreadsheet_clean.archetype import AltUnit, Archetype, RawColumn, Row
from tasks_lib.spreadsheet_clean.archetypes.draw import comment, maybe, number, pick

_TIME = (
    AltUnit(60.0, decimals=0, templates=("{} min",), words=("min", "minutes"), explain="an hour has 60 minutes"),
    AltUnit(0.125, decimals=3, templates=("{} d", "{} days"), words=("d", "days"), explain="a working day is 8 hours"),
)
_MONEY = (
    AltUnit(
        100.0,
        decimals=0,
        templates=("{} ct", "{} cents"),
        words=("ct", "cents"),
        explain="ct is cents, 100 cents are 1 euro",
    ),
)


def _draw(rng: Random, n: int) -> list[Row]:
    people = [
        (f"E{code}", f"{pick(rng, 'last_names')}, {pick(rng, 'first_names')}", pick(rng, "departments"))
        for code in rng.sample(range(1000, 9999), max(3, n // 4 + 1))
    ]
    months = [f"2025-{month:02d}" for month in range(1, 13)]
    cells = [(person, month) for person in people for month in months]
    return [
        {
            "employee": code,
            "name": name,
            "team": team,
            "month": month,
            "hours": number(rng, 24, 190, 2),
            "gross_eur": number(rng, 700, 7400, 2),
            "correction_eur": maybe(rng, number(rng, -400, 400, 2), 0.35),
            "notes": comment(rng),
        }
        for (code, name, team), month in sorted(rng.sample(cells, n))
    ]


def _twin(row: Row, k: int) -> Row:
    year, month = int(row["month"][:4]), int(row["month"][5:])
    return {**row, "month": f"{year - k}-{month:02d}"}


def _decoy(row: Row, rng: Random) -> Row:
    return {**row, "name": pick(rng, "name_decoys")}


ARCHETYPE = Archetype(
    name="payroll",
    file_name="payroll_sheet.csv",
    columns=(
        RawColumn("employee", "code", "employee number", ("No.", "Pers.no"), key=True, pattern=r"E\d{4}",
                  mergeable=True, group="Person"),
        RawColumn("name", "text", "last name, first name", ("Employee", "Full name"), group="Person"),
        RawColumn("team", "text", "team", ("Dept", "Unit"), group="Person"),
        RawColumn("month", "code", "month, written 2025-03", ("Mon", "Pay period"), key=True,
                  pattern=r"20\d\d-\d\d", group="Person"),
        RawColumn("hours", "decimal", "paid time, in hours", ("Time", "Paid time"), unit="h", decimals=2, alts=_TIME,
                  group="Time"),
        RawColumn("gross_eur", "decimal", "gross pay, in euros", ("Gross", "Pay"), unit="EUR", decimals=2,
                  alts=_MONEY, currency="€", group="Money"),
        RawColumn("correction_eur", "decimal", "correction of earlier months, in euros", ("Corr.", "Adj."),
                  unit="EUR", decimals=2, alts=_MONEY, currency="€", signed=True, group="Money"),
        RawColumn("notes", "text", "remarks", ("Comment", "Remarks"), missing=("n/a", "-"), group="Money"),
    ),
    draw=_draw, twin=_twin, decoy=_decoy,
    openings=(
        "The bureau that runs our payroll sends a sheet made for printing. I need a plain file from it.",
        "Please turn the payroll sheet into a clean list; the bank upload has no patience with merged headings.",
        "Accounts got the payroll sheet again in its pretty form. Can you flatten and clean it?",
    ),
    titles=("Payroll 2025", "confidential"),
    remarks=("incl. overtime", "new joiners below", "approved by works council", "corrections follow"),
    subtotal_of="gross_eur",
)  # fmt: skip
