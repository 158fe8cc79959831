"""Means and shares of a frame from a stratified sample of it: weights, finite populations, clusters, domains.

All estimators are one: a weighted sum of residuals, whose variance is found within strata, between clusters. For
statistics of items (judge - human, its size, whether both agree) give their values; a weighted mean is a weighted mean.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from warehouse.stats.estimate import Estimate
from warehouse.stats.interval import MIN_CLUSTERS, checked_confidence
from warehouse.stats.values import FloatArray, Numbers, finite, same_length

Labels: TypeAlias = Sequence[Hashable] | npt.NDArray[Any]
IntArray: TypeAlias = npt.NDArray[np.int64]

MIN_DOMAIN = 20
"""Below this many units a part of the frame is given no mean: STATISTICS, estimators of a calibration set."""

MAX_UNSEEN = 0.05
"""Largest share of the frame that may lie in strata without any value; they are then taken to be like a neighbour."""

ZERO = 1e-15
"""A variance below this is rounding."""


@dataclass(frozen=True)
class StratumSample:
    """What is known of one stratum: how many units it has, and the values of a simple random sample of them."""

    n_frame: int
    """Units of the frame, 1 and up."""
    values: FloatArray
    """Of the units drawn that have a value, at most n_frame; who did not answer is taken to be like these."""
    clusters: Labels | None = None
    """What each value belongs to (instance), same length; None: every unit by itself."""


@dataclass(frozen=True)
class Rows:
    """A sample made ready: what each row counts, and where it belongs."""

    share: FloatArray
    """Weight of each row, adding up to 1."""
    stratum: IntArray
    """Number of its stratum, 0 and up, in the order in which strata are neighbours."""
    cluster: IntArray
    """Number of its cluster; the same cluster in two strata has two numbers."""
    open: FloatArray
    """For each stratum 1 - n_h / N_h, the share that was not seen; 1 where the size is not known."""
    reason: str | None = None
    """Why no interval may be claimed."""

    @property
    def is_census(self) -> bool:
        """Whether every unit of the frame was seen, so that nothing is uncertain."""
        return bool((self.open[self.stratum] <= ZERO).all()) and self.reason is None


@dataclass(frozen=True)
class Spread:
    """How far an estimate may be off."""

    variance: float
    freedom: float
    """Degrees of freedom of the variance (Satterthwaite)."""
    reason: str | None
    """Why the variance cannot be had; None where it can."""


def effective_n(weights: Numbers) -> float:
    """Return how many equally weighted units would say as much: (sum w)^2 / sum w^2, 1..n.

    Source: L. Kish (1965), Survey sampling, section 11.7; it holds for values that have nothing to do with the weights.

    Raises:
        ValueError: no weights, or one that is not above 0.
    """
    checked = _weights(weights, None)
    return float(checked.sum() ** 2 / (checked**2).sum())


def stratified_mean(
    strata: Sequence[StratumSample], confidence: float = 0.95, *, limits: tuple[float, float] | None = None
) -> Estimate:
    """Return the mean of a frame from samples of its strata, with a t interval.

    sum W_h mean_h, variance sum W_h^2 (1 - n_h / N_h) s_h^2 / n_h. Source: W. G. Cochran (1977), Sampling techniques,
    sections 5.3 to 5.5; degrees of freedom by Satterthwaite (1946), section 5.4 there. Where a stratum has several
    units of one cluster, s_h^2 is found between clusters. Whoever was drawn and has no value is left out before: n_h is
    what is there.

    A stratum with a single cluster borrows the scatter of it and its neighbour together (the stratum before it, else
    the one after it), which is too much rather than too little where means differ. A stratum without any value counts
    as more of its neighbour, up to 5 % of the frame; beyond it there is a mean but no interval.

    Args:
        strata: neighbours beside each other, such as bands from low to top within a policy.
        confidence: 0..1, exclusive.
        limits: what values can be; the ends are cut there.

    Returns:
        The mean in the unit of the values, n the values behind it. Both ends are the mean where the whole frame was
        seen. No interval below 10 clusters, or where nothing varies; no mean without any value.

    Raises:
        ValueError: a value that is no number, or more values than the frame has units.
    """
    values = [finite(stratum.values, f"values of stratum {at}", at_least=0) for at, stratum in enumerate(strata)]
    for at, stratum in enumerate(strata):
        if stratum.clusters is not None:
            same_length(values=values[at], clusters=stratum.clusters)
    labels = [at for at, of in enumerate(values) for _ in of]
    clusters = [
        cluster
        for at, stratum in enumerate(strata)
        for cluster in ([(at, i) for i in range(len(values[at]))] if stratum.clusters is None else stratum.clusters)
    ]
    together = np.concatenate([np.empty(0), *values])
    sizes = {at: stratum.n_frame for at, stratum in enumerate(strata)}
    return weighted_mean(
        together, None, strata=labels, sizes=sizes, clusters=clusters, confidence=confidence, limits=limits
    )


def weighted_mean(
    values: Numbers,
    weights: Numbers | None = None,
    *,
    strata: Labels | None = None,
    sizes: Mapping[Any, int] | None = None,
    clusters: Labels | None = None,
    confidence: float = 0.95,
    limits: tuple[float, float] | None = None,
) -> Estimate:
    """Return a weighted mean with a t interval that knows strata, finite populations and clusters.

    sum w y / sum w (J. Hajek 1971), variance by linearisation: with e_i = w_i (y_i - mean) / sum w, less its share of
    the mean of its stratum, sum over strata of (1 - n_h / N_h) m_h / (m_h - 1) sum over clusters of (sum of e)^2, m_h
    clusters. Source: K. M. Wolter (2007), Introduction to variance estimation, chapter 6. With weights 1 / probability
    and sizes it is `stratified_mean`; of single strata and of strata without any value the same is said there.

    Args:
        values: in any unit.
        weights: 1 / probability of each row, above 0; None: all alike.
        strata: the stratum of each row; None: one.
        sizes: units of the frame in each stratum, neighbours beside each other; weights are scaled within a stratum to
            add up to it, which adjusts for whoever did not answer. None: the weights stand as they are, and there is no
            correction for a finite population, as is right for a claim about units yet to come.
        clusters: what rows belong to (instance); None: every row by itself.
        confidence: 0..1, exclusive.
        limits: what values can be; the ends are cut there.

    Returns:
        As `stratified_mean`.

    Raises:
        ValueError: a value or weight that is no number, columns of different length, or more rows than the frame has.
    """
    array = finite(values, "values", at_least=0)
    if not len(array):
        return Estimate(None, reason="Nothing has a value.")
    rows = prepared(len(array), weights, strata, sizes, clusters)
    mean = float(rows.share @ array)
    return t_estimate(mean, rows, spread(rows, array - mean), confidence, n=len(array), limits=limits)


def domain_mean(
    values: Numbers,
    weights: Numbers | None,
    strata: Labels | None,
    sizes: Mapping[Any, int] | None,
    domain: Sequence[bool] | npt.NDArray[np.bool_],
    *,
    clusters: Labels | None = None,
    confidence: float = 0.95,
    limits: tuple[float, float] | None = None,
    min_n: int = MIN_DOMAIN,
) -> Estimate:
    """Return the mean of a part of the frame (a policy, a family) that is not a stratum of its own.

    sum w d y / sum w d with d 1 inside and 0 outside: how many of a stratum's sample fall in the part is chance, so the
    variance is that of the ratio, linearised over all rows. Source: Cochran (1977), section 5A.14; Wolter (2007).
    Degrees of freedom count the clusters of the part alone, as few of them say little however many lie outside.

    Args:
        values: of all rows of the sample; outside the part any number, such as 0.
        weights: as `weighted_mean`.
        strata: as `weighted_mean`.
        sizes: as `weighted_mean`, of whole strata.
        domain: whether each row is in the part.
        clusters: as `weighted_mean`.
        confidence: 0..1, exclusive.
        limits: what values can be; the ends are cut there.
        min_n: fewest rows of the part; below it nothing is said.

    Raises:
        ValueError: as `weighted_mean`.
    """
    array = finite(values, "values", at_least=0)
    inside = np.asarray(domain, dtype=bool)
    same_length(values=array, domain=inside)
    n = int(inside.sum())
    if n < max(1, min_n):
        return Estimate(None, n=n, reason=f"{n} have a value in this part; {max(1, min_n)} are needed.")
    rows = prepared(len(array), weights, strata, sizes, clusters)
    share = float(rows.share[inside].sum())
    mean = float(rows.share[inside] @ array[inside]) / share
    residual = np.where(inside, array - mean, 0.0) / share
    return t_estimate(mean, rows, spread(rows, residual, inside), confidence, n=n, limits=limits)


def weighted_share(
    hits: Sequence[bool] | npt.NDArray[np.bool_],
    weights: Numbers | None = None,
    *,
    strata: Labels | None = None,
    sizes: Mapping[Any, int] | None = None,
    clusters: Labels | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Return a weighted share with an interval that holds near 0 and 1 and in small samples.

    Wilson's score interval (1927) at the number of independent, equally weighted units that would say as much:
    n_eff = p (1 - p) / v, times (t(n - 1) / t(f))^2 for the degrees of freedom f of v. Source of the latter: E. L. Korn
    and B. I. Graubard (1998), Confidence intervals for proportions with small expected number of positive counts,
    Survey Methodology 24. In v a stratum's own share is drawn to the share of all as if two units more had been seen:
    a stratum of ten hits out of ten is not known to be without misses. With equal weights and no strata n_eff is n and
    the interval is `wilson` to the last digit.

    Args:
        hits: whether each row counts.
        weights: as `weighted_mean`.
        strata: as `weighted_mean`.
        sizes: as `weighted_mean`. For a decision about outputs yet to come give None, also where the frame is known.
        clusters: as `weighted_mean`; where they make v larger, n_eff falls by as much, and where all rows are hits or
            none is, n_eff is at most the number of clusters. None: every row by itself.
        confidence: 0..1, exclusive.

    Returns:
        The share, 0..1; n the rows. Both ends are the share where the whole frame was seen.

    Raises:
        ValueError: as `weighted_mean`.
    """
    array = np.asarray(hits, dtype=bool).astype(np.float64)
    checked_confidence(confidence)
    n = len(array)
    if not n:
        return Estimate(None, reason="Nothing has a value.")
    rows = prepared(n, weights, strata, sizes, clusters)
    # By cases: rounding must not make a share of all, or none, look as if it varied, or leave 0..1.
    share = float(array[0]) if (array == array[0]).all() else min(1.0, max(0.0, float(rows.share @ array)))
    if rows.is_census:
        return Estimate(share, share, share, n)
    if rows.reason:
        return Estimate(share, n=n, reason=rows.reason)
    alike = _effective(rows, array, share, confidence)
    low, high = _wilson(share, alike, confidence)
    return Estimate(share, low, high, n)


