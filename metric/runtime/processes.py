"""Several processes that train one model: their number, their shares of a batch, the messages between them.

Started by `torchrun --nproc-per-node N -m captioner train ...`, or `accelerate launch`, on one machine or many:
both describe the group in the same environment variables. Each process works on its share of a batch. The gradient is
that of the whole batch: DistributedDataParallel averages gradients while they are computed.

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

# Groups that have ended. PyTorch 2.6 waits for ever when a group is freed while one of its threads asks for Python's
# lock, so there a group lives as long as its process, and keeps its port. 2.14 does not wait.
ENDED: list[distributed.ProcessGroup | None] = []
WAITS = tuple(map(int, torch.__version__.split(".")[:2])) < (2, 14)
PATIENCE = timedelta(hours=2)  # the others wait while the first process validates; the launcher notices dead processes


@contextmanager
def joined() -> Iterator[None]:
    """Join the group of processes that the environment describes. Each process takes its own GPU, if there are any.

    When several processes end with the same error, one of them reports the error and the others end in silence.
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
        ENDED.extend([distributed.group.WORLD] * WAITS)
        distributed.destroy_process_group()


def is_first(store: distributed.Store, key: str, name: str) -> bool:
    """Whether no other process has come to `key` before. False when the process that holds the store has ended."""
    try:
        return store.compare_set(key, "", name) == name.encode()
    except distributed.DistNetworkError:
        return False


def world() -> int:
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    return distributed.get_rank() if distributed.is_initialized() else 0


def wait() -> None:
    """Wait until all processes are here, such as for a file that the first process writes and the others read."""
    if world() > 1:
        distributed.barrier()


def own_share(items: Sequence[Item]) -> Sequence[Item]:
    """The items of this process, when each item is worked on by one process."""
    return items[rank() :: world()]


def shared(compute: Callable[[], Result]) -> Result:
    """The result of the first process, in all processes. ValueError in all of them when the first one fails.

    A ValueError of a class of ours keeps its class.
    """
    if world() == 1:
        return compute()
    message: list[Any] = [None, None, ValueError]  # result, error
    if rank() == 0:
        try:
            message[0] = compute()
        except (ValueError, OSError) as error:
            message[1] = str(error)
            message[2] = type(error) if type(error).__init__ is ValueError.__init__ else ValueError
    distributed.broadcast_object_list(message, 0, device=torch.device("cpu"))
    if message[1] is not None:
        raise message[2](message[1])
    return message[0]


def alike(compute: Callable[[], Result], fault: type[ValueError]) -> Result:
    """The result of each process. All processes raise the `fault` of one process, and none waits for the others."""
    if world() == 1:
        return compute()
    result, said = None, ""
    try:
        result = compute()
    except fault as error:
        said = str(error)
    if whys := [why for why in gathered(said) if why]:
        raise fault(whys[0])
    return result  # type: ignore[return-value]


def gathered(value: Item) -> list[Item]:
    """The values of all processes, in the order of the processes."""
    if world() == 1:
        return [value]
    values: list[Any] = [None] * world()
    with torch.device("cpu"):
        distributed.all_gather_object(values, value)
    return values


def refuse_unlike(what: str, value: str) -> None:
    """ValueError in every process when the processes have different values."""
    values = gathered(value)
    for number, other in enumerate(values):
        if other != values[0]:
            raise ValueError(
                f"process {number} has other {what} than process 0: {other}, not {values[0]}; "
                "give every process the same files and the same flags"
            )


def refuse_other_settings(settings: Mapping[str, object]) -> None:
    """ValueError in every process when the processes were started with different flags."""
    for name, value in settings.items():
        refuse_unlike("--" + name.replace("_", "-"), str(value))


def total(values: Sequence[float]) -> list[float]:
    """Each value summed over the processes, on the CPU, over gloo."""
    if world() == 1:
        return list(values)
    figures = torch.tensor(values, dtype=torch.float64, device="cpu")
    distributed.all_reduce(figures)
    return figures.tolist()


def mean(facts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each figure over the parts of a batch, in all processes."""
    summed = total([sum(part[name] for part in facts) for name in facts[0]])
    return {name: value / (len(facts) * world()) for name, value in zip(facts[0], summed)}


def any_of(asked: bool) -> bool:
    """Whether any process was asked to stop. All processes stop together."""
    return total([float(asked)])[0] > 0
