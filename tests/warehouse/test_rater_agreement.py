"""rater_agreement: whether people agree, with bands that do not follow from the ratings compared."""

from collections.abc import Sequence
from itertools import combinations
from random import Random
from statistics import fmean, variance

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.warehouse.rows import Lab, drawn_set, recycled

Ratings = Sequence[Sequence[float | None]]
BANDS = ("all", "low", "mid", "good", "top", "unknown")


def rated(items: Ratings) -> Lab:
    """Return a warehouse in which rollout u of one task has the ratings items[u]."""
    lab = Lab()
    with lab.together():
        lab.place("i1", "sim/mid")
        for at, scores in enumerate(items):
            lab.rating(lab.rollout("i1", "sim/mid", at), "tone", scores)
    return lab


def bands(lab: Lab) -> dict[str, dict[str, object]]:
    """Return band -> row."""
    return {row["quality_band"]: row for row in lab.view("rater_agreement")}


def alpha_by_pairs(items: Ratings) -> float:
    """Return interval alpha as it is defined: observed over expected squared differences, all pairs formed."""
    units = [[score for score in scores if score is not None] for scores in items]
    units = [unit for unit in units if len(unit) > 1]
    n = sum(map(len, units))
    observed = sum(2 * sum((a - b) ** 2 for a, b in combinations(u, 2)) / (len(u) - 1) for u in units) / n
    everything = [score for unit in units for score in unit]
    expected = 2 * sum((a - b) ** 2 for a, b in combinations(everything, 2)) / (n * (n - 1))
    return 1 - observed / expected


def test_alpha_of_krippendorff_2011() -> None:
    """Four observers, twelve units, missing data: interval alpha .849 (Computing Krippendorff's Alpha, sections C, E).

    The last unit has one value and is no part of it. A change of unit, here from 1..5 to 0..1, changes no alpha.
    """
    observers = (
        (1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None),
        (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3),
        (None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None),
        (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None),
    )
    lab = rated(
        [[None if value is None else (value - 1) / 4 for value in unit] for unit in zip(*observers, strict=True)]
    )

    row = bands(lab)["all"]
    assert row["krippendorff_alpha"] == pytest.approx(0.8491071428571428, abs=1e-12)
    assert (row["n_items"], row["n_raters"], row["reason"]) == (11, 4, None)
    assert row["n_cannot_assess"] == sum(value is None for observer in observers for value in observer)


def test_alpha_of_three_raters_on_eight_items() -> None:
    """Interval alpha .884393: the reference statistics of this project, by the dense definition."""
    observers = (
        (0, 1, 2, 3, 3, 4, None, 2),
        (0, 1, 3, 3, 2, 4, 1, 2),
        (0, 2, 2, 4, 3, None, 1, None),
    )
    lab = rated([[None if value is None else value / 4 for value in unit] for unit in zip(*observers, strict=True)])

    assert bands(lab)["all"]["krippendorff_alpha"] == pytest.approx(0.884393, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.lists(st.one_of(st.none(), st.integers(0, 100).map(lambda x: x / 100)), min_size=1, max_size=5), max_size=12
    )
)
def test_figures_over_all_pairs_are_those_of_the_definitions(items: Ratings) -> None:
    """Alpha by forming all pairs; the pooled standard deviation by degrees of freedom; every null counted."""
    with recycled():
        found = bands(rated(items))

    several = [[x for x in scores if x is not None] for scores in items]
    several = [unit for unit in several if len(unit) > 1]
    if not items:
        assert found == {}
        return
    row = found["all"]
    assert row["n_items"] == len(several)
    assert row["n_pairs"] == sum(len(unit) * (len(unit) - 1) // 2 for unit in several)
    assert row["n_cannot_assess"] == sum(score is None for scores in items for score in scores)
    for column in ("n_pairs", "n_cannot_assess"):
        assert sum(found[name][column] for name in found if name != "all") == row[column]
    if not several:
        assert (row["within_item_sd"], row["mean_abs_difference"], row["krippendorff_alpha"]) == (None, None, None)
        assert row["reason"] == "no rollout has two ratings"
        return
    freedom = sum(len(unit) - 1 for unit in several)
    pooled = sum((len(unit) - 1) * variance(unit) for unit in several) / freedom
    apart = sum((len(u) - 1) * fmean(abs(a - b) for a, b in combinations(u, 2)) for u in several) / freedom
    assert row["within_item_sd"] == pytest.approx(pooled**0.5, abs=1e-9)
    assert row["mean_abs_difference"] == pytest.approx(apart, abs=1e-9)
    if len({score for unit in several for score in unit}) == 1:
        assert row["krippendorff_alpha"] is None
        assert str(row["reason"]).startswith("all ratings are equal")
    else:
        assert row["krippendorff_alpha"] == pytest.approx(alpha_by_pairs(items), abs=1e-9)
        assert row["reason"] is None


def test_band_of_a_pair_is_that_of_the_others() -> None:
    """Ratings .2, .8, .95: the pair (.2, .8) is banded by .95, (.2, .95) by .8, (.8, .95) by .2."""
    found = bands(rated([[0.2, 0.8, 0.95]]))

    assert found.keys() == {"all", "top", "good", "low"}
    for band, difference in (("top", 0.6), ("good", 0.75), ("low", 0.15)):
        row = found[band]
        assert (row["n_items"], row["n_raters"], row["n_pairs"]) == (1, 2, 1)
        assert row["mean_abs_difference"] == pytest.approx(difference)
        assert row["within_item_sd"] == pytest.approx(difference / 2**0.5)
        assert row["krippendorff_alpha"] is None
        assert "within_item_sd" in str(row["reason"])


@pytest.mark.parametrize(
    ("others", "band"),
    [(0.0, "low"), (0.39, "low"), (0.4, "mid"), (0.69, "mid"), (0.7, "good"), (0.89, "good"), (0.9, "top"), (1, "top")],
)
def test_edges_of_the_bands(others: float, band: str) -> None:
    """[0, .4), [.4, .7), [.7, .9), [.9, 1]: one who cannot say beside one who says what is at an edge."""
    assert bands(rated([[None, others]])).keys() == {"all", band}


def test_mean_of_others_at_an_edge_is_not_moved_by_rounding() -> None:
    """.6 and .8 make .7 to the last bit or not; the pair that they place is in the band 'good' for sure."""
    found = bands(rated([[0.0, 0.05, 0.6, 0.8]]))

    assert found["good"]["mean_abs_difference"] == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("interval", "band"),
    [((0.95, 0.95), "top"), ((0.72, 0.88), "good"), ((0.6, 0.8), "unknown"), ((0, 1), "unknown"), (None, "unknown")],
)
def test_two_raters_are_banded_by_what_graders_prove(interval: tuple[float, float] | None, band: str) -> None:
    """With nobody else, the graders' interval places them, where it lies within one band; its middle is no evidence."""
    lab = rated([[0.1, 0.3]])
    if interval:
        lab.score("i1/sim/mid/0", "tone", *interval)
        lab.score("i1/sim/mid/0", "other", 0.1)

    assert bands(lab).keys() == {"all", band}