def prepared(
    n: int,
    weights: Numbers | None,
    strata: Labels | None,
    sizes: Mapping[Any, int] | None,
    clusters: Labels | None,
) -> Rows:
    """Return n rows made ready: weights scaled to the sizes of the strata, strata and clusters numbered.

    Raises:
        ValueError: columns of different length, a weight that is not above 0, a stratum without a size, or more rows
            than its frame has.
    """
    weight = _weights(weights, n)
    labels: Labels = np.zeros(n, dtype=np.int64) if strata is None else strata
    if sizes is not None and strata is None:
        if len(sizes) != 1:
            raise ValueError("sizes of several strata, but no stratum of the rows; give both")
        labels = [next(iter(sizes))] * n
    same_length(weights=weight, strata=labels)
    order = sorted(set(_plain(labels)), key=str) if sizes is None else list(sizes)
    stratum = _numbered(labels, order)
    n_strata = len(order)
    counted = np.bincount(stratum, minlength=n_strata)
    opened, reason = np.ones(n_strata), None
    if sizes is not None:
        size = np.array([sizes[label] for label in order], dtype=np.float64)
        _check_sizes(order, size, counted)
        size, reason = _without_unseen(size, counted)
        total = np.bincount(stratum, weight, n_strata)
        weight = weight * (size / np.where(total > 0, total, 1.0))[stratum]
        opened = 1 - counted / np.where(size > 0, size, 1.0)
    if clusters is None:
        cluster = np.arange(n)
    else:
        same_length(rows=stratum, clusters=clusters)
        plain = _plain(clusters)
        cluster = _numbered(plain, list(dict.fromkeys(plain)))
        _, cluster = np.unique(stratum * (int(cluster.max(initial=0)) + 1) + cluster, return_inverse=True)
    return Rows(weight / weight.sum(), stratum, cluster.astype(np.int64), opened, reason)


