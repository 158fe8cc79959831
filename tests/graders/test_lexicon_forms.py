"""The quick reading of the lexicon says what the package's own says."""

from lemminflect import config
from lemminflect.codecs.InflectionLUCodec import InflectionLUCodec
from lemminflect.codecs.LemmaLUCodec import LemmaLUCodec
from lemminflect.core.Inflections import Inflections
from lemminflect.core.Lemmatizer import Lemmatizer

from graders.lexicon.forms import prepare


def test_every_word_has_the_entry_that_the_package_gives_it() -> None:
    """All lemmas and inflections of both files, and nothing for a word that is not there."""
    prepare()
    lemmas, inflections = Lemmatizer().lemma_dict, Inflections().infl_dict
    for quick, own in (
        (lemmas, LemmaLUCodec.load(config.lemma_lu_fn)),
        (inflections, InflectionLUCodec.load(config.inflection_lu_fn)),
    ):
        assert len(own) > 30_000
        # The order counts as well: of several parts of speech the first may be taken.
        assert all(list(quick.get(word, {}).items()) == list(entry.items()) for word, entry in own.items())
        assert quick.get("no such word", {}) == {}
