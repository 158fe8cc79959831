"""The catalogue of operators: every rewrite of a finished document, with the effect it must have.

An expectation row names what must move; everything not named must stay still.
"""

from collections.abc import Callable, Mapping
from random import Random

from tasks_lib.doc_revision import damage, rewrites
from tasks_lib.doc_revision.truth import DocumentTruth, document_truth
from tasks_lib.expectations import Shorthand
from tasks_lib.family import Operator
from tasks_lib.records import TaskInstance

_ROWS = Shorthand(
    {
        "if": ("instruction_following", "limit voice rules"),
        "fa": ("faithfulness", "facts_kept nothing_invented"),
        "oe": ("over_editing", "survival length"),
        "qd": ("quality_delta", "problems_fixed readability"),
    }
)
ASPECTS = _ROWS.aspects
"""Every dimension and facet that an expectation may name."""

Damage = Callable[[DocumentTruth, int, Random], str | None]


def _on_truth(apply: Damage) -> Callable[[TaskInstance, int, Random], str | None]:
    return lambda instance, severity, rng: apply(document_truth(instance), severity, rng)


def _degrade(name: str, summary: str, apply: Damage, moves: str, may: str = "") -> Operator:
    return Operator(name, "degrade", summary, _on_truth(apply), _ROWS.row(moves, may))


def _neutral(name: str, summary: str, apply: Damage) -> Operator:
    return Operator(name, "neutral", summary, _on_truth(apply), _ROWS.row())


def _all_left(instance: TaskInstance, rng: Random) -> str:
    truth = document_truth(instance)
    return truth.render({problem.problem_id for problem in truth.problems})


_EXTRA = "fa fa.nothing_invented oe oe.length qd qd.readability"
"""A sentence that nobody asked for: what it claims and how it reads cannot be told, and it is there."""
_FALSE = "fa fa.facts_kept fa.nothing_invented oe oe.survival"
"""A sound sentence that now says something else."""
_ANY = "if if.limit if.voice if.rules fa fa.facts_kept oe oe.survival oe.length"
"""What seeded problems of all kinds can reach between them."""

_ALL = (
    _degrade("invent_claim", "adds plausible claims that no document makes", damage.invent_claim,
             moves=_EXTRA, may="if if.limit if.rules qd.problems_fixed"),
    _degrade("invent_figure", "adds claims with figures that no document has", damage.invent_figure,
             moves="fa fa.nothing_invented oe oe.length",
             may="if if.limit if.rules qd qd.problems_fixed qd.readability"),
    _degrade("alter_figure", "changes figures in sound sentences", damage.alter_figure, moves=_FALSE),
    _degrade("alter_date", "changes dates in sound sentences", damage.alter_date, moves=_FALSE),
    _degrade("swap_names", "puts another known name in the place of the right one", damage.swap_names, moves=_FALSE,
             may="if if.limit"),
    _degrade("negate", "turns statements into their opposite", damage.negate, moves=_FALSE, may="if if.limit"),
    _degrade("harden", "claims with certainty what was only said", damage.harden, moves=_FALSE, may="if if.limit"),
    _degrade("drop_facts", "leaves sound statements out", damage.drop_facts, moves="fa fa.facts_kept oe oe.survival",
             may="if if.rules"),
    _degrade("rebury_lead", "moves the key result down", damage.rebury_lead, moves="if if.rules",
             may="oe oe.survival qd qd.problems_fixed"),
    _degrade("reintroduce_figure", "brings the wrong figures of the draft back", damage.reintroduce_figure,
             moves="fa fa.facts_kept qd qd.problems_fixed"),
    _degrade("passivise", "puts sound sentences into the passive voice", damage.passivise,
             moves="if if.voice oe oe.survival", may="if.limit"),
    _degrade("over_rewrite", "says sound sentences in other words", damage.over_rewrite, moves="oe oe.survival",
             may="if if.limit"),
    _degrade("pad", "adds varied filler", damage.pad, moves=_EXTRA,
             may="if if.limit if.rules qd.problems_fixed"),
    _degrade("break_limit", "adds filler beyond the word limit", damage.break_limit, moves=f"if if.limit {_EXTRA}",
             may="if.rules qd.problems_fixed"),
    _degrade("break_style", "uses words that the style guide bans", damage.break_style, moves="if if.rules",
             may="if.limit"),
    _degrade("break_names", "calls things by names that are not approved", damage.break_names, moves="if if.rules",
             may="if.limit"),
    _degrade("drop_spelled_out", "leaves short forms unexplained", damage.drop_spelled_out, moves="if if.rules",
             may="qd qd.problems_fixed"),
    _degrade("repeat_facts", "says facts a second time in other words", damage.repeat_facts,
             moves="if if.rules oe oe.length", may="if.limit"),
    _degrade("drop_headings", "leaves headings out", damage.drop_headings, moves="if if.rules",
             may="qd qd.problems_fixed"),
    _degrade("shuffle", "lets sound sentences change places", damage.shuffle, moves="oe oe.survival"),
    _degrade("leave_problems", "puts ever fewer problems right, down to the draft", damage.leave_problems,
             moves="qd qd.problems_fixed", may=_ANY),
    Operator("delete_problem_sentences", "compensation", "leaves out what was not put right",
             _on_truth(damage.delete_problem_sentences),
             _ROWS.row(may=f"{_ANY} qd qd.problems_fixed"), _all_left),
    _degrade("participle_clauses", "hangs passive clauses without a finite verb on sound sentences",
             damage.participle_clauses,
             moves="if if.voice fa fa.facts_kept oe oe.survival",
             may="if.limit fa.nothing_invented oe.length qd qd.problems_fixed qd.readability"),
    _neutral("own_words", "mended sentences with an opening of their own that adds nothing", rewrites.own_words),
    _neutral("other_words", "mended sentences in another active wording", rewrites.other_words),
    _neutral("present_for_planned", "what is planned in the present tense, in mended sentences",
             rewrites.present_for_planned),
    _neutral("figure_style", "37 percent for 37%, March 14, 2025 for 14 March 2025", rewrites.figure_style),
    _neutral("white_space", "other spaces and line endings", rewrites.white_space),
    _neutral("curly_quotes", "typographic quotes and hard spaces", rewrites.curly_quotes),
    _neutral("headings_in_bold", "bold headings", rewrites.headings_in_bold),
    _neutral("sentence_a_line", "every sentence on a line of its own", rewrites.sentence_a_line),
    _neutral("fenced", "the document in a code fence", rewrites.fenced),
)  # fmt: skip

OPERATORS: Mapping[str, Operator] = {operator.name: operator for operator in _ALL}
