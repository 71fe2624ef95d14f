"""Maxima and sums over a large vocabulary, piece by piece: a pass of the whole through memory costs as much as a layer.

Axes: v vocabulary, n pieces of it, c tokens of a piece, k best.
"""

from __future__ import annotations

import torch
from torch import Tensor

PIECE = 64  # tokens
CACHED = 2**20  # logits that a processor's cache holds


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


def log_total(logits: Tensor) -> Tensor:
    """`... v` -> log of the sum of exp, `...`; on a CPU few rows at a time. For what needs no gradient."""
    if logits.device.type != "cpu":
        return logits.logsumexp(dim=-1)
    rows = logits.flatten(0, -2).split(max(1, CACHED // logits.shape[-1]))
    return torch.cat([part.logsumexp(dim=-1) for part in rows]).unflatten(0, logits.shape[:-1])
