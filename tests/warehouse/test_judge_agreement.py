"""judge_agreement, mean_quality and the maps: simulated judges and raters whose truth is known."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from tests.warehouse.rows import RATERS, Lab, drawn_set
from warehouse.calibration.gate import ratings_to_decide
from warehouse.estimates import is_calibration_current, refresh_calibration
from warehouse.stats.estimate import Estimate
from warehouse.stats.shares import wilson

STRATA = ("low", "mid", "good", "top")


@dataclass
class Frame:
    """A frame of rollouts, each on a task of its own, with what a judge and, on average, people say of it."""

    judged: Sequence[float]
    human: Sequence[float]
    policies: Sequence[str] = ()
    lab: Lab = field(default_factory=Lab)

    def __post_init__(self) -> None:
        with self.lab.together():
            for at, verdict in enumerate(self.judged):
                policy = self.policies[at] if self.policies else "sim/mid"
                self.lab.place(f"i{at}", policy)
                rollout_id = self.lab.rollout(f"i{at}", policy, 0, rollout_id=f"r{at}")
                self.lab.judge(f"r{at}", "tone", [verdict])
                assert rollout_id

    def strata(self) -> list[str]:
        """Return the stratum of each rollout: the band of its verdict."""
        return [STRATA[sum(verdict >= end - 1e-9 for end in (0.4, 0.7, 0.9))] for verdict in self.judged]

    def draw(self, rng: np.random.Generator, n: dict[str, int], set_id: str = "set-1", **more: Any) -> list[int]:
        """Draw so many of each stratum into a calibration set, and return their places."""
        strata = self.strata()
        drawn = []
        for name, wanted in n.items():
            places = [at for at, of in enumerate(strata) if of == name]
            drawn += [int(at) for at in rng.choice(places, wanted, replace=False)]
        drawn_set(
            self.lab, set_id, "tone", {f"r{at}": strata[at] for at in drawn},
            {name: strata.count(name) for name in STRATA if name in strata},
            frame={f"r{at}": of for at, of in enumerate(strata)}, **more,
        )  # fmt: skip
        return drawn

    def rate(
        self, places: Sequence[int], raters: Sequence[str] = RATERS[:1], scatter: float = 0.0, seed: int = 0
    ) -> None:
        """Have people rate rollouts: what is true of each, give or take."""
        rng = np.random.default_rng(seed)
        with self.lab.together():
            for at in places:
                said = np.clip(self.human[at] + scatter * rng.standard_normal(len(raters)), 0, 1)
                self.lab.rating(f"r{at}", "tone", [float(each) for each in said], raters)

    def row(self, band: str = "all") -> dict[str, Any]:
        """Return the row of the judge."""
        return self.lab.one("judge_agreement", quality_band=band)


def too_kind(n: int = 600, seed: int = 1) -> Frame:
    """A frame of half low, a third mid, a sixth top; the judge is right below .9 and .3 too kind from there on."""
    rng = np.random.default_rng(seed)
    judged = np.concatenate([np.full(n // 2, 0.25), np.full(n // 3, 0.5), np.full(n - n // 2 - n // 3, 1.0)])
    human = np.clip(np.where(judged >= 0.9, judged - 0.3, judged) + rng.uniform(-0.1, 0.1, n), 0, 1)
    return Frame(list(judged), list(human))


def test_weighted_by_design_is_the_frame_and_unweighted_is_not() -> None:
    """Of 600 a third each is rated: low and mid 30 of 500, top 30 of 100.

    Over the frame the bias is .3 / 6 = .05 and agreement 5/6; of those rated a third is top: .1 and 2/3.
    """
    frame = too_kind()
    drawn = frame.draw(np.random.default_rng(2), {"low": 30, "mid": 30, "top": 30})
    frame.rate(drawn)
    refresh_calibration(frame.lab.warehouse)

    design = frame.row()
    assert (design["weighting"], design["set_id"], design["share_covered"]) == ("design", "set-1", 1)
    truth = float(np.mean(np.array(frame.judged) - np.array(frame.human)))
    assert truth == pytest.approx(0.05, abs=0.01)
    assert design["bias"] == pytest.approx(truth, abs=0.012)
    assert design["bias_low"] < truth < design["bias_high"]
    # Uniform errors of .1 are within .125; where .3 is added none is.
    assert design["agreement"] == pytest.approx(500 / 600)
    assert design["mean_judge"] == pytest.approx(float(np.mean(frame.judged)))
    # (300 + 200 + 100)^2 / (300^2 + 200^2 + 100^2) * 30, by Kish.
    assert design["n_effective"] == pytest.approx(600**2 / 140_000 * 30)

    outside = next(at for at in range(600) if at not in drawn)
    frame.rate([outside])
    refresh_calibration(frame.lab.warehouse)
    sample = frame.row()
    assert (sample["weighting"], sample["set_id"], sample["n"]) == ("sample", None, 91)
    assert sample["bias"] == pytest.approx(0.1, abs=0.01)
    assert sample["agreement"] == pytest.approx(2 / 3, abs=0.01)
    curve = {row["bin"]: row for row in frame.lab.view("reliability_curve") if row["n"]}
    assert curve[9]["human_mean"] == pytest.approx(0.7, abs=0.02)


def test_bands_find_where_a_judge_is_wrong() -> None:
    """The judge is right in low and mid and .3 too kind in top; no correlation in a band, and the reason why."""
    frame = too_kind()
    frame.rate(frame.draw(np.random.default_rng(3), {"low": 40, "mid": 40, "top": 40}))
    refresh_calibration(frame.lab.warehouse)

    found = {band: frame.row(band) for band in ("low", "mid", "top")}
    assert {band: (row["n"], round(row["agreement"], 6)) for band, row in found.items()} == {
        "low": (40, 1), "mid": (40, 1), "top": (40, 0),
    }  # fmt: skip
    assert found["top"]["bias"] == pytest.approx(0.3, abs=0.03)
    assert abs(found["low"]["bias"]) < 0.03
    assert found["top"]["spearman"] is None
    assert "range" in json.loads(found["top"]["reason"])["spearman"]
    assert not [row for row in frame.lab.view("judge_agreement") if row["quality_band"] == "good"]


def test_correlations_have_intervals() -> None:
    """Verdicts and ratings of one truth, each with its own error of .15: ends on either side of each figure."""
    rng = np.random.default_rng(11)
    truth = rng.uniform(0.1, 0.9, 100)
    judged, human = (np.clip(truth + rng.normal(0, 0.15, 100), 0, 1) for _ in range(2))
    frame = Frame(list(judged), list(human))
    frame.rate(range(100))
    refresh_calibration(frame.lab.warehouse)

    row = frame.row()
    for name in ("spearman", "kendall", "weighted_kappa", "bias", "mae", "agreement"):
        assert row[f"{name}_low"] < row[name] < row[f"{name}_high"], name
    # The correlation of the values: variance of the truth .8^2 / 12 = .0533, of the error .0225.
    assert row["spearman"] == pytest.approx(0.0533 / 0.0758, abs=0.12)


def test_intervals_cover_and_weights_do_not_lie() -> None:
    """Of 60 samples from one frame the 95 % interval misses its bias at most 8 times (.5 % of the time by chance).

    The mean of the 60 estimates is within three standard errors of the truth; of unweighted means it is far off.
    """
    frame = too_kind()
    truth = float(np.mean(np.array(frame.judged) - np.array(frame.human)))
    rng = np.random.default_rng(4)
    from warehouse.calibration.agreement import agreement_rows

    estimates, unweighted, missed = [], [], 0
    for _ in range(12):
        for table in ("rating", "calibration_set", "calibration_item", "calibration_stratum", "calibration_frame"):
            frame.lab.warehouse.sql(f"delete from {table}")  # noqa: S608 - names of ours
        drawn = frame.draw(rng, {"low": 20, "mid": 20, "top": 20})
        frame.rate(drawn)
        row = next(row for row in agreement_rows(frame.lab.warehouse) if row["quality_band"] == "all")
        estimates.append(row["bias"])
        unweighted.append(float(np.mean([frame.judged[at] - frame.human[at] for at in drawn])))
        missed += not row["bias_low"] <= truth <= row["bias_high"]
    error = float(np.std(estimates, ddof=1)) / len(estimates) ** 0.5
    assert abs(float(np.mean(estimates)) - truth) < 3 * error
    assert abs(float(np.mean(unweighted)) - truth) > 0.04
    assert missed <= 3


def test_people_among_themselves() -> None:
    """Ratings .5 and .7 of one rollout are .2 off each other, one of a rollout with a single rating off nothing."""
    frame = Frame([0.5, 0.5], [0.6, 0.6])
    frame.lab.rating("r0", "tone", [0.5, 0.7])
    frame.lab.rating("r1", "tone", [0.9])
    refresh_calibration(frame.lab.warehouse)
    assert frame.row()["mae_human"] == pytest.approx(0.2)

    frame.lab.warehouse.sql("delete from rating where rater = 'ben'")
    refresh_calibration(frame.lab.warehouse)
    assert frame.row()["mae_human"] is None
    assert "two ratings" in json.loads(frame.row()["reason"])["mae_human"]


def test_a_judge_of_one_mind_has_no_correlation() -> None:
    """Always .5: bias and agreement are known, ranks and kappa are not, and a map has nothing to go by."""
    frame = Frame([0.5] * 40, [0.2, 0.8] * 20)
    frame.rate(range(40))
    refresh_calibration(frame.lab.warehouse)

    row, found = frame.row(), frame.lab.one("calibration_map")
    assert (row["bias"], row["spearman"], row["kendall"]) == (pytest.approx(0), None, None)
    assert "vary" in json.loads(row["reason"])["spearman"]
    assert (found["method"], found["mae_mapped"]) == (None, None)
    assert "same of all" in found["reason"]
    assert frame.lab.view("calibration_map_point") == []


def test_what_is_not_assessed_is_counted_apart() -> None:
    """A judge without a verdict on ten of forty is not wrong about these; raters without one neither."""
    frame = Frame([0.5] * 30, [0.5] * 30)
    for at in range(30, 40):
        frame.lab.place(f"i{at}", "sim/mid")
        frame.lab.rollout(f"i{at}", "sim/mid", 0, rollout_id=f"r{at}")
        frame.lab.judge(f"r{at}", "tone", [None])
        frame.lab.rating(f"r{at}", "tone", [0.9])
    frame.rate(range(28))
    for at in (28, 29):
        frame.lab.rating(f"r{at}", "tone", [None])
    refresh_calibration(frame.lab.warehouse)

    row = frame.row()
    assert (row["n"], row["n_judge_unassessed"], row["n_human_unassessed"], row["agreement"]) == (28, 10, 2, 1)
    assert (frame.row("mid")["n_judge_unassessed"], frame.row("mid")["n_human_unassessed"]) == (None, 2)


def test_unfinished_rating_weighs_what_is_there() -> None:
    """Raters are done with low and half of mid, not with top: the rest of mid counts, and top is missing."""
    frame = too_kind()
    drawn = frame.draw(np.random.default_rng(5), {"low": 20, "mid": 20, "top": 20})
    frame.rate(drawn[:30])
    refresh_calibration(frame.lab.warehouse)

    row = frame.row()
    # 300 low and 200 mid stand behind 20 and 10 ratings; 100 of 600 are top.
    assert row["share_covered"] == pytest.approx(500 / 600)
    assert row["mean_judge"] == pytest.approx((300 * 0.25 + 200 * 0.5) / 500)


def test_the_latest_set_weighs() -> None:
    """A rollout drawn twice has the weight of the set that was drawn later."""
    frame = Frame([0.5] * 20, [0.5] * 20)
    names = {f"r{at}": "mid" for at in range(4)}
    drawn_set(frame.lab, "set-1", "tone", names, {"mid": 20}, day=3)
    drawn_set(frame.lab, "set-0", "tone", dict(list(names.items())[:2]), {"mid": 8}, day=2)
    frame.rate(range(4))

    assert {row["weight"] for row in frame.lab.view("stg_judged_rating")} == {5}
    drawn_set(frame.lab, "set-2", "tone", dict(list(names.items())[:2]), {"mid": 8}, day=4)
    # 20 of set 1 now stand behind two, 8 of set 2 behind the other two.
    assert sorted(row["weight"] for row in frame.lab.view("stg_judged_rating")) == [4, 4, 10, 10]


@pytest.mark.parametrize("change", ["rating", "verdict", "set", "version", "gone"])
def test_figures_are_never_out_of_date_unnoticed(change: str) -> None:
    """Whatever writes, the view gives no figure of before, and a refresh gives those of now."""
    frame = Frame([0.5] * 40, [0.5] * 40)
    frame.rate(range(35))
    warehouse = frame.lab.warehouse
    refresh_calibration(warehouse)
    assert frame.lab.one("judge_calibration")["status"] == "calibrated"
    assert refresh_calibration(warehouse) == {}

    if change == "rating":
        frame.lab.rating("r36", "tone", [0.1])
    elif change == "verdict":
        frame.lab.judge("r1", "tone", [0.5, 0.1])
    elif change == "set":
        drawn_set(frame.lab, "set-1", "tone", {f"r{at}": "mid" for at in range(35)}, {"mid": 40})
    elif change == "version":
        warehouse.sql("update score set grader_version = '2' where source = 'judge'")
    else:
        warehouse.sql("delete from rating where rollout_id = 'r0'")
    # Rows of a lab wait until somebody asks it.
    assert not is_calibration_current(frame.lab.warehouse)
    row = frame.lab.one("judge_calibration")
    assert (row["is_current"], row["status"], row["agreement"]) == (False, "uncalibrated", None)
    assert "calibrate report" in row["reason"]

    assert refresh_calibration(warehouse)["judge_agreement"] >= 2
    assert frame.lab.one("judge_calibration")["is_current"]
    assert is_calibration_current(warehouse)


def test_nothing_rated_costs_nothing() -> None:
    """Without a rating no table is written, however much was judged."""
    frame = Frame([0.5] * 3, [0.5] * 3)

    assert is_calibration_current(frame.lab.warehouse)
    assert refresh_calibration(frame.lab.warehouse) == {}
    assert frame.lab.view("calibration_state") == []


@pytest.mark.parametrize(
    ("k", "n", "expected"),
    [
        (29, 30, 0),  # from .833
        (28, 30, 5),  # at 28/30 from 34.6 on: z^2 .16 / .1333^2
        (61, 100, 0),  # to .6998
        (62, 100, 27),  # at .62 from 126.05 on: z^2 .21 / .08^2
        (75, 100, None),  # between .70 and .80
        (80, 100, None),
        (10, 10, 20),  # 30 at least
        (7, 10, 20),
    ],
)
def test_ratings_to_decide(k: int, n: int, expected: int | None) -> None:
    """As many as it takes for Wilson's interval of the same share to leave the bound behind."""
    low, high = wilson(k, n)

    assert ratings_to_decide(Estimate(k / n, low, high, n)) == expected
    if expected:
        end = wilson(round(k / n * 10_000), 10_000)
        more = n + expected
        z = 1.959963984540054
        for bound, way in ((0.8, 1), (0.7, -1)):
            if (k / n - bound) * way > 0 and more > 30:
                assert more * (k / n - bound) ** 2 >= z**2 * bound * (1 - bound) * (1 - 1e-9)
                assert (more - 1) * (k / n - bound) ** 2 < z**2 * bound * (1 - bound)
        assert end


