"""Measuring prose: words, figures, dates, names, strength of claim, and the voice of the verb.

Everything here reads what is written and settles nothing about truth. What kind of word a word is comes from an
inflection lexicon (the forms of the SPECIALIST Lexicon), from closed word classes in `lexicon/words.toml`, and from
nowhere else.
"""

import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

import lemminflect
from text_to_num import alpha2digit

from graders.lexicon.forms import prepare
from tasks_lib.words import TOKEN, tidy

_LEXICON = tomllib.loads((Path(__file__).parent / "lexicon" / "words.toml").read_text(encoding="utf-8"))
_FUNCTION = frozenset(_LEXICON["function"].split())
_CONNECTIVE = frozenset(_LEXICON["connective"].split())
_STRENGTH = {word: name for name, words in _LEXICON["strength"].items() for word in words.split()}
_NEGATION = frozenset(_LEXICON["negation"]["words"].split())
_STATIVE = frozenset(_LEXICON["stative"]["words"].split())
_BE = frozenset(["am", "is", "are", "was", "were", "be", "been", "being"])
_FREE = frozenset(_LEXICON["free"]["words"].split())
_ODD = re.compile(r"[^\w\s.,;:!'%$€£&-]|_|(?:^|\s)-\s?[$€£]?\d", re.UNICODE)
_ARTICLES = frozenset(["a", "an", "the"])
_GET = frozenset(["get", "gets", "got", "getting", "gotten"])
_AUXILIARY = frozenset([*_BE, *_GET, "have", "has", "had", "having"])
MOVABLE = frozenset(_LEXICON["movable"]["words"].split())
_ADVERBS = frozenset(_LEXICON["adverb"]["words"].split())

_OPPOSITES: dict[str, frozenset[str]] = {}
for _left, _right in _LEXICON["antonym"]["pairs"]:
    for _words, _others in ((_left.split(), _right.split()), (_right.split(), _left.split())):
        for _word in _words:
            _OPPOSITES[_word] = _OPPOSITES.get(_word, frozenset()).union(_others)

