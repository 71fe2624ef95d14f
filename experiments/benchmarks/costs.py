"""What a step costs: its median time, the growth of memory, floating-point operations. Without a GPU, CPU seconds."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from torch.utils.flop_counter import FlopCounterMode

from metric.runtime import memory

Step = Callable[[int], object]


@dataclass(frozen=True)
class Cost:
    """The cost of a step: CPU seconds (by the clock on a GPU), clock seconds, and growth of memory in MiB."""

    seconds: float
    wall: float
    memory: float


def measured(step: Step, rounds: int, device: torch.device) -> Cost:
    """The median cost of `rounds` steps, after a step that warms up."""
    step(0)
    seconds, walls = [], []
    before = reset_peak(device)
    for number in range(1, rounds + 1):
        began, wall = time.process_time(), time.perf_counter()
        step(number)
        if device.type == "cuda":
            torch.cuda.synchronize()
        walls.append(time.perf_counter() - wall)
        seconds.append(walls[-1] if device.type == "cuda" else time.process_time() - began)
    return Cost(median(seconds), median(walls), peak(device) - before)


def reset_peak(device: torch.device) -> float:
    """The memory in use, in MiB. `peak` starts to count here."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated() / 2**20
    ctypes.CDLL("libc.so.6").malloc_trim(0)  # freed memory goes back to the system
    Path("/proc/self/clear_refs").write_text("5")
    return memory.resident() / 2**20


def peak(device: torch.device) -> float:
    """The peak memory since `reset_peak`, in MiB."""
    return torch.cuda.max_memory_allocated() / 2**20 if device.type == "cuda" else memory.peak() / 2**20


def operations(step: Step) -> float:
    """The floating-point operations of a step."""
    with FlopCounterMode(display=False) as counter:
        step(0)
    return counter.get_total_flops()


def product_rate(device: torch.device, n: int = 2048) -> float:
    """The floating-point operations a second of an fp32 matrix product of `n` x `n`."""
    a = torch.randn(n, n, device=device)
    return 2 * n**3 / measured(lambda _: a @ a, 3, device).seconds