def test_half_the_information_takes_twice_the_ratings() -> None:
    """The interval of 28 of 30, but 60 ratings for it: each further one counts for half."""
    low, high = wilson(28, 30)

    assert ratings_to_decide(Estimate(28 / 30, low, high, 60)) == 10  # (34.57 - 30) * 2 = 9.1


def test_map_takes_a_bend_out() -> None:
    """People say the square of what the judge says: a map brings both errors down on tasks it has not seen."""
    rng = np.random.default_rng(6)
    judged = rng.uniform(0, 1, 300).round(3)
    frame = Frame(list(judged), list(np.clip(judged**2 + rng.normal(0, 0.03, 300), 0, 1)))
    frame.rate(range(300))
    refresh_calibration(frame.lab.warehouse)

    found = frame.lab.one("calibration_map")
    # Raw: integral of x - x^2 is 1/6; the noise alone leaves .03 * .8 = .024.
    assert found["mae_raw"] == pytest.approx(1 / 6, abs=0.02)
    assert found["mae_mapped"] < 0.04
    assert found["ece_mapped"] < 0.03 < found["ece_raw"]
    points = sorted(frame.lab.view("calibration_map_point"), key=lambda row: row["place"])
    x, y = ([row[name] for row in points] for name in ("judge_value", "human_estimate"))
    assert x == sorted(x)
    assert y == sorted(y)
    assert float(np.interp(0.5, x, y)) == pytest.approx(0.25, abs=0.05)