_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_MONTH = "(?P<n>" + "|".join(f"{name[:3]}(?:{name[3:]})?" for name in _MONTHS) + r")\.?"
_SHORT_MONTHS = tuple(name[:3] for name in _MONTHS)
_ISO_DATE = re.compile(r"\b(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)\b")
_DATES = (
    re.compile(rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? {_MONTH},? (?P<y>\d{{4}})\b", re.I),
    re.compile(rf"\b{_MONTH} (?P<d>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<y>\d{{4}})\b", re.I),
    re.compile(rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? {_MONTH}\b(?! \d{{4}})", re.I),
    re.compile(rf"\b{_MONTH},? (?P<y>\d{{4}})\b", re.I),
)  # fmt: skip
_SCALES = {"thousand": 1e3, "k": 1e3, "million": 1e6, "m": 1e6, "mn": 1e6, "billion": 1e9, "bn": 1e9}
_FIGURE = re.compile(
    r"(?P<sign>[$€£])? ?(?<![\w.])(?P<minus>-)?(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"(?: ?(?P<scale>thousand|million|billion|mn|bn|[mk])\b)?"
    r"(?: ?(?P<percent>%|per ?cent\b))?(?: (?P<money>dollars|euros|pounds)\b)?(?!\w)",
    re.I,
)
_IDENTIFIER = re.compile(r"\b[A-Za-z]{1,12}-?\d+(?:[.-]?\d+)*\b")
_IN_IDENTIFIER = re.compile(r"[A-Za-z]-?\d")
_MILLION = re.compile(r"(\d) 1000000\b")
_CODES = {"USD": "$", "EUR": "\u20ac", "GBP": "\u00a3", "US$": "$"}
_CODE = re.compile(r"(?<!\w)(USD|EUR|GBP|US\$) ?(?=\d)")
_MONEY = {"dollars": "$", "euros": "€", "pounds": "£"}
_BOUNDS = [
    (re.compile(rf"(?<![-\w]){phrase}(?= [$€£]?\d)", re.I), f"bound-{name.replace('_', '-')}")
    for name, phrases in _LEXICON["bound"].items()
    for phrase in phrases
]
_ANY_BOUND = re.compile(
    rf"(?<![-\w])(?:{'|'.join(p for row in _LEXICON['bound'].values() for p in row)})(?= [$€£]?\d)", re.I
)
_DIGIT = re.compile(r"\d")
_WORDS = re.compile(r"\w+")
_CANNOT = re.compile(r"\bcannot\b", re.I)
_CONTRACTIONS = (
    (re.compile(r"\bcan't\b", re.I), "can not"),
    (_CANNOT, "can not"),
    (re.compile(r"\bwon't\b", re.I), "will not"),
    (re.compile(r"\bshan't\b", re.I), "shall not"),
    (re.compile(r"n't\b", re.I), " not"),
    (re.compile(r"\b(it|that|there|what|he|she|who)'s\b", re.I), r"\1 is"),
    (re.compile(r"'re\b", re.I), " are"),
    (re.compile(r"'ve\b", re.I), " have"),
    (re.compile(r"'ll\b", re.I), " will"),
    (re.compile(r"'(s|d|m)\b|(?<=s)'", re.I), ""),
)
_SAID_TWICE = re.compile(r"\b([\w' -]{3,80}) \((?:the )?\1\)", re.I)


Step = tuple[str, tuple[str, ...]]
"""A word or slot, and the function words and classes of strength between it and the one before: `to` is not `from`."""


@dataclass(frozen=True)
class Reading:
    """What one sentence says, as far as its surface tells."""

    text: str
    content: tuple[str, ...]
    """Lemmas of the content words, in order; names, figures and words of strength are not among them."""
    slots: tuple[str, ...]
    """Figures, dates and names, in order: `$:4200000`, `%:37`, `:1240`, `date:2025-03-14`, `name:northwind`."""
    strength: frozenset[str]
    """Classes of hedges, quantifiers, modal verbs and bounds."""
    negations: int
    passive: bool
    order: tuple[Step, ...] = ()
    """Content words, names, dates and figures as they follow each other, each with what leads to it."""
    asks: bool = False
    """It is a question."""
    odd: bool = False
    """It holds signs that plain prose does not: comparisons, strokes, a minus, quotes, remarks in brackets."""
    bare_participles: frozenset[str] = frozenset()
    """Participles that are no past tense and have no auxiliary before them: `taken` where `took` belongs."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(slot for slot in self.slots if slot.startswith("name:"))

    @property
    def figures(self) -> tuple[str, ...]:
        return tuple(slot for slot in self.slots if not slot.startswith("name:"))

    @cached_property
    def words(self) -> frozenset[str]:
        """The content words, each once."""
        return frozenset(self.content)

    @cached_property
    def marks(self) -> frozenset[str]:
        """The slots, each once."""
        return frozenset(self.slots)

    @property
    def steps(self) -> frozenset[Step]:
        """What follows each other, whatever the order."""
        return frozenset(self.order)

    @cached_property
    def weight(self) -> float:
        """How much it says: its content words, and its slots at half their weight, each once."""
        return len(self.words) + 0.5 * len(self.marks)


@lru_cache(maxsize=20_000)
def lemma(word: str) -> str:
    """Return the one lemma that stands for all forms of a word; an unknown word stands for itself."""
    found = _lemmas(_british(word))
    for part in ("VERB", "NOUN", "ADJ", "ADV"):
        if found.get(part):
            return str(found[part][0])
    return _british(word)


@cache
def _lexicon() -> Any:
    prepare()
    return lemminflect


@cache
def _lemmas(word: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = _lexicon().getAllLemmas(word)
    return found


def _british(word: str) -> str:
    return re.sub(r"yz(e[drs]?|ing)$", r"ys\1", re.sub(r"(?<=\w\w\w)iz(e[drs]?|ing|ations?)$", r"is\1", word))


def is_known_word(word: str) -> bool:
    """Tell whether the lexicon lists a word, in lower case, as anything at all."""
    return bool(_lemmas(word.lower())) or word.lower() in _FUNCTION or word.lower() in _STRENGTH


@lru_cache(maxsize=20_000)
def is_participle(word: str) -> bool:
    """Tell whether a word is the past participle of a verb, by the lexicon and not by its ending.

    A word that the lexicon lacks (`onboarded`) is taken for one when the lexicon knows its verb under the prefix or
    lists no other reading and its ending is regular.
    """
    low = word.lower()
    for verb in _lemmas(low).get("VERB", ()):
        if low in _lexicon().getInflection(verb, "VBN", inflect_oov=False):
            return True
    prefix = re.match(r"(re|un|over|under|mis|out|de|dis|pre|co)-?(?=\w{3})", low)
    if prefix and not _lemmas(low):
        return is_participle(low[prefix.end() :])
    return not _lemmas(low) and len(low) > 4 and low.endswith("ed")


def is_passive(tokens: list[str]) -> bool:
    """Tell whether a finite verb of a sentence stands in the passive voice.

    A form of `be` or `get`, up to four adverbs, and a participle: regular, irregular, with a modal verb, in any tense.
    A participle that describes a state (`is located`) counts only with an agent behind it.
    """
    low = [token.lower() for token in tokens]
    for place, token in enumerate(low):
        if token not in _BE and token not in _GET:
            continue
        at = place + 1
        while at < len(low) and at <= place + 4 and _may_stand_between(low, at):
            at += 1
        if at >= len(low) or not is_participle(low[at]) or low[at] in _BE:
            continue
        if low[at] in _GET and token in _BE:
            continue
        agent = "by" in low[at + 1 : at + 4]
        if low[at] in _STATIVE and not agent:
            continue
        if token in _GET and low[at] in _lemmas(low[at]).get("NOUN", ()) and not agent:
            continue
        return True
    return _is_passive_question(low)


def _may_stand_between(low: list[str], at: int) -> bool:
    """Tell whether a word may stand between `be` and its participle: an adverb, two with `and`, another `be`."""
    word = low[at]
    if word == "and":
        return low[at - 1].endswith("ly")
    return word in _ADVERBS or word.endswith("ly") or word in _BE


def bare_participles(tokens: list[str]) -> frozenset[str]:
    """Return the participles that cannot be a past tense and have no auxiliary in the four words before them."""
    low = [word.lower() for word in tokens]
    return frozenset(
        word
        for place, word in enumerate(low)
        if _is_participle_only(word) and not _AUXILIARY.intersection(low[max(0, place - 4) : place])
    )


@lru_cache(maxsize=20_000)
def _is_participle_only(word: str) -> bool:
    verbs = _lemmas(word).get("VERB", ())
    return (
        bool(verbs)
        and is_participle(word)
        and not any(
            word in _lexicon().getInflection(verb, tag, inflect_oov=False) for verb in verbs for tag in ("VBD", "VBP")
        )
    )


def _is_passive_question(low: list[str]) -> bool:
    """Read `was the plan approved`: the verb first, its participle after a subject of up to five words."""
    return bool(low) and low[0] in _BE and any(is_participle(word) and word not in _STATIVE for word in low[2:7])


class Reader:
    """Reads sentences against the names that the materials hold, and remembers what it has read.

    Args:
        materials: texts that tell which capitalised words are names.
        equivalents: (as written, what it stands for) pairs, applied before reading: aliases, acronyms, words a style
            guide replaces.
    """

    def __init__(self, materials: list[str], equivalents: list[tuple[str, str]] | None = None) -> None:
        pairs = sorted(equivalents or [], key=lambda pair: -len(pair[0]))
        self._standing = {left.casefold(): right for left, right in pairs}
        self._equivalent = (
            re.compile(rf"(?<!\w)({'|'.join(re.escape(left) for left, _ in pairs)})(?!\w)", re.I) if pairs else None
        )
        settled = [self._settle(tidy(text)) for text in materials]
        self.names = frozenset(name for text in settled for name in _capitalised(text))
        self.vocabulary = frozenset(word.lower() for text in settled for word in TOKEN.findall(text))
        self._read: dict[str, Reading] = {}
        self._words: dict[str, tuple[str, ...]] = {}

    def read(self, sentence: str) -> Reading:
        """Return what a sentence says; the same sentence is read once."""
        if sentence not in self._read:
            self._read[sentence] = self._fresh(sentence)
        return self._read[sentence]

    def words(self, text: str) -> tuple[str, ...]:
        """Return the words of a text in lower case, equivalents settled: what is left of it word for word.

        Articles are left out: with another name the article goes or comes. The same text is divided once.
        """
        if text not in self._words:
            found = TOKEN.findall(self._settle(tidy(text)).lower())
            self._words[text] = tuple(word for word in found if word not in _ARTICLES)
        return self._words[text]

    def _settle(self, text: str) -> str:
        if self._equivalent is None:
            return text
        if self._may_hold_equivalent(text):
            text = self._equivalent.sub(lambda match: self._standing[match.group().casefold()], text)
        # `service level agreement (SLA)` names one thing once.
        return _SAID_TWICE.sub(r"\1", text) if " (" in text else text

    def _may_hold_equivalent(self, text: str) -> bool:
        # To look for strings takes a fraction of the time of the pattern. Other letters than ASCII may stand for each
        # other there.
        low = text.lower()
        return not text.isascii() or any(left in low for left in self._standing)

    def _fresh(self, sentence: str) -> Reading:
        plain = _spelled_out(tidy(sentence))
        tokens = TOKEN.findall(plain)
        passive = is_passive(tokens)
        settled = self._settle(plain)
        text, slots_at = _figures(settled)
        content: list[str] = []
        slots: list[str] = []
        strength: list[str] = []
        order: list[Step] = []
        lead: list[str] = []
        negations = 0
        for place, token in enumerate(TOKEN.findall(text)):
            low = token.lower()
            said = ""
            if low in slots_at:
                slots.append(said := slots_at[low])
            elif self._is_name(token, first=place == 0):
                slots.append(said := f"name:{low}")
            elif low in _NEGATION:
                negations += 1
                lead.append("not")
            elif low.startswith("bound-"):
                strength.append(low)
                lead.append(low)
            elif low == "any" and negations:
                pass  # `not any error` claims what `no error` does
            elif low in _STRENGTH:
                strength.append(_STRENGTH[low])
                lead.append(_STRENGTH[low])
            elif low in _FUNCTION:
                lead += [] if low in _FREE else [low]
            elif low not in _CONNECTIVE:
                content.append(said := lemma(low))
            if said:
                order.append((said, tuple(lead)))
                lead = []
        order.append(("", tuple(lead)))
        return Reading(
            sentence, tuple(content), tuple(slots), frozenset(strength), negations, passive, tuple(order),
            "?" in plain, _ODD.search(settled) is not None, bare_participles(tokens),
        )  # fmt: skip

    def _is_name(self, word: str, *, first: bool) -> bool:
        if not word[0].isupper() or word == "I":
            return not word.isalpha() and any(letter.isdigit() for letter in word) and not word[0].isdigit()
        if word in self.names:
            return True
        low = word.lower()
        return low not in self.vocabulary and (not first or not is_known_word(low))


def _capitalised(text: str) -> set[str]:
    """Return the words that stand capitalised where no sentence begins."""
    found = set()
    for line in text.split("\n"):
        for match in TOKEN.finditer(line):
            if not match.group()[0].isupper():
                continue
            before = line[: match.start()].rstrip()
            if before and before[-1] not in ".!?:-*#\"'(|" and line[match.start() - 1] != ",":
                found.add(match.group())
    return found


def _spelled_out(text: str) -> str:
    if "'" not in text:
        return _CANNOT.sub("can not", text)
    for pattern, replacement in _CONTRACTIONS:
        text = pattern.sub(replacement, text)
    return text


def _figures(text: str) -> tuple[str, dict[str, str]]:
    """Put a token in the place of every date and figure; return the text and token -> slot."""
    slots: dict[str, str] = {}

    def place(slot: str) -> str:
        token = f"slot{'abcdefghijklmnopqrstuvwxyz'[len(slots) % 26]}{'x' * (len(slots) // 26)}slot"
        slots[token] = slot
        return f" {token} "

    def date(match: re.Match[str]) -> str:
        return place(_date_slot(match.groupdict())) if _is_date(match.groupdict()) else match.group()

    def figure(match: re.Match[str]) -> str:
        value = float(match["number"].replace(",", "")) * _SCALES.get((match["scale"] or "").lower(), 1.0)
        kind = "%" if match["percent"] else match["sign"] or _MONEY.get((match["money"] or "").lower(), "")
        return place(f"{kind}:{'-' if match['minus'] else ''}{value:.10g}")

    if not _DIGIT.search(text) and not _holds_number_word(text):
        # Without a figure there is no date, code or bound either.
        return _without_lone_one(text), slots
    # A short look for what a pattern cannot do without spares most sentences the long ones.
    if _IN_IDENTIFIER.search(text):
        text = _IDENTIFIER.sub(lambda match: place(f"name:{match.group().lower()}"), text)
    if "-" in text:
        text = _ISO_DATE.sub(date, text)
    if _may_name_month(text):
        for pattern in _DATES:
            text = pattern.sub(date, text)
    if any(code in text for code in _CODES):
        text = _CODE.sub(lambda match: _CODES[match[1]], text)
    text = _MILLION.sub(r"\1 million", _digits(text))
    if not _DIGIT.search(text):
        return text, slots
    if _ANY_BOUND.search(text):
        for pattern, name in _BOUNDS:
            text = pattern.sub(name, text)
    return _FIGURE.sub(figure, text), slots


def _digits(text: str) -> str:
    """Write number words as digits; a text without any is left as it is."""
    plain = _without_lone_one(text)
    return alpha2digit(plain, "en", threshold=0) if _holds_number_word(text) else plain


def _without_lone_one(text: str) -> str:
    # `one` is a pronoun more often than a figure.
    return _LONE_ONE.sub(" ", text) if "one" in text.lower() else text


_LONE_ONE = re.compile(r"(?<![-\w])one(?![-\w])(?! (?:hundred|thousand|million|billion)\b)", re.I)


_NUMBER_WORDS = frozenset(
    ["zero", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "twenty",
     "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "hundred", "thousand", "million", "billion"]
)  # fmt: skip
_NUMBER_WORD = re.compile(rf"\b({'|'.join(sorted(_NUMBER_WORDS))}|\w+teen)\b", re.I)


def _holds_number_word(text: str) -> bool:
    """Tell whether a text holds a number word other than `one`."""
    if text.isascii():
        # To look the words up takes a tenth of the time of trying every one of the list at each of them.
        low = text.lower()
        return not _NUMBER_WORDS.isdisjoint(_WORDS.findall(low)) or ("teen" in low and bool(_NUMBER_WORD.search(text)))
    return _NUMBER_WORD.search(text) is not None


def _may_name_month(text: str) -> bool:
    low = text.lower()
    return not text.isascii() or any(month in low for month in _SHORT_MONTHS)


def _is_date(parts: dict[str, str | None]) -> bool:
    day, month = int(parts.get("d") or 1), _month(parts)
    return 1 <= day <= 31 and 1 <= month <= 12


def _month(parts: dict[str, str | None]) -> int:
    name = parts.get("n")
    if name:
        return next(place for place, month in enumerate(_MONTHS, 1) if month.startswith(name[:3].lower()))
    return int(parts.get("m") or 0)


def _date_slot(parts: dict[str, str | None]) -> str:
    day = parts.get("d")
    pieces = [parts.get("y") or "?", f"{_month(parts):02d}", f"{int(day):02d}" if day else "?"]
    return f"date:{'-'.join(pieces)}"


def antonyms(content: tuple[str, ...], vocabulary: frozenset[str], wanted: tuple[str, ...]) -> str:
    """Return the word of a sentence that says the opposite of a wanted word which it lacks, or nothing."""
    for word in content:
        if word in vocabulary:
            continue
        missing = _OPPOSITES.get(word, frozenset()).intersection(wanted).difference(content)
        if missing:
            return word
    return ""


def multiset_gap(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Return what the left has beyond the right, and the right beyond the left."""
    a, b = Counter(left), Counter(right)
    return sorted((a - b).elements()), sorted((b - a).elements())
