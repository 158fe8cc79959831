"""What estimators take: plain sequences or arrays of finite numbers, checked in one place."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]
Numbers: TypeAlias = Sequence[float] | FloatArray

MEANINGFUL_DIFFERENCE = 0.02
"""Rewards no further apart than this teach the same; the threshold `meaningful_difference`, a judgement."""

REWARD_QUANTUM = 1e-9
"""Rewards no further apart than this are equal: rounding of sums of products; the threshold `reward_quantum`."""

ROUNDING = 1e-12
"""Keeps a rounding error from splitting a difference of exactly a threshold, as in the views."""


def finite(values: Numbers, name: str, *, at_least: int = 1) -> FloatArray:
    """Return the values as an array of one axis.

    Args:
        values: numbers; a None or NaN is refused, not skipped, since what is not known must be left out knowingly.
        name: what they are, for the error.
        at_least: fewest values there must be.

    Raises:
        ValueError: not one axis of numbers, too few, or one that is None, NaN or infinite; says which.
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be numbers: {error}; leave out what was not graded") from error
    if array.ndim != 1:
        raise ValueError(f"{name} must be one plain sequence of numbers, got {array.ndim} axes")
    if len(array) < at_least:
        raise ValueError(f"{name}: got {len(array)} values, needs at least {at_least}")
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise ValueError(f"{name}: no number at position {bad[0]}; leave out what was not graded")
    return array


def shares(values: Numbers, name: str, *, at_least: int = 1) -> FloatArray:
    """Return the values as an array, all of them in 0..1 but for rounding, which is taken off.

    Raises:
        ValueError: as `finite`, or a value outside 0..1.
    """
    array = finite(values, name, at_least=at_least)
    bad = np.flatnonzero((array < -REWARD_QUANTUM) | (array > 1 + REWARD_QUANTUM))
    if bad.size:
        raise ValueError(f"{name}: {array[bad[0]]!r} at position {bad[0]} is not in 0..1; rescale it first")
    return np.clip(array, 0.0, 1.0)


def is_constant(values: FloatArray) -> bool:
    """Return whether the values are all equal, as far as rewards can be told apart."""
    return values.size == 0 or float(values.max() - values.min()) <= REWARD_QUANTUM


def same_length(**columns: Sequence[object] | npt.NDArray[np.generic]) -> None:
    """Raise ValueError unless all columns have as many entries."""
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {n}" for name, n in lengths.items())
        raise ValueError(f"columns of different length: {told}; give one entry of each per row")
