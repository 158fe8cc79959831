"""task_verdict: how likely each verdict is for a task of known success rate, by the number of rollouts."""

from math import comb

import pytest

from tests.warehouse.rows import Lab


@pytest.fixture(scope="module")
def verdicts() -> dict[tuple[int, int], str]:
    """The verdict on every group of n rollouts of which k succeed: reward 1, the others 0."""
    lab = Lab(floor=0.0)
    for n in (8, 16, 32):
        for k in range(n + 1):
            lab.group([1.0] * k + [0.0] * (n - k), instance=f"{n}/{k}")
    found = lab.view("task_verdict")
    return {(row["n"], int(row["instance_id"].partition("/")[2])): row["verdict"] for row in found}


@pytest.mark.parametrize(
    ("n", "rate", "trainable", "weak_signal", "no_signal"),
    [
        (8, 0.3, 0.44, 0.51, 0.06),
        (8, 0.2, 0.20, 0.63, 0.17),
        (8, 0.1, 0.04, 0.53, 0.43),
        (16, 0.5, 1.00, 0.00, 0.00),
        (16, 0.3, 0.90, 0.10, 0.00),
        (16, 0.2, 0.65, 0.32, 0.03),
        (16, 0.1, 0.21, 0.60, 0.19),
        (16, 0.05, 0.04, 0.52, 0.44),
        (32, 0.3, 1.00, 0.00, 0.00),
        (32, 0.2, 0.97, 0.03, 0.00),
        (32, 0.1, 0.63, 0.33, 0.03),
        (32, 0.05, 0.21, 0.59, 0.19),
    ],
)
def test_chance_of_each_verdict_by_rollouts(
    verdicts: dict[tuple[int, int], str], n: int, rate: float, trainable: float, weak_signal: float, no_signal: float
) -> None:
    """Binomial chances of k successes, added up by the verdict on k: the table of docs/statistics.md, for groups of 16.

    Every task here gives groups of 16 a signal more often than not, but for rate .05 (dead in .44 of them).
    """
    chance = {"trainable": 0.0, "weak_signal": 0.0, "no_signal": 0.0, "saturated": 0.0}
    for k in range(n + 1):
        chance[verdicts[n, k]] += comb(n, k) * rate**k * (1 - rate) ** (n - k)

    expected = {"trainable": trainable, "weak_signal": weak_signal, "no_signal": no_signal, "saturated": 0.0}
    assert chance == {name: pytest.approx(value, abs=0.006) for name, value in expected.items()}
