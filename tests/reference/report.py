"""The reference cases as a page: `python -m tests.reference.report` writes docs/reference_cases.md anew."""

from pathlib import Path
from statistics import mean

from tests.reference.benches import BENCHES, instances
from tests.reference.cases import CANONICAL, PROBES, RANGE, Case
from tests.support_families import Graded

PAGE = Path(__file__).parents[2] / "docs" / "reference_cases.md"
REFERENCE_MEANS = {"doc_revision": 0.62, "spreadsheet_clean": 0.81, "citation_grounding": 0.58}
"""Mean composite of the reference harness over its own 35 outputs, by family; 0.67 over all."""


def grade(case: Case) -> Graded:
    """Grade one case."""
    return BENCHES[case.family].grade(instances()[case.family], case.text)


def page() -> str:
    """Return the page: every case with its reward, and the means beside the reference's."""
    lines = [
        "# The reference cases",
        "",
        "The cases that fooled the heuristics of the reference harness, with text of our own on three small tasks",
        "under tests/reference. Written by `python -m tests.reference.report`; a test keeps it as it is.",
        "",
        "## Mean composite over the range of quality",
        "",
        "| family | cases | here | reference |",
        "|---|---|---|---|",
    ]
    for family, reference in REFERENCE_MEANS.items():
        rewards = [grade(case).reward for case in RANGE if case.family == family]
        lines.append(f"| {family} | {len(rewards)} | {mean(rewards):.2f} | {reference:.2f} |")
    lines.append(f"| all | {len(RANGE)} | {mean(grade(case).reward for case in RANGE):.2f} | 0.67 |")
    lines += [
        "",
        "The outputs are not the same, so the means are not to be compared one by one; what counts is that the order",
        "within each family is that of the quality, and that worthless outputs are near 0.",
        "",
    ]
    for title, cases in (("Canonical cases", CANONICAL), ("Probes", PROBES)):
        lines += [f"## {title}", "", "| case | family | reward | seen by | its score |", "|---|---|---|---|---|"]
        for case in cases:
            graded = grade(case)
            lines.append(
                f"| {case.name} | {case.family} | {graded.reward:.2f} | {case.catches} | {graded[case.catches]:.2f} |"
            )
        lines.append("")
    lines += ["## The range", "", "| family | tier | case | reward |", "|---|---|---|---|"]
    for case in sorted(RANGE, key=lambda case: (case.family, -case.tier)):
        lines.append(f"| {case.family} | {case.tier} | {case.name} | {grade(case).reward:.2f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
