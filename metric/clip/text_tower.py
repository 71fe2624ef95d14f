"""A text tower that computes equal beginnings of texts once.

Candidates of a picture begin alike, and all texts of a score begin with its prefix. The tower is causal: its states of
a beginning are the same in every text. As in metric.runtime.fixed_batches, an embedding is the same to the bit in any
batch: matrix products have a fixed number of rows, and each text is padded to its own class of lengths.

Axes: n texts, t tokens, d features of the tower, h heads, e features of a head, r texts and what fills their groups.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from einops import rearrange
from open_clip.transformer import ResidualAttentionBlock
from torch import Tensor, nn
from torch.nn import functional as F

from metric.clip.model import Clip, Model, idle_padding, projected
from metric.runtime.device import sent
from metric.runtime.prefixes import Prefixes

GROUP = 16  # neighbouring texts, in the order of their tokens, whose equal beginnings are shared


def shares(model: Model) -> bool:
    """Whether the text tower of a model is causal and consists of the blocks that this module computes."""
    return idle_padding(model) and all(
        type(block) is ResidualAttentionBlock and isinstance(block.attn, nn.MultiheadAttention)
        for block in model.transformer.resblocks
    )


def encode_shared(clip: Clip, tokens: Tensor, rows: int) -> Tensor:
    """`Clip.encode_tokens` by matrix products of `rows` rows each: `n t` -> `n d`, unit length, fp32. No gradient."""
    return F.normalize(features(clip.model, tokens, rows, clip.device).float(), dim=-1)


def features(model: Model, tokens: Tensor, rows: int, device: torch.device) -> Tensor:
    """The text tower, tokens `n t` on the CPU -> `n d` on the device. Beginnings are found on the CPU."""
    distinct, again = tokens.unique(dim=0, return_inverse=True)  # in order
    filled = torch.cat([distinct, distinct[-1:].expand(-len(distinct) % GROUP, -1)])
    grouped = rearrange(filled, "(b k) t -> b k t", k=GROUP)
    end = grouped.argmax(dim=-1, keepdim=True)  # EOS has the highest id
    prefixes = Prefixes.of(grouped, torch.arange(tokens.shape[1]) <= end)
    pooled = sent(prefixes.number.gather(2, end).flatten()[: len(distinct)], device)
    prefixes = prefixes.to(device)
    x = model.token_embedding(prefixes.last) + model.positional_embedding[prefixes.positions]
    for block in model.transformer.resblocks:
        x = layer(block, x, prefixes, rows)
    return by_rows(lambda part: projected(model, part), rows, x[pooled])[sent(again, device)]


def layer(block: ResidualAttentionBlock, x: Tensor, prefixes: Prefixes, rows: int) -> Tensor:
    """One block of the tower, from the states of prefixes to their states."""
    attention = block.attn

    def look(x: Tensor) -> Tensor:
        return F.linear(block.ln_1(x), attention.in_proj_weight, attention.in_proj_bias)

    def think(x: Tensor, heads: Tensor) -> Tensor:
        x = x + block.ls_1(attention.out_proj(heads))
        return x + block.ls_2(block.mlp(block.ln_2(x)))

    expanded = prefixes.expand(by_rows(look, rows, x))
    queries, keys, values = rearrange(expanded, "r t (three h e) -> three r h t e", three=3, h=attention.num_heads)
    heads = F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
    return by_rows(think, rows, x, prefixes.gather(rearrange(heads, "r h t e -> r t (h e)")))


def by_rows(apply: Callable[..., Tensor], rows: int, *tensors: Tensor) -> Tensor:
    """A function of the rows of tensors, applied to `rows` rows at a time. The last part is filled up with zeros."""
    parts = zip(*(F.pad(x, (0, 0, 0, -len(x) % rows)).split(rows) for x in tensors))
    return torch.cat([apply(*part) for part in parts])[: len(tensors[0])]
