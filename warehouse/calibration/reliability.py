"""How well people agree: the rows of `rater_reliability` and `rater_pair`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from warehouse.bands import BANDS, UNKNOWN
from warehouse.stats.estimate import Estimate
from warehouse.stats.gwet import ac_of
from warehouse.stats.icc import icc_of
from warehouse.stats.krippendorff import METRICS, alpha_of
from warehouse.stats.ratings import NO_PAIR, NO_VARIATION, IntArray, agreement, counted
from warehouse.stats.spread import sd_ratio, within_sd
from warehouse.stats.values import REWARD_QUANTUM, FloatArray

if TYPE_CHECKING:
    import polars as pl

    from warehouse.store import Warehouse

ACCEPTABLE_FROM = 0.7
"""A rating from here on says that the work is acceptable: the band 'good' begins here."""

BAD_BELOW, FINE_ABOVE = 0.4, 0.6
"""What the asymmetry compares: as far from one end of the scale as from the other; ends press ratings together."""

MOST_LEVELS = 101
"""More distinct ratings than this are no levels, and AC2 has no categories."""

# A rollout weighs what it weighs for judges; a scale is known where every rating was given on it.
RATINGS = """
    select stg_rating.dimension, rollout_id, stg_rating.rater, stg_rating.score, stg_rated.weight, calibration_set.top
    from stg_rating
    join rating using (rollout_id, dimension, rater)
    join stg_rated using (rollout_id, dimension)
    left join calibration_set on calibration_set.set_id = rating.set_id
    order by stg_rating.dimension, rollout_id, stg_rating.rater
"""
PAIRS = """
    select dimension, rollout_id, rater, other, score, other_score, weight, placed_low, placed_high, quality_band
    from stg_rated_pair
    order by dimension, rollout_id, rater, other
"""


@dataclass(frozen=True)
class _Pairs:
    """Pairs of ratings of one dimension, or some of them: one entry each."""

    item: IntArray
    rater: IntArray
    other: IntArray
    one: FloatArray
    two: FloatArray
    weight: FloatArray
    """2 / ratings of the rollout, times what the rollout weighs."""

    def where(self, kept: Any) -> "_Pairs":
        return _Pairs(
            self.item[kept], self.rater[kept], self.other[kept], self.one[kept], self.two[kept], self.weight[kept]
        )

    def by_item(self, each: FloatArray, n_items: int) -> FloatArray:
        """Return the weighted sum over each rollout's pairs."""
        return np.asarray(np.bincount(self.item, each * self.weight, minlength=n_items), dtype=np.float64)


def reliability_rows(warehouse: "Warehouse") -> dict[str, list[dict[str, Any]]]:
    """Return the rows of `rater_reliability` and `rater_pair`: table -> rows; none where nobody rated anything."""
    ratings, pairs = warehouse.sql(RATINGS), warehouse.sql(PAIRS)
    found: dict[str, list[dict[str, Any]]] = {"rater_reliability": [], "rater_pair": []}
    of_dimension = {key[0]: rows for key, rows in pairs.group_by("dimension", maintain_order=True)}
    for (dimension,), rated in ratings.group_by("dimension", maintain_order=True):
        own = of_dimension.get(dimension, pairs.clear())
        raters = rated["rater"].unique().sort()
        found["rater_reliability"] += _of_dimension(str(dimension), rated, own, raters)
        found["rater_pair"] += _of_raters(str(dimension), own, raters)
    return found


