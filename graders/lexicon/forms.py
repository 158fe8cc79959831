"""The lexicon of inflections, read quickly: its lines are taken apart when a word of theirs is first asked for.

The package takes every line apart at the first question, which costs each process that grades prose most of a second;
a run asks for some thousands of words of a hundred thousand.
"""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lemminflect import config
from lemminflect.codecs.InflectionLUCodec import InflectionLUCodec
from lemminflect.codecs.LemmaLUCodec import LemmaLUCodec
from lemminflect.core.Inflections import Inflections
from lemminflect.core.Lemmatizer import Lemmatizer
from lemminflect.core.LexicalUtils import categoryToUPos

Entry = dict[str, tuple[str, ...]]


class Lines:
    """One file of the lexicon: word -> its entry, as the package's own dictionary would hold it.

    Args:
        path: lines `word,category,...`, packed.
        read: takes one line apart.
    """

    def __init__(self, path: str, read: Callable[[str], Entry]) -> None:
        self._read = read
        self._entries: dict[str, Entry] = {}
        self._lines: dict[str, str] = {}
        for line in gzip.decompress(Path(path).read_bytes()).decode().splitlines():
            word = line.partition(",")[0]
            self._lines[word] = f"{self._lines[word]}\n{line}" if word in self._lines else line

    def fixed(self, entries: dict[str, Entry]) -> "Lines":
        """Put entries in the place of what the file says."""
        self._entries.update(entries)
        return self

    def get(self, word: str, default: Entry) -> Entry:
        """Return the entry of a word; where a word has several lines, what later ones say counts."""
        if word not in self._entries:
            if word not in self._lines:
                return default
            entry: Entry = {}
            for line in self._lines[word].split("\n"):
                entry.update(self._read(line))
            self._entries[word] = entry
        return self._entries[word]


def _lemmas(line: str) -> Entry:
    _, category, forms = LemmaLUCodec.fromString(line)
    return {categoryToUPos(category): forms}


def _inflections(line: str) -> Entry:
    forms: Entry = InflectionLUCodec.fromString(line)[2]
    return forms


def prepare() -> None:
    """Let the package look its words up here."""
    lemmatizer: Any = Lemmatizer()
    inflections: Any = Inflections()
    lemmatizer.lemma_dict = Lines(config.lemma_lu_fn, _lemmas)
    inflections.infl_dict = Lines(config.inflection_lu_fn, _inflections).fixed(InflectionLUCodec.updateForAuxMod({}))
