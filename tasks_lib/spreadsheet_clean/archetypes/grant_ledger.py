"""Grant ledger: money in three currencies with fixed rates in the dictionary, areas in two measures."""

from random import Random

from tasks_lib.spreadsheet_clean.archetype import AltUnit, Archetype, RawColumn, Row
from tasks_lib.spreadsheet_clean.archetypes.draw import comment, day, maybe, number, pick, whole

_MONEY = (
    AltUnit(
        0.92,
        decimals=2,
        templates=("€{}", "{} EUR"),
        words=("EUR", "€"),
        explain="€ and EUR are euros, 1 USD is 0.92 EUR",
    ),
    AltUnit(
        0.79,
        decimals=2,
        templates=("£{}", "{} GBP"),
        words=("GBP", "£"),
        explain="£ and GBP are pounds sterling, 1 USD is 0.79 GBP",
    ),
)
_AREA = (
    AltUnit(
        2.47105, decimals=2, templates=("{} ac", "{} acres"), words=("ac", "acres"), explain="1 ha is 2.47105 acres"
    ),
)


def _draw(rng: Random, n: int) -> list[Row]:
    return [
        {
            "grant_no": f"G-{year}-{serial:04d}",
            "grantee": pick(rng, "grantees"),
            "programme": rng.choice(("Health", "Culture", "Nature", "Schools")),
            "awarded_on": day(rng, year),
            "amount_usd": number(rng, 1_500, 260_000, 2),
            "site_ha": maybe(rng, number(rng, 0.6, 240, 2), 0.25),
            "beneficiaries": maybe(rng, whole(rng, 15, 9_000), 0.2),
            "notes": comment(rng),
        }
        for year, serial in sorted((rng.choice((2023, 2024, 2025)), serial) for serial in rng.sample(range(1, 9999), n))
    ]


def _twin(row: Row, k: int) -> Row:
    return {**row, "grant_no": f"{row['grant_no']}{'abcdefghij'[k % 10]}"}


def _decoy(row: Row, rng: Random) -> Row:
    return {**row, "grantee": pick(rng, "grantee_decoys")}


ARCHETYPE = Archetype(
    name="grant_ledger",
    file_name="grants_2023_2025.csv",
    columns=(
        RawColumn("grant_no", "code", "grant number", ("Ref", "Grant"), key=True, pattern=r"G-20\d\d-\d{4}[a-j]*",
                  group="Grant"),
        RawColumn("grantee", "text", "organisation that received it", ("Recipient", "Org"), group="Grant"),
        RawColumn("programme", "enum", "programme", ("Prog.", "Fund"), group="Grant",
                  variants={"Health": ("HEALTH", "hlth"), "Culture": ("culture & arts", "CULT"),
                            "Nature": ("nature", "NAT."), "Schools": ("schools prog.", "SCH")}),
        RawColumn("awarded_on", "date", "day of the award", ("Date", "Awarded"), group="Grant"),
        RawColumn("amount_usd", "decimal", "amount, in US dollars", ("Amount", "Award"), unit="USD", decimals=2,
                  alts=_MONEY, currency="$", group="Figures"),
        RawColumn("site_ha", "decimal", "area of the site, in hectares", ("Area", "Site"), unit="ha", decimals=2,
                  alts=_AREA, group="Figures"),
        RawColumn("beneficiaries", "integer", "people reached", ("Reach", "People"), missing_code="99999",
                  group="Figures"),
        RawColumn("notes", "text", "remarks", ("Comment", "Remarks"), missing=("n/a", "-"), group="Figures"),
    ),
    draw=_draw, twin=_twin, decoy=_decoy,
    openings=(
        "The foundation's grant ledger has been kept by five people over three years, and it shows.",
        "For the annual report I need the grant ledger in one currency and one layout.",
        "Please clean up the grants list. The auditors get it on Friday and it mixes currencies freely.",
    ),
    titles=("Grants 2023 to 2025", "working copy, do not circulate"),
    remarks=("board meeting", "moved from old ledger", "spring round", "autumn round"),
    subtotal_of="amount_usd",
)  # fmt: skip
