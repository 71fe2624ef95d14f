"""Attention as the captioner has it: over prefixes in training, one token after another in generation.

Axes: b pictures, k captions of each, p patches, t tokens, m things that are looked at, n captions or distinct prefixes,
d model features, h heads, e features of a head.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from metric.runtime.prefixes import Prefixes

KeyValue = tuple[Tensor, Tensor]  # b h m e, twice


@dataclass(frozen=True)
class Cache:
    """What the decoder has worked out about the pictures, and about the tokens it has read so far."""

    cross: list[KeyValue]
    "Of each layer, keys `b h e p` and values `b h p e` of the patches: shared by the k captions."
    own: list[Tensor | None]
    "Of each layer, keys and values of the tokens read, `t n 2d`: none before the first."
    length: int = 0
    "How many those are."
    rows: Tensor | None = None
    "Which of the n captions go on, in that order; none for all: they are moved when the next token joins them."

    def select(self, rows: Tensor) -> Cache:
        """The captions numbered `rows`, any of the b·k, in that order."""
        return replace(self, rows=rows if self.rows is None else self.rows[rows])

    def joined(self, layer: int, new: Tensor) -> Tensor:
        """The keys and values of a layer's tokens so far, and those of one more, `n 2d` -> `t n 2d`."""
        past = self.own[layer]
        if past is None:
            return new[None]
        if self.rows is None:
            return torch.cat([past, new[None]])
        grown = new.new_empty(len(past) + 1, *new.shape)
        torch.index_select(past, 1, self.rows, out=grown[:-1])
        grown[-1] = new
        return grown


class Attention(nn.Module):
    """Scaled dot-product attention, its keys and values worked out apart so that they can be kept."""

    def __init__(self, d: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query = nn.Linear(d, d)
        self.key_value = nn.Linear(d, 2 * d)
        self.out = nn.Linear(d, d)

    def keys_values(self, x: Tensor, prefixes: Prefixes | None = None) -> KeyValue:
        """`b m d`, or `n d` of prefixes -> `b h m e`, twice."""
        both = spread(self.key_value(x), prefixes)
        keys, values = rearrange(both, "b m (two h e) -> two b h m e", two=2, h=self.heads)
        return keys, values

    def forward(self, x: Tensor, seen: KeyValue, causal: bool = False, prefixes: Prefixes | None = None) -> Tensor:
        """`(b k) t d`, or `n d` of prefixes, looking at `b h m e` -> the same: k captions share a picture's keys."""
        queries = spread(self.query(x), prefixes)
        b, t = len(seen[0]), queries.shape[1]
        queries = rearrange(queries, "(b k) t (h e) -> b h (k t) e", b=b, h=self.heads)
        dropout = self.dropout if self.training else 0.0
        heads = F.scaled_dot_product_attention(queries, *seen, dropout_p=dropout, is_causal=causal)
        heads = rearrange(heads, "b h (k t) e -> (b k) t (h e)", t=t)
        return self.out(prefixes.gather(heads) if prefixes else heads)

    def follow(self, x: Tensor, seen: Tensor) -> Tensor:
        """The last of the tokens `t n 2d` looking at all of them, `n d` -> `n d`; without dropout."""
        queries = rearrange(self.query(x), "n (h e) -> n h e", h=self.heads)
        keys, values = rearrange(seen, "t n (two h e) -> two t n h e", two=2, h=self.heads)
        weights = ((queries * keys).sum(-1, keepdim=True) / keys.shape[-1] ** 0.5).softmax(0)
        return self.out((weights * values).sum(0).flatten(1))

    def glance(self, x: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """One token of each caption looking at `b h e p` and `b h p e`, `(b k) d` -> `(b k) d`; without dropout."""
        queries = rearrange(self.query(x), "(b k) (h e) -> b h k e", b=len(keys), h=self.heads)
        weights = (queries @ keys / keys.shape[-2] ** 0.5).softmax(-1)
        return self.out(rearrange(weights @ values, "b h k e -> (b k) (h e)"))


def spread(x: Tensor, prefixes: Prefixes | None) -> Tensor:
    return prefixes.spread(x) if prefixes else x
