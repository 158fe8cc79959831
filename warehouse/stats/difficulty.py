"""How hard each instance is for a policy; which knobs make it so is in `knobs`.

Two-parameter response models are refused: with a handful of policies their slopes run to their bounds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

from warehouse.stats.knobs import KnobEffect, KnobEffects, knob_effects
from warehouse.stats.priors import BetaPrior, fit_beta_binomial
from warehouse.stats.values import shares

__all__ = ["Cell", "KnobEffect", "KnobEffects", "ShrunkenLogit", "knob_effects", "shrunken_logits"]


@dataclass(frozen=True, slots=True)
class Cell:
    """What one policy earned on one instance."""

    family: str
    """Kind of task."""
    instance: str
    """Task."""
    policy: str
    """Who, in which regime."""
    n: int
    """Graded rollouts, 1 and up."""
    mean: float
    """Mean reward of these, 0..1."""
    variance: float | None = None
    """Their population variance; None: rewards are 0 or 1, which makes it mean * (1 - mean)."""


@dataclass(frozen=True, slots=True)
class ShrunkenLogit:
    """How easy one instance is for one policy; higher is easier."""

    cell: Cell
    """What it is of."""
    shrunken_mean: float
    """Mean reward drawn towards that of the family's other instances, strictly between 0 and 1."""
    shrunken_logit: float
    """Its log odds: the figure to rank by."""
    logit: float
    """Log odds of this cell alone, with half a success and half a failure added."""
    logit_se: float
    """Standard error of `logit`; an upper bound for rewards between 0 and 1."""
    prior: BetaPrior
    """What it was drawn towards, and why that was not fitted where it was not."""


def shrunken_logits(cells: Sequence[Cell]) -> tuple[ShrunkenLogit, ...]:
    """Return the difficulty of every instance for every policy, on the scale of log odds.

    With s = n * mean: shrunken mean = (s + kappa mu) / (n + kappa), kappa and mu from a beta-binomial fitted to the
    instances of the same family and policy (`fit_beta_binomial`, Jeffreys' where it cannot be fitted); logit = ln((s +
    1/2) / (n - s + 1/2)), se = sqrt(1 / (s + 1/2) + 1 / (n - s + 1/2)). Sources: Haldane (1955), Anscombe (1956) for
    the half; Efron and Morris (1975) for shrinking. Always of a named policy in its regime: a pooled difficulty is
    none. The se assumes binary rewards; those in between vary less, so it errs on the large side. `policy_difficulty`
    is the same in SQL, with null instead of Jeffreys.

    Args:
        cells: one per instance and policy.

    Returns:
        One per cell, in order, no unit (log odds).

    Raises:
        ValueError: n below 1, a mean outside 0..1, or two cells of one instance and policy.
    """
    rewards = shares([cell.mean for cell in cells], "mean", at_least=0)
    groups: dict[tuple[str, str], list[int]] = {}
    for index, cell in enumerate(cells):
        if cell.n < 1:
            raise ValueError(f"{cell.instance} has {cell.n} graded rollouts of {cell.policy}; leave such cells out")
        groups.setdefault((cell.family, cell.policy), []).append(index)
    if len({(cell.family, cell.instance, cell.policy) for cell in cells}) < len(cells):
        raise ValueError("two cells of one instance and policy; add their rollouts up, or keep runs apart")

    priors = {}
    for key, rows in groups.items():
        trials = [float(cells[row].n) for row in rows]
        won = [n * float(rewards[row]) for n, row in zip(trials, rows, strict=True)]
        within = [n * _variance(cells[row]) for n, row in zip(trials, rows, strict=True)]
        priors[key] = fit_beta_binomial(won, trials, within)
    return tuple(
        _shrunken(cell, float(reward), priors[cell.family, cell.policy])
        for cell, reward in zip(cells, rewards, strict=True)
    )


def _variance(cell: Cell) -> float:
    return cell.mean * (1 - cell.mean) if cell.variance is None else cell.variance


def _shrunken(cell: Cell, reward: float, prior: BetaPrior) -> ShrunkenLogit:
    won, lost = cell.n * reward, cell.n * (1 - reward)
    mean = prior.shrink(won, cell.n)
    return ShrunkenLogit(
        cell=cell,
        shrunken_mean=mean,
        shrunken_logit=log(mean / (1 - mean)),
        logit=log((won + 0.5) / (lost + 0.5)),
        logit_se=sqrt(1 / (won + 0.5) + 1 / (lost + 0.5)),
        prior=prior,
    )
