"""Sameness across a set: near-duplicates, and how many different requests a family really makes."""

import math
import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tasks_lib.lint.finding import PROMPT, Finding
from tasks_lib.lint.reading import Place, Reading, grams

SHINGLE = 5
"""Words of a run; five in a row are rarely the same by chance."""
NEAR_DUPLICATE = math.nextafter(0.8, 1)
"""Jaccard index of shingles from which two instances are one task twice: more than .8."""
FEWEST_SHINGLES = 50
"""Below, the request itself is most of the text, and any two tasks in one wording would count; only equal ones do."""
SAME_SHAPE = 0.9
"""Cosine of masked prompts from which two are one wording with other nouns."""
FEWEST_SHAPES = 6
"""Effective number of wordings of a family, rounded, since six that are not used equally often are 5.99 in effect: a
family has six archetypes at least."""
ENOUGH_PROMPTS = 60
"""Instances of a family from which its wordings are counted: ten of each of six."""
ROUNDING = 1e-9
Members: TypeAlias = npt.NDArray[np.int64]
_MASKED = re.compile(r"\b(?:\w*\d[\w.,:/-]*|[^\W\d_a-z]\w*)")
_MASK = "_"


@dataclass(frozen=True)
class Shapes:
    """How many wordings the prompts of a family have."""

    family: str
    prompts: int
    clusters: int
    effective: float
    """exp(H) of the sizes of the clusters: as many equally frequent wordings would be as varied."""
    inverse_simpson: float
    """1 / sum of squared shares, which the large clusters rule."""


@dataclass(frozen=True)
class Link:
    """Two things that are alike, by their places."""

    first: int
    second: int
    likeness: float


