"""The verb `calibrate report`: people among themselves, judges beside them, what would decide about these."""

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands import options

if TYPE_CHECKING:
    from flows.calibration.report import CalibrationReport, DimensionReport, JudgeReport
    from warehouse.location import Location

COEFFICIENTS = {
    "alpha_ordinal": "alpha, ordinal", "alpha_interval": "alpha, interval", "ac2": "AC2, quadratic",
    "icc": "ICC, one rater against any other",
}  # fmt: skip
SHOWN = 12
"""Rows of one table that are printed; the rest is in --json."""


def report(
    dimension: Annotated[str | None, typer.Option("--dimension", help="Only this dimension.")] = None,
    judge: Annotated[
        str | None, typer.Option("--judge", help="Only judges whose name begins so: anthropic/MODEL[:effort=low].")
    ] = None,
    db: options.Db = None,
    as_json: options.AsJson = False,
) -> None:
    """Say how far people agree, how far judges agree with them, and how many more ratings would decide it."""
    from flows import console
    from flows.calibration.report import calibration_report
    from flows.commands.query import existing

    path = existing(db)
    found = calibration_report(path, dimension, judge)
    if as_json:
        console.print_json(
            {"is_current": found.is_current, "dimensions": [each.as_json() for each in found.dimensions]}
        )
        return
    for each in found.dimensions:
        _show(each)
    console.next_steps(*_next(found, path))


def _show(found: "DimensionReport") -> None:
    from flows import console

    console.headline(found.dimension)
    console.line(
        f"  {found.n_ratings:,} ratings of {found.n_rated:,} rollouts by {found.n_raters:,} "
        f"{'person' if found.n_raters == 1 else 'people'}"
    )
    for each in found.sets:
        tail = f"; from {each['tail_from']:g} up oversampled {each['tail_factor']:g} times" * (each["tail_factor"] > 1)
        console.line(f"  set {each['set_id']}: {each['n_rated']:,} of {each['n_items']:,} items rated{tail}")
    _show_people(found)
    if not found.judges:
        console.paragraph("No judge was asked about the rated rollouts: `assay run --judge anthropic/MODEL` asks one.")
    for judge in found.judges:
        _show_judge(judge)
    _show_quality(found)
    for row in found.drift:
        # That people rated every policy is no news.
        if row["kind"] != "policies" or row["verdict"] != "same":
            changed = f"{row['judge']}: {row['kind']} {row['earlier']} -> {row['later']}"
            console.paragraph(f"{changed}: {row['verdict']}. {row['reason']}")


def _show_people(found: "DimensionReport") -> None:
    from flows import console
    from warehouse.bands import ALL_BANDS

    rows = {row["quality_band"]: row for row in found.people.get("rater_reliability", ())}
    whole = rows.get("all")
    if whole is None or not whole["n_items"]:
        console.paragraph("No rollout has two ratings, so nobody knows how far people agree.")
        return
    console.line(f"\n  People among themselves, {whole['n_items']:,} rollouts with two ratings ({whole['weighting']})")
    for name, label in COEFFICIENTS.items():
        reason = "" if whole[name] is not None else f": {whole[f'{name}_reason']}"
        console.paragraph(f"{label} {_with(whole, name)}{reason}")
    # Bands are compared by what people differ on one rollout; the coefficients fall with the range of what is rated.
    console.print_rows(
        ["quality", "rollouts", "spread on one rollout [95 %]", "mean difference"],
        [
            [
                band, f"{row['n_items']:,}",
                _around(row["within_item_sd"], row["within_item_sd_low"], row["within_item_sd_high"]),
                _number(row["mean_abs_difference"]),
            ]
            for band, row in sorted(rows.items(), key=lambda each: ALL_BANDS.index(each[0]))
        ],
        [False, True, False, True],
    )  # fmt: skip
    if whole["asymmetry"] is not None:
        console.paragraph(f"people differ on bad work {_with(whole, 'asymmetry')} times as much as on good")


