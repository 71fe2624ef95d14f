"""BLEU and ROUGE-L of tokenised captions, as pycocoevalcap computes them.

BLEU: Papineni et al. 2002, with the closest reference length. ROUGE-L: Lin 2004, with beta 1.2.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

Tokens = Sequence[str]

ORDERS = 4
SMALL, TINY = 1e-9, 1e-15  # pycocoevalcap's guards: no guess and no hit still give a number
BETA = 1.2  # ROUGE-L's preference for recall, as in pycocoevalcap


def orders(tokens: Tokens, most: int = ORDERS) -> Iterator[list[str]]:
    """All runs of 1, then of 2, up to `most` tokens, each run as one text, which costs less than a tuple."""
    runs = list(tokens)
    yield runs
    for n in range(1, most):
        runs = [f"{run} {token}" for run, token in zip(runs, tokens[n:])]
        yield runs


def ngrams(tokens: Tokens, n: int) -> list[str]:
    """All runs of `n` tokens, in order.

    >>> ngrams("a dog runs".split(), 2)
    ['a dog', 'dog runs']
    """
    *_, runs = orders(tokens, n)
    return runs


def counts(tokens: Tokens) -> list[Counter[str]]:
    """How often each n-gram occurs, of each order."""
    return list(map(Counter, orders(tokens)))


@dataclass(frozen=True)
class Hits:
    """What BLEU adds up over a corpus: lengths, and for each order the n-grams guessed and those correct."""

    length: int
    reference_length: int
    guessed: tuple[int, ...]
    correct: tuple[int, ...]


def hits(candidate: Tokens, references: Sequence[Tokens]) -> Hits:
    """Clipped matches of one caption; its reference length is the closest one, the shorter of two."""
    theirs = list(map(counts, references))
    correct = [
        sum(min(count, max(each[n][run] for each in theirs)) for run, count in ours.items())
        for n, ours in enumerate(counts(candidate))
    ]
    length = len(candidate)
    closest = min((abs(len(reference) - length), len(reference)) for reference in references)[1]
    return Hits(length, closest, tuple(max(0, length - n) for n in range(ORDERS)), tuple(correct))


def total(each: Sequence[Hits]) -> Hits:
    return Hits(
        sum(hit.length for hit in each),
        sum(hit.reference_length for hit in each),
        tuple(map(sum, zip(*(hit.guessed for hit in each)))),
        tuple(map(sum, zip(*(hit.correct for hit in each)))),
    )


def bleu_of(hit: Hits) -> list[float]:
    """BLEU-1 to BLEU-4: geometric mean of the precisions, times the brevity penalty."""
    ratio = (hit.length + TINY) / (hit.reference_length + SMALL)
    brevity = math.exp(min(0.0, 1 - 1 / ratio))
    product, scores = 1.0, []
    for n, (correct, guessed) in enumerate(zip(hit.correct, hit.guessed), start=1):
        product *= (correct + TINY) / (guessed + SMALL)
        scores.append(product ** (1 / n) * brevity)
    return scores


def bleu(candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> tuple[list[float], list[list[float]]]:
    """BLEU-1..4 of the corpus, and of each caption by itself (which do not average to it)."""
    each = [hits(candidate, of_image) for candidate, of_image in zip(candidates, references)]
    return bleu_of(total(each)), [bleu_of(hit) for hit in each]


def rouge_l(candidate: Tokens, references: Iterable[Tokens]) -> float:
    """F-measure of the longest common subsequence: the best precision with the best recall.

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
    """Length of the longest common subsequence, one row of the table an integer (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for i, word in enumerate(first):
        places[word] = places.get(word, 0) | 1 << i
    everywhere = row = (1 << len(first)) - 1  # a zero bit is a step of the subsequence
    for word in second:
        matched = row & places.get(word, 0)
        row = (row + matched | row - matched) & everywhere
    return len(first) - bin(row).count("1")
