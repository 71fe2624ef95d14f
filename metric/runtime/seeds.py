"""Seeds as functions of a run's seed, a stage, a step and a process, so that no checkpoint holds a random state."""

from __future__ import annotations

import random
from hashlib import sha256

import numpy as np
import torch
import torch.utils.deterministic

# Stage -> how many stages share the run's seed, which of them this is, and the stride from one seed to the next.
# A stride is a prime above any number of steps, so that no two steps of any two runs have the same seed.
STAGES = {
    "step": (1, 0, 1_000_003),  # of the training of a CLIP
    "epoch": (1, 0, 1_000_003),
    "xe": (2, 0, 10_000_019),
    "reward": (2, 1, 10_000_019),
}
PROCESS = 32  # bits of a seed below the number of the process


def seed_of_step(seed: int, stage: str, step: int, rank: int = 0) -> int:
    """The seed of one step, or epoch, of a stage of `STAGES`, in the process of that rank."""
    stages, number, stride = STAGES[stage]
    return (seed * stages + number) * stride + step + (rank << PROCESS)


def seed_of_unit(seed: int, name: str, n: int) -> int:
    """The seed of the n-th positive of the example `name`. It has 48 bits, which every reader of JSON keeps."""
    return int.from_bytes(sha256(f"{seed}/{n}/{name}".encode()).digest()[:6], "big")


def seed_all(seed: int) -> None:
    """Seed the generators of Python, NumPy and torch on all devices. A plug-in's reward may draw from any of them."""
    random.seed(seed)
    np.random.seed([seed % 2**32, seed >> 32])  # takes words of 32 bits
    torch.manual_seed(seed)


def repeat_exactly(device: torch.device) -> None:
    """Let a GPU of NVIDIA add in one order, so that a run is the same to the bit again. A CPU does so by itself.

    PyTorch warns of kernels that have no such order, as those of attention, and goes on. They may add otherwise in half
    precision and over many positions.
    """
    if device.type == "cuda":
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
