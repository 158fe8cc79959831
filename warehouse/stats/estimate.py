"""An estimated number with its interval, or the reason why there is none."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """What was estimated, and how sure it is."""

    value: float | None
    """None: not defined on these data; `reason` says why."""
    low: float | None = None
    """Lower end of the interval; None: no interval can be given."""
    high: float | None = None
    n: int = 0
    """Units it rests on."""
    reason: str | None = None
    """One sentence: why value or interval is missing; None where nothing is."""
