"""The device that a name on the command line stands for."""

from __future__ import annotations

import os

import torch


def device_of(name: str) -> torch.device:
    """The torch device. `auto` is the GPU when there is one. `cuda` is the GPU of this process."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f"--device is auto, cpu, cuda or cuda:N, got {name!r}") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"--device {name}, but torch sees no GPU here; type `captioner doctor` to see what there is")
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    if device.type == "cuda" and processes > torch.cuda.device_count():
        raise ValueError(
            f"{processes} processes want a GPU each, and this machine has {torch.cuda.device_count()}: "
            f"start {torch.cuda.device_count()} on it, or type --device cpu"
        )
    if device.index is not None and processes > 1:
        raise ValueError(f"--device {name} is one GPU for {processes} processes; type --device cuda")
    return device
