"""What a run records about its families and graders: operators, probes, expectations, rubrics, known limits."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from graders.grading import Grader, grader
from tasks_lib.family import Family

Rows = dict[str, list[dict[str, Any]]]


def catalogue(families: Iterable[Family]) -> Rows:
    """Return the rows, by table, that describe families and their graders.

    Raises:
        UnknownGraderError: a family has no grader.
    """
    rows: Rows = defaultdict(list)
    for family in families:
        _describe_family(rows, family)
        _describe_grader(rows, grader(family.name))
    return dict(rows)


def _describe_family(rows: Rows, family: Family) -> None:
    rows["family"].append({"family": family.name, "template_version": family.template_version, "floor": family.floor})
    for operator in family.operators.values():
        rows["operator"].append(
            {"family": family.name, "operator": operator.name, "kind": operator.kind, "summary": operator.summary}
        )
        for target, expected in operator.expect.items():
            dimension, _, facet = target.partition(".")
            rows["expectation"].append(
                {
                    "family": family.name,
                    "operator": operator.name,
                    "dimension": dimension,
                    "facet": facet,
                    "expected": expected,
                }
            )
    for probe in family.probes.values():
        rows["probe"].append({"family": family.name, "probe": probe.name, "kind": probe.kind, "summary": probe.summary})


def _describe_grader(rows: Rows, judge: Grader) -> None:
    rubric = judge.rubric
    rows["rubric"].append(
        {"rubric_id": rubric.rubric_id, "family": judge.family, "content": rubric.model_dump(mode="json")}
    )
    for dimension, weight in rubric.weights.items():
        rows["rubric_dimension"].append({"rubric_id": rubric.rubric_id, "dimension": dimension, "weight": weight})
    for flag, ceiling in rubric.caps.items():
        rows["rubric_cap"].append({"rubric_id": rubric.rubric_id, "flag": flag, "ceiling": ceiling})
    for limit in judge.limits:
        rows["known_limit"].append(
            {
                "family": judge.family,
                "name": limit.name,
                "text": limit.text,
                "shown_by": limit.shown_by,
                "excuses": list(limit.excuses),
            }
        )