class Sample:
    """What is kept of every instance of a set: its shingles, and its prompt masked."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._prompts: dict[str, list[Counter[str]]] = defaultdict(list)
        self._texts: list[array[int]] = []
        self._first: dict[str, str] = {}

    def add(self, reading: Reading) -> None:
        """Take one instance."""
        instance = reading.instance
        self._ids.append(instance.instance_id)
        self._first.setdefault(instance.family, instance.instance_id)
        self._texts.append(_packed(grams(place.words, SHINGLE) for place in reading.places))
        self._prompts[instance.family].append(masked(reading.prompt.text))

    def shapes(self) -> list[Shapes]:
        """Return the wordings of every family."""
        return [shapes(family, prompts) for family, prompts in self._prompts.items()]

    def findings(self, found: Sequence[Shapes]) -> Iterator[Finding]:
        """Find instances that repeat an earlier one, and families with too few wordings."""
        for link in _near_duplicates(self._texts):
            yield Finding(
                "near_duplicate", "warning", self._ids[link.second], PROMPT, (0, 0), self._ids[link.first],
                f"shares more than {NEAR_DUPLICATE:.0%} of its {SHINGLE}-word runs with another; drop one of the two",
            )  # fmt: skip
        for shape in found:
            if shape.prompts >= ENOUGH_PROMPTS and round(shape.effective) < FEWEST_SHAPES:
                yield Finding(
                    "few_shapes", "warning", self._first[shape.family], PROMPT, (0, 0), shape.family,
                    f"{shape.prompts:,} prompts are effectively {shape.effective:.2f} wordings with other nouns "
                    f"(1/sum of squares {shape.inverse_simpson:.2f}); write at least {FEWEST_SHAPES}",
                )  # fmt: skip


def masked(prompt: str) -> Counter[str]:
    """Count the words of a prompt, figures, dates and capitalised words replaced by one mask."""
    return Counter(Place("", _MASKED.sub(_MASK, prompt)).words)


def shapes(family: str, prompts: Sequence[Counter[str]]) -> Shapes:
    """Cluster masked prompts (cosine of TF-IDF, single link at `SAME_SHAPE`) and return how many wordings they are."""
    sizes = cluster_sizes(len(prompts), links_by_cosine(weighted(prompts), SAME_SHAPE))
    return Shapes(family, len(prompts), len(sizes), *effective_numbers(sizes))


def weighted(prompts: Sequence[Counter[str]]) -> list[dict[str, float]]:
    """Return counts times (ln((1 + n) / (1 + prompts with the word)) + 1), at unit length, the rarest word first."""
    having = Counter(word for prompt in prompts for word in prompt)
    rarity = {word: math.log((1 + len(prompts)) / (1 + count)) + 1 for word, count in having.items()}
    order = {word: place for place, word in enumerate(sorted(rarity, key=lambda word: (-rarity[word], word)))}
    vectors = []
    for prompt in prompts:
        vector = {word: prompt[word] * rarity[word] for word in sorted(prompt, key=order.__getitem__)}
        length = math.hypot(*vector.values())
        vectors.append({word: weight / length for word, weight in vector.items()})
    return vectors


def links_by_cosine(vectors: Sequence[Mapping[str, float]], at_least: float) -> list[Link]:
    """Return pairs of unit vectors with a cosine of `at_least`, enough of them to join all that belong together.

    Exact. What is left of a vector without its rarest words is shorter than `at_least`, and so is its product with any
    other; so two such vectors have one of those words in common.
    """
    column = {word: place for place, word in enumerate(dict.fromkeys(word for vector in vectors for word in vector))}
    columns = [np.array([column[word] for word in vector], dtype=np.intp) for vector in vectors]
    weights = [np.array(list(vector.values())) for vector in vectors]
    own = np.zeros(len(column))  # one vector, with a place for every word there is
    parent = list(range(len(vectors)))
    index: dict[str, list[int]] = defaultdict(list)
    found: list[Link] = []
    for place, vector in enumerate(vectors):
        prefix = _rarest(vector, at_least)
        own[columns[place]] = weights[place]
        for other in dict.fromkeys(other for word in prefix for other in index[word]):
            if _root(parent, other) == _root(parent, place):
                continue
            cosine = float(own[columns[other]] @ weights[other])
            if cosine >= at_least - ROUNDING:
                found.append(Link(other, place, cosine))
                parent[_root(parent, place)] = _root(parent, other)
        own[columns[place]] = 0.0
        for word in prefix:
            index[word].append(place)
    return found


def _rarest(vector: Mapping[str, float], at_least: float) -> list[str]:
    """Return the first words of a vector, as many as it takes for the rest to be shorter than `at_least`."""
    left, first = 1.0, []
    for word, weight in vector.items():
        if left < at_least**2 - ROUNDING:
            break
        first.append(word)
        left -= weight**2
    return first


def effective_numbers(sizes: Collection[int]) -> tuple[float, float]:
    """Return exp(entropy) and 1 / sum of squared shares of the sizes of clusters; (0, 0) of none."""
    if not sizes:
        return 0.0, 0.0
    shares = [size / sum(sizes) for size in sizes]
    return math.exp(-sum(share * math.log(share) for share in shares)), 1 / sum(share**2 for share in shares)


def cluster_sizes(n: int, found: Iterable[Link]) -> list[int]:
    """Return the sizes of the clusters into which links join `n` things, the largest first."""
    parent = list(range(n))
    for link in found:
        parent[_root(parent, link.first)] = _root(parent, link.second)
    return sorted(Counter(_root(parent, place) for place in range(n)).values(), reverse=True)


def links(sets: Sequence[Collection[int]], at_least: float) -> list[Link]:
    """Return pairs of sets with a Jaccard index of `at_least`, enough of them to join all that belong together.

    Exact. Two such sets share `at_least` of the larger, so the rarest members of each, as many as may be missing from
    the other and one more, have a member in common: only sets that do are compared.
    """
    texts = [np.array(sorted(members), dtype=np.int64) for members in sets]
    parent = list(range(len(texts)))
    index: dict[int, list[int]] = defaultdict(list)
    found: list[Link] = []
    for place, (own, seen) in enumerate(zip(texts, _times_seen(texts), strict=True)):
        rarest = np.argsort(seen, kind="stable")[: len(own) - math.ceil(at_least * len(own) - ROUNDING) + 1]
        prefix = own[rarest[seen[rarest] > 1]].tolist()  # what no other set has leads nowhere
        for other in dict.fromkeys(other for member in prefix for other in index[member]):
            smaller, larger = sorted((len(own), len(texts[other])))
            if smaller < at_least * larger or _root(parent, other) == _root(parent, place):
                continue
            shared = len(np.intersect1d(own, texts[other], assume_unique=True))
            jaccard = shared / (smaller + larger - shared)
            if jaccard >= at_least:
                found.append(Link(other, place, jaccard))
                parent[_root(parent, place)] = _root(parent, other)
        for member in prefix:
            index[member].append(place)
    return found


def _near_duplicates(texts: Sequence[Collection[int]]) -> Iterator[Link]:
    yield from links([text if len(text) >= FEWEST_SHINGLES else () for text in texts], NEAR_DUPLICATE)
    first: dict[tuple[int, ...], int] = {}
    for place, text in enumerate(texts):
        if len(text) < FEWEST_SHINGLES and first.setdefault(tuple(text), place) != place:
            yield Link(first[tuple(text)], place, 1.0)


def _times_seen(texts: Sequence[Members]) -> list[Members]:
    """Return, member by member of each set, how many sets have it."""
    if not texts:
        return []
    _, which, counts = np.unique(np.concatenate(texts), return_inverse=True, return_counts=True)
    return np.split(counts[which], np.cumsum([len(text) for text in texts[:-1]]))


def _root(parent: list[int], place: int) -> int:
    while parent[place] != place:
        parent[place] = parent[parent[place]]
        place = parent[place]
    return place


def _packed(runs: Iterable[set[int]]) -> "array[int]":
    """Return runs of words in order, eight bytes each: thousands of texts must fit into memory."""
    return array("q", sorted(set().union(*runs)))