def spread(rows: Rows, residual: FloatArray, inside: npt.NDArray[np.bool_] | None = None) -> Spread:
    """Return the variance of the sum of share * residual over random samples within strata.

    Args:
        rows: the sample.
        residual: of each row; what `Rows.share` multiplies, such as value - mean.
        inside: which rows count for the degrees of freedom; None: all.
    """
    n_strata = len(rows.open)
    per_cluster = np.bincount(rows.stratum[_first_of(rows.cluster)], minlength=n_strata)
    telling = per_cluster if inside is None else _clusters_inside(rows, inside, n_strata)
    mass = np.bincount(rows.stratum, rows.share, n_strata)
    mean = np.bincount(rows.stratum, rows.share * residual, n_strata) / np.where(mass > 0, mass, 1.0)
    centred = rows.share * (residual - mean[rows.stratum])
    sums = np.bincount(rows.cluster, centred)
    squares = np.bincount(rows.stratum[_first_of(rows.cluster)], sums**2, n_strata)
    parts = rows.open * squares * per_cluster / np.maximum(per_cluster - 1, 1)
    freedom = np.maximum(telling - 1, 1).astype(np.float64)
    for at in np.flatnonzero((per_cluster == 1) & (rows.open > ZERO)):
        beside = _neighbour(int(at), per_cluster)
        if beside is None:
            return Spread(0.0, 0.0, "A single unit has a value: its scatter is not known.")
        both = (rows.stratum == at) | (rows.stratum == beside)
        parts[at] = rows.open[at] * mass[at] ** 2 * float(np.var(residual[both], ddof=1))
        freedom[at] = max(1, int(per_cluster[at] + per_cluster[beside]) - 1)
    variance = float(parts.sum())
    below = float((parts**2 / freedom).sum())
    return Spread(variance, variance**2 / below if below > 0 else float(freedom.sum()), None)


