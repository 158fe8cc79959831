"""Which knobs of a family make its instances hard."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

from warehouse.stats.interval import checked_confidence
from warehouse.stats.logit import fractional_logit
from warehouse.stats.multiple import holm
from warehouse.stats.values import (
    REWARD_QUANTUM,
    ROUNDING,
    FloatArray,
    Numbers,
    finite,
    is_constant,
    same_length,
    shares,
)

INSTANCES_PER_KNOB = 10
"""Fewer leave a slope, and the clustered error of it, to chance; the usual rule of ten events per variable."""

UNEXPLAINED = 1e-6
"""A knob of which other columns leave less than this share of its spread open follows from them."""

STEEPEST = 15.0
"""Log odds for one standard deviation beyond which the fit has run off: some setting decides the reward by itself."""


@dataclass(frozen=True, slots=True)
class KnobEffect:
    """What one knob does to the reward, the other knobs and the policy held fixed."""

    knob: str
    """Name of the knob."""
    n_instances: int
    """Instances behind it."""
    per_sd: float | None = None
    """Change of the log odds of the reward for one standard deviation of the knob; below 0: harder."""
    per_unit: float | None = None
    """The same for one unit of the knob."""
    se: float | None = None
    """Standard error of `per_sd`, clustered by instance."""
    ci_low: float | None = None
    """Lower end for `per_sd`, not corrected for the number of knobs."""
    ci_high: float | None = None
    """Upper end for `per_sd`."""
    p: float | None = None
    """Two-sided p value of no effect, before correction."""
    p_holm: float | None = None
    """The same after Holm's correction over the knobs estimated."""
    reason: str | None = None
    """Why it was not estimated; None where it was."""


@dataclass(frozen=True, slots=True)
class KnobEffects:
    """What the knobs of a family do."""

    effects: tuple[KnobEffect, ...]
    """One per knob, in the order given."""
    n_rows: int
    """Rows that went into the model."""
    left_out_policies: tuple[str, ...]
    """Policies that always earned 0 or always 1: nothing of theirs depends on a knob."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows that say something, column by column."""

    rewards: FloatArray
    clusters: npt.NDArray[np.intp]
    intercepts: FloatArray
    knobs: Mapping[str, FloatArray]

    @property
    def n_instances(self) -> int:
        return len(np.unique(self.clusters))


def knob_effects(
    rewards: Numbers,
    instances: Sequence[Hashable],
    policies: Sequence[str],
    knobs: Mapping[str, Numbers],
    confidence: float = 0.95,
) -> KnobEffects:
    """Return what each knob of a family does to the reward.

    Fractional logit: logit E[r] = policy + sum over knobs of beta_k * (x_k - mean_k) / sd_k, fitted as a binomial
    model, which needs only the mean to be right, not the distribution; standard errors clustered by instance, t with
    instances - 1 degrees of freedom, p values corrected by Holm. Mean and standard deviation of a knob are over
    instances. Sources: Papke and Wooldridge (1996), Econometric methods for fractional response variables; Fischer
    (1973) for explaining difficulty by features. Without clustering the errors were 2.5 times too small in a
    simulation; what instances differ by beyond their knobs is averaged over, which draws slopes towards 0 a little.
    Assumes effects linear in the log odds, and that no unnamed cause goes with a knob.

    Args:
        rewards: 0..1, one per rollout, or the mean of an instance and policy.
        instances: instance of each row.
        policies: policy of each row; each gets an intercept.
        knobs: name -> setting in each row, numbers; the same in all rows of an instance.
        confidence: of the intervals, 0..1, exclusive.

    Returns:
        One effect per knob; with a reason instead of numbers for a knob that never changes, one that follows from the
        policies and the knobs before it, and for all where there are fewer than 10 instances for each knob left, no
        reward varies, or the fit does not settle.

    Raises:
        ValueError: columns of different length, rewards outside 0..1, a knob that is no number or differs within one
            instance.
    """
    checked_confidence(confidence)
    outcome = shares(rewards, "rewards")
    settings = {name: finite(column, f"knob {name}") for name, column in knobs.items()}
    same_length(rewards=outcome, instances=instances, policies=policies, **settings)
    clusters = _numbered(instances)
    _check_one_setting(settings, clusters, instances)

    left_out = _stuck(outcome, policies)
    kept = np.array([policy not in left_out for policy in policies])
    rows = _Rows(
        rewards=outcome[kept],
        clusters=clusters[kept],
        intercepts=_dummies([policy for policy in policies if policy not in left_out]),
        knobs={name: column[kept] for name, column in settings.items()},
    )
    found = _estimated(rows, confidence)
    return KnobEffects(tuple(found[name] for name in settings), int(kept.sum()), left_out)


