"""Rules of a house style that code can check: each bans words and names what to write in their place."""

import re
from dataclasses import dataclass
from functools import cache

from tasks_lib.templates import SLOT


@dataclass(frozen=True)
class StyleRule:
    """One line of a style guide."""

    rule_id: str
    text: str
    pairs: tuple[tuple[str, str], ...]
    """(what to write, what not to write); matched as whole words, upper and lower case alike."""

    def breach(self, sentence: str) -> str | None:
        """Return the sentence with its first fitting word made worse, or None where no word fits."""
        # Slots of a template are no words: they are blotted out before looking.
        shown = SLOT.sub(lambda match: "\0" * len(match.group()), sentence)
        found = [(match, bad) for good, bad in self.pairs if (match := whole_word(good).search(shown))]
        if not found:
            return None
        match, bad = min(found, key=lambda pair: pair[0].start())
        word = bad.capitalize() if match.group()[0].isupper() else bad
        return f"{sentence[: match.start()]}{word}{sentence[match.end() :]}"


@cache
def whole_word(text: str) -> re.Pattern[str]:
    """Return a pattern that finds a word or phrase on its own."""
    return re.compile(rf"(?<!\w){re.escape(text)}(?!\w)", re.IGNORECASE)


def _plain(word: str, *pairs: tuple[str, str]) -> StyleRule:
    bad = pairs[0][1]
    return StyleRule(f"plain_{word}", f'Write "{pairs[0][0]}", not "{bad}", in all its forms.', pairs)


RULES: tuple[StyleRule, ...] = (
    _plain("use", ("use", "utilise"), ("uses", "utilises"), ("used", "utilised"), ("using", "utilising")),
    _plain("start", ("start", "commence"), ("starts", "commences"), ("started", "commenced")),
    _plain("end", ("end", "terminate"), ("ends", "terminates"), ("ended", "terminated")),
    _plain("help", ("help", "facilitate"), ("helps", "facilitates"), ("helped", "facilitated")),
    _plain("buy", ("buy", "procure"), ("buys", "procures"), ("bought", "procured")),
    _plain("show", ("show", "evidence"), ("shows", "evidences"), ("showed", "evidenced")),
    _plain("try", ("try", "endeavour"), ("tries", "endeavours"), ("tried", "endeavoured")),
    _plain("need", ("need", "necessitate"), ("needs", "necessitates"), ("needed", "necessitated")),
    _plain("change", ("change", "alteration"), ("changes", "alterations")),
    _plain("about", ("about", "circa")),
    _plain("before", ("before", "prior to")),
    _plain("after", ("after", "subsequent to")),
    _plain("enough", ("enough", "sufficient")),
    _plain("many", ("many", "myriad")),
    StyleRule("no_ampersand", 'Write "and" in full, never "&".', (("and", "&"),)),
    StyleRule("no_contraction", 'Write "do not", "does not" and "will not" in full, never "don\'t" and the like.',
              (("do not", "don't"), ("does not", "doesn't"), ("did not", "didn't"), ("will not", "won't"))),
)  # fmt: skip


def once_the_article(sentence: str) -> str:
    """Return a sentence in which no two articles meet, as they do where `the` is part of a name put behind one."""
    return re.sub(r"\b(the) the\b", r"\1", sentence, flags=re.IGNORECASE)


@cache
def banned_word(bad: str) -> re.Pattern[str]:
    """Return a pattern that finds what a rule bans: `&` between spaces, `don't` also as `do n't`, else whole words."""
    if bad == "&":
        return re.compile(r"(?<=\s)&(?=\s)")
    if bad.endswith("n't"):
        return re.compile(rf"(?<!\w){re.escape(bad[:-3])}\s*n\s*'\s*t(?!\w)", re.IGNORECASE)
    return whole_word(bad)