def t_estimate(
    value: float,
    rows: Rows,
    found: Spread,
    confidence: float,
    *,
    n: int,
    limits: tuple[float, float] | None = None,
) -> Estimate:
    """Return value +- t quantile * standard error, or the value with the reason why there is no interval."""
    checked_confidence(confidence)
    if rows.is_census:
        return Estimate(value, value, value, n)
    n_clusters = int(rows.cluster.max()) + 1
    reason = rows.reason or found.reason
    if reason is None and n_clusters < MIN_CLUSTERS:
        reason = f"{n_clusters} independent units; an interval needs {MIN_CLUSTERS}."
    if reason is None and found.variance <= ZERO**2:
        reason = "No variation: an interval would have no width."
    if reason:
        return Estimate(value, n=n, reason=reason)
    half = t_quantile(found.freedom, confidence) * sqrt(found.variance)
    least, most = limits or (-np.inf, np.inf)
    return Estimate(value, max(least, value - half), min(most, value + half), n)


def t_quantile(freedom: float, confidence: float) -> float:
    """Return how many standard errors the ends are away, two-sided."""
    from scipy.special import stdtrit

    return float(stdtrit(max(freedom, 1.0), (1 + confidence) / 2))


def _effective(rows: Rows, hits: FloatArray, share: float, confidence: float) -> float:
    """Return the number of equal independent units that say as much."""
    n, n_strata = len(hits), len(rows.open)
    counted = np.bincount(rows.stratum, minlength=n_strata).astype(np.float64)
    own = np.bincount(rows.stratum, hits, n_strata)
    drawn = (own + 2 * share) / (counted + 2)
    # Without variation (all hits, or none) every stratum has the same variance, whatever it is.
    per_unit = drawn * (1 - drawn) / (share * (1 - share)) if 0 < share < 1 else np.ones(n_strata)
    squared = np.bincount(rows.stratum, rows.share**2, n_strata)
    unseen = rows.open if (rows.open < 1).any() else np.ones(n_strata)
    parts = per_unit * squared * unseen
    alike = min(1 / float(parts.sum()), n / max(float(np.average(unseen, weights=counted)), ZERO))
    n_clusters = int(rows.cluster.max()) + 1
    freedom = float(parts.sum() ** 2 / (parts**2 / np.maximum(counted - 1, 1)).sum())
    if n_clusters < n:
        if 0 < share < 1:
            residual = hits - share
            apart = spread(Rows(rows.share, rows.stratum, np.arange(n), rows.open), residual).variance
            together = spread(rows, residual).variance
            alike /= max(1.0, together / apart) if apart > 0 else 1.0
        else:
            alike = min(alike, n_clusters)
        freedom = min(freedom, max(1, n_clusters - 1))
    if n > 1 and freedom < n - 1:
        alike *= (t_quantile(n - 1, confidence) / t_quantile(freedom, confidence)) ** 2
    return alike


