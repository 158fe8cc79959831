"""Estimated difficulty ranks instances like the known hardness of the simulated policies."""

import multiprocessing

from scipy.stats import spearmanr

from tasks_lib import policy
from tasks_lib.policies.simulated import SKILLS, expected_repairs
from tests.support_spreadsheet import FAMILY, grade_text

INSTANCES = 200
GROUP = 16


def _measure(indexes: range) -> list[tuple[float, float]]:
    """Return (estimated difficulty, known hardness) of some instances."""
    measured = []
    policies = [policy("sim/weak"), policy("sim/strong")]
    for index, instance in enumerate(FAMILY.instances(INSTANCES, seed=31)):
        if index not in indexes:
            continue
        means = [
            sum(grade_text(instance, p.attempt(FAMILY, instance, sample).output).reward for sample in range(GROUP))
            / GROUP
            for p in policies
        ]
        known = [expected_repairs(FAMILY, instance, SKILLS[name]) for name in ("weak", "strong")]
        measured.append((1 - sum(means) / 2, 1 - sum(known) / 2))
    return measured


def test_estimated_difficulty_ranks_like_known_hardness() -> None:
    """Over 200 instances and groups of 16, Spearman between the two is .8 at least."""
    # Two processes, each every second instance: 6,400 rollouts in all.
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        halves = pool.map(_measure, [range(start, INSTANCES, 2) for start in (0, 1)])
    estimated, known = zip(*(pair for half in halves for pair in half), strict=True)

    assert len(estimated) == INSTANCES
    assert spearmanr(estimated, known).statistic >= 0.8
