"""Several processes that train one model: who they are, and how a batch is shared among them.

Each encodes its share and all see every embedding: the loss is that of the whole batch, whatever their number.
Started by `torchrun --nproc-per-node N -m captioner.cli metric train ...`.

Axes: n items of a batch, d features.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn

Item = TypeVar("Item")


@contextmanager
def joined(device: torch.device) -> Iterator[torch.device]:
    """In the group that torchrun describes in the environment, on this process's own GPU; alone without one."""
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        yield device
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield device
    finally:
        distributed.destroy_process_group()


def world() -> int:
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    return distributed.get_rank() if distributed.is_initialized() else 0


def say(text: str) -> None:
    """Once, however many processes there are."""
    if rank() == 0:
        print(text)


def wait() -> None:
    """Until all are here: the first one writes what the others read."""
    if world() > 1:
        distributed.barrier()


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


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Every process holds the loss of the whole batch, and `spread` hands back the sum of their gradients: the mean
    is the gradient that one process alone would have."""
    if world() == 1:
        return
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        distributed.all_reduce(parameter.grad)
        parameter.grad /= world()


def any_of(asked: bool, device: torch.device) -> bool:
    """Whether one of the processes was asked to stop: they stop together."""
    if world() == 1:
        return asked
    flag = torch.tensor(float(asked), device=device)
    distributed.all_reduce(flag)
    return bool(flag)


def from_first(value: float, device: torch.device) -> float:
    """The first process's figure, so that a decision taken from it is the same everywhere."""
    if world() == 1:
        return value
    figure = torch.tensor(value, dtype=torch.float64, device=device)
    distributed.broadcast(figure, 0)
    return float(figure)
