"""Linting a set of instances against the graders that there are, and telling what was found."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from flows import console
from graders.grading import Grader, graders
from graders.rubric import Rubric
from tasks_lib.lint import Examination, Finding, GradedNames, examine
from tasks_lib.records import TaskInstance

SHOWN_PLACES = 3
"""Places of one kind of finding that are shown; the rest is counted."""
SHOWN_KINDS = 20
SHOWN_TEXT = 60
"""Letters of what stands at a place."""


def examine_set(instances: Sequence[TaskInstance]) -> Examination:
    """Lint instances; those of a family without a grader are not checked against one.

    Raises:
        UnknownNameError: the family of an instance is not registered.
    """
    known = graders()
    families = {instance.family for instance in instances}
    return examine(instances, {name: graded_names(known[name]) for name in families if name in known})


def graded_names(grader: Grader) -> GradedNames:
    """Return what a grader calls the things it looks at; `facets` is optional for a grader."""
    rubric = grader.rubric
    fields = (name for name in (*Rubric.model_fields, *rubric.thresholds, "rubric_id", grader.family) if "_" in name)
    return GradedNames(
        dimensions=tuple(rubric.weights),
        facets=getattr(grader, "facets", {}),
        flags=tuple(rubric.caps),
        terms=tuple(fields),
    )


def counts(examination: Examination) -> str:
    """Return how much was found, in a few words."""
    found = [
        f"{number:,} {severity}{'' if number == 1 else 's'}"
        for severity in ("error", "warning")
        if (number := sum(finding.severity == severity for finding in examination.findings))
    ]
    return " and ".join(found) or "nothing found"


def say_findings(instances: Sequence[TaskInstance]) -> None:
    """Say how much is wrong with instances that a run attempts; nothing where nothing is."""
    examination = examine_set(instances)
    if examination.findings:
        console.say(f"lint: {counts(examination)} in {len(instances):,} instances; `assay lint` shows those of a file")


def show(examination: Examination) -> None:
    """Print the findings by kind, errors first, and how varied the prompts of each family are."""
    kinds = _by_kind(examination.findings)
    for (severity, rule, message), found in kinds[:SHOWN_KINDS]:
        console.headline(f"{severity}  {rule}  {len(found):,}")
        console.paragraph(message)
        _show_places(found)
    if len(kinds) > SHOWN_KINDS:
        console.line(f"\n{len(kinds) - SHOWN_KINDS:,} more kinds of findings (--json shows all)")
    for shape in examination.shapes:
        wordings = "1 wording" if shape.clusters == 1 else f"{shape.clusters:,} wordings"
        console.line(
            f"\n{shape.family}: {shape.prompts:,} prompts in {wordings}, effectively\n"
            f"  {shape.effective:.1f} by entropy, {shape.inverse_simpson:.1f} by sum of squares"
        )


def as_json(examination: Examination) -> dict[str, Any]:
    """Return everything for a program to read."""
    return {
        "findings": [asdict(finding) for finding in examination.findings],
        "shapes": [asdict(shape) for shape in examination.shapes],
    }


def _by_kind(findings: Iterable[Finding]) -> list[tuple[tuple[str, str, str], list[Finding]]]:
    kinds: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        kinds.setdefault((finding.severity, finding.rule, finding.message), []).append(finding)
    return sorted(kinds.items(), key=lambda kind: kind[0][0])  # "error" stands before "warning"; the rest as found


def _show_places(found: Sequence[Finding]) -> None:
    rows = [
        (
            finding.instance_id,
            finding.place,
            "-".join(map(str, finding.span)) if any(finding.span) else "",
            _short(finding),
        )
        for finding in found[:SHOWN_PLACES]
    ]
    console.print_rows(("instance", "place", "at", "text"), rows, (False, False, True, False))
    if len(found) > SHOWN_PLACES:
        console.line(f"  and in {len(found) - SHOWN_PLACES:,} more places (--json shows all)")


def _short(finding: Finding) -> str:
    text = finding.text
    return text if len(text) <= SHOWN_TEXT else f"{text[: SHOWN_TEXT - 4]} ..."