def _of_dimension(
    dimension: str, rated: "pl.DataFrame", said: "pl.DataFrame", raters: "pl.Series"
) -> Iterator[dict[str, Any]]:
    import polars as pl

    items = rated["rollout_id"].unique().sort()
    weights, weighting = _weights(rated, items)
    paired = said.filter(pl.col("other").is_not_null())
    item = _numbers(paired["rollout_id"], items)
    pairs = _Pairs(
        item,
        _numbers(paired["rater"], raters),
        _numbers(paired["other"], raters),
        paired["score"].to_numpy(),
        paired["other_score"].to_numpy(),
        paired["weight"].to_numpy() * weights[item],
    )
    unsure = dict(said.filter(pl.col("other").is_null())["quality_band"].value_counts().iter_rows())
    bands = paired["quality_band"].to_numpy()
    n_items = len(items)

    def row(band: str, some: _Pairs, n_cannot_assess: int) -> dict[str, Any]:
        both = np.concatenate([some.item * len(raters) + some.rater, some.item * len(raters) + some.other])
        total = float(some.weight.sum())
        return {
            "dimension": dimension,
            "quality_band": band,
            "weighting": weighting,
            "n_items": len(np.unique(some.item)),
            "n_raters": len(np.unique(both % len(raters))),
            "n_ratings": len(np.unique(both)),
            "n_cannot_assess": n_cannot_assess,
            **_cells("within_item_sd", within_sd(*_squares(some, n_items))),
            "mean_abs_difference": float(some.weight @ np.abs(some.one - some.two)) / total if total else None,
        }

    yield {
        **row("all", pairs, sum(unsure.values())),
        **_agreement(rated, weights, items, raters),
        **_asymmetry(pairs, paired["placed_low"], paired["placed_high"], n_items),
    }
    for band in (*BANDS, UNKNOWN):
        some = pairs.where(bands == band)
        if len(some.item) or band in unsure:
            yield {**row(band, some, unsure.get(band, 0)), **_cells("ac1", _verdicts(some, n_items))}


def _weights(rated: "pl.DataFrame", items: "pl.Series") -> tuple[FloatArray, str]:
    """Return what each rollout weighs, and by what right."""
    import polars as pl

    # In the order of `items`: both are sorted by rollout.
    each = rated.group_by("rollout_id").agg(
        pl.col("weight").first(), (pl.col("score").count() > 0).alias("is_rated")
    ).sort("rollout_id")  # fmt: skip
    known = each["weight"].drop_nulls()
    if each.filter("is_rated")["weight"].null_count() == 0 and len(known):
        return each["weight"].fill_null(1.0).to_numpy(), "design"
    is_enriched = len(known) > 0 and known.max() > known.min() * (1 + REWARD_QUANTUM)  # type: ignore[operator]
    return np.ones(len(items)), "sample, tail-enriched" if is_enriched else "sample"


def _agreement(rated: "pl.DataFrame", weights: FloatArray, items: "pl.Series", raters: "pl.Series") -> dict[str, Any]:
    """Return the coefficients that are for the whole range only."""
    import polars as pl

    given = rated.filter(pl.col("score").is_not_null())
    unit, score = _numbers(given["rollout_id"], items), given["score"].to_numpy()
    counts = counted(unit, score, weights)
    acceptable = counted(unit, (score >= ACCEPTABLE_FROM - REWARD_QUANTUM).astype(np.float64), weights)
    cells: dict[str, Any] = {}
    for metric in METRICS:
        cells |= _cells(f"alpha_{metric}", alpha_of(counts, metric))
    cells |= _cells("ac1", ac_of(acceptable, categories=(0.0, 1.0)))
    categories = _categories(counts.values, given["top"].drop_nulls().to_list(), given["top"].null_count())
    if categories is None:
        text = f"{len(counts.values)} distinct ratings are no levels, which AC2 needs"
        cells |= _cells("ac2", Estimate(None, n=counts.several().n_units, reason=text))
    else:
        cells |= _cells("ac2", ac_of(counts, "quadratic", categories))
    return cells | _cells("icc", icc_of(unit, _numbers(given["rater"], raters), score))


def _categories(values: FloatArray, tops: Sequence[int], n_without: int) -> FloatArray | None:
    """Return the levels of the scale, or those used where the scale is not known; None where there are no levels."""
    if not n_without and len(set(tops)) == 1:
        levels: FloatArray = np.round(np.arange(tops[0] + 1) / tops[0], 9)
        if np.isin(values, levels).all():
            return levels
    return values if len(values) <= MOST_LEVELS else None


