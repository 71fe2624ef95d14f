"""Repetition, broken endings and vocabulary of captions; every function takes tokenised captions."""

from __future__ import annotations

from collections.abc import Sequence

from metric.scores.bleu_rouge import Tokens, ngrams

# Words that no sentence ends in.
BAD_ENDINGS = frozenset("a an the in for at of with before after on upon near to is are am".split())


def repeated(tokens: Tokens, n: int) -> int:
    """Number of repeated n-grams: the occurrences of each n-gram after its first in the caption.

    >>> repeated("a dog and a dog and a cat".split(), 2)
    3
    """
    grams = ngrams(tokens, n)
    return len(grams) - len(set(grams))


def repeated_share(tokens: Tokens, n: int) -> float:
    """1 - different n-grams / all n-grams, 0 to 1. Unlike the number, the share does not grow with the length.

    >>> repeated_share("a dog and a dog".split(), 1)
    0.4
    """
    return repeated(tokens, n) / max(1, len(tokens) - n + 1)


def ends_badly(tokens: Tokens) -> bool:
    """Whether the last word is one of BAD_ENDINGS. A final "a." is one token, like an initial.

    >>> ends_badly("a man with a".split()), ends_badly("a man with a hat".split())
    (True, False)
    """
    return bool(tokens) and tokens[-1].removesuffix(".") in BAD_ENDINGS


def vocabulary(captions: Sequence[Tokens]) -> int:
    """Number of different words in all captions together.

    >>> vocabulary(["a dog".split(), "a cat".split()])
    3
    """
    return len(set().union(*captions))
