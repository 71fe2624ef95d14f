"""CIDEr-D: similarity of n-grams to the references, where n-grams of few images weigh most (arXiv 1411.5726).

Values are those of pycocoevalcap's Cider, computed fast enough for a reward. An n-gram is a text of words with a space
between. It weighs count x idf. Each image has one table from n-gram to the references that hold it. An n-gram of a
candidate is then looked up once for all references.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain
from operator import mul
from statistics import fmean

from metric.example import Cut
from metric.scores.bleu_rouge import ORDERS, Tokens, orders
from metric.scores.ptb_tokenizer import words

SIGMA = 6.0  # of the Gaussian over the difference in length, in bigrams
SCALE = 10.0
EOS = "<eos>"
IMAGES_KEPT = 4096  # images whose reference vectors stay in memory


@dataclass(frozen=True)
class DocumentFrequency:
    """n-gram -> the number of images whose references hold the n-gram, and the number of all images, `documents`."""

    counts: Mapping[str, int]
    documents: int

    @classmethod
    def from_references(cls, references: Iterable[Sequence[Tokens]]) -> DocumentFrequency:
        """The frequency in the references of each image.

        >>> df = DocumentFrequency.from_references([["a dog".split()], ["a cat".split(), "a black cat".split()]])
        >>> df.documents, df.counts["a"], df.counts["a cat"]
        (2, 2, 1)
        """
        counts: Counter[str] = Counter()
        documents = 0
        for of_image in references:
            counts.update(runs(of_image))
            documents += 1
        return cls(counts, documents)

    @cached_property
    def most(self) -> float:
        """idf of an n-gram of one image. An n-gram of no image has the same."""
        return math.log(max(1, self.documents))

    @cached_property
    def idf(self) -> Idf:
        """n-gram -> log(documents / images with the n-gram)."""
        by_images = {images: self.most - math.log(images or 1) for images in set(self.counts.values())}
        idf = Idf(zip(self.counts, map(by_images.__getitem__, self.counts.values())))
        idf.most = self.most
        return idf

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits: equal tables weigh equally."""
        digest = hashlib.sha256(str(self.documents).encode())
        for gram, count in sorted(self.counts.items(), key=lambda item: item[0].split(" ")):
            digest.update(f"{count} {gram}\n".encode())
        return digest.hexdigest()[:12]

    def weights(self, tokens: Tokens) -> list[dict[str, float]]:
        """For n from 1 to 4: n-gram -> count x idf."""
        idf = self.idf.__getitem__
        by_order = []
        for grams in orders(tokens):
            weights = dict(zip(grams, map(idf, grams)))
            if len(weights) < len(grams):
                weights = {gram: count * weights[gram] for gram, count in Counter(grams).items()}
            by_order.append(weights)
        return by_order


class Idf(dict[str, float]):
    """n-gram -> idf. An n-gram that is not there has `most`."""

    most = 0.0

    def __missing__(self, gram: str) -> float:
        return self.most


def runs(of_image: Iterable[Tokens]) -> set[str]:
    """The different n-grams of the references of one image."""
    return set(chain.from_iterable(chain.from_iterable(map(orders, of_image))))


@dataclass(frozen=True)
class ReferenceVectors:
    """The references of one image: n-gram -> (number of the reference, weight, weight over the norm of its order)."""

    lengths: tuple[int, ...]
    holders: Mapping[str, Sequence[tuple[int, float, float]]]


def reference_vectors(
    references: Sequence[Tokens], df: DocumentFrequency, wanted: Set[str] | None = None
) -> ReferenceVectors:
    """The references of one image in the form that `cider_d` compares candidates with.

    `wanted` are the n-grams of the candidates. Without them all n-grams are held, for candidates that come later.
    """
    holders: dict[str, list[tuple[int, float, float]]] = defaultdict(list)
    for index, reference in enumerate(references):
        for weights in df.weights(reference):
            length = norm(weights)
            for gram in weights if wanted is None else filter(wanted.__contains__, weights):
                if weight := weights[gram]:
                    holders[gram].append((index, weight, weight / length))
    return ReferenceVectors(tuple(map(bigrams, references)), dict(holders))