def _verdicts(pairs: _Pairs, n_items: int) -> Estimate:
    """Return AC1 of "acceptable" among pairs: agreement against 2 p (1 - p), p the share that is acceptable."""
    one, two = (x >= ACCEPTABLE_FROM - REWARD_QUANTUM for x in (pairs.one, pairs.two))
    size = pairs.by_item(np.ones(len(pairs.item)), n_items)
    kept = size > 0
    n = int(kept.sum())
    if not n:
        return Estimate(None, reason=NO_PAIR)
    differ = pairs.by_item((one != two).astype(np.float64), n_items)[kept]
    yes = pairs.by_item((one.astype(np.float64) + two) / 2, n_items)[kept]
    size = size[kept]
    total = float(size.sum())
    share = float(yes.sum()) / total
    if not REWARD_QUANTUM < share < 1 - REWARD_QUANTUM:
        return Estimate(None, n=n, reason=NO_VARIATION)
    left = np.maximum(total - size, REWARD_QUANTUM)
    p = (yes.sum() - yes) / left
    return agreement(
        float(differ.sum()) / total,
        1 - 2 * share * (1 - share),
        (differ.sum() - differ) / left,
        1 - 2 * p * (1 - p),
        n,
        0.95,
    )


def _squares(pairs: _Pairs, n_items: int) -> tuple[FloatArray, FloatArray]:
    """Return, for each rollout, squares and degrees of freedom of its pairs; all n of a rollout make n - 1."""
    return pairs.by_item((pairs.one - pairs.two) ** 2 / 2, n_items), pairs.by_item(np.ones(len(pairs.item)), n_items)


def _asymmetry(pairs: _Pairs, low: "pl.Series", high: "pl.Series", n_items: int) -> dict[str, Any]:
    """Return how much more people disagree on bad work than on good."""
    bad = (high < BAD_BELOW).fill_null(value=False).to_numpy()
    fine = (low > FINE_ABOVE).fill_null(value=False).to_numpy()
    found = sd_ratio(*_squares(pairs.where(bad), n_items), *_squares(pairs.where(fine), n_items))
    return {
        "asymmetry": found.value,
        "asymmetry_low": found.low,
        "asymmetry_high": found.high,
        "asymmetry_p": found.p,
        "asymmetry_reason": found.reason and f"bad and good work: {found.reason}",
    }


def _of_raters(dimension: str, said: "pl.DataFrame", raters: "pl.Series") -> Iterator[dict[str, Any]]:
    """Yield a row for every two raters who rated one rollout."""
    import polars as pl

    paired = said.filter(pl.col("other").is_not_null()).sort("rater", "other", maintain_order=True)
    if paired.is_empty():
        return
    one, two = paired["score"].to_numpy(), paired["other_score"].to_numpy()
    both = _numbers(paired["rater"], raters) * len(raters) + _numbers(paired["other"], raters)
    starts = np.flatnonzero(np.diff(both, prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(both)], strict=True):
        a, b = one[start:end], two[start:end]
        kappa = _quadratic_kappa(a, b)
        yield {
            "dimension": dimension,
            "rater": raters[int(both[start]) // len(raters)],
            "other": raters[int(both[start]) % len(raters)],
            "n_items": len(a),
            "mean_difference": float(np.mean(a - b)),
            "mean_abs_difference": float(np.mean(np.abs(a - b))),
            "weighted_kappa": kappa.value,
            "weighted_kappa_low": kappa.low,
            "weighted_kappa_high": kappa.high,
            "reason": kappa.reason,
        }


def _quadratic_kappa(one: FloatArray, two: FloatArray) -> Estimate:
    """Return quadratic kappa from sums: the mean square of a - b over that of any a - any b."""
    n = len(one)
    middle = (one.mean() + two.mean()) / 2
    a, b = one - middle, two - middle
    apart = (a - b) ** 2

    def by_chance(size: Any, sum_a: Any, sum_b: Any, squares: Any) -> Any:
        return np.maximum(0.0, squares / size - 2 * sum_a * sum_b / size**2)

    squares = a**2 + b**2
    left = max(n - 1, 1)
    return agreement(
        float(apart.mean()),
        float(by_chance(n, a.sum(), b.sum(), squares.sum())),
        np.maximum(0.0, apart.sum() - apart) / left,
        by_chance(left, a.sum() - a, b.sum() - b, squares.sum() - squares),
        n,
        0.95,
    )


def _numbers(names: "pl.Series", known: "pl.Series") -> IntArray:
    """Return the place of each name among the known ones, which are sorted."""
    return known.search_sorted(names).to_numpy().astype(np.intp)


def _cells(name: str, found: Estimate) -> dict[str, Any]:
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high, f"{name}_reason": found.reason}