def test_a_right_judge_needs_no_map() -> None:
    """Nothing but scatter: verdicts stay as they are, from (0, 0) to (1, 1)."""
    rng = np.random.default_rng(7)
    judged = rng.choice([0.25, 0.5, 0.75], 80)
    frame = Frame(list(judged), list(judged))
    frame.rate(range(80))
    refresh_calibration(frame.lab.warehouse)

    assert frame.lab.one("calibration_map")["method"] == "identity"
    points = [(row["judge_value"], row["human_estimate"]) for row in frame.lab.view("calibration_map_point")]
    assert points == [(0, 0), (1, 1)]


def test_mean_quality_of_the_frame() -> None:
    """6 low, 3 mid and 1 top of ten, a hundred times: the judge alone says .39, the rated alone and both say .285.

    The frame is that of STATISTICS 7.3: judge .2 / .6 / .9, residuals -.05 / -.15 / -.30, so people say
    .6 * .15 + .3 * .45 + .1 * .60 = .285; unweighted, with a third of the sample in each, it would be .40.
    """
    rng = np.random.default_rng(8)
    judged = np.repeat([0.2, 0.6, 0.9], [600, 300, 100])
    noisy = np.clip(judged + rng.uniform(-0.1, 0.1, 1000), 0, 1)
    human = np.clip(noisy - np.repeat([0.05, 0.15, 0.30], [600, 300, 100]) + rng.normal(0, 0.02, 1000), 0, 1)
    frame = Frame(list(noisy), list(human), policies=["sim/weak", "sim/strong"] * 500)
    drawn = frame.draw(rng, {"low": 40, "mid": 40, "good": 20, "top": 20})
    frame.rate(drawn)
    refresh_calibration(frame.lab.warehouse)

    rows = {row["domain"]: row for row in frame.lab.view("mean_quality")}
    assert set(rows) == {"all", "sim/weak", "sim/strong"}
    whole, truth = rows["all"], float(human.mean())
    assert truth == pytest.approx(0.285, abs=0.005)
    assert whole["judge_mean"] == pytest.approx(0.39, abs=0.005)
    assert (whole["n_frame"], whole["n_judged"], whole["n_rated"]) == (1000, 1000, 120)
    assert whole["low"] < truth < whole["high"]
    assert whole["rated_low"] < truth < whole["rated_high"]
    assert whole["high"] - whole["low"] < whole["rated_high"] - whole["rated_low"]
    for policy in ("sim/weak", "sim/strong"):
        mine = float(human[[at for at in range(1000) if frame.policies[at] == policy]].mean())
        assert rows[policy]["n_frame"] == 500
        assert rows[policy]["low"] < mine < rows[policy]["high"]


