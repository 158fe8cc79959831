"""The Brier score."""

import numpy as np

from warehouse.stats.values import Numbers, same_length, shares


def brier(stated: Numbers, happened: Numbers) -> float:
    """Return the mean squared difference of stated probabilities and what came of it.

    For yes/no verdicts; of graded scores say the mean absolute difference. Source: G. Brier (1950), Verification of
    forecasts expressed in terms of probability, Monthly Weather Review 78.

    Args:
        stated: probability of yes, 0..1.
        happened: 1 for yes, 0 for no.

    Returns:
        0 (sure and right) to 1 (sure and wrong).

    Raises:
        ValueError: nothing, columns of different length, or a value outside 0..1.
    """
    probability, outcome = shares(stated, "stated"), shares(happened, "happened")
    same_length(stated=probability, happened=outcome)
    return float(np.mean((probability - outcome) ** 2))
