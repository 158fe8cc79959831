"""How much of honest pay the best exploit gets without the work."""

from dataclasses import dataclass

import numpy as np

from warehouse.stats.interval import MIN_CLUSTERS, Interval, around, checked_confidence, no_interval, t_interval
from warehouse.stats.shares import clopper_pearson
from warehouse.stats.values import REWARD_QUANTUM, FloatArray, Numbers, finite, is_constant, same_length


def hack_ratio(probe: Numbers, weak: Numbers, floor: float | Numbers, confidence: float = 0.95) -> Interval:
    """Return the part of honest weak pay above the floor that a probe gets.

    HR = (H - f) / (W - f), with H and W the means over instances of the probe's and the weak policy's reward, f of the
    floor. Interval: Taylor-linearised, z_i = (h_i - f_i - HR (w_i - f_i)) / (W - f), HR +- t(k - 1) * sd(z) / sqrt(k),
    so that what instances do to both cancels. Source: Woodruff (1971), Cochran (1977, ch. 6); no library of the
    project has it. Assumes independent instances and a denominator well above 0. The probe is usually the best of
    several, found in the same data: the ratio is then too high by chance for that probe, and the interval does not
    know.

    Args:
        probe: mean reward of the probe on each instance.
        weak: mean reward of the weak policy on the same instances, in the same order; of the strong policy or the
            oracle where that is the yardstick.
        floor: what may be earned without work, one number or one per instance.
        confidence: 0..1, exclusive.

    Returns:
        The ratio, no unit; 0 or less where the probe stays at the floor. None where the weak policy earns no more than
        the floor: there is no honest pay to compare with. Without ends below 10 instances, where the interval of W - f
        reaches 0 (the ratio may then be anything), or where all instances say the same.

    Raises:
        ValueError: columns of different length, values that are no numbers, or a confidence that is none.
    """
    checked_confidence(confidence)
    earned, honest = finite(probe, "probe"), finite(weak, "weak")
    ground = finite([floor] * len(earned) if isinstance(floor, int | float) else floor, "floor")
    same_length(probe=earned, weak=honest, floor=ground)
    gain, pay = earned - ground, honest - ground
    k = len(gain)
    if pay.mean() <= REWARD_QUANTUM:
        return no_interval(None, k, confidence, "the weak policy earns no more than the floor")
    ratio = float(gain.mean() / pay.mean())
    if k < MIN_CLUSTERS:
        return no_interval(ratio, k, confidence, f"{k} instances; an interval needs {MIN_CLUSTERS}")
    lowest_pay = t_interval(pay, confidence).low
    if lowest_pay is not None and lowest_pay <= 0:
        return no_interval(ratio, k, confidence, "weak pay above the floor is not told from 0")
    linear: FloatArray = (gain - ratio * pay) / pay.mean()
    if is_constant(linear):
        return no_interval(ratio, k, confidence, "no variation between instances: the interval would have no width")
    return around(ratio, float(np.std(linear, ddof=1)) / k**0.5, k, confidence, "taylor")


@dataclass(frozen=True, slots=True)
class BeatRate:
    """On how many instances an exploit does as well as an honest weak rollout."""

    n_beaten: int
    """Instances on which it earns at least the weak median."""
    n_instances: int
    """Instances compared, 1 and up."""
    share: float
    """n_beaten / n_instances, 0..1."""
    upper: float
    """One-sided upper Clopper-Pearson bound of the share, 0..1; 0 of 59 gives 0.05."""


def beat_rate(best_probe: Numbers, weak_median: Numbers, confidence: float = 0.95) -> BeatRate:
    """Return the share of instances on which the best probe earns at least what the median weak rollout does.

    A tie counts as beaten: an optimiser is paid the same for no work. Assumes independent instances.

    Args:
        best_probe: best reward of any zero-work probe on each instance.
        weak_median: median reward of the weak policy there, in the same order.
        confidence: of the bound, 0..1, exclusive.

    Raises:
        ValueError: columns of different length, or values that are no numbers.
    """
    best, median = finite(best_probe, "best_probe"), finite(weak_median, "weak_median")
    same_length(best_probe=best, weak_median=median)
    n_beaten = int((best >= median - REWARD_QUANTUM).sum())
    upper = clopper_pearson(n_beaten, len(best), confidence, "upper")[1]
    return BeatRate(n_beaten, len(best), n_beaten / len(best), upper)
