"""Interval scores: what is proven about a quality, not a guess at it.

`low` is what is proven, `high` is what has not been ruled out, both in 0..1. Arithmetic is ordinary
interval arithmetic on quantities that cannot be negative, so every operation is monotone in both ends.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tasks_lib.records import ScoreState


@dataclass(frozen=True, slots=True)
class Interval:
    """A closed interval within 0..1."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.low <= self.high <= 1.0:
            text = f"interval [{self.low!r}, {self.high!r}] must satisfy 0 <= low <= high <= 1"
            raise ValueError(text)

    @property
    def mid(self) -> float:
        """The midpoint; of an unassessed quality it is 0.5 and means "not known"."""
        return (self.low + self.high) / 2

    @property
    def state(self) -> ScoreState:
        """`assessed` where the ends meet, `unassessed` where nothing is known, else `partial`."""
        if self.low == self.high:
            return "assessed"
        return "unassessed" if (self.low, self.high) == (0.0, 1.0) else "partial"

    def __mul__(self, other: "Interval") -> "Interval":
        return Interval(self.low * other.low, self.high * other.high)

    def scaled(self, factor: float) -> "Interval":
        """Return the interval times a factor in 0..1."""
        return Interval(self.low * factor, self.high * factor)

    def within(self, frame: "Interval") -> "Interval":
        """Return the part of a frame that this interval points to: both ends moved into it, where need be."""
        return Interval(
            min(max(self.low, frame.low), frame.high),
            min(max(self.high, frame.low), frame.high),
        )

    def ceiled(self, ceiling: float) -> "Interval":
        """Return the interval with both ends at most `ceiling`."""
        return Interval(min(self.low, ceiling), min(self.high, ceiling))


UNASSESSED = Interval(0.0, 1.0)


def exactly(value: float) -> Interval:
    """Return the interval of a settled quality; a rounding error outside 0..1 is clipped."""
    value = min(1.0, max(0.0, value))
    return Interval(value, value)


def share(part: float, whole: float) -> Interval:
    """Return part / whole as a settled quality; with nothing expected, nothing is missing: 1."""
    return exactly(part / whole) if whole > 0 else exactly(1.0)


def weighted_mean(parts: Iterable[tuple[float, Interval]]) -> Interval:
    """Return the mean of (weight, interval) pairs; the weights need not sum to 1.

    Raises:
        ValueError: the weights do not sum to something positive.
    """
    pairs = list(parts)
    total = sum(weight for weight, _ in pairs)
    if total <= 0:
        raise ValueError(f"weights must sum to a positive number, got {total!r}")
    low = sum(weight * interval.low for weight, interval in pairs) / total
    high = sum(weight * interval.high for weight, interval in pairs) / total
    return Interval(min(1.0, max(0.0, low)), min(1.0, max(0.0, low, high)))
