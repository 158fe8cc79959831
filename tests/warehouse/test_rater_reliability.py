"""rater_reliability and rater_pair: bands by others, an asymmetry that is measured, reasons where nothing can be."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.warehouse.rows import Lab, drawn_set
from warehouse import Warehouse
from warehouse.calibration.reliability import reliability_rows
from warehouse.stats.gwet import gwet_ac
from warehouse.stats.icc import icc
from warehouse.stats.kappa import cohen_kappa
from warehouse.stats.krippendorff import METRICS, krippendorff_alpha
from warehouse.stats.values import FloatArray

Ratings = Sequence[Sequence[float | None]] | FloatArray
RATERS = ("ann", "ben", "cleo", "dan")
WHOLE_ONLY = (*(f"alpha_{metric}" for metric in METRICS), "ac2", "icc", "asymmetry")


def rated(ratings: Ratings, dimension: str = "tone") -> Lab:
    """Return a warehouse in which people said this of rollouts, a row each; NaN: could not assess; None: not asked."""
    lab = Lab()
    rows = [
        {
            "rollout_id": f"o{at:04}",
            "dimension": dimension,
            "rater": RATERS[who],
            "score": None if score != score else float(score),
        }
        for at, scores in enumerate(ratings)
        for who, score in enumerate(scores)
        if score is not None
    ]
    lab.warehouse.merge("rating", rows)
    return lab


def bands(warehouse: Warehouse, dimension: str = "tone") -> dict[str, dict[str, Any]]:
    """Return band -> row, as the table takes it."""
    rows = reliability_rows(warehouse)
    for table, found in rows.items():
        warehouse.replace(table, found)
    table = warehouse.view("rater_reliability").filter(dimension=dimension)
    return {row["quality_band"]: row for row in table.iter_rows(named=True)}


def noisy(rng: np.random.Generator, quality: FloatArray, noise: FloatArray | float, raters: int = 3) -> FloatArray:
    """Return what raters say who see the quality through noise, cut off at the ends of the scale."""
    return np.clip(quality[:, None] + rng.normal(size=(len(quality), raters)) * np.reshape(noise, (-1, 1)), 0, 1)


def drawn(lab: Lab, weights: Sequence[float | None], *, set_id: str = "s", day: int = 1) -> None:
    """Add a calibration set that holds rollout u with weights[u]; None: it is not in it."""
    items = {f"o{at:04}": str(weight) for at, weight in enumerate(weights) if weight is not None}
    sizes = {weight: int(float(weight) * n) for weight, n in Counter(items.values()).items()}
    drawn_set(lab, set_id, "tone", items, sizes, day=day)


def test_figures_of_the_whole_are_those_of_the_estimators() -> None:
    """Alpha in four metrics, AC1 of "acceptable", AC2 of the levels, ICC(2,1): figure, interval and reason."""
    rng = np.random.default_rng(1)
    ratings = np.round(noisy(rng, rng.random(40), 0.2) * 4) / 4
    ratings[rng.random(ratings.shape) < 0.1] = np.nan
    row = bands(rated(ratings).warehouse)["all"]

    expected = {f"alpha_{metric}": krippendorff_alpha(ratings, metric) for metric in METRICS}
    expected["ac1"] = gwet_ac(np.where(np.isnan(ratings), np.nan, ratings >= 0.7), categories=(0, 1))
    expected["ac2"] = gwet_ac(ratings, "quadratic")
    expected["icc"] = icc(ratings)
    for name, found in expected.items():
        assert row[name] == pytest.approx(found.value, abs=1e-12), name
        assert (row[f"{name}_low"], row[f"{name}_high"]) == pytest.approx((found.low, found.high), abs=1e-9), name
        assert row[f"{name}_reason"] == found.reason
    several = (~np.isnan(ratings)).sum(axis=1)
    assert row["n_items"] == (several > 1).sum()
    assert row["n_ratings"] == several[several > 1].sum()
    assert row["n_cannot_assess"] == np.isnan(ratings).sum()
    assert (row["n_raters"], row["weighting"]) == (3, "sample")


def test_bands_agree_with_the_view() -> None:
    """Numbers of rollouts, raters and gaps, and both spreads, are those of view rater_agreement, band by band."""
    rng = np.random.default_rng(2)
    ratings = np.round(noisy(rng, rng.random(60), 0.2, raters=4), 2)
    ratings[rng.random(ratings.shape) < 0.3] = np.nan
    lab = rated(ratings)
    found = bands(lab.warehouse)
    view = {row["quality_band"]: row for row in lab.view("rater_agreement")}

    assert found.keys() == view.keys()
    assert found.keys() >= {"all", "low", "mid", "good", "top", "unknown"}
    for band, row in view.items():
        for column in ("n_items", "n_raters", "n_cannot_assess"):
            assert found[band][column] == row[column], (band, column)
        for column in ("within_item_sd", "mean_abs_difference"):
            assert found[band][column] == pytest.approx(row[column], abs=1e-12), (band, column)
    assert found["all"]["alpha_interval"] == pytest.approx(view["all"]["krippendorff_alpha"])


def test_what_falls_with_range_is_not_given_by_band() -> None:
    """Alpha, AC2, ICC and the asymmetry stand beside 'all' only; each band has its spread with an interval."""
    rng = np.random.default_rng(3)
    found = bands(rated(noisy(rng, rng.random(120), 0.1)).warehouse)

    for band in ("low", "mid", "good", "top"):
        assert {name: found[band][name] for name in WHOLE_ONLY} == dict.fromkeys(WHOLE_ONLY)
        assert found[band]["within_item_sd_low"] < found[band]["within_item_sd"] < found[band]["within_item_sd_high"]
    assert all(found["all"][name] is not None for name in WHOLE_ONLY if name != "ac2")
    assert "distinct ratings are no levels" in found["all"]["ac2_reason"]


def test_planted_asymmetry_is_recovered() -> None:
    """Noise of .20 on work within .1 of the bottom, .05 within .1 of the top: mean |difference| .136 against .047.

    The figures of the statistics notes, 7.6; cut off at the ends, two normal ratings differ by .137 and .046 on average
    (2 sd / sqrt(pi) is .226 and .056 without ends). 400 rollouts a side: a standard error of .004 and .001.
    """
    rng = np.random.default_rng(4)
    quality = np.r_[rng.uniform(0, 0.1, 400), rng.uniform(0.9, 1, 400)]
    found = bands(rated(noisy(rng, quality, np.repeat([0.20, 0.05], 400))).warehouse)

    assert found["low"]["mean_abs_difference"] == pytest.approx(0.136, abs=0.012)
    assert found["top"]["mean_abs_difference"] == pytest.approx(0.047, abs=0.004)
    row = found["all"]
    assert 2.2 < row["asymmetry_low"] < row["asymmetry"] < row["asymmetry_high"] < 4
    assert row["asymmetry_p"] < 1e-6


def test_asymmetry_the_other_way_is_found_too() -> None:
    """People who disagree more on good work: a ratio below 1, by as much."""
    rng = np.random.default_rng(5)
    quality = np.r_[np.full(150, 0.2), np.full(150, 0.8)]
    row = bands(rated(noisy(rng, quality, np.repeat([0.04, 0.08], 150))).warehouse)["all"]

    assert row["asymmetry"] == pytest.approx(0.5, abs=0.08)
    assert row["asymmetry_high"] < 1


def test_banding_by_own_mean_builds_agreement_in_at_both_ends() -> None:
    """Ratings by chance disagree as much everywhere, variance 1/12, sd .289: by others every band says so.

    By their own mean, ratings of .9 and up lie within .1 of the end: the ends seem to agree ten times as well.
    """
    rng = np.random.default_rng(6)
    ratings = rng.random((900, 3))
    found = bands(rated(ratings).warehouse)
    own = ratings[:, :2].mean(axis=1)
    apart = (ratings[:, 0] - ratings[:, 1]) ** 2 / 2

    for band in ("low", "mid", "good", "top"):
        assert found[band]["within_item_sd"] == pytest.approx(12**-0.5, abs=0.03), band
    assert found["all"]["asymmetry_low"] < 1 < found["all"]["asymmetry_high"]
    assert np.sqrt(apart[own >= 0.9].mean()) < 0.1
    assert np.sqrt(apart[(own >= 0.4) & (own < 0.7)].mean()) > 0.3


def test_two_raters_are_banded_by_graders_only() -> None:
    """Nobody else rated: without a verdict there is no bad and no good work to compare, and the reason says so."""
    rng = np.random.default_rng(7)
    lab = rated(noisy(rng, np.repeat([0.2, 0.8], 15), 0.1, raters=2))
    assert bands(lab.warehouse).keys() == {"all", "unknown"}
    assert "0 and 0 units" in bands(lab.warehouse)["all"]["asymmetry_reason"]

    with lab.together():
        for at in range(30):
            lab.score(f"o{at:04}", "tone", 0.2 if at < 15 else 0.8)
    found = bands(lab.warehouse)
    assert (found["low"]["n_items"], found["good"]["n_items"]) == (15, 15)
    assert found["all"]["asymmetry"] is not None


def test_verdicts_of_a_band_are_corrected_for_chance() -> None:
    """Others at .8; 12 pairs: 8 both acceptable, 2 one of them, 2 none: p_a 10/12, p 18/24, p_e .375, AC1 .733."""
    ratings = [[0.9, 0.7, 0.8]] * 8 + [[0.9, 0.5, 0.8]] * 2 + [[0.5, 0.6, 0.8]] * 2
    lab = rated(ratings)
    # Only pairs of ann and ben are banded by cleo's .8; cleo's own are banded by ann's or ben's.
    lab.warehouse.sql("update rating set score = null where rater = 'cleo'")
    with lab.together():
        for at in range(12):
            lab.score(f"o{at:04}", "tone", 0.8)

    row = bands(lab.warehouse)["good"]
    assert row["ac1"] == pytest.approx((10 / 12 - 0.375) / 0.625)
    assert row["ac1_low"] < row["ac1"] < row["ac1_high"]


def test_weights_of_the_design() -> None:
    """Every rated rollout has a weight: alpha, spread and AC2 use that of the latest set, on all levels there are."""
    rng = np.random.default_rng(8)
    ratings = np.round(noisy(rng, rng.uniform(0.3, 1, 30), 0.2) * 4) / 4
    weights = [1.0] * 15 + [6.0] * 15
    lab = rated(ratings)
    drawn(lab, [9.0] * 30, set_id="earlier", day=1)
    drawn(lab, weights, set_id="later", day=2)
    lab.warehouse.sql("update rating set set_id = 'later'")
    row = bands(lab.warehouse)["all"]

    assert row["weighting"] == "design"
    assert row["alpha_interval"] == pytest.approx(krippendorff_alpha(ratings, weights=weights).value)
    levels = (0, 0.25, 0.5, 0.75, 1)
    assert row["ac2"] == pytest.approx(gwet_ac(ratings, "quadratic", categories=levels, weights=weights).value)
    squares = np.var(ratings, axis=1, ddof=1)
    assert row["within_item_sd"] == pytest.approx(np.average(squares, weights=weights) ** 0.5)
    assert row["icc"] == pytest.approx(icc(ratings).value)


@pytest.mark.parametrize(
    ("weights", "weighting"),
    [
        ([2.0] * 11 + [None], "sample"),
        ([2.0] * 6 + [1.0] * 5 + [None], "sample, tail-enriched"),
        ([None] * 12, "sample"),
    ],
)
def test_a_rollout_without_weight_makes_it_a_sample(weights: list[float | None], weighting: str) -> None:
    """One that was not drawn: no figure is weighted, and where the tail was drawn more often that is said."""
    rng = np.random.default_rng(9)
    ratings = noisy(rng, rng.random(12), 0.2)
    lab = rated(ratings)
    drawn(lab, weights)
    row = bands(lab.warehouse)["all"]

    assert row["weighting"] == weighting
    assert row["alpha_interval"] == pytest.approx(krippendorff_alpha(ratings).value)


def test_what_is_undefined_has_a_reason() -> None:
    """Equal ratings, single ratings, nothing but gaps, nobody at all: rows with reasons, never 0 and never a crash."""
    same = bands(rated([[0.5, 0.5, 0.5]] * 12).warehouse)["all"]
    for name in (*(f"alpha_{metric}" for metric in METRICS), "ac1", "ac2", "icc"):
        assert (same[name], same[f"{name}_low"]) == (None, None), name
        assert "indifference" in same[f"{name}_reason"], name
    assert (same["within_item_sd"], same["mean_abs_difference"]) == (0, 0)
    assert same["within_item_sd_reason"].startswith("no two ratings of a unit differ")

    for ratings in ([[0.5], [0.7]], [[np.nan, np.nan]], [[0.5, np.nan]]):
        row = bands(rated(ratings).warehouse)["all"]
        assert (row["n_items"], row["alpha_interval"], row["within_item_sd"], row["icc"]) == (0, None, None, None)
        assert row["alpha_interval_reason"] == row["icc_reason"] == "no unit has two ratings"
    assert reliability_rows(Lab().warehouse) == {"rater_reliability": [], "rater_pair": []}


def test_seed_examples_are_left_out() -> None:
    """What the author of a seed example expects is no rating."""
    lab = Lab()
    lab.place("seeded", "sim/mid")
    lab.warehouse.sql("update instance set split = 'seed' where instance_id = 'seeded'")
    lab.rating(lab.rollout("seeded", "sim/mid", 0), "tone", [0.0, 1.0])

    assert reliability_rows(lab.warehouse) == {"rater_reliability": [], "rater_pair": []}


def test_pairs_of_raters() -> None:
    """ben is .25 below ann on every one of 12; cleo rated two of them: a kappa and no interval; names in order."""
    levels = [0.25, 0.5, 0.75, 1.0]
    ratings = [[levels[at % 4], levels[at % 4] - 0.25, 0.5 if at < 2 else None] for at in range(12)]
    ratings[5] = [0.5, 0.5, None]
    lab = rated(ratings)
    lab.warehouse.replace("rater_pair", reliability_rows(lab.warehouse)["rater_pair"])
    rows = {(row["rater"], row["other"]): row for row in lab.view("rater_pair")}

    assert rows.keys() == {("ann", "ben"), ("ann", "cleo"), ("ben", "cleo")}
    row = rows["ann", "ben"]
    assert (row["n_items"], row["mean_difference"], row["mean_abs_difference"]) == (12, 0.25 * 11 / 12, 0.25 * 11 / 12)
    expected = cohen_kappa([r[0] for r in ratings], [r[1] for r in ratings], "quadratic")  # type: ignore[misc]
    assert (row["weighted_kappa"], row["weighted_kappa_low"], row["weighted_kappa_high"], row["reason"]) == (
        pytest.approx((expected.value, expected.low, expected.high, expected.reason), abs=1e-9)
    )
    row = rows["ann", "cleo"]
    # .25 and .5 against .5 and .5: mean square .03125, by chance the same: no better than chance.
    assert (row["n_items"], row["mean_difference"]) == (2, -0.125)
    assert (row["weighted_kappa"], row["reason"]) == (pytest.approx(0), "2 units; an interval needs 10")


def test_two_who_always_say_the_same_one_thing() -> None:
    """No kappa, and why; the differences are 0 all the same."""
    lab = rated([[0.5, 0.5]] * 3)
    row = reliability_rows(lab.warehouse)["rater_pair"][0]

    assert (row["mean_difference"], row["mean_abs_difference"], row["weighted_kappa"]) == (0, 0, None)
    assert "indifference" in row["reason"]


def test_dimensions_are_apart() -> None:
    """Two dimensions of the same rollouts have rows of their own."""
    lab = rated([[0.1, 0.2], [0.9, 0.8]])
    lab.warehouse.merge(
        "rating",
        pl.DataFrame(
            {"rollout_id": ["o0000"] * 2, "dimension": ["length"] * 2, "rater": ["a", "b"], "score": [0.0, 1.0]}
        ),
    )

    assert bands(lab.warehouse)["all"]["n_items"] == 2
    assert bands(lab.warehouse, "length")["all"]["mean_abs_difference"] == 1
