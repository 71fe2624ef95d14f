"""BLEU and ROUGE-L of tokenised captions, as pycocoevalcap computes them.

BLEU: Papineni et al. 2002, with the closest reference length. ROUGE-L: Lin 2004, with beta 1.2.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice, repeat

Tokens = Sequence[str]

ORDERS = 4
SMALL, TINY = 1e-9, 1e-15  # pycocoevalcap's guards against dividing by 0 and multiplying by 0
BETA = 1.2  # weight of recall in ROUGE-L, as in pycocoevalcap


def orders(tokens: Tokens, most: int = ORDERS) -> Iterator[list[str]]:
    """The n-grams of a caption, for n from 1 to `most`. An n-gram is one text, which costs less than a tuple."""
    runs = list(tokens)
    yield runs
    for n in range(1, most):
        runs = [f"{run} {token}" for run, token in zip(runs, tokens[n:])]
        yield runs


def ngrams(tokens: Tokens, n: int) -> list[str]:
    """The n-grams of a caption, in order, each as one text.

    >>> ngrams("a dog runs".split(), 2)
    ['a dog', 'dog runs']
    """
    *_, runs = orders(tokens, n)
    return runs


@dataclass(frozen=True)
class Hits:
    """The sums of BLEU over captions: lengths, and for each n the n-grams of the captions and the correct ones."""

    length: int
    reference_length: int
    guessed: tuple[int, ...]
    correct: tuple[int, ...]


def hits(candidate: Tokens, references: Sequence[Tokens]) -> Hits:
    """The sums of one caption, with clipped matches. Its reference length is the closest, of two the shorter."""
    length = len(candidate)
    closest = min((abs(len(reference) - length), len(reference)) for reference in references)[1]
    correct = tuple(islice(chain(matches(candidate, references), repeat(0)), ORDERS))
    return Hits(length, closest, tuple(max(0, length - n) for n in range(ORDERS)), correct)


def matches(candidate: Tokens, references: Sequence[Tokens]) -> Iterator[int]:
    """The correct n-grams of a caption, for n from 1 until none is correct: no longer one can be.

    An n-gram counts as often as the caption has it, and at most as often as one of the references has it.
    """
    for grams, theirs in zip(orders(candidate), zip(*map(orders, references))):
        known = set[str]().union(*theirs)
        correct = [gram for gram in grams if gram in known]
        if not correct:
            return
        repeated = len(set(correct)) < len(correct)
        yield sum(clipped(Counter(correct), theirs)) if repeated else len(correct)


def clipped(correct: Mapping[str, int], theirs: Sequence[list[str]]) -> Iterator[int]:
    """The number of each n-gram, at most the number in one of the references `theirs`."""
    return (min(count, max(runs.count(gram) for runs in theirs)) for gram, count in correct.items())


def total(caption_hits: Sequence[Hits]) -> Hits:
    """The sums of several captions together."""
    return Hits(
        sum(hit.length for hit in caption_hits),
        sum(hit.reference_length for hit in caption_hits),
        tuple(map(sum, zip(*(hit.guessed for hit in caption_hits)))),
        tuple(map(sum, zip(*(hit.correct for hit in caption_hits)))),
    )


def bleu_of(hit: Hits) -> list[float]:
    """BLEU-1 to BLEU-4 of sums: geometric mean of the precisions, times the brevity penalty."""
    ratio = (hit.length + TINY) / (hit.reference_length + SMALL)
    brevity = math.exp(min(0.0, 1 - 1 / ratio))
    product, scores = 1.0, []
    for n, (correct, guessed) in enumerate(zip(hit.correct, hit.guessed), start=1):
        product *= (correct + TINY) / (guessed + SMALL)
        scores.append(product ** (1 / n) * brevity)
    return scores


def bleu(candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> tuple[list[float], list[list[float]]]:
    """BLEU-1 to BLEU-4 of a corpus and of each caption. The first are not means of the second."""
    caption_hits = [hits(candidate, of_image) for candidate, of_image in zip(candidates, references)]
    return bleu_of(total(caption_hits)), [bleu_of(hit) for hit in caption_hits]


def rouge_l(candidate: Tokens, references: Iterable[Tokens]) -> float:
    """F-measure of the longest common subsequence, from the best precision and the best recall over references.

    >>> round(rouge_l("a dog runs".split(), ["a dog sits".split()]), 3)
    0.667
    """
    common = [(longest_common(candidate, reference), len(reference)) for reference in references]
    precision = max(length for length, _ in common) / max(1, len(candidate))
    recall = max(length / max(1, size) for length, size in common)
    if not precision or not recall:
        return 0.0
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


def longest_common(first: Tokens, second: Tokens) -> int:
    """Length of the longest common subsequence, with each row of the table as an integer (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for i, word in enumerate(first):
        places[word] = places.get(word, 0) | 1 << i
    everywhere = row = (1 << len(first)) - 1  # a zero bit is a step of the subsequence
    for word in second:
        matched = row & places.get(word, 0)
        row = (row + matched | row - matched) & everywhere
    return len(first) - bin(row).count("1")
