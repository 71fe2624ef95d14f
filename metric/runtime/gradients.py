"""Gradients and embeddings of a batch that several processes share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from metric.runtime.processes import Item, Result, rank, world


def encode_in_shares(encode: Callable[[list[Item]], Tensor], items: Sequence[Item]) -> Tensor:
    """Encode n items, a share in each process, and return all embeddings `n d` in the order of the items.

    A gradient goes back to the process that encoded the item. Shares have one size: the first items fill up the last
    share, and their second embeddings are dropped.
    """
    if world() == 1:
        return encode(list(items))
    size = -(-len(items) // world())
    share = [items[place % len(items)] for place in range(rank() * size, (rank() + 1) * size)]
    return Gathered.apply(encode(share))[: len(items)]


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
