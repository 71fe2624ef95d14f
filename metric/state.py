"""An optimizer's state as safetensors: `<parameter number>.<name>`, in the order of its parameters."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file


def save_optimizer(optimizer: torch.optim.Optimizer, path: Path) -> None:
    state = optimizer.state_dict()["state"]
    save_file({f"{n}.{name}": t.contiguous() for n, values in state.items() for name, t in values.items()}, path)


def load_optimizer(optimizer: torch.optim.Optimizer, path: Path) -> None:
    """Into an optimizer over the same parameters in the same order; its learning rates stay its own."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in load_file(path).items():
        number, name = key.split(".")
        state.setdefault(int(number), {})[name] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
