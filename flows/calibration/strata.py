"""Strata: rollouts that are alike before anybody rates them, by score band, policy and what code left open.

The family is the same within a set. A stratum that would be given fewer than four items is merged: first what is open
and what is not of one policy, then policies within a band, the smallest first; never two bands. With four there are
two left, of which a variance can be had, where raters cannot assess the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import polars as pl

from warehouse.bands import BAND_EDGES, BANDS, UNKNOWN
from warehouse.stats.allocation import Method, allocate

BAND_ORDER = (*BANDS, UNKNOWN)
WIDE_FROM = 0.25
"""Code left more than one level of five open: wide (a judgement)."""
MERGE_BELOW = 4
"""Items below which a stratum is merged."""
ASSUMED_SIGMA = 0.2
"""Standard deviation of human - judge where nobody has rated yet: the middle of .1 to .3 (a judgement)."""
LEAST_SIGMA = 0.05
"""No band is taken to be without any disagreement."""
LEAST_RATED = 20
"""Rated rollouts from which on disagreement is known."""
PRIOR_RATED = 10
"""Rollouts that the overall disagreement counts for in the estimate of a band."""
SEVERAL = "*"
"""Stands in the name of a stratum for several policies or widths."""
KEY = ["quality_band", "policy", "width"]


@dataclass(frozen=True)
class Disagreement:
    """How far people and the judge (or code) are apart in each band."""

    sigma: Mapping[str, float]
    """Band -> standard deviation, 0..1."""
    source: str
    """ratings or assumed."""
    n_rated: int


@dataclass(frozen=True)
class Stratum:
    """One stratum of a frame."""

    name: str
    policy: str | None
    """None: several."""
    quality_band: str
    width: str | None
    """None: both."""
    n_frame: int


@dataclass(frozen=True)
class Shares:
    """How a sample is shared among strata."""

    n: int
    method: Method
    tail: frozenset[str]
    """Bands of the high-quality tail."""
    tail_factor: float
    sigma: Mapping[str, float]
    """Band -> standard deviation."""

    def of(self, strata: Mapping[str, tuple[str, int]]) -> dict[str, int]:
        """Return stratum -> items, for stratum -> (band, rollouts)."""
        return allocate(
            {name: size for name, (_, size) in strata.items()},
            {name: self.sigma[band] for name, (band, _) in strata.items()},
            self.n,
            self.method,
            tail=[name for name, (band, _) in strata.items() if band in self.tail],
            tail_factor=self.tail_factor,
        )


def band(low: str = "before_low", high: str = "before_high") -> pl.Expr:
    """Return the band that both ends of an interval are in; unknown where they are in two."""
    found: pl.Expr = pl.lit(UNKNOWN)
    edges = [*BAND_EDGES.values(), float("inf")]
    for at, name in enumerate(BAND_EDGES):
        inside = (pl.col(low) >= edges[at]) & (pl.col(high) < edges[at + 1])
        found = pl.when(inside).then(pl.lit(name)).otherwise(found)
    return found


def disagreement(rated: pl.DataFrame) -> Disagreement:
    """Estimate sigma by band from earlier ratings.

    A band's variance is shrunk towards that of all bands pooled, as if that rested on ten more rollouts.

    Args:
        rated: before_low, before_high, human, all 0..1; one row a rollout.
    """
    apart = rated.select(
        band().alias("band"),
        (pl.col("human") - (pl.col("before_low") + pl.col("before_high")) / 2).alias("apart"),
    )
    if apart.height < LEAST_RATED:
        return Disagreement(dict.fromkeys(BAND_ORDER, ASSUMED_SIGMA), "assumed", apart.height)
    by_band = {
        str(name): (n, variance or 0.0)
        for name, n, variance in apart.group_by("band").agg(pl.len(), pl.col("apart").var().alias("v")).iter_rows()
    }
    freedom = sum(n - 1 for n, _ in by_band.values())
    pooled = sum((n - 1) * variance for n, variance in by_band.values()) / freedom
    sigma = {}
    for name in BAND_ORDER:
        n, variance = by_band.get(name, (1, 0.0))
        shrunk = ((n - 1) * variance + PRIOR_RATED * pooled) / (n - 1 + PRIOR_RATED)
        sigma[name] = min(1.0, max(LEAST_SIGMA, sqrt(shrunk)))
    return Disagreement(sigma, "ratings", apart.height)


def stratify(rows: pl.DataFrame, shares: Shares) -> tuple[pl.DataFrame, list[Stratum]]:
    """Put every rollout of a frame into a stratum.

    Args:
        rows: rollout_id, policy_id, low, high, before_low, before_high.
        shares: how the sample will be shared; what gets too little of it is merged.

    Returns:
        The rows with a column `stratum`, and the strata from the lowest band to the highest, then by name.
    """
    is_wide = (pl.col("high") - pl.col("low")).round(9) > WIDE_FROM
    placed = rows.with_columns(
        band().alias("quality_band"),
        pl.col("policy_id").alias("policy"),
        pl.when(is_wide).then(pl.lit("wide")).otherwise(pl.lit("narrow")).alias("width"),
    )
    cells = placed.group_by(KEY).agg(pl.len().alias("n")).sort(KEY)
    cells = _widths_merged(cells, shares)
    cells = _policies_merged(cells, shares)
    strata = [
        Stratum(
            name=str(name),
            policy=members["policy"][0] if members["policy"].n_unique() == 1 else None,
            quality_band=members["quality_band"][0],
            width=members["width"][0] if members["width"].n_unique() == 1 else None,
            n_frame=int(members["n"].sum()),
        )
        for (name,), members in cells.group_by("stratum", maintain_order=True)
    ]
    strata.sort(key=lambda stratum: (BAND_ORDER.index(stratum.quality_band), stratum.policy is None, stratum.name))
    return placed.join(cells.select(*KEY, "stratum"), on=KEY, how="left").drop("policy"), strata


def _shared(cells: pl.DataFrame, shares: Shares) -> dict[str, int]:
    sizes = cells.group_by("stratum", maintain_order=True).agg(pl.col("quality_band").first(), pl.col("n").sum())
    return shares.of({name: (quality_band, n) for name, quality_band, n in sizes.iter_rows()})


def _widths_merged(cells: pl.DataFrame, shares: Shares) -> pl.DataFrame:
    """Merge the two widths of a policy in a band where one of them is given too little."""
    cells = cells.with_columns(pl.concat_str(KEY, separator="|").alias("stratum"))
    given = _shared(cells, shares)
    is_small = pl.col("stratum").replace_strict(given, return_dtype=pl.Int64) < MERGE_BELOW
    place = ["quality_band", "policy"]
    both = is_small.any().over(place) & (pl.len().over(place) > 1)
    merged = pl.concat_str(["quality_band", "policy", pl.lit(SEVERAL)], separator="|")
    return cells.with_columns(pl.when(both).then(merged).otherwise("stratum").alias("stratum"))


def _policies_merged(cells: pl.DataFrame, shares: Shares) -> pl.DataFrame:
    """Merge policies of a band where one is given too little; the next smallest joins until it is enough."""
    while True:
        given = _shared(cells, shares)
        sizes = cells.group_by("quality_band", "stratum").agg(pl.col("n").sum()).sort("quality_band", "n", "stratum")
        chosen: dict[str, str] = {}
        for (quality_band,), members in sizes.group_by("quality_band", maintain_order=True):
            names = members["stratum"].to_list()
            small = [name for name in names if given[name] < MERGE_BELOW]
            if not small or len(names) == 1:
                continue
            joined = small if len(small) > 1 else [small[0], next(name for name in names if name != small[0])]
            chosen |= dict.fromkeys(joined, f"{quality_band}|{SEVERAL}|{SEVERAL}")
        if not chosen:
            return cells
        # A merged stratum that is still too small is merged again, under the name it has.
        cells = cells.with_columns(pl.col("stratum").replace(chosen))
