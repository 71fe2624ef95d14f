"""Models without their weights: on PyTorch's meta device, where tensors have no numbers, or with random ones.

Axes: n pictures or texts, c h w pixels, p patches, f features.
"""

from __future__ import annotations

from functools import lru_cache

import open_clip
import torch
from torch import Tensor
from torch.nn import functional as F

from captioner.config import Model
from captioner.features.store import grid_features
from captioner.model.encoder_decoder import Captioner
from captioner.model.vocabulary import Vocabulary
from captioner.training.session import untrained
from metric.clip.model import Clip


class Outline(Clip):
    """A CLIP without weights, whose tokens cannot be looked at either."""

    def encode_text(self, texts: list[str]) -> Tensor:
        tokens = torch.zeros(len(texts), self.model.context_length, dtype=torch.long, device=self.device)
        return F.normalize(self.model.encode_text(tokens), dim=-1)

    def pixels(self, n: int) -> Tensor:
        """`n c h w`"""
        return self.preprocess(None).expand(n, -1, -1, -1).to(self.device)  # type: ignore[arg-type]


def exists(name: str) -> bool:
    """Whether open_clip has weights of that name."""
    architecture, _, tag = name.partition(":")
    return architecture in open_clip.list_models() and tag in open_clip.list_pretrained_tags_by_model(architecture)


def outline(name: str, device: str = "meta") -> Outline:
    """Of ARCH:TAG; a new one at each call, for what is put into it stays in it."""
    config = open_clip.get_model_config(name.partition(":")[0])
    kind = open_clip.CustomTextCLIP if config.get("custom_text") else open_clip.CLIP
    arguments = {key: value for key, value in config.items() if key != "custom_text"}
    with torch.device(device):
        model = kind(**arguments).eval().requires_grad_(False)
    size = model.visual.image_size
    height, width = size if isinstance(size, tuple) else (size, size)
    return Outline(
        name, model, lambda image: torch.zeros(3, height, width), lambda texts: torch.zeros(0), {"model_cfg": config}
    )


@lru_cache
def feature_shape(name: str) -> tuple[int, int]:
    """p and f of a picture."""
    clip = outline(name)
    _, p, f = grid_features(clip, clip.pixels(1)).shape
    return p, f


words = lru_cache(Vocabulary.clip)


def captioner_outline(clip: str, model: Model, max_length: int, device: str = "meta") -> Captioner:
    """Of those sizes, over that CLIP's features, with CLIP's vocabulary."""
    _, f = feature_shape(clip)
    with torch.device(device):
        return untrained(model, words(), f, max_length, clip, "")
