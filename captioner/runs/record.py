"""What config.json says beside the settings: where the numbers come from."""

from __future__ import annotations

import platform
import subprocess
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from captioner.config import Run, as_json
from captioner.model.encoder_decoder import Captioner
from captioner.runs.signature import signature
from captioner.training.checkpoint import model_folder
from metric.storage.tensors import fingerprint
from rewards.mix import Mix

PACKAGES = ("captioner", "torch", "open_clip_torch", "transformers", "peft")


def describe(run: Run, reward: Mix | None) -> dict[str, Any]:
    """The settings, what they stood for, the signature, and commit, versions and hardware of this machine."""
    settings = as_json(run)
    config = {
        **settings,
        "stage": "reward" if run.rewards else "xe",
        "objective": {"name": "scst", **settings["scst"]} if run.rewards else {"name": "xe", **settings["xe"]},
        "reward_signatures": list(reward.signatures.values()) if reward else [],
        "init_fingerprint": fingerprint_of(run.init) if run.init else "",
        **origin(),
    }
    return {**config, "signature": signature(config)}


def origin() -> dict[str, Any]:
    """Commit, versions and hardware of this machine."""
    versions = {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
    return {"commit": commit(), "versions": versions, "hardware": hardware()}


def fingerprint_of(model: str) -> str:
    """Of the captioner that a run starts from."""
    captioner = Captioner.from_pretrained(model_folder(model))
    return fingerprint(asdict(captioner.config), captioner.state_dict())


def commit() -> str:
    """The commit of this checkout, with + when it was changed since; unknown for an installed package."""
    here = Path(__file__).parents[2]
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
