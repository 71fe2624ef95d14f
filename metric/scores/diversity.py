"""How much captions differ from each other, and from what was learned by heart.

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
    """Different n-grams over words, 0 to 1: distinct-n of a corpus (arXiv 1510.03055), Div-n of an image's set.

    >>> distinct(["a dog".split(), "a cat".split()], 1)
    0.75
    """
    grams = set(chain.from_iterable(ngrams(tokens, n) for tokens in captions))
    return len(grams) / max(1, sum(map(len, captions)))


def novelty(captions: Iterable[Tokens], training: Iterable[Tokens]) -> list[bool]:
    """Which captions are, word for word, none of the training captions."""
    known = set(map(tuple, training))
    return [tuple(tokens) not in known for tokens in captions]


def self_cider(captions: Sequence[Tokens], df: DocumentFrequency) -> float:
    """How many different things m captions of one image say, 0 to 1 (arXiv 1903.12020).

    -log_m of the largest singular value's share, where the squared singular values are the eigenvalues of the
    captions' CIDEr with each other: 0 when all say the same, 1 when none has a word of another.
    """
    if len(captions) < 2:
        raise ValueError(f"self-CIDEr compares the captions of an image with each other, got {len(captions)}")
    singular = np.sqrt(np.linalg.eigvalsh(cosines(captions, df)).clip(min=0.0))
    return -math.log(singular.max() / singular.sum()) / math.log(len(captions)) if singular.any() else 0.0


def cosines(captions: Sequence[Tokens], df: DocumentFrequency) -> np.ndarray:
    """CIDEr of all pairs, without CIDEr-D's clipping and Gaussian, which would make it no kernel. `m m`."""
    each = [units(tokens, df) for tokens in captions]
    return np.array([[cosine(one, other) for other in each] for one in each])
