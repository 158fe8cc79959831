"""The damages: each takes the sound document and applies the first k of one fixed list of corruptions to it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

from tasks_lib.doc_revision.phrases import FILLER, INVENTED, INVENTED_FIGURES
from tasks_lib.doc_revision.style import banned_word, once_the_article, whole_word
from tasks_lib.doc_revision.truth import DocumentTruth, Piece, Statement
from tasks_lib.words import words

_FIGURE = re.compile(r"\d[\d,]*(?:\.\d+)?")
_DATE = re.compile(r"\b(\d{1,2}) ([A-Z][a-z]+) (\d{4})\b")
_CAPITALS = re.compile(r"[A-Z][\w'-]*(?: [A-Z][\w'-]*)*")

Rewrite = Callable[[DocumentTruth, Statement, Random], str | None]
"""Return another sentence for a statement, or None where it is no target."""


def dose_of(severity: int) -> int:
    """Return how many corruptions a severity of 1..4 applies: 1, 2, 4, 8."""
    return 1 << (severity - 1)


def reached(targets: int, severity: int) -> bool:
    """Tell whether a severity finds a further target: without one it would repeat the rung below."""
    return targets > (dose_of(severity - 1) if severity > 1 else 0)


def rewritten(truth: DocumentTruth, severity: int, rng: Random, among: Sequence[str], rewrite: Rewrite) -> str | None:
    """Rewrite the first k of some statements that are targets, in an order of their own."""
    found: dict[str, str] = {}
    for name in rng.sample(list(among), len(among)):
        sentence = rewrite(truth, truth.by_id[name], Random(rng.getrandbits(64)))
        if sentence is not None and sentence != truth.by_id[name].wanted:
            found[name] = sentence
    if not reached(len(found), severity):
        return None
    chosen = dict([*found.items()][: dose_of(severity)])
    pieces = [replace(piece, text=chosen.get(piece.statement or "", piece.text)) for piece in truth.pieces()]
    return truth.written(pieces)


def protected(truth: DocumentTruth) -> list[str]:
    """Return the statements without a problem, the key result apart."""
    repeated = {problem.statement for problem in truth.problems}
    return [name for name in truth.protected if name != truth.key and name not in repeated]


def added(truth: DocumentTruth, severity: int, rng: Random, sentences: Sequence[str], times: int = 1) -> str | None:
    """Add sentences that state nothing of the ledger, each at a place of its own, never before the first."""
    places = [rng.randrange(len(truth.sections)) for _ in sentences]
    count = times * dose_of(severity)
    if len(sentences) < count:
        return None
    pieces = truth.pieces()
    for sentence, section in zip(sentences[:count], places, strict=False):
        pieces = _put(pieces, Piece(sentence, section, None))
    return truth.written(pieces)


def _put(pieces: Sequence[Piece], piece: Piece) -> list[Piece]:
    """Put a sentence at the end of its section."""
    after = sum(other.section <= piece.section for other in pieces)
    return [*pieces[:after], piece, *pieces[after:]]


def invent_claim(truth: DocumentTruth, severity: int, rng: Random) -> str | None:
    return added(truth, severity, rng, rng.sample(INVENTED, 8))


def invent_figure(truth: DocumentTruth, severity: int, rng: Random) -> str | None:
    return added(truth, severity, rng, invented_figures(truth, rng))


def invented_figures(truth: DocumentTruth, rng: Random) -> list[str]:
    """Return claims with figures that stand nowhere in the document."""
    given = set(_FIGURE.findall(truth.render()))
    small = [f"{n / 10:.1f}" for n in range(113, 399, 2) if f"{n / 10:.1f}" not in given]
    large = [str(n) for n in range(203, 997, 7) if str(n) not in given]
    return [claim.format(a=rng.choice(small), b=rng.choice(large)) for claim in rng.sample(INVENTED_FIGURES, 8)]


def pad(truth: DocumentTruth, severity: int, rng: Random) -> str | None:
    return added(truth, severity, rng, rng.sample(FILLER, len(FILLER)), times=2)


def break_limit(truth: DocumentTruth, severity: int, rng: Random) -> str:
    """Add filler until the document is 5, 15, 30 and 60 % above the limit."""
    wanted = truth.word_limit * (1.05, 1.15, 1.3, 1.6)[severity - 1]
    filler, pieces = rng.sample(FILLER, len(FILLER)), truth.pieces()
    place = 0
    while len(words(truth.written(pieces))) <= wanted:
        pieces = _put(pieces, Piece(filler[place % len(filler)], rng.randrange(len(truth.sections)), None))
        place += 1
    return truth.written(pieces)


def alter_figure(truth: DocumentTruth, severity: int, rng: Random) -> str | None:
    return rewritten(truth, severity, rng, protected(truth), _other_figure)


def _other_figure(truth: DocumentTruth, statement: Statement, rng: Random) -> str | None:
    """Change the leading digits of a figure that is part of no date and no name."""
    kept = [match.span() for match in _DATE.finditer(statement.wanted)]
    spans = [
        match.span()
        for match in _FIGURE.finditer(statement.wanted)
        if not any(start <= match.start() < end for start, end in kept)
        and not re.match(r"[A-Za-z-]", statement.wanted[match.start() - 1 : match.start()] or " ")
    ]
    if not spans:
        return None
    start, end = rng.choice(spans)
    figure = statement.wanted[start:end]
    other = str(int(figure[0]) % 9 + 1) + figure[1:]
    return statement.wanted[:start] + other + statement.wanted[end:]


def alter_date(truth: DocumentTruth, severity: int, rng: Random) -> str | None:
    return rewritten(truth, severity, rng, protected(truth), _other_date)


def _other_date(truth: DocumentTruth, statement: Statement, rng: Random) -> str | None:
    match = _DATE.search(statement.wanted)
    if match is None:
        return None
    day = int(match[1]) % 28 + 1
    return f"{statement.wanted[: match.start()]}{day} {match[2]} {match[3]}{statement.wanted[match.end() :]}"


def swap_names(truth: DocumentTruth, severity: int, rng: Random) -> str | None:
    """Put another name of the document in the place of the one that belongs there."""
    return rewritten(truth, severity, rng, protected(truth), _other_name)


def _other_name(truth: DocumentTruth, statement: Statement, rng: Random) -> str | None:
    known = [name for name, _ in truth.names]
    here = [name for name in known if whole_word(name).search(statement.wanted)]
    others = [name for name in known if name not in here]
    if not here or not others:
        return None
    return whole_word(rng.choice(here)).sub(rng.choice(others), statement.wanted, count=1)


def drop_facts(truth: DocumentTruth, severity: int, rng: Random) -> str | None:
    free = protected(truth)
    if not reached(len(free), severity):
        return None
    gone = set(rng.sample(free, len(free))[: dose_of(severity)])
    return truth.written([piece for piece in truth.pieces() if piece.statement not in gone])


def rebury_lead(truth: DocumentTruth, severity: int, rng: Random) -> str | None:
    """Move the key result ever further down: behind one, two, four sentences, and to the very end."""
    pieces = truth.pieces()
    at = next(place for place, piece in enumerate(pieces) if piece.statement == truth.key)
    to = min(len(pieces) - 1, at + dose_of(severity)) if severity < 4 else len(pieces) - 1
    if to == at:
        return None
    rest = [*pieces[:at], *pieces[at + 1 :]]
    moved = replace(pieces[at], section=rest[to - 1].section)
    return truth.written([*rest[:to], moved, *rest[to:]])


def reintroduce_figure(truth: DocumentTruth, severity: int, rng: Random) -> str | None:
    return _reopened(truth, severity, rng, "figure")


def _reopened(truth: DocumentTruth, severity: int, rng: Random, *kinds: str) -> str | None:
    """Open the first k problems of some kinds again; all kinds where none is named."""
    closed = [problem.problem_id for problem in truth.problems if not kinds or problem.kind in kinds]
    if not reached(len(closed), severity):
        return None
    return truth.render(set(rng.sample(closed, len(closed))[: dose_of(severity)]))


def leave_problems(truth: DocumentTruth, severity: int, rng: Random) -> str | None:
    """Put ever fewer problems right: all but one, two, four, and none."""
    if severity < 4:
        return _reopened(truth, severity, rng)
    return truth.render({problem.problem_id for problem in truth.problems})


def passivise(truth: DocumentTruth, severity: int, rng: Random) -> str | None:
    return rewritten(truth, severity, rng, protected(truth), _passive_wording)


def _passive_wording(truth: DocumentTruth, statement: Statement, rng: Random) -> str | None:
    return rng.choice(statement.passive) if statement.passive else None


def over_rewrite(truth: DocumentTruth, severity: int, rng: Random) -> str | None:
    """Say in other words what needed no other words."""
    return rewritten(truth, severity, rng, protected(truth), other_wording)


def other_wording(truth: DocumentTruth, statement: Statement, rng: Random) -> str | None:
    """Return another active wording of a statement that keeps every rule, or None."""
    clean = [wording for wording in statement.wordings if not breaks_a_rule(truth, wording)]
    return rng.choice(clean) if clean else None


def breaks_a_rule(truth: DocumentTruth, sentence: str) -> bool:
    """Tell whether a sentence holds a word that the style guide bans."""
    return any(banned_word(bad).search(sentence) for rule in truth.rules for _, bad in rule.pairs)


def break_style(truth: DocumentTruth, severity: int, rng: Random) -> str | None:
    return rewritten(truth, severity, rng, protected(truth), _against_the_guide)


def _against_the_guide(truth: DocumentTruth, statement: Statement, rng: Random) -> str | None:
    for rule in truth.rules:
        for good, bad in rule.pairs:
            match = whole_word(good).search(statement.wanted)
            if match is not None and match.group() == good:
                return statement.wanted[: match.start()] + bad + statement.wanted[match.end() :]
    return None


def break_names(truth: DocumentTruth, severity: int, rng: Random) -> str | None:
    return rewritten(truth, severity, rng, protected(truth), _by_alias)


def _by_alias(truth: DocumentTruth, statement: Statement, rng: Random) -> str | None:
    for name, alias in truth.names:
        if whole_word(name).search(statement.wanted):
            sentence = once_the_article(whole_word(name).sub(alias, statement.wanted, count=1))
            return sentence[:1].upper() + sentence[1:]
    return None


def drop_spelled_out(truth: DocumentTruth, severity: int, rng: Random) -> str | None:
    """Leave the short forms unexplained: of the first k terms."""
    shown = [term.name for term in truth.terms if f"{term.full} ({term.short})" in truth.render()]
    if not reached(len(shown), severity):
        return None
    text, chosen = truth.render(), rng.sample(shown, len(shown))[: dose_of(severity)]
    for term in truth.terms:
        if term.name in chosen:
            text = text.replace(f"{term.full} ({term.short})", term.short)
    return text


def repeat_facts(truth: DocumentTruth, severity: int, rng: Random) -> str | None:
    """Say facts a second time, in other words, at the end."""
    free = [name for name in protected(truth) if other_wording(truth, truth.by_id[name], Random(0)) is not None]
    if not reached(len(free), severity):
        return None
    chosen = rng.sample(free, len(free))[: dose_of(severity)]
    last = len(truth.sections) - 1
    again = [Piece(other_wording(truth, truth.by_id[name], Random(0)) or "", last, name) for name in chosen]
    return truth.written([*truth.pieces(), *again])


def drop_headings(truth: DocumentTruth, severity: int, rng: Random) -> str | None:
    blocks = truth.render().split("\n\n")
    headings = [place for place, block in enumerate(blocks) if block.startswith("## ")]
    if not reached(len(headings), severity):
        return None
    gone = set(rng.sample(headings, len(headings))[: dose_of(severity)])
    return "\n\n".join(block for place, block in enumerate(blocks) if place not in gone)


def negate(truth: DocumentTruth, severity: int, rng: Random) -> str | None:
    return rewritten(truth, severity, rng, protected(truth), lambda *told: _after("It is not true that", told[1]))


def harden(truth: DocumentTruth, severity: int, rng: Random) -> str | None:
    """Claim with certainty what was only said."""
    return rewritten(truth, severity, rng, protected(truth), lambda *told: _after("Undoubtedly,", told[1]))


def participle_clauses(truth: DocumentTruth, severity: int, rng: Random) -> str | None:
    """Hang a clause in the passive voice on sound sentences, without a finite verb."""
    return rewritten(
        truth, severity, rng, protected(truth),
        lambda *told: f"{told[1].wanted.rstrip('.')}, a point noted by the editors and praised by readers.",
    )  # fmt: skip


def _after(opening: str, statement: Statement) -> str:
    return f"{opening} {with_opening(statement.wanted)}"


def with_opening(sentence: str) -> str:
    """Return a sentence as it stands behind other words: its first letter is small unless a name begins it."""
    keeps_capital = _CAPITALS.match(sentence) and sentence.split(" ")[0].lower() not in _OPENERS
    return sentence if keeps_capital else sentence[:1].lower() + sentence[1:]


_OPENERS = frozenset(
    ["the", "a", "an", "on", "in", "at", "by", "for", "after", "before", "about", "with", "of", "to", "from", "until",
     "over", "every", "all", "most", "some"]
)  # fmt: skip
"""Words that stand capitalised only because they open a sentence."""


def shuffle(truth: DocumentTruth, severity: int, rng: Random) -> str | None:
    """Put k + 1 sentences that follow each other, the key result apart, into the reverse order."""
    pieces = truth.pieces()
    free = set(protected(truth))
    movable = [place for place, piece in enumerate(pieces) if piece.statement in free]
    if not reached(len(movable) - 1, severity):
        return None
    window = movable[: dose_of(severity) + 1]
    turned = [
        replace(pieces[there], section=pieces[here].section)
        for here, there in zip(window, reversed(window), strict=True)
    ]
    for place, piece in zip(window, turned, strict=True):
        pieces[place] = piece
    return truth.written(pieces)


def delete_problem_sentences(truth: DocumentTruth, severity: int, rng: Random) -> str | None:
    """Leave out what was not put right: the sentences of the first k problems."""
    order = rng.sample(truth.problems, len(truth.problems))
    if not reached(len(order), severity):
        return None
    gone = {problem.statement for problem in order[: dose_of(severity)]}
    left = {problem.problem_id for problem in truth.problems}
    return truth.written([piece for piece in truth.pieces(left) if piece.statement not in gone])
