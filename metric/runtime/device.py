"""The device that a name on the command line stands for, and why.

`auto` takes the first kind of `SEEN` that torch sees here, else the CPU. What is typed and absent is refused. No
device but the CPU is asked for float64, which the GPU of a Mac lacks and others compute slowly.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

NAMES = "auto, cpu, cuda, cuda:N, mps or xpu"
SEEN: dict[str, Callable[[], int]] = {
    "cuda": lambda: torch.cuda.device_count() if torch.cuda.is_available() else 0,
    "xpu": lambda: torch.xpu.device_count() if torch.xpu.is_available() else 0,
    "mps": lambda: int(torch.backends.mps.is_available()),
}
"Kind of an accelerator -> how many of them torch sees. `auto` takes the first kind that is there."

FREE: dict[str, Callable[[torch.device], int]] = {
    "cuda": lambda device: torch.cuda.mem_get_info(device)[0],
    "mps": lambda device: torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory(),
}
"Kind of an accelerator -> its free memory in bytes, where torch tells it."


class Chosen(NamedTuple):
    """A device, and the reason for it as a clause."""

    device: torch.device
    why: str


def device_of(name: str) -> torch.device:
    """The torch device of a name. Raises ValueError, see `chosen`."""
    return chosen(name).device


def chosen(name: str) -> Chosen:
    """The device of `auto`, `cpu`, `cuda`, `cuda:N`, `mps` or `xpu`. `cuda` is the GPU of this process.

    Raises ValueError for another name, for a device that is not there, and for several processes that it cannot serve.
    """
    if name == "auto":
        kind = next((kind for kind, count in SEEN.items() if count()), "cpu")
        choice = Chosen(torch.device(kind), found(kind) if kind != "cpu" else "; ".join(map(absent, SEEN)))
    else:
        choice = Chosen(named(name), "as typed")
    refuse_processes(choice.device, name)
    return choice


def named(name: str) -> torch.device:
    """The device of a typed name. Raises ValueError for no name, and for a device that is not there."""
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type != "cpu" and device.type not in SEEN:
        raise ValueError(f"--device is {NAMES}, got {name!r}")
    if not (count := seen(device.type)):
        raise ValueError(
            f"--device {name}, but {absent(device.type)}; type --device cpu or auto; "
            "`captioner doctor` tells what is here"
        )
    if (device.index or 0) >= count:
        raise ValueError(f"--device {name}, but {found(device.type)}, counted from 0; type --device {device.type}")
    return device


def seen(kind: str) -> int:
    """How many devices of a kind there are."""
    return 1 if kind == "cpu" else SEEN[kind]()


def free_memory(device: torch.device) -> int | None:
    """The free memory of a device in bytes; None where torch does not tell it, and for the CPU."""
    return FREE[device.type](device) if device.type in FREE else None


def found(kind: str) -> str:
    """How many devices of a kind there are, as a clause."""
    count = seen(kind)
    return f"torch sees {count} {kind} device{'' if count == 1 else 's'}"


def absent(kind: str) -> str:
    """Why torch sees no accelerator of a kind, as a clause."""
    if kind == "cuda":
        built = torch.version.cuda or torch.version.hip
        return f"torch, built for CUDA {built}, finds no GPU or driver" if built else "this torch is built without CUDA"
    if kind == "mps":
        there = torch.backends.mps.is_built()
        return "macOS or the GPU is too old for MPS" if there else "this torch is built without MPS, for Apple's GPUs"
    return f"torch sees no {kind} device"


def refuse_processes(device: torch.device, name: str) -> None:
    """Raises ValueError when the processes that a launcher started here cannot each have a device."""
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    if processes == 1 or device.type == "cpu":
        return
    if device.type != "cuda":
        raise ValueError(
            f"several processes work on cuda or cpu, and {name} is {device.type} here; type --device cpu, or start one"
        )
    if processes > SEEN["cuda"]():
        raise ValueError(
            f"{processes} processes want a GPU each, and this machine has {SEEN['cuda']()}: "
            f"start {SEEN['cuda']()} on it, or type --device cpu"
        )
    if device.index is not None:
        raise ValueError(f"--device {name} is one GPU for {processes} processes; type --device cuda")


def sent(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor on its way to a device: from pinned memory, so that the host goes on with its work.

    On the CPU it is the tensor itself. A Mac's GPU shares the memory of the host, where nothing is pinned. A tensor of
    the device `meta` has a shape alone.
    """
    if device.type in ("cpu", "mps", "meta") or tensor.device.type != "cpu":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def fetched(numbers: Sequence[torch.Tensor | float]) -> list[float]:
    """The values of numbers, those of a device in one copy for which the host waits once."""
    there = [number for number in numbers if isinstance(number, torch.Tensor)]
    values = iter(torch.stack([number.detach().float() for number in there]).tolist() if there else ())
    return [next(values) if isinstance(number, torch.Tensor) else number for number in numbers]


def has_fused_adam(device: torch.device) -> bool | None:
    """Whether Adam is to update all parameters by one kernel: on every GPU but a Mac's. None leaves that to torch.

    The CPU keeps the kernels of before, and the numbers with them.
    """
    return True if device.type not in ("cpu", "mps") else None


def widest(device: torch.device) -> torch.dtype:
    """The widest type of numbers to compute with on a device: float64 on the CPU alone."""
    return torch.float64 if device.type == "cpu" else torch.float32
