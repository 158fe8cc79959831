"""The cases that fooled the reference harness are caught, and its range of quality comes out in order."""

import pytest
from scipy.stats import spearmanr

from tests.reference.benches import BENCHES, finished, instances
from tests.reference.cases import CANONICAL, PROBES, RANGE, Case
from tests.reference.report import PAGE, REFERENCE_MEANS, grade, page


@pytest.mark.parametrize("family", BENCHES)
def test_finished_output_earns_everything(family: str) -> None:
    """The finished output of each small task earns 1.0, every dimension assessed."""
    graded = BENCHES[family].grade(instances()[family], finished(family))

    assert graded.reward == pytest.approx(1.0)
    assert set(graded.states.values()) == {"assessed"}


@pytest.mark.parametrize("case", CANONICAL + PROBES, ids=lambda case: case.name)
def test_canonical_cases_and_probes_are_caught(case: Case) -> None:
    """Each costs the reward .05 at least and lowers the dimension that is there to see it."""
    graded = grade(case)

    assert graded.reward <= 0.95
    assert graded[case.catches] <= 0.9


def test_worthless_canonical_cases_stay_at_the_floor() -> None:
    """Padding, nine lost records of twelve, and no reference earn no more than doing nothing."""
    for case in CANONICAL[:3]:
        assert grade(case).reward <= 0.25, case.name


def test_the_flags_of_the_reference_are_raised() -> None:
    """The hard failures are told by name."""
    flags = {case.name: grade(case).flags for case in (*CANONICAL, *PROBES, *RANGE)}

    assert "word_count_exceeded" in flags["padding far beyond the limit"]
    assert "no_citations_found" in flags["no reference at all"]
    assert "fabricated_source" in flags["sources made up"]


@pytest.mark.parametrize("family", BENCHES)
def test_range_of_quality_comes_out_in_order(family: str) -> None:
    """Over a family's range the reward ranks like the tier, and no tier overlaps with one two below it."""
    cases = [(case.tier, grade(case).reward) for case in RANGE if case.family == family]

    assert spearmanr(*zip(*cases, strict=True)).statistic >= 0.9
    for tier, reward in cases:
        assert all(reward > other for lower, other in cases if lower <= tier - 2), (tier, reward)


def test_range_has_the_reference_s_size() -> None:
    """Thirty-five cases: twelve, twelve and eleven."""
    assert [sum(case.family == family for case in RANGE) for family in REFERENCE_MEANS] == [12, 12, 11]


def test_page_is_up_to_date() -> None:
    """docs/reference_cases.md is what `python -m tests.reference.report` writes."""
    assert PAGE.read_text(encoding="utf-8") == page()
