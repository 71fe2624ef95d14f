"""What config.json says beside the settings: where the numbers come from."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from captioner.config import Run, as_json
from rewards.mix import Mix

PACKAGES = ("torch", "open_clip_torch", "transformers", "peft")


def describe(run: Run, reward: Mix | None) -> dict[str, Any]:
    """The settings, the signature, and commit, versions and hardware of this machine."""
    return {
        **as_json(run),
        "stage": "reward" if run.rewards else "xe",
        "objective": {"name": "scst", **as_json(run)["scst"]} if run.rewards else {"name": "xe", **as_json(run)["xe"]},
        "signature": signature(run, reward),
        "commit": commit(),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "hardware": hardware(),
    }


def signature(run: Run, reward: Mix | None) -> str:
    """Reward and objective in one line, after SacreEOS: what must be equal for two runs to be the same thing."""
    if reward is None:
        return f"XE[ls{run.xe.label_smoothing:g}]"
    terms = [f"{reward.weights[key]:g}*({signature})" for key, signature in reward.signatures.items()]
    return f"SCST[{run.scst.candidates}]+{run.scst.baseline}[nspi{run.scst.samples}]+{'+'.join(terms)}"


def commit() -> str:
    """The commit of this checkout, with + when it was changed since; unknown for an installed package."""
    here = Path(__file__).parent
    try:
        head = subprocess.run(
            ["git", "-C", here, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
        )
        dirty = subprocess.run(["git", "-C", here, "status", "--porcelain", "-uno"], capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.stdout.strip() + ("+" if dirty.stdout.strip() else "")


def hardware() -> str:
    gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return ", ".join(gpus) or f"{torch.get_num_threads()} CPU threads, {platform.machine()}"
