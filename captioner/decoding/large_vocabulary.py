"""Choices from a large vocabulary, a few pictures at a time.

A pass of all logits through memory would cost as much time as a layer of the decoder.

Axes: b pictures, k captions of each, v vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

PIECE = 64  # tokens
CACHED = 2**18  # logits that fit into the cache of a processor


def parts(logits: Tensor, *others: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Splits logits `b k v`, and other tensors `b ...`, into groups of pictures.

    On a CPU a group fits into the cache. On a GPU all pictures are one group.
    """
    count = max(1, CACHED // max(1, logits[0].numel())) if logits.device.type == "cpu" else len(logits)
    return zip(*(tensor.split(count) for tensor in (logits, *others)))


def joined(pieces: Iterable[tuple[Tensor, ...]]) -> list[Tensor]:
    """The tensors of groups of pictures, put together again. One group stays as it is."""
    return [torch.cat(group) if len(group) > 1 else group[0] for group in zip(*pieces)]


def log_probability(logits: Tensor, ids: Tensor) -> Tensor:
    """Returns the log-probability of one token of each caption, without a gradient. `b k v` and `b k` -> `b k`."""
    chosen = joined((part.log_softmax(-1).gather(-1, one[..., None]).squeeze(-1),) for part, one in parts(logits, ids))
    return chosen[0]


def top(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Returns the k highest logits, best first, and their ids. `... v` -> `... k`, twice.

    The result is that of topk, except for the order of equal logits. The search looks only into the k pieces with the
    highest maxima, because no other piece can hold one of the k highest.
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
