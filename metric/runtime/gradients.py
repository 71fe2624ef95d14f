"""Gradients and embeddings of a batch: shared by several processes, and computed in parts.

Axes: n items, d features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import checkpoint

from metric.runtime.processes import Item, Result, rank, world


def share_of(n: int) -> list[int]:
    """The places of the items that this process encodes, of n.

    Shares have one size: the first items fill up the last share.
    """
    size = -(-n // world())
    return [place % n for place in range(rank() * size, (rank() + 1) * size)]


def encode_in_shares(encode: Callable[[list[Item]], Tensor], items: Sequence[Item]) -> Tensor:
    """Encode n items, a share in each process, and return all embeddings `n d` in the order of the items."""
    return of_shares(encode([items[place] for place in share_of(len(items))]), len(items))


def of_shares(share: Tensor, n: int) -> Tensor:
    """The embeddings `n d` of all items, from those of `share_of(n)` in each process.

    A gradient goes back to the process that encoded the item. Second embeddings of an item are dropped.
    """
    return share if world() == 1 else Gathered.apply(share)[:n]


class Gathered(torch.autograd.Function):
    """The rows of all processes, in the order of the processes. The gradients of a row are summed over processes."""

    @staticmethod
    def forward(ctx: Any, share: Tensor) -> Tensor:
        rows = [torch.empty_like(share) for _ in range(world())]
        distributed.all_gather(rows, share.contiguous())
        return torch.cat(rows)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total.chunk(world())[rank()]


class Applied(nn.Module):
    """A module whose forward pass calls a function of `model`. DistributedDataParallel can wrap such a module."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, loss: Callable[..., Result], *given: Any) -> Result:
        return loss(*given)


class Apply(Protocol):
    """`apply(loss, *given)` returns `loss(*given)`, whose gradient will be the mean over the processes."""

    def __call__(self, loss: Callable[..., Result], *given: Any) -> Result: ...


def data_parallel(model: nn.Module) -> Apply:
    """Call losses of `model` so that all processes get one gradient. They begin with the weights of the first process.

    The gradient is that of the mean loss over the processes. A loss of the whole batch comes from
    `encode_in_shares`, which sums gradients over the processes. Its mean is the gradient that one process would have.
    """
    return DistributedDataParallel(Applied(model), gradient_as_bucket_view=True) if world() > 1 else alone


def alone(loss: Callable[..., Result], *given: Any) -> Result:
    """`Apply` for one process."""
    return loss(*given)


def delayed_averaging(apply: Apply, more: bool) -> AbstractContextManager:
    """Delay the averaging of gradients while `more` parts of the batch follow (`no_sync` of DDP)."""
    return apply.no_sync() if more and isinstance(apply, DistributedDataParallel) else nullcontext()


def in_parts(encode: Callable[[Any], Tensor], items: Any, size: int, device: torch.device) -> Tensor:
    """`encode(items)` -> `n d`, computed for `size` items at a time; 0 stands for all at once.

    The contrastive loss needs all embeddings but no activations. The activations of a part are computed again for its
    gradients and dropped before those of the next part, as in GradCache (arXiv 2101.06983). The same random numbers are
    drawn again.
    """
    if not size or len(items) <= size:
        return encode(items)
    on_device = torch.empty(0, device=device)  # checkpoint restores the generators of the devices its arguments are on
    parts = [items[start : start + size] for start in range(0, len(items), size)]
    return torch.cat([checkpoint(lambda part, _: encode(part), part, on_device, use_reentrant=False) for part in parts])
