"""The origin of numbers: the commit, the versions of packages, and the hardware of this machine."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path
from typing import Any

import torch

from metric.runtime.installed import version_of
from metric.storage.atomic_files import write_json
from metric.storage.run_files import PROVENANCE

NONE_MADE = "none made beforehand"  # where a metric was trained without a folder of positives
PACKAGES = ("captioner", "torch", "open_clip_torch", "transformers", "peft")


def origin() -> dict[str, Any]:
    """Commit, versions and hardware of this machine."""
    versions = {"python": platform.python_version(), **{name: version_of(name) for name in PACKAGES}}
    return {"commit": commit(), "versions": versions, "hardware": hardware()}


def record_metric(out: Path, data: str, positives: str) -> None:
    """Writes provenance.json of a trained CLIP, for the model card: data, positives, commit and hardware."""
    write_json(out / PROVENANCE, {"data": data, "positives": positives or NONE_MADE, **origin()})


def commit() -> str:
    """The short commit of this checkout, with + for uncommitted changes. `unknown` for an installed package."""
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
    """The names of the accelerators, or the number of CPU threads and the architecture."""
    cpu = f"{torch.get_num_threads()} CPU threads, {platform.machine()}"
    if torch.cuda.is_available():
        return ", ".join(torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count()))
    if torch.xpu.is_available():
        return ", ".join(torch.xpu.get_device_name(number) for number in range(torch.xpu.device_count()))
    return f"{platform.processor()} GPU (MPS), {cpu}" if torch.backends.mps.is_available() else cpu
