"""What the run of a tuned CLIP has recorded, the names its scores may have, and weights drawn back towards its base."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from metric.clip.model import Clip
from metric.storage.run_files import CONFIG

BASE = "base.json"  # beside tuned weights: the name and the fingerprint of the CLIP that they were tuned from
IMPORTED = "imported.json"  # beside the weights that `captioner metric import` wrote: whose weights they are


def recorded(folder: Path) -> dict[str, Any]:
    """The settings of the run that made the CLIP in `folder`, which is the run or a folder in it; {} without any."""
    for place in (folder, folder.parent):
        if (place / CONFIG).is_file():
            return json.loads((place / CONFIG).read_text(encoding="utf-8"))
    return {}


def remember_base(folder: Path, name: str, fingerprint: str) -> None:
    """Writes beside tuned weights which CLIP they were tuned from: its whole path or its tag, and its fingerprint."""
    (folder / BASE).write_text(json.dumps({"base": whole_name(name), "fingerprint": fingerprint}) + "\n")


def whole_name(name: str) -> str:
    """The name of a CLIP that holds in every folder: the whole path of a path, and a tag as it is."""
    return str(Path(name).resolve()) if Path(name).exists() else name


def base_in(folder: Path) -> dict[str, str]:
    """What `remember_base` has written; {} for the folder of an earlier version."""
    return json.loads((folder / BASE).read_text(encoding="utf-8")) if (folder / BASE).is_file() else {}


def refuse_other_base(folder: Path, clip: Clip) -> None:
    """Raises ValueError for a base that is no longer the CLIP that the weights in `folder` were tuned from."""
    expected = base_in(folder).get("fingerprint")
    if expected and clip.fingerprint != expected:
        raise ValueError(
            f"{folder} was trained on a CLIP with fingerprint {expected}, but {clip.name} now has {clip.fingerprint}; "
            "restore that CLIP or train the metric again"
        )


def of_negatives(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run that go with a copy of its CLIP: the names of its scores and the audit depend on them."""
    return {name: settings[name] for name in ("negatives", "negative_kinds")} if settings.get("negatives") else {}


def imported(folder: Path) -> str:
    """`the authors' PAC-S of ViT-B/32` for a folder that `captioner metric import` made, "" for another."""
    file = folder / IMPORTED
    return json.loads(file.read_text(encoding="utf-8"))["weights"] if file.is_file() else ""


def refuse_other_name(clip: Clip, hard: bool, names: tuple[str, str]) -> None:
    """Raises ValueError for a CLIP under the wrong one of two names: without negatives, with negatives (`hard`).

    Numbers of the two must not stand in one column. A CLIP whose training is not recorded has the first name.
    """
    if hard != bool(clip.negatives):
        how = "no hard text negatives" if clip.negatives is None else f"{clip.negatives} hard text negatives a caption"
        raise ValueError(f"the training of {clip.name} records {how}: type {names[not hard]}, not {names[hard]}")


def refuse_scale(scale: float) -> None:
    if not 0 <= scale <= 1:
        raise ValueError(f"scale is 0 (the CLIP before its tuning) to 1 (as it was tuned), got {scale:g}")


@torch.no_grad()
def between(base: Clip, tuned: Clip, scale: float) -> Clip:
    """The tuned CLIP with weights (1 - scale) base + scale tuned (WiSE-FT, arXiv 2109.01903), in place.

    Raises ValueError for a base of another architecture.
    """
    before, after = base.model.state_dict(), tuned.model.state_dict()
    if {name: weights.shape for name, weights in before.items()} != {name: w.shape for name, w in after.items()}:
        raise ValueError(f"{tuned.name} has other weights than {base.name}, which its run names as its base")
    for name, weights in after.items():
        if weights.is_floating_point():
            weights.copy_(before[name] + scale * (weights - before[name]))
    return tuned
