"""Choices from a large vocabulary, few pictures at a time: a pass of the whole through memory costs as much as a layer.

Axes: b pictures, k captions of each, v vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

PIECE = 64  # tokens
CACHED = 2**18  # logits that a processor's own cache holds


def parts(logits: Tensor, *others: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Logits `b k v` and what belongs to them, `b ...`: as many pictures at a time as stay in a CPU's cache, or all."""
    count = max(1, CACHED // max(1, logits[0].numel())) if logits.device.type == "cpu" else len(logits)
    return zip(*(each.split(count) for each in (logits, *others)))


def log_probability(logits: Tensor, ids: Tensor) -> Tensor:
    """Of one token each, `b k v` and `b k` -> `b k`. For what needs no gradient."""
    found = [part.log_softmax(-1).gather(-1, one[..., None]).squeeze(-1) for part, one in parts(logits, ids)]
    return torch.cat(found)


def top(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """`... v` -> the k highest, best first, and their ids, `... k` twice: equal to topk, but among equals.

    None of the k highest is outside the k pieces of the highest maxima.
    """
    v = logits.shape[-1]
    n = v // PIECE
    if n < 4 * k:  # little to leave out
        return logits.topk(k)
    maxima = logits[..., : n * PIECE].unflatten(-1, (n, PIECE)).amax(dim=-1)
    within = torch.arange(PIECE, device=logits.device)
    ids = (maxima.topk(k).indices[..., None] * PIECE + within).flatten(-2)
    rest = torch.arange(n * PIECE, v, device=logits.device).expand(*ids.shape[:-1], -1)
    ids = torch.cat([ids, rest], dim=-1)
    values, at = logits.gather(-1, ids).topk(k)
    return values, ids.gather(-1, at)
