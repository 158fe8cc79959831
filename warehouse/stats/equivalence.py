"""Has nothing changed? Equivalence within a margin, and how many instances would tell.

"p > .05" says that a change was not shown, never that there was none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from scipy import stats


@dataclass(frozen=True)
class Tost:
    """Two one-sided tests of a mean against a margin."""

    p: float
    """The larger of the two p values, 0..1: below .05 the mean lies within the margin."""
    ci_low: float
    """The 90 % interval, which lies within the margin where p < .05."""
    ci_high: float


def tost(differences: Sequence[float], margin: float) -> Tost:
    """Test whether the mean of paired differences lies within -margin..margin.

    Assumes a mean that is about normal. Source: D. J. Schuirmann (1987), Two one-sided tests, J. Pharmacokinet.
    Biopharm. 15; t = (mean +- margin) / (s / sqrt(n)) with n - 1 degrees of freedom, the larger p value counts.
    An intersection-union test: several of them need no correction.

    Args:
        differences: one per instance, in any unit; not all equal, since t has no answer then.
        margin: in the same unit, above 0.

    Raises:
        ValueError: fewer than two differences, all of them equal, or no margin.
    """
    if len(differences) < 2 or max(differences) == min(differences):
        raise ValueError("the differences do not vary; a t test needs two at least that do")
    if margin <= 0:
        raise ValueError(f"a margin of {margin} leaves no room; it must be above 0")
    above = stats.ttest_1samp(differences, -margin, alternative="greater")
    below = stats.ttest_1samp(differences, margin, alternative="less")
    interval = stats.ttest_1samp(differences, 0.0).confidence_interval(0.9)
    return Tost(float(max(above.pvalue, below.pvalue)), float(interval.low), float(interval.high))


def instances_to_decide(sd: float, margin: float, power: float = 0.8, alpha: float = 0.05) -> int:
    """Return how many instances prove that nothing changed, if nothing did.

    Normal approximation: n = ((z(1 - alpha) + z(1 - (1 - power) / 2)) * sd / margin)^2, rounded up. With 80 % and 5 %
    that is 8.56 (sd / margin)^2, with which a change of the margin is found, too (7.85 suffices for 80 %).
    Source: S. A. Julious (2004), Sample sizes for clinical trials with normal data, Stat. Med. 23, on equivalence.

    Args:
        sd: standard deviation of the differences between instances, 0 and up.
        margin: in the same unit, above 0.
        power: chance of proving it, between 0 and 1.
        alpha: error of calling a change of the margin flat, between 0 and 1.

    Raises:
        ValueError: no margin.
    """
    if margin <= 0:
        raise ValueError(f"a margin of {margin} leaves no room; it must be above 0")
    z = stats.norm.ppf(1 - alpha) + stats.norm.ppf(1 - (1 - power) / 2)
    return ceil((z * sd / margin) ** 2)
