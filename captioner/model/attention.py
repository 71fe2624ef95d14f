"""The attention of the captioner: over prefixes in training, one token after another in generation.

In generation, attention is one kernel on a GPU. On a CPU, products and sums of its own are quicker.

Axes: b pictures, k captions of each, p patches, t tokens, m keys, n captions or distinct prefixes,
d model features, h heads, e features of a head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from metric.runtime.prefixes import Prefixes

KeyValue = tuple[Tensor, Tensor]  # keys b h m e, values b h m e


@dataclass(frozen=True)
class Cache:
    """Keys and values that the decoder keeps while it generates: of the patches, and of the tokens read so far."""

    cross: list[KeyValue]
    "One pair a layer, by `laid_out`: keys `b h e p` and values `b h p e` of the patches, for all captions of a picture"
    own: list[Tensor | None]
    "One tensor a layer: keys and values of the tokens read, `t n 2d`. None before the first token."
    length: int = 0
    "Number t of tokens read."
    rows: Tensor | None = None
    "Numbers of the captions that continue, in their new order, or None for all. The next token moves the tensors."

    def select(self, rows: Tensor) -> Cache:
        """Keeps the captions with the numbers `rows`, in that order. A number may occur several times."""
        return replace(self, rows=rows if self.rows is None else self.rows[rows])

    @property
    def real(self) -> Tensor | None:
        """Which of the tokens in `joined` have been read. None for all."""
        return None

    def place(self, positions: Tensor) -> Tensor:
        """The row of positions `t d` that belongs to the next token, `d`."""
        return positions[self.length]

    def joined(self, layer: int, new: Tensor) -> Tensor:
        """Adds the keys and values of one token to those of a layer. `n 2d` -> `t n 2d`."""
        past = self.own[layer]
        if past is None:
            return new[None]
        if self.rows is None:
            return torch.cat([past, new[None]])
        grown = new.new_empty(len(past) + 1, *new.shape)
        torch.index_select(past, 1, self.rows, out=grown[:-1])
        grown[-1] = new
        return grown

    def grown(self, own: Sequence[Tensor]) -> Cache:
        """The cache after one more token, with the keys and values of each layer."""
        return Cache(self.cross, [*own], self.length + 1)


@dataclass(frozen=True)
class FixedCache:
    """A Cache with room for the longest caption from the start, so that steps have one shape and can be compiled.

    Tokens that have not been read are masked. The number of tokens read stays on the device.
    """

    cross: list[KeyValue]
    own: list[Tensor | None]
    "One tensor a layer: keys and values `t n 2d` of all places, 0 where no token has been read. None at the beginning."
    length: int
    "Number t of places."
    number: Tensor
    "Number of tokens read, `1`."
    rows: Tensor | None = None

    @classmethod
    def begun(cls, cache: Cache, length: int) -> FixedCache:
        """An empty cache for captions of `length` tokens, over the patches of `cache`."""
        number = torch.zeros(1, dtype=torch.long, device=cache.cross[0][0].device)
        return cls(cache.cross, [None] * len(cache.cross), length, number)

    def select(self, rows: Tensor) -> FixedCache:
        """Keeps the captions with the numbers `rows`, in that order. A number may occur several times."""
        return replace(self, rows=rows if self.rows is None else self.rows[rows])

    @property
    def real(self) -> Tensor:
        """Which of the tokens in `joined` have been read, `1 t`."""
        return torch.arange(self.length, device=self.number.device)[None] <= self.number

    def place(self, positions: Tensor) -> Tensor:
        """The row of positions `t d` that belongs to the next token, `1 d`."""
        return positions.index_select(0, self.number)

    def joined(self, layer: int, new: Tensor) -> Tensor:
        """Puts the keys and values of one token into its place of a layer. `n 2d` -> `t n 2d`."""
        past = self.own[layer]
        if past is None:
            past = new.new_zeros(self.length, *new.shape)
        elif self.rows is not None:
            past = past.index_select(1, self.rows)
        return past.index_copy(0, self.number, new[None])

    def grown(self, own: Sequence[Tensor]) -> FixedCache:
        """The cache after one more token, with the keys and values of each layer."""
        return FixedCache(self.cross, [*own], self.length, self.number + 1)


AnyCache = Cache | FixedCache


class Attention(nn.Module):
    """Scaled dot-product attention. Keys and values are computed apart, so that they can be kept."""

    def __init__(self, d: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query = nn.Linear(d, d)
        self.key_value = nn.Linear(d, 2 * d)
        self.out = nn.Linear(d, d)

    def keys_values(self, x: Tensor, prefixes: Prefixes | None = None) -> KeyValue:
        """Keys and values of `b m d`, or of prefixes `n d` -> `b h m e`, twice."""
        both = expand(self.key_value(x), prefixes)
        keys, values = rearrange(both, "b m (two h e) -> two b h m e", two=2, h=self.heads)
        return keys, values

    def forward(self, x: Tensor, seen: KeyValue, causal: bool = False, prefixes: Prefixes | None = None) -> Tensor:
        """Attends from `(b k) t d`, or from prefixes `n d`, to keys and values `b h m e`. Returns the shape of `x`.

        The k captions of a picture share the picture's keys.
        """
        queries = expand(self.query(x), prefixes)
        b, t = len(seen[0]), queries.shape[1]
        queries = rearrange(queries, "(b k) t (h e) -> b h (k t) e", b=b, h=self.heads)
        dropout = self.dropout if self.training else 0.0
        heads = F.scaled_dot_product_attention(queries, *seen, dropout_p=dropout, is_causal=causal)
        heads = rearrange(heads, "b h (k t) e -> (b k) t (h e)", t=t)
        return self.out(prefixes.gather(heads) if prefixes else heads)

    def follow(self, x: Tensor, seen: Tensor, real: Tensor | None = None) -> Tensor:
        """Attends from the last token to all tokens `t n 2d`, or to those that are `real`, `1 t`. `n d` -> `n d`.

        There is no dropout.
        """
        queries = rearrange(self.query(x), "n (h e) -> n h e", h=self.heads)
        keys, values = rearrange(seen, "t n (two h e) -> two t n h e", two=2, h=self.heads)
        if has_kernel(x):
            keys, values = (rearrange(part, "t n h e -> n h t e") for part in (keys, values))
            heads = F.scaled_dot_product_attention(queries[:, :, None], keys, values, attn_mask=real)
            return self.out(heads.flatten(1))
        scores = (queries * keys).sum(-1, keepdim=True) / keys.shape[-1] ** 0.5
        if real is not None:
            scores = scores.masked_fill(~real.T[..., None, None], -torch.inf)
        weights = scores.softmax(0)
        return self.out((weights * values).sum(0).flatten(1))

    def glance(self, x: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Attends from one token of each caption to the patches, without dropout. `(b k) d` -> `(b k) d`.

        Keys are `b h e p`, values `b h p e`.
        """
        queries = rearrange(self.query(x), "(b k) (h e) -> b h k e", b=len(keys), h=self.heads)
        if has_kernel(x):
            heads = F.scaled_dot_product_attention(queries, keys.mT, values)
        else:
            heads = (queries @ keys / keys.shape[-2] ** 0.5).softmax(-1) @ values
        return self.out(rearrange(heads, "b h k e -> (b k) (h e)"))


def has_kernel(x: Tensor) -> bool:
    """Whether the attention of one token is one kernel where `x` is."""
    return x.device.type != "cpu"


def laid_out(seen: KeyValue) -> KeyValue:
    """Keys and values `b h p e` of the patches as `glance` takes them, in the memory order that it reads quickest."""
    keys, values = seen
    return keys.contiguous().mT if has_kernel(keys) else keys.mT.contiguous(), values.contiguous()


def expand(x: Tensor, prefixes: Prefixes | None) -> Tensor:
    """Repeats the rows `n d` of prefixes for each caption they begin: `b m d`. Without prefixes, `x` itself."""
    return prefixes.expand(x) if prefixes else x
