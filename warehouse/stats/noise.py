"""How much of what a judge's scores differ by is quality, and how much is the judge."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from warehouse.stats.values import Numbers, finite, is_constant


@dataclass(frozen=True, slots=True)
class SignalShare:
    """Variance components of repeated verdicts about the same outputs."""

    signal_variance: float | None
    """Between outputs, in squared score units, 0 and up; None where it cannot be told."""
    noise_variance: float | None
    """Of one verdict about one output, in squared score units; None where it cannot be told."""
    n_outputs: int
    """Outputs judged."""
    n_verdicts: int
    """Verdicts about them."""
    reason: str | None
    """Why something is None; None where nothing is."""

    def of_mean(self, m: int) -> float | None:
        """Return lambda_m = signal / (signal + noise / m), 0..1, the signal's share in a mean of m verdicts.

        None where the components are unknown or both 0: nothing varies, so nothing is a share of it.

        Raises:
            ValueError: m below 1.
        """
        if m < 1:
            raise ValueError(f"a mean of {m} verdicts; give 1 or more")
        if self.signal_variance is None or self.noise_variance is None:
            return None
        whole = self.signal_variance + self.noise_variance / m
        return self.signal_variance / whole if whole > 0 else None

    def repeats_for(self, target: float) -> int | None:
        """Return how many verdicts a mean needs for a signal share: m >= target / (1 - target) * noise / signal.

        None where the components are unknown, or there is no signal: no number of verdicts makes any.

        Raises:
            ValueError: a target that is not strictly between 0 and 1.
        """
        if not 0 < target < 1:
            raise ValueError(f"a signal share of {target!r} is no target; give one such as 0.7")
        if not self.signal_variance or self.noise_variance is None:
            return None
        # 1e-9: a rounding error must not ask for one verdict more.
        return max(1, ceil(target / (1 - target) * self.noise_variance / self.signal_variance - 1e-9))


def signal_share(verdicts: Sequence[Numbers]) -> SignalShare:
    """Return the variance components of a judge that was asked several times about each output of one group.

    One-way analysis of variance with outputs as a random factor: noise = MSW, signal = max(0, (MSB - MSW) / n0), with
    n0 = (N - sum of n_i^2 / N) / (k - 1), which is m where each of k outputs has m verdicts. Source: Searle, Casella
    and McCulloch (1992), Variance components, ch. 3. scipy gives F only, statsmodels a mixed model that needs an
    optimiser. Assumes independent verdicts of the same variance. Eight outputs cannot tell a share of 0.5 from 0.67.

    Args:
        verdicts: per output its scores, in any unit; a call without a verdict is left out, an output without any too.

    Returns:
        Components; None below two outputs, or where no output has two verdicts. A negative estimate of the signal is 0.

    Raises:
        ValueError: no outputs, one without verdicts, or a verdict that is no number.
    """
    if not len(verdicts):
        raise ValueError("no outputs; give the verdicts about at least one")
    rows = [finite(row, f"verdicts about output {index}") for index, row in enumerate(verdicts)]
    sizes = np.array([len(row) for row in rows], dtype=np.float64)
    k, total = len(rows), int(sizes.sum())
    if k < 2:
        return SignalShare(None, None, k, total, "needs two outputs")
    if total == k:
        return SignalShare(None, None, k, total, "needs two verdicts about one of the outputs")
    everything = np.concatenate(rows)
    if is_constant(everything):
        return SignalShare(0.0, 0.0, k, total, None)
    means = np.array([row.mean() for row in rows])
    within = sum(float(((row - row.mean()) ** 2).sum()) for row in rows) / (total - k)
    between = float((sizes * (means - everything.mean()) ** 2).sum()) / (k - 1)
    usual_size = (total - float((sizes**2).sum()) / total) / (k - 1)
    return SignalShare(max(0.0, (between - within) / usual_size), within, k, total, None)