def _show_judge(found: "JudgeReport") -> None:
    from flows import console

    row = found.decision
    console.line()
    console.paragraph(f"{found.judge}, version {found.grader_version}: {row['status'].upper()}")
    console.paragraph(row["reason"])
    console.paragraph(_weighting(found))
    if not row["is_current"]:
        return
    console.print_rows(
        ["says", "n", "judge", "people", "bias", "MAE", "agreement", "ECE"],
        [_band(band) for band in found.bands],
        [False, True, True, True, False, True, False, True],
    )
    whole = found.bands[0]
    console.paragraph(
        f"rank correlation {_with(whole, 'spearman')}; tau-b {_with(whole, 'kendall')}; "
        f"weighted kappa {_with(whole, 'weighted_kappa')}"
    )
    console.paragraph(
        f"people among themselves are {_number(whole['mae_human'])} off (MAE); "
        f"ECE of a judge without error would be {_number(whole['null_ece'])}"
    )
    missing = [
        f"{row[name]:,} {what}"
        for name, what in (
            ("n_judge_unassessed", "rated rollouts without a verdict of the judge"),
            ("n_human_unassessed", "rollouts that no rater could assess"),
            ("n_other_rubric", "rollouts that people rated by another rubric"),
        )
        if row[name]
    ]
    if missing:
        console.paragraph(f"left out and no verdict on the judge: {'; '.join(missing)}")
    if found.mapping:
        console.paragraph(_mapping(found.mapping))


def _weighting(found: "JudgeReport") -> str:
    row = found.decision
    if row["weighting"] is None:
        return "No figures yet."
    if row["weighting"] == "sample":
        return (
            "sample, not weighted: some of these rollouts were drawn for no calibration set, so figures are of what "
            "was rated (tail-enriched, where a tail was oversampled), not of what the judge will meet."
        )
    covered = found.bands[0]["share_covered"] if found.bands else None
    part = "" if covered is None or covered > 1 - 1e-9 else f"; {covered:.0%} of it lies in strata with a rating so far"
    frame = f"set {row['set_id']}" if row["set_id"] else "several sets"
    return f"design-weighted: figures are of all rollouts that {frame} was drawn from{part}."


def _band(row: dict[str, Any]) -> list[str]:
    return [
        row["quality_band"], f"{row['n']:,}", _number(row["mean_judge"], 2), _number(row["mean_human"], 2),
        _with(row, "bias", "{:+.2f}"), _number(row["mae"], 2), _with(row, "agreement"), _number(row["ece"], 2),
    ]  # fmt: skip


def _mapping(row: dict[str, Any]) -> str:
    if row["method"] is None:
        return f"map: none. {row['reason']}"
    gains = (
        f"MAE {row['mae_raw']:.3f} -> {row['mae_mapped']:.3f}, ECE {row['ece_raw']:.3f} -> {row['ece_mapped']:.3f} on "
        "tasks it was not fitted to"
    )
    return f"map: identity. {row['reason']}" if row["method"] == "identity" else f"map: {row['method']}; {gains}"


def _show_quality(found: "DimensionReport") -> None:
    from flows import console

    judges = dict.fromkeys((row["set_id"], row["judge"], row["grader_version"]) for row in found.quality)
    for set_id, judge, version in judges:
        key = {"set_id": set_id, "judge": judge, "grader_version": version}
        rows = [row for row in found.quality if all(row[name] == value for name, value in key.items())]
        console.line()
        console.paragraph(f"Mean quality of the frame of {set_id}, with {judge}, version {version}")
        console.print_rows(
            ["of", "rollouts", "rated", "judge", "ratings alone [95 %]", "both [95 %]"],
            [
                [
                    row["domain"], f"{row['n_frame']:,}", f"{row['n_rated']:,}", _number(row["judge_mean"]),
                    _around(row["rated_mean"], row["rated_low"], row["rated_high"]),
                    _around(row["mean"], row["low"], row["high"]),
                ]
                for row in rows[:SHOWN]
            ],
            [False, True, True, True, False, False],
        )  # fmt: skip
        if len(rows) > SHOWN:
            console.line(f"  {len(rows) - SHOWN:,} more in --json")
        for reason in dict.fromkeys(row["reason"] for row in rows[:SHOWN] if row["reason"]):
            console.paragraph(f"note: {reason}")


def _next(found: "CalibrationReport", path: "Location") -> list[str]:
    db = shlex.quote(str(path))
    wanted = {
        each.dimension: max((judge.decision["n_to_decide"] or 0 for judge in each.judges), default=0)
        for each in found.dimensions
    }
    steps = [f"assay calibrate sample --db {db} --dimension {name} --n {n}" for name, n in wanted.items() if n]
    return [*steps[:3], f'assay sql --db {db} "from judge_calibration"']


def _number(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _around(value: float | None, low: float | None, high: float | None, form: str = "{:.3f}") -> str:
    """Return a number with its interval, as short as the width of a terminal asks for."""
    if value is None:
        return "-"
    number = form.format(value)
    return number if low is None or high is None else f"{number} [{form.format(low)}, {form.format(high)}]"


def _with(row: dict[str, Any], name: str, form: str = "{:.2f}") -> str:
    return _around(row[name], row[f"{name}_low"], row[f"{name}_high"], form)
