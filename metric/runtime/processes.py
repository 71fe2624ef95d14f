"""Several processes that train one model: who they are, how a batch is shared among them, what they tell each other.

Started by `torchrun --nproc-per-node N -m captioner train ...`, or `accelerate launch`, on one machine or many:
both describe the group in the same environment. Each process works on its share of a batch, and the gradient is that
of the whole one, whatever their number: DistributedDataParallel takes the mean while it is computed.

Axes: n items of a batch, d features.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import distributed
from torch.distributed.rendezvous import rendezvous

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
        refuse_unlike("--" + name.replace("_", "-"), str(value))


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
