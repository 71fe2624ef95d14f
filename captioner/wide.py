"""Choices from a large vocabulary, few rows at a time: a pass of the whole through memory costs as much as a layer.

Axes: v vocabulary, n pieces of it, k best.
"""

from __future__ import annotations

import torch
from torch import Tensor

PIECE = 64  # tokens
CACHED = 2**18  # logits that a processor's own cache holds


def best(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """`... v` -> the log-probabilities of the k likeliest tokens, best first, and their ids, `... k` twice.

    In fp32, whatever the logits are in. For what needs no gradient.
    """
    values, ids = zip(*(top(part.log_softmax(-1, dtype=torch.float32), k) for part in parts(logits)))
    return torch.cat(values).unflatten(0, logits.shape[:-1]), torch.cat(ids).unflatten(0, logits.shape[:-1])


def log_probability(logits: Tensor, ids: Tensor) -> Tensor:
    """Of one token each, `... v` and `...` -> `...`. For what needs no gradient."""
    each = ids.flatten().split(rows(logits))
    found = [part.log_softmax(-1).gather(1, one[:, None]) for part, one in zip(parts(logits), each)]
    return torch.cat(found).view(ids.shape)


def parts(logits: Tensor) -> tuple[Tensor, ...]:
    """All rows, on a CPU as many at a time as stay in its cache."""
    return logits.flatten(0, -2).split(rows(logits))


def rows(logits: Tensor) -> int:
    count = max(1, logits.shape[:-1].numel())
    return count if logits.device.type != "cpu" else max(1, CACHED // logits.shape[-1])


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
