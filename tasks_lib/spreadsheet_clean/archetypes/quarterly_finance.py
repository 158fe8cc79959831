"""Quarterly finance: blocks by department, amounts in $, $K and $M, no identifier of its own."""

from random import Random

from tasks_lib.spreadsheet_clean.archetype import AltUnit, Archetype, RawColumn, Row
from tasks_lib.spreadsheet_clean.archetypes.draw import comment, lexicon, maybe, pick, whole

_MONEY = (
    AltUnit(
        1e-3,
        decimals=1,
        templates=("${}K", "{} k$"),
        words=("K", "k$", "thousand"),
        explain="K and k$ are thousands of dollars",
    ),
    AltUnit(
        1e-6, decimals=4, templates=("${}M", "{} mio"), words=("M", "mio", "million"), explain="M or mio is millions"
    ),
)


def _draw(rng: Random, n: int) -> list[Row]:
    cells = [(d, q, i) for d in lexicon()["departments"] for q in _quarters() for i in lexicon()["line_items"]]
    chosen = sorted(rng.sample(cells, n))
    return [
        {
            "department": department,
            "quarter": quarter,
            "line_item": item,
            "actual_usd": whole(rng, 900, 4_900_000),
            "budget_usd": whole(rng, 900, 4_900_000),
            "headcount": maybe(rng, whole(rng, 1, 85), 0.15),
            "notes": comment(rng),
        }
        for department, quarter, item in chosen
    ]


def _quarters() -> list[str]:
    return [f"{year}-Q{quarter}" for year in (2023, 2024, 2025) for quarter in (1, 2, 3, 4)]


def _twin(row: Row, k: int) -> Row:
    return {**row, "line_item": f"{row['line_item']} ({'ii' if k == 1 else 'i' * (k + 1)})"}


def _decoy(row: Row, rng: Random) -> Row:
    return {**row, "line_item": pick(rng, "line_decoys")}


ARCHETYPE = Archetype(
    name="quarterly_finance",
    file_name="actuals_export.csv",
    columns=(
        RawColumn("department", "text", "department that spent the money", ("Dept", "Cost centre"), key=True,
                  mergeable=True, group="Where"),
        RawColumn("quarter", "code", "quarter, written 2024-Q1", ("Qtr", "Period"), key=True,
                  pattern=r"20\d\d-Q[1-4]", group="Where"),
        RawColumn("line_item", "text", "what it was spent on", ("Item", "Line"), key=True, group="Where"),
        RawColumn("actual_usd", "decimal", "amount spent, in US dollars", ("Actual", "Act. spend"), unit="USD",
                  alts=_MONEY, currency="$", group="Money"),
        RawColumn("budget_usd", "decimal", "amount planned, in US dollars", ("Budget", "Plan"), unit="USD",
                  alts=_MONEY, currency="$", group="Money"),
        RawColumn("headcount", "integer", "people on the cost line", ("HC", "Heads"), group="People"),
        RawColumn("notes", "text", "remarks", ("Comment", "Remarks"), missing=("n/a", "-"), group="People"),
    ),
    draw=_draw, twin=_twin, decoy=_decoy,
    openings=(
        "The finance export below has to go into the planning tool today and the tool only takes a tidy file.",
        "Could you turn last quarter's actuals export into something our planning import will swallow?",
        "Controlling sent the departmental spend as it came out of their workbook. I need it in our usual layout.",
    ),
    titles=("Departmental spend, all quarters", "Prepared by controlling, draft 3"),
    remarks=("figures before reallocation", "see controlling memo", "*** next block ***", "carried forward"),
    subtotal_of="actual_usd",
)  # fmt: skip
