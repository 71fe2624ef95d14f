"""Text towers of every kind that open_clip has, with a few thousand weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from metric.clip.load import new_clip
from metric.clip.model import Clip

VISION = {"image_size": 16, "patch_size": 8, "width": 16, "layers": 1, "head_width": 8}
TEXT = {"context_length": 12, "vocab_size": 300, "hf_tokenizer_name": "local", "width": 16, "heads": 2, "layers": 2}
PIXELS = {"mean": [0.5] * 3, "std": [0.25] * 3, "interpolation": "bicubic", "resize_mode": "shortest"}
TOWERS = {
    "clip": {},
    "custom": {"custom_text": True},
    # as SigLIP has it: every word sees every other, the last place speaks for the text
    "last": {"custom_text": True, "text_cfg": {"no_causal_mask": True, "pool_type": "last", "proj_bias": True}},
}


@pytest.fixture(params=TOWERS)
def any_clip(request, tmp_path: Path) -> Clip:
    return tiny(tmp_path, **TOWERS[request.param])


def tiny(folder: Path, custom_text: bool = False, text_cfg: dict | None = None, vision_cfg: dict | None = None) -> Clip:
    """An untrained CLIP that looks at 16 x 16 pixels and reads twelve tokens."""
    model = {"embed_dim": 16, "vision_cfg": VISION | (vision_cfg or {}), "text_cfg": TEXT | (text_cfg or {})}
    whole = {"model_cfg": model | ({"custom_text": True} if custom_text else {}), "preprocess_cfg": PIXELS}
    (folder / "model.json").write_text(json.dumps(whole))
    torch.manual_seed(0)
    return new_clip(folder / "model.json", ["a red ball on the beach", "two dogs run in the snow"])


@pytest.fixture
def tiny_clip(tmp_path: Path) -> Clip:
    return tiny(tmp_path)