def _wilson(share: float, n: float, confidence: float) -> tuple[float, float]:
    """Return Wilson's interval of a share among n units, n any number above 0."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def _weights(weights: Numbers | None, n: int | None) -> FloatArray:
    if weights is None:
        return np.ones(n or 0)
    checked = finite(weights, "weights")
    if n is not None and len(checked) != n:
        raise ValueError(f"columns of different length: weights {len(checked)}, values {n}; give one of each per row")
    if not (checked > 0).all():
        raise ValueError("a weight is not above 0; leave out rows that count for nothing, such as supplements")
    return checked


def _plain(labels: Labels) -> Sequence[Any]:
    return labels.tolist() if isinstance(labels, np.ndarray) else labels


def _numbered(labels: Labels, order: Sequence[Any]) -> IntArray:
    numbers = {label: at for at, label in enumerate(order)}
    try:
        return np.fromiter((numbers[label] for label in _plain(labels)), dtype=np.int64, count=len(labels))
    except KeyError as missing:
        raise ValueError(f"no size is given for stratum {missing.args[0]!r}") from None


def _check_sizes(order: Sequence[Any], size: FloatArray, counted: npt.NDArray[np.intp]) -> None:
    wrong = np.flatnonzero(counted > size)
    if wrong.size:
        at = wrong[0]
        raise ValueError(f"stratum {order[at]!r} has {counted[at]} values, but {size[at]:g} units in its frame")


def _without_unseen(size: FloatArray, counted: npt.NDArray[np.intp]) -> tuple[FloatArray, str | None]:
    """Return sizes in which strata without a value are part of a neighbour, and why no interval can be claimed."""
    unseen = np.flatnonzero((counted == 0) & (size > 0))
    if not unseen.size:
        return size, None
    merged = size.copy()
    for at in unseen:
        beside = _neighbour(int(at), counted)
        if beside is not None:
            merged[beside] += merged[at]
        merged[at] = 0
    share = float(size[unseen].sum() / size.sum())
    if share <= MAX_UNSEEN:
        return merged, None
    return merged, f"Strata without any value make up {share:.0%} of the frame; they were taken to be like a neighbour."


def _neighbour(at: int, counted: npt.NDArray[np.intp]) -> int | None:
    """Return the nearest stratum with a value before this one, else after it."""
    before = np.flatnonzero(counted[:at] > 0)
    if before.size:
        return int(before[-1])
    after = np.flatnonzero(counted[at + 1 :] > 0)
    return at + 1 + int(after[0]) if after.size else None


def _first_of(numbers: IntArray) -> npt.NDArray[np.intp]:
    """Return where each number, 0 and up without gaps, is first met."""
    return np.unique(numbers, return_index=True)[1]


def _clusters_inside(rows: Rows, inside: npt.NDArray[np.bool_], n_strata: int) -> npt.NDArray[np.intp]:
    """Return how many clusters of each stratum have a row that counts."""
    touched = np.unique(rows.cluster[inside])
    return np.bincount(rows.stratum[_first_of(rows.cluster)][touched], minlength=n_strata)
