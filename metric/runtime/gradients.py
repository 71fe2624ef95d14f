"""Gradients and embeddings of a batch that several processes share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from metric.runtime.processes import Item, rank, world


def spread(encode: Callable[[list[Item]], Tensor], items: Sequence[Item]) -> Tensor:
    """`encode` of all items, each process doing its share. n items -> `n d`, in their order.

    Gradients find their way to the share they belong to. Shares are equal: the last ones are filled up with
    the first items, whose second embeddings are dropped.
    """
    if world() == 1:
        return encode(list(items))
    size = -(-len(items) // world())
    mine = [items[place % len(items)] for place in range(rank() * size, (rank() + 1) * size)]
    return Gathered.apply(encode(mine))[: len(items)]


class Gathered(torch.autograd.Function):
    """The rows of all processes, in their order; a row's gradient is the sum of what it is in each process."""

    @staticmethod
    def forward(ctx: Any, mine: Tensor) -> Tensor:
        rows = [torch.empty_like(mine) for _ in range(world())]
        distributed.all_gather(rows, mine.contiguous())
        return torch.cat(rows)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total.chunk(world())[rank()]


class Applied(nn.Module):
    """Any function of a model as the forward pass of a module, which is what DistributedDataParallel wraps."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, loss: Callable[..., Any], *given: Any) -> Any:
        return loss(*given)


Apply = Callable[..., Any]
"`apply(loss, *given)` is `loss(*given)`, whose gradient will be the mean over the processes."


def data_parallel(model: nn.Module) -> Apply:
    """For losses of `model`, which begins in every process with the first one's weights.

    The loss is the mean over the processes of what each returns. Where each returns that of the whole batch, through
    `spread`, which hands back the sum of their gradients, the mean is the gradient that one process alone would have.
    """
    if world() == 1:
        return lambda loss, *given: loss(*given)
    return DistributedDataParallel(Applied(model), gradient_as_bucket_view=True)


def held(apply: Apply, more: bool) -> AbstractContextManager:
    """Of a loss and its backward pass: with `more` to come, gradients are added up here and not yet averaged."""
    return apply.no_sync() if more and isinstance(apply, DistributedDataParallel) else nullcontext()
