"""Strata: bands by what was said before, small ones merged by the rule, disagreement from earlier ratings."""

from collections.abc import Sequence
from math import sqrt

import polars as pl
import pytest

from flows.calibration.strata import (
    ASSUMED_SIGMA,
    LEAST_SIGMA,
    MERGE_BELOW,
    Shares,
    Stratum,
    band,
    disagreement,
    stratify,
)
from warehouse.stats.allocation import Method


def rows(*cells: tuple[int, str, float, float]) -> pl.DataFrame:
    """Return so many rollouts of a policy with this interval, for each cell; no judge."""
    return pl.DataFrame(
        [(policy, low, high) for n, policy, low, high in cells for _ in range(n)],
        schema=["policy_id", "low", "high"], orient="row",
    ).with_columns(
        pl.int_range(pl.len()).cast(pl.String).alias("rollout_id"),
        pl.col("low").alias("before_low"), pl.col("high").alias("before_high"),
    )  # fmt: skip


def shares(n: int, method: Method = "proportional", tail_factor: float = 1.0) -> Shares:
    """Share n items, disagreement the same everywhere."""
    sigma = dict.fromkeys(("low", "mid", "good", "top", "unknown"), 0.2)
    return Shares(n, method, frozenset({"top"}), tail_factor, sigma)


def told(strata: Sequence[Stratum]) -> list[tuple[str, str | None, str | None, int]]:
    """Return band, policy, width and size."""
    return [(one.quality_band, one.policy, one.width, one.n_frame) for one in strata]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 0.39, "low"), (0.4, 0.4, "mid"), (0.4, 0.69, "mid"), (0.7, 0.7, "good"), (0.89, 0.89, "good"),
        (0.9, 1.0, "top"), (1.0, 1.0, "top"), (0.39, 0.4, "unknown"), (0.0, 1.0, "unknown"), (0.85, 0.95, "unknown"),
    ],
)  # fmt: skip
def test_both_ends_are_in_the_band(low: float, high: float, expected: str) -> None:
    """An interval that reaches over an edge is in no band."""
    frame = pl.DataFrame({"before_low": [low], "before_high": [high]})

    assert frame.select(band().alias("band"))["band"].to_list() == [expected]


def test_large_cells_are_strata_of_their_own() -> None:
    """20 of 100 each, all of it is large enough: band, policy and width stay apart; open by .25 is narrow."""
    frame = rows((25, "a", 0.1, 0.35), (25, "a", 0.0, 0.3), (25, "b", 0.1, 0.1), (25, "a", 0.95, 0.95))

    placed, strata = stratify(frame, shares(20))

    assert told(strata) == [
        ("low", "a", "narrow", 25), ("low", "a", "wide", 25), ("low", "b", "narrow", 25), ("top", "a", "narrow", 25),
    ]  # fmt: skip
    assert dict(placed.group_by("stratum").len().iter_rows()) == {one.name: one.n_frame for one in strata}
    assert placed.height == frame.height


def test_widths_are_merged_before_policies() -> None:
    """Wide ones of a would get 10 * 10 / 100 = 1 item: with the narrow ones of a they are one stratum, b stays."""
    frame = rows((50, "a", 0.1, 0.1), (10, "a", 0.0, 0.3), (40, "b", 0.1, 0.1))

    _, strata = stratify(frame, shares(10))

    assert told(strata) == [("low", "a", None, 60), ("low", "b", "narrow", 40)]


def test_small_policies_of_a_band_are_merged_and_bands_never() -> None:
    """Of 20 items b and c would get two each and are one stratum; the only one of the top stays, small as it is."""
    frame = rows((50, "a", 0.1, 0.1), (10, "b", 0.1, 0.1), (10, "c", 0.1, 0.1), (30, "d", 0.1, 0.1), (1, "e", 1, 1))

    _, strata = stratify(frame, shares(20))

    assert told(strata) == [
        ("low", "a", "narrow", 50), ("low", "d", "narrow", 30), ("low", None, "narrow", 20), ("top", "e", "narrow", 1),
    ]  # fmt: skip


def test_one_small_policy_joins_the_next_smallest() -> None:
    """There is no second small one: b takes it in."""
    _, strata = stratify(rows((60, "a", 0.1, 0.1), (30, "b", 0.1, 0.1), (10, "c", 0.1, 0.1)), shares(20))

    assert told(strata) == [("low", "a", "narrow", 60), ("low", None, "narrow", 40)]


def test_no_stratum_gets_too_little_where_merging_can_help() -> None:
    """Forty policies in four bands, 60 items: what gets fewer than four is the only stratum of its band."""
    frame = rows(*((3 + at % 5, f"p{at:02}", 0.25 * (at % 4), 0.25 * (at % 4)) for at in range(40)))
    asked = shares(60, "power", 2.0)

    _, strata = stratify(frame, asked)
    given = asked.of({one.name: (one.quality_band, one.n_frame) for one in strata})

    for one in strata:
        alone = sum(other.quality_band == one.quality_band for other in strata) == 1
        assert given[one.name] >= MERGE_BELOW or alone
    assert sum(one.n_frame for one in strata) == frame.height


def test_the_tail_is_drawn_more_often() -> None:
    """Equal sizes, factor 3: 15 of 20 items are of the top."""
    asked = shares(20, "power", 3.0)
    _, strata = stratify(rows((50, "a", 0.5, 0.5), (50, "a", 0.95, 0.95)), asked)

    assert list(asked.of({one.name: (one.quality_band, one.n_frame) for one in strata}).values()) == [5, 15]


def test_disagreement_is_assumed_until_twenty_are_rated() -> None:
    """19 say nothing yet."""
    found = disagreement(rated([0.1] * 19, [0.5] * 19))

    assert (found.source, found.n_rated, set(found.sigma.values())) == ("assumed", 19, {ASSUMED_SIGMA})


def test_disagreement_is_shrunk_towards_all_bands_together() -> None:
    """Low: 10 rollouts apart by +-.1; top: 11 by +-.3; by hand."""
    low, top = [0.1, -0.1] * 5, [0.3, -0.3] * 5 + [0.0]
    found = disagreement(rated([0.2] * 10 + [0.95] * 11, [0.2 + d for d in low] + [0.95 + d for d in top]))

    # Sums of squares .1 and .9 with 9 and 10 degrees of freedom, means 0: pooled 1 / 19; ten more rollouts of it each.
    pooled = 1.0 / 19
    assert found.source == "ratings"
    assert found.sigma["low"] == pytest.approx(sqrt((0.1 + 10 * pooled) / 19))
    assert found.sigma["top"] == pytest.approx(sqrt((0.9 + 10 * pooled) / 20))
    assert found.sigma["mid"] == pytest.approx(sqrt(pooled))


def test_perfect_agreement_is_not_believed() -> None:
    """Then nothing would be drawn at all."""
    assert set(disagreement(rated([0.5] * 30, [0.5] * 30)).sigma.values()) == {LEAST_SIGMA}


def rated(before: list[float], human: list[float]) -> pl.DataFrame:
    """Return rated rollouts."""
    return pl.DataFrame({"before_low": before, "before_high": before, "human": human})
