"""What a rollout is worth once judges have spoken: the open dimensions narrowed, the composite put together again."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from graders.composite import compose
from graders.grading import Graded
from graders.interval import Interval
from graders.judge.narrowing import narrowed
from graders.rubric import Rubric
from tasks_lib.records import Score


def concluded(graded: Graded, rubric: Rubric, verdicts: Sequence[Score]) -> Graded:
    """Add the scores of judges to what code found.

    The share of work done, the flags and everything that code has settled stay as they are. A verdict that is not
    trusted is kept and narrows nothing.

    Args:
        graded: what code found; without a composite nothing is made up.
        rubric: the family's weights and caps.
        verdicts: scores of judges on this rollout.
    """
    composite = graded.composite
    if composite is None or not verdicts:
        return graded
    panels = _panels(verdicts)
    intervals = {
        score.dimension: narrowed(Interval(score.low, score.high), panels.get(score.dimension, ()))
        for score in graded.scores
    }
    work = Interval(composite.work_low, composite.work_high)
    return replace(
        graded,
        scores=(*graded.scores, *verdicts),
        composite=compose(composite.rollout_id, rubric, intervals, work, composite.flags),
    )


def _panels(verdicts: Sequence[Score]) -> Mapping[str, list[list[Interval]]]:
    """Return dimension -> for each judge its repeats."""
    panels: dict[str, dict[str, list[Interval]]] = {}
    for score in verdicts:
        if score.is_trusted is False:
            continue
        judges = panels.setdefault(score.dimension, {})
        judges.setdefault(score.grader_id, []).append(Interval(score.low, score.high))
    return {dimension: list(judges.values()) for dimension, judges in panels.items()}
