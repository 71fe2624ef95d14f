"""The state of an optimizer as a file, and the fingerprint of a model.

In the file a tensor is called `<parameter number>.<name>`. Numbers follow the order of the optimizer's parameters.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file


def save_optimizer(optimizer: torch.optim.Optimizer, path: Path) -> None:
    """Write the state as safetensors."""
    state = optimizer.state_dict()["state"]
    save_file({f"{n}.{name}": t.contiguous() for n, values in state.items() for name, t in values.items()}, path)


def load_optimizer(optimizer: torch.optim.Optimizer, path: Path) -> None:
    """Read the state into an optimizer over the same parameters in the same order. Learning rates stay as they are."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in load_file(path).items():
        number, name = key.split(".")
        state.setdefault(int(number), {})[name] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def fingerprint(settings: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> str:
    """Twelve hexadecimal digits of a hash (SHA-256) over the configuration and the weights of a model."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:12]
