"""Models without trained weights: on the meta device of PyTorch, where tensors hold no numbers, or with random ones.

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
from captioner.training.opening import untrained
from metric.clip.model import Clip


class Outline(Clip):
    """A CLIP without trained weights. Texts become tokens 0, since a count of FLOPs needs no words."""

    def encode_text(self, texts: list[str]) -> Tensor:
        tokens = torch.zeros(len(texts), self.model.context_length, dtype=torch.long, device=self.device)
        return F.normalize(self.model.encode_text(tokens), dim=-1)

    def pixels(self, n: int) -> Tensor:
        """Empty pictures, `n c h w`."""
        return self.preprocess(None).expand(n, -1, -1, -1).to(self.device)  # type: ignore[arg-type]


def exists(name: str) -> bool:
    """Whether open_clip has weights called `name`, as ARCH:TAG."""
    architecture, _, tag = name.partition(":")
    return architecture in open_clip.list_models() and tag in open_clip.list_pretrained_tags_by_model(architecture)


def outline(name: str, device: str = "meta") -> Outline:
    """The outline of ARCH:TAG. Each call makes a new one, since LoRA changes a model in place."""
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
    """The shape `p f` of the features of a picture."""
    clip = outline(name)
    _, p, f = grid_features(clip, clip.pixels(1)).shape
    return p, f


words = lru_cache(Vocabulary.clip)


def captioner_outline(clip: str, model: Model, max_length: int, device: str = "meta") -> Captioner:
    """A captioner of the sizes of `model` over the features of a CLIP, with the vocabulary of CLIP."""
    _, f = feature_shape(clip)
    with torch.device(device):
        return untrained(model, words(), f, max_length, clip, "")