def test_mean_quality_says_what_it_cannot() -> None:
    """Below twenty ratings there is no mean; without any judge the ratings stand alone."""
    frame = Frame([0.5] * 60, [0.5, 0.6] * 30)
    frame.rate(frame.draw(np.random.default_rng(9), {"mid": 12}))
    frame.lab.warehouse.sql("delete from score")
    refresh_calibration(frame.lab.warehouse)
    row = frame.lab.one("mean_quality")
    assert (row["judge"], row["mean"], row["judge_mean"]) == ("none", None, None)
    assert "12 are rated; 20 are needed" in row["reason"]

    frame.rate(frame.draw(np.random.default_rng(10), {"mid": 25}, "set-2", day=9))
    refresh_calibration(frame.lab.warehouse)
    row = frame.lab.one("mean_quality", set_id="set-2")
    assert (row["mean"], row["low"]) == (row["rated_mean"], row["rated_low"])
    assert "No judge" in row["reason"]


def test_the_first_rating_of_a_new_set_does_not_undo_what_is_known() -> None:
    """A set of 60, all rated, and one of 20 of 1,200 with a single rating: that counts a twentieth of its stratum."""
    frame = Frame([0.25] * 1260, [0.25] * 1260)
    names = [f"r{at}" for at in range(1260)]
    drawn_set(frame.lab, "first", "tone", dict.fromkeys(names[:60], "low"), {"low": 60})
    drawn_set(frame.lab, "second", "tone", dict.fromkeys(names[60:80], "low"), {"low": 1200}, day=2)
    frame.rate(range(61))
    refresh_calibration(frame.lab.warehouse)

    # 60 rollouts weigh 1 each; the other 1,200 * 1 / 20.
    weights = dict(frame.lab.warehouse.sql("select set_id, any_value(weight) from stg_rated group by all").iter_rows())
    assert weights == {"first": pytest.approx(1), "second": pytest.approx(60)}
