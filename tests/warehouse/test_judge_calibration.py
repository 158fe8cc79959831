"""judge_calibration and reliability_curve: what a judge says beside what people say of the same rollouts."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from math import pi, sqrt
from random import Random
from statistics import fmean, variance

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.proportion import proportion_confint

from tests.warehouse.rows import JUDGE, RUN, Lab, drawn_set
from warehouse.estimates import refresh_calibration

Pair = tuple[float | None, float | None]


def judged(pairs: Iterable[Pair], judge: str = JUDGE) -> Lab:
    """Return a warehouse in which a judge and one person gave these values, each rollout of a task of its own."""
    lab = Lab()
    with lab.together():
        for at, (verdict, human) in enumerate(pairs):
            lab.place(f"i{at}", "sim/mid")
            rollout_id = lab.rollout(f"i{at}", "sim/mid", 0)
            lab.judge(rollout_id, "tone", [verdict], judge=judge)
            lab.rating(rollout_id, "tone", [human])
    refresh_calibration(lab.warehouse)
    return lab


def agreeing(n_agree: int, n: int) -> Lab:
    """Return a warehouse in which a judge agrees on so many of n rollouts and is half the scale off on the others."""
    return judged([(0.5, 0.5)] * n_agree + [(1.0, 0.5)] * (n - n_agree))


def test_four_rollouts_by_hand() -> None:
    """Differences 0, .25, -.125 and 0: bias .125 / 4, mae .375 / 4, three within half a level."""
    lab = judged([(0.5, 0.5), (1.0, 0.75), (0.25, 0.375), (0.0, 0.0)])

    row = lab.one("judge_calibration")
    assert (row["dimension"], row["judge"], row["n"], row["n_instances"], row["n_versions"]) == ("tone", JUDGE, 4, 4, 1)
    assert row["bias"] == pytest.approx(0.03125)
    assert row["mae"] == pytest.approx(0.09375)
    assert row["agreement"] == 0.75
    # Ranks 3, 4, 2, 1 of both.
    assert row["spearman"] == pytest.approx(1)
    # .375 goes up to .5: levels (.5, .5), (1, .75), (.25, .5), (0, 0); mean squared difference .03125. Variances
    # .13671875 and .07421875, means the same: kappa 1 - .03125 / .2109375.
    assert row["weighted_kappa"] == pytest.approx(1 - 0.03125 / 0.2109375)
    # Every rollout is alone in its bin: ece is mae, and the scatter within bins is not known.
    assert (row["ece"], row["null_ece"]) == (pytest.approx(0.09375), None)


def test_repeats_and_raters_are_averaged() -> None:
    """Verdicts .2, .6 and one that failed are .4; ratings .5, .7 and one that could not say are .6."""
    lab = Lab()
    lab.place("i1", "sim/mid")
    rollout_id = lab.rollout("i1", "sim/mid", 0)
    lab.judge(rollout_id, "tone", [0.2, 0.6, None])
    lab.rating(rollout_id, "tone", [0.5, 0.7, None])
    refresh_calibration(lab.warehouse)

    row = lab.one("judge_calibration")
    assert (row["n"], row["n_judge_unassessed"], row["n_human_unassessed"]) == (1, 0, 0)
    assert row["bias"] == pytest.approx(-0.2)


def test_nothing_is_dropped_silently() -> None:
    """No verdict, no rating, neither: in columns of their own; what the judge was never asked about is not its."""
    lab = judged([(0.5, 0.5), (None, 0.5), (0.5, None), (None, None)])
    lab.rating(lab.rollout("i1", "sim/mid", 9), "tone", [0.1])
    lab.judge(lab.rollout("i1", "sim/mid", 10), "tone", [0.1])
    refresh_calibration(lab.warehouse)

    row = lab.one("judge_calibration")
    assert (row["n"], row["n_judge_unassessed"], row["n_human_unassessed"]) == (1, 1, 2)
    assert (row["bias"], row["spearman"], row["weighted_kappa"]) == (0, None, None)


def test_a_judge_without_any_verdict_has_a_row() -> None:
    """Nothing to compare: no figure, uncalibrated, and said so; no reliability curve."""
    lab = judged([(None, 0.5), (None, 0.2)])

    row = lab.one("judge_calibration")
    assert (row["n"], row["n_versions"], row["n_judge_unassessed"], row["status"]) == (0, 1, 2, "uncalibrated")
    figures = (
        "bias", "mae", "spearman", "weighted_kappa", "agreement", "agreement_low", "agreement_high", "ece", "null_ece",
    )  # fmt: skip
    assert [row[name] for name in figures] == [None] * len(figures)
    assert row["reason"] == "0 rollouts have a verdict and a rating; 30 are needed to decide anything."
    assert lab.view("reliability_curve") == []


@pytest.mark.parametrize("seed", range(4))
def test_figures_are_those_of_scipy_and_statsmodels(seed: int) -> None:
    """Random verdicts and ratings with ties: rank correlation, quadratic kappa, Wilson interval, ece by loops."""
    rng = Random(seed)
    pairs = [(rng.randrange(5) / 4, rng.randrange(21) / 20) for _ in range(60)]

    row = judged(pairs).one("judge_calibration")
    verdicts, humans = zip(*pairs, strict=True)
    assert row["spearman"] == pytest.approx(stats.spearmanr(verdicts, humans).statistic)
    assert row["weighted_kappa"] == pytest.approx(kappa_by_table(verdicts, humans))
    n_agreed = sum(abs(verdict - human) <= 0.125 + 1e-9 for verdict, human in pairs)
    assert row["agreement"] == pytest.approx(n_agreed / 60)
    low, high = proportion_confint(n_agreed, 60, method="wilson")
    assert (row["agreement_low"], row["agreement_high"]) == (pytest.approx(low), pytest.approx(high))
    bins = {at: [pair for pair in pairs if min(9, int(pair[0] * 10)) == at] for at in range(10)}
    filled = [found for found in bins.values() if found]
    assert row["ece"] == pytest.approx(sum(abs(sum(j - h for j, h in found)) for found in filled) / 60)
    freedom = sum(len(found) - 1 for found in filled)
    scatter = sqrt(sum((len(f) - 1) * variance(h - j for j, h in f) for f in filled if len(f) > 1) / freedom)
    assert row["null_ece"] == pytest.approx(sum(len(f) / 60 * scatter * sqrt(2 / pi / len(f)) for f in filled))


def kappa_by_table(verdicts: Sequence[float], humans: Sequence[float]) -> float:
    """Return quadratic kappa of the table of five levels, as statsmodels has it."""
    table = np.zeros((5, 5))
    for verdict, human in zip(verdicts, humans, strict=True):
        table[int(verdict * 4 + 0.5), int(human * 4 + 0.5)] += 1
    return float(cohens_kappa(table, wt="quadratic", return_results=False))


def test_weighted_kappa_of_agresti_1990() -> None:
    """Husband and wife on four levels: quadratic .3320 (Agresti 1990). Four of our five levels, as far apart."""
    table = ((7, 7, 2, 3), (2, 8, 3, 7), (1, 5, 4, 9), (2, 8, 9, 14))
    pairs = [(row / 4, column / 4) for row in range(4) for column in range(4) for _ in range(table[row][column])]

    assert judged(pairs).one("judge_calibration")["weighted_kappa"] == pytest.approx(0.3320455862468612)


def test_spearman_of_a_published_example() -> None:
    """Ten pairs of IQ and hours of television: -29 / 165 (Wikipedia, Spearman's rank correlation); ranks keep it."""
    iq = (106, 100, 86, 101, 99, 103, 97, 113, 112, 110)
    hours = (7, 27, 2, 50, 28, 29, 20, 12, 6, 17)

    row = judged([(x / 200, y / 50) for x, y in zip(iq, hours, strict=True)]).one("judge_calibration")
    assert row["spearman"] == pytest.approx(-29 / 165)


def test_ece_of_a_published_example() -> None:
    """Ten confidences in three bins, ten equal-width bins: .4 x .2 + .4 x .25 + .2 x .05 = .19 (Guo et al. 2017)."""
    confidence = (0.95, 0.95, 0.95, 0.95, 0.75, 0.75, 0.75, 0.75, 0.55, 0.55)
    correct = (1, 1, 1, 0, 1, 0, 1, 0, 1, 0)

    assert judged(zip(confidence, correct, strict=True)).one("judge_calibration")["ece"] == pytest.approx(0.19)


def test_null_ece_is_what_a_calibrated_judge_shows() -> None:
    """Sixty rollouts in five bins of twelve, scatter .2: .046 on average by simulation (Guo-type ece is biased up).

    One draw of the scatter is within 10 % of .2 (48 degrees of freedom, one standard error), three are allowed.
    """
    rng = Random(5)
    pairs = [(0.15 + 0.2 * (at % 5), 0.15 + 0.2 * (at % 5) + rng.gauss(0, 0.2)) for at in range(60)]
    kept = [(verdict, min(1.0, max(0.0, human))) for verdict, human in pairs]

    assert judged(kept).one("judge_calibration")["null_ece"] == pytest.approx(0.046, rel=0.3)


@pytest.mark.parametrize(
    ("verdicts", "humans", "has_rank", "has_kappa"),
    [
        ([0.5, 0.5, 0.5], [0.1, 0.5, 0.9], False, True),  # the judge does not vary
        ([0.1, 0.5, 0.9], [0.5, 0.5, 0.5], False, True),
        ([0.5, 0.5], [0.5, 0.5], False, False),  # one level: agreement cannot be told from indifference
        ([0.45, 0.5], [0.5, 0.55], True, False),  # order, but within one level
    ],
)
def test_without_variation_is_undefined(
    verdicts: Sequence[float], humans: Sequence[float], has_rank: bool, has_kappa: bool
) -> None:
    """Null, never 0, never not-a-number."""
    row = judged(zip(verdicts, humans, strict=True)).one("judge_calibration")

    assert (row["spearman"] is not None, row["weighted_kappa"] is not None) == (has_rank, has_kappa)


@pytest.mark.parametrize(
    ("n_agree", "n", "status"),
    [
        (29, 29, "uncalibrated"),  # fewer than 30
        (30, 30, "calibrated"),  # from .886
        (29, 30, "calibrated"),  # from .833
        (28, 30, "uncalibrated"),  # from .787, though 93 % agree
        (88, 100, "calibrated"),  # from .8019
        (87, 100, "uncalibrated"),  # from .7902
        (80, 100, "uncalibrated"),  # the point is .80, the interval is not above it
        (62, 100, "uncalibrated"),  # to .709
        (61, 100, "excluded"),  # to .6998
        (0, 29, "uncalibrated"),  # all of 29 wrong: too few to exclude anybody
        (0, 30, "excluded"),
    ],
)
def test_status_by_the_interval(n_agree: int, n: int, status: str) -> None:
    """Calibrated where the lower end reaches .80, excluded where the upper end is below .70, nothing below 30."""
    low, high = proportion_confint(n_agree, n, method="wilson")

    row = agreeing(n_agree, n).one("judge_calibration")
    assert row["status"] == status
    if n >= 30:
        assert (low >= 0.80, high < 0.70) == (status == "calibrated", status == "excluded")
        assert f"{n_agree / n:.2f}" in row["reason"]
    else:
        assert row["reason"].startswith("29 rollouts")


def test_half_a_level_agrees() -> None:
    """.125 off is within half a level of five, to the last bit or not; .126 is not."""
    for verdict, human, agreement in ((0.625, 0.5, 1), (0.8, 0.925, 1), (0.926, 0.8, 0)):
        assert judged([(verdict, human)]).one("judge_calibration")["agreement"] == agreement


def test_versions_of_a_judge_do_not_mix() -> None:
    """Thirty verdicts by one rubric and one by another: two rows, each with its own status."""
    lab = agreeing(30, 30)
    rollout_id = lab.rollout("i1", "sim/mid", 30)
    lab.score(rollout_id, "tone", 0.5, grader_id=JUDGE, source="judge", grader_version="2")
    lab.rating(rollout_id, "tone", [0.5])
    refresh_calibration(lab.warehouse)

    found = {row["grader_version"]: row for row in lab.view("judge_calibration")}
    assert {name: (row["n"], row["n_versions"], row["status"]) for name, row in found.items()} == {
        "1": (30, 2, "calibrated"),
        "2": (1, 2, "uncalibrated"),
    }
    # At agreement 1 Wilson's lower end is .80 from 15.4 on, so 30 decide: 29 more.
    assert found["2"]["n_to_decide"] == 29


def test_tasks_are_the_units() -> None:
    """Thirty hits on rollouts of one task are one hit; of ten tasks, ten: .72 (Wilson at n = 10), not .886."""
    for n_tasks, low in ((1, 0.0547), (10, 0.7225), (30, 0.8865)):
        lab = Lab()
        for at in range(30):
            lab.place(f"i{at % n_tasks}", "sim/mid")
            rollout_id = lab.rollout(f"i{at % n_tasks}", "sim/mid", at)
            lab.judge(rollout_id, "tone", [0.5])
            lab.rating(rollout_id, "tone", [0.5])
        refresh_calibration(lab.warehouse)
        row = lab.one("judge_calibration")
        assert (row["n"], row["n_instances"]) == (30, n_tasks)
        assert row["agreement_low"] <= low + 1e-3
        assert (row["status"] == "calibrated") == (n_tasks == 30)


def test_judges_and_dimensions_are_apart_and_seeds_left_out() -> None:
    """A second judge, a second dimension, and a seed example whose author expects the contrary."""
    lab = judged([(0.5, 0.5), (0.0, 0.0)])
    for at in range(2):
        lab.judge(f"i{at}/sim/mid/0", "tone", [1.0], judge="judge/other")
        lab.judge(f"i{at}/sim/mid/0", "length", [1.0])
    lab.rating("i0/sim/mid/0", "length", [0.9])
    lab.place("seeded", "sim/mid")
    lab.warehouse.sql("update instance set split = 'seed' where instance_id = 'seeded'")
    seed = lab.rollout("seeded", "sim/mid", 0)
    lab.judge(seed, "tone", [0.0])
    lab.rating(seed, "tone", [1.0])
    refresh_calibration(lab.warehouse)

    found = {(row["dimension"], row["judge"]): (row["n"], row["mae"]) for row in lab.view("judge_calibration")}
    assert found == {
        ("tone", JUDGE): (2, 0),
        ("tone", "judge/other"): (2, 0.75),
        ("length", JUDGE): (1, pytest.approx(0.1)),
    }
    assert Lab().view("judge_calibration") == []


def test_code_is_no_judge() -> None:
    """A deterministic score of a rated rollout is not held against people here."""
    lab = Lab()
    lab.place("i1", "sim/mid")
    rollout_id = lab.rollout("i1", "sim/mid", 0)
    lab.score(rollout_id, "tone", 0.5)
    lab.rating(rollout_id, "tone", [0.5])

    assert lab.view("judge_calibration") == []


def test_reliability_curve_has_ten_bins() -> None:
    """.3 is in bin 3, 1 in the last; a bin without verdicts has a row and no mean."""
    lab = judged([(0.3, 0.5), (0.35, 0.6), (1.0, 0.8), (0.0, 0.1), (None, 0.5), (0.5, None)])

    curve = lab.view("reliability_curve")
    assert [(row["bin"], row["n"]) for row in curve] == [(at, {0: 1, 3: 2, 9: 1}.get(at, 0)) for at in range(10)]
    assert [(row["bin_low"], row["bin_high"]) for row in curve][3] == (0.3, 0.4)
    assert (curve[3]["judge_mean"], curve[3]["human_mean"]) == (pytest.approx(0.325), pytest.approx(0.55))
    # Differences .2 and .25: mean .225, standard deviation .05 / sqrt(2).
    assert curve[3]["sd_difference"] == pytest.approx(0.05 / sqrt(2))
    assert [curve[1][name] for name in ("judge_mean", "human_mean", "sd_difference")] == [None] * 3


def test_reliability_curve_adds_up_to_the_figures() -> None:
    """Bins weighted by their number give bias, and ece their distances."""
    rng = Random(2)
    lab = judged([(rng.randrange(101) / 100, rng.randrange(101) / 100) for _ in range(200)])

    curve = [row for row in lab.view("reliability_curve") if row["n"]]
    row = lab.one("judge_calibration")
    assert sum(at["n"] for at in curve) == row["n"] == 200
    assert fmean([at["judge_mean"] - at["human_mean"] for at in curve for _ in range(at["n"])]) == pytest.approx(
        row["bias"]
    )
    assert sum(at["n"] * abs(at["judge_mean"] - at["human_mean"]) for at in curve) / 200 == pytest.approx(row["ece"])


def test_copies_of_an_output_are_one_output() -> None:
    """Twenty rollouts, and what a regrade holds of them: forty agree, and twenty are too few."""
    lab = Lab()
    lab.add(
        "run", run_id="regraded", config={"regraded_from": RUN}, config_hash="c", taskset_hash="t", code_version="1",
        status="completed", started_at=datetime(2026, 2, 1, tzinfo=UTC), ended_at=None, n_planned=0,
    )  # fmt: skip
    for at in range(20):
        lab.place(f"i{at}", "sim/mid")
        for run in (RUN, "regraded"):
            rollout_id = f"{run}/{at}"
            lab.rollout(f"i{at}", "sim/mid", 0, run_id=run, rollout_id=rollout_id)
            lab.judge(rollout_id, "tone", [0.5])
            lab.rating(rollout_id, "tone", [0.5])
    refresh_calibration(lab.warehouse)

    row = lab.one("judge_calibration")
    assert (row["n"], row["n_outputs"], row["status"], row["n_to_decide"]) == (40, 20, "uncalibrated", 10)
    assert row["reason"] == "40 rollouts are 20 different outputs; 30 are needed to decide anything."


def test_a_judge_that_leaves_out_what_is_hard_is_told() -> None:
    """Forty verdicts that agree, and sixty rated rollouts on which it would not decide."""
    row = judged([(0.5, 0.5)] * 40 + [(None, 0.1)] * 60).one("judge_calibration")

    assert row["status"] == "calibrated"
    assert row["reason"].endswith("It gave no verdict on 60 of 100 rated rollouts.")


def test_strata_without_a_rating_are_not_vouched_for() -> None:
    """All forty ratings are of the low stratum; of the frame a fifth is top, and nobody has looked at it."""
    lab = judged([(0.25, 0.25)] * 40 + [(1.0, None)] * 10)
    names = [row["rollout_id"] for row in lab.view("stg_rating")]
    with lab.together():
        lab.warehouse.sql("delete from rating where score is null")
    drawn_set(lab, "s", "tone", {name: "top" if at >= 40 else "low" for at, name in enumerate(sorted_by_place(names))},
              {"low": 40, "top": 10})  # fmt: skip
    refresh_calibration(lab.warehouse)

    row = lab.one("judge_calibration")
    assert (row["status"], row["share_covered"]) == ("uncalibrated", 0.8)
    assert "strata with 20 % of the frame have no rating" in row["reason"]


def sorted_by_place(names: Iterable[str]) -> list[str]:
    """Return rollouts in the order of their tasks i0, i1, ..."""
    return sorted(names, key=lambda name: int(name[1 : name.index("/")]))


def test_ratings_by_another_rubric_calibrate_nothing() -> None:
    """Forty agree, but people read another rubric than the judge; versions from elsewhere name no rubric of ours."""
    lab = judged([(0.5, 0.5)] * 40)
    lab.warehouse.sql("update rating set rubric_hash = 'bbbbbbbbbbbb'")
    for version, n, n_other, status in (
        ("aaaaaaaaaaaa-1", 0, 40, "uncalibrated"),
        ("bbbbbbbbbbbb-1", 40, 0, "calibrated"),
        ("2026-01", 40, 0, "calibrated"),
    ):
        lab.warehouse.sql(f"update score set grader_version = '{version}'")  # noqa: S608 - our own text
        refresh_calibration(lab.warehouse)
        row = lab.one("judge_calibration")
        assert (row["n"], row["n_other_rubric"], row["n_human_unassessed"], row["status"]) == (n, n_other, 0, status)
        assert ("40 more were rated by another rubric than its own." in row["reason"]) == bool(n_other)
