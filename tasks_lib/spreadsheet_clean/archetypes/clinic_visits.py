"""Clinic visits: two sites with two date orders, metric and imperial measures, codes for "not recorded"."""

from random import Random

from tasks_lib.spreadsheet_clean.archetype import AltUnit, Archetype, RawColumn, Row
from tasks_lib.spreadsheet_clean.archetypes.draw import comment, day, maybe, number, pick, whole

_MASS = (
    AltUnit(2.20462, decimals=1, templates=("{} lb", "{}lb"), words=("lb", "pounds"), explain="1 kg is 2.20462 lb"),
)
_WARMTH = (AltUnit(1.8, 32.0, decimals=1, templates=("{} F", "{}°F"), words=("F", "°F", "Fahrenheit"),
                   explain="°C is (°F - 32) / 1.8"),)  # fmt: skip
_GLUCOSE = (AltUnit(18.0182, decimals=0, templates=("{} mg/dL",), words=("mg/dL", "mg"),
                    explain="1 mmol/L is 18.0182 mg/dL"),)  # fmt: skip


def _draw(rng: Random, n: int) -> list[Row]:
    patients = rng.sample(range(10000, 99999), max(4, n // 2 + 1))
    keys = sorted({(f"C{rng.choice(patients)}", day(rng, 2025)) for _ in range(3 * n)})
    return [
        {
            "patient": patient,
            "visit_date": visit,
            "site": rng.choice(("Lakeside", "Old Mill")),
            "reason": pick(rng, "visit_reasons"),
            "weight_kg": number(rng, 42, 118, 1),
            "temperature_c": number(rng, 35.6, 39.8, 1),
            "glucose_mmol_l": maybe(rng, number(rng, 3.6, 14.0, 1), 0.2),
            "pulse_bpm": maybe(rng, whole(rng, 48, 130), 0.15),
            "notes": comment(rng),
        }
        for patient, visit in sorted(rng.sample(keys, n))
    ]


def _twin(row: Row, k: int) -> Row:
    # Day + k stays inside the month for every draw below 28; later days move back instead.
    visit = int(row["visit_date"][-2:])
    moved = visit + k if visit + k <= 28 else visit - k
    return {**row, "visit_date": f"{row['visit_date'][:-2]}{moved:02d}"}


def _decoy(row: Row, rng: Random) -> Row:
    return {**row, "notes": "total: see separate sheet"}


ARCHETYPE = Archetype(
    name="clinic_visits",
    file_name="visits.csv",
    columns=(
        RawColumn("patient", "code", "patient code", ("Pat.", "Code"), key=True, pattern=r"C\d{5}", mergeable=True,
                  group="Visit"),
        RawColumn("visit_date", "date", "day of the visit", ("Date", "Seen on"), key=True, group="Visit",
                  day_first=lambda row: row["site"] == "Lakeside",
                  day_first_note="Lakeside writes dates with the day first, Old Mill with the month first."),
        RawColumn("site", "enum", "clinic", ("Clinic", "Loc."), group="Visit",
                  variants={"Lakeside": ("LAKESIDE", "Lake side", "LKS"), "Old Mill": ("OLD MILL", "Oldmill", "OM")}),
        RawColumn("reason", "enum", "reason for the visit", ("Why", "Visit type"), group="Visit",
                  variants={"follow-up": ("Follow up", "FU"), "intake": ("Intake", "new"),
                            "screening": ("Screen", "scr."), "vaccination": ("vacc.", "Vaccination")}),
        RawColumn("weight_kg", "decimal", "body weight, in kilograms", ("Weight", "Wt"), unit="kg", decimals=1,
                  alts=_MASS, group="Measurements"),
        RawColumn("temperature_c", "decimal", "body temperature, in degrees Celsius", ("Temp", "Temperature"),
                  unit="C", decimals=1, alts=_WARMTH, group="Measurements"),
        RawColumn("glucose_mmol_l", "decimal", "blood glucose, in mmol/L", ("Glucose", "BG"), unit="mmol/L",
                  decimals=1, alts=_GLUCOSE, missing_code="-9", group="Measurements"),
        RawColumn("pulse_bpm", "integer", "pulse, beats a minute", ("Pulse", "HR"), missing_code="999",
                  group="Measurements"),
        RawColumn("notes", "text", "remarks", ("Comment", "Remarks"), missing=("n/a", "-"), group="Measurements"),
    ),
    draw=_draw, twin=_twin, decoy=_decoy,
    openings=(
        "Both clinics finally sent their visits, in one file, each in its own way of writing things.",
        "I need the visit list from the two clinics in one consistent shape before the quarterly review.",
        "Here is the visit log of Lakeside and Old Mill pasted together. Could you put it in order?",
    ),
    titles=("Visits, both clinics", "exported from two systems and pasted"),
    remarks=("page 2 of the log", "typed by front desk", "system was down in the morning", "rest of the week"),
    subtotal_of="pulse_bpm",
)  # fmt: skip
