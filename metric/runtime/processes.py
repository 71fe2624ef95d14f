"""Several processes that train one model: who they are, how a batch is shared among them, what they tell each other.

Started by `torchrun --nproc-per-node N -m captioner.cli train ...`, or `accelerate launch`, on one machine or many:
both describe the group in the same environment. Each process works on its share of a batch, and the gradient is that
of the whole one, whatever their number: DistributedDataParallel takes the mean while it is computed.

Axes: n items of a batch, d features.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

Item = TypeVar("Item")
Result = TypeVar("Result")

PATIENCE = timedelta(hours=2)  # all wait while the first one validates; who starts the processes notices dead ones


@contextmanager
def joined() -> Iterator[None]:
    """In the group that the environment describes, with a GPU of its own where there are any; alone without one.

    What several processes would say alike as they end, the first says; the others end in silence.
    """
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        yield
        return
    gpus = torch.cuda.device_count()
    if gpus:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % gpus)
    store, number, size = next(rendezvous("env://"))
    backend = "cpu:gloo,cuda:nccl" if gpus else "gloo"  # objects travel over gloo, gradients as they are
    distributed.init_process_group(backend, store=store, rank=number, world_size=size, timeout=PATIENCE)
    try:
        yield
    except (ValueError, OSError, KeyboardInterrupt) as end:
        if not is_first(store, f"said/{end}", str(number)):
            sys.exit(130 if isinstance(end, KeyboardInterrupt) else 2)
        raise
    finally:
        distributed.destroy_process_group()


def is_first(store: distributed.Store, key: str, name: str) -> bool:
    """Whether nobody else has come to `key` before; when the process that holds the store has ended, one has."""
    try:
        return store.compare_set(key, "", name) == name.encode()
    except distributed.DistNetworkError:
        return False


def world() -> int:
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    return distributed.get_rank() if distributed.is_initialized() else 0


def say(text: str) -> None:
    """Once, however many processes there are."""
    if rank() == 0:
        tqdm.write(text)


def no_bar() -> bool | None:
    """tqdm's `disable`: the first process has a bar, on a terminal."""
    return True if rank() else None


def wait() -> None:
    """Until all are here: the first one writes what the others read."""
    if world() > 1:
        distributed.barrier()


def own(items: Sequence[Item]) -> Sequence[Item]:
    """This process's share of work that is done once for all."""
    return items[rank() :: world()]


def shared(compute: Callable[[], Result]) -> Result:
    """What the first process computes, in all; input it cannot use is refused in all."""
    if world() == 1:
        return compute()
    told: list[Any] = [None, None]
    if rank() == 0:
        try:
            told[0] = compute()
        except (ValueError, OSError) as error:
            told[1] = str(error)
    distributed.broadcast_object_list(told, 0, device=torch.device("cpu"))
    if told[1] is not None:
        raise ValueError(told[1])
    return told[0]


def gathered(mine: Item) -> list[Item]:
    """That of every process, in their order."""
    if world() == 1:
        return [mine]
    told: list[Any] = [None] * world()
    with torch.device("cpu"):
        distributed.all_gather_object(told, mine)
    return told


def refuse_unlike(what: str, mine: str) -> None:
    """ValueError in every process when they do not all have the same."""
    told = gathered(mine)
    for number, theirs in enumerate(told):
        if theirs != told[0]:
            raise ValueError(
                f"process {number} has other {what} than process 0: {theirs}, not {told[0]}; "
                "give every process the same files and the same flags"
            )


def refuse_other_settings(settings: Mapping[str, object]) -> None:
    """ValueError in every process when they were not started by the same flags."""
    for name, value in settings.items():
        refuse_unlike(f"--{name}", str(value))


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


def total(values: Sequence[float], device: torch.device) -> list[float]:
    """Each summed over the processes."""
    if world() == 1:
        return list(values)
    figures = torch.tensor(values, dtype=torch.float64, device=device)
    distributed.all_reduce(figures)
    return figures.tolist()


def mean(facts: Sequence[Mapping[str, float]], device: torch.device) -> dict[str, float]:
    """Of each figure, over the parts of a batch here and in the other processes."""
    summed = total([sum(part[name] for part in facts) for name in facts[0]], device)
    return {name: value / (len(facts) * world()) for name, value in zip(facts[0], summed)}


def any_of(asked: bool, device: torch.device) -> bool:
    """Whether one of the processes was asked to stop: they stop together."""
    return total([float(asked)], device)[0] > 0
