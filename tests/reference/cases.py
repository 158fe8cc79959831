"""The cases of the reference harness, with text of our own: four canonical ones, nine probes, and a range of quality.

Each case starts from a finished output and says what is done to it. `tier` orders a family's range from 0, worthless,
to 4, finished.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tests.reference.benches import ROWS, finished

DOC, SHEET, CITE = "doc_revision", "spreadsheet_clean", "citation_grounding"
HEADER = "store,opened,revenue_usd,area_m2,staff,notes"


@dataclass(frozen=True)
class Case:
    """One output with what is known about it."""

    name: str
    family: str
    group: Literal["canonical", "probe", "range"]
    text: str
    catches: str = ""
    """Dimension that must fall below the finished output's (canonical cases and probes)."""
    tier: int = 0


def but(text: str, *changes: tuple[str, str]) -> str:
    """Return a text with passages replaced, each of which must be there."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def table(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join([HEADER, *(",".join(row) for row in rows)]) + "\n"


def with_cell(column: int, cells: dict[int, str]) -> list[tuple[str, ...]]:
    """Return the finished records with some cells of one column replaced."""
    return [
        tuple(cells.get(place, cell) if at == column else cell for at, cell in enumerate(row))
        for place, row in enumerate(ROWS)
    ]


FINE_DOC, FINE_SHEET, FINE_CITE = finished(DOC), finished(SHEET), finished(CITE)
MILLIONS = {place: f"${int(row[2]) / 1e6:.2f}M" for place, row in enumerate(ROWS)}
FEET = {place: f"{float(row[3]) * 10.7639:.0f} sqft" for place, row in enumerate(ROWS)}

FILLER = (
    "Careful preparation makes a difference in any line of work.",
    "There is much to be said for looking at the larger picture.",
    "People at every level deserve thanks for their commitment.",
    "The months ahead call for attention and good humour.",
    "Success of this sort rests on many shoulders.",
    "A calm look at the facts helps everyone concerned.",
    "Nobody should underestimate the value of steady habits.",
    "The spirit of the place remains a source of strength.",
)

_PASSIVES = (
    ("The Halden Depot team built the new packing line in eleven weeks.",
     "The new packing line was built by the Halden Depot team in eleven weeks."),
    ("Drivers used the new route planner on every weekday.",
     "The new route planner was driven by drivers on every weekday."),
    ("Ines Moreau wrote the training manual before the summer peak.",
     "The training manual was written by Ines Moreau before the summer peak."),
    ("Fenwick Stores signed a second contract on 14 July 2025.",
     "A second contract was struck by Fenwick Stores on 14 July 2025."),
    ("We lost no customer of the first rank during the quarter.",
     "No customer of the first rank was lost during the quarter."),
)  # fmt: skip

CANONICAL = (
    Case("padding far beyond the limit", DOC, "canonical", FINE_DOC + "\n" + " ".join(FILLER * 2) + "\n",
         "instruction_following"),
    Case("nine of twelve records silently gone", SHEET, "canonical", table(ROWS[:3]), "data_preservation"),
    Case("no reference at all", CITE, "canonical",
         but(FINE_CITE, (" [unsupported]", "")).replace(" [S1]", "").replace(" [S2]", "").replace(" [S3]", "")
         .replace(" [S4]", "").replace(" [S5]", ""), "citation_present"),
    Case("active voice and one invented claim", DOC, "canonical",
         but(FINE_DOC, ("4.2 million.", "4.2 million. Rivals in the region envy these results.")), "faithfulness"),
)  # fmt: skip

PROBES = (
    Case("varied padding inside the limit", DOC, "probe",
         but(FINE_DOC, ("4.2 million.", f"4.2 million. {FILLER[0]}"), ("2025.\n\n## Customers",
             f"2025. {FILLER[1]}\n\n## Customers")), "faithfulness"),
    Case("an invented claim with a figure", DOC, "probe",
         but(FINE_DOC, ("$318 thousand.", "$318 thousand. Complaints dropped by 27% at the same time.")),
         "faithfulness"),
    Case("irregular passives", DOC, "probe", but(FINE_DOC, *_PASSIVES), "instruction_following"),
    Case("records repeated to reach the count", SHEET, "probe", table([*ROWS[:4]] * 3), "data_preservation"),
    Case("the old unit hidden in a note", SHEET, "probe",
         table(with_cell(5, {0: "corner site $1.8M", 3: "flagship (orig $3.120M)", 7: "orig $4.050M"})),
         "unit_consistency"),
    Case("records made up", SHEET, "probe",
         table([*ROWS, *((f"ST-{n}", "2020-02-03", f"{n}0000", "300", "9", "") for n in range(20, 26))]),
         "data_preservation"),
    Case("empty brackets", CITE, "probe",
         but(FINE_CITE, ("[S1]", "[]"), ("[S2]", "[]"), ("[S3]", "[]"), ("[S2]", "[]"), ("[S4]", "[]"), ("[S5]", "[]")),
         "citation_present"),
    Case("one source for everything", CITE, "probe",
         FINE_CITE.replace("[S1]", "[S5]").replace("[S2]", "[S5]").replace("[S3]", "[S5]").replace("[S4]", "[S5]"),
         "citation_accurate"),
    Case("the argument turned round under its markers", CITE, "probe",
         but(FINE_CITE, ("carried 1.9", "lost 1.9"), ("bought 42", "sold 42"), ("Demand rose", "Demand fell"),
             ("fell in Belgium", "rose in Belgium"), ("emit less", "emit more")), "argument_preservation"),
)  # fmt: skip


def _docs() -> tuple[Case, ...]:
    """Twelve revisions from worthless to finished."""
    fine = FINE_DOC
    slips = (("Halden Depot ended", "HD North ended"), ("Drivers used", "Drivers utilised"))
    wrong = (("3.1 days", "3.7 days"),)
    lead = ("In the quarter 96.4% of all orders left on time. ", "")
    texts: tuple[tuple[str, int, str], ...] = (
        ("everything put right", 4, fine),
        ("put right in words of its own", 4,
         but(fine, ("The Halden Depot team built the new packing line in eleven weeks.",
                    "In eleven weeks the Halden Depot team built the new packing line."))),
        ("one name forgotten", 3, but(fine, slips[0])),
        ("a name and a banned word forgotten", 3, but(fine, *slips)),
        ("right but for two sound sentences reworded", 3,
         but(fine, ("Returns cost the company $318 thousand.", "Returns had a price of $318 thousand."),
             ("Fenwick Stores signed a second contract on 14 July 2025.",
              "A second contract of Fenwick Stores dates from 14 July 2025."))),
        ("half the problems left", 2,
         but(fine, *slips, *wrong, ("The warehouse management system (WMS) guides", "The WMS guides"))),
        ("right but three facts short", 2,
         but(fine, ("Returns cost the company $318 thousand.", ""),
             ("Revenue of the quarter came to $4.2 million.", ""),
             ("We lost no customer of the first rank during the quarter. ", ""))),
        ("right but two claims made up", 2,
         but(fine, ("4.2 million.", "4.2 million. Investors cheered."), ("$318 thousand.",
             "$318 thousand. Suppliers have promised better terms."))),
        ("most problems left", 1,
         but(fine, *slips, *wrong, _PASSIVES[0], _PASSIVES[2], lead,
             ("9 October 2025.", "9 October 2025. In the quarter 96.4% of all orders left on time."))),
        ("thirty words that sound well", 0,
         "# Third quarter: operations update\n\nThe quarter went well. Deliveries improved, customers stayed loyal, "
         "and the teams worked hard. The winter plan promises further progress, and the board can look ahead with "
         "confidence.\n"),
        ("a memo without a fact", 0,
         "# Third quarter: operations update\n\n## Summary\n\n" + " ".join(FILLER) + "\n"),
        ("figures made up throughout", 1,
         but(fine, ("96.4%", "91.2%"), ("$4.2 million", "$5.6 million"), ("3.1 days", "2.4 days"), ("1,240", "2,150"),
             ("$318 thousand", "$120 thousand"), ("14 July", "19 July"), ("30 August", "12 August"))),
    )  # fmt: skip
    return tuple(Case(name, DOC, "range", text, tier=tier) for name, tier, text in texts)


def _sheets() -> tuple[Case, ...]:
    """Twelve tables from worthless to finished."""
    half = [row if place % 2 else tuple(MILLIONS[place] if at == 2 else cell for at, cell in enumerate(row))
            for place, row in enumerate(ROWS)]  # fmt: skip
    raw_dates = with_cell(1, {1: "19/11/2018", 5: "30/05/2016", 9: "14/12/2020"})
    both_left = [tuple({2: MILLIONS[place], 3: FEET[place]}.get(at, cell) for at, cell in enumerate(row))
                 for place, row in enumerate(ROWS)]  # fmt: skip
    texts: tuple[tuple[str, int, str], ...] = (
        ("finished", 4, FINE_SHEET),
        ("finished, another order of records", 4, table(ROWS[::-1])),
        ("one area not converted", 3, table(with_cell(3, {2: FEET[2]}))),
        ("dates left", 3, table(raw_dates)),
        ("one record lost", 3, table(ROWS[:-1])),
        ("two areas not converted and a record lost", 3, table(with_cell(3, {2: FEET[2], 4: FEET[4]})[:-1])),
        ("half the revenues in millions", 2, table(half)),
        ("four records lost", 2, table(ROWS[:8])),
        ("areas all in square feet", 2, table(with_cell(3, FEET))),
        ("nothing converted", 1, table(both_left)),
        ("six records twice", 1, table([*ROWS[:6]] * 2)),
        ("headings and three records", 0, table(ROWS[:2])),
    )  # fmt: skip
    return tuple(Case(name, SHEET, "range", text, tier=tier) for name, tier, text in texts)


def _briefs() -> tuple[Case, ...]:
    """Eleven referenced briefs from worthless to finished."""
    fine = FINE_CITE
    overstated = (("Some travellers choose", "Most travellers choose"),
                  ("A night train with two locomotives needs", "Every night train needs"))  # fmt: skip
    texts: tuple[tuple[str, int, str], ...] = (
        ("finished", 4, fine),
        ("finished, markers as (Source B)", 4,
         "".join(fine).replace("[S1]", "(Source A)").replace("[S2]", "(Source B)").replace("[S3]", "(Source C)")),
        ("one claim left too strong", 3, but(fine, overstated[0])),
        ("one wrong source", 3, but(fine, ("[S4]", "[S2]"))),
        ("two sources missing", 3, but(fine, (" [S4]", ""), (" [S5]", ""))),
        ("both overstatements left and one wrong source", 2, but(fine, *overstated, ("[S1]", "[S4]"))),
        ("three claims gone", 2,
         but(fine, ("Paris plans ten new lines by 2030 [S5].", ""), ("Rolling stock is short because factories are "
             "booked until 2027 [S4]. ", ""), ("Track fees for night trains fell in Belgium [S5]. ", ""))),
        ("sources to half the claims only", 2,
         but(fine, (" [S1]", ""), (" [S2]", ""), (" [S3]", ""), (" [S4]", ""), (" [S5]", ""), (" [unsupported]", ""))),
        ("half the sources wrong", 1,
         but(fine, *overstated, ("[S1]", "[S3]"), ("[S2]", "[S4]"), ("[S4]", "[S1]"), ("[S5]", "[S2]"),
             ("[unsupported]", "[S1]"))),
        ("no source at all", 0,
         "\n".join(line.replace(" [unsupported]", "") for line in CANONICAL[2].text.split("\n"))),
        ("sources made up", 0,
         fine.replace("[S1]", "[S11]").replace("[S2]", "[S12]").replace("[S3]", "[S13]").replace("[S4]", "[S14]")
         .replace("[S5]", "[S15]")),
    )  # fmt: skip
    return tuple(Case(name, CITE, "range", text, tier=tier) for name, tier, text in texts)


RANGE = (*_docs(), *_sheets(), *_briefs())