def test_who_cannot_assess_is_placed_by_the_others() -> None:
    """One who cannot say beside .8; all who cannot, by the graders; alone and ungraded, unknown."""
    lab = rated([[0.8, None], [None, None], [None]])
    lab.score("i1/sim/mid/1", "tone", 0.5)

    found = bands(lab)
    assert {band: row["n_cannot_assess"] for band, row in found.items()} == {
        "all": 4,
        "good": 1,
        "mid": 2,
        "unknown": 1,
    }
    assert [row["n_items"] for row in found.values()] == [0, 0, 0, 0]
    assert found["all"]["reason"] == "no rollout has two ratings"


def test_full_agreement_is_alpha_one_and_no_variation_is_undefined() -> None:
    """Equal within, different between: 1. Equal everywhere: null, with a reason, and no spread within."""
    assert bands(rated([[0.2, 0.2], [0.9, 0.9]]))["all"]["krippendorff_alpha"] == 1
    row = bands(rated([[0.3, 0.3, 0.3], [0.3, 0.3]]))["all"]
    assert (row["krippendorff_alpha"], row["within_item_sd"]) == (None, 0)
    assert str(row["reason"]).startswith("all ratings are equal")


def test_seed_examples_are_left_out() -> None:
    """What the author of a seed example expects is no rating; dimensions are kept apart."""
    lab = rated([[0.2, 0.4]])
    lab.place("seeded", "sim/mid")
    lab.warehouse.sql("update instance set split = 'seed' where instance_id = 'seeded'")
    lab.rating(lab.rollout("seeded", "sim/mid", 0), "tone", [0.0, 1.0])
    lab.rating("i1/sim/mid/0", "length", [0.5, 0.5])

    assert {row["dimension"]: row["n_pairs"] for row in lab.view("rater_agreement")} == {"tone": 1, "length": 1}
    assert Lab().view("rater_agreement") == []


def test_bands_do_not_build_agreement_in() -> None:
    """Raters who say 0, .25, .5, .75 or 1 by chance disagree as much in every band: sd .354 (variance 1/8).

    With some 400 pairs a band the standard error is below .015; .06 is four of them.
    """
    rng = Random(7)
    found = bands(rated([[rng.randrange(5) / 4 for _ in range(3)] for _ in range(700)]))

    for band in BANDS[:5]:
        assert found[band]["within_item_sd"] == pytest.approx(0.3536, abs=0.06), band
    assert abs(found["all"]["krippendorff_alpha"]) < 0.1  # type: ignore[arg-type]


def test_asymmetry_is_recovered() -> None:
    """Noise of .02 on good work and .08 on bad: the third rater places the pair, and the spread is found band by band.

    Items at .8 and .2 are far from the edges; 200 each: a standard deviation is known to 4 %, three of these allowed.
    """
    rng = Random(11)

    def around(quality: float, noise: float) -> list[float]:
        return [min(1.0, max(0.0, rng.gauss(quality, noise))) for _ in range(3)]

    found = bands(rated([*(around(0.8, 0.02) for _ in range(200)), *(around(0.2, 0.08) for _ in range(200))]))

    assert found["good"]["within_item_sd"] == pytest.approx(0.02, abs=0.003)
    assert found["low"]["within_item_sd"] == pytest.approx(0.08, abs=0.01)


def test_where_two_rated_the_band_is_the_one_it_was_drawn_from() -> None:
    """What a judge said before anybody rated: nobody else rates these, and code left them open."""
    lab = rated([[0.0, 1.0], [0.5, 0.5], [0.75, 1.0]])
    names = sorted({row["rollout_id"] for row in lab.view("stg_rating")})
    drawn_set(lab, "s", "tone", dict(zip(names, ("top", "low", "all"), strict=True)), {"top": 1, "low": 1, "all": 1})

    found = bands(lab)
    assert {name: row["mean_abs_difference"] for name, row in found.items() if name != "all"} == {
        "top": 1.0, "low": 0.0, "unknown": 0.25,
    }  # fmt: skip
