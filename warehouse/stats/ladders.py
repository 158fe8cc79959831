"""What ladders of rising damage say about a grader."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from warehouse.stats.shares import clopper_pearson, wilson
from warehouse.stats.values import REWARD_QUANTUM, finite, same_length, shares

DETECTED_AT_LEAST = 0.8
"""Share of instances in which a dose must show to count as detected; a judgement."""


@dataclass(frozen=True, slots=True)
class ViolationRate:
    """How often more damage scored higher."""

    n_instances: int
    """Instances with a pair that says something."""
    n_violating: int
    """Those with a violation."""
    n_pairs: int
    """Pairs of rungs of one ladder, both known."""
    n_undetermined: int
    """Further pairs with an unknown end."""
    n_violations: int
    """Pairs in which the more damaged output scored higher."""
    rate: float | None
    """n_violations / n_pairs, 0..1; None without pairs."""
    largest: float
    """Largest such rise, in the unit of the scores; 0 where none."""
    upper: float | None
    """One-sided upper bound of the share of instances with a violation, 0..1; None without instances."""


def violation_rate(
    ladders: Sequence[Sequence[float | None]],
    instances: Sequence[str] | None = None,
    quantum: float = REWARD_QUANTUM,
    confidence: float = 0.95,
) -> ViolationRate:
    """Return how often more damage scored higher, over all pairs of rungs of each ladder.

    Ladders are nested: rung j is rung i damaged further, so a rise is a contradiction, not a matter of taste. The bound
    is Clopper-Pearson over instances, since pairs of one ladder are not independent: the share of instances with any
    violation. With none it is 1 - 0.05^(1/n): to claim at most 10, 5, 2, 1 % takes 29, 59, 149, 299 instances.

    Args:
        ladders: scores by rising severity, one sequence per ladder; None: not applicable, or nothing is known.
        instances: instance of each ladder; None: each has its own. Several ladders of one instance count as one.
        quantum: largest rise that is none; of a judge, what its noise makes.
        confidence: of the bound, 0..1, exclusive.

    Raises:
        ValueError: columns of different length, or scores that are no numbers.
    """
    owners: Sequence[object] = range(len(ladders)) if instances is None else instances
    same_length(ladders=ladders, instances=owners)
    rises, seen, violating, n_undetermined = [], set(), set(), 0
    for owner, ladder in zip(owners, ladders, strict=True):
        finite([score for score in ladder if score is not None], "a ladder", at_least=0)
        for lighter, heavier in combinations(ladder, 2):
            if lighter is None or heavier is None:
                n_undetermined += 1
                continue
            seen.add(owner)
            rises.append(heavier - lighter)
            if heavier - lighter > quantum:
                violating.add(owner)
    violations = [rise for rise in rises if rise > quantum]
    return ViolationRate(
        n_instances=len(seen),
        n_violating=len(violating),
        n_pairs=len(rises),
        n_undetermined=n_undetermined,
        n_violations=len(violations),
        rate=len(violations) / len(rises) if rises else None,
        largest=max(violations, default=0.0),
        upper=clopper_pearson(len(violating), len(seen), confidence, "upper")[1] if seen else None,
    )


@dataclass(frozen=True, slots=True)
class DetectableDose:
    """From which dose on a grader sees a damage."""

    dose: float | None
    """Smallest dose that is detected, and all heavier ones with it; None where there is none."""
    lower: Mapping[float, float]
    """Dose -> lower Wilson bound of the share of instances in which it showed, for the doses measured."""
    reason: str | None
    """Why there is no dose; None where there is."""


def smallest_detectable_dose(
    detections: Mapping[float, tuple[int, int]],
    at_least: float = DETECTED_AT_LEAST,
    confidence: float = 0.95,
) -> DetectableDose:
    """Return the smallest dose from which on a grader sees the damage.

    A dose d counts where the lower end of its Wilson interval is `at_least` or more, and no heavier dose was seen in a
    smaller share than that. The second half is needed because the figure is read as "from d on": a grader that sees one
    dropped row and misses five has no such dose at 1. Heavier doses need not prove it anew, though: ladders run out of
    targets, so the heaviest rungs have few instances, and 5 of 5 (lower end 0.57) contradicts nothing.
    At 0.8 it takes 16 of 16 instances (two-sided 95 %), whatever the truth; fewer never detect.

    Args:
        detections: dose -> (instances in which the score fell by a meaningful difference, instances compared).
            Severity 0 is what is compared with and no dose; a dose on no instance is left out.
        at_least: share of instances, 0..1, exclusive.
        confidence: of the Wilson interval.

    Raises:
        ValueError: a dose of 0 or less, counts that are none, or a share that is none.
    """
    if not 0 < at_least < 1:
        raise ValueError(f"at_least = {at_least!r}; give a share such as 0.8")
    wrong = [dose for dose in detections if not dose > 0]
    if wrong:
        raise ValueError(f"dose {wrong[0]!r}: a dose is above 0; severity 0 is what the others are compared with")
    measured = {dose: counts for dose, counts in sorted(detections.items()) if counts[1]}
    lower = {dose: wilson(k, n, confidence)[0] for dose, (k, n) in measured.items()}

    dose: float | None = None
    for candidate, (k, n) in reversed(measured.items()):
        if k / n < at_least:
            break
        if lower[candidate] >= at_least:
            dose = candidate
    return DetectableDose(dose, lower, _why_no_dose(dose, measured, lower, at_least))


def _why_no_dose(
    dose: float | None, measured: Mapping[float, tuple[int, int]], lower: Mapping[float, float], at_least: float
) -> str | None:
    if dose is not None:
        return None
    if not measured:
        return "no dose was measured"
    heaviest = max(measured)
    k, n = measured[heaviest]
    if any(end >= at_least for end in lower.values()):
        return f"a heavier dose than the one detected is missed: see dose {_missed(measured, at_least):g}"
    if all(wilson(many, many)[0] < at_least for _, many in measured.values()):
        return f"too few instances for any dose; the heaviest showed in {k} of {n}"
    return f"the heaviest dose, {heaviest:g}, showed in {k} of {n} instances"


def _missed(measured: Mapping[float, tuple[int, int]], at_least: float) -> float:
    return max(dose for dose, (k, n) in measured.items() if k / n < at_least)


@dataclass(frozen=True, slots=True)
class CompensationIndex:
    """What a damage gained on some dimensions for what it lost on others."""

    gained: float
    """Weighted rises, in shares of the composite, 0..1."""
    lost: float
    """Weighted falls, in shares of the composite, 0..1."""
    index: float | None
    """gained / lost, 0 and up; None where no dimension fell."""
    is_paying: bool
    """Whether the damage costs nothing or earns: gained >= lost, with something gained."""
    reason: str | None
    """Why there is no index; None where there is."""


def compensation_index(
    before: Mapping[str, float], after: Mapping[str, float], weights: Mapping[str, float]
) -> CompensationIndex:
    """Return whether what a damage gains on some dimensions makes up for what it loses on others.

    kappa = sum of w_d * max(0, rise_d) / sum of w_d * max(0, fall_d), weights as shares of their sum. At 1 or more the
    damage pays: typically a ratio divides by what survived instead of by what was expected, and deleting the bad rows
    cleans the sheet. Of an additive composite, before caps and work.

    Args:
        before: dimension -> score of the undamaged output, 0..1.
        after: the same of the damaged output.
        weights: dimension -> weight, 0 and up; the same names.

    Raises:
        ValueError: other dimensions than weights, scores outside 0..1, or weights that are negative or all 0.
    """
    if not before.keys() == after.keys() == weights.keys():
        apart = sorted(
            (before.keys() | after.keys() | weights.keys()) - (before.keys() & after.keys() & weights.keys())
        )
        raise ValueError(f"not everywhere: {', '.join(apart)}; give before, after and weight for each dimension")
    share = finite(list(weights.values()), "weights")
    if (share < 0).any() or share.sum() <= 0:
        raise ValueError(f"weights must be 0 or more, and one above 0, got {dict(weights)!r}")
    first = shares([before[name] for name in weights], "before")
    second = shares([after[name] for name in weights], "after")
    moved = share / share.sum() * (second - first)
    gained, lost = float(moved.clip(min=0).sum()), float(-moved.clip(max=0).sum())
    is_paying = gained > REWARD_QUANTUM and gained >= lost - REWARD_QUANTUM
    if lost <= REWARD_QUANTUM:
        reason = "no dimension fell" if gained > REWARD_QUANTUM else "no dimension moved"
        return CompensationIndex(gained, lost, None, is_paying, reason)
    return CompensationIndex(gained, lost, gained / lost, is_paying, None)
