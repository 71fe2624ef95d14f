"""Diversity: differences between captions, and between captions and the training captions.

Axes: m captions of one image.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np

from metric.scores.bleu_rouge import Tokens, ngrams
from metric.scores.cider import DocumentFrequency, cosine, units


def distinct(captions: Sequence[Tokens], n: int) -> float:
    """Number of different n-grams over number of words, 0 to 1.

    distinct-n of a corpus (arXiv 1510.03055), Div-n of the captions of one image.

    >>> distinct(["a dog".split(), "a cat".split()], 1)
    0.75
    """
    grams = set(chain.from_iterable(ngrams(tokens, n) for tokens in captions))
    return len(grams) / max(1, sum(map(len, captions)))


def unique(captions: Iterable[Tokens]) -> float:
    """Percent of different captions among those of a set (Uniq-S of arXiv 2212.03230, as a share), above 0 to 100.

    It falls where many pictures get one caption. Larger sets have a lower share, so compare equal sets.

    >>> unique(["a dog".split(), "a dog".split(), "a cat".split(), "a boat".split()])
    75.0
    """
    said = list(map(tuple, captions))
    return 100.0 * len(set(said)) / max(1, len(said))


def novelty(captions: Iterable[Tokens], training: Iterable[Tokens]) -> list[bool]:
    """For each caption whether it differs from every training caption in a word."""
    training_set = set(map(tuple, training))
    return [tuple(tokens) not in training_set for tokens in captions]


def self_cider(captions: Sequence[Tokens], df: DocumentFrequency) -> float:
    """self-CIDEr: the diversity of m captions of one image, 0 to 1 (arXiv 1903.12020).

    -log_m of the largest singular value's share. The squared singular values are the eigenvalues of the captions'
    CIDEr with each other. Equal captions give 0, captions without a common word give 1.
    """
    if len(captions) < 2:
        raise ValueError(f"self-CIDEr compares two captions of an image or more, got {len(captions)}")
    singular = np.sqrt(np.linalg.eigvalsh(cosines(captions, df)).clip(min=0.0))
    return -math.log(singular.max() / singular.sum()) / math.log(len(captions)) if singular.any() else 0.0


def cosines(captions: Sequence[Tokens], df: DocumentFrequency) -> np.ndarray:
    """CIDEr of all pairs of captions, `m m`. CIDEr-D is no kernel, because of its clipping and Gaussian."""
    vectors = [units(tokens, df) for tokens in captions]
    return np.array([[cosine(one, other) for other in vectors] for one in vectors])