def cider_d(candidate: Tokens, references: ReferenceVectors, df: DocumentFrequency) -> float:
    """Clipped cosine times Gaussian, mean over references and over 1 to 4 grams, x10."""
    similarity, holders = [0.0] * len(references.lengths), references.holders.get
    for weights in df.weights(candidate):
        length = norm(weights)
        for gram, weight in weights.items():
            for index, reference_weight, unit in holders(gram, ()):
                similarity[index] += (weight if weight < reference_weight else reference_weight) * unit / length
    size = bigrams(candidate)
    near = (math.exp(-((size - other) ** 2) / (2 * SIGMA**2)) for other in references.lengths)
    return SCALE * sum(map(float.__mul__, similarity, near)) / ORDERS / len(references.lengths)


def units(tokens: Tokens, df: DocumentFrequency) -> dict[str, float]:
    """n-gram -> weight over the norm of its order, for the cosines of CIDEr without the D."""
    return {gram: weight / norm(weights) for weights in df.weights(tokens) for gram, weight in weights.items()}


def cosine(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Mean over n from 1 to 4 of the cosines of two `units`."""
    return sum(value * other[gram] for gram, value in one.items() if gram in other) / ORDERS


def norm(weights: Mapping[str, float]) -> float:
    """Euclidean norm of weights; 1 where all weights are 0."""
    values = weights.values()
    return math.sqrt(sum(map(mul, values, values))) or 1.0


def bigrams(tokens: Tokens) -> int:
    """The length of a caption in the Gaussian, where pycocoevalcap counts bigrams instead of words."""
    return max(0, len(tokens) - 1)


class Cider:
    """Scores of captions with one document frequency, for evaluation and for the reward.

    With `eos` the end of the sentence is a word of references and captions. A `Cut` caption has none, so that captions
    that stop in mid-sentence gain nothing. Evaluation does without.
    """

    def __init__(self, references: Iterable[Sequence[str]] | DocumentFrequency, eos: bool = False):
        """`references` are those of each image of a set, whose document frequency is used, or that frequency."""
        self.eos = eos
        if isinstance(references, DocumentFrequency):
            self.df = references
        else:
            self.df = DocumentFrequency.from_references(
                [self.words(text) for text in of_image] for of_image in references
            )
        self.vectors = lru_cache(maxsize=IMAGES_KEPT)(self.vectors_of)

    def words(self, caption: str) -> tuple[str, ...]:
        tokens = words(caption)
        return (*tokens, EOS) if self.eos and not isinstance(caption, Cut) else tokens

    def vectors_of(self, references: tuple[str, ...]) -> ReferenceVectors:
        return reference_vectors([self.words(reference) for reference in references], self.df)

    def plain(self, captions: Sequence[str], references: Sequence[tuple[str, ...]]) -> list[float]:
        """CIDEr without the D of each caption: no clipping and no Gaussian. Long or strange captions can cheat it.

        Equation 2 of the paper, over words as they are; the paper takes their stems.
        """
        candidates = [units(self.words(caption), self.df) for caption in captions]
        return [
            SCALE * fmean(cosine(candidate, units(self.words(text), self.df)) for text in texts)
            for candidate, texts in zip(candidates, references)
        ]

    def scores_once(self, captions: Sequence[str], references: Sequence[tuple[str, ...]]) -> list[float]:
        """The `scores` of captions whose references do not come again: nothing is kept, and less is computed."""
        scores = []
        for caption, texts in zip(captions, references):
            candidate = self.words(caption)
            vectors = reference_vectors(list(map(self.words, texts)), self.df, runs([candidate]))
            scores.append(cider_d(candidate, vectors, self.df))
        return scores

    def scores(self, captions: Sequence[str], references: Sequence[tuple[str, ...]]) -> list[float]:
        """CIDEr-D of each caption against the references of its image, on the scale of pycocoevalcap."""
        candidates, vectors = map(self.words, captions), map(self.vectors, references)
        return [cider_d(candidate, of_image, self.df) for candidate, of_image in zip(candidates, vectors)]
