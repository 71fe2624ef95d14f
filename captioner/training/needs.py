"""What a piece of work keeps in memory and on disk, and whether there is room for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from metric.runtime import memory
from metric.runtime.device import free_memory
from metric.storage.disk import free_disk, refuse_full, space

FLOAT = 4  # bytes
MOMENTS = 2  # of AdamW, for each weight


@dataclass(frozen=True)
class Need:
    """What is kept, in bytes. On the CPU `memory` and `host` are of one memory."""

    what: str
    memory: int = 0
    "of the device that computes"
    disk: int = 0
    host: int = 0
    "of the machine, whatever device computes"


def refuse_what_does_not_fit(needs: Sequence[Need], out: Path, device: torch.device, smaller: str) -> None:
    """ValueError when the free memory or the free disk is less than `needs`. `smaller` are flags that need less."""
    here, there = sum(need.host for need in needs), sum(need.memory for need in needs)
    if device.type == "cpu":
        here, there = here + there, 0
    for asked, free, where in ((here, memory.free(), ""), (there, free_memory(device), f" on {device}")):
        if free is not None and asked > free:
            raise ValueError(
                f"the run needs {space(asked)} of memory more{where}, and {space(free)} are free; type {smaller}"
            )
    refuse_full("the run needs", sum(need.disk for need in needs), out)


def told(needs: Sequence[Need], out: Path, device: torch.device, loaded: str) -> Iterator[str]:
    """The lines of a plan about memory and disk. `loaded` names what this process holds already."""
    now, there = memory.resident(), memory.free()
    on_cpu = device.type == "cpu"
    here = now + sum(need.host + need.memory * on_cpu for need in needs)
    yield f"memory: {space(here)}, and {space(now + (there or 0))} can be had"
    yield f"  {space(now):>10}  {loaded}, measured"
    yield from (f"  {space(size):>10}  {need.what}" for need in needs if (size := need.host + need.memory * on_cpu))
    if not on_cpu:
        free = free_memory(device)
        left = "torch does not tell what is free" if free is None else f"{space(free)} are free"
        yield f"memory of {device}: {space(sum(need.memory for need in needs))} beside the models, and {left}"
        yield from (f"  {space(need.memory):>10}  {need.what}" for need in needs if need.memory)
    yield f"disk: {space(sum(need.disk for need in needs))}, and {space(free_disk(out))} are free at {out}"
    yield from (f"  {space(need.disk):>10}  {need.what}" for need in needs if need.disk)


def kept(compute: Callable[[], Tensor], model: nn.Module) -> int:
    """Bytes of the tensors that autograd keeps for the backward pass of `compute`, without the weights of `model`."""
    weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    found: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            found[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(note, lambda tensor: tensor):
        compute()
    return sum(found.values())
