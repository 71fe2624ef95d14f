"""Tokens that would say an n-gram again, for decoding without repeated n-grams.

An n-gram is of tokens of the vocabulary, as in NoRepeatNGramLogitsProcessor of transformers. The beginning of the
sentence is a token too.

Axes: b pictures, k captions of each, t tokens, w places where an n-gram of a caption begins, v vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor


def forbid_repeats(scores: Tensor, tokens: Tensor, n: int) -> Tensor:
    """Scores `b k v` with -inf for tokens that would complete an n-gram of `tokens`, `b k t`, once more.

    The scores are changed in place. 0 forbids nothing.
    """
    if not n or tokens.shape[-1] < n:
        return scores
    ngrams = tokens.unfold(-1, n, 1)  # b k w n
    last = tokens[..., tokens.shape[-1] - (n - 1) :]  # b k n-1
    again = (ngrams[..., : n - 1] == last[..., None, :]).all(-1)  # b k w
    forbidden = torch.zeros_like(again, dtype=scores.dtype).masked_fill(again, -torch.inf)
    return scores.scatter_add_(-1, ngrams[..., n - 1], forbidden)
