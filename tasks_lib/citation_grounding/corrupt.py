"""The catalogue of operators: every rewrite of a finished text, with the effect it must have.

An expectation row names what must move; everything not named must stay still.
"""

from collections.abc import Callable, Mapping
from random import Random

from tasks_lib.citation_grounding import damage, rewrites
from tasks_lib.citation_grounding.truth import BriefTruth, brief_truth
from tasks_lib.expectations import Shorthand
from tasks_lib.family import Operator
from tasks_lib.records import TaskInstance

_ROWS = Shorthand(
    {
        "cp": ("citation_present", "marked resolves"),
        "ca": ("citation_accurate", "source sentence"),
        "hf": ("hallucination_flag", "faithful nothing_added"),
        "ap": ("argument_preservation", "kept order"),
    }
)
ASPECTS = _ROWS.aspects
"""Every dimension and facet that an expectation may name."""

Damage = Callable[[BriefTruth, int, Random], str | None]


def _on_truth(apply: Damage) -> Callable[[TaskInstance, int, Random], str | None]:
    return lambda instance, severity, rng: apply(brief_truth(instance), severity, rng)


def _degrade(name: str, summary: str, apply: Damage, moves: str, may: str = "") -> Operator:
    return Operator(name, "degrade", summary, _on_truth(apply), _ROWS.row(moves, may))


def _neutral(name: str, summary: str, apply: Damage) -> Operator:
    return Operator(name, "neutral", summary, _on_truth(apply), _ROWS.row())


def _hard_ones_wrong(instance: TaskInstance, rng: Random) -> str:
    truth = brief_truth(instance)
    return truth.written(damage.hard_ones_wrong(truth))


_ACCURATE = "ca ca.source ca.sentence"
_BEYOND = f"{_ACCURATE} hf hf.faithful"
"""A claim that says more than its source is not supported by it, either."""
_LOST = f"cp cp.marked {_BEYOND} ap ap.kept ap.order"
"""A lost claim is lost for every dimension: if it were not, deleting it would repair it."""

_ALL = (
    _degrade("drop_markers", "leaves sources out", damage.drop_markers, moves=f"cp cp.marked {_ACCURATE}",
             may="cp.resolves"),
    _degrade("empty_brackets", "puts empty brackets where a source belongs", damage.empty_brackets,
             moves=f"cp cp.marked cp.resolves {_ACCURATE}"),
    _degrade("wrong_source", "cites a source that does not say it", damage.wrong_source, moves=_ACCURATE),
    _degrade("cite_near_miss", "cites a source that says something weaker", damage.cite_near_miss, moves=_ACCURATE),
    _degrade("cite_distractor", "cites a source with the same key words", damage.cite_distractor, moves=_ACCURATE),
    _degrade("cite_contrary", "cites a source that says the opposite", damage.cite_contrary, moves=_ACCURATE),
    _degrade("one_source", "cites one source for several claims", damage.one_source, moves=_ACCURATE),
    _degrade("wrong_sentence", "names the wrong sentence of the right source", damage.wrong_sentence,
             moves="ca ca.sentence"),
    _degrade("spray_markers", "puts a second source beside the right one", damage.spray_markers, moves=_ACCURATE),
    _degrade("invent_source", "cites sources that do not exist", damage.invent_source,
             moves=f"cp cp.marked cp.resolves {_ACCURATE} hf hf.nothing_added"),
    _degrade("cite_unsupported", "cites a source for what none supports", damage.cite_unsupported,
             moves=f"cp cp.marked {_BEYOND}"),
    _degrade("unmark_unsupported", "asserts what no source supports", damage.unmark_unsupported,
             moves=f"cp cp.marked {_BEYOND}", may="cp.resolves"),
    _degrade("strengthen", "claims more than the source: wider, surer, for more", damage.strengthen, moves=_BEYOND),
    _degrade("leave_overstated", "leaves claims stronger than their source", damage.leave_overstated, moves=_BEYOND),
    _degrade("flip_polarity", "turns claims into their opposite", damage.flip_polarity,
             moves=f"{_BEYOND} ap ap.kept ap.order"),
    _degrade("alter_figure", "changes figures", damage.alter_figure, moves=_BEYOND),
    _degrade("add_claims", "adds claims without a source", damage.add_claims, moves="hf hf.nothing_added"),
    _degrade("add_cited_claims", "adds claims and a source that does not say them", damage.add_cited_claims,
             moves="hf hf.nothing_added"),
    _degrade("drop_claims", "leaves claims out", damage.drop_claims, moves=_LOST, may="cp.resolves"),
    _degrade("reorder", "turns the order of the argument", damage.reorder, moves="ap ap.order"),
    _degrade("leave_undone", "deals with ever fewer claims, down to the brief", damage.leave_undone,
             moves=f"cp cp.marked {_ACCURATE}", may="cp.resolves hf hf.faithful"),
    Operator("delete_hard_claims", "compensation", "deletes the claims it got wrong",
             _on_truth(damage.delete_hard_claims),
             _ROWS.row(moves="ap ap.kept ap.order", may="cp cp.marked hf hf.faithful"), _hard_ones_wrong),
    _neutral("letters", "[Source B] for [S2]", rewrites.letters),
    _neutral("round_brackets", "(Source B) for [S2]", rewrites.round_brackets),
    _neutral("numbers", "[2] for [S2]", rewrites.numbers),
    _neutral("behind_the_stop", "markers behind the full stop", rewrites.behind_the_stop),
    _neutral("other_wording", "claims in another wording", rewrites.other_wording),
    _neutral("own_words", "claims with an opening of their own that adds nothing", rewrites.own_words),
    _neutral("bullets", "every claim on a line of its own", rewrites.bullets),
    _neutral("white_space", "other spaces and line endings", rewrites.white_space),
    _neutral("fenced", "the text in a code fence", rewrites.fenced),
)  # fmt: skip

OPERATORS: Mapping[str, Operator] = {operator.name: operator for operator in _ALL}
