"""Known limits of a grader, declared as data beside the heuristic that has them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """A known blind spot or false alarm of a grader, with the probe or operator that shows it."""

    name: str
    text: str
    shown_by: str
    """Name of the probe or operator of the family that demonstrates it."""
    excuses: tuple[str, ...] = ()
    """Dimensions in which it contradicts what is expected of that operator, or `reward` for a probe. An audit excuses
    these and nothing else, and reports one that has come to hold."""