def _estimated(rows: _Rows, confidence: float) -> dict[str, KnobEffect]:
    """Return each knob's effect, or why it has none."""
    n = rows.n_instances
    if not n or is_constant(_beyond(rows.rewards, rows.intercepts)):
        return {name: KnobEffect(name, n, reason="no policy's reward varies") for name in rows.knobs}
    deviations = {name: _deviation(column, rows.clusters) for name, column in rows.knobs.items()}
    scaled, effects = _usable(rows, deviations)
    if n < INSTANCES_PER_KNOB * len(scaled):
        told = f"{n} instances for {len(scaled)} knobs; each needs {INSTANCES_PER_KNOB}"
        return effects | {name: KnobEffect(name, n, reason=told) for name in scaled}
    if not scaled:
        return effects
    fitted = _fit(rows, np.column_stack(list(scaled.values())), confidence)
    if fitted is None:
        told = "the fit does not settle: some setting decides the reward by itself"
        return effects | {name: KnobEffect(name, n, reason=told) for name in scaled}
    for name, numbers in zip(scaled, fitted, strict=True):
        slope, se, low, high, p, p_holm = numbers
        effects[name] = KnobEffect(name, n, slope, slope / deviations[name][1], se, low, high, p, p_holm)
    return effects


def _usable(
    rows: _Rows, deviations: Mapping[str, tuple[float, float]]
) -> tuple[dict[str, FloatArray], dict[str, KnobEffect]]:
    """Return the standardised knobs that can be told apart, and why the others cannot."""
    scaled: dict[str, FloatArray] = {}
    refused: dict[str, KnobEffect] = {}
    known = rows.intercepts
    for name, column in rows.knobs.items():
        mean, deviation = deviations[name]
        if deviation <= ROUNDING * float(np.abs(column).max()):
            refused[name] = KnobEffect(name, rows.n_instances, reason="the knob never changes")
            continue
        standard = (column - mean) / deviation
        if float(np.std(_beyond(standard, known))) < UNEXPLAINED:
            others = ", ".join(["the policies", *scaled])
            refused[name] = KnobEffect(name, rows.n_instances, reason=f"follows from {others}: nothing is its own")
            continue
        scaled[name] = standard
        known = np.column_stack([known, standard])
    return scaled, refused


def _beyond(column: FloatArray, known: FloatArray) -> FloatArray:
    """Return what a regression on the known columns leaves of a column."""
    rest: FloatArray = column - known @ np.linalg.lstsq(known, column, rcond=None)[0]
    return rest


def _fit(rows: _Rows, standard: FloatArray, confidence: float) -> list[tuple[float, ...]] | None:
    """Return slope, error, ends, p and Holm's p of each knob; None where the fit does not settle."""
    found = fractional_logit(rows.rewards, np.column_stack([standard, rows.intercepts]), rows.clusters)
    if found is None:
        return None
    k = standard.shape[1]
    slopes, errors = found.coefficients[:k], found.errors[:k]
    if np.abs(slopes).max() > STEEPEST or errors.min() <= 0:
        return None
    freedom = rows.n_instances - 1
    reach = stdtrit(freedom, (1 + confidence) / 2) * errors
    p = 2 * stdtr(freedom, -np.abs(slopes / errors))
    numbers = np.column_stack([slopes, errors, slopes - reach, slopes + reach, p, holm(p.tolist())])
    return [tuple(float(x) for x in row) for row in numbers]


def _stuck(rewards: FloatArray, policies: Sequence[str]) -> tuple[str, ...]:
    """Return the policies whose intercept would run to infinity."""
    found = []
    for policy in dict.fromkeys(policies):
        own = rewards[[name == policy for name in policies]]
        if own.max() <= REWARD_QUANTUM or own.min() >= 1 - REWARD_QUANTUM:
            found.append(policy)
    return tuple(found)


def _check_one_setting(
    knobs: Mapping[str, FloatArray], clusters: npt.NDArray[np.intp], instances: Sequence[Hashable]
) -> None:
    for name, column in knobs.items():
        first = column[_first_rows(clusters)][clusters]
        wrong = np.flatnonzero(column != first)
        if wrong.size:
            where = instances[int(wrong[0])]
            raise ValueError(f"knob {name} has two settings on instance {where!r}; a knob belongs to the instance")


def _deviation(column: FloatArray, clusters: npt.NDArray[np.intp]) -> tuple[float, float]:
    """Return mean and sample standard deviation over instances."""
    each = column[_first_rows(clusters)]
    return float(each.mean()), float(np.std(each, ddof=1)) if len(each) > 1 else 0.0


def _first_rows(clusters: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    return np.unique(clusters, return_index=True)[1]


def _numbered(names: Sequence[Hashable]) -> npt.NDArray[np.intp]:
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.intp)


def _dummies(policies: Sequence[str]) -> FloatArray:
    codes = _numbered(policies)
    return np.eye(int(codes.max()) + 1 if codes.size else 0)[codes]
